//! The garbage list: chains of blocks, dropped at once and freed bit by bit.

use shm::{Budget, GarbageItem, Handle, Heap, HeapOptions, OutOfMemory, Reclaimer, Region, Step};

enum Link {}

const CHAIN: u8 = 7;

/// Frees chains: each block starts with the handle of the next. Counts the blocks in the item's state.
#[derive(Default)]
struct Chains;

impl Reclaimer for Chains {
    fn step(&mut self, heap: &mut Heap, item: GarbageItem, blocks_max: usize) -> Result<Step, OutOfMemory> {
        assert_eq!(item.kind, CHAIN);
        let mut next = item.root;
        let mut freed = 0;
        while let Some(block) = Handle::<Link>::from_raw(next) {
            if freed == blocks_max {
                let state = [item.state[0] + freed as u64, 0];
                return Ok(Step::More(GarbageItem { root: next, state, ..item }));
            }
            next = heap.u32_at(block, 0);
            heap.free(block);
            freed += 1;
        }
        Ok(Step::Done)
    }

    fn blocks(&self, heap: &Heap, item: GarbageItem, visit: &mut dyn FnMut(Handle<()>)) {
        let mut next = Handle::<Link>::from_raw(item.root);
        while let Some(block) = next {
            visit(block.cast());
            next = Handle::from_raw(heap.u32_at(block, 0));
        }
    }
}

fn chain(heap: &mut Heap, len: usize) -> Option<Handle<Link>> {
    let mut first = None;
    for _ in 0..len {
        let block = heap.allocate(24).expect("room");
        heap.fill(block, 0, 4, |bytes| bytes.copy_from_slice(&Handle::raw_or_zero(first).to_le_bytes()));
        first = Some(block);
    }
    first
}

fn verify(heap: &Heap) {
    let mut reachable = Vec::new();
    for item in heap.garbage_items() {
        Chains.blocks(heap, item, &mut |block| reachable.push(block));
    }
    heap.verify(reachable).expect("sound");
}

/// A heap with chains of these lengths, all discarded in one transaction.
fn heap_with_garbage(lens: &[usize]) -> Heap {
    let mut heap = Heap::in_memory(16 << 20);
    for &len in lens {
        let first = chain(&mut heap, len).expect("not empty");
        heap.discard(GarbageItem::new(CHAIN, first)).expect("room");
    }
    heap.commit();
    heap
}

#[test]
fn chains_are_freed_in_steps() {
    let mut heap = heap_with_garbage(&[5, 1, 12]);
    assert!(heap.has_garbage());
    verify(&heap);
    let mut steps = 0;
    while heap.reclaim(&mut Chains, 3).expect("frees need no memory") {
        steps += 1;
        verify(&heap);
    }
    assert_eq!(steps, 2 + 1 + 4);
    assert!(!heap.has_garbage());
    heap.verify([]).expect("sound");
}

#[test]
fn more_items_than_there_are_slots() {
    let lens = [2; 150];
    let mut heap = heap_with_garbage(&lens);
    assert_eq!(heap.garbage_items().count(), 150);
    verify(&heap);
    while heap.reclaim(&mut Chains, 1).expect("frees need no memory") {
        verify(&heap);
    }
    heap.verify([]).expect("sound");
}

#[test]
fn a_step_may_discard_more() {
    /// Puts the rest of a chain on the list as an item of its own.
    struct Splitting;
    impl Reclaimer for Splitting {
        fn step(&mut self, heap: &mut Heap, item: GarbageItem, _: usize) -> Result<Step, OutOfMemory> {
            let block = Handle::<Link>::from_raw(item.root).expect("chains are not empty");
            if let Some(rest) = Handle::<Link>::from_raw(heap.u32_at(block, 0)) {
                heap.discard(GarbageItem::new(CHAIN, rest))?;
            }
            heap.free(block);
            Ok(Step::Done)
        }
        fn blocks(&self, heap: &Heap, item: GarbageItem, visit: &mut dyn FnMut(Handle<()>)) {
            Chains.blocks(heap, item, visit);
        }
    }
    let mut heap = heap_with_garbage(&[3; 80]);
    while heap.reclaim(&mut Splitting, 1).expect("room") {
        verify(&heap);
    }
    heap.verify([]).expect("sound");
}

