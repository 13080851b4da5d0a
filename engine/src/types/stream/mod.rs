//! Streams: entries ordered by ID, and groups of consumers that share them.
//!
//! The trees are flat: deliveries and consumers of all groups lie in one tree of each kind, ordered by the number of
//! their group, so that a group, too, is dropped by cutting ranges out. Numbers of groups and consumers are handed out
//! once.
//!
//! ```text
//! record  flags u8 (0), roots of entries and shapes u64*2, last ID u64*2, greatest ID deleted u64*2, entries added u64
//!         with the first group: roots of groups, deliveries by group, consumers, deliveries by consumer u64*4,
//!         numbers handed out u64
//! ```

mod check;
mod entries;
mod group;
mod id;
mod image;
mod members;
mod pending;
mod progress;
#[cfg(test)]
mod tests;
mod varint;

use std::ops::{Bound, Range};

use shm::rbtree::{Back, Iter, Root, Tree};
use shm::stored_hash::StoredHasher;
use shm::{Corrupt, Handle, Heap, OutOfMemory};

pub use self::entries::{Entries, Entry, EntryView, Fields, Reader};
pub use self::id::{IdText, StreamId};
pub use self::image::{ConsumerImage, GroupImage, StreamImage};
pub use self::members::{Consumer, Consumers, Group, Groups};
pub use self::pending::{ByConsumer, ByGroup, Pending};
use super::Kind;
use super::collection::{Collection, Encodings, Record, root_of};
use super::element::{self, Elements, drop_tree, free_owned};
use super::list::Texts;

/// A stream.
#[derive(Debug, Clone, Copy)]
pub struct Stream {
    entries: Tree<Entries>,
    /// Lists of names.
    shapes: Tree<Texts>,
    /// The greatest ID that an entry has had.
    pub last_id: StreamId,
    /// The greatest ID of an entry that was deleted out of order.
    pub max_deleted_id: StreamId,
    /// How many entries were ever added.
    pub entries_added: u64,
    groups: Tree<Groups>,
    pending: Tree<ByGroup>,
    consumers: Tree<Consumers>,
    owned: Tree<ByConsumer>,
    /// The numbers up to this one are handed out.
    numbers: u32,
}

/// Bytes of a time.
const TIME_LEN: usize = 6;
/// The latest time, unix milliseconds, and what stands for none.
pub const TIME_MS_MAX: u64 = (1 << 48) - 1;

/// Writes a time to the start of `out`; returns what is left of `out`.
#[inline]
fn put_time(out: &mut [u8], time_ms: u64) -> &mut [u8] {
    let (own, rest) = out.split_at_mut(TIME_LEN);
    own.copy_from_slice(&time_ms.min(TIME_MS_MAX).to_le_bytes()[..TIME_LEN]);
    rest
}

/// The time at the start of `bytes`, and what follows it.
#[inline]
fn time_in(bytes: &[u8]) -> (u64, &[u8]) {
    let mut word = [0; 8];
    word[..TIME_LEN].copy_from_slice(&bytes[..TIME_LEN]);
    (u64::from_le_bytes(word), &bytes[TIME_LEN..])
}

impl Stream {
    // ---- entries ----------------------------------------------------------------------------

    /// The ID of the first entry; the least ID if there is none. O(log n).
    pub fn first_id(&self, heap: &Heap) -> StreamId {
        self.entries.first(heap).map_or(StreamId::MIN, |entry| entry.id)
    }

    /// The ID of the last entry that is still there. O(log n).
    pub fn top_id(&self, heap: &Heap) -> Option<StreamId> {
        self.entries.last(heap).map(|entry| entry.id)
    }

    /// Whether there is an entry with this ID. O(log n).
    pub fn contains(&self, heap: &Heap, id: StreamId) -> bool {
        self.entries.find(heap, id).1
    }

    /// The ranks of the entries from one ID to another, both included. O(log n).
    pub fn ranks(&self, heap: &Heap, from: StreamId, to: StreamId) -> Range<usize> {
        self.entries.ranks(heap, Bound::Included(from), Bound::Included(to))
    }

    /// What reads the entries' fields.
    pub fn reader<'h>(&self, heap: &'h Heap) -> Reader<'h> {
        Reader::new(heap, &self.shapes)
    }

    /// The entry with this ID. O(log n).
    pub fn get<'h>(&self, heap: &'h Heap, id: StreamId) -> Option<Entry<'h>> {
        self.entries.get(heap, id)
    }

    /// The entries from a rank on.
    pub fn iter_from<'h>(&self, heap: &'h Heap, rank: usize) -> Iter<'h, Entries> {
        self.entries.iter_from(heap, self.entries.seek(heap, rank))
    }

    /// The entries before a rank, from the last of them to the first.
    pub fn back_from<'h>(&self, heap: &'h Heap, rank: usize) -> Back<'h, Entries> {
        self.entries.back_from(heap, self.entries.seek(heap, rank))
    }

    /// About how many blocks hold the entries.
    pub fn blocks(&self, heap: &Heap) -> usize {
        /// More are not looked at.
        const SAMPLE: usize = 256;
        self.entries.block_count(heap, SAMPLE)
    }

    /// Adds an entry of these names and values in turn; its ID is greater than the last. O(log n).
    ///
    /// # Errors
    /// [`OutOfMemory`].
    pub fn add(&mut self, heap: &mut Heap, id: StreamId, pairs: &[&[u8]]) -> Result<(), OutOfMemory> {
        debug_assert!(id > self.last_id && !pairs.is_empty() && pairs.len().is_multiple_of(2));
        if self.entries.is_empty() && self.shapes.len() == entries::SHAPES_MAX {
            let known = std::mem::replace(&mut self.shapes, Tree::new(Root::EMPTY, Texts));
            drop_tree(heap, known)?;
        }
        let shape = entries::shape_of(heap, &mut self.shapes, pairs)?;
        entries::with_content(heap, shape, pairs, |heap, content| {
            self.entries.insert_at(heap, self.entries.len(), Entry { id, content })
        })?;
        self.last_id = id;
        self.entries_added = self.entries_added.wrapping_add(1);
        Ok(())
    }

    /// Deletes an entry. Returns whether it was there. O(log n).
    ///
    /// # Errors
    /// [`OutOfMemory`] when the undo log is full.
    pub fn remove(&mut self, heap: &mut Heap, id: StreamId) -> Result<bool, OutOfMemory> {
        let (mut position, found) = self.entries.find(heap, id);
        if found {
            let owned = Entries::owned(self.entries.item(heap, &position));
            self.entries.remove_here(heap, &mut position)?;
            free_owned(heap, owned)?;
            self.max_deleted_id = self.max_deleted_id.max(id);
        }
        Ok(found)
    }

    /// Deletes the first entries. O(log n), whatever their number.
    ///
    /// # Errors
    /// [`OutOfMemory`].
    pub fn trim(&mut self, heap: &mut Heap, count: usize) -> Result<(), OutOfMemory> {
        let gone = self.entries.remove_range(heap, 0..count)?;
        drop_tree(heap, gone)
    }
}

