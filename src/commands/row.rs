//! The row of a command that needs no shard.

use engine::command::{Args, CommandResult, Reply, Spec};

use super::context::Context;

/// A handler. Runs on the worker of the client's connection, after everything that the client asked before
/// is answered. It either writes one reply and returns, or leaves work with [`Context::later`] and writes
/// nothing.
pub type ServerHandler = fn(&mut Context<'_>, &mut Args<'_>, &mut dyn Reply) -> CommandResult;

/// A connection or server command: its row and its handler. A subcommand is a row of its own, named
/// `PARENT|CHILD`; its arguments begin after both words.
#[derive(Clone, Copy)]
pub struct ServerCommand {
    pub spec: Spec,
    pub run: ServerHandler,
}
