//! Transactions: MULTI, EXEC, DISCARD, WATCH, UNWATCH.
//!
//! What comes between MULTI and EXEC is queued by the last gate (`dispatch::gates`), in [`Multi`]. EXEC leaves the
//! rest to its worker: the shards of all keys, those watched too, are held together, and if no watched key has
//! changed, the commands run as one transaction.

use engine::command::{
    Args, Arity, CommandResult, Error, Flags, Group, InMulti, KeyAccess, KeySpec, Keys, Outcome, Reply, Spec,
};

use super::context::{Context, Later};
use super::row::ServerCommand;
use crate::client::Multi;

const fn row(name: &'static str, arity: Arity) -> Spec {
    Spec::plain(name, arity)
        .group(Group::Transactions)
        .flags(Flags::NOSCRIPT.union(Flags::LOADING).union(Flags::STALE))
}

const QUICK: Flags = Flags::FAST.union(Flags::ALLOW_BUSY);

const WATCHED: Keys = Keys::new(&[KeySpec::range(1, -1, 1, KeyAccess::LOOK)]);

pub(super) const COMMANDS: &[ServerCommand] = &[
    ServerCommand {
        spec: row("MULTI", Arity::Exactly(1)).flags(QUICK).in_multi(InMulti::AtOnce).doc(
            "1.2.0",
            "O(1)",
            "Begins a transaction: what follows is queued until EXEC.",
        ),
        run: multi,
    },
    ServerCommand {
        spec: row("EXEC", Arity::Exactly(1)).flags(Flags::SKIP_SLOWLOG).in_multi(InMulti::Ends).doc(
            "1.2.0",
            "Depends on commands in the transaction",
            "Runs all that was queued since MULTI, as one transaction.",
        ),
        run: exec,
    },
    ServerCommand {
        spec: row("DISCARD", Arity::Exactly(1)).flags(QUICK).in_multi(InMulti::AtOnce).doc(
            "2.0.0",
            "O(N), when N is the number of queued commands",
            "Forgets all that was queued since MULTI.",
        ),
        run: discard,
    },
    ServerCommand {
        spec: row("WATCH", Arity::AtLeast(2))
            .flags(QUICK)
            .in_multi(InMulti::AtOnce)
            .keys(WATCHED)
            .syntax("key [key ...]")
            .doc(
                "2.2.0",
                "O(1) for every key.",
                "Watches keys: when one of them changes, the next EXEC does nothing.",
            ),
        run: watch,
    },
    ServerCommand {
        spec: row("UNWATCH", Arity::Exactly(1)).flags(QUICK).doc("2.2.0", "O(1)", "Watches no key any more."),
        run: unwatch,
    },
];

const NESTED: Error = Error::text("ERR MULTI calls can not be nested");
const EXEC_ALONE: Error = Error::text("ERR EXEC without MULTI");
const DISCARD_ALONE: Error = Error::text("ERR DISCARD without MULTI");
const WATCH_INSIDE: Error = Error::text("ERR WATCH inside MULTI is not allowed");
const DIRTY: Error = Error::text("EXECABORT Transaction discarded because of previous errors.");

/// Why a whole transaction was dropped or taken back.
pub fn discarded_because_of(error: &Error) -> Error {
    let line = error.line();
    let reason = line.strip_prefix(b"ERR ").unwrap_or(&line);
    Error::repeating("EXECABORT Transaction discarded because of: ", reason, "")
}

fn multi(context: &mut Context<'_>, _: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    if context.client.multi.is_some() {
        return Err(NESTED);
    }
    context.client.multi = Some(Box::new(Multi::default()));
    reply.ok();
    Ok(Outcome::Done)
}

fn exec(context: &mut Context<'_>, _: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let client = &context.client;
    let Some(multi) = &client.multi else { return Err(EXEC_ALONE) };
    let failure = if multi.has(Flags::DENYOOM) && context.node.is_memory_full() {
        discarded_because_of(&Error::OutOfMemory)
    } else if multi.is_dirty {
        DIRTY
    } else if client.watching.as_ref().is_some_and(|watching| watching.ticket.is_broken()) {
        // Once broken is broken for ever: no shard need be asked.
        end(context);
        reply.null_array();
        return Ok(Outcome::Done);
    } else {
        context.later(Later::Exec);
        return Ok(Outcome::Done);
    };
    end(context);
    Err(failure)
}

fn discard(context: &mut Context<'_>, _: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    if context.client.multi.is_none() {
        return Err(DISCARD_ALONE);
    }
    end(context);
    reply.ok();
    Ok(Outcome::Done)
}

/// The transaction is over, and what was watched for it.
fn end(context: &mut Context<'_>) {
    context.client.multi = None;
    context.unwatch();
}

fn watch(context: &mut Context<'_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    if context.client.multi.is_some() {
        return Err(WATCH_INSIDE);
    }
    if context.client.watching.as_ref().is_some_and(|watching| watching.ticket.is_broken()) {
        // The next EXEC does nothing, whatever else changes.
        reply.ok();
    } else {
        context.later(Later::Watch(args.rest().iter().map(|&key| key.into()).collect()));
    }
    Ok(Outcome::Done)
}

fn unwatch(context: &mut Context<'_>, _: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    context.unwatch();
    reply.ok();
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use crate::commands::tests::{Rig, check};
    use engine::command::Flags;

    #[test]
    fn transactions_are_not_nested_and_end_once() {
        check(
            r#"
            > EXEC
            (error) ERR EXEC without MULTI
            > DISCARD
            (error) ERR DISCARD without MULTI
            > MULTI
            OK
            > MULTI
            (error) ERR MULTI calls can not be nested
            > WATCH k
            (error) ERR WATCH inside MULTI is not allowed
            > DISCARD
            OK
            > DISCARD
            (error) ERR DISCARD without MULTI
            > MULTI
            OK
            > RESET
            RESET
            > EXEC
            (error) ERR EXEC without MULTI
            > UNWATCH
            OK
            > WATCH
            (error) ERR wrong number of arguments for 'watch' command
            "#,
        );
    }

    #[test]
    fn a_dirty_transaction_is_dropped() {
        let mut rig = Rig::new(&[]);
        rig.run("MULTI");
        rig.client(0).multi.as_mut().unwrap().is_dirty = true;
        assert_eq!(rig.run("EXEC"), "(error) EXECABORT Transaction discarded because of previous errors.");
        assert_eq!(rig.run("EXEC"), "(error) ERR EXEC without MULTI");
    }

    #[test]
    fn what_needs_memory_is_dropped_when_there_is_none() {
        let mut rig = Rig::new(&[]);
        rig.run("MULTI");
        rig.client(0).multi.as_mut().unwrap().push(0, Flags::DENYOOM, [&b"SET"[..]].into_iter());
        rig.node.memory.set_limit(0);
        assert_eq!(
            rig.run("EXEC"),
            "(error) EXECABORT Transaction discarded because of: OOM command not allowed when used memory > \
             'maxmemory'."
        );
        assert!(rig.client(0).multi.is_none());
    }
}
