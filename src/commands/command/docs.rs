//! COMMAND DOCS: the manual, for command lines that complete and explain.

use engine::command::{Args, Arity, CommandResult, Outcome, Reply, Spec};

use super::describe::statuses;
use super::syntax::{Argument, Kind, arguments};
use super::{row, shown};
use crate::commands::context::Context;
use crate::commands::row::ServerCommand;

pub(super) const COMMANDS: &[ServerCommand] = &[ServerCommand {
    spec: row("COMMAND|DOCS", Arity::AtLeast(2))
        .syntax("[command-name [command-name ...]]")
        .doc("7.0.0", "O(N), N being the number of commands asked for.", "Explains some commands, or all.")
        .tips(&["nondeterministic_output_order"]),
    run: docs,
}];

fn docs(context: &mut Context<'_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let catalogue = context.catalogue;
    let found: Vec<(&Spec, &[&'static Spec])> = if args.is_empty() {
        catalogue.iter().map(|listing| (listing.spec, &*listing.subcommands)).collect()
    } else {
        let find = |name: &&[u8]| match catalogue.find(name) {
            Some(listing) => Some((listing.spec, &*listing.subcommands)),
            None => catalogue.find_full(name).map(|spec| (spec, &[][..])),
        };
        args.rest().iter().filter_map(find).collect()
    };
    reply.map(found.len());
    for (spec, subcommands) in found {
        explain(reply, spec, subcommands);
    }
    Ok(Outcome::Done)
}

fn explain(reply: &mut dyn Reply, spec: &Spec, subcommands: &[&'static Spec]) {
    let texts = [
        ("summary", spec.summary),
        ("since", spec.since),
        ("group", spec.group.name()),
        ("complexity", spec.complexity),
    ];
    let arguments = arguments(spec);
    let fields = texts.len()
        + if spec.deprecated.is_some() { 2 } else { 0 }
        + usize::from(spec.deprecated.is_some() || spec.is_internal)
        + usize::from(!arguments.is_empty())
        + usize::from(!subcommands.is_empty());
    reply.bulk(shown(spec.name).as_bytes());
    reply.map(fields);
    texts.iter().for_each(|(name, text)| field(reply, name, text));
    let flags = [(spec.deprecated.is_some(), "deprecated"), (spec.is_internal, "syscmd")];
    let flags: Vec<String> =
        flags.iter().filter(|(is_set, _)| *is_set).map(|(_, name)| (*name).to_owned()).collect();
    if !flags.is_empty() {
        reply.bulk(b"doc_flags");
        statuses(reply, flags.into_iter());
    }
    if let Some((since, replaced_by)) = spec.deprecated {
        field(reply, "deprecated_since", since);
        field(reply, "replaced_by", replaced_by);
    }
    if !arguments.is_empty() {
        reply.bulk(b"arguments");
        explain_all(reply, &arguments);
    }
    if !subcommands.is_empty() {
        reply.bulk(b"subcommands");
        reply.map(subcommands.len());
        subcommands.iter().for_each(|spec| explain(reply, spec, &[]));
    }
}

fn field(reply: &mut dyn Reply, name: &str, text: &str) {
    reply.bulk(name.as_bytes());
    reply.bulk(text.as_bytes());
}

fn explain_all(reply: &mut dyn Reply, arguments: &[Argument]) {
    reply.array(arguments.len());
    arguments.iter().for_each(|argument| explain_argument(reply, argument));
}

fn explain_argument(reply: &mut dyn Reply, argument: &Argument) {
    let flags = [
        (argument.is_optional, "optional"),
        (argument.is_multiple, "multiple"),
        (argument.repeats_token, "multiple_token"),
    ];
    let flags: Vec<String> =
        flags.iter().filter(|(is_set, _)| *is_set).map(|(_, name)| (*name).to_owned()).collect();
    let (kind, inner) = match &argument.kind {
        Kind::Value(kind) => (*kind, None),
        Kind::PureToken => ("pure-token", None),
        Kind::OneOf(inner) => ("oneof", Some(inner)),
        Kind::Block(inner) => ("block", Some(inner)),
    };
    let is_value = matches!(argument.kind, Kind::Value(_));
    let fields = 2
        + usize::from(is_value)
        + usize::from(argument.key_spec.is_some())
        + usize::from(argument.token.is_some())
        + usize::from(!flags.is_empty())
        + usize::from(inner.is_some());
    reply.map(fields);
    field(reply, "name", &argument.name);
    field(reply, "type", kind);
    if is_value {
        field(reply, "display_text", &argument.name);
    }
    if let Some(nth) = argument.key_spec {
        reply.bulk(b"key_spec_index");
        reply.count(nth);
    }
    if let Some(token) = argument.token {
        field(reply, "token", token);
    }
    if !flags.is_empty() {
        reply.bulk(b"flags");
        statuses(reply, flags.into_iter());
    }
    if let Some(inner) = inner {
        reply.bulk(b"arguments");
        explain_all(reply, inner);
    }
}

#[cfg(test)]
mod tests {
    use crate::commands::tests::{Rig, check};
    use crate::dispatch::Table;

    #[test]
    fn a_command_is_explained() {
        check(
            r#"
            > HELLO 3
            ~
            ~
            ~
            ~
            ~
            ~
            ~
            > COMMAND DOCS nope getset
            1# "getset" => 1# "summary" => "Returns the previous string value of a key after setting it to a new value."
            2# "since" => "1.0.0"
            3# "group" => "string"
            4# "complexity" => "O(1)"
            5# "doc_flags" => 1~ deprecated
            6# "deprecated_since" => "6.2.0"
            ~ 7# "replaced_by" => "`SET`
            8# "arguments" => 1) 1# "name" => "key"
            2# "type" => "key"
            3# "display_text" => "key"
            4# "key_spec_index" => (integer) 0
            2) 1# "name" => "value"
            2# "type" => "string"
            3# "display_text" => "value"
            > COMMAND DOCS command|count
            1# "command|count" => 1# "summary" => "Returns how many commands there are."
            2# "since" => "2.8.13"
            3# "group" => "server"
            4# "complexity" => "O(1)"
            > COMMAND DOCS nope
            (empty hash)
            "#,
        );
    }

    #[test]
    fn every_row_is_explained() {
        let mut rig = Rig::new(&[]);
        let all = rig.run("COMMAND DOCS");
        for row in Table::get().rows() {
            assert!(
                all.contains(&format!("\"{}\"", row.spec.name.to_ascii_lowercase())),
                "{}",
                row.spec.name
            );
            assert!(!row.spec.summary.is_empty() && !row.spec.since.is_empty(), "{}", row.spec.name);
        }
    }
}
