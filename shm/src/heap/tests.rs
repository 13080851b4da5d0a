//! The edges of the heap, one at a time; `tests/heap_model.rs` has the random walks.

use super::*;
use crate::Corrupt;

type Block = Handle<()>;

fn heap() -> Heap {
    Heap::in_memory(64 << 20)
}

fn filled(heap: &mut Heap, len: usize, byte: u8) -> Block {
    let block = heap.allocate(len).expect("there is room");
    heap.fill(block, 0, len, |bytes| bytes.fill(byte));
    block
}

fn reattach(heap: Heap) -> (Heap, RecoveryReport) {
    let image = heap.region().bytes().to_vec();
    let region = Region::from_image(&image, 64 << 20);
    Heap::attach(region, HeapOptions::default(), |_| false).expect("the image is sound")
}

#[test]
fn an_empty_heap_is_small_and_sound() {
    let heap = heap();
    assert_eq!(heap.mapped_bytes(), 128 * 1024);
    assert_eq!(heap.used_bytes(), 0);
    assert!(!heap.in_transaction());
    heap.verify([]).expect("sound");
    let (heap, report) = reattach(heap);
    assert_eq!(report, RecoveryReport { pages: 2, ..RecoveryReport::default() });
    heap.verify([]).expect("sound");
}

#[test]
fn a_heap_can_move_to_another_thread() {
    fn check<T: Send>(_: &T) {}
    check(&heap());
}

#[test]
fn blocks_are_distinct_aligned_and_keep_their_bytes() {
    let mut heap = heap();
    let lens = [1, 8, 16, 17, 64, 100, 128, 192, 255, 576, 640, 1000, 2048, 2049, 4032, 9000, MAX_BLOCK_LEN];
    let blocks: Vec<Block> =
        lens.iter().enumerate().map(|(index, &len)| filled(&mut heap, len, index as u8)).collect();
    heap.commit();
    heap.verify(blocks.iter().copied()).expect("sound");
    for (index, (&block, &len)) in blocks.iter().zip(&lens).enumerate() {
        assert!(heap.bytes(block, 0, len).iter().all(|&byte| byte == index as u8));
        assert!(heap.capacity_of(block) >= len);
        let at = block.raw() as usize * 8;
        assert!(!heap.capacity_of(block).is_multiple_of(64) || at.is_multiple_of(64));
        assert_eq!(heap.rest_of_page(block).len(), PAGE_LEN - at % PAGE_LEN);
    }
    let used: usize = blocks.iter().map(|&block| heap.capacity_of(block)).sum();
    assert_eq!(heap.used_bytes(), used as u64);
    let (heap, report) = reattach(heap);
    assert_eq!(report.used_bytes, used as u64);
    heap.verify(blocks).expect("sound");
}

#[test]
fn a_rollback_restores_everything() {
    let mut heap = heap();
    let kept = filled(&mut heap, 100, 1);
    heap.set_root(3, 7).expect("room");
    heap.set_hot(2, 9);
    heap.commit();
    let (before, used) = (heap.bytes(kept, 0, 100).to_vec(), heap.used_bytes());

    heap.store(kept, 10, b"new bytes").expect("room");
    heap.store_u32(kept, 50, 5).expect("room");
    heap.store_u64(kept, 61, 6).expect("room");
    heap.set_root(3, 8).expect("room");
    heap.set_hot(2, 10);
    filled(&mut heap, 100, 2);
    filled(&mut heap, 5000, 2);
    heap.free(kept);
    assert!(heap.in_transaction());
    heap.rollback();

    assert!(!heap.in_transaction());
    assert_eq!(heap.bytes(kept, 0, 100), before);
    assert_eq!((heap.root(3), heap.hot(2), heap.used_bytes()), (7, 9, used));
    heap.verify([kept]).expect("sound");
}

#[test]
fn a_freed_block_is_reused_after_the_commit_and_not_before() {
    let mut heap = heap();
    let first = filled(&mut heap, 48, 1);
    heap.commit();
    heap.free(first);
    let second = filled(&mut heap, 48, 2);
    assert_ne!(first, second);
    heap.commit();
    assert_eq!(filled(&mut heap, 48, 3), first);
    heap.commit();
}

