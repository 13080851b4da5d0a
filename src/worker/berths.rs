//! The shards that a worker owns: at home, or away for a transaction of another worker (or of its own).
//!
//! Who wants a shard that is away waits in its queue, first come first served. A shard that is at home has
//! nobody waiting for it, unless it is reserved for a waiter that is about to be served by a transaction.

use std::collections::VecDeque;

use engine::keyspace::Keyspace;
use engine::shard::{Shard, ShardId};
use net::resp::Word;
use smallvec::SmallVec;

use super::batch::{Batch, Errand};
use super::message::{Hold, Inquiry, Unwatch, Visit};
use crate::dispatch::{SHARDS_IN_PLACE, WorkerId};

/// Somebody who wants a shard.
pub enum Waiting {
    /// Requests for this shard alone, of one worker's clients.
    Requests(Box<Batch>),
    Hold(Box<Hold>),
    Visit(Box<Visit>),
    Inquiry(Box<Inquiry>),
    Unwatch(Box<Unwatch>),
}

/// By shard, the foreign ones too.
#[derive(Default)]
pub struct Berths {
    berths: Vec<Berth>,
    /// Shards in which something may have changed since [`Berths::take_used`].
    used: Vec<ShardId>,
}

#[derive(Default)]
struct Berth {
    shard: Option<Box<Shard>>,
    queue: VecDeque<Waiting>,
    /// It is in `used`.
    is_used: bool,
    /// One of its waiters needs other shards too: until it is served only transactions get the shard.
    is_reserved: bool,
}

impl Berths {
    /// Berths for `shard_count` shards, of which `own` are at home.
    pub fn new(shard_count: usize, own: Vec<Box<Shard>>) -> Berths {
        let berths = (0..shard_count).map(|_| Berth::default()).collect();
        let mut berths = Berths { berths, used: Vec::new() };
        own.into_iter().for_each(|shard| berths.put(shard));
        berths
    }

    /// A shard that is ours and at home, to work on.
    #[inline]
    pub fn home(&mut self, id: ShardId) -> Option<&mut Shard> {
        let berth = &mut self.berths[usize::from(id.0)];
        if !berth.is_used {
            berth.is_used = true;
            self.used.push(id);
        }
        if berth.is_reserved {
            return None;
        }
        berth.shard.as_deref_mut()
    }

    /// A shard that is ours and at home, to look at.
    #[inline]
    pub fn peek(&self, id: ShardId) -> Option<&Shard> {
        self.berths[usize::from(id.0)].shard.as_deref()
    }

    /// A shard that is ours and at home, for upkeep: that does not count as use.
    pub fn at_home(&mut self, id: ShardId) -> Option<&mut Shard> {
        self.berths[usize::from(id.0)].shard.as_deref_mut()
    }

    /// The shards at home in which something may have changed since the last time.
    pub fn take_used(&mut self, mut visit: impl FnMut(&mut Shard)) {
        for id in self.used.drain(..) {
            let berth = &mut self.berths[usize::from(id.0)];
            berth.is_used = false;
            if let Some(shard) = berth.shard.as_deref_mut() {
                visit(shard);
            }
        }
    }

    #[inline]
    pub fn is_home(&self, id: ShardId) -> bool {
        self.berths[usize::from(id.0)].shard.is_some()
    }

    /// All shards that are at home.
    pub fn all_home(&mut self) -> impl Iterator<Item = &mut Shard> {
        self.berths.iter_mut().filter_map(|berth| berth.shard.as_deref_mut())
    }

    /// Does `work` with the keys of several shards, which are in the order of their slots as `ids` is. Does nothing
    /// and returns `None` unless all are at home.
    pub fn with_all<R>(
        &mut self,
        ids: &[ShardId],
        work: impl FnOnce(&mut [&mut Keyspace]) -> R,
    ) -> Option<R> {
        if !ids.iter().all(|id| self.home(*id).is_some()) {
            return None;
        }
        let (mut rest, mut first) = (&mut self.berths[..], 0);
        let mut held: SmallVec<[&mut Keyspace; SHARDS_IN_PLACE]> = SmallVec::new();
        for id in ids {
            let at = usize::from(id.0);
            let (berth, behind) = rest[at - first..].split_first_mut()?;
            held.push(&mut berth.shard.as_deref_mut()?.keyspace);
            (rest, first) = (behind, at + 1);
        }
        Some(work(&mut held))
    }

    /// A shard leaves.
    pub fn take(&mut self, id: ShardId) -> Option<Box<Shard>> {
        self.berths[usize::from(id.0)].shard.take()
    }

    /// A shard is at home. The caller serves who waits for it before anything else.
    pub fn put(&mut self, shard: Box<Shard>) {
        let berth = &mut self.berths[usize::from(shard.id.0)];
        debug_assert!(berth.shard.is_none(), "there is one of each shard");
        if !std::mem::replace(&mut berth.is_used, true) {
            self.used.push(shard.id);
        }
        berth.is_reserved = shard.keyspace.waiters().are_stopped();
        berth.shard = Some(shard);
    }

    /// Waiters of these shards may have stopped: then nothing else runs on those that are at home.
    pub fn refresh_reservations(&mut self, ids: &[ShardId]) {
        for id in ids {
            let berth = &mut self.berths[usize::from(id.0)];
            if let Some(shard) = &berth.shard {
                berth.is_reserved = shard.keyspace.waiters().are_stopped();
            }
        }
    }

    /// Waits for a shard that is away.
    pub fn queue(&mut self, id: ShardId, waiting: Waiting) {
        self.berths[usize::from(id.0)].queue.push_back(waiting);
    }

    /// Lets a request wait for its shard, behind everything that waits already. `fresh` makes an empty batch of
    /// the request's origin.
    pub fn queue_request(
        &mut self,
        origin: WorkerId,
        errand: Errand,
        (text, words): (&[u8], &[Word]),
        fresh: impl FnOnce() -> Box<Batch>,
    ) {
        let queue = &mut self.berths[usize::from(errand.shard.0)].queue;
        match queue.back_mut() {
            Some(Waiting::Requests(batch)) if batch.origin == origin && !batch.is_full() => {
                batch.push(errand, text, words);
            }
            _ => {
                let mut batch = fresh();
                batch.push(errand, text, words);
                queue.push_back(Waiting::Requests(batch));
            }
        }
    }

    /// Who is next in line for a shard: while it is reserved, the next transaction.
    pub fn next_waiting(&mut self, id: ShardId) -> Option<Waiting> {
        let berth = &mut self.berths[usize::from(id.0)];
        if !berth.is_reserved {
            return berth.queue.pop_front();
        }
        let first = berth.queue.iter().position(|waiting| matches!(waiting, Waiting::Hold(_)))?;
        berth.queue.remove(first)
    }

    /// Whether nobody waits for anything.
    pub fn is_quiet(&self) -> bool {
        self.berths.iter().all(|berth| berth.queue.is_empty())
    }

    /// All shards at home leave for good.
    pub fn into_shards(self) -> Vec<Box<Shard>> {
        self.berths.into_iter().filter_map(|berth| berth.shard).collect()
    }
}
