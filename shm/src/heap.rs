//! Blocks by handle: allocated, read, and stored through the undo log.
//!
//! A transaction begins by itself with the first store, allocation or free, and ends with
//! [`Heap::commit`] or [`Heap::rollback`]. Between the two a crash at any instruction, followed by
//! recovery, leaves the state from before the transaction; after `commit` it leaves the state after.
//!
//! Rules of use:
//! - Memory that was reachable when the transaction began is changed only by `store*` (logged).
//! - A block obtained from [`Heap::allocate`] in this transaction is filled by `fill*` (not logged).
//! - [`Heap::free`] takes effect at the commit; the block is never handed out again before it, unless it was
//!   allocated in the same transaction.
//! - `store_unlogged_u32` is for single aligned words for which every value is valid.
//! - After an [`OutOfMemory`] the transaction is rolled back.

mod attach;
mod compact;
pub(crate) mod layout;
mod recycle;
#[cfg(test)]
mod tests;
mod transaction;
mod trim;
mod verify;

use std::sync::Arc;

use crate::alloc::block::Pages;
use crate::alloc::page::{self, Kind};
use crate::budget::{Budget, Grant};
use crate::region::Region;
use crate::undo::log::Log;
use crate::undo::record::{MAX_RECORD_LEN, WORD_RECORD_LEN, record_len};
use crate::{Handle, OutOfMemory};
use layout::{HOT_AT, ROOTS_AT};
use recycle::Recycler;

pub use attach::RecoveryReport;
pub use transaction::FREES_ALWAYS;

/// Bytes of one page. A block never crosses a page.
pub const PAGE_LEN: usize = 64 * 1024;
/// The largest block that can be asked for, with any granule: longer values are extent lists.
pub const MAX_BLOCK_LEN: usize = 16_256;
/// Words of the hot line: word 0 is the heap's own (bytes in blocks); the rest belong to the user.
pub const HOT_WORDS: usize = 8;
/// The first bytes of a segment belong to its header, which the heap never looks at.
pub const HEADER_LEN: usize = 4096;
/// Root words, for the user's entry points into the segment.
pub const ROOT_WORDS: usize = 32;

/// What a heap can be told when it is made or attached.
#[derive(Debug, Clone)]
pub struct HeapOptions {
    /// Handles count units of `1 << granule_shift` bytes: 3 reaches 32 GiB, 7 reaches 512 GiB. Fixed when the
    /// heap is made; attach takes what is there.
    pub granule_shift: u32,
    /// Bytes the undo log of one transaction may take beyond its first part.
    pub undo_bound: usize,
    /// The memory limit this heap shares with others.
    pub budget: Option<Arc<Budget>>,
}

impl Default for HeapOptions {
    fn default() -> HeapOptions {
        HeapOptions { granule_shift: 3, undo_bound: 256 * 1024 * 1024, budget: None }
    }
}

/// One shard's memory.
pub struct Heap {
    region: Region,
    granule_shift: u32,
    log: Log,
    pages: Pages,
    /// Blocks to be given back at the commit.
    frees: Vec<u32>,
    /// See [`Heap::frees`].
    free_calls: u64,
    recycler: Recycler,
    grant: Grant,
    undo_pages_max: usize,
    /// The transaction in the log is prepared: only its end may follow.
    prepared: bool,
    /// There may be something on the garbage list.
    garbage_hint: bool,
    fail_after: Option<usize>,
    /// Blocks allocated in this transaction, to catch a fill of any other.
    #[cfg(debug_assertions)]
    fresh: std::collections::HashSet<u32>,
}

impl Heap {
    /// A heap in ordinary memory of at most `capacity_bytes`, for tests, Miri and sanitizers. Capacity costs
    /// nothing until it is used.
    pub fn in_memory(capacity_bytes: usize) -> Heap {
        Heap::create(Region::in_memory(capacity_bytes), HeapOptions::default())
            .expect("a new region has room for the heap's first page")
    }

    // ---- reads ------------------------------------------------------------------------------

    /// Where a place in a block lies in the region.
    #[inline]
    fn at<T: ?Sized>(&self, block: Handle<T>, start: usize) -> usize {
        ((block.raw() as usize) << self.granule_shift) + start
    }

    /// `len` bytes of a block from `start`. Panics if they lie outside the segment.
    #[inline]
    pub fn bytes<T: ?Sized>(&self, block: Handle<T>, start: usize, len: usize) -> &[u8] {
        let at = self.at(block, start);
        &self.region.bytes()[at..at + len]
    }

