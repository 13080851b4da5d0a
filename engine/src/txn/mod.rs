//! One call, or many (`many`), on the shards they were given, all or nothing.

mod many;

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::command::{Args, Caller, CommandResult, DataCommand, Error, Exec, Reply};
use crate::keyspace::Keyspace;

pub use many::{Hands, run_many, settle};

/// Decides commits that span several shards, durably: a line of the control segment.
pub trait Coordinator {
    /// A number that no transaction in flight has.
    fn begin(&mut self) -> u64;
    /// The transaction is committed from the moment this store is done.
    fn announce(&mut self, txid: u64);
    /// Every shard has committed: the line may be used again.
    fn clear(&mut self);
}

/// Runs a command as one transaction on `held`: after it either all its changes are permanent and its
/// reply is complete, or nothing has changed and the reply is the error alone.
///
/// A panic in the handler is a defect that costs only this command: it is taken back and answered with
/// [`Error::Internal`].
pub fn run(
    held: &mut [&mut Keyspace],
    caller: &Caller,
    now_ms: u64,
    command: &DataCommand,
    args: &mut Args<'_>,
    reply: &mut dyn Reply,
    coordinator: &mut dyn Coordinator,
) -> CommandResult {
    transact(held, reply, coordinator, |held, reply| {
        let result = (command.run)(&mut Exec::new(held, caller, now_ms), args, reply);
        // Among others the error would stand alone: see `many`.
        debug_assert!(
            !result.as_ref().is_err_and(|error| !many::is_fatal(error))
                || !held.iter().any(|keyspace| keyspace.heap.in_transaction()),
            "{}: a handler decides before it writes",
            command.spec.name
        );
        result
    })
}

/// The transaction around any piece of work; see [`run`].
pub fn transact<T, R: Reply + ?Sized>(
    held: &mut [&mut Keyspace],
    reply: &mut R,
    coordinator: &mut dyn Coordinator,
    work: impl FnOnce(&mut [&mut Keyspace], &mut R) -> Result<T, Error>,
) -> Result<T, Error> {
    let mark = reply.mark();
    let mut value = None;
    let result = catch_unwind(AssertUnwindSafe(|| {
        value = Some(work(held, reply)?);
        commit(held, coordinator);
        Ok(())
    }));
    let is_open = |keyspace: &&mut Keyspace| keyspace.heap.in_transaction();
    let failure = match (result, value) {
        (Ok(Ok(())), Some(value)) => return Ok(value),
        (Ok(Err(error)), _) => error,
        // The commit word was stored before the defect showed: it has happened.
        (Err(_), Some(value)) if !held.iter().any(is_open) => {
            held.iter_mut().for_each(|keyspace| keyspace.commit());
            return Ok(value);
        }
        _ => Error::Internal,
    };
    held.iter_mut().for_each(|keyspace| keyspace.rollback());
    reply.cut(mark);
    reply.error(&failure);
    Err(failure)
}

#[inline]
fn commit(held: &mut [&mut Keyspace], coordinator: &mut dyn Coordinator) {
    if let [keyspace] = held {
        return keyspace.commit();
    }
    let dirty = held.iter().filter(|keyspace| keyspace.heap.in_transaction()).count();
    if dirty < 2 {
        held.iter_mut().for_each(|keyspace| keyspace.commit());
        return;
    }
    let txid = coordinator.begin();
    for keyspace in held.iter_mut().filter(|keyspace| keyspace.heap.in_transaction()) {
        keyspace.heap.prepare(txid);
    }
    let point_of_no_return = AbortOnPanic;
    coordinator.announce(txid);
    held.iter_mut().for_each(|keyspace| keyspace.commit());
    coordinator.clear();
    std::mem::forget(point_of_no_return);
}

/// From the decision to the last commit word nothing can be taken back here: if the code panics there,
/// the process ends and recovery finishes the transaction everywhere.
struct AbortOnPanic;

impl Drop for AbortOnPanic {
    fn drop(&mut self) {
        std::process::abort();
    }
}
