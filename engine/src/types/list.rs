//! Lists: texts found by rank, cheap to push and pop at both ends.
//!
//! A list has three parts, each of which may be empty:
//!
//! ```text
//! head   one block, the first element last        up to 1008 bytes
//! tree   nodes, in order                          the rest
//! tail   one block, in order                      up to 1008 bytes
//! ```
//!
//! The head and the tail are stacks ([`shm::rbtree::Tree::push`]): what is pushed goes behind the last element of its
//! block, what is popped is the last one, and nothing else moves or is counted. A stack that is full becomes the
//! outermost node of the tree. A pop that finds its stack empty makes one of the outermost node, or, if there is no
//! tree, of half of the other stack, so that pops at both ends in turn do not move everything each time.
//!
//! A list of up to 256 bytes is a tail and nothing else: short enough to be changed in place at either end.
//!
//! The record has one to three roots, as many as are needed or have been needed before:
//!
//! ```text
//! tree, head?, tail?    if there are nodes
//! tail, head?           if there are none, also if the record has room for a third root, which is 0
//! ```
//!
//! # Invariants
//! 1. head and tail are plain blocks, the head at most as long as a node's elements, the tail as a plain block may be;
//! 2. what else a tree promises, but for the room that a stack may have.

mod walk;

use std::ops::Range;

use shm::rbtree::{Builder, Form, Packing, Root, Tree, element_max};
use shm::stored_hash::StoredHasher;
use shm::{Corrupt, Handle, Heap, OutOfMemory};

use super::Kind;
use super::collection::{Collection, Encodings, Record, root_of};
use super::element::{self, Elements, Owned, drop_tree, free_owned, garbage};
use super::text::Text;
pub use walk::{Back, Iter};

/// An element: one text, and nothing else.
#[derive(Debug, Clone, Copy)]
pub struct Texts;

impl Packing for Texts {
    type Key<'k> = ();
    type Item<'i> = Text<'i>;

    const ORDERED: bool = false;

    #[inline]
    fn encoded_len(self, item: Text<'_>) -> usize {
        item.encoded_len()
    }

    #[inline]
    fn encode(self, item: Text<'_>, _: u64, out: &mut [u8]) {
        item.encode(out);
    }

    #[inline]
    fn element_len(self, bytes: &[u8]) -> usize {
        Text::len_at(bytes)
    }

    #[inline]
    fn decode(self, bytes: &[u8], _: u64) -> Text<'_> {
        Text::decode(bytes).0
    }

    fn is_sound(self, bytes: &[u8], _: u64) -> bool {
        Text::sound_rest(bytes).is_some_and(<[u8]>::is_empty)
    }

    fn key_of<'i>(self, _: &Heap, _: Self::Item<'i>) -> Self::Key<'i> {}

    fn compare(self, _: &Heap, (): (), _: Text<'_>) -> std::cmp::Ordering {
        unreachable!("elements of lists are found by rank")
    }
}

impl Elements for Texts {
    const GARBAGE: u8 = garbage::LIST;

    #[inline]
    fn owned(item: Text<'_>) -> Owned {
        [item.extent(), None]
    }

    fn with_owned<'i>(item: Self::Item<'i>, owned: Owned) -> Self::Item<'i> {
        owned[0].map_or(item, Text::Apart)
    }
}

/// Bytes of the elements of a node.
const NODE_LEN: usize = 2 * element_max::<Texts>();
/// Bytes of a stack that becomes a node when more comes.
const STACK_LEN: usize = if cfg!(test) { 300 } else { NODE_LEN };
/// Elements of such a stack: few enough to walk over them to the last one.
const STACK_COUNT: usize = if cfg!(test) { 10 } else { Texts::PLAIN_COUNT };
/// Up to so many bytes a block is changed in place wherever it is changed.
const IN_PLACE_MAX: usize = 256;

/// A list.
#[derive(Debug, Clone, Copy)]
pub struct List {
    head: Tree<Texts>,
    tree: Tree<Texts>,
    tail: Tree<Texts>,
    /// Roots that the record is to have at least.
    roots: usize,
}

/// How many of the first elements of a plain block a node can hold.
fn fitting(heap: &Heap, block: &Tree<Texts>) -> usize {
    let ends = block.iter(heap).scan(0, |end, text| {
        *end += text.encoded_len();
        Some(*end)
    });
    ends.take_while(|end| *end <= NODE_LEN).count()
}

const EMPTY: Tree<Texts> = Tree::new(Root::EMPTY, Texts);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Head,
    Tree,
    Tail,
}

