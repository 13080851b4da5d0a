//! What was dropped at once and is freed bit by bit: long values.

use shm::extent::{Extent, Top};
use shm::garbage::{GarbageItem, Reclaimer, Step};
use shm::{Handle, Heap, OutOfMemory};

use super::space::Keyspace;

/// Kinds of garbage, as they are stored.
const EXTENT: u8 = 1;

/// Detaches an extent list that nobody refers to any more.
///
/// # Errors
/// [`OutOfMemory`] when the undo log is full.
pub(super) fn discard_extent(heap: &mut Heap, extent: Extent) -> Result<(), OutOfMemory> {
    heap.discard(GarbageItem::new(EXTENT, extent.handle()))
}

impl Keyspace {
    /// Frees up to about `blocks_max` blocks of what was dropped, in a transaction of its own. Returns
    /// whether there may be more.
    pub fn reclaim(&mut self, blocks_max: usize) -> bool {
        // Without room in the undo log nothing is lost: it is tried again later.
        self.heap.reclaim(&mut Sweeper, blocks_max).unwrap_or(false)
    }
}

/// Knows the structures that a keyspace drops.
pub(crate) struct Sweeper;

impl Reclaimer for Sweeper {
    fn step(&mut self, heap: &mut Heap, item: GarbageItem, blocks_max: usize) -> Result<Step, OutOfMemory> {
        let left = match item.kind {
            EXTENT => extent_of(item).reclaim(heap, blocks_max)?.map(|extent| extent.handle()),
            other => panic!("garbage of unknown kind {other}"),
        };
        Ok(left.map_or(Step::Done, |top| Step::More(GarbageItem::new(item.kind, top))))
    }

    fn blocks(&self, heap: &Heap, item: GarbageItem, visit: &mut dyn FnMut(Handle<()>)) {
        match item.kind {
            EXTENT => {
                // The heap's own check finds what a broken list would leave out.
                let _ = extent_of(item).verify(heap, &mut |block| {
                    visit(block);
                    Ok(())
                });
            }
            other => panic!("garbage of unknown kind {other}"),
        }
    }
}

fn extent_of(item: GarbageItem) -> Extent {
    Extent::at(Handle::<Top>::from_raw(item.root).expect("dropped extents have a handle"))
}
