//! Begin, commit, rollback, and where pages for blocks and for the log come from.
//!
//! Pages change hands outside the transaction: growth of the region, the opening of pages for blocks, the undo
//! log's own pages, and the return of emptied ones are single stores of a descriptor, for each of which the state
//! before and the state after is valid.

use super::Heap;
use super::layout::{BACKED_LEN_AT, GROUP_PAGES, HOT_AT, PREPARED_AT, TAIL_AT};
use crate::alloc::page::{self, Kind};
use crate::heap::PAGE_LEN;
use crate::region::CHUNK_LEN;
use crate::undo::log::Log;
use crate::undo::recovery;
use crate::{Handle, OutOfMemory};

/// Pages in a chunk.
pub(super) const CHUNK_PAGES: usize = CHUNK_LEN / PAGE_LEN;
/// Blocks that one transaction can give back whatever happens.
pub const FREES_ALWAYS: usize = Log::FREES_ALWAYS;
/// Spare log pages a heap of more than a chunk keeps between transactions.
const SPARE_LOG_PAGES: usize = 1;

impl Heap {
    /// Gives a block back at the commit. When no memory can be had at all, [`FREES_ALWAYS`] blocks can be given back
    /// in one transaction for certain; from there on its next store fails.
    #[inline]
    pub fn free<T: ?Sized>(&mut self, block: Handle<T>) {
        if !self.log.begun() {
            self.begin();
        }
        assert!(!self.prepared, "free after prepare");
        self.free_calls += 1;
        if self.deferred_frees() >= self.log.frees_soft_max() {
            self.make_room_for_frees();
        }
        debug_assert!(self.bit_of(block).is_some(), "free of {block:?}, which is no block");
        let page = self.at(block, 0) / PAGE_LEN;
        if self.recycler.keep(block.raw(), self.pages.class_number_of(page)) {
            return;
        }
        self.prefetch_free(block);
        self.frees.push(block.raw());
        if cfg!(hearth_mutant = "reuse_before_commit") {
            self.apply_frees();
        }
    }

    /// Blocks that the commit will give back.
    fn deferred_frees(&self) -> usize {
        self.frees.len() + self.recycler.idle_count()
    }

    /// Asks the processor for what giving this block back at a commit will look at. Worth calling as soon as it is
    /// known that a block will probably be replaced.
    #[inline]
    pub fn prefetch_free<T: ?Sized>(&self, block: Handle<T>) {
        if let Some((word_at, _)) = self.bit_of(block) {
            self.region.prefetch(word_at);
        }
    }

    /// Where a block's bit is; `None` if it is no block.
    #[inline]
    fn bit_of<T: ?Sized>(&self, block: Handle<T>) -> Option<(usize, u32)> {
        let at = self.at(block, 0);
        let (page, class) = (at / PAGE_LEN, self.pages.class_of(at / PAGE_LEN)?);
        Some(page::bit_of(page, class.index_of(at % PAGE_LEN)?))
    }

    /// Whether anything was stored, allocated or freed since the last commit or rollback.
    #[inline]
    pub fn in_transaction(&self) -> bool {
        self.log.begun()
    }

    #[inline(never)]
    pub(super) fn begin(&mut self) {
        self.log.begin(&mut self.region);
    }

    /// Makes the transaction's changes permanent. Cannot fail; nothing to do if there is none.
    #[inline]
    pub fn commit(&mut self) {
        if !self.log.begun() {
            return;
        }
        if cfg!(hearth_mutant = "commit_before_frees") {
            self.region.publish_u64(TAIL_AT, 0);
        }
        self.recycler.drain(&mut self.frees);
        if !self.frees.is_empty() {
            self.apply_frees();
        }
        self.region.publish_u64(TAIL_AT, 0);
        if self.ended() || self.prepared || self.pages.has_emptied() {
            self.tidy();
        }
        // Not before the commit: a rollback would need it back.
        self.grant.settle(self.used_bytes());
    }

