//! Every crash and every panic while an index changes: what comes back is the state before or after.

use std::collections::BTreeSet;

use proptest::prelude::*;
use shm::fault::{self, Effort, Recording};

use crate::world::{Key, Random, Store, cases};

/// A history: what is there, and the transactions that are watched.
struct Scenario {
    slot_count: u16,
    before: Vec<Change>,
    /// What each watched transaction does.
    watched: Vec<Change>,
}

#[derive(Debug, Clone)]
enum Change {
    Put(Vec<Key>),
    Remove(Vec<Key>),
    /// Moves every block around so many buckets.
    Relocate(usize),
    Detach,
    Reclaim(usize),
}

impl Change {
    fn apply(&self, store: &mut Store) {
        match self {
            Change::Put(keys) => keys.iter().for_each(|&key| {
                store.put(key).unwrap();
            }),
            Change::Remove(keys) => keys.iter().for_each(|&key| assert!(store.remove(key).unwrap())),
            Change::Relocate(bucket_count) => {
                // Those that have moved are not to move again.
                let mut old: BTreeSet<u32> = store.heap.allocated_blocks().map(shm::Handle::raw).collect();
                let moves = |_: &shm::Heap, block: shm::Handle<()>| old.remove(&block.raw());
                store.relocate(0, *bucket_count, moves).unwrap();
            }
            Change::Detach => store.detach(),
            Change::Reclaim(blocks_max) => store.reclaim(*blocks_max).unwrap(),
        }
    }
}

impl Scenario {
    fn store(&self) -> Store {
        let mut store = Store::new(0, self.slot_count, 8 << 20);
        for change in &self.before {
            change.apply(&mut store);
            store.commit();
        }
        store
    }

    fn run(&self, store: &mut Store, mut after_each: impl FnMut(&Store)) {
        for change in &self.watched {
            change.apply(store);
            if store.commit() {
                after_each(store);
            }
        }
    }

    /// Tries some crashes, more with a higher PROPTEST_CASES, and all panics.
    fn check(&self) {
        let (states, crash_count) = self.check_crashes();
        let panic_count = fault::each_panic(
            || self.store(),
            |store| &mut store.heap,
            |store| self.run(store, |_| {}),
            |store, commits| {
                store.read_roots();
                assert_eq!(store.check(), states[commits]);
            },
        );
        assert_eq!(panic_count, crash_count);
    }

    /// Tries some crashes; returns the states between the transactions and the number of all crashes.
    fn check_crashes(&self) -> (Vec<BTreeSet<Key>>, usize) {
        let mut store = self.store();
        let mut states = vec![store.check()];
        let recording = Recording::start(&mut store.heap);
        self.run(&mut store, |store| states.push(store.check()));
        let crashes = recording.finish(&mut store.heap);
        crashes.explore(Effort::about(cases(24) as usize, &crashes), |heap, commits| {
            let heap = std::mem::replace(heap, shm::Heap::in_memory(1 << 17));
            assert_eq!(Store::of(heap).check(), states[commits]);
        });
        (states, crashes.len())
    }
}

fn even(count: u64, seed: u64) -> Vec<Key> {
    let mut random = Random(seed);
    (0..count).map(|_| (random.below(64) << 50 | random.next() >> 14, 0)).collect()
}

/// Keys at one point of any span that covers more than a few slots.
fn crowded(slot: u64, count: u64) -> Vec<Key> {
    let mut random = Random(slot);
    (0..count).map(|_| (slot << 50 | random.next() >> 14, 0)).collect()
}

#[test]
fn the_first_entries_come_and_go() {
    let keys = even(4, 1);
    Scenario {
        slot_count: 64,
        before: vec![],
        watched: vec![
            Change::Put(vec![keys[0]]),
            Change::Put(keys.clone()),
            Change::Remove(vec![keys[1]]),
            Change::Remove(vec![keys[0], keys[2], keys[3]]),
            Change::Put(keys),
        ],
    }
    .check();
}