    /// From the start of a block to the end of its page: enough to decode a header whose length is
    /// not known yet, at no cost beyond the bytes looked at. What follows the block is foreign.
    #[inline]
    pub fn rest_of_page<T: ?Sized>(&self, block: Handle<T>) -> &[u8] {
        let at = self.at(block, 0);
        &self.region.bytes()[at..(at | (PAGE_LEN - 1)) + 1]
    }

    /// Usable bytes of a block: those of its class, at least what was asked for. Touches private memory only.
    #[inline]
    pub fn capacity_of<T: ?Sized>(&self, block: Handle<T>) -> usize {
        let page = self.at(block, 0) / PAGE_LEN;
        self.pages.class_of(page).map_or(0, |class| usize::from(class.size))
    }

    /// Usable bytes of the block that [`Heap::allocate`] gives for `len`. Touches private memory only.
    #[inline]
    pub fn block_len(&self, len: usize) -> usize {
        let classes = self.pages.classes();
        usize::from(classes.class(classes.class_for(len)).size)
    }

    /// One byte.
    #[inline]
    pub fn u8_at<T: ?Sized>(&self, block: Handle<T>, start: usize) -> u8 {
        self.region.bytes()[self.at(block, start)]
    }
    /// A few bytes at once.
    #[inline]
    pub fn array_at<const LEN: usize, T: ?Sized>(&self, block: Handle<T>, start: usize) -> [u8; LEN] {
        self.region.load(self.at(block, start))
    }
    /// A little-endian u16; need not be aligned.
    #[inline]
    pub fn u16_at<T: ?Sized>(&self, block: Handle<T>, start: usize) -> u16 {
        u16::from_le_bytes(self.region.load(self.at(block, start)))
    }
    /// A little-endian u32; need not be aligned.
    #[inline]
    pub fn u32_at<T: ?Sized>(&self, block: Handle<T>, start: usize) -> u32 {
        u32::from_le_bytes(self.region.load(self.at(block, start)))
    }
    /// A little-endian u64; need not be aligned.
    #[inline]
    pub fn u64_at<T: ?Sized>(&self, block: Handle<T>, start: usize) -> u64 {
        u64::from_le_bytes(self.region.load(self.at(block, start)))
    }

    /// How often blocks have been given back, and transactions rolled back, since this process began: as long as it is
    /// the same, no block has become another's.
    #[inline]
    pub fn frees(&self) -> u64 {
        self.free_calls
    }

    /// Asks the processor to fetch the cache line at `start` of a block.
    #[inline]
    pub fn prefetch<T: ?Sized>(&self, block: Handle<T>, start: usize) {
        self.region.prefetch(self.at(block, start));
    }

    // ---- fresh blocks -----------------------------------------------------------------------

    /// A block of at least `len` bytes (1 ..= MAX_BLOCK_LEN), contents unspecified, aligned to 8;
    /// to 64 when the class is a multiple of 64, as it is when `len` is.
    pub fn allocate<T: ?Sized>(&mut self, len: usize) -> Result<Handle<T>, OutOfMemory> {
        assert!((1..=MAX_BLOCK_LEN).contains(&len), "block of {len} bytes");
        if let Some(left) = &mut self.fail_after {
            *left = left.checked_sub(1).ok_or(OutOfMemory)?;
        }
        let number = self.pages.classes().class_for(len);
        if let Some(raw) = self.recycler.take(number) {
            return Ok(Handle::from_raw(raw).expect("it was a block's"));
        }
        let class = self.pages.classes().class(number);
        let used = self.used_bytes() + u64::from(class.size);
        if !self.grant.covers(used) && !self.grant.extend(used) {
            return Err(OutOfMemory);
        }
        self.take_block(number)
    }

    /// A block of this class, whatever the budget says.
    #[inline]
    fn take_block<T: ?Sized>(&mut self, number: u8) -> Result<Handle<T>, OutOfMemory> {
        if !self.log.has_room(WORD_RECORD_LEN) {
            self.make_room(WORD_RECORD_LEN)?;
        }
        let (word_at, word) = match self.pages.vacancy(&self.region, number) {
            Some(vacancy) => vacancy,
            None => self.open_page(number)?,
        };
        let bit = word.trailing_ones();
        if cfg!(hearth_mutant = "drop_bitmap_record") {
            self.region.store_u64(word_at, word | 1 << bit);
        } else {
            self.log.store_u64(&mut self.region, word_at, word | 1 << bit);
        }
        let page = word_at / PAGE_LEN;
        let free = self.pages.took(page);
        page::set_free_count(&mut self.region, page, free);
        let class = self.pages.classes().class(number);
        let used = self.used_bytes() + u64::from(class.size);
        self.region.store_u64(HOT_AT, used);
        let index = word_at % PAGE_LEN * 8 + bit as usize;
        let raw = (page * PAGE_LEN + class.start_of(index)) >> self.granule_shift;
        self.recycler.allocated(raw as u32);
        #[cfg(debug_assertions)]
        self.fresh.insert(raw as u32);
        Ok(Handle::from_raw(raw as u32).expect("page 0 holds no blocks"))
    }

