//! Scans meet every entry that stays exactly once, in order, whatever happens between two calls.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::test_runner::Config;
use shm::hash_index::{position, positions_of_slot};

use crate::world::{Random, World, cases, hash_of};

const SLOT_COUNT: u16 = 2048;

/// A hash in one of the slots; `skew` is how many further times the random number picks the slot.
fn hash(random: &mut Random, skew: u64) -> u64 {
    let slot = (0..=skew).fold(u64::from(SLOT_COUNT), |bound, _| random.below(bound) + 1) - 1;
    slot << 50 | random.next() >> 14
}

/// Scans while `churn` random insertions and removals happen between calls.
fn scan_under_change(seed: u64, start_count: u64, churn: u64, growth_percent: u64, limit: usize, skew: u64) {
    let mut random = Random(seed);
    let mut world = World::new(0, SLOT_COUNT, 64 << 20);
    for _ in 0..start_count {
        world.put((hash(&mut random, skew), 0));
    }
    world.store.commit();
    // Those present throughout, and all that were there at any time.
    let mut stayed: BTreeSet<u64> = world.model.iter().map(|key| key.0).collect();
    let mut ever = stayed.clone();
    let mut met: BTreeMap<u64, u32> = BTreeMap::new();
    let mut cursor = 0;
    // A scan never ends while entries come faster than it goes.
    let mut changes_left = 5000;
    loop {
        let mut batch = Vec::new();
        let next = world.store.index.scan(&world.store.heap, cursor, limit, &hash_of, |entry| {
            batch.push(hash_of(&world.store.heap, entry))
        });
        assert!(batch.len() <= limit + 204, "{} entries at once", batch.len());
        for hash in batch {
            assert!(position(hash) >= cursor, "behind the cursor");
            assert!(next.is_none_or(|next| position(hash) < next), "beyond the cursor");
            *met.entry(hash).or_default() += 1;
        }
        let Some(next) = next else { break };
        assert!(next > cursor && next <= 1 << 52, "the cursor rises");
        cursor = next;
        for _ in 0..churn.min(changes_left) {
            changes_left -= 1;
            if random.below(100) < growth_percent {
                let hash = hash(&mut random, skew);
                world.put((hash, 0));
                ever.insert(hash);
            } else {
                let from = hash(&mut random, skew);
                let Some(&(hash, _)) = world.model.range((from, 0)..).next() else { continue };
                world.remove((hash, 0));
                stayed.remove(&hash);
            }
        }
        world.store.commit();
    }
    world.check();
    for hash in stayed {
        assert_eq!(met.get(&hash), Some(&1), "{hash:x}");
    }
    for (hash, times) in met {
        assert_eq!(times, 1, "{hash:x}");
        assert!(ever.contains(&hash), "{hash:x} was never there");
    }
}

proptest! {
    #![proptest_config(Config { cases: cases(48), ..Config::default() })]

    #[test]
    fn meets_what_stays_exactly_once(
        seed in any::<u64>(),
        start_count in 0u64..4000,
        churn in 0u64..300,
        growth_percent in 0u64..=100,
        limit in 1usize..60,
        skew in 0u64..6,
    ) {
        scan_under_change(seed, start_count, churn, growth_percent, limit, skew);
    }

    #[test]
    fn a_range_is_what_the_model_has_there(seed in any::<u64>(), count in 1u64..3000, limit in 1usize..100, skew in 0u64..6) {
        let mut random = Random(seed);
        let mut world = World::new(0, SLOT_COUNT, 64 << 20);
        for _ in 0..count {
            world.put((hash(&mut random, skew), 0));
        }
        let start = position(hash(&mut random, skew));
        let end = position(hash(&mut random, skew));
        let slot = positions_of_slot(random.below(u64::from(SLOT_COUNT)) as u16);
        for range in [start..end, slot, 0..start, end..u64::MAX] {
            let mut expected: Vec<u64> = world.model.iter().map(|key| key.0).collect();
            expected.retain(|&hash| range.contains(&position(hash)));
            let mut met = Vec::new();
            let mut rest = range.clone();
            while let Some(next) = world.store.index.scan_range(&world.store.heap, rest.clone(), limit, &hash_of, |entry| {
                met.push(hash_of(&world.store.heap, entry));
            }) {
                rest.start = next;
            }
            met.sort_unstable();
            prop_assert_eq!(&met, &expected);
            prop_assert_eq!(world.store.index.count_range(&world.store.heap, range, &hash_of), expected.len() as u64);
        }
    }
}

#[test]
fn entries_of_one_position_go_out_together() {
    let mut world = World::new(7, 1, 1 << 20);
    let base = 7 << 50 | 0x2_AAAA_0000_0000;
    for number in 0..20 {
        world.put((base | number, 0));
        world.put((base + 0x1000, number));
    }
    let mut batches = Vec::new();
    let mut cursor = Some(0);
    while let Some(from) = cursor {
        let mut batch = Vec::new();
        cursor = world.store.index.scan(&world.store.heap, from, 1, &hash_of, |entry| {
            batch.push(position(hash_of(&world.store.heap, entry)))
        });
        batch.dedup();
        batches.extend(batch);
    }
    assert_eq!(batches, [position(base), position(base) + 1]);
}

#[test]
fn an_empty_index_is_scanned_at_once() {
    let world = World::new(0, 16_384, 1 << 20);
    assert_eq!(world.store.index.scan(&world.store.heap, 0, 10, &hash_of, |_| panic!("no entry")), None);
    assert_eq!(
        world.store.index.scan(&world.store.heap, 1 << 52, 10, &hash_of, |_| panic!("no entry")),
        None
    );
    assert_eq!(world.store.index.random(&world.store.heap, || 0), None);
    assert_eq!(world.store.index.first_from(&world.store.heap, 0, &hash_of), None);
}
