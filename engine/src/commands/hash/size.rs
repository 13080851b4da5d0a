//! How much there is: HLEN, HSTRLEN, HEXISTS.

use crate::command::{
    Args, Arity, CommandResult, DataCommand, Exec, Flags, Group, Keys, Outcome, Reply, Spec,
};
use crate::types::collection::Collection;
use crate::types::hash::Hash;

const fn row(name: &'static str, words: u8) -> Spec {
    Spec::read(name, Arity::Exactly(words), Keys::ONE_LOOK).group(Group::Hash).flags(Flags::FAST)
}

const COST: &str = "O(log N), N being the number of fields of the hash.";

pub(super) const COMMANDS: &[DataCommand] = &[
    DataCommand {
        spec: row("HLEN", 2).syntax("key").doc("2.0.0", "O(1)", "Returns the number of fields of a hash."),
        run: hlen,
    },
    DataCommand {
        spec: row("HSTRLEN", 3).element(2).syntax("key field").doc(
            "3.2.0",
            COST,
            "Returns the length of the value of a field of a hash.",
        ),
        run: hstrlen,
    },
    DataCommand {
        spec: row("HEXISTS", 3).element(2).syntax("key field").doc(
            "2.0.0",
            COST,
            "Tells whether a hash has a field.",
        ),
        run: hexists,
    },
];

fn hlen(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let hash = exec.read_collection::<Hash>(&args.key()?)?;
    reply.count(hash.map_or(0, |hash| hash.len()));
    Ok(Outcome::Done)
}

fn hstrlen(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let (key, field) = (args.key()?, args.word()?);
    let hash = exec.read_collection::<Hash>(&key)?;
    let heap = exec.heap(&key);
    let found = hash.and_then(|hash| hash.get_hinted(heap, field, exec.hint()));
    reply.count(found.map_or(0, |found| found.value.len(heap)));
    Ok(Outcome::Done)
}

fn hexists(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let (key, field) = (args.key()?, args.word()?);
    let hash = exec.read_collection::<Hash>(&key)?;
    let found = hash.is_some_and(|hash| hash.get_hinted(exec.heap(&key), field, exec.hint()).is_some());
    reply.integer(i64::from(found));
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn sizes() {
        check(
            "> HSET h a 12345 b \"\"
             (integer) 2
             > HLEN h
             (integer) 2
             > HSTRLEN h a
             (integer) 5
             > HSTRLEN h b
             (integer) 0
             > HSTRLEN h c
             (integer) 0
             > HEXISTS h b
             (integer) 1
             > HEXISTS h c
             (integer) 0
             > HLEN nothing
             (integer) 0
             > HSTRLEN nothing a
             (integer) 0
             > HEXISTS nothing a
             (integer) 0
             > SET s v
             OK
             > HLEN s
             (error) WRONGTYPE Operation against a key holding the wrong kind of value
             > HSTRLEN s a
             (error) WRONGTYPE Operation against a key holding the wrong kind of value
             > HEXISTS s a
             (error) WRONGTYPE Operation against a key holding the wrong kind of value",
        );
    }

    #[test]
    fn fields_whose_deadline_has_passed_do_not_count() {
        check(
            "> HSET h a 1 b 2
             (integer) 2
             > HPEXPIRE h 5 FIELDS 1 a
             1) (integer) 1
             ... 5 ms
             > HLEN h
             (integer) 1
             ! hexpired HDEL h a
             > HEXISTS h a
             (integer) 0
             > HSTRLEN h a
             (integer) 0",
        );
    }
}
