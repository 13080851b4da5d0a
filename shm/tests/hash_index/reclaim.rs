//! A detached index is given back in bounded steps, and its owner goes on at once.

use crate::world::{Random, World};

#[test]
fn a_detached_index_goes_step_by_step() {
    for (count, slots, blocks_max) in
        [(0, 2048, 1), (1, 1, 1), (700, 2048, 5), (30_000, 2048, 100), (9000, 3, 1000)]
    {
        let mut random = Random(count);
        let mut world = World::new(0, slots, 64 << 20);
        let mut fill = |world: &mut World, count| {
            for _ in 0..count {
                let hash = random.below(u64::from(slots)) << 50 | random.next() >> 14;
                world.put((hash, 0));
            }
        };
        fill(&mut world, count);
        world.store.commit();
        world.store.detach();
        world.model.clear();
        world.store.commit();
        world.check();
        assert_eq!(world.store.detached.is_some(), count > 0);
        let mut steps = 0u64;
        while world.store.detached.is_some() {
            let before = world.store.heap.allocated_blocks().count();
            world.store.reclaim(blocks_max).unwrap();
            world.store.commit();
            let after = world.store.heap.allocated_blocks().count();
            assert!(before - after <= blocks_max + 20, "{} blocks in one step", before - after);
            if steps.is_multiple_of(16) {
                fill(&mut world, 3);
                world.store.commit();
                world.check();
            }
            steps += 1;
        }
        assert!(steps <= 2 * count / blocks_max as u64 + 2, "{steps} steps for {count} entries");
        world.check();
    }
}
