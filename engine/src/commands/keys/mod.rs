//! Keys of any type: deletion, deadlines, names, iteration.

mod copy;
mod delete;
mod expire;
mod flush;
mod inspect;
mod rename;
mod scan;
mod swapdb;
mod ttl;

pub(super) use self::scan::parse_cursor;
use crate::command::{DataCommand, VisitCommand};

pub(super) const FAMILY: &[&[DataCommand]] = &[
    copy::COMMANDS,
    delete::COMMANDS,
    expire::COMMANDS,
    flush::COMMANDS,
    inspect::COMMANDS,
    rename::COMMANDS,
    swapdb::COMMANDS,
    ttl::COMMANDS,
];
pub(super) const VISITS: &[&[VisitCommand]] = &[scan::VISITS];
