//! Keys of any type: deletion, deadlines, names, iteration.

mod copy;
mod delete;
mod dump;
mod expire;
mod flush;
mod inspect;
mod rename;
mod scan;
mod sort;
mod swapdb;
mod ttl;

use crate::command::{DataCommand, VisitCommand};

pub(super) const FAMILY: &[&[DataCommand]] = &[
    copy::COMMANDS,
    delete::COMMANDS,
    dump::COMMANDS,
    expire::COMMANDS,
    flush::COMMANDS,
    inspect::COMMANDS,
    rename::COMMANDS,
    sort::COMMANDS,
    swapdb::COMMANDS,
    ttl::COMMANDS,
];
pub(super) const VISITS: &[&[VisitCommand]] = &[scan::VISITS];