impl List {
    /// A list of these elements. O(n).
    ///
    /// # Errors
    /// [`OutOfMemory`].
    pub fn build<'i>(heap: &mut Heap, items: impl Iterator<Item = &'i [u8]>) -> Result<List, OutOfMemory> {
        let mut builder = Builder::new(Texts);
        for bytes in items {
            let text = Text::store(heap, bytes)?;
            builder.push(heap, text)?;
        }
        Ok(List::of_roots([builder.finish(heap)?, Root::EMPTY, Root::EMPTY], 1))
    }

    /// The first root is the tail's, if it is no tree's and there is no other tail.
    #[inline]
    fn of_roots([first, head, tail]: [Root; 3], roots: usize) -> List {
        let (tree, tail) = match (first.form(), tail) {
            (Form::Empty | Form::Plain, Root::EMPTY) => (Root::EMPTY, first),
            _ => (first, tail),
        };
        let of = |root| Tree::new(root, Texts);
        List { head: of(head), tree: of(tree), tail: of(tail), roots }
    }

    // ---- parts --------------------------------------------------------------------------------

    /// The part that holds the element with this index, below the length, and its rank in it; behind the last element
    /// for the length.
    #[inline]
    fn place(&self, index: usize) -> (Part, usize) {
        let (head, tree) = (self.head.len(), self.tree.len());
        if index < head {
            (Part::Head, head - 1 - index)
        } else if index < head + tree {
            (Part::Tree, index - head)
        } else {
            (Part::Tail, index - head - tree)
        }
    }

    #[inline]
    fn part(&self, part: Part) -> &Tree<Texts> {
        match part {
            Part::Head => &self.head,
            Part::Tree => &self.tree,
            Part::Tail => &self.tail,
        }
    }

    #[inline]
    fn part_mut(&mut self, part: Part) -> &mut Tree<Texts> {
        match part {
            Part::Head => &mut self.head,
            Part::Tree => &mut self.tree,
            Part::Tail => &mut self.tail,
        }
    }

    /// Whether a part can take so many more elements of so many bytes.
    #[inline]
    fn has_room(&self, part: Part, count: usize, len: usize) -> bool {
        let stack = self.part(part);
        part == Part::Tree || stack.len() + count <= STACK_COUNT && stack.stack_len() + len <= STACK_LEN
    }

    /// Makes a stack the outermost node of the tree. O(log n).
    fn spill(&mut self, heap: &mut Heap, part: Part) -> Result<(), OutOfMemory> {
        let stack = std::mem::replace(self.part_mut(part), EMPTY);
        match part {
            Part::Head => self.tree.attach_first_reversed(heap, stack),
            _ => self.tree.attach_last(heap, stack),
        }
    }

    /// Makes an empty stack one of elements of its end. O(log n). False if there are none, or so few that they are
    /// better taken from where they are.
    fn refill(&mut self, heap: &mut Heap, part: Part) -> Result<bool, OutOfMemory> {
        let is_head = part == Part::Head;
        let other = if is_head { &mut self.tail } else { &mut self.head };
        let stack = if self.tree.is_empty() {
            if other.stack_len() <= IN_PLACE_MAX {
                return Ok(false);
            }
            let half = other.len().div_ceil(2);
            let count = if is_head { half.min(fitting(heap, other)) } else { half };
            other.take_reversed(heap, count)?
        } else {
            match (is_head, self.tree.root().form()) {
                (true, Form::Plain) => self.tree.take_reversed(heap, fitting(heap, &self.tree))?,
                (true, _) => self.tree.detach_first_reversed(heap)?,
                (false, _) => self.tree.detach_last(heap)?,
            }
        };
        *self.part_mut(part) = stack;
        Ok(true)
    }

    /// How long the block of a stack of `len` bytes should be, `spare` of them to grow into. In a long list it is longer,
    /// which costs half a byte for each element of the tree at most.
    #[inline]
    fn room(&self, len: usize, spare: usize) -> usize {
        len.max((len + spare + self.tree.len() / 2).min(STACK_LEN))
    }

    #[inline]
    fn push(&mut self, heap: &mut Heap, part: Part, text: Text<'_>) -> Result<(), OutOfMemory> {
        let len = text.encoded_len();
        if !self.has_room(part, 1, len) {
            self.spill(heap, part)?;
        }
        let stack = self.part(part);
        let after = stack.stack_len() + len;
        // A byte for each element and one element more, if that is not much.
        let spare = if after <= IN_PLACE_MAX { 0 } else { (after / 4).min(stack.len() + len) };
        let room = self.room(after, spare);
        self.part_mut(part).push(heap, text, room)
    }

    #[inline]
    fn push_first(&mut self, heap: &mut Heap, text: Text<'_>) -> Result<(), OutOfMemory> {
        let len = text.encoded_len();
        if self.head.is_empty()
            && self.tree.is_empty()
            && self.tail.stack_len() + len <= IN_PLACE_MAX
            && self.has_room(Part::Tail, 1, len)
        {
            return self.tail.insert_at(heap, 0, text);
        }
        self.push(heap, Part::Head, text)
    }

    fn pop(
        &mut self,
        heap: &mut Heap,
        part: Part,
        look: impl FnOnce(&Heap, Text<'_>),
    ) -> Result<(), OutOfMemory> {
        if self.part(part).is_empty() && !self.refill(heap, part)? {
            let other = if part == Part::Head { &mut self.tail } else { &mut self.head };
            let Some(text) = other.first(heap) else { return Ok(()) };
            look(heap, text);
            let owned = Texts::owned(text);
            other.remove_at(heap, 0)?;
            return free_owned(heap, owned);
        }
        let (text, offset) = self.part(part).top(heap);
        look(heap, text);
        let owned = Texts::owned(text);
        let stack = self.part(part);
        // Twice what a push may leave, so that pushes and pops in turn do not replace the block.
        let spare = (offset / 2).min(2 * (stack.len() + stack.stack_len() - offset));
        let room = self.room(offset, spare + self.tree.len() / 2);
        self.part_mut(part).pop(heap, offset, room)?;
        free_owned(heap, owned)
    }

    // ---- by index -----------------------------------------------------------------------------

    /// The element at an index below the length. O(log n).
    #[inline]
    pub fn at<'h>(&self, heap: &'h Heap, index: usize) -> Option<Text<'h>> {
        let (part, rank) = self.place(index);
        self.part(part).at(heap, rank)
    }

    /// The elements from an index on.
    pub fn iter_from<'h>(&self, heap: &'h Heap, index: usize) -> Iter<'h> {
        Iter::new(heap, self, index)
    }

    /// The elements before an index, from the last of them to the first.
    pub fn back_from<'h>(&self, heap: &'h Heap, index: usize) -> Back<'h> {
        Back::new(heap, self, index)
    }

    /// Puts an element before the one at `index`, which is at most the length. O(log n), O(1) for most at the ends.
    ///
    /// # Errors
    /// [`OutOfMemory`].
    #[inline]
    pub fn insert(&mut self, heap: &mut Heap, index: usize, bytes: &[u8]) -> Result<(), OutOfMemory> {
        let text = Text::store(heap, bytes)?;
        if index == self.len() {
            return self.push(heap, Part::Tail, text);
        }
        if index == 0 {
            return self.push_first(heap, text);
        }
        let (mut part, mut rank) = self.place(index);
        if !self.has_room(part, 1, text.encoded_len()) {
            self.spill(heap, part)?;
            (part, rank) = self.place(index);
        }
        // Before the element is behind it in the head.
        let rank = if part == Part::Head { rank + 1 } else { rank };
        self.part_mut(part).insert_at(heap, rank, text)
    }

    /// Puts another element in the place of the one at `index`. O(log n).
    ///
    /// # Errors
    /// [`OutOfMemory`].
    pub fn set(&mut self, heap: &mut Heap, index: usize, bytes: &[u8]) -> Result<(), OutOfMemory> {
        let text = Text::store(heap, bytes)?;
        let (mut part, mut rank) = self.place(index);
        if !self.has_room(part, 0, text.encoded_len()) {
            self.spill(heap, part)?;
            (part, rank) = self.place(index);
        }
        let tree = self.part_mut(part);
        let mut position = tree.seek(heap, rank);
        let owned = Texts::owned(tree.item(heap, &position));
        tree.replace_here(heap, &mut position, text)?;
        free_owned(heap, owned)
    }

    /// Removes the first element. `look` sees it before.
    ///
    /// # Errors
    /// [`OutOfMemory`].
    #[inline]
    pub fn pop_first(
        &mut self,
        heap: &mut Heap,
        look: impl FnOnce(&Heap, Text<'_>),
    ) -> Result<(), OutOfMemory> {
        self.pop(heap, Part::Head, look)
    }

    /// Removes the last element. `look` sees it before.
    ///
    /// # Errors
    /// [`OutOfMemory`].
    #[inline]
    pub fn pop_last(
        &mut self,
        heap: &mut Heap,
        look: impl FnOnce(&Heap, Text<'_>),
    ) -> Result<(), OutOfMemory> {
        self.pop(heap, Part::Tail, look)
    }

    /// Removes the element at `index`. O(log n), O(1) for most at the ends.
    ///
    /// # Errors
    /// [`OutOfMemory`].
    #[inline]
    pub fn remove(&mut self, heap: &mut Heap, index: usize) -> Result<(), OutOfMemory> {
        if index == 0 {
            return self.pop_first(heap, |_, _| {});
        }
        if index + 1 == self.len() {
            return self.pop_last(heap, |_, _| {});
        }
        let (part, rank) = self.place(index);
        let tree = self.part_mut(part);
        let mut position = tree.seek(heap, rank);
        let owned = Texts::owned(tree.item(heap, &position));
        tree.remove_here(heap, &mut position)?;
        free_owned(heap, owned)
    }

    /// Removes the elements of a range of indexes. O(log n), whatever its length.
    ///
    /// # Errors
    /// [`OutOfMemory`].
    pub fn remove_range(&mut self, heap: &mut Heap, range: Range<usize>) -> Result<(), OutOfMemory> {
        let (head, tree, len) = (self.head.len(), self.tree.len(), self.len());
        for (part, from, to) in
            [(Part::Head, 0, head), (Part::Tree, head, head + tree), (Part::Tail, head + tree, len)]
        {
            let (start, end) = (range.start.clamp(from, to), range.end.clamp(from, to));
            if start >= end {
                continue;
            }
            let ranks = match part {
                Part::Head => head - end..head - start,
                _ => start - from..end - from,
            };
            let gone = self.part_mut(part).remove_range(heap, ranks)?;
            drop_tree(heap, gone)?;
        }
        Ok(())
    }
}

impl Collection for List {
    const KIND: Kind = Kind::List;

    fn empty(_: StoredHasher) -> List {
        List { head: EMPTY, tree: EMPTY, tail: EMPTY, roots: 1 }
    }

    #[inline]
    fn open(record: &[u8], _: StoredHasher) -> List {
        let root = |nth| Root::decode(root_of(record, nth));
        List::of_roots([root(0), root(1), root(2)], record.len() / 8)
    }

    #[inline]
    fn record(&self) -> Record {
        let (tree, head, tail) = (self.tree.root(), self.head.root(), self.tail.root());
        let roots = if tree == Root::EMPTY { [tail, head, tree] } else { [tree, head, tail] };
        let needed = roots.iter().rposition(|root| *root != Root::EMPTY).map_or(1, |last| last + 1);
        Record::new(0, &roots.map(Root::encode)[..needed.max(self.roots)])
    }

    #[inline]
    fn len(&self) -> usize {
        self.head.len() + self.tree.len() + self.tail.len()
    }

    #[inline]
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn note_size(&mut self, _: &Encodings) {}

    fn encoding(&self, _: &Heap, _: &Encodings) -> &'static str {
        "quicklist"
    }

    fn discard(self, heap: &mut Heap) -> Result<(), OutOfMemory> {
        [self.head, self.tree, self.tail].into_iter().try_for_each(|part| drop_tree(heap, part))
    }

    fn verify(
        &self,
        heap: &Heap,
        visit: &mut dyn FnMut(Handle<()>) -> Result<(), Corrupt>,
    ) -> Result<(), Corrupt> {
        element::verify_stack(heap, &self.head, visit)?;
        if self.head.stack_len() > NODE_LEN {
            let block = self.head.root().encode() as u32;
            return Err(Corrupt::Structure { block, what: "a head that is longer than a node" });
        }
        element::verify(heap, &self.tree, false, visit)?;
        element::verify_stack(heap, &self.tail, visit)
    }

    fn relocate(
        &mut self,
        heap: &mut Heap,
        from: usize,
        nodes: usize,
        moves: &dyn Fn(&Heap, Handle<()>) -> bool,
    ) -> Result<Option<usize>, OutOfMemory> {
        let (head, tree, len) = (self.head.len(), self.tree.len(), self.len());
        // One part at a time; a stack is moved whole.
        let (part, start, end) = if from < head {
            (Part::Head, 0, head)
        } else if from < head + tree {
            (Part::Tree, head, head + tree)
        } else {
            (Part::Tail, head + tree, len)
        };
        let rank = if part == Part::Tree { from - start } else { 0 };
        let next = element::relocate(heap, self.part_mut(part), rank, nodes, moves)?;
        Ok(next.map(|rank| start + rank).or((end < len).then_some(end)))
    }
}

#[cfg(test)]
mod tests;
