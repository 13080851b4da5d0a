//! Sparse pages are emptied; free chunks go back to the system and are backed again.

use proptest::prelude::*;
use shm::heap::PAGE_LEN;
use shm::region::CHUNK_LEN;
use shm::{Handle, Heap, HeapOptions, Region};

type Block = Handle<()>;

fn filled(heap: &mut Heap, len: usize, byte: u8) -> Block {
    let block = heap.allocate(len).expect("room");
    heap.fill(block, 0, len, |bytes| bytes.fill(byte));
    block
}

/// Moves what lies in sparse pages. The vector is the only referrer.
fn evacuate(heap: &mut Heap, blocks: &mut [Block]) {
    for block in blocks {
        if !heap.is_sparse(*block) {
            continue;
        }
        let len = heap.capacity_of(*block);
        let to = heap.allocate(len).expect("the chosen pages' blocks fit elsewhere");
        assert!(!heap.is_sparse(to));
        heap.fill_from(to, 0, *block, 0, len);
        heap.free(*block);
        *block = to;
        heap.commit();
    }
}

fn pages_of_blocks(heap: &Heap) -> usize {
    heap.page_stats().classes.iter().map(|class| class.pages).sum()
}

#[test]
fn sparse_pages_become_free() {
    let mut heap = Heap::in_memory(64 << 20);
    let mut blocks: Vec<Block> = (0..20_000).map(|index| filled(&mut heap, 100, index as u8)).collect();
    heap.commit();
    let full = pages_of_blocks(&heap);
    let mut kept = Vec::new();
    for (index, block) in blocks.drain(..).enumerate() {
        if index % 5 == 0 { kept.push((block, index as u8)) } else { heap.free(block) }
    }
    heap.commit();
    assert_eq!(pages_of_blocks(&heap), full, "every page still holds something");
    let (mut blocks, bytes): (Vec<Block>, Vec<u8>) = kept.into_iter().unzip();
    while heap.mark_sparse(4) > 0 {
        let stats = heap.page_stats();
        assert!((1..=4).contains(&stats.evacuating_pages));
        assert!(heap.sparse_blocks().count() > 0);
        evacuate(&mut heap, &mut blocks);
        assert_eq!(heap.sparse_blocks().count(), 0);
        heap.verify(blocks.iter().copied()).expect("sound");
    }
    assert!(pages_of_blocks(&heap) <= full / 5 + 2, "{} of {full}", pages_of_blocks(&heap));
    for (&block, &byte) in blocks.iter().zip(&bytes) {
        assert!(heap.bytes(block, 0, 100).iter().all(|&found| found == byte));
    }
}

#[test]
fn an_evacuation_can_be_given_up_or_forgotten_by_a_crash() {
    let mut heap = Heap::in_memory(64 << 20);
    let blocks: Vec<Block> = (0..5000).map(|_| filled(&mut heap, 100, 1)).collect();
    heap.commit();
    blocks.iter().enumerate().filter(|(index, _)| index % 9 != 0).for_each(|(_, &block)| heap.free(block));
    heap.commit();
    let left: Vec<Block> = blocks.into_iter().step_by(9).collect();
    let chosen = heap.mark_sparse(usize::MAX);
    assert!(chosen > 3);
    // A rollback leaves the choice alone.
    let moved = *left.iter().find(|&&block| heap.is_sparse(block)).expect("some are chosen");
    heap.free(moved);
    heap.rollback();
    assert!(heap.is_sparse(moved));
    assert_eq!(heap.mark_sparse(usize::MAX), chosen);
    heap.verify(left.iter().copied()).expect("sound");

    let image = heap.region().bytes().to_vec();
    let (other, _) =
        Heap::attach(Region::from_image(&image, 0), HeapOptions::default(), |_| false).expect("sound");
    assert!(!other.is_sparse(moved));
    other.verify(left.iter().copied()).expect("sound");

    heap.clear_sparse();
    assert!(!heap.is_sparse(moved));
    heap.verify(left).expect("sound");
}

#[test]
fn nothing_is_chosen_that_would_not_fit_elsewhere() {
    let mut heap = Heap::in_memory(64 << 20);
    let blocks: Vec<Block> = (0..100).map(|_| filled(&mut heap, 100, 1)).collect();
    heap.commit();
    assert_eq!(heap.mark_sparse(10), 0, "one page, however sparse");
    heap.verify(blocks).expect("sound");
}

