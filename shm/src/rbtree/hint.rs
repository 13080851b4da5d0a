//! Searches by hash that are made in advance, many side by side, and what they leave behind for the changes that follow.
//!
//! On its own, a search waits at each node for the next one. [`seek_together`] takes the steps of many searches in turns, so
//! that they wait together. Each ends with a [`Hint`]: the node where the hash belongs. Who is given the hint looks into
//! that node at once, and finds the very key or nothing; nothing says that a search from the root must tell.
//!
//! # Why a hint can be trusted
//! What matters is that the node is still one of the tree with that root. A node leaves its tree only with its block: when
//! it is split, merged, emptied, moved or reclaimed, that is given back; and only a block that was given back becomes the
//! root of another tree. So a hint is good as long as its heap has given back no block ([`Heap::frees`]).

use std::hint::select_unpredictable;
use std::ptr;

use super::content::{Draft, Inserted};
use super::node::{self, Header, Link, Slot, View, block};
use super::packing::Packing;
use super::{Form, Tree};
use crate::{Heap, OutOfMemory};

/// In a tree of fewer elements a search is over before another one can gain by it.
const SEEK_MIN: usize = 512;
/// Bytes of a node that are asked for: the rest follows by itself where it is read in order.
const AHEAD: usize = 192;

/// A search by hash that is under way. See the module.
pub struct Seek<'h> {
    heap: &'h Heap,
    root: Link,
    hash: u64,
    /// The node to come.
    link: Link,
    /// The last node met whose base is not above the hash, or the root.
    found: Link,
}

/// Where a hash belongs, for the time being; of no use if all bases are above it.
#[derive(Debug, Clone, Copy)]
pub struct Hint {
    root: Link,
    node: Link,
    hash: u64,
    frees: u64,
}

impl Hint {
    /// The hash that was looked for.
    #[inline]
    pub fn hash(&self) -> u64 {
        self.hash
    }
}

/// An element that was found by a hint. Good until the tree next changes.
pub struct Glance {
    view: View,
    slot: Slot,
}

impl<P: Packing> Tree<P> {
    /// Whether it is worth searching in advance.
    #[inline]
    pub fn is_deep(&self) -> bool {
        self.root.form() == Form::Tree && self.root.count() >= SEEK_MIN
    }

    /// The beginning of a search for a hash. The tree has elements.
    #[inline]
    pub fn seek_hash<'h>(&self, heap: &'h Heap, hash: u64) -> Seek<'h> {
        const { assert!(P::HASHED, "nodes in the order of hashes") };
        let root = self.root.link();
        heap.prefetch(block(root), 0);
        Seek { heap, root, hash, link: root, found: root }
    }

    /// The element with this key, if it is where the hint says. `None` says nothing of where else it may be.
    #[inline]
    pub fn glance(&self, heap: &Heap, hint: &Hint, key: P::Key<'_>) -> Option<Glance> {
        if hint.root != self.root.link() || self.root.form() != Form::Tree || hint.frees != heap.frees() {
            return None;
        }
        let view = View::of_node::<P>(heap, hint.node);
        let slot = view.scan(heap, self.packing(), key)?;
        Some(Glance { view, slot })
    }

    /// The element at a glance.
    #[inline]
    pub fn item_at<'h>(&self, heap: &'h Heap, glance: &Glance) -> P::Item<'h> {
        glance.view.item(heap, self.packing(), glance.slot.offset)
    }

    /// Puts `item`, whose key is the same, in the place of the element at a glance. `false`, and no change, if it is of
    /// another length.
    ///
    /// # Errors
    /// [`OutOfMemory`] when the undo log is full.
    #[inline]
    pub fn overwrite(
        &self,
        heap: &mut Heap,
        glance: &Glance,
        item: P::Item<'_>,
    ) -> Result<bool, OutOfMemory> {
        let (packing, view, at) = (self.packing(), glance.view, glance.slot.offset);
        let removed = view.element(heap, packing, at).len();
        let inserted = Inserted::item(packing, item);
        let draft = Draft { view, at, removed, inserted, own: view.own, base: view.base };
        if draft.keeps_lengths() {
            draft.overwrite(heap, packing)?;
            return Ok(true);
        }
        Ok(false)
    }
}

impl Seek<'_> {
    /// One level down, in its own heap.
    #[inline]
    fn step(&mut self, heap: &Heap) {
        let ([left, right], base) = node::children_and_lead(heap, self.link);
        let goes_right = self.hash >= base;
        self.found = select_unpredictable(goes_right, self.link, self.found);
        self.link = select_unpredictable(goes_right, right, left);
        if self.link != 0 {
            heap.prefetch(block(self.link), 0);
        }
    }

    /// The outcome, after [`seek_together`].
    #[inline]
    pub fn hint(&self) -> Hint {
        Hint { root: self.root, node: self.found, hash: self.hash, frees: self.heap.frees() }
    }
}

/// Takes searches to their ends, step by step in turns.
pub fn seek_together(seeks: &mut [Seek<'_>]) {
    let Some(heap) = seeks.first().map(|seek| seek.heap) else { return };
    // Most often there is one heap, and what is known of it is read once.
    if seeks.iter().all(|seek| ptr::eq(seek.heap, heap)) {
        descend(seeks, |_| heap);
    } else {
        descend(seeks, |seek| seek.heap);
    }
    for seek in seeks {
        let used = usize::from(Header::read(seek.heap, seek.found).used);
        for start in (64..AHEAD.min(used)).step_by(64) {
            seek.heap.prefetch(block(seek.found), start);
        }
    }
}

#[inline]
fn descend<'h>(seeks: &mut [Seek<'h>], heap_of: impl Fn(&Seek<'h>) -> &'h Heap) {
    loop {
        let mut under_way = 0;
        for seek in seeks.iter_mut().filter(|seek| seek.link != 0) {
            let heap = heap_of(seek);
            seek.step(heap);
            under_way |= seek.link;
        }
        if under_way == 0 {
            return;
        }
    }
}
