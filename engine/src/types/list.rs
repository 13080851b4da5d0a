//! Lists: texts found by rank.

use std::ops::Range;

use shm::rbtree::{Back, Builder, Iter, Packing, Root, Tree};
use shm::stored_hash::StoredHasher;
use shm::{Corrupt, Handle, Heap, OutOfMemory};

use super::Kind;
use super::collection::{Collection, Encodings, Record, root_of};
use super::element::{self, Elements, Owned, drop_tree, free_owned, garbage};
use super::text::Text;

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

/// A list.
#[derive(Debug, Clone, Copy)]
pub struct List {
    tree: Tree<Texts>,
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
        Ok(List { tree: Tree::new(builder.finish(heap)?, Texts) })
    }

    /// The element at an index below the length. O(log n).
    #[inline]
    pub fn at<'h>(&self, heap: &'h Heap, index: usize) -> Option<Text<'h>> {
        self.tree.at(heap, index)
    }

    /// The elements from an index on.
    pub fn iter_from<'h>(&self, heap: &'h Heap, index: usize) -> Iter<'h, Texts> {
        self.tree.iter_from(heap, self.tree.seek(heap, index))
    }

    /// The elements before an index, from the last of them to the first.
    pub fn back_from<'h>(&self, heap: &'h Heap, index: usize) -> Back<'h, Texts> {
        self.tree.back_from(heap, self.tree.seek(heap, index))
    }

    /// Puts an element before the one at `index`, which is at most the length. O(log n).
    ///
    /// # Errors
    /// [`OutOfMemory`].
    #[inline]
    pub fn insert(&mut self, heap: &mut Heap, index: usize, bytes: &[u8]) -> Result<(), OutOfMemory> {
        let text = Text::store(heap, bytes)?;
        self.tree.insert_at(heap, index, text)
    }

    /// Puts another element in the place of the one at `index`. O(log n).
    ///
    /// # Errors
    /// [`OutOfMemory`].
    pub fn set(&mut self, heap: &mut Heap, index: usize, bytes: &[u8]) -> Result<(), OutOfMemory> {
        let position = self.tree.seek(heap, index);
        let owned = Texts::owned(self.tree.item(heap, &position));
        let text = Text::store(heap, bytes)?;
        self.tree.replace_here(heap, position, text)?;
        free_owned(heap, owned)
    }

    /// Removes the element at `index`. O(log n).
    ///
    /// # Errors
    /// [`OutOfMemory`] when the undo log is full.
    #[inline]
    pub fn remove(&mut self, heap: &mut Heap, index: usize) -> Result<(), OutOfMemory> {
        let position = self.tree.seek(heap, index);
        let owned = Texts::owned(self.tree.item(heap, &position));
        self.tree.remove_here(heap, position)?;
        free_owned(heap, owned)
    }

    /// Removes the elements of a range of indexes. O(log n), whatever its length.
    ///
    /// # Errors
    /// [`OutOfMemory`].
    pub fn remove_range(&mut self, heap: &mut Heap, range: Range<usize>) -> Result<(), OutOfMemory> {
        let gone = self.tree.remove_range(heap, range)?;
        drop_tree(heap, gone)
    }
}

impl Collection for List {
    const KIND: Kind = Kind::List;

    fn empty(_: StoredHasher) -> List {
        List { tree: Tree::new(Root::EMPTY, Texts) }
    }

    #[inline]
    fn open(record: &[u8], _: StoredHasher) -> List {
        List { tree: Tree::new(Root::decode(root_of(record, 0)), Texts) }
    }

    #[inline]
    fn record(&self) -> Record {
        Record::new(0, &[self.tree.root().encode()])
    }

    #[inline]
    fn len(&self) -> usize {
        self.tree.len()
    }

    #[inline]
    fn is_empty(&self) -> bool {
        self.tree.is_empty()
    }

    fn note_size(&mut self, _: &Encodings) {}

    fn encoding(&self, _: &Heap, _: &Encodings) -> &'static str {
        "quicklist"
    }

    fn discard(self, heap: &mut Heap) -> Result<(), OutOfMemory> {
        drop_tree(heap, self.tree)
    }

    fn verify(
        &self,
        heap: &Heap,
        visit: &mut dyn FnMut(Handle<()>) -> Result<(), Corrupt>,
    ) -> Result<(), Corrupt> {
        element::verify(heap, &self.tree, false, visit)
    }

    fn relocate(
        &mut self,
        heap: &mut Heap,
        from: usize,
        nodes: usize,
        moves: &dyn Fn(&Heap, Handle<()>) -> bool,
    ) -> Result<Option<usize>, OutOfMemory> {
        element::relocate(heap, &mut self.tree, from, nodes, moves)
    }
}

#[cfg(test)]
mod tests;
