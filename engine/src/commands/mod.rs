//! The data commands: a folder per family, a file per group of kin. Only this table knows them all.

mod hash;
mod keys;
mod string;

use crate::command::{DataCommand, VisitCommand};

/// Every command on keys.
pub fn data_commands() -> impl Iterator<Item = &'static DataCommand> {
    string::FAMILY.iter().chain(hash::FAMILY).chain(keys::FAMILY).copied().flatten()
}

/// Every command that visits all shards.
pub fn visit_commands() -> impl Iterator<Item = &'static VisitCommand> {
    keys::VISITS.iter().copied().flatten()
}
