//! HELP of commands that have subcommands, made from their rows.

use engine::command::{Args, Arity, CommandResult, Flags, Group, Outcome, Reply, Spec};

use super::context::Context;
use super::row::ServerCommand;

/// The row `PARENT|HELP`.
pub(super) const fn row(name: &'static str, group: Group, since: &'static str) -> ServerCommand {
    ServerCommand {
        spec: Spec::plain(name, Arity::Exactly(2))
            .group(group)
            .flags(Flags::LOADING.union(Flags::STALE))
            .doc(since, "O(1)", "Tells about the subcommands."),
        run: help,
    }
}

fn help(context: &mut Context<'_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let listing = context.catalogue.find(args.words()[0]).expect("the parent of the row that runs");
    let mut entries = Vec::new();
    if listing.spec.arity.admits(1) {
        entries.push(("(no subcommand)".to_owned(), listing.spec.summary));
    }
    let mut subcommands = listing.subcommands.clone();
    // HELP comes last.
    subcommands.sort_by_key(|spec| (spec.name.ends_with("|HELP"), spec.name));
    entries.extend(subcommands.iter().map(|spec| (usage(spec), spec.summary)));
    write(reply, listing.spec.name, &entries);
    Ok(Outcome::Done)
}

/// The subcommand with its arguments.
fn usage(spec: &Spec) -> String {
    let word = spec.name.split('|').next_back().unwrap_or_default();
    format!("{word} {}", spec.syntax).trim_end().to_owned()
}

/// Two lines for each entry: how it is written, and what it does.
pub(super) fn write(reply: &mut dyn Reply, name: &str, entries: &[(String, &str)]) {
    reply.array(1 + 2 * entries.len());
    reply.status(&format!("{name} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"));
    for (usage, summary) in entries {
        reply.status(usage);
        reply.status(&format!("    {summary}"));
    }
}

#[cfg(test)]
mod tests {
    use crate::commands::tests::check;

    #[test]
    fn help_names_every_subcommand_with_its_arguments() {
        check(
            r#"
            > CONFIG HELP
            ~ CONFIG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:
            ~ GET parameter [parameter ...]
            ~
            ~ RESETSTAT
            ~
            ~ REWRITE
            ~
            ~ SET parameter value [parameter value ...]
            ~
            ~ HELP
            ~ Tells about the subcommands.
            > COMMAND HELP x
            (error) ERR wrong number of arguments for 'command|help' command
            "#,
        );
    }
}
