//! Walking over elements in order, in either direction, without allocation.

use super::Form;
use super::Root;
use super::node::{Side, View};
use super::packing::Packing;
use super::path::{Path, Position};
use crate::Heap;

/// Elements from a place on, in ascending order.
pub struct Iter<'h, P: Packing> {
    heap: &'h Heap,
    packing: P,
    path: Path,
    /// What is still to come of the block: so many elements, in these bytes, encoded against this base.
    left: usize,
    rest: &'h [u8],
    base: u64,
}

impl<'h, P: Packing> Iter<'h, P> {
    pub(super) fn new(heap: &'h Heap, packing: P, root: Root, position: Position) -> Self {
        let Position { path, slot } = position;
        let view = view_at::<P>(heap, root, &path);
        let mut iter = Iter { heap, packing, path, left: 0, rest: &[], base: 0 };
        if let Some(view) = view {
            iter.enter(&view, slot.index, slot.offset);
        }
        iter
    }

    /// Goes on in a block with the element of this index, which is `offset` bytes behind the first.
    fn enter(&mut self, view: &View, index: usize, offset: usize) {
        self.left = view.own - index;
        self.rest = &view.elements(self.heap)[offset..];
        self.base = view.base;
    }

    /// Visits up to `count` elements, a block at a time. Returns how many there were.
    #[inline]
    pub fn visit(&mut self, count: usize, mut visit: impl FnMut(P::Item<'h>)) -> usize {
        let mut left = count;
        while left > 0 && (self.left > 0 || self.step()) {
            let here = left.min(self.left);
            for _ in 0..here {
                let (element, rest) = self.rest.split_at(self.packing.element_len(self.rest));
                self.rest = rest;
                visit(self.packing.decode(element, self.base));
            }
            self.left -= here;
            left -= here;
        }
        count - left
    }

    /// Goes on in the next block, if there is one.
    #[inline(never)]
    fn step(&mut self) -> bool {
        // A plain block has no path, nor has the end of a tree.
        if self.path.len() == 0 || !self.path.step(self.heap, Side::Right) {
            return false;
        }
        self.enter(&View::of_node::<P>(self.heap, self.path.last()), 0, 0);
        true
    }
}

impl<'h, P: Packing> Iterator for Iter<'h, P> {
    type Item = P::Item<'h>;

    #[inline]
    fn next(&mut self) -> Option<P::Item<'h>> {
        if self.left == 0 && !self.step() {
            return None;
        }
        let (element, rest) = self.rest.split_at(self.packing.element_len(self.rest));
        self.left -= 1;
        self.rest = rest;
        Some(self.packing.decode(element, self.base))
    }
}

/// Offsets remembered at a time on the way back through a node.
const REMEMBERED: usize = 32;

/// Elements before a place, in descending order.
pub struct Back<'h, P: Packing> {
    heap: &'h Heap,
    packing: P,
    path: Path,
    view: Option<View>,
    /// Elements of the node still to come.
    index: usize,
    /// Where the elements from `index - index % REMEMBERED` on start. Elements only know where they
    /// end, so a node is passed through forwards once for so many of them.
    offsets: [u16; REMEMBERED],
}

impl<'h, P: Packing> Back<'h, P> {
    pub(super) fn new(heap: &'h Heap, packing: P, root: Root, position: Position) -> Self {
        let Position { path, slot } = position;
        let view = view_at::<P>(heap, root, &path);
        let mut back = Back { heap, packing, path, view, index: slot.index, offsets: [0; REMEMBERED] };
        back.remember();
        back
    }

    /// Notes the offsets of the elements before `index` down to the last multiple of the number
    /// remembered.
    fn remember(&mut self) {
        let Some(view) = self.view else { return };
        if P::ELEMENT_LEN.is_some() || self.index == 0 {
            return;
        }
        let start = (self.index - 1) / REMEMBERED * REMEMBERED;
        let mut offset = view.offset_of(self.heap, self.packing, start);
        for place in &mut self.offsets[..self.index - start] {
            *place = offset as u16;
            offset += view.element(self.heap, self.packing, offset).len();
        }
    }
}

impl<'h, P: Packing> Iterator for Back<'h, P> {
    type Item = P::Item<'h>;

    #[inline]
    fn next(&mut self) -> Option<P::Item<'h>> {
        let mut view = self.view?;
        if self.index == 0 {
            if self.path.len() == 0 || !self.path.step(self.heap, Side::Left) {
                self.view = None;
                return None;
            }
            view = View::of_node::<P>(self.heap, self.path.last());
            self.view = Some(view);
            self.index = view.own;
            self.remember();
        }
        self.index -= 1;
        let offset = match P::ELEMENT_LEN {
            Some(len) => self.index * len,
            None => usize::from(self.offsets[self.index % REMEMBERED]),
        };
        if self.index.is_multiple_of(REMEMBERED) {
            self.remember();
        }
        Some(view.item(self.heap, self.packing, offset))
    }
}

/// How many blocks a tree takes, from up to `sample` of them.
pub(super) fn block_count<P: Packing>(heap: &Heap, root: Root, sample: usize) -> usize {
    match root.form() {
        Form::Empty => return 0,
        Form::Plain => return 1,
        Form::Tree => {}
    }
    let mut path = Path::EMPTY;
    path.start(root.link());
    path.descend(heap, Side::Left);
    let (mut blocks, mut elements) = (0, 0);
    while blocks < sample.max(1) {
        elements += View::of_node::<P>(heap, path.last()).own;
        blocks += 1;
        if !path.step(heap, Side::Right) {
            return blocks;
        }
    }
    blocks * root.count() / elements
}

fn view_at<P: Packing>(heap: &Heap, root: Root, path: &Path) -> Option<View> {
    match root.form() {
        Form::Empty => None,
        Form::Plain => Some(View::of_plain::<P>(heap, root)),
        // The place before the first element of all has been reached without a node only in an empty
        // tree.
        Form::Tree => Some(View::of_node::<P>(heap, path.last())),
    }
}
