//! How many members: SCARD.

use crate::command::{
    Args, Arity, CommandResult, DataCommand, Exec, Flags, Group, Keys, Outcome, Reply, Spec,
};
use crate::types::collection::Collection;
use crate::types::set::Set;

pub(super) const COMMANDS: &[DataCommand] = &[DataCommand {
    spec: Spec::read("SCARD", Arity::Exactly(2), Keys::ONE_LOOK)
        .group(Group::Set)
        .flags(Flags::FAST)
        .syntax("key")
        .doc("1.0.0", "O(1)", "Returns the number of members of a set."),
    run: scard,
}];

fn scard(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let set = exec.read_collection::<Set>(&args.key()?)?;
    reply.count(set.map_or(0, |set| set.len()));
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn a_set_that_is_not_there_is_empty() {
        check(
            "> SCARD s
             (integer) 0
             > SADD s a b
             (integer) 2
             > SCARD s
             (integer) 2
             ! none
             > SCARD s s
             (error) ERR wrong number of arguments for 'scard' command
             > SET k v
             OK
             > SCARD k
             (error) WRONGTYPE Operation against a key holding the wrong kind of value",
        );
    }
}
