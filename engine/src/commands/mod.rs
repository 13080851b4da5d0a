//! The data commands: a folder per family, a file per group of kin. Only this table knows them all.

mod bitmap;
mod hyperloglog;

mod keys;
mod list;
mod set;
mod stream;
mod string;

use crate::command::{DataCommand, VisitCommand};

/// Every command on keys.
pub fn data_commands() -> impl Iterator<Item = &'static DataCommand> {
    let families = [
        bitmap::FAMILY,
        hyperloglog::FAMILY,
        keys::FAMILY,
        list::FAMILY,
        set::FAMILY,
        stream::FAMILY,
        string::FAMILY,
    ];
    families.into_iter().flatten().copied().flatten()
}

/// Every command that visits all shards.
pub fn visit_commands() -> impl Iterator<Item = &'static VisitCommand> {
    keys::VISITS.iter().copied().flatten()
}
