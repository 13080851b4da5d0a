//! Compaction: sparse pages are emptied by moving their blocks elsewhere.
//!
//! The heap chooses the pages and takes no more blocks from them; whoever owns the structures moves the blocks,
//! in steps as small as it likes, since every block has exactly one referrer: allocate, `fill_from`, store the new
//! handle in the referrer, free the old block. A page whose last block is freed becomes a free page. The choice is
//! private to the process: a crash forgets it and loses nothing.

use super::{Heap, PAGE_LEN};
use crate::Handle;
use crate::alloc::stats::PageStats;

impl Heap {
    /// Chooses pages to be emptied, the sparsest first and at most `pages_max` at a time, of classes whose other
    /// pages have room for their blocks. Returns how many pages are chosen now, those still being emptied
    /// included; 0 means that there is nothing to gain.
    pub fn mark_sparse(&mut self, pages_max: usize) -> usize {
        self.pages.choose_sparse(pages_max)
    }

    /// Whether a block lies in a page that is to be emptied. Touches private memory only.
    #[inline]
    pub fn is_sparse<T: ?Sized>(&self, block: Handle<T>) -> bool {
        self.pages.is_evacuating(self.at(block, 0) / PAGE_LEN)
    }

    /// The allocated blocks of the pages to be emptied. Those given back in this transaction are still among them.
    pub fn sparse_blocks(&self) -> impl Iterator<Item = Handle<()>> {
        self.pages.evacuating().flat_map(|page| self.blocks_of_page(page))
    }

    /// Takes blocks from the chosen pages again.
    pub fn clear_sparse(&mut self) {
        self.pages.forget_sparse();
    }

    /// Pages that hold something, the heap's own among them. O(1).
    pub fn pages_in_use(&self) -> usize {
        self.pages.count() - self.pages.free_count() - self.pages.hole_count()
    }

    /// What the pages are used for. Takes time proportional to their number.
    pub fn page_stats(&self) -> PageStats {
        self.pages.stats()
    }
}
