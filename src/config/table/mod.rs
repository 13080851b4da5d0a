//! The table of settings: one row each, in files by topic.
//!
//! A new setting is one row. If the program reads it while it runs, the row also says which field of
//! [`Settings`](super::Settings) it fills.

mod clients;
mod cluster;
mod collections;
mod durability;
mod memory;
mod observe;
mod replication;
mod security;
mod server;
mod tls;

use std::collections::HashMap;
use std::sync::OnceLock;

use super::setting::Setting;

/// Bounds of a C `int` that may not be negative.
const COUNT: (i128, i128) = (0, i32::MAX as i128);
/// The same without zero.
const POSITIVE: (i128, i128) = (1, i32::MAX as i128);
/// Bounds of a 64-bit number that may not be negative.
const LARGE: (i128, i128) = (0, i64::MAX as i128);
/// Bounds of a TCP port.
const PORT: (i128, i128) = (0, u16::MAX as i128);
/// Bounds of an amount of memory.
const BYTES: (u64, u64) = (0, i64::MAX as u64);

/// The rows by topic.
const TOPICS: [(&str, &[Setting]); 10] = [
    ("The process", server::ROWS),
    ("Clients", clients::ROWS),
    ("Security", security::ROWS),
    ("Memory", memory::ROWS),
    ("Collections", collections::ROWS),
    ("Snapshots and log of writes", durability::ROWS),
    ("Replication", replication::ROWS),
    ("Cluster", cluster::ROWS),
    ("TLS", tls::ROWS),
    ("Logs and measurements", observe::ROWS),
];

/// All rows, in the order CONFIG GET lists them.
pub(super) fn all() -> impl ExactSizeIterator<Item = &'static Setting> + Clone {
    index().rows.iter().copied()
}

/// A row by its place in [`all`].
pub(super) fn row(place: usize) -> &'static Setting {
    index().rows[place]
}

/// The place of the setting called `name`, in any case, by its name or its alias.
pub(super) fn find(name: &[u8]) -> Option<usize> {
    let name = std::str::from_utf8(name).ok()?.to_ascii_lowercase();
    index().places.get(name.as_str()).copied()
}

struct Index {
    rows: Vec<&'static Setting>,
    places: HashMap<&'static str, usize>,
}

fn index() -> &'static Index {
    static INDEX: OnceLock<Index> = OnceLock::new();
    INDEX.get_or_init(|| {
        let rows: Vec<&Setting> = TOPICS.into_iter().flat_map(|(_, rows)| rows).collect();
        let names = rows.iter().enumerate();
        let places = names.flat_map(|(place, row)| {
            [Some(row.name), row.alias].into_iter().flatten().map(move |name| (name, place))
        });
        Index { places: places.collect(), rows }
    })
}

#[cfg(test)]
mod page;
#[cfg(test)]
mod tests;
