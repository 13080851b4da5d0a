//! How a connection wants to be treated: REPLY, NO-EVICT, NO-TOUCH; and what it would be told about
//! client-side caching, which there is none of yet.

use engine::command::{Args, Arity, CommandResult, Error, Outcome, Reply};

use super::{all, own};
use crate::client::ReplyMode;
use crate::commands::context::Context;
use crate::commands::row::ServerCommand;

pub(super) const COMMANDS: &[ServerCommand] = &[
    ServerCommand {
        spec: own("CLIENT|REPLY", Arity::Exactly(3)).syntax("<ON | OFF | SKIP>").doc(
            "3.2.0",
            "O(1)",
            "Says whether commands shall be answered.",
        ),
        run: reply_mode,
    },
    ServerCommand {
        spec: all("CLIENT|NO-EVICT", Arity::Exactly(3)).syntax("<ON | OFF>").doc(
            "7.0.0",
            "O(1)",
            "Spares the connection when memory for connections runs out.",
        ),
        run: |context, args, reply| {
            context.client.no_evict = on_or_off(args)?;
            reply.ok();
            Ok(Outcome::Done)
        },
    },
    ServerCommand {
        spec: own("CLIENT|NO-TOUCH", Arity::Exactly(3)).syntax("<ON | OFF>").doc(
            "7.2.0",
            "O(1)",
            "Says whether the connection's reads count as use of a key.",
        ),
        run: |context, args, reply| {
            context.client.no_touch = on_or_off(args)?;
            reply.ok();
            Ok(Outcome::Done)
        },
    },
    ServerCommand {
        spec: own("CLIENT|GETREDIR", Arity::Exactly(2)).doc(
            "6.0.0",
            "O(1)",
            "Returns to which connection invalidations are sent.",
        ),
        run: |_, _, reply| {
            reply.integer(-1);
            Ok(Outcome::Done)
        },
    },
    ServerCommand {
        spec: own("CLIENT|TRACKINGINFO", Arity::Exactly(2)).doc(
            "6.2.0",
            "O(1)",
            "Tells about client-side caching for the connection.",
        ),
        run: tracking_info,
    },
];

fn on_or_off(args: &mut Args<'_>) -> Result<bool, Error> {
    match &*args.word()?.to_ascii_lowercase() {
        b"on" => Ok(true),
        b"off" => Ok(false),
        _ => Err(Error::Syntax),
    }
}

/// ON is answered; OFF and SKIP are themselves not.
fn reply_mode(context: &mut Context<'_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let mode = &mut context.client.reply_mode;
    match &*args.word()?.to_ascii_lowercase() {
        b"on" => {
            *mode = ReplyMode::On;
            reply.ok();
        }
        b"off" => *mode = ReplyMode::Off,
        b"skip" if *mode != ReplyMode::Off => *mode = ReplyMode::SkipNext,
        b"skip" => {}
        _ => return Err(Error::Syntax),
    }
    Ok(Outcome::Done)
}

fn tracking_info(_: &mut Context<'_>, _: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    reply.map(3);
    reply.bulk(b"flags");
    reply.set(1);
    reply.bulk(b"off");
    reply.bulk(b"redirect");
    reply.integer(-1);
    reply.bulk(b"prefixes");
    reply.array(0);
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use crate::client::ReplyMode;
    use crate::commands::tests::{Rig, check};

    #[test]
    fn modes_are_set() {
        check(
            r#"
            > CLIENT NO-EVICT on
            OK
            > CLIENT NO-EVICT foo
            (error) ERR syntax error
            > CLIENT NO-TOUCH ON
            OK
            > CLIENT INFO
            ~ flags=eT
            > CLIENT NO-TOUCH off
            OK
            > CLIENT NO-EVICT off
            OK
            > CLIENT INFO
            ~ flags=N
            > CLIENT GETREDIR
            (integer) -1
            > CLIENT TRACKINGINFO
            1) "flags"
            2) 1) "off"
            3) "redirect"
            4) (integer) -1
            5) "prefixes"
            6) (empty array)
            "#,
        );
    }

    #[test]
    fn replies_are_turned_off_and_on() {
        let mut rig = Rig::new(&[]);
        for (command, reply, mode) in [
            ("CLIENT REPLY x", Some("(error) ERR syntax error"), ReplyMode::On),
            ("CLIENT REPLY skip", None, ReplyMode::SkipNext),
            ("CLIENT REPLY off", None, ReplyMode::Off),
            ("CLIENT REPLY skip", None, ReplyMode::Off),
            ("CLIENT REPLY on", Some("OK"), ReplyMode::On),
        ] {
            assert_eq!(rig.try_run(command).as_deref(), reply, "{command}");
            assert_eq!(rig.client(0).reply_mode, mode, "{command}");
        }
    }
}
