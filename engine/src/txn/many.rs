//! Many calls as one transaction: EXEC.
//!
//! The calls run one after the other on shards that are all held, at one time, and have one commit. A call that
//! fails has its error in its place and the others go on: a handler decides before it writes, so nothing of it is
//! left. Where a handler fails in the middle (memory runs out, a defect shows), it alone cannot be taken back, so
//! all are: there is one undo log, and whoever asked for all or nothing gets nothing.

use super::{Coordinator, transact};
use crate::command::{
    Args, Caller, CommandResult, DataCommand, Error, Exec, KeyHasher, Next, Outcome, Patience, Reply, Tour,
    VisitCommand,
};
use crate::keyspace::Keyspace;
use crate::keyspace::watch::WatchTicket;

/// Does `work` as one transaction on `held`, which is sorted by slots; it makes its calls with [`Hands`] and passes
/// their results through [`settle`].
///
/// # Errors
/// That of a call that failed in the middle. Then nothing has changed, and the reply is that error alone.
pub fn run_many<R: Reply + ?Sized>(
    held: &mut [&mut Keyspace],
    now_ms: u64,
    reply: &mut R,
    coordinator: &mut dyn Coordinator,
    work: impl FnOnce(&mut Hands<'_, '_>, &mut R) -> Result<(), Error>,
) -> Result<(), Error> {
    transact(held, reply, coordinator, |held, reply| {
        let now_ms = held.iter_mut().map(|keyspace| keyspace.advance(now_ms)).max().unwrap_or(now_ms);
        work(&mut Hands { held, now_ms }, reply)
    })
}

/// The shards of a transaction of many calls, and its time.
pub struct Hands<'h, 's> {
    held: &'h mut [&'s mut Keyspace],
    now_ms: u64,
}

impl Hands<'_, '_> {
    /// Takes a ticket from the keys that were watched with it, all of which are held. Returns whether one of them has
    /// changed: what follows is one moment with this look.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] when a key whose deadline has passed could not be deleted.
    pub fn end_watch<'k>(
        &mut self,
        ticket: &WatchTicket,
        keys: impl Iterator<Item = (u32, &'k [u8])>,
        hasher: &KeyHasher,
    ) -> Result<bool, Error> {
        let mut result = Ok(());
        for (db, bytes) in keys {
            let key = hasher.key(bytes);
            let after = self.held.partition_point(|keyspace| keyspace.slots().first() <= key.hash.slot());
            let keyspace = &mut self.held[after - 1];
            // A key whose deadline has passed since it is watched has changed.
            let found = keyspace.find(db, &key, self.now_ms);
            keyspace.watches_mut().remove(db, bytes, ticket);
            result = result.and(found.map(|_| ()));
        }
        result?;
        Ok(ticket.is_broken() && !cfg!(hearth_mutant = "ticket_unread"))
    }

    /// Runs a command on keys. One that would wait answers at once what it would hear when its time is over.
    ///
    /// # Errors
    /// The handler's. What it has written of its reply is still there.
    pub fn call(
        &mut self,
        caller: Caller,
        command: &DataCommand,
        args: &mut Args<'_>,
        reply: &mut dyn Reply,
    ) -> CommandResult {
        // Where the keys cannot be told the handler says what is wrong, without any shard to spoil.
        let are_known = command.spec.keys.walk(args.words(), |_, _| ()).is_ok();
        let held = if are_known { &mut *self.held } else { &mut [] };
        let caller = Caller { patience: Patience::None, ..caller };
        (command.run)(&mut Exec::new(held, &caller, self.now_ms), args, reply)
    }

    /// Lets a visitor look at all shards, which must all be held.
    ///
    /// # Errors
    /// As [`Hands::call`].
    pub fn visit(
        &mut self,
        caller: Caller,
        command: &VisitCommand,
        args: &mut Args<'_>,
        tour: Tour<'_>,
        reply: &mut dyn Reply,
    ) -> CommandResult {
        let mut visitor = (command.start)(args, tour)?;
        let mut next = visitor.first();
        while let Next::Shard(shard) = next {
            let held = &mut self.held[shard..=shard];
            next = visitor.visit(shard, &mut Exec::new(held, &caller, self.now_ms))?;
        }
        visitor.finish(reply);
        Ok(Outcome::Done)
    }
}

/// Writes the error of a failed call in the place of its reply, which began at `mark`; returns it.
///
/// # Errors
/// The call failed in the middle: the whole transaction ends with this error.
pub fn settle(reply: &mut dyn Reply, mark: usize, result: CommandResult) -> Result<Option<Error>, Error> {
    match result {
        Ok(Outcome::Done) => Ok(None),
        // Not with the patience that calls have here.
        Ok(Outcome::WaitFor(wait)) => {
            reply.cut(mark);
            wait.nothing.write(reply);
            Ok(None)
        }
        Err(error) if is_fatal(&error) => Err(error),
        Err(error) => {
            reply.cut(mark);
            reply.error(&error);
            Ok(Some(error))
        }
    }
}

/// Whether something may have changed before the error.
pub(super) fn is_fatal(error: &Error) -> bool {
    matches!(error, Error::OutOfMemory | Error::Internal)
}
