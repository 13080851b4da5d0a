//! What lists take beside their elements.

use engine::types::collection::Collection;
use engine::types::list::List;
use shm::Heap;
use shm::stored_hash::StoredHasher;

/// Bytes beside the elements' own, each.
fn overhead(count: usize, len: usize, at_left: impl Fn(usize) -> bool) -> f64 {
    let mut heap = Heap::in_memory(64 << 20);
    let mut list = List::empty(StoredHasher::new([0; 16]));
    let before = heap.used_bytes();
    for nth in 0..count {
        let index = if at_left(nth) { 0 } else { list.len() };
        list.insert(&mut heap, index, &vec![b'e'; len]).expect("room");
    }
    heap.commit();
    let taken = heap.used_bytes() - before + list.record().bytes().len() as u64;
    // Some come out again, so that blocks with room to spare are seen.
    for nth in 0..count / 10 {
        let end = if at_left(nth) { 0 } else { list.len() - 1 };
        list.remove(&mut heap, end).expect("room");
        heap.commit();
    }
    let left = list.len();
    let taken_then = heap.used_bytes() - before + list.record().bytes().len() as u64;
    let each = |taken: u64, count: usize| (taken as f64 - (count * len) as f64) / count as f64;
    each(taken, count).max(each(taken_then, left))
}

#[test]
fn elements_take_little_beside_their_bytes() {
    for count in [100, 1000, 100_000] {
        for len in [3, 10, 20] {
            for (name, at_left) in [
                ("right", (|_| false) as fn(usize) -> bool),
                ("left", |_| true),
                ("both", |nth| nth % 2 == 0),
            ] {
                let each = overhead(count, len, at_left);
                println!("{count} of {len} from {name}: {each:.2}");
                assert!(each < 4.0, "{count} of {len} from {name}: {each:.2}");
            }
        }
    }
}
