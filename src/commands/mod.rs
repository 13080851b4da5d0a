//! Connection and server commands: those that need no shard. A file per group of kin; only this table
//! knows them all.

pub mod catalogue;
pub mod context;
pub mod node;
pub mod row;
pub mod survey;

mod client;
mod cluster;
mod command;
mod config;
mod connection;
mod debug;
mod hello;
mod help;
mod info;
mod latency;
mod memory;
mod process;
mod replication;
mod transaction;

#[cfg(test)]
mod tests;

use engine::command::{Categories, Group};

pub use catalogue::Catalogue;
pub use context::{Context, Later};
pub use node::Node;
pub use row::{ServerCommand, ServerHandler};
pub use survey::{ClientView, Fate, Survey, WorkerView};
pub use transaction::discarded_because_of;

const FAMILIES: &[&[&[ServerCommand]]] = &[
    &[
        cluster::COMMANDS,
        config::COMMANDS,
        connection::COMMANDS,
        debug::COMMANDS,
        hello::COMMANDS,
        info::COMMANDS,
        latency::COMMANDS,
        memory::COMMANDS,
        &[object_help()],
        &[help::row("XGROUP|HELP", Group::Stream, "5.0.0"), help::row("XINFO|HELP", Group::Stream, "5.0.0")],
        process::COMMANDS,
        replication::COMMANDS,
        transaction::COMMANDS,
    ],
    client::FAMILY,
    command::FAMILY,
];

/// OBJECT is a command on data but for this.
const fn object_help() -> ServerCommand {
    let mut help = help::row("OBJECT|HELP", Group::Generic, "6.2.0");
    help.spec = help.spec.categories(Categories::KEYSPACE);
    help
}

/// Every connection and server command.
pub fn server_commands() -> impl Iterator<Item = &'static ServerCommand> {
    FAMILIES.iter().copied().flatten().copied().flatten()
}
