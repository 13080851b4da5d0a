//! Skewed data: memory stays within a small multiple of what evenly spread entries take, and paths stay
//! short. Then emptying: what is left takes as little.

use shm::hash_index::{Entry, HashIndex, IndexStats};
use shm::{Handle, Heap};

use crate::world::Random;

/// Entries that are numbers; `hashes` has the hash of each.
struct Numbers {
    heap: Heap,
    index: HashIndex,
    hashes: Vec<u64>,
}

impl Numbers {
    fn new() -> Numbers {
        // Handle 0 is none.
        Numbers { heap: Heap::in_memory(256 << 20), index: HashIndex::new(0, 16_384), hashes: vec![0] }
    }

    fn add(&mut self, hash: u64) {
        let entry: Handle<Entry> = Handle::from_raw(self.hashes.len() as u32).unwrap();
        self.hashes.push(hash);
        let hash_of = |_: &Heap, entry: Handle<Entry>| self.hashes[entry.raw() as usize];
        self.index.insert(&mut self.heap, hash, entry, &hash_of).unwrap();
        self.heap.commit();
    }

    fn remove(&mut self, number: usize) {
        let hash = self.hashes[number];
        let found = self.index.find(&self.heap, hash, |entry| entry.raw() as usize == number).unwrap();
        let hash_of = |_: &Heap, entry: Handle<Entry>| self.hashes[entry.raw() as usize];
        self.index.remove(&mut self.heap, &found, &hash_of).unwrap();
        self.heap.commit();
    }

    /// Checks everything, and that the index takes at most so many bytes per key and links per lookup.
    fn check(&self, what: &str, bytes_max: f64, links_max: u32) -> IndexStats {
        let hash_of = |_: &Heap, entry: Handle<Entry>| self.hashes[entry.raw() as usize];
        self.index.verify(&self.heap, &hash_of, &mut |_| Ok(()), &mut |_| Ok(())).unwrap();
        let stats = self.index.stats(&self.heap);
        let bytes = self.heap.used_bytes() as f64 / self.index.len() as f64;
        println!("{what}: {} keys, {bytes:.2} bytes each, {stats:?}", self.index.len());
        assert!(bytes <= bytes_max, "{what}: {bytes:.2} bytes per key");
        assert!(stats.links_max <= links_max, "{what}: {} links", stats.links_max);
        stats
    }
}

fn hash_in(slot: u64, random: &mut Random) -> u64 {
    slot << 50 | random.next() >> 14
}

#[test]
fn all_keys_in_one_slot() {
    let mut random = Random(1);
    let mut numbers = Numbers::new();
    for _ in 0..300_000 {
        numbers.add(hash_in(12_345, &mut random));
    }
    numbers.check("one slot", 7.0, 8);
    // The others come later.
    for slot in 0..16_384 {
        numbers.add(hash_in(slot, &mut random));
    }
    numbers.check("and one key in each", 8.0, 8);
}

#[test]
fn one_key_in_each_slot() {
    let mut random = Random(2);
    let mut numbers = Numbers::new();
    for step in 0..16_384 {
        numbers.add(hash_in(step * 5 % 16_384, &mut random));
    }
    numbers.check("one key per slot", 7.0, 3);
    for _ in 0..300_000 {
        numbers.add(hash_in(77, &mut random));
    }
    numbers.check("and a hot slot", 7.0, 8);
}

#[test]
fn some_keys_in_some_slots() {
    // As many keys as are one too many for a point of a wide span, as far apart as hurts.
    for (keys, stride, bytes_max) in
        [(25, 64, 30.0), (25, 512, 40.0), (60, 64, 20.0), (25, 16_384, 40.0), (100, 8, 10.0), (13, 16, 15.0)]
    {
        let mut random = Random(stride);
        let mut numbers = Numbers::new();
        for _ in 0..keys {
            for slot in (0..16_384).step_by(stride as usize) {
                numbers.add(hash_in(slot, &mut random));
            }
        }
        numbers.check(&format!("{keys} keys in every {stride}th slot"), bytes_max, 9);
    }
}

#[test]
fn an_emptying_index_gives_memory_back() {
    let mut random = Random(4);
    let mut numbers = Numbers::new();
    for _ in 0..100_000 {
        let slot = random.below(16_384);
        numbers.add(hash_in(slot, &mut random));
    }
    let mut left: Vec<usize> = (1..numbers.hashes.len()).collect();
    for (percent, bytes_max) in [(70, 9.0), (50, 12.5), (30, 18.0), (10, 18.0), (3, 18.0), (1, 18.0)] {
        while left.len() > 1000 * percent {
            let number = left.swap_remove(random.below(left.len() as u64) as usize);
            numbers.remove(number);
        }
        numbers.check(&format!("{percent} % left"), bytes_max, 3);
    }
    for number in left {
        numbers.remove(number);
    }
    assert_eq!(numbers.heap.used_bytes(), 0);
}

#[test]
fn a_range_that_empties_gives_memory_back() {
    let mut random = Random(5);
    let mut numbers = Numbers::new();
    for _ in 0..100_000 {
        let slot = random.below(16_384);
        numbers.add(hash_in(slot, &mut random));
    }
    let mut order: Vec<usize> = (1..numbers.hashes.len()).collect();
    order.sort_by_key(|&number| numbers.hashes[number]);
    for &number in &order[1000..] {
        numbers.remove(number);
    }
    numbers.check("the first hundredth left", 10.0, 3);
}

#[test]
fn nothing_is_rebuilt_that_would_stay_as_large() {
    let mut random = Random(6);
    let mut numbers = Numbers::new();
    // Two buckets, one for each half of the slots; the second nearly empty.
    for half in [[0; 11].as_slice(), &[1; 2]].concat() {
        let slot = half * 8192 + random.below(8192);
        numbers.add(hash_in(slot, &mut random));
    }
    let blocks = |numbers: &Numbers| numbers.heap.allocated_blocks().collect::<Vec<_>>();
    let before = blocks(&numbers);
    assert_eq!(numbers.index.stats(&numbers.heap).bucket_count, 2);
    numbers.remove(13);
    assert_eq!(blocks(&numbers), before);
    // Eleven fit into one.
    numbers.remove(12);
    assert_eq!(numbers.index.stats(&numbers.heap).bucket_count, 1);
}
