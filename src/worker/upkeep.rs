//! What a worker does for its shards unasked: due keys go, garbage is freed, sparse pages are emptied, free memory is
//! given back. All in small steps between requests, and nothing at all once there is nothing left to do.

use engine::keyspace::compact::Compaction;
use engine::shard::ShardId;

use super::Worker;
use super::alarms::Alarm;

/// See the module.
#[derive(Debug, Default)]
pub struct Upkeep {
    /// No key is due before this, unix milliseconds; it may be too early, never too late.
    due_ms: u64,
    /// Shards with garbage.
    littered: Vec<ShardId>,
    /// Shards whose sparse pages are being emptied.
    compacting: Vec<(ShardId, Compaction)>,
    /// Shards that were worked on since the last inspection.
    worn: Vec<ShardId>,
    /// The next inspection is set.
    is_inspection_set: bool,
}

/// How many due keys of a shard are deleted in a turn.
const EXPIRE_STEP: usize = 64;
/// How many dropped blocks of a shard are freed in a turn.
const RECLAIM_STEP: usize = 256;
/// How many entries of a shard are looked at in a turn to move them out of sparse pages.
const COMPACT_STEP: usize = 128;
/// How long after a change a shard is inspected.
const INSPECT_AFTER_MS: u64 = 1000;
/// How many chunks of free pages an inspection gives back to the system.
const TRIM_CHUNKS: usize = 64;
/// A shard is compacted when its blocks would fit into this part of its pages.
const DENSE_PART: f64 = 0.75;

impl Worker {
    /// When upkeep wants the next turn: now, at some time, or not by itself.
    pub(super) fn next_upkeep_ms(&self) -> Option<u64> {
        let upkeep = &self.upkeep;
        let mut at_work = upkeep.littered.iter().chain(upkeep.compacting.iter().map(|(id, _)| id));
        if at_work.any(|id| self.berths.is_home(*id)) {
            return Some(0);
        }
        (self.node.expires_actively() && upkeep.due_ms != u64::MAX).then_some(upkeep.due_ms)
    }

    /// One turn's upkeep.
    pub(super) fn keep_up(&mut self) {
        self.note_used();
        self.expire_due_keys();
        self.reclaim();
        self.compact();
    }

    /// Looks at what the turn has left behind in the shards it used.
    fn note_used(&mut self) {
        let Worker { berths, upkeep, executor, timers, .. } = self;
        berths.take_used(|shard| {
            let stats = shard.keyspace.take_stats();
            executor.count(&stats);
            upkeep.due_ms = upkeep.due_ms.min(shard.keyspace.no_deadline_before_ms());
            if shard.keyspace.has_garbage() && !upkeep.littered.contains(&shard.id) {
                upkeep.littered.push(shard.id);
            }
            if !upkeep.worn.contains(&shard.id) {
                upkeep.worn.push(shard.id);
            }
        });
        if !upkeep.worn.is_empty() && !upkeep.is_inspection_set {
            upkeep.is_inspection_set = true;
            timers.set(executor.now_ms + INSPECT_AFTER_MS, Alarm::Inspection);
        }
    }

    /// Deletes keys whose time has come, a bounded number of each shard.
    fn expire_due_keys(&mut self) {
        if self.executor.now_ms < self.upkeep.due_ms || !self.node.expires_actively() {
            return;
        }
        let mut due_ms = u64::MAX;
        for shard in self.berths.all_home() {
            // What is left over keeps the deadline in the past, so that the next turn does not wait.
            shard.keyspace.expire_due(self.executor.now_ms, EXPIRE_STEP);
            if shard.keyspace.waiters().are_ready() {
                self.executor.serve_waiters(&mut [&mut shard.keyspace]);
            }
            self.executor.count(&shard.keyspace.take_stats());
            due_ms = due_ms.min(shard.keyspace.no_deadline_before_ms());
            if shard.keyspace.has_garbage() && !self.upkeep.littered.contains(&shard.id) {
                self.upkeep.littered.push(shard.id);
            }
        }
        self.upkeep.due_ms = due_ms;
        self.follow_up();
    }

    fn reclaim(&mut self) {
        let Worker { berths, upkeep, .. } = self;
        upkeep.littered.retain(|id| match berths.at_home(*id) {
            Some(shard) => shard.keyspace.reclaim(RECLAIM_STEP),
            // It is away; when it comes home it is looked at again.
            None => false,
        });
    }

    fn compact(&mut self) {
        let Worker { berths, upkeep, .. } = self;
        upkeep.compacting.retain_mut(|(id, compaction)| match berths.at_home(*id) {
            Some(shard) => {
                let more = shard.keyspace.compact(compaction, COMPACT_STEP);
                if !more {
                    shard.keyspace.give_back(TRIM_CHUNKS);
                }
                more
            }
            None => true,
        });
    }

    /// Some time after shards have changed: gives back what they do not need, and begins to compact where it pays.
    pub(super) fn inspect_shards(&mut self) {
        let Worker { berths, upkeep, .. } = self;
        upkeep.is_inspection_set = false;
        for id in std::mem::take(&mut upkeep.worn) {
            let Some(shard) = berths.at_home(id) else { continue };
            shard.keyspace.give_back(TRIM_CHUNKS);
            let is_compacted = upkeep.compacting.iter().any(|(other, _)| *other == id);
            if !is_compacted && shard.keyspace.density() < DENSE_PART {
                upkeep.compacting.push((id, Compaction::default()));
            }
        }
    }
}