/// Which tree a place of [`Collection::relocate`] is in stands in its upper bits, the rank in the lower ones.
const TREE_SHIFT: u32 = 48;
const TREES: usize = 6;

impl Collection for Stream {
    const KIND: Kind = Kind::Stream;

    fn empty(hasher: StoredHasher) -> Stream {
        Stream::open(&[], hasher)
    }

    #[inline]
    fn open(record: &[u8], _: StoredHasher) -> Stream {
        let word = |nth| root_of(record, nth);
        let root = |nth| Root::decode(word(nth));
        Stream {
            entries: Tree::new(root(0), Entries),
            shapes: Tree::new(root(1), Texts),
            last_id: StreamId::new(word(2), word(3)),
            max_deleted_id: StreamId::new(word(4), word(5)),
            entries_added: word(6),
            groups: Tree::new(root(7), Groups),
            pending: Tree::new(root(8), ByGroup),
            consumers: Tree::new(root(9), Consumers),
            owned: Tree::new(root(10), ByConsumer),
            numbers: word(11) as u32,
        }
    }

    #[inline]
    fn record(&self) -> Record {
        const OF_ENTRIES: usize = 7;
        let words = [
            self.entries.root().encode(),
            self.shapes.root().encode(),
            self.last_id.ms,
            self.last_id.seq,
            self.max_deleted_id.ms,
            self.max_deleted_id.seq,
            self.entries_added,
            self.groups.root().encode(),
            self.pending.root().encode(),
            self.consumers.root().encode(),
            self.owned.root().encode(),
            u64::from(self.numbers),
        ];
        Record::new(0, if self.numbers == 0 { &words[..OF_ENTRIES] } else { &words })
    }

    #[inline]
    fn len(&self) -> usize {
        self.entries.len()
    }

    /// A stream without entries is still one.
    #[inline]
    fn is_empty(&self) -> bool {
        false
    }

    fn note_size(&mut self, _: &Encodings) {}

    fn encoding(&self, _: &Heap, _: &Encodings) -> &'static str {
        "stream"
    }

    fn discard(self, heap: &mut Heap) -> Result<(), OutOfMemory> {
        drop_tree(heap, self.entries)?;
        drop_tree(heap, self.shapes)?;
        drop_tree(heap, self.groups)?;
        drop_tree(heap, self.pending)?;
        drop_tree(heap, self.consumers)?;
        drop_tree(heap, self.owned)
    }

    fn verify(
        &self,
        heap: &Heap,
        visit: &mut dyn FnMut(Handle<()>) -> Result<(), Corrupt>,
    ) -> Result<(), Corrupt> {
        check::verify(self, heap, visit)
    }

    fn relocate(
        &mut self,
        heap: &mut Heap,
        from: usize,
        nodes: usize,
        moves: &dyn Fn(&Heap, Handle<()>) -> bool,
    ) -> Result<Option<usize>, OutOfMemory> {
        let (nth, rank) = (from >> TREE_SHIFT, from & ((1 << TREE_SHIFT) - 1));
        let next = match nth {
            0 => relocate(heap, &mut self.entries, rank, nodes, moves),
            1 => relocate(heap, &mut self.shapes, rank, nodes, moves),
            2 => relocate(heap, &mut self.groups, rank, nodes, moves),
            3 => relocate(heap, &mut self.pending, rank, nodes, moves),
            4 => relocate(heap, &mut self.consumers, rank, nodes, moves),
            _ => relocate(heap, &mut self.owned, rank, nodes, moves),
        }?;
        Ok(match next {
            Some(rank) => Some(nth << TREE_SHIFT | rank),
            None => Some(nth + 1).filter(|nth| *nth < TREES).map(|nth| nth << TREE_SHIFT),
        })
    }
}

/// [`element::relocate`] from a rank that may be beyond the end, since elements have gone.
fn relocate<P: Elements>(
    heap: &mut Heap,
    tree: &mut Tree<P>,
    rank: usize,
    nodes: usize,
    moves: &dyn Fn(&Heap, Handle<()>) -> bool,
) -> Result<Option<usize>, OutOfMemory> {
    if rank >= tree.len() {
        return Ok(None);
    }
    element::relocate(heap, tree, rank, nodes, moves)
}
