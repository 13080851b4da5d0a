//! Random operations agree with an ordered map, and every invariant holds after each of them.

use proptest::prelude::*;
use proptest::test_runner::Config;
use shm::hash_index::{position, positions_of_slot};

use crate::world::{Random, Store, World, cases, hash_of};

const FIRST_SLOT: u16 = 5461;
const SLOT_COUNT: u16 = 5462;

/// How hashes lie.
#[derive(Debug, Clone, Copy)]
enum Spread {
    Even,
    /// In one slot.
    OneSlot,
    /// In a few slots, each of which is one point of a wide span.
    FewSlots,
    /// Next to each other in one slot, down to the lowest bits.
    Crowded,
    /// A few hashes only, so that many keys share one.
    Equal,
}

impl Spread {
    fn hash(self, random: u64) -> u64 {
        let slot = |offset: u64| (u64::from(FIRST_SLOT) + offset % u64::from(SLOT_COUNT)) << 50;
        let low = random & ((1 << 50) - 1);
        match self {
            Spread::Even => slot(random >> 50) | low,
            Spread::OneSlot => slot(4000) | low,
            Spread::FewSlots => slot((random >> 50) % 7 * 700) | low,
            Spread::Crowded => slot(77) | 0x1_5555_5555_0000 | low >> 25,
            Spread::Equal => slot(random % 40 * 100) | 0x1234_5678,
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Put(Spread, u64),
    /// Puts this many at once.
    PutMany(Spread, u64, u16),
    /// Removes what comes at or after a hash.
    Remove(Spread, u64),
    RemoveMany(Spread, u64, u16),
    Relocate(u64),
    Look(Spread, u64),
    Commit,
    RollBack,
}

fn step() -> impl Strategy<Value = Step> {
    let spread = prop_oneof![
        3 => Just(Spread::Even),
        1 => Just(Spread::OneSlot),
        1 => Just(Spread::FewSlots),
        1 => Just(Spread::Crowded),
        1 => Just(Spread::Equal),
    ];
    (spread, any::<u64>(), 1u16..200, 0u8..20).prop_map(|(spread, random, count, kind)| match kind {
        0..5 => Step::Put(spread, random),
        5..9 => Step::PutMany(spread, random, count),
        9..12 => Step::Remove(spread, random),
        12..14 => Step::RemoveMany(spread, random, count),
        14 => Step::Relocate(random),
        15..17 => Step::Look(spread, random),
        17..19 => Step::Commit,
        _ => Step::RollBack,
    })
}

fn number_for(spread: Spread, random: u64) -> u64 {
    // Equal hashes need numbers to tell them apart, but not too many of one hash.
    if matches!(spread, Spread::Equal) { random % 20 } else { 0 }
}

fn put(world: &mut World, spread: Spread, random: u64) {
    world.put((spread.hash(random), number_for(spread, random >> 32)));
}

fn remove(world: &mut World, spread: Spread, random: u64) {
    let from = (spread.hash(random), 0);
    let next = world.model.range(from..).next().or_else(|| world.model.first());
    if let Some(&key) = next {
        world.remove(key);
    }
}

fn look(world: &World, spread: Spread, random: u64) {
    let Store { heap, index, .. } = &world.store;
    let hash = spread.hash(random);
    let number = number_for(spread, random >> 32);
    let expected = world.model.contains(&(hash, number));
    assert_eq!(world.store.find((hash, number)).is_some(), expected);
    assert!(!expected || index.candidate(heap, hash).is_some());
    index.prefetch_bucket(heap, hash);

    let next = world.model.range((hash, 0)..).next().map(|key| key.0);
    let found = index.first_from(heap, hash, &hash_of);
    assert_eq!(found.map(|(hash, _)| hash), next);
    assert!(found.is_none_or(|(hash, entry)| hash_of(heap, entry) == hash));

    let mut random = Random(random);
    let some = index.random(heap, || random.next());
    assert_eq!(some.is_some(), !world.model.is_empty());

    let slot = positions_of_slot((hash >> 50) as u16);
    let low = slot.start << 12;
    let in_slot = world.model.range((low, 0)..((slot.end << 12), 0)).count() as u64;
    assert_eq!(index.count_range(heap, slot.clone(), &hash_of), in_slot);
    let before = world.model.range((low, 0)..(position(hash) << 12, 0)).count() as u64;
    assert_eq!(index.count_range(heap, slot.start..position(hash), &hash_of), before);
}

fn run(steps: Vec<Step>) {
    let mut world = World::new(FIRST_SLOT, SLOT_COUNT, 64 << 20);
    let mut before = world.model.clone();
    for step in steps {
        match step {
            Step::Put(spread, random) => put(&mut world, spread, random),
            Step::PutMany(spread, random, count) => {
                let mut random = Random(random);
                (0..count).for_each(|_| put(&mut world, spread, random.next()));
            }
            Step::Remove(spread, random) => remove(&mut world, spread, random),
            Step::RemoveMany(spread, random, count) => {
                let mut random = Random(random);
                (0..count).for_each(|_| remove(&mut world, spread, random.next()));
            }
            Step::Relocate(random) => relocate(&mut world, random),
            Step::Look(spread, random) => {
                look(&world, spread, random);
                continue;
            }
            Step::Commit => {
                world.store.commit();
                before = world.model.clone();
            }
            Step::RollBack => {
                world.store.roll_back();
                world.model = before.clone();
            }
        }
        world.check();
    }
    world.store.commit();
    world.check();
    world.check_lookups();
    while let Some(&key) = world.model.last() {
        world.remove(key);
    }
    world.store.commit();
    world.check();
    assert_eq!(world.store.heap.used_bytes(), 0);
}

/// Moves about a third of all blocks around some buckets.
fn relocate(world: &mut World, random: u64) {
    let mut random = Random(random);
    let from = random.below(1 << 52);
    let bucket_count = random.below(40) as usize;
    let next = world.store.relocate(from, bucket_count, |_, _| random.below(3) == 0).unwrap();
    assert!(next.is_none_or(|next| next > from));
}

proptest! {
    #![proptest_config(Config { cases: cases(40), ..Config::default() })]

    #[test]
    fn agrees_with_an_ordered_map(steps in prop::collection::vec(step(), 1..80)) {
        run(steps);
    }
}