#[test]
fn a_crash_takes_the_transaction_back() {
    let mut heap = heap();
    let kept = filled(&mut heap, 300, 1);
    heap.commit();
    heap.store(kept, 0, &[2; 300]).expect("room");
    heap.free(kept);
    filled(&mut heap, 24, 1);
    let (heap, report) = reattach(heap);
    assert!(report.records_undone > 3, "{report:?}");
    assert!(heap.bytes(kept, 0, 300).iter().all(|&byte| byte == 1));
    heap.verify([kept]).expect("sound");
}

#[test]
fn a_prepared_transaction_ends_as_recovery_is_told() {
    for committed in [false, true] {
        let mut heap = heap();
        let old = filled(&mut heap, 40, 1);
        heap.commit();
        let new = filled(&mut heap, 40, 2);
        heap.free(old);
        heap.prepare(77);
        let image = heap.region().bytes().to_vec();
        let (heap, report) =
            Heap::attach(Region::from_image(&image, 0), HeapOptions::default(), |transaction| {
                assert_eq!(transaction, 77);
                committed
            })
            .expect("sound");
        assert_eq!((report.prepared, report.completed), (Some(77), committed));
        heap.verify([if committed { new } else { old }]).expect("sound");
    }
}

#[test]
fn a_prepared_transaction_can_go_either_way() {
    let mut heap = heap();
    let old = filled(&mut heap, 40, 1);
    heap.commit();
    for _ in 0..2 {
        filled(&mut heap, 40, 2);
        heap.free(old);
        heap.prepare(78);
        heap.rollback();
        heap.verify([old]).expect("sound");
    }
    heap.free(old);
    heap.prepare(79);
    heap.commit();
    heap.verify([]).expect("sound");
}

#[test]
fn a_long_transaction_chains_log_pages_and_returns_them() {
    let mut heap = heap();
    let blocks: Vec<Block> = (0..500).map(|_| filled(&mut heap, 1024, 1)).collect();
    heap.commit();
    let pages = heap.pages.free_count();
    for round in 0..2 {
        for &block in &blocks {
            heap.store(block, 0, &[2; 1024]).expect("room");
        }
        assert!(heap.log.page_count() > 6);
        if round == 0 {
            heap.rollback();
            assert!(blocks.iter().all(|&block| heap.bytes(block, 0, 1024) == [1; 1024]));
            heap.verify(blocks.iter().copied()).expect("sound");
            assert!(heap.pages.free_count() + 1 >= pages);
        }
    }
    let (heap, report) = reattach(heap);
    assert!(report.log_pages_freed > 6);
    assert!(blocks.iter().all(|&block| heap.bytes(block, 0, 1024) == [1; 1024]));
    heap.verify(blocks.iter().copied()).expect("sound");
}

#[test]
fn the_log_has_a_bound() {
    let options = HeapOptions { undo_bound: 3 * PAGE_LEN, ..HeapOptions::default() };
    let mut heap = Heap::create(Region::in_memory(64 << 20), options).expect("room");
    let block = filled(&mut heap, 1024, 1);
    heap.commit();
    let stored = (0..1000).take_while(|_| heap.store(block, 0, &[2; 1024]).is_ok()).count();
    assert!((150..250).contains(&stored), "{stored}");
    heap.rollback();
    heap.verify([block]).expect("sound");
    heap.store(block, 0, &[3; 1024]).expect("the next transaction has room");
    heap.commit();
}

#[test]
fn many_frees_fit_into_one_commit() {
    let mut heap = heap();
    let blocks: Vec<Block> = (0..20_000).map(|_| filled(&mut heap, 16, 1)).collect();
    heap.commit();
    for &block in &blocks {
        heap.free(block);
    }
    heap.rollback();
    heap.verify(blocks.iter().copied()).expect("sound");
    for &block in &blocks {
        heap.free(block);
    }
    heap.commit();
    heap.verify([]).expect("sound");
    assert_eq!(heap.used_bytes(), 0);
}

