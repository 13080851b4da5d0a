//! What clients say to keep a connection going: PING, ECHO, SELECT, QUIT.

use engine::command::{Args, Arity, CommandResult, Error, Flags, Group, InMulti, Outcome, Reply, Spec};

use super::context::Context;
use super::row::ServerCommand;

const LIVELY: Flags = Flags::LOADING.union(Flags::STALE).union(Flags::FAST);

pub(super) const COMMANDS: &[ServerCommand] = &[
    ServerCommand {
        spec: Spec::plain("PING", Arity::AtLeast(1))
            .group(Group::Connection)
            .flags(Flags::FAST)
            .syntax("[message]")
            .doc("1.0.0", "O(1)", "Returns the server's liveliness response.")
            .tips(&["request_policy:all_shards", "response_policy:all_succeeded"]),
        run: ping,
    },
    ServerCommand {
        spec: Spec::plain("ECHO", Arity::Exactly(2))
            .group(Group::Connection)
            .flags(LIVELY)
            .syntax("message")
            .doc("1.0.0", "O(1)", "Returns the given string."),
        run: echo,
    },
    ServerCommand {
        spec: Spec::plain("SELECT", Arity::Exactly(2))
            .group(Group::Connection)
            .flags(LIVELY)
            .syntax("index")
            .doc("1.0.0", "O(1)", "Changes the selected database."),
        run: select,
    },
    ServerCommand {
        spec: Spec::plain("QUIT", Arity::AtLeast(1))
            .group(Group::Connection)
            .flags(LIVELY.union(Flags::NOSCRIPT).union(Flags::NO_AUTH).union(Flags::ALLOW_BUSY))
            .in_multi(InMulti::AtOnce)
            .doc("1.0.0", "O(1)", "Closes the connection."),
        run: quit,
    },
];

fn ping(_: &mut Context<'_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    match args.left() {
        0 => reply.status("PONG"),
        1 => reply.bulk(args.word()?),
        _ => return Err(Error::WrongArity("ping".into())),
    }
    Ok(Outcome::Done)
}

fn echo(_: &mut Context<'_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    reply.bulk(args.word()?);
    Ok(Outcome::Done)
}

fn select(context: &mut Context<'_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    context.client.db = args.database(context.settings.databases)?;
    reply.ok();
    Ok(Outcome::Done)
}

fn quit(context: &mut Context<'_>, _: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    context.client.close_after_reply = true;
    reply.ok();
    Ok(Outcome::Done)
}
