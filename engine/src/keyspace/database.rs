//! A database of a shard: one 64-byte record, made with its first key.
//!
//! ```text
//!  0  u32  number, as SELECT takes it
//!  4  u32  handle of the next record (0: none)
//!  8  16B  root of the hash index
//! 24  u64  root of the tree of deadlines
//! 32  u64  root of the tree of hashes by the earliest deadline of their fields
//! 40  24B  reserved, zero
//! ```
//!
//! The records form a list from root word [`DATABASES_ROOT`]; which number lies where is mirrored in
//! private memory and read again after a rollback.

use shm::hash_index::HashIndex;
use shm::rbtree::{Root, TimedHandles, Tree};
use shm::{Handle, Heap, OutOfMemory};

use super::entry::Entry;
use super::slot::SlotRange;

/// The root word that holds the handle of the first record.
pub const DATABASES_ROOT: usize = 0;

const NUMBER: usize = 0;
const NEXT: usize = 4;
const INDEX: usize = 8;
const DEADLINES: usize = 24;
const FIELD_DEADLINES: usize = 32;
const RECORD_LEN: usize = 64;

/// Marks handles of database records.
pub enum DatabaseRecord {}

/// Entries by deadline.
pub type Deadlines = Tree<TimedHandles<Entry>>;

/// Which deadlines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Queue {
    /// Those of keys.
    Keys,
    /// For each hash with deadlines of fields the earliest of them.
    Fields,
}

impl Queue {
    pub const ALL: [Queue; 2] = [Queue::Keys, Queue::Fields];

    #[inline]
    const fn at(self) -> usize {
        match self {
            Queue::Keys => DEADLINES,
            Queue::Fields => FIELD_DEADLINES,
        }
    }
}

/// A database's place in the heap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Database {
    record: Handle<DatabaseRecord>,
}

impl Database {
    /// All databases that have a record, with their numbers; of a damaged list that runs in a circle no more than could
    /// be there. O(databases).
    pub fn all(heap: &Heap) -> Vec<(u32, Database)> {
        let databases = std::iter::successors(Database::first(heap), |database| database.next(heap));
        let databases = databases.take(heap.used_bytes() as usize / RECORD_LEN);
        databases.map(|database| (database.number(heap), database)).collect()
    }

    /// The first record of the list.
    pub fn first(heap: &Heap) -> Option<Database> {
        Handle::from_raw(heap.root(DATABASES_ROOT) as u32).map(|record| Database { record })
    }

    /// The next record of the list.
    pub fn next(self, heap: &Heap) -> Option<Database> {
        Handle::from_raw(heap.u32_at(self.record, NEXT)).map(|record| Database { record })
    }

    /// The number, as SELECT takes it.
    pub fn number(self, heap: &Heap) -> u32 {
        heap.u32_at(self.record, NUMBER)
    }

    /// A new empty database in front of the list.
    ///
    /// # Errors
    /// [`OutOfMemory`].
    pub fn create(heap: &mut Heap, number: u32, slots: SlotRange) -> Result<Database, OutOfMemory> {
        let record = heap.allocate(RECORD_LEN)?;
        let next = heap.root(DATABASES_ROOT) as u32;
        heap.fill(record, 0, RECORD_LEN, |out| {
            out.fill(0);
            out[NUMBER..NUMBER + 4].copy_from_slice(&number.to_le_bytes());
            out[NEXT..NEXT + 4].copy_from_slice(&next.to_le_bytes());
            let index = HashIndex::new(slots.first(), slots.count()).encode();
            out[INDEX..INDEX + 8].copy_from_slice(&index[0].to_le_bytes());
            out[INDEX + 8..INDEX + 16].copy_from_slice(&index[1].to_le_bytes());
        });
        heap.set_root(DATABASES_ROOT, u64::from(record.raw()))?;
        Ok(Database { record })
    }

    pub fn handle(self) -> Handle<DatabaseRecord> {
        self.record
    }

    /// Gives the database another number (SWAPDB).
    ///
    /// # Errors
    /// [`OutOfMemory`] when the undo log is full.
    pub fn renumber(self, heap: &mut Heap, number: u32) -> Result<(), OutOfMemory> {
        heap.store_u32(self.record, NUMBER, number)
    }

    #[inline]
    pub fn index(self, heap: &Heap) -> HashIndex {
        debug_assert!(self.checked_index(heap).is_some(), "a record holds an index");
        HashIndex::of_sound(self.index_words(heap))
    }

    /// [`Database::index`] of a record that may hold anything.
    #[inline]
    pub fn checked_index(self, heap: &Heap) -> Option<HashIndex> {
        HashIndex::decode(self.index_words(heap))
    }

    #[inline]
    fn index_words(self, heap: &Heap) -> [u64; 2] {
        [heap.u64_at(self.record, INDEX), heap.u64_at(self.record, INDEX + 8)]
    }

    /// Stores what has changed of the index's root.
    ///
    /// # Errors
    /// [`OutOfMemory`] when the undo log is full.
    pub fn set_index(self, heap: &mut Heap, index: &HashIndex) -> Result<(), OutOfMemory> {
        let (old, new) = (self.index_words(heap), index.encode());
        if old[0] != new[0] {
            heap.store_u64(self.record, INDEX, new[0])?;
        }
        if old[1] != new[1] {
            heap.store_u64(self.record, INDEX + 8, new[1])?;
        }
        Ok(())
    }

    #[inline]
    pub fn deadlines(self, heap: &Heap, queue: Queue) -> Deadlines {
        Tree::new(Root::decode(heap.u64_at(self.record, queue.at())), TimedHandles::new())
    }

    /// Stores the root of a tree of deadlines if it has changed.
    ///
    /// # Errors
    /// [`OutOfMemory`] when the undo log is full.
    #[inline]
    pub fn set_deadlines(
        self,
        heap: &mut Heap,
        queue: Queue,
        deadlines: &Deadlines,
    ) -> Result<(), OutOfMemory> {
        let root = deadlines.root().encode();
        if heap.u64_at(self.record, queue.at()) != root {
            heap.store_u64(self.record, queue.at(), root)?;
        }
        Ok(())
    }
}