#[test]
fn a_full_region_is_out_of_memory_and_stays_sound() {
    let mut heap = Heap::in_memory(4 * PAGE_LEN);
    let mut blocks = Vec::new();
    while let Ok(block) = heap.allocate(4000) {
        blocks.push(block);
        heap.commit();
    }
    heap.rollback();
    assert_eq!(blocks.len(), 3 * 16);
    assert_eq!(heap.allocate::<()>(100), Err(OutOfMemory));
    heap.rollback();
    heap.verify(blocks.iter().copied()).expect("sound");
    // Frees need no memory, though there is none for log pages.
    for block in blocks.drain(..) {
        heap.free(block);
    }
    heap.commit();
    heap.verify([]).expect("sound");
    heap.allocate::<()>(100).expect("pages are free again");
    heap.rollback();
}

#[test]
fn without_log_pages_too_many_frees_fail_the_transaction() {
    let mut heap = Heap::in_memory(2 * PAGE_LEN);
    let blocks: Vec<Block> = (0..300).map(|_| filled(&mut heap, 100, 1)).collect();
    heap.commit();
    for &block in &blocks[..150] {
        heap.free(block);
    }
    assert_eq!(heap.set_root(0, 1), Err(OutOfMemory));
    heap.rollback();
    heap.verify(blocks.iter().copied()).expect("sound");
    for &block in &blocks[..100] {
        heap.free(block);
    }
    heap.set_root(0, 1).expect("few frees leave room");
    heap.commit();
    heap.verify(blocks[100..].iter().copied()).expect("sound");
}

#[test]
fn emptied_pages_serve_other_classes() {
    let mut heap = Heap::in_memory(16 * PAGE_LEN);
    for len in [24, 512, 1024, 3072, MAX_BLOCK_LEN, 24] {
        let mut blocks: Vec<Block> = Vec::new();
        while let Ok(block) = heap.allocate(len) {
            blocks.push(block);
            heap.commit();
        }
        heap.rollback();
        assert!(blocks.len() >= 15 * (PAGE_LEN * 98 / 100 / len), "{} of {len}", blocks.len());
        for block in blocks {
            heap.free(block);
            heap.commit();
        }
        heap.verify([]).expect("sound");
    }
}

#[test]
fn blocks_come_from_the_fullest_page() {
    let mut heap = heap();
    let blocks: Vec<Block> = (0..60).map(|_| filled(&mut heap, 4000, 1)).collect();
    heap.commit();
    let page_of = |block: Block| block.raw() as usize * 8 / PAGE_LEN;
    let (fuller, sparser) = (page_of(blocks[0]), page_of(blocks[20]));
    assert_ne!(fuller, sparser);
    let mut freed = blocks.iter().filter(|&&block| page_of(block) == sparser).take(12).collect::<Vec<_>>();
    freed.extend(blocks.iter().filter(|&&block| page_of(block) == fuller).take(2));
    for &&block in &freed {
        heap.free(block);
    }
    heap.commit();
    let open = page_of(*blocks.last().expect("sixty"));
    let new: Vec<usize> = (0..8).map(|_| page_of(filled(&mut heap, 4000, 2))).collect();
    heap.commit();
    let order: Vec<usize> = new.into_iter().filter(|&page| page != open).collect();
    assert_eq!(order[..2], [fuller, fuller]);
    assert!(order[2..].iter().all(|&page| page == sparser));
}

#[test]
fn other_granules_reach_further() {
    for shift in 3..=7 {
        let options = HeapOptions { granule_shift: shift, ..HeapOptions::default() };
        let mut heap = Heap::create(Region::in_memory(8 << 20), options).expect("room");
        let blocks: Vec<Block> = [1, 30, 64, 200, 1000, 5000, MAX_BLOCK_LEN]
            .iter()
            .map(|&len| {
                let block = filled(&mut heap, len, 5);
                assert!(heap.bytes(block, 0, len).iter().all(|&byte| byte == 5));
                block
            })
            .collect();
        heap.commit();
        heap.verify(blocks.iter().copied()).expect("sound");
        let image = heap.region().bytes().to_vec();
        let (heap, _) = Heap::attach(Region::from_image(&image, 0), HeapOptions::default(), |_| false)
            .expect("the granule is read from the region");
        heap.verify(blocks).expect("sound");
    }
}

