//! `verify` finds damage, and survives any.

use std::collections::BTreeSet;

use proptest::prelude::*;
use shm::rbtree::{Packing, Root, Tree};
use shm::{Corrupt, Handle, Heap};

use super::model::{Pair, blocks, cases};
use super::packings::{Listed, Owned, Strings, Timed};

/// A tree of these values, committed.
fn tree_of<P: Owned>(values: impl Iterator<Item = P::Value>) -> Pair<P> {
    let mut pair = Pair::<P>::new(4 << 20);
    for value in values {
        pair.tree.insert_at(&mut pair.heap, pair.model.len(), P::item(&value)).unwrap();
        pair.model.push(value);
    }
    pair.heap.commit();
    pair
}

/// As a check of a whole heap would do it: a block must be allocated, and named once.
fn verify<P: Packing>(heap: &Heap, tree: &Tree<P>) -> Result<(), Corrupt> {
    let mut left: BTreeSet<_> = heap.allocated_blocks().map(Handle::raw).collect();
    tree.verify(heap, &mut |block| {
        if left.remove(&block.raw()) { Ok(()) } else { Err(Corrupt::Dangling { block: block.raw() }) }
    })
}

/// Overwrites a byte of a block of the tree, or of its root, and looks at what is left.
fn damage<P: Owned>(pair: &mut Pair<P>, block: prop::sample::Index, at: prop::sample::Index, byte: u8) {
    let all: Vec<_> = blocks(&pair.heap, &pair.tree).into_iter().collect();
    let number = block.index(all.len() + 1);
    let mut tree = pair.tree;
    if let Some(&block) = all.get(number) {
        let at = at.index(pair.heap.capacity_of(block));
        pair.heap.store(block, at, &[byte]).unwrap();
    } else {
        let mut root = pair.tree.root().encode().to_le_bytes();
        root[at.index(8)] = byte;
        tree = Tree::new(Root::decode(u64::from_le_bytes(root)), P::new());
    }
    let damaged = verify(&pair.heap, &tree);
    if damaged.is_ok() {
        // Then everything can still be read.
        assert_eq!(tree.iter(&pair.heap).count(), tree.len());
        assert_eq!(tree.back(&pair.heap).count(), tree.len());
    }
    pair.heap.rollback();
    verify(&pair.heap, &pair.tree).unwrap();
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn any_byte(
        size in prop::sample::select(vec![1u64, 4, 20, 60]),
        places in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>()), 20),
    ) {
        let handle = Handle::from_raw(77).expect("not 0");
        let mut timed = tree_of::<Timed>((0..size).map(|n| (n << 25, handle)));
        let mut strings = tree_of::<Strings<112>>((0..size).map(|n| vec![n as u8; 1 + n as usize % 39]));
        let mut listed = tree_of::<Listed>((0..size).map(|n| vec![0; n as usize % 40]));
        for (block, at, byte) in places {
            damage(&mut timed, block, at, byte);
            damage(&mut strings, block, at, byte);
            damage(&mut listed, block, at, byte);
        }
    }
}

#[test]
fn what_is_wrong_is_said() {
    // A node of 96 bytes of elements holds 6 of these.
    let mut pair = tree_of::<Strings<112>>((0..40u8).map(|n| vec![n; 15]));
    let top = Handle::<u8>::from_raw(pair.tree.root().encode() as u32).expect("a tree");
    let (left, before) = (pair.heap.u32_at(top, 0), pair.heap.u32_at(top, 8));
    let own_used = pair.heap.u32_at(top, 12);
    let mut check = |at: usize, value: u32, expected: &str| {
        pair.heap.store_u32(top, at, value).unwrap();
        let found = verify(&pair.heap, &pair.tree).unwrap_err().to_string();
        assert!(found.contains(expected), "{found}, expected {expected}");
        pair.heap.rollback();
    };
    check(0, 0, "left count");
    check(0, 12_345_677, "not allocated");
    check(4, left, "not allocated");
    check(4, top.raw(), "not allocated");
    check(8, before + 1, "left count");
    check(12, own_used - 1, "after the last element");
    check(12, own_used + 1, "too few");
    check(12, own_used & 0xffff_0000, "empty node");
    check(12, own_used | 1 << 31, "red");
    check(12, own_used | 0x7fff << 16, "length");
    check(16, 0x0fff_ffff, "length");
    check(17, u32::MAX, "order");
}
