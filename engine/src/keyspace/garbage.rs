//! What was dropped at once and is freed bit by bit: long values and whole databases.

use shm::extent::{Extent, Top};
use shm::garbage::{GarbageItem, Reclaimer, Step};
use shm::hash_index::DetachedIndex;
use shm::rbtree::{Root, TimedHandles, Tree};
use shm::{Handle, Heap, OutOfMemory};

use super::database::{Database, Deadlines};
use super::entry::{Entry, EntryView};
use super::space::Keyspace;

/// Kinds of garbage, as they are stored.
const EXTENT: u8 = 1;
const INDEX: u8 = 2;
const DEADLINES: u8 = 3;

/// Detaches an extent list that nobody refers to any more.
///
/// # Errors
/// [`OutOfMemory`] when the undo log is full.
pub(super) fn discard_extent(heap: &mut Heap, extent: Extent) -> Result<(), OutOfMemory> {
    heap.discard(GarbageItem::new(EXTENT, extent.handle()))
}

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

/// Frees an entry's block and detaches its extent lists, but for the one that is `kept`.
pub(super) fn free_entry(
    heap: &mut Heap,
    entry: Handle<Entry>,
    kept: Option<Extent>,
) -> Result<(), OutOfMemory> {
    for extent in EntryView::new(heap, entry).extents() {
        if kept != Some(extent) {
            discard_extent(heap, extent)?;
        }
    }
    heap.free(entry);
    Ok(())
}

impl Keyspace {
    /// Frees up to about `blocks_max` blocks of what was dropped, in a transaction of its own. Returns
    /// whether there may be more.
    pub fn reclaim(&mut self, blocks_max: usize) -> bool {
        // Without room in the undo log nothing is lost: it is tried again later.
        self.heap.reclaim(&mut Sweeper, blocks_max).unwrap_or(false)
    }

    /// Whether dropped blocks wait to be freed.
    #[inline]
    pub fn has_garbage(&self) -> bool {
        self.heap.has_garbage()
    }
}

/// Knows the structures that a keyspace drops.
pub(super) struct Sweeper;

impl Reclaimer for Sweeper {
    fn step(&mut self, heap: &mut Heap, item: GarbageItem, blocks_max: usize) -> Result<Step, OutOfMemory> {
        let left = match item.kind {
            EXTENT => {
                let left = extent_of(item).reclaim(heap, blocks_max)?;
                left.map(|extent| GarbageItem::new(EXTENT, extent.handle()))
            }
            INDEX => {
                let mut index = index_of(item);
                index.reclaim(heap, blocks_max, |heap, entry| free_entry(heap, entry.cast(), None))?;
                (!index.is_empty()).then(|| GarbageItem { state: index.encode(), ..item })
            }
            DEADLINES => {
                let mut deadlines = deadlines_of(item);
                deadlines.reclaim(heap, blocks_max, |_, _| Ok(()))?;
                (!deadlines.is_empty()).then(|| deadlines_item(&deadlines))
            }
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
                    for extent in EntryView::new(heap, entry).extents() {
                        self.blocks(heap, GarbageItem::new(EXTENT, extent.handle()), visit);
                    }
                }
            }
            DEADLINES => {
                let _ = deadlines_of(item).verify_detached(heap, &mut |block| {
                    visit(block.cast());
                    Ok(())
                });
            }
            other => panic!("garbage of unknown kind {other}"),
        }
    }
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
