//! COMMAND and COMMAND INFO: each command as an array of ten.

use engine::command::keys::{Begin, Find};
use engine::command::{Args, Arity, CommandResult, KeySpec, Outcome, Reply, Spec};

use super::{row, shown};
use crate::commands::catalogue::Listing;
use crate::commands::context::Context;
use crate::commands::row::ServerCommand;

pub(super) const COMMANDS: &[ServerCommand] = &[ServerCommand {
    spec: row("COMMAND|INFO", Arity::AtLeast(2))
        .syntax("[command-name [command-name ...]]")
        .doc("2.8.13", "O(N), N being the number of commands asked for.", "Describes some commands, or all.")
        .tips(&["nondeterministic_output_order"]),
    run: info,
}];

pub(super) fn all(context: &mut Context<'_>, _: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    reply.array(context.catalogue.len());
    context.catalogue.iter().for_each(|listing| describe_with_subcommands(reply, listing));
    Ok(Outcome::Done)
}

fn info(context: &mut Context<'_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    if args.is_empty() {
        return all(context, args, reply);
    }
    reply.array(args.left());
    for name in args.rest() {
        match (context.catalogue.find(name), context.catalogue.find_full(name)) {
            (Some(listing), _) => describe_with_subcommands(reply, listing),
            (None, Some(spec)) => describe(reply, spec, &[]),
            (None, None) => reply.null(),
        }
    }
    Ok(Outcome::Done)
}

fn describe_with_subcommands(reply: &mut dyn Reply, listing: &Listing) {
    describe(reply, listing.spec, &listing.subcommands);
}

