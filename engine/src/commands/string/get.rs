//! Whole values out: GET, STRLEN.

use crate::command::{
    Args, Arity, CommandResult, DataCommand, Exec, Flags, Group, Keys, Outcome, Reply, Spec,
};

pub(super) const COMMANDS: &[DataCommand] = &[
    DataCommand {
        spec: Spec::read("GET", Arity::Exactly(2), Keys::ONE)
            .group(Group::String)
            .flags(Flags::FAST)
            .syntax("key")
            .doc("1.0.0", "O(1)", "Returns the string value of a key."),
        run: get,
    },
    DataCommand {
        spec: Spec::read("STRLEN", Arity::Exactly(2), Keys::ONE_LOOK)
            .group(Group::String)
            .flags(Flags::FAST)
            .syntax("key")
            .doc("2.2.0", "O(1)", "Returns the length of a string value."),
        run: strlen,
    },
];

fn get(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    match exec.read_string(&args.key()?)? {
        Some(value) => reply.string(value),
        None => reply.null(),
    }
    Ok(Outcome::Done)
}

fn strlen(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let len = exec.read_string(&args.key()?)?.map_or(0, |value| value.len());
    reply.count(len);
    Ok(Outcome::Done)
}