    /// Makes a free page one of blocks of this class, outside the transaction: a page of blocks none of which is
    /// in use is as good as a free one. Returns its first bitmap word.
    #[cold]
    fn open_page(&mut self, number: u8) -> Result<(usize, u64), OutOfMemory> {
        let page = self.free_page()?;
        let class = self.pages.classes().class(number);
        page::clear_bitmap(&mut self.region, page, class);
        page::set_kind(&mut self.region, page, Kind::Blocks { class: number, free: class.blocks });
        self.pages.opened(page, number);
        Ok((page * PAGE_LEN, self.region.load_u64(page * PAGE_LEN)))
    }

    /// Lets `write` fill `len` bytes from `start` of a block allocated in this transaction.
    #[inline]
    pub fn fill<T: ?Sized, R>(
        &mut self,
        block: Handle<T>,
        start: usize,
        len: usize,
        write: impl FnOnce(&mut [u8]) -> R,
    ) -> R {
        debug_assert!(self.is_fresh(block), "fill of a block that is not fresh");
        let at = self.at(block, start);
        self.region.fill(at, len, write)
    }

    /// Copies bytes of any block into one allocated in this transaction.
    #[inline]
    pub fn fill_from<T: ?Sized, U: ?Sized>(
        &mut self,
        to: Handle<T>,
        to_start: usize,
        from: Handle<U>,
        from_start: usize,
        len: usize,
    ) {
        debug_assert!(self.is_fresh(to), "fill of a block that is not fresh");
        let (from, to) = (self.at(from, from_start), self.at(to, to_start));
        self.region.copy_within(from, to, len);
    }

    #[cfg(debug_assertions)]
    fn is_fresh<T: ?Sized>(&self, block: Handle<T>) -> bool {
        self.fresh.contains(&block.raw())
    }
    #[cfg(not(debug_assertions))]
    fn is_fresh<T: ?Sized>(&self, _block: Handle<T>) -> bool {
        true
    }

    /// [`Heap::allocate`] that the memory budget does not stop, for what helps to free memory.
    pub(crate) fn allocate_beyond_budget<T: ?Sized>(&mut self, len: usize) -> Result<Handle<T>, OutOfMemory> {
        let number = self.pages.classes().class_for(len);
        let used = self.used_bytes() + u64::from(self.pages.classes().class(number).size);
        self.grant.force(used);
        self.take_block(number)
    }

    // ---- logged stores ----------------------------------------------------------------------

    /// Overwrites bytes of a reachable block, logging the old ones first. For long ranges (over about
    /// 256 bytes) build a fresh block and replace its referrer instead.
    #[inline]
    pub fn store<T: ?Sized>(
        &mut self,
        block: Handle<T>,
        start: usize,
        bytes: &[u8],
    ) -> Result<(), OutOfMemory> {
        let at = self.at(block, start);
        for (index, part) in bytes.chunks(MAX_RECORD_LEN).enumerate() {
            self.store_part(at + index * MAX_RECORD_LEN, part)?;
        }
        Ok(())
    }

    #[inline]
    fn store_part(&mut self, at: usize, bytes: &[u8]) -> Result<(), OutOfMemory> {
        if !self.log.has_room(record_len(bytes.len())) {
            self.make_room(record_len(bytes.len()))?;
        }
        if cfg!(hearth_mutant = "drop_range_record") {
            self.region.store_bytes(at, bytes);
        } else {
            self.log.store_bytes(&mut self.region, at, bytes);
        }
        Ok(())
    }