#[test]
fn a_span_grows() {
    let keys = even(40, 2);
    let watched = [12..13, 13..30, 30..40].map(|range| Change::Put(keys[range].to_vec()));
    Scenario { slot_count: 64, before: vec![Change::Put(keys[..12].to_vec())], watched: watched.to_vec() }
        .check();
}

/// How many of the keys `change` takes one by one until the number of spans is what it should be.
fn keys_until(store: &mut Store, keys: &[Key], change: fn(Vec<Key>) -> Change, span_count: u64) -> usize {
    let reached = keys.iter().position(|&key| {
        change(vec![key]).apply(store);
        store.index.stats(&store.heap).span_count == span_count
    });
    store.commit();
    reached.unwrap() + 1
}

#[test]
fn a_span_is_cut_and_joined_again() {
    let keys = even(800, 3);
    let mut store = Store::new(0, 64, 8 << 20);
    let cut_at = keys_until(&mut store, &keys, Change::Put, 2);
    let (first, cutting) = keys[..cut_at].split_at(cut_at - 1);
    Scenario {
        slot_count: 64,
        before: vec![Change::Put(first.to_vec())],
        watched: vec![Change::Put(cutting.to_vec())],
    }
    .check();

    let join_at = keys_until(&mut store, &keys, Change::Remove, 1);
    let (gone, joining) = keys[..join_at].split_at(join_at - 1);
    Scenario {
        slot_count: 64,
        before: vec![Change::Put(keys[..cut_at].to_vec()), Change::Remove(gone.to_vec())],
        watched: vec![Change::Remove(joining.to_vec())],
    }
    .check();
}

#[test]
fn a_crowded_slot_gets_a_path_of_its_own() {
    let crowd = crowded(33, 60);
    Scenario {
        slot_count: 4096,
        before: vec![Change::Put(even(50, 4)), Change::Put(crowd[..12].to_vec())],
        watched: vec![
            Change::Put(crowd[12..24].to_vec()),
            Change::Put(crowd[24..40].to_vec()),
            Change::Put(crowd[40..].to_vec()),
            Change::Remove(crowd[..50].to_vec()),
            Change::Remove(crowd[50..].to_vec()),
        ],
    }
    .check();
}

#[test]
fn blocks_move() {
    Scenario {
        slot_count: 4096,
        before: vec![Change::Put(even(60, 5)), Change::Put(crowded(33, 40))],
        watched: vec![Change::Relocate(3), Change::Relocate(1000), Change::Relocate(1000)],
    }
    .check();
}

#[test]
fn a_detached_index_is_given_back() {
    let mut watched = vec![Change::Detach, Change::Put(even(3, 7))];
    watched.resize(40, Change::Reclaim(4));
    let before = vec![Change::Put(even(60, 6)), Change::Put(crowded(33, 40))];
    Scenario { slot_count: 4096, before, watched }.check();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(6), ..ProptestConfig::default() })]

    #[test]
    fn random_transactions_are_cut_off(
        seed in any::<u64>(),
        start_count in 0u64..400,
        changes in prop::collection::vec((0u8..5, 0u64..40), 1..4),
    ) {
        let mut random = Random(seed);
        let mut keys = |count: u64| -> Vec<Key> {
            let slots = 1 + random.below(64);
            (0..count).map(|_| (random.below(slots) << 50 | random.next() >> 14, 0)).collect()
        };
        let mut present = keys(start_count);
        let before = vec![Change::Put(present.clone())];
        let watched = changes
            .into_iter()
            .map(|(kind, count)| match kind {
                0..2 => {
                    let new = keys(count);
                    present.extend(&new);
                    Change::Put(new)
                }
                2..4 => Change::Remove(present.split_off(present.len().saturating_sub(8 * count as usize))),
                _ => Change::Relocate(count as usize),
            })
            .collect();
        Scenario { slot_count: 64, before, watched }.check_crashes();
    }
}
