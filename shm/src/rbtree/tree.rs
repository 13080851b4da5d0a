//! The operations on a tree.

use std::ops::{Bound, Range};

use super::hashed::ByHash;
use super::insert::{insert, replace, stays};
use super::iterate::{Back, Iter, block_count};
use super::node::{Node, View};
use super::path::Position;
use super::range::{append, remove_range, split_off};
use super::reclaim::{reclaim, relocate};
use super::remove::remove;
use super::verify::{verify, verify_stack};
use super::{Form, Packing, Root};
use crate::{Corrupt, Handle, Heap, OutOfMemory};

/// A tree in a heap: its root and how its elements are packed. Dropping it does nothing; its owner
/// stores [`Tree::root`] after changes.
///
/// ```
/// use shm::rbtree::{Root, TimedHandles, Tree};
/// use shm::{Handle, Heap};
///
/// let mut heap = Heap::in_memory(1 << 20);
/// let block: Handle<u8> = heap.allocate(100)?;
/// let mut due = Tree::new(Root::decode(heap.root(0)), TimedHandles::new());
/// due.insert(&mut heap, (1_700_000_000_000, block))?;
/// heap.set_root(0, due.root().encode())?;
/// heap.commit();
/// assert_eq!(due.first(&heap), Some((1_700_000_000_000, block)));
/// # Ok::<(), shm::OutOfMemory>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Tree<P: Packing> {
    pub(super) root: Root,
    pub(super) packing: P,
}

impl<P: Packing> Tree<P> {
    /// The tree at `root`.
    #[inline]
    pub const fn new(root: Root, packing: P) -> Self {
        Tree { root, packing }
    }

    /// Where the tree is now.
    #[inline]
    pub fn root(&self) -> Root {
        self.root
    }

    /// How its elements are packed.
    #[inline]
    pub fn packing(&self) -> P {
        self.packing
    }

    /// The number of elements.
    #[inline]
    pub fn len(&self) -> usize {
        self.root.count()
    }

    /// Whether there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    // ---- finding ----------------------------------------------------------------------------

    /// The place of the element with this key and `true`, or else the one where it would be inserted.
    #[inline]
    pub fn find(&self, heap: &Heap, key: P::Key<'_>) -> (Position, bool) {
        let mut position = Position::START;
        let found = self.find_from(heap, &mut position, key);
        (position, found)
    }

    /// [`Tree::find`] that moves a position, which is at [`Position::START`], there.
    #[inline]
    pub fn find_from(&self, heap: &Heap, position: &mut Position, key: P::Key<'_>) -> bool {
        position.find(heap, self.packing, self.root, key)
    }

    /// The place of the element with `rank` others before it; for the number of elements, the end.
    #[inline]
    pub fn seek(&self, heap: &Heap, rank: usize) -> Position {
        Position::of_rank(heap, self.packing, self.root, rank, true)
    }

