//! What workers say to each other.

use engine::command::{Error, Visitor};
use engine::keyspace::watch::WatchTicket;
use engine::shard::{Shard, ShardId};

use super::batch::{Batch, Guest, ReturnTo};
use super::exec::Bundle;
use super::waiting::{Parking, Service, Woken};
use crate::client::Asking;
use crate::commands::Survey;
use crate::dispatch::WorkerId;

/// A message. Each is a box, so that rings stay small.
pub enum Message {
    /// Run these on your shards.
    Requests(Box<Batch>),
    /// Run this one request on all shards it needs, which are yours.
    Coordinate(Box<Transaction>),
    /// Requests of yours, run.
    Replies(Box<Batch>),
    /// Lend me these shards.
    Hold(Box<Hold>),
    /// Here they are.
    Held(Box<Hold>),
    /// Here you have them back.
    Release(Box<Hold>),
    /// A request of yours has begun to wait.
    Parked(Box<Parking>),
    /// A request of yours that has waited is answered.
    Woken(Box<Woken>),
    /// A visitor for one of your shards.
    Visit(Box<Visit>),
    /// A visitor of yours is back.
    Visited(Box<Visit>),
    /// A client of mine watches keys of yours no longer.
    Unwatch(Box<Unwatch>),
    /// A question to you.
    Ask(Box<Inquiry>),
    /// A question of yours, answered by all.
    Asked(Box<Inquiry>),
}

/// What needs several shards at once.
pub struct Transaction {
    pub work: Work,
    /// Ascending.
    pub shards: Vec<ShardId>,
}

/// What to do when all shards are held.
pub enum Work {
    /// Just one request.
    Request(Box<Batch>),
    /// A waiter to be served.
    Service(Box<Service>),
    /// EXEC of a client of the worker that coordinates.
    Bundle(Box<Bundle>),
}

/// Keys of one shard that are watched no longer.
pub struct Unwatch {
    pub shard: ShardId,
    pub ticket: WatchTicket,
    /// With their databases.
    pub keys: Vec<(u32, Box<[u8]>)>,
}

/// A loan of shards from their owner to the worker that runs a transaction. Given in ascending order, one by one, as
/// each becomes free.
pub struct Hold {
    pub borrower: WorkerId,
    /// The borrower's name for the transaction.
    pub transaction: usize,
    /// Ascending, all of one owner.
    pub wanted: Vec<ShardId>,
    /// The first of them, so far.
    pub shards: Vec<Box<Shard>>,
}

/// A visitor on tour.
pub struct Visit {
    pub visitor: Box<dyn Visitor>,
    pub row: u16,
    /// Where it goes next.
    pub shard: ShardId,
    pub guest: Guest,
    pub return_to: ReturnTo,
    /// Why the tour ended early.
    pub failure: Option<Error>,
}

/// A question on its way through all workers.
pub struct Inquiry {
    pub survey: Box<dyn Survey>,
    pub row: u16,
    /// Shards of this worker that it has still to look at, the next one last.
    pub shards_left: Vec<ShardId>,
    pub return_to: ReturnTo,
    /// The request that it came from.
    pub asking: Asking,
    /// It panicked on the way.
    pub failed: bool,
}
