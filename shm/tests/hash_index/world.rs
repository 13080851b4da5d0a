//! An index over entries that are nothing but a hash and a number, beside the model of what it holds.

use std::collections::BTreeSet;

use shm::hash_index::{DetachedIndex, Entry, Found, HashIndex};
use shm::{Handle, Heap, OutOfMemory};

/// The hash of an entry, read from its block.
pub fn hash_of(heap: &Heap, entry: Handle<Entry>) -> u64 {
    heap.u64_at(entry, 0)
}

/// Hash and number: what tells entries apart.
pub type Key = (u64, u64);

fn key_of(heap: &Heap, entry: Handle<Entry>) -> Key {
    (hash_of(heap, entry), heap.u64_at(entry, 8))
}

/// The root words that hold the index, and those of a detached one.
const INDEX_WORDS: [usize; 2] = [0, 1];
const DETACHED_WORDS: [usize; 2] = [2, 3];

/// An index in a heap. Its stored form is kept in root words, as a user of the index would keep it.
pub struct Store {
    pub heap: Heap,
    pub index: HashIndex,
    pub detached: Option<DetachedIndex>,
}

impl Store {
    pub fn new(first_slot: u16, slot_count: u16, capacity_bytes: usize) -> Store {
        let index = HashIndex::new(first_slot, slot_count);
        let mut store = Store { heap: Heap::in_memory(capacity_bytes), index, detached: None };
        store.commit();
        store
    }

    /// What a heap that has come back holds.
    #[cfg(feature = "fault")]
    pub fn of(heap: Heap) -> Store {
        let mut store = Store { index: HashIndex::new(0, 1), heap, detached: None };
        store.read_roots();
        store
    }

    /// Reads index and detached index from the root words again, as after a rollback.
    pub fn read_roots(&mut self) {
        self.index = HashIndex::decode(INDEX_WORDS.map(|word| self.heap.root(word))).unwrap();
        let detached = DetachedIndex::decode(DETACHED_WORDS.map(|word| self.heap.root(word))).unwrap();
        self.detached = (!detached.is_empty()).then_some(detached);
    }

    /// Stores the index's words and commits; whether there was anything to commit.
    pub fn commit(&mut self) -> bool {
        let detached = self.detached.map_or([0; 2], |detached| detached.encode());
        let index = self.index.encode();
        for (words, values) in [(INDEX_WORDS, index), (DETACHED_WORDS, detached)] {
            for (word, value) in words.into_iter().zip(values) {
                if self.heap.root(word) != value {
                    self.heap.set_root(word, value).unwrap();
                }
            }
        }
        let has_changed = self.heap.in_transaction();
        self.heap.commit();
        has_changed
    }

    pub fn roll_back(&mut self) {
        self.heap.rollback();
        self.read_roots();
    }

    pub fn find(&self, (hash, number): Key) -> Option<Found> {
        self.index.find(&self.heap, hash, |entry| key_of(&self.heap, entry) == (hash, number))
    }

    fn new_entry(&mut self, key: Key) -> Result<Handle<Entry>, OutOfMemory> {
        let entry = self.heap.allocate(16)?;
        self.heap.fill(entry, 0, 16, |bytes| {
            bytes[..8].copy_from_slice(&key.0.to_le_bytes());
            bytes[8..].copy_from_slice(&key.1.to_le_bytes());
        });
        Ok(entry)
    }

    /// Inserts an absent entry or replaces the block of a present one; whether it was absent.
    pub fn put(&mut self, key: Key) -> Result<bool, OutOfMemory> {
        let entry = self.new_entry(key)?;
        if let Some(found) = self.find(key) {
            self.index.replace(&mut self.heap, &found, entry)?;
            self.heap.free(found.entry());
            return Ok(false);
        }
        self.index.insert(&mut self.heap, key.0, entry, &hash_of)?;
        Ok(true)
    }

    /// Removes an entry; whether it was there.
    pub fn remove(&mut self, key: Key) -> Result<bool, OutOfMemory> {
        let Some(found) = self.find(key) else { return Ok(false) };
        self.index.remove(&mut self.heap, &found, &hash_of)?;
        self.heap.free(found.entry());
        Ok(true)
    }