fn describe(reply: &mut dyn Reply, spec: &Spec, subcommands: &[&'static Spec]) {
    reply.array(10);
    reply.bulk(shown(spec.name).as_bytes());
    reply.integer(spec.arity.as_shown());
    statuses(reply, spec.flags.names().map(str::to_owned));
    let (first, last, step) = spec.keys.legacy_range();
    [first, last, step].into_iter().for_each(|number| reply.integer(number));
    statuses(reply, spec.all_categories().names().map(|name| format!("@{name}")));
    reply.set(spec.tips.len());
    spec.tips.iter().for_each(|tip| reply.bulk(tip.as_bytes()));
    reply.set(spec.keys.specs.len());
    spec.keys.specs.iter().for_each(|keys| describe_keys(reply, keys));
    if subcommands.is_empty() {
        reply.set(0);
    } else {
        reply.array(subcommands.len());
        subcommands.iter().for_each(|spec| describe(reply, spec, &[]));
    }
}

/// A set of simple strings.
pub(super) fn statuses(reply: &mut dyn Reply, names: impl Iterator<Item = String>) {
    let names: Vec<String> = names.collect();
    reply.set(names.len());
    names.iter().for_each(|name| reply.status(name));
}

fn describe_keys(reply: &mut dyn Reply, keys: &KeySpec) {
    reply.map(if keys.notes.is_empty() { 3 } else { 4 });
    if !keys.notes.is_empty() {
        reply.bulk(b"notes");
        reply.bulk(keys.notes.as_bytes());
    }
    reply.bulk(b"flags");
    statuses(reply, keys.access.names.iter().map(|name| (*name).to_owned()));
    reply.bulk(b"begin_search");
    match keys.begin {
        Begin::Index(index) => {
            open_step(reply, "index", 1);
            field(reply, "index", i64::from(index));
        }
        Begin::Keyword { word, from } => {
            open_step(reply, "keyword", 2);
            reply.bulk(b"keyword");
            reply.bulk(word.as_bytes());
            field(reply, "startfrom", i64::from(from));
        }
        Begin::Unknown => open_step(reply, "unknown", 0),
    }
    reply.bulk(b"find_keys");
    match keys.find {
        Find::Range { last, step, limit } => {
            open_step(reply, "range", 3);
            field(reply, "lastkey", i64::from(last));
            field(reply, "keystep", i64::from(step));
            field(reply, "limit", i64::from(limit));
        }
        Find::Count { count_at, first, step } => {
            open_step(reply, "keynum", 3);
            field(reply, "keynumidx", i64::from(count_at));
            field(reply, "firstkey", i64::from(first));
            field(reply, "keystep", i64::from(step));
        }
        Find::Unknown => open_step(reply, "unknown", 0),
    }
}

/// `{type: kind, spec: {…}}`, up to the inner map of `fields` fields.
fn open_step(reply: &mut dyn Reply, kind: &str, fields: usize) {
    reply.map(2);
    reply.bulk(b"type");
    reply.bulk(kind.as_bytes());
    reply.bulk(b"spec");
    reply.map(fields);
}

fn field(reply: &mut dyn Reply, name: &str, value: i64) {
    reply.bulk(name.as_bytes());
    reply.integer(value);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::tests::{Rig, check};
    use crate::dispatch::Table;

    #[test]
    fn a_command_is_an_array_of_ten() {
        check(
            r#"
            > COMMAND INFO get nope client|id
            1)  1) "get"
            2) (integer) 2
            3) 1) readonly
            2) fast
            4) (integer) 1
            5) (integer) 1
            6) (integer) 1
            7) 1) @read
            2) @string
            3) @fast
            8) (empty array)
            9) 1) 1) "flags"
            2) 1) RO
            2) access
            3) "begin_search"
            4) 1) "type"
            2) "index"
            3) "spec"
            4) 1) "index"
            2) (integer) 1
            5) "find_keys"
            6) 1) "type"
            2) "range"
            3) "spec"
            4) 1) "lastkey"
            2) (integer) 0
            3) "keystep"
            4) (integer) 1
            5) "limit"
            6) (integer) 0
            10) (empty array)
            2) (nil)
            3)  1) "client|id"
            2) (integer) 2
            3) 1) noscript
            2) loading
            3) stale
            4) (integer) 0
            5) (integer) 0
            6) (integer) 0
            7) 1) @slow
            2) @connection
            8) (empty array)
            9) (empty array)
            10) (empty array)
            "#,
        );
    }

    #[test]
    fn without_names_all_are_described() {
        let mut rig = Rig::new(&[]);
        let all = rig.run("COMMAND");
        assert_eq!(rig.run("COMMAND INFO"), all);
        let count = rig.run("COMMAND COUNT");
        let count: usize = count.strip_prefix("(integer) ").unwrap().parse().unwrap();
        assert_eq!(count, Table::get().catalogue().len());
        assert!(all.contains(&format!("\n{count}) ")));
    }

    /// Rows that differ from Redis 7.0.15 on purpose.
    const DIFFERENT: &[&str] = &[
        // As in Redis 7.2.
        "command|getkeys",
        "command|getkeysandflags",
        "msetnx",
        "randomkey",
        "zrank",
        "zrevrank",
    ];

    #[test]
    fn rows_are_those_of_redis() {
        let recorded = include_str!("redis-7.0.15.tsv");
        let mut wrong = Vec::new();
        for line in recorded.lines().filter(|line| !line.starts_with('#')) {
            let name = line.split('\t').next().unwrap();
            let Some(spec) = Table::get().catalogue().find_full(name.as_bytes()) else { continue };
            let own = tab_separated(spec);
            match DIFFERENT.contains(&name) {
                true => assert_ne!(own, line, "{name} is not different"),
                false if own != line => wrong.push(format!("redis: {line}\nhere:  {own}")),
                false => {}
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    /// In the form of the recording.
    fn tab_separated(spec: &Spec) -> String {
        let (first, last, step) = spec.keys.legacy_range();
        let keys = spec.keys.specs.iter().map(|keys| {
            let begin = match keys.begin {
                Begin::Index(index) => index.to_string(),
                Begin::Keyword { word, from } => format!("{word}@{from}"),
                Begin::Unknown => "?".to_owned(),
            };
            let find = match keys.find {
                Find::Range { last, step, limit } => format!("{last}/{step}/{limit}"),
                Find::Count { count_at, first, step } => format!("#{count_at}/{first}/{step}"),
                Find::Unknown => "?".to_owned(),
            };
            format!("{} {begin} {find}", keys.access.names.join(" "))
        });
        [
            shown(spec.name),
            spec.arity.as_shown().to_string(),
            spec.flags.names().collect::<Vec<_>>().join(" "),
            format!("{first} {last} {step}"),
            spec.all_categories().names().map(|name| format!("@{name}")).collect::<Vec<_>>().join(" "),
            spec.tips.join(" "),
            keys.collect::<Vec<_>>().join("; "),
        ]
        .join("\t")
    }
}
