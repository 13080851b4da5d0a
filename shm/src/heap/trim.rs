//! Memory goes back to the system, a chunk at a time.
//!
//! ```text
//!  free ──(marked)──▶ hole ──(refilled)──▶ free
//! ```
//! Descriptors say "hole" before the hole is punched and until the memory is backed again, so that whichever
//! process comes next knows what it must not store to. Holes are refilled only when no free page is left, lowest
//! first.

use super::transaction::CHUNK_PAGES;
use super::{Heap, PAGE_LEN};
use crate::alloc::page::{self, Kind};

/// One part in this many of the pages in use is kept free rather than given back and asked for again.
const KEEP_PART: usize = 16;

impl Heap {
    /// Gives up to `chunks_max` chunks of free pages back to the system, the highest first, and returns how many
    /// bytes. A reserve is kept: a chunk, or a sixteenth of what is in use. To be called between transactions,
    /// now and then; takes time proportional to the number of pages at worst, but only if there is memory to
    /// give back.
    pub fn trim(&mut self, chunks_max: usize) -> usize {
        assert!(!self.in_transaction(), "trim within a transaction");
        while let Some(page) = self.pages.any_empty() {
            self.release(page);
        }
        let keep = CHUNK_PAGES.max(self.pages_in_use() / KEEP_PART);
        let (mut chunks, mut pages) = (0, 0);
        for first in (0..self.pages.count()).step_by(CHUNK_PAGES).rev() {
            if chunks == chunks_max || self.pages.free_count() < keep + CHUNK_PAGES {
                break;
            }
            if let Some(free) = self.pages.free_chunk(first) {
                (chunks, pages) = (chunks + 1, pages + free.len());
                self.punch(free.start, free.end);
            }
        }
        pages * PAGE_LEN
    }

    fn punch(&mut self, start: usize, end: usize) {
        if cfg!(hearth_mutant = "punch_before_mark") {
            self.region.punch(start * PAGE_LEN, (end - start) * PAGE_LEN);
        }
        for page in start..end {
            page::set_kind(&mut self.region, page, Kind::Hole);
            self.pages.punched(page);
        }
        self.region.punch(start * PAGE_LEN, (end - start) * PAGE_LEN);
    }
}
