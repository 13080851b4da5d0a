//! COMMAND: what the server can do, for clients and their tools.

mod describe;
mod docs;
mod keys;
mod list;
mod syntax;

use engine::command::{Args, Arity, Categories, CommandResult, Flags, Group, Outcome, Reply, Spec};

use super::context::Context;
use super::help;
use super::row::ServerCommand;

pub(super) const FAMILY: &[&[ServerCommand]] = &[
    &[
        ServerCommand {
            spec: row("COMMAND", Arity::AtLeast(1))
                .doc("2.8.13", "O(N), N being the number of commands.", "Describes all commands.")
                .tips(&["nondeterministic_output_order"]),
            run: describe::all,
        },
        ServerCommand {
            spec: row("COMMAND|COUNT", Arity::Exactly(2)).doc(
                "2.8.13",
                "O(1)",
                "Returns how many commands there are.",
            ),
            run: count,
        },
    ],
    describe::COMMANDS,
    docs::COMMANDS,
    list::COMMANDS,
    keys::COMMANDS,
    &[help_row()],
];

const fn row(name: &'static str, arity: Arity) -> Spec {
    Spec::plain(name, arity)
        .group(Group::Server)
        .categories(Categories::CONNECTION)
        .flags(Flags::LOADING.union(Flags::STALE))
}

const fn help_row() -> ServerCommand {
    let mut help = help::row("COMMAND|HELP", Group::Server, "5.0.0");
    help.spec = help.spec.categories(Categories::CONNECTION);
    help
}

fn count(context: &mut Context<'_>, _: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    reply.count(context.catalogue.len());
    Ok(Outcome::Done)
}

/// A name as clients see it.
fn shown(name: &str) -> String {
    name.to_ascii_lowercase()
}
