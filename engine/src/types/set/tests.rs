//! Random changes of a set agree with a plain one, and walks stay exact while it changes.

use std::collections::{HashMap, HashSet};

use proptest::prelude::*;
use shm::Heap;
use shm::stored_hash::StoredHasher;

use super::Set;
use crate::random::Random;
use crate::types::collection::Collection;
use crate::types::text::INLINE_MAX;

type Bytes = Vec<u8>;

/// The member of a number: mostly short, some as long as fits in an element, some that lie apart.
fn member(number: u16) -> Bytes {
    let len = match number % 23 {
        0 => INLINE_MAX - number.to_string().len(),
        1 => 248,
        2 => 20_000 * usize::from(number % 46 == 2) + 300,
        other => usize::from(other) / 2,
    };
    [number.to_string().into_bytes(), vec![b'm'; len]].concat()
}

#[derive(Debug, Clone)]
enum Step {
    Add(u16),
    Remove(u16),
    /// The members of so many numbers from one on.
    AddMany(u16, u16),
    RemoveMany(u16, u16),
    /// So many of a hundred members, chosen at random with a seed.
    RemovePart(u8, u64),
    Walk(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let number = || 0..500_u16;
    prop_oneof![
        4 => number().prop_map(Step::Add),
        4 => number().prop_map(Step::Remove),
        2 => (number(), 1..200_u16).prop_map(|(from, count)| Step::AddMany(from, count)),
        2 => (number(), 1..200_u16).prop_map(|(from, count)| Step::RemoveMany(from, count)),
        1 => (1..100_u8, any::<u64>()).prop_map(|(percent, seed)| Step::RemovePart(percent, seed)),
        8 => prop_oneof![1..4_usize, 1..100_usize].prop_map(Step::Walk),
    ]
}

struct Pair {
    heap: Heap,
    set: Set,
    plain: HashSet<Bytes>,
    walk: Walk,
}

/// A walk under way.
#[derive(Default)]
struct Walk {
    cursor: u64,
    /// What has been there since it began.
    throughout: HashSet<Bytes>,
    seen: HashMap<Bytes, u32>,
}

impl Pair {
    fn new() -> Pair {
        let set = Set::empty(StoredHasher::new([9; 16]));
        Pair { heap: Heap::in_memory(32 << 20), set, plain: HashSet::new(), walk: Walk::default() }
    }

    fn add(&mut self, member: Bytes) {
        let is_new = self.set.add(&mut self.heap, &member, None).expect("room");
        assert_eq!(is_new, self.plain.insert(member));
    }

    fn remove(&mut self, member: &[u8]) {
        let was_there = self.set.remove(&mut self.heap, member).expect("room");
        assert_eq!(was_there, self.plain.remove(member));
        self.walk.throughout.remove(member);
    }

    fn remove_part(&mut self, percent: u8, seed: u64) {
        let count = self.set.len() * usize::from(percent) / 100;
        let ranks = Random::new(seed).distinct(self.set.len(), count);
        let mut chosen = Vec::new();
        self.set.visit_ranks(&self.heap, &ranks, |view| chosen.push(view.contiguous().into_owned()));
        for (rank, member) in ranks.iter().zip(&chosen) {
            let at = self.set.at(&self.heap, *rank).expect("below the length");
            assert!(at.equals(&self.heap, member));
        }
        self.set.remove_ranks(&mut self.heap, &ranks).expect("room");
        assert_eq!(chosen.len(), count);
        for member in chosen {
            assert!(self.plain.remove(&member), "chosen once");
            self.walk.throughout.remove(&member);
        }
    }

    fn walk_on(&mut self, count: usize) {
        let Walk { cursor, throughout, seen } = &mut self.walk;
        if *cursor == 0 {
            (*throughout, *seen) = (self.plain.clone(), HashMap::new());
        }
        let mut met = 0;
        let next = self.set.scan(&self.heap, *cursor, count, |text| {
            met += 1;
            *seen.entry(text.view(&self.heap).contiguous().into_owned()).or_default() += 1;
        });
        assert!(next == 0 || met >= count, "a step is as long as it should be");
        *cursor = next;
        if next == 0 {
            for member in throughout.iter() {
                assert_eq!(seen.get(member), Some(&1), "met exactly once: {}", member.escape_ascii());
            }
        }
    }

    fn check(&mut self) {
        self.heap.commit();
        let mut blocks = Vec::new();
        let visit = &mut |block| {
            blocks.push(block);
            Ok(())
        };
        self.set.verify(&self.heap, visit).expect("a sound set");
        self.heap.verify(blocks).expect("a sound heap");
        assert_eq!(self.set.len(), self.plain.len());
        let found: HashSet<Bytes> =
            self.set.iter(&self.heap).map(|text| text.view(&self.heap).contiguous().into_owned()).collect();
        assert!(found == self.plain);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_set_is_what_a_plain_one_is_and_walks_are_exact(steps in proptest::collection::vec(step(), 1..60)) {
        let mut pair = Pair::new();
        for step in steps {
            match step {
                Step::Add(number) => pair.add(member(number)),
                Step::Remove(number) => pair.remove(&member(number)),
                Step::AddMany(from, count) => (from..from + count).for_each(|number| pair.add(member(number))),
                Step::RemoveMany(from, count) => {
                    (from..from + count).for_each(|number| pair.remove(&member(number)));
                }
                Step::RemovePart(percent, seed) => pair.remove_part(percent, seed),
                Step::Walk(count) => pair.walk_on(count),
            }
            pair.check();
        }
        while pair.walk.cursor != 0 {
            pair.walk_on(20);
        }
        let hasher = StoredHasher::new([9; 16]);
        let members: Vec<Bytes> = pair.plain.iter().cloned().collect();
        let slices: Vec<&[u8]> = members.iter().map(Vec::as_slice).collect();
        let built = Set::build(&mut pair.heap, hasher, &slices).expect("room");
        std::mem::replace(&mut pair.set, built).discard(&mut pair.heap).expect("room");
        pair.heap.commit();
        prop_assert_eq!(pair.set.len(), members.len());
        prop_assert!(members.iter().all(|member| pair.set.contains(&pair.heap, member, None)));
    }
}

#[test]
fn a_walk_goes_on_where_a_tree_has_become_a_block_and_a_tree_again() {
    let mut pair = Pair::new();
    (0..600).for_each(|number| pair.add(member(number)));
    pair.walk_on(50);
    assert_ne!(pair.walk.cursor, 0);
    (20..600).for_each(|number| pair.remove(&member(number)));
    assert!(!pair.set.is_ordered(), "few members are in one block");
    (600..1200).for_each(|number| pair.add(member(number)));
    pair.walk_on(50);
    (600..1200).for_each(|number| pair.remove(&member(number)));
    assert!(!pair.set.is_ordered());
    while pair.walk.cursor != 0 {
        pair.walk_on(5);
    }
    pair.check();
}
