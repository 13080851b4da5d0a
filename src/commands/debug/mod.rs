//! DEBUG: for tests of the server and of clients. Allowed only where `enable-debug-command` says so.

mod data;
mod protocol;
mod reload;

use std::ops::RangeInclusive;
use std::thread;
use std::time::Duration;

use engine::command::{Args, Arity, CommandResult, Error, Flags, Group, Outcome, Reply, Spec, cut_short};

use super::context::{Context, Later};
use super::help;
use super::row::{ServerCommand, ServerHandler};
use super::survey::{Survey, WorkerView};
use crate::config::parse_bytes;

pub(super) const COMMANDS: &[ServerCommand] = &[ServerCommand {
    spec: Spec::plain("DEBUG", Arity::AtLeast(2))
        .group(Group::Server)
        .flags(Flags::ADMIN.union(Flags::NOSCRIPT).union(Flags::LOADING).union(Flags::STALE))
        .syntax("subcommand [arg [arg ...]]")
        .doc("1.0.0", "Depends on the subcommand.", "For tests of the server and of clients."),
    run: debug,
}];

const NOT_ALLOWED: Error = Error::text(
    "ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you can run it from a \
     local connection, otherwise you need to set this option in the configuration file, and then restart the server.",
);

/// To Redis, and so to its users, DEBUG is one command: its subcommands have no rows.
struct Subcommand {
    name: &'static str,
    /// How many words may follow.
    words: RangeInclusive<usize>,
    usage: &'static str,
    summary: &'static str,
    run: ServerHandler,
}

const SUBCOMMANDS: &[Subcommand] = &[
    Subcommand {
        name: "DIGEST",
        words: 0..=0,
        usage: "",
        summary: "Returns a digest of all data, the same for the same data.",
        run: data::digest,
    },
    Subcommand {
        name: "DIGEST-VALUE",
        words: 0..=usize::MAX,
        usage: "[key ...]",
        summary: "Returns digests of the values of keys.",
        run: data::digest_values,
    },
    Subcommand {
        name: "ERROR",
        words: 1..=1,
        usage: "message",
        summary: "Answers with this error.",
        run: |_, args, reply| {
            reply.error_line(args.word()?);
            Ok(Outcome::Done)
        },
    },
    Subcommand {
        name: "LOADAOF",
        words: 0..=usize::MAX,
        usage: "",
        summary: "The same as RELOAD: there is no log of commands.",
        run: reload::load_log,
    },
    Subcommand {
        name: "LOG",
        words: 1..=1,
        usage: "message",
        summary: "Writes a message to the log.",
        run: |_, args, reply| {
            tracing::warn!("DEBUG LOG: {}", String::from_utf8_lossy(args.word()?));
            reply.ok();
            Ok(Outcome::Done)
        },
    },
    Subcommand {
        name: "OBJECT",
        words: 1..=2,
        usage: "key",
        summary: "Tells how a key's value is stored.",
        run: data::object,
    },
    Subcommand {
        name: "PAUSE-CRON",
        words: 1..=1,
        usage: "<0|1>",
        summary: "Accepted: there is no periodic work to pause.",
        run: accept,
    },
    Subcommand {
        name: "PROTOCOL",
        words: 1..=1,
        usage: "type",
        summary: "Answers with an example of a type of reply.",
        run: protocol::example,
    },
    Subcommand {
        name: "QUICKLIST-PACKED-THRESHOLD",
        words: 1..=1,
        usage: "size",
        summary: "Accepted: elements are stored by their own size.",
        run: packed_threshold,
    },
    Subcommand {
        name: "RELOAD",
        words: 0..=usize::MAX,
        usage: "[MERGE] [NOFLUSH] [NOSAVE]",
        summary: "Takes every value through the format of dumps and back.",
        run: reload::reload,
    },
    Subcommand {
        name: "REPLYBUFFER",
        words: 2..=2,
        usage: "<PEAK-RESET-TIME|RESIZING> value",
        summary: "Accepted: reply buffers do not outlive their replies.",
        run: reply_buffer,
    },
    Subcommand {
        name: "SET-ACTIVE-EXPIRE",
        words: 1..=1,
        usage: "<0|1>",
        summary: "Says whether due keys are deleted before anybody asks for them.",
        run: set_active_expiry,
    },
    Subcommand {
        name: "SLEEP",
        words: 1..=1,
        usage: "seconds",
        summary: "Stops the worker of this connection for some time.",
        run: sleep,
    },
    Subcommand {
        name: "HELP",
        words: 0..=0,
        usage: "",
        summary: "Tells about the subcommands.",
        run: show_help,
    },
];

fn debug(context: &mut Context<'_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    if !context.settings.allow_debug.allows(context.client.ends.is_local) {
        return Err(NOT_ALLOWED);
    }
    let word = args.word()?;
    let fits = |subcommand: &&Subcommand| {
        subcommand.name.as_bytes().eq_ignore_ascii_case(word) && subcommand.words.contains(&args.left())
    };
    let subcommand = SUBCOMMANDS.iter().find(fits).ok_or_else(|| unknown(word))?;
    (subcommand.run)(context, args, reply)
}

