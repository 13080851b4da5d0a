//! An index over entries that are nothing but a hash and a number, beside the model of what it holds.

use std::collections::{BTreeMap, HashSet};

use shm::hash_index::{Entry, Found, HashIndex};
use shm::{Handle, Heap, OutOfMemory};

/// The hash of an entry, read from its block.
pub fn hash_of(heap: &Heap, entry: Handle<Entry>) -> u64 {
    heap.u64_at(entry, 0)
}

/// Index and model. The key of an entry is its hash and a number, so that hashes may collide.
pub struct World {
    pub heap: Heap,
    pub index: HashIndex,
    pub model: BTreeMap<(u64, u64), Handle<Entry>>,
}

impl World {
    pub fn new(first_slot: u16, slot_count: u16, capacity_bytes: usize) -> World {
        let heap = Heap::in_memory(capacity_bytes);
        World { heap, index: HashIndex::new(first_slot, slot_count), model: BTreeMap::new() }
    }

    pub fn find(&self, hash: u64, number: u64) -> Option<Found> {
        let is_match = |entry| self.heap.u64_at(entry, 0) == hash && self.heap.u64_at(entry, 8) == number;
        self.index.find(&self.heap, hash, is_match)
    }

    fn new_entry(&mut self, hash: u64, number: u64) -> Result<Handle<Entry>, OutOfMemory> {
        let entry = self.heap.allocate(16)?;
        self.heap.fill(entry, 0, 16, |bytes| {
            bytes[..8].copy_from_slice(&hash.to_le_bytes());
            bytes[8..].copy_from_slice(&number.to_le_bytes());
        });
        Ok(entry)
    }

    /// Inserts an absent entry or replaces the block of a present one.
    pub fn put(&mut self, hash: u64, number: u64) -> Result<(), OutOfMemory> {
        let entry = self.new_entry(hash, number)?;
        match self.find(hash, number) {
            Some(found) => {
                self.index.replace(&mut self.heap, &found, entry)?;
                self.heap.free(found.entry());
            }
            None => self.index.insert(&mut self.heap, hash, entry, &hash_of)?,
        }
        self.model.insert((hash, number), entry);
        Ok(())
    }

    /// Removes an entry; whether it was there.
    pub fn remove(&mut self, hash: u64, number: u64) -> Result<bool, OutOfMemory> {
        let Some(found) = self.find(hash, number) else { return Ok(false) };
        self.index.remove(&mut self.heap, &found, &hash_of)?;
        self.heap.free(found.entry());
        self.model.remove(&(hash, number));
        Ok(true)
    }

    /// Index and model agree, and between transactions memory too: what nothing refers to is free.
    pub fn check(&self) {
        let mut blocks = HashSet::new();
        let mut index_bytes = 0;
        let mut entries = HashSet::new();
        let mut entry_bytes = 0;
        let verified = self.index.verify(
            &self.heap,
            &hash_of,
            &mut |block| {
                assert!(blocks.insert(block.raw()), "{block:?} is linked twice");
                index_bytes += self.heap.capacity_of(block) as u64;
                Ok(())
            },
            &mut |entry| {
                assert!(entries.insert(entry.raw()), "{entry:?} is held twice");
                entry_bytes += self.heap.capacity_of(entry) as u64;
                Ok(())
            },
        );
        verified.unwrap();
        assert_eq!(self.index.len(), self.model.len() as u64);
        assert!(self.model.values().all(|entry| entries.contains(&entry.raw())));
        if !self.heap.in_transaction() {
            assert_eq!(self.heap.used_bytes(), index_bytes + entry_bytes, "blocks that nothing refers to");
        }
        assert_eq!(HashIndex::decode(self.index.encode()), Some(self.index));
        if self.model.is_empty() {
            assert_eq!(index_bytes, 0, "an empty index has no blocks");
        }
    }

    /// Every entry of the model is found, by itself.
    pub fn check_lookups(&self) {
        for (&(hash, number), &entry) in &self.model {
            assert_eq!(self.find(hash, number).map(|found| found.entry()), Some(entry), "{hash:x}/{number}");
            assert_eq!(self.find(hash, number + (1 << 40)), None);
        }
    }
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
