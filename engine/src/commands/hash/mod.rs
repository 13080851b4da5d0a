//! Hashes: fields with values, and deadlines of fields.

mod counter;
mod delete;
mod expire;
mod fields;
mod get;
mod lifetime;
mod random;
mod scan;
mod set;
mod size;
#[cfg(test)]
mod tests;
mod ttl;

use crate::command::DataCommand;

pub(super) const FAMILY: &[&[DataCommand]] = &[
    counter::COMMANDS,
    delete::COMMANDS,
    expire::COMMANDS,
    get::COMMANDS,
    lifetime::COMMANDS,
    random::COMMANDS,
    scan::COMMANDS,
    set::COMMANDS,
    size::COMMANDS,
    ttl::COMMANDS,
];
