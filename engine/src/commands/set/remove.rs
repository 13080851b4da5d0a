//! Fewer members: SREM.

use crate::command::effect::{Event, words};
use crate::command::{
    Args, Arity, CommandResult, DataCommand, Exec, Flags, Group, KeyAccess, KeySpec, Keys, Outcome, Reply,
    Spec,
};
use crate::types::set::Set;

pub(super) const COMMANDS: &[DataCommand] = &[DataCommand {
    spec: Spec::write("SREM", Arity::AtLeast(3), Keys::new(&[KeySpec::one(1, KeyAccess::UPDATE_DELETE)]))
        .element(2)
        .group(Group::Set)
        .flags(Flags::FAST)
        .syntax("key member [member ...]")
        .doc(
            "1.0.0",
            "O(log S) for each member, S being the size of the set.",
            "Removes members from a set; a set without members is deleted.",
        ),
    run: srem,
}];

fn srem(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let key = args.key()?;
    let members = args.rest();
    let mut opened = exec.collection_to_write::<Set>(&key)?;
    let heap = exec.heap_mut(&key);
    let mut removed = 0;
    for member in members {
        removed += usize::from(opened.value.remove(heap, member)?);
    }
    if removed > 0 {
        exec.changed(&key, Event::set("srem"), || words(&[&[b"SREM", key.bytes], members].concat()));
        exec.store(&key, opened)?;
    }
    reply.count(removed);
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn the_last_member_takes_the_key_along() {
        check(
            "> SREM s a
             (integer) 0
             ! none
             > SADD s a b c
             (integer) 3
             > SREM s x
             (integer) 0
             ! none
             > SREM s a x a
             (integer) 1
             ! srem SREM s a x a
             > SREM s b c d
             (integer) 2
             ! srem SREM s b c d
             ! del
             > EXISTS s
             (integer) 0
             > SREM s
             (error) ERR wrong number of arguments for 'srem' command
             > SET k v
             OK
             > SREM k v
             (error) WRONGTYPE Operation against a key holding the wrong kind of value",
        );
    }
}
