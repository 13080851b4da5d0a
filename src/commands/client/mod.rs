//! CLIENT: what is known about connections, and what they want of the server.

mod filter;
mod kill;
mod list;
mod modes;
pub(super) mod name;

use engine::command::{Arity, Flags, Group, Spec};

use super::help;
use super::row::ServerCommand;

pub(super) const FAMILY: &[&[ServerCommand]] = &[
    name::COMMANDS,
    list::COMMANDS,
    kill::COMMANDS,
    modes::COMMANDS,
    &[help::row("CLIENT|HELP", Group::Connection, "5.0.0")],
];

/// A row about the connection that calls.
const fn own(name: &'static str, arity: Arity) -> Spec {
    Spec::plain(name, arity)
        .group(Group::Connection)
        .flags(Flags::NOSCRIPT.union(Flags::LOADING).union(Flags::STALE))
}

/// A row about all connections.
const fn all(name: &'static str, arity: Arity) -> Spec {
    own(name, arity).flags(Flags::ADMIN)
}