    /// First half of a commit that spans several heaps: everything is done but the commit word. What follows is
    /// [`Heap::commit`], [`Heap::rollback`], or, after a crash, whichever recovery is told for this
    /// `transaction` (not 0).
    pub fn prepare(&mut self, transaction: u64) {
        assert!(transaction != 0 && !self.prepared);
        if !self.log.begun() {
            self.begin();
        }
        if cfg!(hearth_mutant = "prepared_before_frees") {
            self.region.publish_u64(PREPARED_AT, transaction);
        }
        self.recycler.drain(&mut self.frees);
        self.apply_frees();
        self.region.publish_u64(PREPARED_AT, transaction);
        self.prepared = true;
        self.log.close();
    }

    /// Takes the transaction's changes back: reachable memory is byte for byte as before.
    pub fn rollback(&mut self) {
        self.free_calls += 1;
        if !self.log.begun() {
            self.tidy();
            return;
        }
        let pages = &mut self.pages;
        let classes = pages.classes();
        let undone =
            recovery::take_back(&mut self.region, classes, |region, page| pages.reload(region, page));
        if let Err(corrupt) = undone {
            // Neither the state before nor the one after can be had: nobody may see what is there.
            panic!("cannot roll back: {corrupt}");
        }
        self.region.publish_u64(TAIL_AT, 0);
        self.frees.clear();
        self.pages.forget_emptied();
        self.ended();
        self.tidy();
    }

    /// The commit word is stored, or the end of a rollback. Returns whether log pages were used.
    #[inline]
    fn ended(&mut self) -> bool {
        #[cfg(debug_assertions)]
        self.fresh.clear();
        self.recycler.ended();
        self.log.reset()
    }

    /// What is left to do after a transaction, some of it perhaps because a panic cut it off before; a crash
    /// before any part of it loses nothing.
    #[cold]
    fn tidy(&mut self) {
        if self.prepared {
            self.region.publish_u64(PREPARED_AT, 0);
            self.prepared = false;
        }
        while let Some(page) = self.pages.next_emptied() {
            self.release(page);
        }
        let keep = if self.region.len() > CHUNK_LEN { SPARE_LOG_PAGES } else { 0 };
        while self.log.spare_count() > keep
            && let Some(page) = self.log.any_spare()
        {
            self.release(page as usize);
            self.log.drop_spare();
        }
        self.adopt_growth();
    }

    /// Makes a page free that holds nothing.
    pub(super) fn release(&mut self, page: usize) {
        page::set_kind(&mut self.region, page, Kind::Free);
        self.pages.released(page);
    }

    /// Gives the deferred frees' blocks back, logged.
    #[inline(never)]
    fn apply_frees(&mut self) {
        let mut used = self.used_bytes();
        for &raw in &self.frees {
            let at = (raw as usize) << self.granule_shift;
            let page = at / PAGE_LEN;
            let class = self.pages.class_of(page).expect("a freed block lies in a page of blocks");
            let block = class.index_of(at % PAGE_LEN).expect("a freed block starts where its class has one");
            let (word_at, bit) = page::bit_of(page, block);
            let word = self.region.load_u64(word_at);
            assert!((word >> bit) & 1 == 1, "block {at:#x} freed twice");
            self.log.store_u64_of_free(&mut self.region, word_at, word & !(1 << bit));
            let free = self.pages.gave(page);
            page::set_free_count(&mut self.region, page, free);
            used -= u64::from(class.size);
        }
        self.frees.clear();
        self.region.store_u64(HOT_AT, used);
    }

    // ---- room -------------------------------------------------------------------------------

    /// Begins a transaction if there is none, and makes room for `len` bytes of records.
    #[cold]
    #[inline(never)]
    pub(super) fn make_room(&mut self, len: usize) -> Result<(), OutOfMemory> {
        assert!(!self.prepared, "store after prepare");
        if !self.log.begun() {
            self.begin();
        }
        if self.log.has_room(len) {
            return Ok(());
        }
        if self.log.starved() {
            return Err(OutOfMemory);
        }
        if !self.log.enter_next(&mut self.region) {
            self.add_log_page()?;
            self.log.enter_next(&mut self.region);
        }
        Ok(())
    }

