//! Compaction: entries and the blocks of the structures move out of sparse pages, which become free.

use shm::{Handle, Heap, OutOfMemory};

use super::database::{Database, Queue};
use super::entry::{self, Entry, EntryView};
use super::space::{Hashes, Keyspace};
use crate::types::Kind;
use crate::types::collection::{self, Record};

/// How far compaction has come. Private: a crash begins it anew and loses nothing.
#[derive(Debug, Default)]
pub struct Compaction {
    /// Where it goes on; `None` when it is not under way.
    place: Option<At>,
    /// What of the database in hand is moved next.
    values: Vec<Unmoved>,
}

/// A key whose value is to be moved, from a place inside it on.
#[derive(Debug)]
struct Unmoved {
    key: Box<[u8]>,
    from: usize,
}

#[derive(Debug, Clone, Copy)]
struct At {
    db: u32,
    phase: Phase,
    cursor: u64,
}

/// What of a database is moved.
#[derive(Debug, Clone, Copy)]
enum Phase {
    /// Entries and the blocks of the index.
    Index,
    /// Long keys and values, and collections.
    Values,
    /// A tree of deadlines.
    Deadlines(Queue),
}

/// Pages that are emptied at a time.
const PAGES: usize = 16;

impl Keyspace {
    /// Does a bounded piece of compaction, about `entries` entries, in a transaction of its own. Returns
    /// whether there is more to do. Nothing is moved unless pages can be gained.
    pub fn compact(&mut self, state: &mut Compaction, entries: usize) -> bool {
        let at = match state.place {
            Some(at) => at,
            None if self.heap.mark_sparse(PAGES) == 0 => return false,
            None => At { db: 0, phase: Phase::Index, cursor: 0 },
        };
        self.forget_latest();
        state.place = match self.compact_step(at, &mut state.values, entries) {
            Ok(next) => {
                self.commit();
                next
            }
            Err(OutOfMemory) => {
                // No room to move anything to: not the time to compact.
                self.rollback();
                None
            }
        };
        if state.place.is_none() {
            state.values.clear();
            self.heap.clear_sparse();
        }
        state.place.is_some()
    }

    /// Which part of the pages in use is taken by blocks. O(1).
    pub fn density(&self) -> f64 {
        let pages_bytes = (self.heap.pages_in_use() * shm::heap::PAGE_LEN) as f64;
        self.heap.used_bytes() as f64 / pages_bytes.max(1.0)
    }

    /// Gives up to `chunks_max` chunks of free memory back to the system, and to the memory budget what it granted
    /// beyond what is used. Must not be called inside a transaction.
    pub fn give_back(&mut self, chunks_max: usize) {
        self.heap.trim(chunks_max);
        self.heap.settle_budget();
    }

    fn compact_step(
        &mut self,
        at: At,
        values: &mut Vec<Unmoved>,
        entries: usize,
    ) -> Result<Option<At>, OutOfMemory> {
        if let Some(value) = values.pop() {
            values.extend(self.compact_value(at.db, value, entries)?);
            return Ok(Some(at));
        }
        let Some((db, database)) = self.databases().find(|(number, _)| *number >= at.db) else {
            return Ok(None);
        };
        let at = if db == at.db { at } else { At { db, phase: Phase::Index, cursor: 0 } };
        let (next, after) = match at.phase {
            Phase::Index => (self.compact_index(database, at.cursor, entries)?, (db, Phase::Values)),
            Phase::Values => {
                let next = self.collect_values(database, at.cursor, values, entries);
                (next, (db, Phase::Deadlines(Queue::Keys)))
            }
            Phase::Deadlines(queue) => {
                let after = match queue {
                    Queue::Keys => (db, Phase::Deadlines(Queue::Fields)),
                    Queue::Fields => (db + 1, Phase::Index),
                };
                (self.compact_deadlines(database, queue, at.cursor, entries)?, after)
            }
        };
        Ok(Some(match next {
            Some(cursor) => At { cursor, ..at },
            None => At { db: after.0, phase: after.1, cursor: 0 },
        }))
    }

