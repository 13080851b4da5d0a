//! How many elements: PFCOUNT.

use super::form_of;
use crate::command::effect::words;
use crate::command::{
    Args, Arity, CommandResult, DataCommand, Error, Exec, Group, Key, KeyAccess, KeySpec, Keys, Outcome,
    Reply, Spec,
};
use crate::types::hyperloglog::{self, ESTIMATE_AT, Union};

const ALL_COUNTED: Keys = Keys::new(&[KeySpec::range(1, -1, 1, KeyAccess::COUNT)
    .notes("RW because it may change the internal representation of the key, and propagate to replicas")]);

pub(super) const COMMANDS: &[DataCommand] = &[DataCommand {
    spec: Spec::read("PFCOUNT", Arity::AtLeast(2), ALL_COUNTED)
        .group(Group::HyperLogLog)
        .syntax("key [key ...]")
        .doc(
            "2.8.9",
            "O(1) with a very small average constant time when called with a single key. O(N) with N being the \
             number of keys, and much bigger constant times, when called with multiple keys.",
            "Returns the approximated cardinality of the set(s) observed by the HyperLogLog key(s).",
        ),
    run: pfcount,
}];

fn pfcount(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let estimate = match args.left() {
        1 => estimate_of_one(exec, &args.key()?)?,
        _ => estimate_of_all(exec, args)?,
    };
    reply.integer(estimate.cast_signed());
    Ok(Outcome::Done)
}

/// The estimate that is kept; one that is out of date is made anew and kept.
fn estimate_of_one(exec: &mut Exec<'_, '_>, key: &Key<'_>) -> Result<u64, Error> {
    let Some(place) = exec.string_to_read(key)? else { return Ok(0) };
    let form = form_of(exec, key, &place)?;
    let value = exec.view(key, &place).string();
    if let Some(estimate) = hyperloglog::kept_estimate(value.read(0)) {
        exec.mark_raw(key, &place)?;
        return Ok(estimate);
    }
    let estimate = hyperloglog::estimate(form, &value.contiguous())?;
    exec.write_string(key, Some(place), ESTIMATE_AT, &estimate.to_le_bytes())?;
    // Repeated later, it counts what is there then.
    exec.changed_silently(key, || words(&[b"PFCOUNT", key.bytes]));
    Ok(estimate)
}

fn estimate_of_all(exec: &mut Exec<'_, '_>, args: &mut Args<'_>) -> Result<u64, Error> {
    let mut union = Union::default();
    while !args.is_empty() {
        let key = args.key()?;
        let Some(place) = exec.string_to_read(&key)? else { continue };
        let form = form_of(exec, &key, &place)?;
        union.add(form, &exec.view(&key, &place).string().contiguous())?;
    }
    Ok(union.estimate())
}

#[cfg(test)]
mod tests {
    use crate::testing::{Session, check};

    #[test]
    fn estimates_are_kept() {
        check(
            r#"> PFADD k a b c
             (integer) 1
             > PFCOUNT k
             (integer) 3
             ! - PFCOUNT k
             > PFCOUNT k
             (integer) 3
             ! none
             > GETRANGE k 0 15
             "HYLL\x01\x00\x00\x00\x03\x00\x00\x00\x00\x00\x00\x00"
             > PFADD k a
             (integer) 0
             > PFCOUNT k
             (integer) 3
             ! none
             > PFADD k d
             (integer) 1
             > PFCOUNT k
             (integer) 4
             ! - PFCOUNT k
             > PFCOUNT nothing
             (integer) 0"#,
        );
    }

    #[test]
    fn several_are_counted_together() {
        check(
            "> PFADD a foo bar zap
             (integer) 1
             > PFADD b bar zap 1
             (integer) 1
             > PFADD c 1 2 3 foo
             (integer) 1
             > PFDEBUG TODENSE c
             (integer) 1
             > PFCOUNT a b c nothing
             (integer) 6
             ! none
             > PFCOUNT a a
             (integer) 3
             > SET s x
             OK
             > PFCOUNT a s
             (error) WRONGTYPE Key is not a valid HyperLogLog string value.",
        );
    }

    #[test]
    fn many_elements() {
        let mut session = Session::new(1);
        for number in 0..20_000 {
            session.call(&[b"PFADD", b"k", format!("element:{number}").as_bytes()]);
        }
        session.check(
            "> PFCOUNT k
             (integer) 19986
             > PFDEBUG ENCODING k
             dense",
        );
    }
}