#[test]
fn the_page_table_goes_on_in_every_group() {
    let mut heap = Heap::in_memory(600 << 20);
    heap.region.ensure(layout::GROUP_PAGES * PAGE_LEN + PAGE_LEN).expect("room");
    heap.rollback();
    assert!(heap.pages.count() > layout::GROUP_PAGES);
    heap.verify([]).expect("sound");
    let blocks: Vec<Block> = (0..4 * layout::GROUP_PAGES + 64)
        .map(|_| {
            let block = heap.allocate(MAX_BLOCK_LEN).expect("room");
            heap.commit();
            block
        })
        .collect();
    let last = blocks.last().expect("many").raw() as usize * 8 / PAGE_LEN;
    assert!(last > layout::GROUP_PAGES);
    heap.verify(blocks.iter().copied()).expect("sound");
    for &block in &blocks {
        heap.free(block);
    }
    heap.commit();
    heap.verify([]).expect("sound");
}

#[test]
fn verify_finds_what_is_wrong() {
    let mut heap = heap();
    let (one, two) = (filled(&mut heap, 16, 1), filled(&mut heap, 16, 1));
    heap.commit();
    assert_eq!(heap.verify([one]), Err(Corrupt::Leaked { block: two.raw() }));
    assert_eq!(heap.verify([one, two, one]), Err(Corrupt::Shared { block: one.raw() }));
    let foreign = Handle::from_raw(one.raw() + 4).expect("not zero");
    assert_eq!(heap.verify([one, two, foreign]), Err(Corrupt::Dangling { block: foreign.raw() }));

    let page = heap.at(one, 0) / PAGE_LEN;
    let (desc, bitmap) = (layout::descriptor_at(page), page * PAGE_LEN);
    for (at, value) in [(desc, 1), (desc, 99), (bitmap, 0), (HOT_AT, 0), (layout::TAIL_AT, 8)] {
        let old = heap.region.load_u64(at);
        heap.region.store_u64(at, value);
        assert!(heap.verify([one, two]).is_err(), "{at}");
        heap.region.store_u64(at, old);
        heap.verify([one, two]).expect("sound again");
    }
}

#[test]
fn a_region_that_is_no_sound_heap_is_refused_untouched() {
    let mut heap = heap();
    let block = filled(&mut heap, 100, 1);
    heap.commit();
    heap.store_u64(block, 0, 7).expect("room");
    let image = heap.region().bytes().to_vec();
    let tail = heap.region.load_u64(layout::TAIL_AT) as usize;
    let attach = |damage: &dyn Fn(&mut Vec<u8>)| {
        let mut image = image.clone();
        damage(&mut image);
        Heap::attach(Region::from_image(&image, 0), HeapOptions::default(), |_| false).map(|_| ())
    };
    let word = |at: usize, value: u64| {
        attach(&|image: &mut Vec<u8>| image[at..at + 8].copy_from_slice(&value.to_le_bytes()))
    };
    assert_eq!(attach(&|_| {}), Ok(()));
    assert_eq!(word(layout::MAGIC_AT, 0), Err(Corrupt::Magic { found: 0 }));
    assert_eq!(word(layout::LAYOUT_AT, 9 | 3 << 32), Err(Corrupt::Layout { found: 9, expected: 1 }));
    assert_eq!(word(layout::LAYOUT_AT, 1 | 8 << 32), Err(Corrupt::Granule { found: 8 }));
    assert!(matches!(word(layout::BACKED_LEN_AT, 1 << 20), Err(Corrupt::Length { .. })));
    assert!(matches!(word(layout::descriptor_at(1), 99), Err(Corrupt::Page { page: 1, .. })));
    assert!(matches!(word(layout::descriptor_at(0), 0), Err(Corrupt::Page { page: 0, .. })));
    for bad_tail in [1, 8, tail + 8, tail - 8, PAGE_LEN + 64, 1 << 40, usize::MAX & !7] {
        assert!(matches!(word(layout::TAIL_AT, bad_tail as u64), Err(Corrupt::Undo { .. })), "{bad_tail}");
    }
    for bad_place in
        [0, layout::MAGIC_AT, layout::TAIL_AT, layout::TABLE_AT, layout::LOG_AT, PAGE_LEN - 4, 1 << 30]
    {
        let footer = crate::undo::record::footer(bad_place, 8);
        assert!(matches!(word(tail - 8, footer), Err(Corrupt::Undo { .. })), "{bad_place}");
    }
    assert!(matches!(word(HOT_AT, 0), Ok(()) | Err(Corrupt::Mismatch { .. })));
}