    fn compact_index(
        &mut self,
        database: Database,
        cursor: u64,
        entries: usize,
    ) -> Result<Option<u64>, OutOfMemory> {
        let mut index = database.index(&self.heap);
        let mut queues = Queue::ALL.map(|queue| (queue, database.deadlines(&self.heap, queue)));
        let next = index.relocate(
            &mut self.heap,
            cursor,
            entries.div_ceil(ENTRIES_PER_BUCKET),
            |heap, block| heap.is_sparse(block),
            |heap, old| {
                let old: Handle<Entry> = old.cast();
                let times = entry::times(heap, old);
                let fresh = entry::relocate(heap, old)?;
                for (queue, deadlines) in &mut queues {
                    if let Some(time_ms) = times.in_queue(*queue) {
                        deadlines.rekey(heap, (time_ms, old), (time_ms, fresh))?;
                    }
                }
                heap.free(old);
                Ok(fresh.cast())
            },
        )?;
        database.set_index(&mut self.heap, &index)?;
        for (queue, deadlines) in &queues {
            database.set_deadlines(&mut self.heap, *queue, deadlines)?;
        }
        Ok(next)
    }

    /// Notes the keys of entries that lead to more than their own block. Returns where to go on.
    fn collect_values(
        &self,
        database: Database,
        cursor: u64,
        values: &mut Vec<Unmoved>,
        entries: usize,
    ) -> Option<u64> {
        let index = database.index(&self.heap);
        index.scan(&self.heap, cursor, entries, &Hashes(self.hasher()), |entry| {
            let view = EntryView::new(&self.heap, entry.cast());
            if view.kind() != Kind::String || view.extents().next().is_some() {
                values.push(Unmoved { key: view.key().into(), from: 0 });
            }
        })
    }

    /// Moves what a key's entry leads to, as far as a step goes. Returns what is left to do.
    fn compact_value(
        &mut self,
        db: u32,
        Unmoved { key, from }: Unmoved,
        blocks: usize,
    ) -> Result<Option<Unmoved>, OutOfMemory> {
        let is_sparse = |heap: &Heap, block: Handle<()>| heap.is_sparse(block);
        // Deleted or replaced meanwhile: then there is less to do, or what there is lies in new blocks.
        let Some(place) = self.find_any(db, &self.hasher().key(&key)) else { return Ok(None) };
        if from == 0 {
            entry::relocate_extents(&mut self.heap, place.entry(), is_sparse)?;
        }
        let view = self.view(&place);
        if view.kind() == Kind::String {
            return Ok(None);
        }
        let (kind, old) = (view.kind(), Record::of(view.record()));
        let hasher = self.hasher().of_elements();
        let (record, next) =
            collection::relocate(&mut self.heap, (kind, old.bytes()), hasher, from, blocks, &is_sparse)?;
        self.store_record(&place, record.bytes())?;
        Ok(next.map(|from| Unmoved { key, from }))
    }

    fn compact_deadlines(
        &mut self,
        database: Database,
        queue: Queue,
        cursor: u64,
        entries: usize,
    ) -> Result<Option<u64>, OutOfMemory> {
        let mut deadlines = database.deadlines(&self.heap, queue);
        let nodes = entries.div_ceil(DEADLINES_PER_NODE);
        let next =
            deadlines.relocate(&mut self.heap, cursor as usize, nodes, |heap, node| heap.is_sparse(node))?;
        database.set_deadlines(&mut self.heap, queue, &deadlines)?;
        Ok(next.map(|rank| rank as u64))
    }
}

/// About so many, to turn a number of entries into one of blocks.
const ENTRIES_PER_BUCKET: usize = 9;
const DEADLINES_PER_NODE: usize = 96;
