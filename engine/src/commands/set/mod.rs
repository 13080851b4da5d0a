//! Sets.

mod add;
mod algebra;
mod members;
mod move_member;
mod pop;
mod random;
mod remove;
mod scan;
mod size;
mod store;

use crate::command::DataCommand;

pub(super) const FAMILY: &[&[DataCommand]] = &[
    add::COMMANDS,
    algebra::COMMANDS,
    members::COMMANDS,
    move_member::COMMANDS,
    pop::COMMANDS,
    random::COMMANDS,
    remove::COMMANDS,
    scan::COMMANDS,
    size::COMMANDS,
    store::COMMANDS,
];

/// Members that one canonical command names at most: who repeats it bounds the length of a command.
const MEMBERS_PER_COMMAND: usize = 1024;