#[test]
fn a_budget_limits_blocks_across_heaps() {
    let budget = Arc::new(Budget::new(1 << 20));
    let mut heaps: Vec<Heap> = (0..3)
        .map(|_| {
            let options = HeapOptions { budget: Some(budget.clone()), ..HeapOptions::default() };
            Heap::create(Region::in_memory(8 << 20), options).expect("room")
        })
        .collect();
    let mut blocks = Vec::new();
    let mut failed = 0;
    while failed < 3 {
        failed = 0;
        for (index, heap) in heaps.iter_mut().enumerate() {
            match heap.allocate::<()>(100) {
                Ok(block) => blocks.push((index, block)),
                Err(OutOfMemory) => failed += 1,
            }
            heap.commit();
        }
    }
    let used: u64 = heaps.iter().map(Heap::used_bytes).sum();
    assert!(used <= 1 << 20 && used > (1 << 20) - 3 * 104, "{used}");
    for (index, block) in blocks.drain(..).filter(|(index, _)| *index == 0) {
        heaps[index].free(block);
    }
    heaps[0].commit();
    heaps[1].allocate::<()>(5000).expect("what one gives back another can have");
    heaps[1].commit();
    budget.set_limit(0);
    heaps[1].settle_budget();
    assert_eq!(heaps[1].allocate::<()>(16), Err(OutOfMemory));
    heaps[1].rollback();
    drop(heaps);
    assert_eq!(budget.granted(), 0);
}

#[test]
fn failures_can_be_asked_for() {
    let mut heap = heap();
    heap.fail_allocations_after(Some(1));
    heap.allocate::<()>(16).expect("one more");
    assert_eq!(heap.allocate::<()>(16), Err(OutOfMemory));
    heap.fail_allocations_after(None);
    heap.allocate::<()>(16).expect("as many as there are");
    heap.rollback();
    heap.verify([]).expect("sound");
}

#[test]
#[should_panic(expected = "freed twice")]
fn a_young_block_freed_twice_is_caught_before_the_commit() {
    let mut heap = heap();
    let block = filled(&mut heap, 16, 1);
    heap.free(block);
    heap.free(block);
    heap.commit();
}

#[test]
fn a_large_heap_frees_thousands_when_no_memory_is_left() {
    let mut heap = Heap::in_memory(4 << 20);
    let mut blocks: Vec<Block> = Vec::new();
    while let Ok(block) = heap.allocate(900) {
        blocks.push(block);
        heap.commit();
    }
    heap.rollback();
    assert!(blocks.len() > 4000);
    for &block in &blocks[..4000] {
        heap.free(block);
    }
    heap.set_root(0, 1).expect("the page in reserve has room for these");
    heap.commit();
    heap.verify(blocks[4000..].iter().copied()).expect("sound");
}

#[test]
#[should_panic(expected = "freed twice")]
fn a_block_freed_twice_is_caught_before_the_commit() {
    let mut heap = heap();
    let block = filled(&mut heap, 16, 1);
    heap.commit();
    heap.free(block);
    heap.free(block);
    heap.commit();
}