    /// [`Heap::store`] of a little-endian u32.
    #[inline]
    pub fn store_u32<T: ?Sized>(
        &mut self,
        block: Handle<T>,
        start: usize,
        value: u32,
    ) -> Result<(), OutOfMemory> {
        let at = self.at(block, start);
        if !self.log.has_room(WORD_RECORD_LEN) {
            self.make_room(WORD_RECORD_LEN)?;
        }
        if cfg!(hearth_mutant = "drop_half_word_record") {
            self.region.store_u32(at, value);
        } else {
            self.log.store_u32(&mut self.region, at, value);
        }
        Ok(())
    }
    /// [`Heap::store`] of a little-endian u64.
    #[inline]
    pub fn store_u64<T: ?Sized>(
        &mut self,
        block: Handle<T>,
        start: usize,
        value: u64,
    ) -> Result<(), OutOfMemory> {
        let at = self.at(block, start);
        self.store_word(at, value)
    }

    /// A word outside the blocks.
    #[inline]
    pub(crate) fn word_at(&self, at: usize) -> u64 {
        self.region.load_u64(at)
    }

    /// A logged store of up to 256 bytes outside the blocks.
    pub(crate) fn store_bytes_at(&mut self, at: usize, bytes: &[u8]) -> Result<(), OutOfMemory> {
        self.store_part(at, bytes)
    }

    /// A logged store of a word outside the blocks.
    #[inline]
    pub(crate) fn store_word(&mut self, at: usize, value: u64) -> Result<(), OutOfMemory> {
        if !self.log.has_room(WORD_RECORD_LEN) {
            self.make_room(WORD_RECORD_LEN)?;
        }
        if cfg!(hearth_mutant = "drop_word_record") {
            self.region.store_u64(at, value);
        } else {
            self.log.store_u64(&mut self.region, at, value);
        }
        Ok(())
    }

    /// Overwrites one aligned word without logging: only for words for which every value is valid
    /// (access clock, snapshot mark). Not undone by a rollback; begins no transaction.
    #[inline]
    pub fn store_unlogged_u32<T: ?Sized>(&mut self, block: Handle<T>, start: usize, value: u32) {
        let at = self.at(block, start);
        debug_assert!(at.is_multiple_of(4), "unlogged store of a word that is not aligned");
        self.region.store_u32(at, value);
    }

    // ---- hot line and roots -----------------------------------------------------------------

    /// A word of the hot line.
    #[inline]
    pub fn hot(&self, word: usize) -> u64 {
        assert!(word < HOT_WORDS);
        self.region.load_u64(HOT_AT + word * 8)
    }
    /// Sets a word of the hot line (1 .. HOT_WORDS). Not logged one by one: the whole line is saved
    /// when a transaction begins.
    #[inline]
    pub fn set_hot(&mut self, word: usize, value: u64) {
        assert!((1..HOT_WORDS).contains(&word));
        if !self.log.begun() {
            self.begin();
        }
        self.region.store_u64(HOT_AT + word * 8, value);
    }
    /// A root word.
    #[inline]
    pub fn root(&self, index: usize) -> u64 {
        assert!(index < ROOT_WORDS);
        self.region.load_u64(ROOTS_AT + index * 8)
    }
    /// Sets a root word, logged.
    pub fn set_root(&mut self, index: usize, value: u64) -> Result<(), OutOfMemory> {
        assert!(index < ROOT_WORDS);
        self.store_word(ROOTS_AT + index * 8, value)
    }

    // ---- accounting -------------------------------------------------------------------------

    /// Bytes in allocated blocks, class rounding included. Blocks given back in this transaction still
    /// count.
    #[inline]
    pub fn used_bytes(&self) -> u64 {
        self.region.load_u64(HOT_AT)
    }

    /// Bytes of memory the heap holds from the system.
    pub fn mapped_bytes(&self) -> u64 {
        (self.region.len() - self.pages.hole_count() * PAGE_LEN) as u64
    }

    #[cfg(feature = "fault")]
    pub(crate) fn pages(&self) -> &Pages {
        &self.pages
    }

    /// Whether the garbage list is worth a look.
    pub(crate) fn may_have_garbage(&self) -> bool {
        self.garbage_hint
    }
    /// There is or will be something on the garbage list.
    pub(crate) fn expect_garbage(&mut self) {
        self.garbage_hint = true;
    }
    /// The garbage list is empty.
    pub(crate) fn expect_no_garbage(&mut self) {
        self.garbage_hint = false;
    }

    /// The region beneath, for its header.
    pub fn region(&self) -> &Region {
        &self.region
    }

    /// The region beneath, for stores to its header.
    pub fn region_mut(&mut self) -> &mut Region {
        &mut self.region
    }

    /// Makes `allocate` fail after `count` more calls (`None`: never), to test out-of-memory paths.
    pub fn fail_allocations_after(&mut self, count: Option<usize>) {
        self.fail_after = count;
    }
}
