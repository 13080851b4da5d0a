//! The way from the root to a node, which stands in for parent pointers, and places in a tree.

use std::hint::select_unpredictable;

use super::node::{self, Header, Link, Side, Slot, View, child};
use super::packing::Packing;
use super::{Form, Root, hashed};
use crate::{Heap, OutOfMemory};

/// More than any tree is deep: a red-black tree of n nodes has at most 2 log2(n + 1) levels, and a tree
/// has fewer than 2^31 elements, hence nodes.
pub(super) const DEPTH_MAX: usize = 64;

/// The nodes from the root down to one of them.
#[derive(Clone)]
pub(super) struct Path {
    nodes: [Link; DEPTH_MAX],
    len: usize,
    /// Bit i: the step down from node i went right.
    rights: u64,
}

impl Path {
    pub(super) const EMPTY: Path = Path { nodes: [0; DEPTH_MAX], len: 0, rights: 0 };

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(super) fn node(&self, index: usize) -> Link {
        self.nodes[..self.len][index]
    }

    #[inline]
    pub(super) fn last(&self) -> Link {
        self.nodes[self.len - 1]
    }

    /// Which way the path goes, or went before it was cut, from the node at `index`.
    #[inline]
    pub(super) fn side(&self, index: usize) -> Side {
        if self.rights >> index & 1 == 1 { Side::Right } else { Side::Left }
    }

    #[inline]
    pub(super) fn set_side(&mut self, index: usize, side: Side) {
        self.rights = self.rights & !(1 << index) | u64::from(side == Side::Right) << index;
    }

    /// Whether it leads to the first node.
    #[inline]
    pub(super) fn is_leftmost(&self, heap: &Heap) -> bool {
        self.rights & ((1 << (self.len - 1)) - 1) == 0 && child(heap, self.last(), Side::Left) == 0
    }

    /// Starts at the root.
    #[inline]
    pub(super) fn start(&mut self, root: Link) {
        self.nodes[0] = root;
        self.len = 1;
    }

    /// A step down.
    #[inline]
    pub(super) fn push(&mut self, side: Side, link: Link) {
        self.set_side(self.len - 1, side);
        self.nodes[self.len] = link;
        self.len += 1;
    }

    /// Goes from the root down to a leaf, to the right where `is_reached` says that the node does not stand beyond what is
    /// looked for: it is given the node and the eight bytes that follow its header. The path ends at the last such node,
    /// or at the first node of all. Returns whether all nodes stand beyond.
    #[inline]
    pub(super) fn search(
        &mut self,
        heap: &Heap,
        root: Link,
        mut is_reached: impl FnMut(Link, u64) -> bool,
    ) -> bool {
        let (mut link, mut len, mut rights) = (root, 0, 0);
        // The length of the path to the last node reached.
        let mut depth = 0;
        while link != 0 {
            self.nodes[len] = link;
            let ([left, right], lead) = node::children_and_lead(heap, link);
            let goes_right = is_reached(link, lead);
            // Which way it goes is as good as random: no branch could be foretold.
            rights |= u64::from(goes_right) << len;
            len += 1;
            link = select_unpredictable(goes_right, right, left);
            depth = select_unpredictable(goes_right, len, depth);
        }
        // If the way has always gone left, it has led to the first node.
        self.len = if depth > 0 { depth } else { len };
        self.rights = rights;
        depth == 0
    }

    /// How many elements stand before those of the last node.
    pub(super) fn before(&self, heap: &Heap) -> usize {
        let Some(last) = self.len.checked_sub(1) else { return 0 };
        let passed = (0..last).filter(|index| self.side(*index) == Side::Right).map(|index| {
            let header = Header::read(heap, self.nodes[index]);
            header.before as usize + usize::from(header.own)
        });
        passed.sum::<usize>() + Header::read(heap, self.nodes[last]).before as usize
    }

    #[inline]
    pub(super) fn truncate(&mut self, len: usize) {
        self.len = len;
    }

    /// Goes down on one side until there is nothing further.
    pub(super) fn descend(&mut self, heap: &Heap, side: Side) {
        loop {
            let next = child(heap, self.last(), side);
            if next == 0 {
                return;
            }
            self.push(side, next);
        }
    }

    /// Moves to the next node in order on one side. `false`, and an empty path, if there is none.
    pub(super) fn step(&mut self, heap: &Heap, side: Side) -> bool {
        let next = child(heap, self.last(), side);
        if next != 0 {
            self.push(side, next);
            self.descend(heap, side.other());
            return true;
        }
        while self.len > 1 {
            self.len -= 1;
            if self.side(self.len - 1) != side {
                return true;
            }
        }
        self.len = 0;
        false
    }

