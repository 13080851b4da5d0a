//! From one set to another: SMOVE.

use crate::command::effect::{Event, words};
use crate::command::{
    Args, Arity, CommandResult, DataCommand, Exec, Flags, Group, KeyAccess, KeySpec, Keys, Outcome, Reply,
    Spec,
};
use crate::types::set::Set;

pub(super) const COMMANDS: &[DataCommand] = &[DataCommand {
    spec: Spec::write(
        "SMOVE",
        Arity::Exactly(4),
        Keys::new(&[KeySpec::one(1, KeyAccess::READ_DELETE), KeySpec::one(2, KeyAccess::APPEND)]),
    )
    .group(Group::Set)
    .flags(Flags::FAST)
    .syntax("source destination member")
    .doc(
        "1.0.0",
        "O(log S), S being the size of the larger set.",
        "Moves a member from one set to another.",
    ),
    run: smove,
}];

fn smove(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let (from, to, member) = (args.key()?, args.key()?, args.word()?);
    // First: looking deletes what has expired, and then places from before are no good.
    exec.place_to_write(&to)?;
    let mut source = exec.collection_to_write::<Set>(&from)?;
    if !source.exists() {
        reply.integer(0);
        return Ok(Outcome::Done);
    }
    let target = exec.collection_to_write::<Set>(&to)?;
    let has = source.value.contains(exec.heap(&from), member, None);
    let is_new = !target.value.contains(exec.heap(&to), member, None);
    if has && from.bytes != to.bytes {
        source.value.remove(exec.heap_mut(&from), member)?;
        exec.changed(&from, Event::set("srem"), || words(&[b"SREM", from.bytes, member]));
        exec.store(&from, source)?;
        if is_new {
            // Its place may be another now.
            let mut target = exec.collection_to_write::<Set>(&to)?;
            target.value.add(exec.heap_mut(&to), member, None)?;
            exec.changed(&to, Event::set("sadd"), || words(&[b"SADD", to.bytes, member]));
            exec.store(&to, target)?;
        }
    }
    reply.integer(i64::from(has));
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn a_member_changes_sides() {
        check(
            "> SADD from a b
             (integer) 2
             > SMOVE from to a
             (integer) 1
             ! srem SREM from a
             ! sadd SADD to a
             > SMOVE from to a
             (integer) 0
             ! none
             > SADD to b
             (integer) 1
             > SMOVE from to b
             (integer) 1
             ! srem SREM from b
             ! del
             > EXISTS from
             (integer) 0
             > SMEMBERS to
             1) \"a\"
             2) \"b\"
             > SMOVE to to a
             (integer) 1
             ! none
             > SMOVE to to c
             (integer) 0
             ! none
             > SMOVE nothing to a
             (integer) 0
             ! none",
        );
    }

    #[test]
    fn both_keys_hold_sets_or_nothing() {
        check(
            "> SET k v
             OK
             > SADD s a
             (integer) 1
             > SMOVE k s a
             (error) WRONGTYPE Operation against a key holding the wrong kind of value
             > SMOVE s k a
             (error) WRONGTYPE Operation against a key holding the wrong kind of value
             > SMOVE s k x
             (error) WRONGTYPE Operation against a key holding the wrong kind of value
             > SMOVE nothing k a
             (integer) 0
             > SMOVE k nothing a
             (error) WRONGTYPE Operation against a key holding the wrong kind of value
             > SMOVE k k a
             (error) WRONGTYPE Operation against a key holding the wrong kind of value
             > SMOVE s t
             (error) ERR wrong number of arguments for 'smove' command
             > SCARD s
             (integer) 1",
        );
    }

    #[test]
    fn what_has_expired_is_not_there() {
        check(
            "> SADD from a
             (integer) 1
             > SADD to z
             (integer) 1
             > PEXPIRE to 10
             (integer) 1
             ... 10 ms
             > SMOVE from to a
             (integer) 1
             > SMEMBERS to
             1) \"a\"
             > PTTL to
             (integer) -1",
        );
    }
}