    /// Detaches everything, while nothing else is detached.
    pub fn detach(&mut self) {
        assert!(self.detached.is_none());
        self.detached = Some(self.index.detach()).filter(|detached| !detached.is_empty());
    }

    /// Gives back a part of what is detached.
    pub fn reclaim(&mut self, blocks_max: usize) -> Result<(), OutOfMemory> {
        let Some(mut detached) = self.detached else { return Ok(()) };
        detached.reclaim(&mut self.heap, blocks_max, |heap, entry| {
            heap.free(entry);
            Ok(())
        })?;
        self.detached = (!detached.is_empty()).then_some(detached);
        Ok(())
    }

    /// Moves all blocks around some buckets for which `moves` holds; the cursor to go on with.
    pub fn relocate(
        &mut self,
        from: u64,
        bucket_count: usize,
        moves: impl FnMut(&Heap, Handle<()>) -> bool,
    ) -> Result<Option<u64>, OutOfMemory> {
        self.index.relocate(&mut self.heap, from, bucket_count, moves, |heap, old| {
            let new = heap.allocate(16)?;
            heap.fill_from(new, 0, old, 0, 16);
            heap.free(old);
            Ok(new)
        })
    }

    /// Checks every invariant, between transactions that of the heap too: exactly what is referred to is
    /// allocated. Returns the keys that the index holds.
    pub fn check(&self) -> BTreeSet<Key> {
        let mut blocks = Vec::new();
        let mut keys = BTreeSet::new();
        let mut entries = Vec::new();
        let verified = self.index.verify(
            &self.heap,
            &hash_of,
            &mut |block| {
                blocks.push(block);
                Ok(())
            },
            &mut |entry| {
                assert!(keys.insert(key_of(&self.heap, entry)), "{entry:?} is held twice");
                entries.push(entry.cast());
                Ok(())
            },
        );
        verified.unwrap();
        let stats = self.index.stats(&self.heap);
        assert_eq!(stats.span_count + stats.node_count, blocks.len() as u64);
        assert!(blocks.is_empty() == keys.is_empty(), "an empty index has no blocks");
        assert_eq!(HashIndex::decode(self.index.encode()), Some(self.index));
        if let Some(detached) = &self.detached {
            detached
                .blocks(&self.heap, &mut |block| blocks.push(block), &mut |entry| entries.push(entry.cast()));
        }
        if !self.heap.in_transaction() {
            self.heap.verify(blocks.into_iter().chain(entries)).unwrap();
        }
        keys
    }
}

/// A store and the model of what it holds.
pub struct World {
    pub store: Store,
    pub model: BTreeSet<Key>,
}

impl World {
    pub fn new(first_slot: u16, slot_count: u16, capacity_bytes: usize) -> World {
        World { store: Store::new(first_slot, slot_count, capacity_bytes), model: BTreeSet::new() }
    }

    pub fn put(&mut self, key: Key) {
        assert_eq!(self.store.put(key).unwrap(), self.model.insert(key));
    }

    pub fn remove(&mut self, key: Key) {
        assert_eq!(self.store.remove(key).unwrap(), self.model.remove(&key));
    }

    /// Every invariant holds, and the index has what the model has.
    pub fn check(&self) {
        assert!(self.store.check().iter().eq(&self.model));
        assert_eq!(self.store.index.len(), self.model.len() as u64);
    }

    /// Every entry of the model is found, and a similar one is not.
    pub fn check_lookups(&self) {
        for &(hash, number) in &self.model {
            let found = self.store.find((hash, number)).map(|found| key_of(&self.store.heap, found.entry()));
            assert_eq!(found, Some((hash, number)));
            assert_eq!(self.store.find((hash, number + (1 << 40))), None);
        }
    }
}

/// PROPTEST_CASES, or a number that keeps this quick.
pub fn cases(default: u32) -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(default)
}

/// A small generator for reproducible runs.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ mixed >> 31
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }
}
