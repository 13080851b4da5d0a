//! LATENCY: how long commands take (HISTOGRAM), and what a monitor of spikes has seen, which there is none of: its
//! subcommands answer as those of one that is switched off.

use std::sync::Arc;

use engine::command::{Args, Arity, CommandResult, Error, Flags, Group, Outcome, Reply, Spec};

use super::context::Context;
use super::help;
use super::row::ServerCommand;
use crate::telemetry::{CommandTotals, WorkerCounters};

pub(super) const COMMANDS: &[ServerCommand] = &[
    ServerCommand {
        spec: row("LATENCY|HISTOGRAM", Arity::AtLeast(2))
            .syntax("[command [command ...]]")
            .doc(
                "7.0.0",
                "O(N), N being the number of commands asked for.",
                "Shows how long commands have taken.",
            )
            .tips(VARYING),
        run: histogram,
    },
    ServerCommand {
        spec: row("LATENCY|LATEST", Arity::Exactly(2))
            .doc("2.8.13", "O(1)", "Returns the latest spikes of all events.")
            .tips(VARYING),
        run: nothing,
    },
    ServerCommand {
        spec: row("LATENCY|HISTORY", Arity::Exactly(3))
            .syntax("event")
            .doc("2.8.13", "O(1)", "Returns the spikes of an event.")
            .tips(VARYING),
        run: nothing,
    },
    ServerCommand {
        spec: row("LATENCY|GRAPH", Arity::Exactly(3))
            .syntax("event")
            .doc("2.8.13", "O(1)", "Draws the spikes of an event.")
            .tips(VARYING),
        run: |_, args, _| Err(Error::repeating("ERR No samples available for event '", args.word()?, "'")),
    },
    ServerCommand {
        spec: row("LATENCY|RESET", Arity::AtLeast(2))
            .syntax("[event [event ...]]")
            .doc("2.8.13", "O(1)", "Forgets spikes.")
            .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"]),
        run: |_, _, reply| {
            reply.integer(0);
            Ok(Outcome::Done)
        },
    },
    ServerCommand {
        spec: row("LATENCY|DOCTOR", Arity::Exactly(2))
            .doc("2.8.13", "O(1)", "Explains spikes.")
            .tips(VARYING),
        run: |_, _, reply| {
            reply.verbatim("txt", DOCTOR.as_bytes());
            Ok(Outcome::Done)
        },
    },
    help::row("LATENCY|HELP", Group::Server, "2.8.13"),
];

const VARYING: &[&str] = &["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"];

const DOCTOR: &str = "This version does not watch for latency spikes. How long each command takes is in LATENCY \
                      HISTOGRAM and in the latencystats section of INFO.\n";

const fn row(name: &'static str, arity: Arity) -> Spec {
    Spec::plain(name, arity)
        .group(Group::Server)
        .flags(Flags::ADMIN.union(Flags::NOSCRIPT).union(Flags::LOADING).union(Flags::STALE))
}

fn nothing(_: &mut Context<'_>, _: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    reply.array(0);
    Ok(Outcome::Done)
}

/// Commands that were not called, or that there are none of, are left out. The name of a container stands for its
/// subcommands.
fn histogram(context: &mut Context<'_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let is_wanted = |name: &str| {
        let parent = name.split('|').next().unwrap_or_default();
        let names = [name.as_bytes(), parent.as_bytes()];
        args.is_empty()
            || args.rest().iter().any(|word| names.iter().any(|name| name.eq_ignore_ascii_case(word)))
    };
    let rows = context.catalogue.rows().iter().enumerate();
    let called: Vec<(String, CommandTotals)> = rows
        .filter(|(_, spec)| is_wanted(spec.name))
        .map(|(row, spec)| (spec.name.to_ascii_lowercase(), totals(&context.node.counters, row)))
        .filter(|(_, totals)| totals.latency.count() > 0)
        .collect();
    reply.map(called.len());
    for (name, totals) in called {
        reply.bulk(name.as_bytes());
        reply.map(2);
        reply.bulk(b"calls");
        reply.integer(totals.calls as i64);
        reply.bulk(b"histogram_usec");
        let buckets = totals.latency.cumulative_by_microseconds();
        // Rows below the first call, and those that no call was added by, say nothing.
        let mut seen = 0;
        let telling: Vec<&(u64, u64)> =
            buckets.iter().filter(|(_, calls)| std::mem::replace(&mut seen, *calls) < *calls).collect();
        reply.map(telling.len());
        for (microseconds, calls) in telling {
            reply.integer(*microseconds as i64);
            reply.integer(*calls as i64);
        }
    }
    Ok(Outcome::Done)
}

fn totals(counters: &[Arc<WorkerCounters>], row: usize) -> CommandTotals {
    let mut totals = CommandTotals::default();
    counters.iter().for_each(|counters| totals.add(&counters.commands, row));
    totals
}

#[cfg(test)]
mod tests {
    use crate::commands::tests::{Rig, check};
    use crate::dispatch::Table;

    #[test]
    fn histograms_are_of_the_commands_asked_for() {
        let mut rig = Rig::new(&[]);
        let row = |words: [&'static [u8]; 3]| usize::from(Table::get().find(3, |nth| words[nth]).unwrap().id);
        let (set, config_get) = (row([b"SET", b"k", b"v"]), row([b"CONFIG", b"GET", b"x"]));
        for (row, worker, nanoseconds) in
            [(set, 0, 900), (set, 1, 900), (set, 1, 7_000), (config_get, 0, 3_000)]
        {
            let commands = &rig.node.counters[worker].commands;
            commands.called(row, nanoseconds);
            commands.took(row, 1, nanoseconds);
        }
        rig.check(
            r#"
            > LATENCY HISTOGRAM set get nosuch
            1) "set"
            2) 1) "calls"
            2) (integer) 3
            3) "histogram_usec"
            4) 1) (integer) 1
            2) (integer) 2
            3) (integer) 8
            4) (integer) 3
            > LATENCY HISTOGRAM config
            1) "config|get"
            2) 1) "calls"
            2) (integer) 1
            3) "histogram_usec"
            4) 1) (integer) 4
            2) (integer) 1
            "#,
        );
        assert_eq!(rig.run("LATENCY HISTOGRAM").matches("calls").count(), 2);
    }

    #[test]
    fn there_are_no_spikes() {
        check(
            r#"
            > LATENCY LATEST
            (empty array)
            > LATENCY HISTORY command
            (empty array)
            > LATENCY GRAPH command
            (error) ERR No samples available for event 'command'
            > LATENCY RESET a b
            (integer) 0
            > LATENCY DOCTOR
            ~ does not watch for latency spikes
            > LATENCY FOO
            (error) ERR unknown subcommand 'FOO'. Try LATENCY HELP.
            "#,
        );
    }
}
