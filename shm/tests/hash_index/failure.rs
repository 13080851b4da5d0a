//! Running out of memory at any allocation leaves everything as it was.

use shm::OutOfMemory;

use crate::world::{Key, Random, World};

/// Hashes of a store in which many things happen: crowded slots among others.
fn key(random: &mut Random) -> Key {
    let slot = match random.below(3) {
        0 => random.below(2048),
        1 => 1024,
        _ => random.below(8) * 256,
    };
    (slot << 50 | random.next() >> 14, 0)
}

#[test]
fn an_insertion_without_memory_changes_nothing() {
    let mut random = Random(1);
    let mut world = World::new(0, 2048, 64 << 20);
    let mut failures = [0; 8];
    for _ in 0..6000 {
        let key = key(&mut random);
        for allowed in 0.. {
            let before = world.store.index;
            world.store.heap.fail_allocations_after(Some(allowed));
            let result = world.store.put(key);
            world.store.heap.fail_allocations_after(None);
            let Err(OutOfMemory) = result else {
                world.model.insert(key);
                break;
            };
            assert_eq!(world.store.index, before, "a failed call changed the value");
            world.store.heap.rollback();
            failures[allowed.min(7)] += 1;
            if allowed > 0 {
                world.check();
            }
        }
        world.store.commit();
    }
    world.check();
    // Entry, larger span or first half, second half, node: each has been refused.
    assert!(failures[..4].iter().all(|&count| count > 10), "{failures:?}");
}

#[test]
fn a_removal_needs_no_memory() {
    let mut random = Random(2);
    let mut world = World::new(0, 2048, 64 << 20);
    for _ in 0..5000 {
        world.put(key(&mut random));
    }
    world.store.commit();
    world.store.heap.fail_allocations_after(Some(0));
    let mut keys: Vec<Key> = world.model.iter().copied().collect();
    for at in (1..keys.len()).rev() {
        keys.swap(at, random.below(at as u64 + 1) as usize);
    }
    for (count, key) in keys.into_iter().enumerate() {
        world.remove(key);
        world.store.commit();
        if count % 100 == 0 {
            world.check();
        }
    }
    world.check();
    assert_eq!(world.store.heap.used_bytes(), 0, "empty spans and nodes need no memory to go");
}

#[test]
fn hashes_that_agree_too_far_are_refused() {
    let mut world = World::new(0, 16, 1 << 20);
    let hash = 5 << 50 | 0x1_2345_6789_A000;
    for number in 0..24 {
        world.put((hash | number, number));
    }
    world.store.commit();
    assert_eq!(world.store.put((hash, 24)), Err(OutOfMemory));
    world.store.roll_back();
    world.check();
    world.put((hash + (1 << 20), 0));
    world.check();
    world.check_lookups();
}
