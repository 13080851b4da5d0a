//! Strings.

mod counter;
mod get;
mod lcs;
mod range;
mod set;
mod set_many;
mod take;

use crate::command::DataCommand;

pub(super) const FAMILY: &[&[DataCommand]] = &[
    counter::COMMANDS,
    get::COMMANDS,
    lcs::COMMANDS,
    range::COMMANDS,
    set::COMMANDS,
    set_many::COMMANDS,
    take::COMMANDS,
];