#[test]
fn free_chunks_go_back_and_come_again() {
    let mut heap = Heap::in_memory(64 << 20);
    let small = heap.mapped_bytes();
    for round in 0..3 {
        let blocks: Vec<Block> = (0..2000).map(|_| filled(&mut heap, 16_000, round)).collect();
        heap.commit();
        let peak = heap.mapped_bytes();
        assert!(peak >= 2000 * 16_000);
        assert_eq!(heap.trim(10), 0, "nothing is free");
        assert!(blocks.iter().all(|&block| heap.bytes(block, 0, 16_000) == [round; 16_000]));
        blocks.iter().for_each(|&block| heap.free(block));
        heap.commit();
        let last = heap.region().len() % CHUNK_LEN;
        assert_eq!(heap.trim(2), CHUNK_LEN + if last > 0 { last } else { CHUNK_LEN });
        heap.verify([]).expect("sound");
        while heap.trim(1) > 0 {}
        assert!(heap.mapped_bytes() <= small + 2 * CHUNK_LEN as u64, "{}", heap.mapped_bytes());
        heap.verify([]).expect("sound");
        if round == 1 {
            let image = heap.region().bytes().to_vec();
            let region = Region::from_image(&image, 64 << 20);
            let mapped = heap.mapped_bytes();
            heap = Heap::attach(region, HeapOptions::default(), |_| false).expect("sound").0;
            assert_eq!(heap.mapped_bytes(), mapped, "the next process knows the holes");
        }
    }
}

#[test]
fn a_reserve_is_kept() {
    let mut heap = Heap::in_memory(64 << 20);
    let blocks: Vec<Block> = (0..150).map(|_| filled(&mut heap, 16_000, 1)).collect();
    heap.commit();
    let mapped = heap.mapped_bytes();
    blocks[..100].iter().for_each(|&block| heap.free(block));
    heap.commit();
    assert_eq!(heap.trim(10), 0);
    assert_eq!(heap.mapped_bytes(), mapped);
    heap.verify(blocks[100..].iter().copied()).expect("sound");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: crate::model::cases(12), ..ProptestConfig::default() })]

    #[test]
    fn compaction_and_trimming_amid_other_work(
        rounds in prop::collection::vec((1..400usize, 16..3000usize, 1..10usize, any::<bool>()), 1..12)
    ) {
        let mut heap = Heap::in_memory(64 << 20);
        let mut blocks: Vec<Block> = Vec::new();
        for (count, len, keep_every, trim) in rounds {
            blocks.extend((0..count).map(|_| filled(&mut heap, len, 1)));
            heap.commit();
            let mut index = 0;
            blocks.retain(|&block| {
                index += 1;
                let keep = index % keep_every == 0;
                if !keep { heap.free(block) }
                keep
            });
            heap.commit();
            heap.mark_sparse(3);
            evacuate(&mut heap, &mut blocks);
            if trim { heap.trim(1); }
            heap.verify(blocks.iter().copied()).expect("sound");
        }
        prop_assert!(heap.mapped_bytes() >= heap.used_bytes());
        prop_assert!((heap.mapped_bytes() as usize).is_multiple_of(PAGE_LEN));
    }
}

#[cfg(feature = "fault")]
#[test]
fn trimming_and_refilling_are_cut_off_anywhere() {
    use shm::fault::{Effort, Recording};

    let mut heap = Heap::in_memory(16 << 20);
    let blocks: Vec<Block> = (0..400).map(|_| filled(&mut heap, 16_000, 1)).collect();
    heap.commit();
    blocks.iter().for_each(|&block| heap.free(block));
    heap.commit();
    // The last chunk is there in part.
    let last = heap.region().len() % CHUNK_LEN;
    assert_ne!(last, 0);
    let recording = Recording::start(&mut heap);
    assert_eq!(heap.trim(2), last + CHUNK_LEN);
    let crashes = recording.finish(&mut heap);
    crashes.explore(Effort { every: 5, recovery_every: usize::MAX }, |heap, _| {
        heap.verify([]).expect("sound");
        let blocks: Vec<Block> = (0..400).map(|_| filled(heap, 16_000, 1)).collect();
        heap.commit();
        heap.verify(blocks).expect("sound");
    });

    while heap.trim(1) > 0 {}
    let mut blocks: Vec<Block> = Vec::new();
    while heap.page_stats().free_pages > 0 {
        blocks.push(filled(&mut heap, 16_000, 1));
    }
    heap.commit();
    let holes = heap.page_stats().holes;
    let recording = Recording::start(&mut heap);
    let more: Vec<Block> = (0..5).map(|_| filled(&mut heap, 16_000, 1)).collect();
    heap.commit();
    assert!(heap.page_stats().holes < holes);
    let crashes = recording.finish(&mut heap);
    crashes.explore(Effort { every: 1, recovery_every: usize::MAX }, |heap, commits| {
        let more = more.iter().filter(|_| commits == 1);
        let mut all: Vec<Block> = blocks.iter().chain(more).copied().collect();
        heap.verify(all.iter().copied()).expect("sound");
        all.extend((0..200).map(|_| filled(heap, 16_000, 1)));
        heap.commit();
        heap.verify(all).expect("sound");
    });
}
