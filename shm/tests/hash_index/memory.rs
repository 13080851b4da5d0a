//! Bytes per key, counted. Entries here are numbers whose hash is computed, so that only the index takes
//! memory.

use shm::hash_index::{Entry, HashIndex};
use shm::{Handle, Heap};

use crate::world::Random;

fn hash_of(_: &Heap, entry: Handle<Entry>) -> u64 {
    even_hash(u64::from(entry.raw()))
}

/// A hash in slots 0..2048.
fn even_hash(number: u64) -> u64 {
    Random(number).next() >> 3
}

fn entry(number: u64) -> Handle<Entry> {
    Handle::from_raw(number as u32).unwrap()
}

/// Bytes per key at sizes from `from` to `to`, eight per doubling.
fn bytes_per_key(from: u64, to: u64) -> Vec<(u64, f64)> {
    let mut heap = Heap::in_memory((16 << 20) + to as usize * 40);
    let mut index = HashIndex::new(0, 2048);
    let mut found = Vec::new();
    let mut size = from as f64;
    for number in 1..=to {
        index.insert(&mut heap, even_hash(number), entry(number), &hash_of).unwrap();
        heap.commit();
        if number as f64 >= size {
            found.push((number, heap.used_bytes() as f64 / number as f64));
            size *= 2f64.powf(0.125);
        }
    }
    found
}

fn check(from: u64, to: u64) {
    let found = bytes_per_key(from, to);
    for &(size, bytes) in &found {
        println!("{size:>9} keys {bytes:.2}");
        assert!(bytes <= 8.0, "{bytes:.2} bytes per key at {size}");
    }
    let mean = found.iter().map(|(_, bytes)| bytes).sum::<f64>() / found.len() as f64;
    println!("mean {mean:.3}");
    assert!(mean <= 6.9, "{mean:.2} bytes per key on average");
}

#[test]
fn the_largest_span_fills_to_nine_tenths_before_it_is_cut() {
    let mut loads = Vec::new();
    for seed in 0..40u64 {
        let mut heap = Heap::in_memory(1 << 20);
        let mut index = HashIndex::new(0, 2048);
        let hash_of = |_: &Heap, entry: Handle<Entry>| even_hash(seed << 32 | u64::from(entry.raw()));
        while index.stats(&heap).span_count < 2 {
            let number = index.len() + 1;
            index.insert(&mut heap, even_hash(seed << 32 | number), entry(number), &hash_of).unwrap();
            heap.commit();
        }
        loads.push((index.len() - 1) as f64 / (63.0 * 12.0));
    }
    let mean = loads.iter().sum::<f64>() / loads.len() as f64;
    println!("cut at {mean:.3} of its lanes on average");
    assert!(mean > 0.9, "{mean:.3}");
}

#[test]
fn a_key_takes_less_than_seven_bytes() {
    check(6_000, 400_000);
}

#[test]
#[ignore = "the same up to ten million keys, as a report"]
fn a_key_takes_less_than_seven_bytes_at_any_size() {
    check(1_000, 10_000_000);
}
