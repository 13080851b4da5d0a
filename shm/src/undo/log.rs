//! Appending to the undo log.
//!
//! The log starts in the heap's first page and goes on in whole pages, each with a link back in its first
//! word. The last bytes of every part are kept for the deferred frees, which are logged at the commit, where
//! running out of room is not an answer any more:
//! ```text
//!  first part:  │ records of stores …                │ frees │
//!  log page:    │ link │ records of stores …         │ frees │
//! ```
//! If more frees are deferred than fit there, whole log pages are set aside for them.

use crate::heap::PAGE_LEN;
use crate::heap::layout::{HOT_AT, HOT_LEN, LOG_AT};
use crate::region::Region;
use crate::undo::record::{FOOTER_LEN, WORD_RECORD_LEN, link, record_len};

/// Bytes at the end of each part of the log that only frees use.
const FREES_LEN: usize = 4096;
/// Frees that fit into the last bytes of a part.
const FREES_IN_PART: usize = FREES_LEN / WORD_RECORD_LEN;
/// Frees that fit into a log page of their own.
const FREES_IN_PAGE: usize = (PAGE_LEN - FOOTER_LEN) / WORD_RECORD_LEN;

/// What the owner of the log knows without looking into the segment.
pub(crate) struct Log {
    /// Where the next record goes.
    at: usize,
    /// Stores end here. Zero if no transaction has begun or no memory is left, so that one comparison in the
    /// fast path covers every rare case.
    limit: usize,
    /// Where the current part ends.
    end: usize,
    /// Whether a transaction has begun.
    begun: bool,
    /// Whether this transaction can only be rolled back: there was no memory for its log.
    starved: bool,
    /// Whether this transaction was starved or touched any of the pages below.
    beyond_first_part: bool,
    /// Log pages this transaction has filled or is filling.
    chain: Vec<u32>,
    /// Log pages nobody uses.
    spare: Vec<u32>,
    /// How many of the spare pages are kept for deferred frees.
    set_aside: usize,
}

impl Log {
    /// Deferred frees for which there is always room.
    pub const FREES_ALWAYS: usize = FREES_IN_PART / 2;

    pub fn new() -> Log {
        Log {
            at: LOG_AT,
            limit: 0,
            end: PAGE_LEN,
            begun: false,
            starved: false,
            beyond_first_part: false,
            chain: Vec::new(),
            spare: Vec::new(),
            set_aside: 0,
        }
    }

    /// Whether a transaction has begun.
    #[inline]
    pub fn begun(&self) -> bool {
        self.begun
    }

    /// Whether records of `len` bytes in all can be appended at once.
    #[inline]
    pub fn has_room(&self, len: usize) -> bool {
        self.at + len <= self.limit
    }

    /// Whether there was no memory for the log.
    pub fn starved(&self) -> bool {
        self.starved
    }

    /// Opens the log with the hot line's record.
    pub fn begin(&mut self, region: &mut Region) {
        debug_assert!(!self.begun);
        (self.at, self.end) = (LOG_AT, PAGE_LEN);
        self.limit = self.end - FREES_LEN;
        self.begun = true;
        if !cfg!(hearth_mutant = "no_hot_line") {
            self.at = region.store_record(self.at, HOT_AT, HOT_LEN);
        }
    }

    /// Saves the word at `at`, then stores another there. The caller has made sure of room.
    #[inline]
    pub fn store_u64(&mut self, region: &mut Region, at: usize, value: u64) {
        debug_assert!(self.begun && self.at + WORD_RECORD_LEN <= self.end);
        self.at = region.store_logged_u64(self.at, at, value);
    }

    /// Saves the half word at `at`, then stores another there. The caller has made sure of room.
    #[inline]
    pub fn store_u32(&mut self, region: &mut Region, at: usize, value: u32) {
        debug_assert!(self.begun && self.at + WORD_RECORD_LEN <= self.end);
        self.at = region.store_logged_u32(self.at, at, value);
    }

    /// Saves the bytes at `at`, at most 256, then stores others there. The caller has made sure of room.
    #[inline]
    pub fn store_bytes(&mut self, region: &mut Region, at: usize, bytes: &[u8]) {
        debug_assert!(self.begun && self.at + record_len(bytes.len()) <= self.end);
        self.at = region.store_record(self.at, at, bytes.len());
        region.store_bytes(at, bytes);
    }

    /// [`Log::store_u64`] for a deferred free, for which room was kept.
    #[inline]
    pub fn store_u64_of_free(&mut self, region: &mut Region, at: usize, value: u64) {
        if self.at + WORD_RECORD_LEN > self.end {
            assert!(self.set_aside > 0, "more deferred frees than room was kept for");
            self.set_aside -= 1;
            self.enter_spare(region);
        }
        self.store_u64(region, at, value);
    }

    /// Goes on in the next spare page that is not set aside; false if there is none.
    pub fn enter_next(&mut self, region: &mut Region) -> bool {
        if self.spare.len() <= self.set_aside {
            return false;
        }
        self.enter_spare(region);
        true
    }

    fn enter_spare(&mut self, region: &mut Region) {
        let Some(&page) = self.spare.last() else { return };
        let start = page as usize * PAGE_LEN;
        // Not yet reachable: the tail moves here with the next record.
        region.store_u64(start, link(self.at));
        self.spare.pop();
        self.chain.push(page);
        self.beyond_first_part = true;
        self.at = start + FOOTER_LEN;
        self.end = start + PAGE_LEN;
        self.limit = self.end - FREES_LEN;
    }

    /// Pages the log has, used or spare.
    pub fn page_count(&self) -> usize {
        self.chain.len() + self.spare.len()
    }

    /// Takes a page that has become the log's.
    pub fn add_spare(&mut self, page: u32) {
        self.spare.push(page);
    }

    /// Spare pages not set aside.
    pub fn spare_count(&self) -> usize {
        self.spare.len() - self.set_aside
    }

    /// Deferred frees for which there is room for certain.
    #[inline]
    pub fn frees_max(&self) -> usize {
        FREES_IN_PART + self.set_aside * FREES_IN_PAGE
    }

    /// From this many deferred frees on, more room should be set aside.
    #[inline]
    pub fn frees_soft_max(&self) -> usize {
        self.frees_max() - FREES_IN_PART / 2
    }

    /// Keeps one more spare page for deferred frees.
    pub fn set_aside_spare(&mut self) {
        assert!(self.set_aside < self.spare.len());
        self.set_aside += 1;
        self.beyond_first_part = true;
    }

    /// Lets every further request for room fail until the transaction is rolled back.
    pub fn starve(&mut self) {
        self.starved = true;
        self.beyond_first_part = true;
        self.limit = 0;
    }

    /// Lets nothing more be appended until the transaction ends.
    pub fn close(&mut self) {
        self.limit = 0;
    }

    /// The transaction has ended: its pages are spare again. Returns whether there are any.
    #[inline]
    pub fn reset(&mut self) -> bool {
        self.begun = false;
        self.limit = 0;
        self.at = LOG_AT;
        let tidy = self.beyond_first_part;
        if tidy {
            self.free_pages();
        }
        tidy
    }

    #[cold]
    fn free_pages(&mut self) {
        self.beyond_first_part = false;
        self.starved = false;
        self.set_aside = 0;
        self.spare.append(&mut self.chain);
    }

    /// A spare page that is not set aside.
    pub fn any_spare(&self) -> Option<u32> {
        if self.spare_count() == 0 { None } else { self.spare.last().copied() }
    }

    /// The page that [`Log::any_spare`] named is the log's no more.
    pub fn drop_spare(&mut self) {
        self.spare.pop();
    }
}
