//! What was dropped at once and is freed bit by bit: long values and whole databases.

use shm::extent::{Extent, Top};
use shm::garbage::{GarbageItem, Reclaimer, Step};
use shm::hash_index::DetachedIndex;
use shm::rbtree::{Root, TimedHandles, Tree};
use shm::stored_hash::StoredHasher;
use shm::{Handle, Heap, OutOfMemory};

use super::database::{Database, Deadlines};
use super::entry::{Entry, EntryView, verify};
use super::space::Keyspace;
use crate::types::Kind;
use crate::types::collection::{self, Record};
use crate::types::element::garbage::{
    DEADLINES, EXTENT, INDEX, LIST, SET, STREAM, STREAM_CONSUMERS, STREAM_GROUPS, STREAM_OWNED,
    STREAM_PENDING,
};
use crate::types::element::{self, Elements, dropped};
use crate::types::list::Texts;
use crate::types::set::Members;
use crate::types::stream::{ByConsumer, ByGroup, Consumers, Entries, Groups};
use crate::types::text::free_extent;

/// Detaches everything in a database: entries, index and deadlines. The record stays.
///
/// # Errors
/// [`OutOfMemory`] when the undo log is full.
pub(super) fn discard_contents(heap: &mut Heap, database: Database) -> Result<(), OutOfMemory> {
    let mut index = database.index(heap);
    let detached = index.detach();
    if !detached.is_empty() {
        heap.discard(GarbageItem { kind: INDEX, root: 0, state: detached.encode() })?;
        database.set_index(heap, &index)?;
    }
    let deadlines = database.deadlines(heap);
    if !deadlines.is_empty() {
        heap.discard(deadlines_item(&deadlines))?;
        database.set_deadlines(heap, &Tree::new(Root::EMPTY, TimedHandles::new()))?;
    }
    Ok(())
}

/// What becomes of the value when its entry goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Dropped,
    /// It lives on under another entry.
    Kept,
}

/// Frees an entry's block and drops what it leads to.
pub(super) fn free_entry(heap: &mut Heap, entry: Handle<Entry>, value: Fate) -> Result<(), OutOfMemory> {
    let view = EntryView::new(heap, entry);
    let (kind, key, string) = (view.kind(), view.key_extent(), view.value_extent());
    match (value, kind, string) {
        (Fate::Kept, ..) | (_, Kind::String, None) => {}
        (_, _, Some(extent)) => free_extent(heap, extent)?,
        (_, kind, None) => {
            let record = Record::of(view.record());
            collection::discard(heap, kind, record.bytes())?;
        }
    }
    if let Some(extent) = key {
        free_extent(heap, extent)?;
    }
    heap.free(entry);
    Ok(())
}

impl Keyspace {
    /// Frees up to about `blocks_max` blocks of what was dropped, in a transaction of its own. Returns
    /// whether there may be more.
    pub fn reclaim(&mut self, blocks_max: usize) -> bool {
        // Without room in the undo log nothing is lost: it is tried again later.
        let mut sweeper = Sweeper { hasher: self.hasher().of_elements() };
        self.heap.reclaim(&mut sweeper, blocks_max).unwrap_or(false)
    }

    /// Whether dropped blocks wait to be freed.
    #[inline]
    pub fn has_garbage(&self) -> bool {
        self.heap.has_garbage()
    }
}

/// Knows the structures that a keyspace drops.
pub(super) struct Sweeper {
    /// Orders the elements of collections.
    pub hasher: StoredHasher,
}

impl Reclaimer for Sweeper {
    fn step(&mut self, heap: &mut Heap, item: GarbageItem, blocks_max: usize) -> Result<Step, OutOfMemory> {
        let left = match item.kind {
            EXTENT => {
                let left = extent_of(item).reclaim(heap, blocks_max)?;
                left.map(|extent| GarbageItem::new(EXTENT, extent.handle()))
            }
            INDEX => {
                let mut index = index_of(item);
                index
                    .reclaim(heap, blocks_max, |heap, entry| free_entry(heap, entry.cast(), Fate::Dropped))?;
                (!index.is_empty()).then(|| GarbageItem { state: index.encode(), ..item })
            }
            DEADLINES => {
                let mut deadlines = deadlines_of(item);
                deadlines.reclaim(heap, blocks_max, |_, _| Ok(()))?;
                (!deadlines.is_empty()).then(|| deadlines_item(&deadlines))
            }
            LIST => element::reclaim(heap, dropped(item, Texts), blocks_max)?,
            SET => element::reclaim(heap, dropped(item, Members::new(self.hasher)), blocks_max)?,
            STREAM => element::reclaim(heap, dropped(item, Entries), blocks_max)?,
            STREAM_GROUPS => element::reclaim(heap, dropped(item, Groups), blocks_max)?,
            STREAM_PENDING => element::reclaim(heap, dropped(item, ByGroup), blocks_max)?,
            STREAM_CONSUMERS => element::reclaim(heap, dropped(item, Consumers), blocks_max)?,
            STREAM_OWNED => element::reclaim(heap, dropped(item, ByConsumer), blocks_max)?,
            other => panic!("garbage of unknown kind {other}"),
        };
        Ok(left.map_or(Step::Done, Step::More))
    }

    fn blocks(&self, heap: &Heap, item: GarbageItem, visit: &mut dyn FnMut(Handle<()>)) {
        // What a broken structure leaves out, the heap's own check finds.
        match item.kind {
            EXTENT => {
                let _ = extent_of(item).verify(heap, &mut |block| {
                    visit(block);
                    Ok(())
                });
            }
            INDEX => {
                let mut entries = Vec::new();
                index_of(item).blocks(heap, visit, &mut |entry| entries.push(entry.cast()));
                for entry in entries {
                    visit(entry.cast());
                    let _ = verify(heap, entry, self.hasher, &mut |block| {
                        visit(block);
                        Ok(())
                    });
                }
            }
            DEADLINES => {
                let _ = deadlines_of(item).verify_detached(heap, &mut |block| {
                    visit(block.cast());
                    Ok(())
                });
            }
            LIST => blocks_of(heap, dropped(item, Texts), visit),
            SET => blocks_of(heap, dropped(item, Members::new(self.hasher)), visit),
            STREAM => blocks_of(heap, dropped(item, Entries), visit),
            STREAM_GROUPS => blocks_of(heap, dropped(item, Groups), visit),
            STREAM_PENDING => blocks_of(heap, dropped(item, ByGroup), visit),
            STREAM_CONSUMERS => blocks_of(heap, dropped(item, Consumers), visit),
            STREAM_OWNED => blocks_of(heap, dropped(item, ByConsumer), visit),
            other => panic!("garbage of unknown kind {other}"),
        }
    }
}

fn blocks_of<P: Elements>(heap: &Heap, tree: Tree<P>, visit: &mut dyn FnMut(Handle<()>)) {
    let _ = element::verify(heap, &tree, true, &mut |block| {
        visit(block);
        Ok(())
    });
}

fn extent_of(item: GarbageItem) -> Extent {
    Extent::at(Handle::<Top>::from_raw(item.root).expect("a dropped extent list has a handle"))
}

fn index_of(item: GarbageItem) -> DetachedIndex {
    DetachedIndex::decode(item.state).expect("a dropped index has a root")
}

fn deadlines_of(item: GarbageItem) -> Deadlines {
    Tree::new(Root::decode(item.state[0]), TimedHandles::new())
}

fn deadlines_item(deadlines: &Deadlines) -> GarbageItem {
    GarbageItem { kind: DEADLINES, root: 0, state: [deadlines.root().encode(), 0] }
}
