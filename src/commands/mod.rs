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
mod process;
mod replication;

#[cfg(test)]
mod tests;

pub use catalogue::Catalogue;
pub use context::{Context, Later};
pub use node::Node;
pub use row::{ServerCommand, ServerHandler};
pub use survey::{ClientView, Fate, Survey, WorkerView};

const FAMILIES: &[&[&[ServerCommand]]] = &[
    &[
        cluster::COMMANDS,
        config::COMMANDS,
        connection::COMMANDS,
        debug::COMMANDS,
        hello::COMMANDS,
        info::COMMANDS,
        process::COMMANDS,
        replication::COMMANDS,
    ],
    client::FAMILY,
    command::FAMILY,
];

/// Every connection and server command.
pub fn server_commands() -> impl Iterator<Item = &'static ServerCommand> {
    FAMILIES.iter().copied().flatten().copied().flatten()
}
