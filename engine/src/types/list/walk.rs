//! Walking over the three parts of a list, in either direction.

use shm::Heap;
use shm::rbtree::{self, Tree};

use super::{List, Part, Texts};
use crate::types::collection::Collection;
use crate::types::text::Text;

/// A way through one part. The head stands in reverse order.
enum Way<'h> {
    Up(rbtree::Iter<'h, Texts>),
    Down(rbtree::Back<'h, Texts>),
}

impl<'h> Way<'h> {
    /// The elements from this rank on.
    fn up(heap: &'h Heap, tree: &Tree<Texts>, rank: usize) -> Way<'h> {
        Way::Up(tree.iter_from(heap, tree.seek(heap, rank)))
    }

    /// The elements before this rank, the last one first.
    fn down(heap: &'h Heap, tree: &Tree<Texts>, rank: usize) -> Way<'h> {
        Way::Down(tree.back_from(heap, tree.seek(heap, rank)))
    }

    #[inline]
    fn next(&mut self) -> Option<Text<'h>> {
        match self {
            Way::Up(elements) => elements.next(),
            Way::Down(elements) => elements.next(),
        }
    }

    /// Visits up to `count` elements. Returns how many there were.
    #[inline]
    fn visit(&mut self, count: usize, visit: impl FnMut(Text<'h>)) -> usize {
        match self {
            Way::Up(elements) => elements.visit(count, visit),
            Way::Down(elements) => elements.take(count).map(visit).count(),
        }
    }
}

/// Elements from an index on.
pub struct Iter<'h> {
    heap: &'h Heap,
    list: List,
    part: Part,
    way: Way<'h>,
}

impl<'h> Iter<'h> {
    pub(super) fn new(heap: &'h Heap, list: &List, index: usize) -> Iter<'h> {
        let (part, rank) = list.place(index);
        let way = match part {
            Part::Head => Way::down(heap, &list.head, rank + 1),
            _ => Way::up(heap, list.part(part), rank),
        };
        Iter { heap, list: *list, part, way }
    }

    /// Visits up to `count` elements: faster than one by one.
    #[inline]
    pub fn visit(mut self, mut count: usize, mut visit: impl FnMut(Text<'h>)) {
        loop {
            count -= self.way.visit(count, &mut visit);
            if count == 0 || !self.next_part() {
                return;
            }
        }
    }

    /// Goes on in the next part. `false` after the last.
    fn next_part(&mut self) -> bool {
        self.part = match self.part {
            Part::Head => Part::Tree,
            Part::Tree => Part::Tail,
            Part::Tail => return false,
        };
        self.way = Way::up(self.heap, self.list.part(self.part), 0);
        true
    }
}

impl<'h> Iterator for Iter<'h> {
    type Item = Text<'h>;

    #[inline]
    fn next(&mut self) -> Option<Text<'h>> {
        loop {
            if let Some(text) = self.way.next() {
                return Some(text);
            }
            if !self.next_part() {
                return None;
            }
        }
    }
}

/// Elements before an index, from the last of them to the first.
pub struct Back<'h> {
    heap: &'h Heap,
    list: List,
    part: Part,
    way: Way<'h>,
}

impl<'h> Back<'h> {
    pub(super) fn new(heap: &'h Heap, list: &List, index: usize) -> Back<'h> {
        let (part, rank) = match index.checked_sub(1) {
            Some(before) => list.place(before),
            None => (Part::Head, list.head.len()),
        };
        let way = match part {
            Part::Head => Way::up(heap, &list.head, rank),
            _ => Way::down(heap, list.part(part), rank + 1),
        };
        debug_assert!(index <= list.len());
        Back { heap, list: *list, part, way }
    }
}

impl<'h> Iterator for Back<'h> {
    type Item = Text<'h>;

    #[inline]
    fn next(&mut self) -> Option<Text<'h>> {
        loop {
            if let Some(text) = self.way.next() {
                return Some(text);
            }
            self.part = match self.part {
                Part::Tail => Part::Tree,
                Part::Tree => Part::Head,
                Part::Head => return None,
            };
            let part = self.list.part(self.part);
            self.way = match self.part {
                Part::Head => Way::up(self.heap, part, 0),
                _ => Way::down(self.heap, part, part.len()),
            };
        }
    }
}