fn unknown(word: &[u8]) -> Error {
    let before = "ERR unknown subcommand or wrong number of arguments for '";
    Error::repeating(before, cut_short(word), "'. Try DEBUG HELP.")
}

fn show_help(_: &mut Context<'_>, _: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let entries = SUBCOMMANDS.iter().map(|subcommand| {
        let usage = format!("{} {}", subcommand.name, subcommand.usage);
        (usage.trim_end().to_owned(), subcommand.summary)
    });
    help::write(reply, "DEBUG", &entries.collect::<Vec<_>>());
    Ok(Outcome::Done)
}

fn accept(_: &mut Context<'_>, _: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    reply.ok();
    Ok(Outcome::Done)
}

/// In bytes; 0 stands for Redis's own choice.
const PACKED_THRESHOLD_MAX: u64 = (1 << 32) - (1 << 20);

fn packed_threshold(_: &mut Context<'_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let bytes = parse_bytes(args.word()?).filter(|bytes| *bytes <= PACKED_THRESHOLD_MAX);
    bytes.ok_or(Error::text("ERR argument must be a memory value bigger than 1 and smaller than 4gb"))?;
    reply.ok();
    Ok(Outcome::Done)
}

fn reply_buffer(_: &mut Context<'_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    if !args.take("PEAK-RESET-TIME") && !args.take("RESIZING") {
        return Err(unknown(b"REPLYBUFFER"));
    }
    reply.ok();
    Ok(Outcome::Done)
}

/// What is not a number is zero.
fn sleep(_: &mut Context<'_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let seconds = args.float().unwrap_or_default();
    thread::sleep(Duration::try_from_secs_f64(seconds).unwrap_or_default());
    reply.ok();
    Ok(Outcome::Done)
}

fn set_active_expiry(context: &mut Context<'_>, args: &mut Args<'_>, _: &mut dyn Reply) -> CommandResult {
    context.node.set_active_expiry(args.integer().is_ok_and(|number| number != 0));
    context.later(Later::Survey(Box::new(Wake)));
    Ok(Outcome::Done)
}

/// Every worker turns once, so that it computes anew how long it may sleep.
struct Wake;

impl Survey for Wake {
    fn worker(&mut self, _: &mut dyn WorkerView) {}

    fn finish(self: Box<Self>, reply: &mut dyn Reply) {
        reply.ok();
    }
}

#[cfg(test)]
mod tests {
    use crate::commands::tests::{Rig, check};

    #[test]
    fn it_is_for_those_who_may() {
        let refusal = "(error) ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", \
                       you can run it from a local connection, otherwise you need to set this option in the \
                       configuration file, and then restart the server.";
        for (setting, is_local, expected) in
            [("no", true, refusal), ("local", true, "OK"), ("local", false, refusal), ("yes", false, "OK")]
        {
            let mut rig = Rig::new(&["--enable-debug-command", setting]);
            rig.client(0).ends.is_local = is_local;
            assert_eq!(rig.run("DEBUG SLEEP 0"), expected, "{setting}, local: {is_local}");
        }
    }

    #[test]
    fn small_things() {
        check(
            r#"
            > DEBUG FOO
            (error) ERR unknown subcommand or wrong number of arguments for 'FOO'. Try DEBUG HELP.
            > DEBUG SLEEP
            (error) ERR unknown subcommand or wrong number of arguments for 'SLEEP'. Try DEBUG HELP.
            > DEBUG SLEEP x
            OK
            > DEBUG SLEEP -1
            OK
            > DEBUG LOG hi
            OK
            > DEBUG ERROR "ERR foo bar"
            (error) ERR foo bar
            > DEBUG QUICKLIST-PACKED-THRESHOLD 100b
            OK
            > DEBUG QUICKLIST-PACKED-THRESHOLD x
            (error) ERR argument must be a memory value bigger than 1 and smaller than 4gb
            > DEBUG REPLYBUFFER PEAK-RESET-TIME never
            OK
            > DEBUG REPLYBUFFER RESIZING 1
            OK
            > DEBUG REPLYBUFFER FOO 1
            (error) ERR unknown subcommand or wrong number of arguments for 'REPLYBUFFER'. Try DEBUG HELP.
            > DEBUG
            (error) ERR wrong number of arguments for 'debug' command
            "#,
        );
        assert!(Rig::new(&[]).run("DEBUG HELP").contains("SLEEP seconds"));
    }

    #[test]
    fn active_expiry_is_switched() {
        let mut rig = Rig::new(&[]);
        for (word, active) in [("0", false), ("1", true), ("x", false)] {
            assert_eq!(rig.run(&format!("DEBUG SET-ACTIVE-EXPIRE {word}")), "OK");
            assert_eq!(rig.node.expires_actively(), active);
        }
    }
}
