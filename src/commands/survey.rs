//! Questions to all workers: CLIENT LIST, CLIENT KILL, INFO.

use engine::command::Reply;
use engine::keyspace::Keyspace;
use engine::shard::ShardId;

use crate::client::{Buffers, Client, Protocol};
use crate::telemetry::Rate;

/// A question on its way through the workers, in ascending order, the asking client's own among them. It
/// is sent from thread to thread, so it owns what it carries.
pub trait Survey: Send {
    /// Whether [`Survey::shard`] is to be called for every shard, before [`Survey::worker`] of its owner.
    /// A shard that is away for a transaction is waited for.
    fn wants_shards(&self) -> bool {
        false
    }

    /// Looks at one shard.
    fn shard(&mut self, _id: ShardId, _keyspace: &mut Keyspace) {}

    /// Looks at one worker.
    fn worker(&mut self, worker: &mut dyn WorkerView);

    /// Writes the reply, back at the client's worker.
    fn finish(self: Box<Self>, reply: &mut dyn Reply);
}

/// What a survey sees of a worker.
pub trait WorkerView {
    /// Its number, from 0.
    fn id(&self) -> usize;

    /// How busy it has been lately.
    fn rate(&self) -> Rate;

    /// Calls `visit` with each of the worker's clients, in no order.
    fn clients(&mut self, visit: &mut dyn FnMut(ClientView<'_>) -> Fate);
}

/// One client, as its worker sees it.
pub struct ClientView<'v> {
    pub client: &'v mut Client,
    pub protocol: Protocol,
    pub buffers: Buffers,
}

/// What becomes of a client that was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Spare,
    /// Its command that waits is answered as if its time were over, or with an error.
    EndWait {
        error: Option<&'static [u8]>,
    },
    /// Its connection is closed: at once, or after the reply if it is the one that asks.
    Kill,
}
