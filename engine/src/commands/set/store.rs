//! Several sets made into one: SINTERSTORE, SUNIONSTORE, SDIFFSTORE.

use super::MEMBERS_PER_COMMAND;
use super::algebra::{DIFFERENCE_COST, INTERSECTION_COST, Operands, Operation, UNION_COST};
use crate::command::effect::{Event, words};
use crate::command::{
    Args, Arity, CommandResult, DataCommand, Error, Exec, Flags, Group, Key, KeyAccess, KeySpec, Keys,
    Outcome, Reply, Spec,
};
use crate::keyspace::del_words;
use crate::types::copies::Copies;
use crate::types::set::Set;

const SOURCES: KeySpec = KeySpec::range(2, -1, 1, KeyAccess::READ);
const UPDATED: Keys = Keys::new(&[KeySpec::one(1, KeyAccess::UPDATE), SOURCES]);
const OVERWRITTEN: Keys = Keys::new(&[KeySpec::one(1, KeyAccess::OVERWRITE), SOURCES]);

const fn row(name: &'static str, keys: Keys, cost: &'static str, summary: &'static str) -> Spec {
    Spec::write(name, Arity::AtLeast(3), keys)
        .group(Group::Set)
        .flags(Flags::DENYOOM)
        .syntax("destination key [key ...]")
        .doc("1.0.0", cost, summary)
}

pub(super) const COMMANDS: &[DataCommand] = &[
    DataCommand {
        spec: row(
            "SINTERSTORE",
            UPDATED,
            INTERSECTION_COST,
            "Stores the members that all of several sets have.",
        ),
        run: |exec, args, reply| store(exec, args, reply, Operation::Intersection, "sinterstore"),
    },
    DataCommand {
        spec: row("SUNIONSTORE", OVERWRITTEN, UNION_COST, "Stores the members that any of several sets has."),
        run: |exec, args, reply| store(exec, args, reply, Operation::Union, "sunionstore"),
    },
    DataCommand {
        spec: row(
            "SDIFFSTORE",
            OVERWRITTEN,
            DIFFERENCE_COST,
            "Stores the members of a set that no other of several sets has.",
        ),
        run: |exec, args, reply| store(exec, args, reply, Operation::Difference, "sdiffstore"),
    },
];

fn store(
    exec: &mut Exec<'_, '_>,
    args: &mut Args<'_>,
    reply: &mut dyn Reply,
    operation: Operation,
    event: &'static str,
) -> CommandResult {
    let target = args.key()?;
    let operands = Operands::read(exec, args)?;
    let members: Copies = operation.of(&operands.sources(exec)).into_iter().collect();
    let members = members.slices();
    put(exec, &target, &members, Event::set(event))?;
    reply.count(members.len());
    Ok(Outcome::Done)
}

/// Stores these members, each of which comes once, or deletes the key if there are none.
fn put(exec: &mut Exec<'_, '_>, target: &Key<'_>, members: &[&[u8]], event: Event) -> Result<(), Error> {
    let place = exec.place_to_write(target)?;
    if members.is_empty() {
        if let Some(place) = place {
            exec.remove(target, &place)?;
            exec.changed(target, Event::DEL, || del_words(target.bytes));
        }
        return Ok(());
    }
    let hasher = exec.element_hasher();
    let set = Set::build(exec.heap_mut(target), hasher, members)?;
    exec.replace(target, set)?;
    if place.is_some() {
        exec.repeat(target, || del_words(target.bytes));
    }
    let command = |members: &[&[u8]]| words(&[&[b"SADD", target.bytes], members].concat());
    let mut commands = members.chunks(MEMBERS_PER_COMMAND);
    let first = commands.next().unwrap_or_default();
    exec.changed(target, event, || command(first));
    commands.for_each(|members| exec.repeat(target, || command(members)));
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::{Session, check};

    #[test]
    fn results_replace_what_was_there() {
        check(
            "> SADD a 1 2 3
             (integer) 3
             > SADD b 2 3 4
             (integer) 3
             > SINTERSTORE to a b
             (integer) 2
             ! sinterstore SADD to 2 3
             > SMEMBERS to
             1) \"2\"
             2) \"3\"
             > PEXPIRE to 1000
             (integer) 1
             > SDIFFSTORE to a b
             (integer) 1
             ! - DEL to
             ! sdiffstore SADD to 1
             > PTTL to
             (integer) -1
             > SUNIONSTORE to a
             (integer) 3
             > SMEMBERS to
             1) \"1\"
             2) \"2\"
             3) \"3\"
             > SET to text
             OK
             > SUNIONSTORE to nothing b
             (integer) 3
             > TYPE to
             set
             > SDIFFSTORE a a b
             (integer) 1
             ! - DEL a
             ! sdiffstore SADD a 1
             > SMEMBERS a
             1) \"1\"",
        );
    }

    #[test]
    fn an_empty_result_deletes() {
        check(
            "> SINTERSTORE to a b
             (integer) 0
             ! none
             > SET to text
             OK
             > SUNIONSTORE to nothing
             (integer) 0
             ! del DEL to
             > EXISTS to
             (integer) 0
             > SADD to x
             (integer) 1
             > SDIFFSTORE to to to
             (integer) 0
             ! del DEL to
             > EXISTS to
             (integer) 0",
        );
    }

    #[test]
    fn sources_are_sets() {
        check(
            "> SET k v
             OK
             > SADD to x
             (integer) 1
             > SINTERSTORE to nothing k
             (error) WRONGTYPE Operation against a key holding the wrong kind of value
             > SUNIONSTORE to to k
             (error) WRONGTYPE Operation against a key holding the wrong kind of value
             > SDIFFSTORE to k
             (error) WRONGTYPE Operation against a key holding the wrong kind of value
             > SMEMBERS to
             1) \"x\"
             > SINTERSTORE to
             (error) ERR wrong number of arguments for 'sinterstore' command",
        );
    }

    #[test]
    fn the_encoding_follows_the_members() {
        check(
            "> SADD a 1 2 x
             (integer) 3
             > SADD b 1 2
             (integer) 2
             > SINTERSTORE to a b
             (integer) 2
             > OBJECT ENCODING to
             \"intset\"
             > SUNIONSTORE to a b
             (integer) 3
             > OBJECT ENCODING to
             \"hashtable\"",
        );
    }

    #[test]
    fn long_results_are_repeated_in_pieces() {
        let mut session = Session::new(1);
        for number in 0..3000 {
            session.run(&format!("SADD a {number}"));
        }
        session.take_effects();
        assert_eq!(session.run("SUNIONSTORE to a a"), "(integer) 3000");
        let effects = session.take_effects();
        assert_eq!(
            effects.iter().map(|effect| effect.command.len() - 2).collect::<Vec<_>>(),
            [1024, 1024, 952]
        );
        let mut replica = Session::new(1);
        replica.repeat(0, &effects);
        assert_eq!(replica.run("SMEMBERS to"), session.run("SMEMBERS to"));
        session.verify();
    }
}