    /// The element at a place that holds one.
    #[inline]
    pub fn item<'h>(&self, heap: &'h Heap, position: &Position) -> P::Item<'h> {
        self.view(heap, position).item(heap, self.packing, position.slot.offset)
    }

    /// The base against which the element at a place is encoded; 0 where there are none.
    pub fn base(&self, heap: &Heap, position: &Position) -> u64 {
        self.view(heap, position).base
    }

    fn view(&self, heap: &Heap, position: &Position) -> View {
        match self.root.form() {
            Form::Tree => View::of_node::<P>(heap, position.path.last()),
            _ => View::of_plain::<P>(heap, self.root),
        }
    }

    /// The element with this key.
    pub fn get<'h>(&self, heap: &'h Heap, key: P::Key<'_>) -> Option<P::Item<'h>> {
        let (position, found) = self.find(heap, key);
        found.then(|| self.item(heap, &position))
    }

    /// The element with `rank` others before it.
    pub fn at<'h>(&self, heap: &'h Heap, rank: usize) -> Option<P::Item<'h>> {
        (rank < self.len()).then(|| self.item(heap, &self.seek(heap, rank)))
    }

    /// The first element.
    pub fn first<'h>(&self, heap: &'h Heap) -> Option<P::Item<'h>> {
        self.at(heap, 0)
    }

    /// The last element.
    pub fn last<'h>(&self, heap: &'h Heap) -> Option<P::Item<'h>> {
        self.at(heap, self.len().checked_sub(1)?)
    }

    /// How many elements stand before the one with this key.
    pub fn rank_of(&self, heap: &Heap, key: P::Key<'_>) -> Option<usize> {
        let (position, found) = self.find(heap, key);
        found.then(|| position.rank(heap))
    }

    /// How many elements are less than `key`.
    pub fn lower_bound(&self, heap: &Heap, key: P::Key<'_>) -> usize {
        self.find(heap, key).0.rank(heap)
    }

    /// How many elements are less than or equal to `key`.
    pub fn upper_bound(&self, heap: &Heap, key: P::Key<'_>) -> usize {
        let (position, found) = self.find(heap, key);
        position.rank(heap) + usize::from(found)
    }

    /// The ranks of the elements between two bounds; its length is their number, 0 if the bounds cross.
    pub fn ranks(&self, heap: &Heap, from: Bound<P::Key<'_>>, to: Bound<P::Key<'_>>) -> Range<usize> {
        let start = match from {
            Bound::Included(key) => self.lower_bound(heap, key),
            Bound::Excluded(key) => self.upper_bound(heap, key),
            Bound::Unbounded => 0,
        };
        let end = match to {
            Bound::Included(key) => self.upper_bound(heap, key),
            Bound::Excluded(key) => self.lower_bound(heap, key),
            Bound::Unbounded => self.len(),
        };
        start..end.max(start)
    }

    // ---- changing ---------------------------------------------------------------------------

    /// Inserts by key. `false`, and no change, if there is an element with the same key.
    pub fn insert(&mut self, heap: &mut Heap, item: P::Item<'_>) -> Result<bool, OutOfMemory> {
        let (mut position, found) = self.find(heap, self.packing.key_of(heap, item));
        if !found {
            self.insert_here(heap, &mut position, item)?;
        }
        Ok(!found)
    }

    /// Inserts so that `rank` elements, at most all, stand before the new one.
    pub fn insert_at(&mut self, heap: &mut Heap, rank: usize, item: P::Item<'_>) -> Result<(), OutOfMemory> {
        let mut position = Position::of_rank(heap, self.packing, self.root, rank, false);
        self.insert_here(heap, &mut position, item)
    }

    /// Inserts at a place from [`Tree::find`] or [`Tree::seek`], before the element there. The position is spent, here as
    /// in the functions below.
    pub fn insert_here(
        &mut self,
        heap: &mut Heap,
        position: &mut Position,
        item: P::Item<'_>,
    ) -> Result<(), OutOfMemory> {
        self.root = insert(heap, self.packing, self.root, position, item)?;
        Ok(())
    }

    /// Removes by key. `false`, and no change, if there is no such element.
    pub fn remove(&mut self, heap: &mut Heap, key: P::Key<'_>) -> Result<bool, OutOfMemory> {
        let (mut position, found) = self.find(heap, key);
        if found {
            self.remove_here(heap, &mut position)?;
        }
        Ok(found)
    }

    /// Removes the element with `rank` others before it.
    pub fn remove_at(&mut self, heap: &mut Heap, rank: usize) -> Result<(), OutOfMemory> {
        self.remove_here(heap, &mut self.seek(heap, rank))
    }

    /// Removes the element at a place.
    pub fn remove_here(&mut self, heap: &mut Heap, position: &mut Position) -> Result<(), OutOfMemory> {
        self.root = remove(heap, self.packing, self.root, position)?;
        Ok(())
    }

    /// Puts `item` in the place of the element with `rank` others before it. Where there is an order by
    /// key, both have the same.
    pub fn replace_at(&mut self, heap: &mut Heap, rank: usize, item: P::Item<'_>) -> Result<(), OutOfMemory> {
        self.replace_here(heap, &mut self.seek(heap, rank), item)
    }

    /// The same at a place.
    pub fn replace_here(
        &mut self,
        heap: &mut Heap,
        position: &mut Position,
        item: P::Item<'_>,
    ) -> Result<(), OutOfMemory> {
        self.root = replace(heap, self.packing, self.root, position, item)?;
        Ok(())
    }

    /// Puts `item` in the place of the element with key `old`, whatever its own key, which no other element
    /// has. Cheap if the order stays the same, as when only the handle beside a time is another. `false`, and
    /// no change, if there is no such element.
    pub fn rekey(
        &mut self,
        heap: &mut Heap,
        old: P::Key<'_>,
        item: P::Item<'_>,
    ) -> Result<bool, OutOfMemory> {
        let (mut position, found) = self.find(heap, old);
        if found {
            self.rekey_here(heap, &mut position, item)?;
        }
        Ok(found)
    }

    /// [`Tree::rekey`] of the element at a place.
    pub fn rekey_here(
        &mut self,
        heap: &mut Heap,
        position: &mut Position,
        item: P::Item<'_>,
    ) -> Result<(), OutOfMemory> {
        if stays(heap, self.packing, self.root, position, item) {
            return self.replace_here(heap, position, item);
        }
        let mut tree = *self;
        tree.remove_here(heap, position)?;
        position.clear();
        let found = tree.find_from(heap, position, tree.packing.key_of(heap, item));
        debug_assert!(!found || !P::UNIQUE, "two elements with the same key");
        tree.insert_here(heap, position, item)?;
        *self = tree;
        Ok(())
    }

    /// Cuts the tree before the element with `rank` others before it, and returns what comes after.
    pub fn split_off(&mut self, heap: &mut Heap, rank: usize) -> Result<Tree<P>, OutOfMemory> {
        let (left, right) = split_off(heap, self.packing, self.root, rank)?;
        self.root = left;
        Ok(Tree::new(right, self.packing))
    }

    /// Puts all elements of `other` after those of this tree; where there is an order by key, they are
    /// greater.
    pub fn append(&mut self, heap: &mut Heap, other: Tree<P>) -> Result<(), OutOfMemory> {
        self.root = append(heap, self.packing, self.root, other.root)?;
        Ok(())
    }

    /// Takes out the elements with these ranks as a tree of their own: O(log n) also if they are many.
    /// That tree is used on or given back with [`Tree::reclaim`].
    pub fn remove_range(&mut self, heap: &mut Heap, ranks: Range<usize>) -> Result<Tree<P>, OutOfMemory> {
        let (stays, gone) = remove_range(heap, self.packing, self.root, ranks.start, ranks.end)?;
        self.root = stays;
        Ok(Tree::new(gone, self.packing))
    }

    // ---- giving back and moving -------------------------------------------------------------

    /// Gives back the first `nodes` blocks of a tree that nobody uses any more, calling `release` for
    /// each element in them so that it can give back what the element owns. Done when the tree is
    /// empty; until then it can be walked over, reclaimed and checked with [`Tree::verify_detached`],
    /// and nothing else.
    pub fn reclaim(
        &mut self,
        heap: &mut Heap,
        nodes: usize,
        release: impl FnMut(&mut Heap, P::Item<'_>) -> Result<(), OutOfMemory>,
    ) -> Result<(), OutOfMemory> {
        self.root = reclaim(heap, self.packing, self.root, nodes, release)?;
        Ok(())
    }

    /// Looks at `nodes` blocks, from the one that holds the element with `from` others before it, and
    /// moves those of which `moves` says so to fresh blocks. Returns where to go on, if there is more.
    pub fn relocate(
        &mut self,
        heap: &mut Heap,
        from: usize,
        nodes: usize,
        moves: impl FnMut(&Heap, Handle<Node>) -> bool,
    ) -> Result<Option<usize>, OutOfMemory> {
        let (root, next) = relocate(heap, self.packing, self.root, from, nodes, moves)?;
        self.root = root;
        Ok(next)
    }

    // ---- size -------------------------------------------------------------------------------

    /// How many blocks it takes: exactly if there are up to `sample`, else from what so many of them hold.
    pub fn block_count(&self, heap: &Heap, sample: usize) -> usize {
        block_count::<P>(heap, self.root, sample)
    }

    // ---- walking ----------------------------------------------------------------------------

    /// All elements, ascending by rank.
    pub fn iter<'h>(&self, heap: &'h Heap) -> Iter<'h, P> {
        self.iter_from(heap, self.seek(heap, 0))
    }

    /// The element at a place and those after it, ascending.
    pub fn iter_from<'h>(&self, heap: &'h Heap, position: Position) -> Iter<'h, P> {
        Iter::new(heap, self.packing, self.root, position)
    }

    /// The elements of a tree that is ordered by hash whose hash is at least `from`, by ascending hash, with hash and
    /// rank.
    pub fn by_hash<'h>(&self, heap: &'h Heap, from: u64) -> ByHash<'h, P> {
        ByHash::new(heap, self.packing, self.root, from)
    }

    /// All elements, descending.
    pub fn back<'h>(&self, heap: &'h Heap) -> Back<'h, P> {
        self.back_from(heap, self.seek(heap, self.len()))
    }

    /// The elements before a place, descending.
    pub fn back_from<'h>(&self, heap: &'h Heap, position: Position) -> Back<'h, P> {
        Back::new(heap, self.packing, self.root, position)
    }

    // ---- checking ---------------------------------------------------------------------------

    /// Checks every invariant of the module. `visit` is called with each block before its inside is
    /// looked at, so that it can refuse a handle that names no block or one seen before.
    pub fn verify(
        &self,
        heap: &Heap,
        visit: &mut dyn FnMut(Handle<Node>) -> Result<(), Corrupt>,
    ) -> Result<(), Corrupt> {
        verify(heap, self.packing, self.root, true, visit)
    }

    /// [`Tree::verify`] for a plain block, or none, that may have more room than it asks for: up to the length of a node,
    /// whatever it holds.
    pub fn verify_stack(
        &self,
        heap: &Heap,
        visit: &mut dyn FnMut(Handle<Node>) -> Result<(), Corrupt>,
    ) -> Result<(), Corrupt> {
        verify_stack(heap, self.packing, self.root, visit)
    }

    /// [`Tree::verify`] for a tree that is being reclaimed.
    pub fn verify_detached(
        &self,
        heap: &Heap,
        visit: &mut dyn FnMut(Handle<Node>) -> Result<(), Corrupt>,
    ) -> Result<(), Corrupt> {
        verify(heap, self.packing, self.root, false, visit)
    }
}