    /// Makes what refers to the node at `index` refer to `to`.
    pub(super) fn relink(
        &mut self,
        heap: &mut Heap,
        top: &mut Link,
        index: usize,
        to: Link,
    ) -> Result<(), OutOfMemory> {
        if index == 0 {
            *top = to;
        } else {
            node::set_child(heap, self.nodes[index - 1], self.side(index - 1), to)?;
        }
        self.nodes[index] = to;
        Ok(())
    }

    /// Adds to the left counts of those nodes among `from .. to` whose left subtree the path enters.
    pub(super) fn add_before(
        &self,
        heap: &mut Heap,
        from: usize,
        to: usize,
        delta: u32,
    ) -> Result<(), OutOfMemory> {
        for index in from..to {
            if self.side(index) == Side::Left {
                node::add_before(heap, self.nodes[index], delta)?;
            }
        }
        Ok(())
    }
}

/// A place in a tree: an element's, or one between two elements, where one would be inserted. Good
/// until the tree next changes.
#[derive(Clone)]
pub struct Position {
    /// To the node; empty where the tree has none.
    pub(super) path: Path,
    pub(super) slot: Slot,
}

impl Position {
    /// How many elements stand before it. O(log n).
    #[inline]
    pub fn rank(&self, heap: &Heap) -> usize {
        self.path.before(heap) + self.slot.index
    }

    /// The place before everything else.
    pub const START: Position = Position { path: Path::EMPTY, slot: Slot { index: 0, offset: 0 } };

    /// Goes back to the start.
    #[inline]
    pub(super) fn clear(&mut self) {
        self.path.truncate(0);
        self.slot = Slot { index: 0, offset: 0 };
    }

    /// Moves from the start to the first element not less than `key`; returns whether it is equal. Looks at the first
    /// element of one node per level and then into the last node that starts at or before the key.
    pub(super) fn find<P: Packing>(&mut self, heap: &Heap, packing: P, root: Root, key: P::Key<'_>) -> bool {
        debug_assert!(P::ORDERED, "a search by key in a tree that has only ranks");
        debug_assert!(self.path.len() == 0 && self.slot.index == 0, "a search from the start");
        match root.form() {
            Form::Empty => return false,
            Form::Plain => {
                let view = View::of_plain::<P>(heap, root);
                let (slot, found) = if P::HASHED {
                    match view.scan(heap, packing, key) {
                        Some(slot) => (slot, true),
                        None => (Slot { index: view.own, offset: view.used }, false),
                    }
                } else {
                    view.search(heap, packing, key)
                };
                self.slot = slot;
                return found;
            }
            Form::Tree if P::HASHED => return hashed::find(heap, packing, root, key, self),
            Form::Tree => {}
        }
        let lead = packing.lead_of_key(key);
        let is_before_all = self.path.search(heap, root.link(), |link, first| {
            if let Some(lead) = lead {
                debug_assert!(!P::BASED, "leads are told by the elements alone");
                let own = P::lead(first);
                if lead != own {
                    return lead > own;
                }
            }
            let view = View::of_node::<P>(heap, link);
            packing.compare_bytes(heap, key, view.elements(heap), view.base).is_ge()
        });
        if is_before_all {
            return false;
        }
        let view = View::of_node::<P>(heap, self.path.last());
        let (slot, found) = view.search(heap, packing, key);
        self.slot = slot;
        found
    }

    /// The place with `rank` elements before it, which is at most their number. Between two nodes it
    /// is the start of the later one if `start` is set, as an element's place must be; otherwise
    /// whichever is met first.
    pub(super) fn of_rank<P: Packing>(
        heap: &Heap,
        packing: P,
        root: Root,
        rank: usize,
        start: bool,
    ) -> Position {
        debug_assert!(rank <= root.count(), "rank {rank} of {}", root.count());
        let mut position = Position::START;
        let (view, index) = match root.form() {
            Form::Empty => return position,
            Form::Plain => (View::of_plain::<P>(heap, root), rank),
            Form::Tree => {
                position.path.start(root.link());
                let mut left = rank;
                loop {
                    let link = position.path.last();
                    let header = Header::read(heap, link);
                    let (before, own) = (header.before as usize, usize::from(header.own));
                    if left < before {
                        position.path.push(Side::Left, header.left);
                    } else if left < before + own || left == before + own && (!start || header.right == 0) {
                        break (View::with_header::<P>(heap, link, &header), left - before);
                    } else {
                        left -= before + own;
                        position.path.push(Side::Right, header.right);
                    }
                }
            }
        };
        position.slot = Slot { index, offset: view.offset_of(heap, packing, index) };
        position
    }
}