#[test]
fn a_rolled_back_discard_leaves_nothing() {
    let mut heap = Heap::in_memory(1 << 20);
    for _ in 0..70 {
        let first = chain(&mut heap, 2).expect("not empty");
        heap.discard(GarbageItem::new(CHAIN, first)).expect("room");
    }
    heap.rollback();
    assert!(!heap.has_garbage());
    heap.verify([]).expect("sound");
}

#[test]
fn discarding_is_possible_when_the_budget_is_spent() {
    let budget = std::sync::Arc::new(Budget::new(u64::MAX));
    let options = HeapOptions { budget: Some(budget.clone()), ..HeapOptions::default() };
    let mut heap = Heap::create(Region::in_memory(8 << 20), options).expect("room");
    let chains: Vec<_> = (0..100).map(|_| chain(&mut heap, 3).expect("not empty")).collect();
    heap.commit();
    budget.set_limit(heap.used_bytes());
    heap.settle_budget();
    assert_eq!(heap.allocate::<Link>(24), Err(OutOfMemory));
    heap.rollback();
    for first in chains {
        heap.discard(GarbageItem::new(CHAIN, first)).expect("no budget needed");
        heap.commit();
    }
    while heap.reclaim(&mut Chains, 10).expect("frees need no memory") {}
    heap.verify([]).expect("sound");
    heap.allocate::<Link>(24).expect("the memory is there again");
}

#[cfg(feature = "fault")]
mod crashes {
    use shm::fault::{Effort, Recording, each_panic};

    use super::*;

    fn reclaim_all(heap: &mut Heap) {
        while heap.reclaim(&mut Chains, 3).expect("frees need no memory") {}
    }

    #[test]
    fn reclaiming_is_cut_off_anywhere_and_goes_on() {
        for lens in [vec![5, 2], vec![1; 66]] {
            let mut heap = heap_with_garbage(&lens);
            let recording = Recording::start(&mut heap);
            reclaim_all(&mut heap);
            let crashes = recording.finish(&mut heap);
            let effort = if lens.len() < 5 { Effort::FULL } else { Effort::about(60, &crashes) };
            crashes.explore(effort, |heap, _| {
                verify(heap);
                reclaim_all(heap);
                heap.verify([]).expect("sound");
            });
        }
    }

    #[test]
    fn discarding_is_all_or_nothing() {
        for discarded_before in [0, 64] {
            let make = || {
                let mut heap = heap_with_garbage(&vec![1; discarded_before]);
                let first = chain(&mut heap, 4).expect("not empty");
                heap.set_root(0, first.raw().into()).expect("room");
                heap.commit();
                heap
            };
            let run = |heap: &mut Heap| {
                let first = Handle::<Link>::from_raw(heap.root(0) as u32).expect("made");
                heap.set_root(0, 0).expect("room");
                heap.discard(GarbageItem::new(CHAIN, first)).expect("room");
                heap.commit();
            };
            let check = |heap: &mut Heap, commits: usize| {
                assert_eq!(heap.garbage_items().count(), discarded_before + commits);
                assert_eq!(heap.root(0) == 0, commits == 1);
                let mut reachable = Vec::new();
                for item in heap.garbage_items() {
                    Chains.blocks(heap, item, &mut |block| reachable.push(block));
                }
                if let Some(first) = Handle::<Link>::from_raw(heap.root(0) as u32) {
                    Chains.blocks(heap, GarbageItem::new(CHAIN, first), &mut |block| reachable.push(block));
                }
                heap.verify(reachable).expect("sound");
            };
            let mut heap = make();
            let recording = Recording::start(&mut heap);
            run(&mut heap);
            recording.finish(&mut heap).explore(Effort::FULL, check);
            assert!(each_panic(make, |heap| heap, run, check) > 4);
        }
    }
}
