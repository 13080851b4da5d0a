//! How the work per operation and the memory per element grow, counted in blocks and bytes.

use std::collections::BTreeMap;

use shm::rbtree::{Builder, Root, TimedHandles, Tree};
use shm::{Handle, Heap};

use super::packings::{Fixed, Listed, Owned, Strings};

/// Content of a tree's blocks by handle.
fn blocks<P: Owned>(heap: &Heap, trees: &[&Tree<P>]) -> BTreeMap<u32, Vec<u8>> {
    let mut blocks = BTreeMap::new();
    for tree in trees {
        tree.verify(heap, &mut |block| {
            blocks.insert(block.raw(), heap.bytes(block, 0, heap.capacity_of(block)).to_vec());
            Ok(())
        })
        .unwrap();
    }
    blocks
}

/// Blocks of `after` that are new or changed.
fn touched(before: &BTreeMap<u32, Vec<u8>>, after: &BTreeMap<u32, Vec<u8>>) -> usize {
    after.iter().filter(|(handle, bytes)| before.get(handle) != Some(bytes)).count()
}

fn fixed(number: u32) -> [u8; 12] {
    let mut value = [0; 12];
    value[8..].copy_from_slice(&number.to_be_bytes());
    value
}

/// A tree of every second number below `2 * count`.
fn even_numbers(heap: &mut Heap, count: u32) -> Tree<Fixed> {
    let mut builder = Builder::new(Fixed);
    for number in 0..count {
        builder.push(heap, fixed(2 * number)).unwrap();
    }
    let root = builder.finish(heap).unwrap();
    heap.commit();
    Tree::new(root, Fixed)
}

#[test]
fn an_operation_touches_a_logarithmic_number_of_blocks() {
    for count in [100u32, 1000, 10_000] {
        let mut heap = Heap::in_memory(8 << 20);
        let mut tree = even_numbers(&mut heap, count);
        let nodes = blocks(&heap, &[&tree]).len() as f64;
        // Once down the path for the counts, and at most three rotations with their surroundings.
        let bound = (2.0 * nodes.log2()) as usize + 12;
        let mut check = |tree: &mut Tree<Fixed>, change: &mut dyn FnMut(&mut Heap, &mut Tree<Fixed>)| {
            let before = blocks(&heap, &[tree]);
            change(&mut heap, tree);
            heap.commit();
            let work = touched(&before, &blocks(&heap, &[tree]));
            assert!(work <= bound, "{work} blocks touched, at most {bound} expected");
        };
        for number in (0..25).map(|n| n * 7919 % count) {
            check(&mut tree, &mut |heap, tree| {
                tree.insert(heap, fixed(2 * number + 1)).unwrap();
            });
            check(&mut tree, &mut |heap, tree| {
                assert!(tree.remove(heap, fixed(2 * number)).unwrap());
            });
        }
    }
}

#[test]
fn taking_out_half_a_tree_touches_a_logarithmic_number_of_blocks() {
    for count in [1000u32, 10_000, 40_000] {
        let mut heap = Heap::in_memory(8 << 20);
        let mut tree = even_numbers(&mut heap, count);
        let before = blocks(&heap, &[&tree]);
        let range = count as usize / 4..count as usize * 3 / 4;
        let gone = tree.remove_range(&mut heap, range).unwrap();
        heap.commit();
        let work = touched(&before, &blocks(&heap, &[&tree, &gone]));
        let bound = (8.0 * (before.len() as f64).log2()) as usize;
        assert!(work <= bound, "{work} of {} blocks touched, at most {bound} expected", before.len());
    }
}

#[test]
fn pushing_at_the_ends_leaves_full_nodes() {
    let mut heap = Heap::in_memory(8 << 20);
    for at_end in [true, false] {
        let mut tree = Tree::new(Root::EMPTY, Listed);
        for number in 0..4000u32 {
            let at = if at_end { number as usize } else { 0 };
            tree.insert_at(&mut heap, at, &number.to_be_bytes()).unwrap();
            heap.commit();
        }
        let mut nodes = 0;
        tree.verify(&heap, &mut |_| {
            nodes += 1;
            Ok(())
        })
        .unwrap();
        // 19 elements of 5 bytes fill 96 bytes.
        assert!(nodes <= 4000usize.div_ceil(19) + 1, "{nodes} nodes");
    }
}

/// Bytes of blocks per element of a tree of times, after inserting them in this order.
fn bytes_per_time(times: impl Iterator<Item = u64>) -> f64 {
    let mut heap = Heap::in_memory(8 << 20);
    let mut tree = Tree::new(Root::EMPTY, TimedHandles::<u8>::new());
    for (number, time) in times.enumerate() {
        let handle = Handle::from_raw(number as u32 + 1).expect("not 0");
        assert!(tree.insert(&mut heap, (time, handle)).unwrap());
        heap.commit();
    }
    tree.verify(&heap, &mut |_| Ok(())).unwrap();
    heap.used_bytes() as f64 / tree.len() as f64
}

#[test]
fn a_timed_handle_takes_little_more_than_its_eight_bytes() {
    const START: u64 = 1_700_000_000_000;
    const COUNT: u64 = 60_000;
    // SplitMix64, cut to about 200 days in milliseconds.
    let scattered = |n: u64| {
        let mixed = (n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ mixed >> 31) >> 30
    };
    let ascending = bytes_per_time((0..COUNT).map(|n| START + n * 17));
    assert!(ascending <= 8.6, "ascending: {ascending}");
    let descending = bytes_per_time((0..COUNT).rev().map(|n| START + n * 17));
    assert!(descending <= 8.6, "descending: {descending}");
    let random = bytes_per_time((0..COUNT).map(|n| START + scattered(n)));
    assert!(random <= 9.5, "random: {random}");
    println!("bytes per element: {ascending:.2} ascending, {descending:.2} descending, {random:.2} random");
}

#[test]
fn a_long_transaction_takes_little_more_memory_than_what_it_leaves() {
    for at_end in [true, false] {
        let mut heap = Heap::in_memory(64 << 20);
        let mut tree = Tree::new(Root::EMPTY, Strings::<1024>);
        for number in 0..20_000usize {
            let at = if at_end { number } else { 0 };
            tree.insert_at(&mut heap, at, b"nineteen bytes long").unwrap();
        }
        let during = heap.used_bytes();
        heap.commit();
        let after = heap.used_bytes();
        assert!(during < after + after / 4, "{during} bytes before the commit, {after} after");
    }
}