    /// Sets aside one more log page for deferred frees. Without memory for it the transaction can still take
    /// some frees, but its next store fails, so that it is rolled back.
    #[cold]
    #[inline(never)]
    fn make_room_for_frees(&mut self) {
        if self.log.spare_count() > 0 || self.add_log_page().is_ok() {
            self.log.set_aside_spare();
        } else {
            self.log.starve();
            assert!(
                self.deferred_frees() < self.log.frees_max(),
                "no memory to log so many frees in one step"
            );
        }
    }

    /// Makes a free page a spare one of the log.
    fn add_log_page(&mut self) -> Result<(), OutOfMemory> {
        if self.log.page_count() >= self.undo_pages_max {
            return Err(OutOfMemory);
        }
        let page = self.free_page()?;
        if !cfg!(hearth_mutant = "log_page_unmarked") {
            page::set_kind(&mut self.region, page, Kind::Log);
        }
        self.pages.reserved(page);
        self.log.add_spare(page as u32);
        Ok(())
    }

    /// A page that is free and backed, and says so in its descriptor: the lowest; else one that was given
    /// back to the system; else a new one.
    pub(super) fn free_page(&mut self) -> Result<usize, OutOfMemory> {
        if let Some(page) = self.pages.lowest_free() {
            return Ok(page);
        }
        if let Some(page) = self.pages.any_empty() {
            self.release(page);
            return Ok(page);
        }
        if let Some(page) = self.pages.lowest_hole() {
            self.refill_chunk(page)?;
        } else {
            self.grow()?;
        }
        self.pages.lowest_free().ok_or(OutOfMemory)
    }

    /// Backs the holes of the chunk that `page` lies in.
    fn refill_chunk(&mut self, page: usize) -> Result<(), OutOfMemory> {
        let first = page / CHUNK_PAGES * CHUNK_PAGES;
        let last = (first + CHUNK_PAGES).min(self.pages.count());
        let holes = (page..last).take_while(|&page| self.pages.is_hole(page)).count();
        if cfg!(hearth_mutant = "mark_before_refill") {
            (page..page + holes).for_each(|hole| self.release(hole));
        }
        self.region.refill(page * PAGE_LEN, holes * PAGE_LEN)?;
        (page..page + holes).for_each(|hole| self.release(hole));
        Ok(())
    }

    fn grow(&mut self) -> Result<(), OutOfMemory> {
        let needed = self.region.len() + PAGE_LEN;
        if needed > self.reach() {
            return Err(OutOfMemory);
        }
        self.region.ensure(needed)?;
        self.adopt_growth();
        Ok(())
    }

    /// Bytes that handles can name.
    fn reach(&self) -> usize {
        (1 << 32) << self.granule_shift
    }

    /// Makes pages of what the region has grown by.
    fn adopt_growth(&mut self) {
        let (known, count) = (self.pages.count(), self.region.len().min(self.reach()) / PAGE_LEN);
        if known == count {
            return;
        }
        for table in (known..count).filter(|page| page.is_multiple_of(GROUP_PAGES)) {
            page::set_kind(&mut self.region, table, Kind::Table);
        }
        self.region.publish_u64(BACKED_LEN_AT, self.region.len() as u64);
        self.pages.resize(count);
        for page in known..count {
            self.pages.reload(&self.region, page);
        }
        self.keep_spare_log_page();
    }

    /// A heap of more than a chunk always has a page for its log in reserve, so that blocks by the thousand can be
    /// given back when no memory is left.
    pub(super) fn keep_spare_log_page(&mut self) {
        let large = self.region.len() > CHUNK_LEN;
        if large && self.log.page_count() < SPARE_LOG_PAGES && self.pages.lowest_free().is_some() {
            // Refused only by a bound that allows no page at all.
            let _ = self.add_log_page();
        }
    }
}
