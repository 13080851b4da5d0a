//! The server as a process: TIME, SHUTDOWN, LASTSAVE, LOLWUT.

use std::time::{SystemTime, UNIX_EPOCH};

use engine::command::{Args, Arity, Categories, CommandResult, Error, Flags, Group, Outcome, Reply, Spec};

use super::context::{Context, Later};
use super::node::Stop;
use super::row::ServerCommand;
use crate::config::{REDIS_VERSION, VERSION};

pub(super) const COMMANDS: &[ServerCommand] = &[
    ServerCommand {
        spec: Spec::plain("TIME", Arity::Exactly(1))
            .group(Group::Server)
            .flags(Flags::LOADING.union(Flags::STALE).union(Flags::FAST))
            .doc("2.6.0", "O(1)", "Returns the server's time: seconds since 1970, and microseconds.")
            .tips(&["nondeterministic_output"]),
        run: time,
    },
    ServerCommand {
        spec: Spec::plain("SHUTDOWN", Arity::AtLeast(1))
            .group(Group::Server)
            .flags(
                Flags::ADMIN
                    .union(Flags::NOSCRIPT)
                    .union(Flags::LOADING)
                    .union(Flags::STALE)
                    .union(Flags::NO_MULTI)
                    .union(Flags::ALLOW_BUSY),
            )
            .syntax("[NOSAVE | SAVE] [NOW] [FORCE] [ABORT]")
            .doc(
                "1.0.0",
                "O(1)",
                "Stops the server. The data stays in shared memory, unless NOSAVE is given.",
            ),
        run: shutdown,
    },
    ServerCommand {
        spec: Spec::plain("LASTSAVE", Arity::Exactly(1))
            .group(Group::Server)
            .categories(Categories::ADMIN.union(Categories::DANGEROUS))
            .flags(Flags::LOADING.union(Flags::STALE).union(Flags::FAST))
            .doc("1.0.0", "O(1)", "Returns when the last snapshot was written, or the server started.")
            .tips(&["nondeterministic_output"]),
        run: |context, _, reply| {
            let start = context.node.start_report().persistence.last_save_s;
            let start = if start == 0 { context.node.started_ms / 1000 } else { start };
            reply.integer(start as i64);
            Ok(Outcome::Done)
        },
    },
    ServerCommand {
        spec: Spec::plain("LOLWUT", Arity::AtLeast(1))
            .group(Group::Server)
            .flags(Flags::READONLY.union(Flags::FAST))
            .syntax("[VERSION version]")
            .doc("5.0.0", "O(1)", "Shows a small picture and the version."),
        run: lolwut,
    },
];

fn time(_: &mut Context<'_>, _: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    reply.array(2);
    reply.bulk(now.as_secs().to_string().as_bytes());
    reply.bulk(now.subsec_micros().to_string().as_bytes());
    Ok(Outcome::Done)
}

const NOT_STOPPING: Error = Error::text("ERR No shutdown in progress.");
const CANNOT_SAVE: Error = Error::text("ERR Errors trying to SHUTDOWN. Check logs.");

fn shutdown(context: &mut Context<'_>, args: &mut Args<'_>, _: &mut dyn Reply) -> CommandResult {
    let mut stop = Stop::default();
    let mut abort = false;
    while !args.is_empty() {
        if args.take("NOSAVE") {
            stop.no_save = true;
        } else if args.take("SAVE") {
            stop.save = true;
        } else if args.take("NOW") {
            stop.now = true;
        } else if args.take("FORCE") {
            stop.force = true;
        } else if args.take("ABORT") {
            abort = true;
        } else {
            return Err(Error::Syntax);
        }
    }
    if stop.save && stop.no_save || abort && stop != Stop::default() {
        return Err(Error::Syntax);
    }
    if abort {
        return Err(NOT_STOPPING);
    }
    if stop.save && !context.settings.warm_restart && !stop.force {
        tracing::warn!(
            "SHUTDOWN SAVE was refused: with 'warm-restart no' the data does not stay in shared memory, and there are \
             no snapshot files yet. SHUTDOWN NOSAVE stops the server without the data."
        );
        return Err(CANNOT_SAVE);
    }
    context.later(Later::Stop(stop));
    Ok(Outcome::Done)
}

fn lolwut(_: &mut Context<'_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    if args.take("VERSION") && !args.is_empty() {
        args.integer()?;
    }
    let text = format!(
        concat!(
            "      )\n",
            "     ) \\\n",
            "    / ) (\n",
            "    \\(_)/\n",
            "  ___===___\n",
            "Redis ver. {}, Hearth ver. {}\n",
        ),
        REDIS_VERSION, VERSION
    );
    reply.verbatim("txt", text.as_bytes());
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::tests::{Rig, check};

    #[test]
    fn the_server_is_stopped_as_asked() {
        for (command, expected) in [
            ("SHUTDOWN", Stop::default()),
            ("SHUTDOWN nosave now", Stop { no_save: true, now: true, ..Stop::default() }),
            ("SHUTDOWN SAVE FORCE", Stop { save: true, force: true, ..Stop::default() }),
        ] {
            let mut rig = Rig::new(&[]);
            assert_eq!(rig.try_run(command), None, "there is no reply to {command}");
            assert_eq!(rig.stopped(), Some(expected));
        }
    }

    #[test]
    fn contradictions_are_refused() {
        let mut rig = Rig::new(&["--warm-restart", "no"]);
        rig.check(
            r#"
            > SHUTDOWN FOO
            (error) ERR syntax error
            > SHUTDOWN SAVE NOSAVE
            (error) ERR syntax error
            > SHUTDOWN NOW ABORT
            (error) ERR syntax error
            > SHUTDOWN ABORT
            (error) ERR No shutdown in progress.
            > SHUTDOWN SAVE
            (error) ERR Errors trying to SHUTDOWN. Check logs.
            "#,
        );
        assert_eq!(rig.stopped(), None);
    }

    #[test]
    fn times_are_plausible() {
        let mut rig = Rig::new(&[]);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let time = rig.run("TIME");
        let [seconds, micros] = time.lines().collect::<Vec<_>>()[..] else { panic!("two lines: {time}") };
        let number = |line: &str| line[3..].trim_matches('"').parse::<u64>().unwrap();
        assert!((now..now + 60).contains(&number(seconds)));
        assert!(number(micros) < 1_000_000);
        assert_eq!(rig.run("LASTSAVE"), format!("(integer) {}", rig.node.started_ms / 1000));
    }

    #[test]
    fn there_is_a_picture() {
        check(
            r#"
            > LOLWUT
            ~ Redis ver. 7.2.4, Hearth ver.
            > LOLWUT VERSION 5
            ~ Redis ver.
            > LOLWUT VERSION x
            (error) ERR value is not an integer or out of range
            > TIME x
            (error) ERR wrong number of arguments for 'time' command
            "#,
        );
    }
}
