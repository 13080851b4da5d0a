//! A primary without replicas: ROLE, REPLICAOF, WAIT.

use engine::command::{Args, Arity, Categories, CommandResult, Error, Flags, Group, Outcome, Reply, Spec};
use engine::number;

use super::context::Context;
use super::row::ServerCommand;

const FOLLOW: Flags = Flags::ADMIN.union(Flags::NOSCRIPT).union(Flags::STALE).union(Flags::NO_ASYNC_LOADING);

pub(super) const COMMANDS: &[ServerCommand] = &[
    ServerCommand {
        spec: Spec::plain("ROLE", Arity::Exactly(1))
            .group(Group::Server)
            .categories(Categories::ADMIN.union(Categories::DANGEROUS))
            .flags(Flags::NOSCRIPT.union(Flags::LOADING).union(Flags::STALE).union(Flags::FAST))
            .doc("2.8.12", "O(1)", "Returns whether the server is a primary or a replica."),
        run: role,
    },
    ServerCommand {
        spec: Spec::plain("REPLICAOF", Arity::Exactly(3))
            .group(Group::Server)
            .flags(FOLLOW)
            .syntax("<host port | NO ONE>")
            .doc("5.0.0", "O(1)", "Makes the server a replica of another, or a primary."),
        run: replicaof,
    },
    ServerCommand {
        spec: Spec::plain("SLAVEOF", Arity::Exactly(3))
            .group(Group::Server)
            .flags(FOLLOW)
            .syntax("<host port | NO ONE>")
            .doc("1.0.0", "O(1)", "Makes the server a replica of another, or a primary.")
            .deprecated("5.0.0", "`REPLICAOF`"),
        run: replicaof,
    },
    ServerCommand {
        spec: wait("WAIT", Arity::Exactly(3)).syntax("numreplicas timeout").doc(
            "3.0.0",
            "O(1)",
            "Waits until replicas have the connection's writes.",
        ),
        run: |_, args, reply| {
            args.integer()?;
            read_timeout(args)?;
            // There are no replicas, and there will be none: who waits for them waits in vain.
            reply.integer(0);
            Ok(Outcome::Done)
        },
    },
    ServerCommand {
        spec: wait("WAITAOF", Arity::Exactly(4)).syntax("numlocal numreplicas timeout").doc(
            "7.2.0",
            "O(1)",
            "Waits until the connection's writes are on disk, here and at replicas.",
        ),
        run: waitaof,
    },
];

const fn wait(name: &'static str, arity: Arity) -> Spec {
    Spec::plain(name, arity)
        .group(Group::Generic)
        .categories(Categories::CONNECTION)
        .flags(Flags::NOSCRIPT)
        .tips(&["request_policy:all_shards", "response_policy:agg_min"])
}

const BAD_PORT: Error = Error::text("ERR Invalid master port");
const CANNOT_FOLLOW: Error = Error::text("ERR this version cannot be a replica of another server");
const BAD_TIMEOUT: Error = Error::text("ERR timeout is not an integer or out of range");
const NEGATIVE_TIMEOUT: Error = Error::text("ERR timeout is negative");
const NOT_POSITIVE: Error = Error::text("ERR value is out of range, must be positive");
const LOCAL_RANGE: Error = Error::text("ERR value is out of range, value must between 0 and 1");
const NO_LOG: Error =
    Error::text("ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.");

fn role(_: &mut Context<'_>, _: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    reply.array(3);
    reply.bulk(b"master");
    reply.integer(0);
    reply.array(0);
    Ok(Outcome::Done)
}

fn replicaof(_: &mut Context<'_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let (host, port) = (args.word()?, args.word()?);
    if !(host.eq_ignore_ascii_case(b"no") && port.eq_ignore_ascii_case(b"one")) {
        let port = number::parse_i64(port).filter(|port| (0..=i64::from(u16::MAX)).contains(port));
        return Err(if port.is_some() { CANNOT_FOLLOW } else { BAD_PORT });
    }
    reply.ok();
    Ok(Outcome::Done)
}

fn read_timeout(args: &mut Args<'_>) -> Result<(), Error> {
    match number::parse_i64(args.word()?).ok_or(BAD_TIMEOUT)? {
        ..0 => Err(NEGATIVE_TIMEOUT),
        0.. => Ok(()),
    }
}

fn waitaof(_: &mut Context<'_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let local = number::parse_i64(args.word()?).filter(|count| (0..=1).contains(count)).ok_or(LOCAL_RANGE)?;
    number::parse_i64(args.word()?).filter(|count| *count >= 0).ok_or(NOT_POSITIVE)?;
    read_timeout(args)?;
    if local > 0 {
        return Err(NO_LOG);
    }
    reply.array(2);
    reply.integer(0);
    reply.integer(0);
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use crate::commands::tests::check;

    #[test]
    fn a_primary_without_replicas() {
        check(
            r#"
            > ROLE
            1) "master"
            2) (integer) 0
            3) (empty array)
            > REPLICAOF NO ONE
            OK
            > SLAVEOF no one
            OK
            > REPLICAOF no foo
            (error) ERR Invalid master port
            > REPLICAOF host 99999
            (error) ERR Invalid master port
            > REPLICAOF host 6379
            (error) ERR this version cannot be a replica of another server
            > WAIT 0 0
            (integer) 0
            > WAIT x 0
            (error) ERR value is not an integer or out of range
            > WAIT 0 -1
            (error) ERR timeout is negative
            > WAIT 0 x
            (error) ERR timeout is not an integer or out of range
            > WAITAOF 0 0 0
            1) (integer) 0
            2) (integer) 0
            > WAITAOF 1 0 0
            (error) ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.
            > WAITAOF 2 0 0
            (error) ERR value is out of range, value must between 0 and 1
            > WAITAOF 0 -1 0
            (error) ERR value is out of range, must be positive
            "#,
        );
    }
}
