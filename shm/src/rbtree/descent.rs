//! A search that goes down node by node without an outcome: each step asks for the memory that the next one looks at. Taken
//! in turns, the steps of many searches wait for memory together.

use std::hint::select_unpredictable;

use super::node::{HEADER_LEN, Header, Link, View, block};
use super::packing::Packing;
use super::{Form, Tree};
use crate::Heap;

/// The nodes of a tree with fewer elements are mostly in a near cache: to go down twice would cost as much as it gains.
const DESCENT_MIN: usize = 1 << 15;

/// See the module. Good until the tree next changes.
#[derive(Debug)]
pub struct Descent {
    lead: u64,
    /// Of the eight bytes after a node's header.
    lead_of: fn(u64) -> u64,
    /// The node to come.
    link: Link,
    /// The last node met whose lead is not above the one that is looked for.
    found: Link,
    /// How much of the node at the end is asked for, bytes.
    ahead: usize,
}

impl<P: Packing> Tree<P> {
    /// A search for what has a lead; `None` if the tree is not worth it.
    #[inline]
    pub fn descent(&self, heap: &Heap, lead: impl FnOnce() -> u64) -> Option<Descent> {
        const { assert!(!P::BASED && !P::HASHED, "leads are told by the elements alone") };
        if !self.is_wide() {
            return None;
        }
        let link = self.root.link();
        heap.prefetch(block(link), 0);
        Some(Descent { lead: lead(), lead_of: P::lead, link, found: link, ahead: P::NODE_LEN })
    }

    /// Whether searches in it wait for memory.
    #[inline]
    pub fn is_wide(&self) -> bool {
        self.root.form() == Form::Tree && self.root.count() >= DESCENT_MIN
    }

    /// The element with this key, if it is in the node where a descent has ended.
    #[inline]
    pub fn get_below<'h>(&self, heap: &'h Heap, descent: &Descent, key: P::Key<'_>) -> Option<P::Item<'h>> {
        const { assert!(!P::HASHED, "an order within nodes") };
        let view = View::of_node::<P>(heap, descent.found);
        let (slot, found) = view.search(heap, self.packing, key);
        found.then(|| view.item(heap, self.packing, slot.offset))
    }
}

impl Descent {
    /// One level down. `false` at the end.
    #[inline]
    pub fn step(&mut self, heap: &Heap) -> bool {
        let header = Header::read(heap, self.link);
        let goes_right = self.lead >= (self.lead_of)(heap.u64_at(block(self.link), HEADER_LEN));
        self.found = select_unpredictable(goes_right, self.link, self.found);
        self.link = select_unpredictable(goes_right, header.right, header.left);
        if self.link != 0 {
            heap.prefetch(block(self.link), 0);
            return true;
        }
        let used = usize::from(Header::read(heap, self.found).used);
        for start in (64..self.ahead.min(HEADER_LEN + used)).step_by(64) {
            heap.prefetch(block(self.found), start);
        }
        false
    }
}
