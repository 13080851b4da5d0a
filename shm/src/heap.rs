//! Blocks by handle: allocated, read, and stored through the undo log.
//!
//! A transaction begins by itself with the first store, allocation or free, and ends with
//! [`Heap::commit`] or [`Heap::rollback`]. Between the two a crash at any instruction, followed by
//! recovery, leaves the state from before the transaction; after `commit` it leaves the state after.
//!
//! Rules of use:
//! - Memory that was reachable when the transaction began is changed only by `store*` (logged).
//! - A block obtained from [`Heap::allocate`] in this transaction is filled by `fill*` (not logged).
//! - [`Heap::free`] takes effect at the commit; the block is never handed out again before it.
//! - `store_unlogged_u32` is for single aligned words for which every value is valid.

use crate::{Handle, OutOfMemory};

/// Bytes of one page. A block never crosses a page.
pub const PAGE_LEN: usize = 64 * 1024;
/// The largest block: longer values are extent lists.
pub const MAX_BLOCK_LEN: usize = 16_320;
/// Words of the hot line: word 0 is the heap's own (bytes in blocks); the rest belong to the user.
pub const HOT_WORDS: usize = 8;
/// The first bytes of a segment belong to its header, which the heap never looks at.
pub const HEADER_LEN: usize = 4096;
/// Root words, for the user's entry points into the segment.
pub const ROOT_WORDS: usize = 32;

const GRANULE: usize = 8;

/// One shard's memory.
pub struct Heap {
    memory: Vec<u64>,
    next: usize,
    undo: Vec<(usize, Vec<u8>)>,
    frees: Vec<(usize, usize)>,
    free_lists: std::collections::BTreeMap<usize, Vec<usize>>,
    allocated: Vec<usize>,
    hot: [u64; HOT_WORDS],
    hot_before: Option<[u64; HOT_WORDS]>,
    roots: [u64; ROOT_WORDS],
    roots_before: [u64; ROOT_WORDS],
    fail_after: Option<usize>,
}

impl Heap {
    /// A heap in ordinary memory of at most `capacity_bytes`, for tests, Miri and sanitizers.
    pub fn in_memory(capacity_bytes: usize) -> Heap {
        Heap {
            memory: vec![0; capacity_bytes / 8],
            next: PAGE_LEN,
            undo: Vec::new(),
            frees: Vec::new(),
            free_lists: Default::default(),
            allocated: Vec::new(),
            hot: [0; HOT_WORDS],
            hot_before: None,
            roots: [0; ROOT_WORDS],
            roots_before: [0; ROOT_WORDS],
            fail_after: None,
        }
    }

    fn all(&self) -> &[u8] {
        let len = self.memory.len() * 8;
        // SAFETY: the vector holds `len` initialized bytes; u8 has no alignment needs.
        unsafe { std::slice::from_raw_parts(self.memory.as_ptr().cast(), len) }
    }

    fn all_mut(&mut self) -> &mut [u8] {
        let len = self.memory.len() * 8;
        // SAFETY: as in `all`, and `self` is borrowed exclusively.
        unsafe { std::slice::from_raw_parts_mut(self.memory.as_mut_ptr().cast(), len) }
    }

    fn at<T: ?Sized>(block: Handle<T>, start: usize) -> usize {
        block.raw() as usize * GRANULE + start
    }

    // ---- reads ------------------------------------------------------------------------------

    /// `len` bytes of a block from `start`. Panics if they lie outside the segment.
    #[inline]
    pub fn bytes<T: ?Sized>(&self, block: Handle<T>, start: usize, len: usize) -> &[u8] {
        let at = Self::at(block, start);
        &self.all()[at..at + len]
    }

    /// From the start of a block to the end of its page: enough to decode a header whose length is
    /// not known yet, at no cost beyond the bytes looked at. What follows the block is foreign.
    #[inline]
    pub fn rest_of_page<T: ?Sized>(&self, block: Handle<T>) -> &[u8] {
        let at = Self::at(block, 0);
        let end = (at / PAGE_LEN + 1) * PAGE_LEN;
        &self.all()[at..end.min(self.memory.len() * 8)]
    }

    /// Usable bytes of a block: those of its class, at least what was asked for. One look into the
    /// page table.
    pub fn capacity_of<T: ?Sized>(&self, block: Handle<T>) -> usize {
        let at = Self::at(block, 0) - 8;
        u64::from_le_bytes(self.all()[at..at + 8].try_into().unwrap_or_default()) as usize
    }

    /// One byte.
    #[inline]
    pub fn u8_at<T: ?Sized>(&self, block: Handle<T>, start: usize) -> u8 {
        self.bytes(block, start, 1)[0]
    }
    /// A little-endian u16; need not be aligned.
    #[inline]
    pub fn u16_at<T: ?Sized>(&self, block: Handle<T>, start: usize) -> u16 {
        u16::from_le_bytes(self.bytes(block, start, 2).try_into().unwrap_or_default())
    }
    /// A little-endian u32; need not be aligned.
    #[inline]
    pub fn u32_at<T: ?Sized>(&self, block: Handle<T>, start: usize) -> u32 {
        u32::from_le_bytes(self.bytes(block, start, 4).try_into().unwrap_or_default())
    }
    /// A little-endian u64; need not be aligned.
    #[inline]
    pub fn u64_at<T: ?Sized>(&self, block: Handle<T>, start: usize) -> u64 {
        u64::from_le_bytes(self.bytes(block, start, 8).try_into().unwrap_or_default())
    }

    /// Asks the processor to fetch the cache line at `start` of a block.
    #[inline]
    pub fn prefetch<T: ?Sized>(&self, _block: Handle<T>, _start: usize) {}

    // ---- fresh blocks -----------------------------------------------------------------------

    /// A block of at least `len` bytes (1 ..= MAX_BLOCK_LEN), contents unspecified, aligned to 8;
    /// to 64 when the class is a multiple of 64.
    pub fn allocate<T: ?Sized>(&mut self, len: usize) -> Result<Handle<T>, OutOfMemory> {
        assert!((1..=MAX_BLOCK_LEN).contains(&len), "block of {len} bytes");
        self.begin();
        if let Some(left) = &mut self.fail_after {
            if *left == 0 {
                return Err(OutOfMemory);
            }
            *left -= 1;
        }
        let class = if len.is_multiple_of(64) { len } else { len.next_multiple_of(8) };
        let at = match self.free_lists.get_mut(&class).and_then(Vec::pop) {
            Some(at) => at,
            None => {
                let mut at = self.next + 64;
                if at / PAGE_LEN != (at + class - 1) / PAGE_LEN {
                    at = at.next_multiple_of(PAGE_LEN) + 64;
                }
                at = at.next_multiple_of(64);
                if at + class > self.memory.len() * 8 {
                    return Err(OutOfMemory);
                }
                self.next = at + class;
                at
            }
        };
        self.all_mut()[at - 8..at].copy_from_slice(&(class as u64).to_le_bytes());
        self.allocated.push(at);
        self.hot[0] += class as u64;
        Ok(Handle::from_raw((at / GRANULE) as u32).expect("blocks start after page 0"))
    }

    /// Lets `write` fill `len` bytes from `start` of a block allocated in this transaction.
    pub fn fill<T: ?Sized, R>(
        &mut self,
        block: Handle<T>,
        start: usize,
        len: usize,
        write: impl FnOnce(&mut [u8]) -> R,
    ) -> R {
        let at = Self::at(block, start);
        debug_assert!(self.is_fresh(block), "fill of a block that is not fresh");
        write(&mut self.all_mut()[at..at + len])
    }

    /// Copies bytes of any block into one allocated in this transaction.
    pub fn fill_from<T: ?Sized, U: ?Sized>(
        &mut self,
        to: Handle<T>,
        to_start: usize,
        from: Handle<U>,
        from_start: usize,
        len: usize,
    ) {
        debug_assert!(self.is_fresh(to), "fill of a block that is not fresh");
        let (from, to) = (Self::at(from, from_start), Self::at(to, to_start));
        self.all_mut().copy_within(from..from + len, to);
    }

    fn is_fresh<T: ?Sized>(&self, block: Handle<T>) -> bool {
        self.allocated.contains(&Self::at(block, 0))
    }

    // ---- logged stores ----------------------------------------------------------------------

    /// Overwrites bytes of a reachable block, logging the old ones first. For long ranges (over about
    /// 256 bytes) build a fresh block and replace its referrer instead.
    pub fn store<T: ?Sized>(
        &mut self,
        block: Handle<T>,
        start: usize,
        bytes: &[u8],
    ) -> Result<(), OutOfMemory> {
        self.begin();
        let at = Self::at(block, start);
        let old = self.all()[at..at + bytes.len()].to_vec();
        self.undo.push((at, old));
        self.all_mut()[at..at + bytes.len()].copy_from_slice(bytes);
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
        self.store(block, start, &value.to_le_bytes())
    }
    /// [`Heap::store`] of a little-endian u64.
    #[inline]
    pub fn store_u64<T: ?Sized>(
        &mut self,
        block: Handle<T>,
        start: usize,
        value: u64,
    ) -> Result<(), OutOfMemory> {
        self.store(block, start, &value.to_le_bytes())
    }

    /// Overwrites one aligned word without logging: only for words for which every value is valid
    /// (access clock, snapshot mark). Not undone by a rollback; begins no transaction.
    #[inline]
    pub fn store_unlogged_u32<T: ?Sized>(&mut self, block: Handle<T>, start: usize, value: u32) {
        let at = Self::at(block, start);
        self.all_mut()[at..at + 4].copy_from_slice(&value.to_le_bytes());
    }

    // ---- hot line and roots -----------------------------------------------------------------

    /// A word of the hot line.
    #[inline]
    pub fn hot(&self, word: usize) -> u64 {
        self.hot[word]
    }
    /// Sets a word of the hot line (1 .. HOT_WORDS). Not logged one by one: the whole line is saved
    /// when a transaction begins.
    #[inline]
    pub fn set_hot(&mut self, word: usize, value: u64) {
        self.begin();
        self.hot[word] = value;
    }
    /// A root word.
    pub fn root(&self, index: usize) -> u64 {
        self.roots[index]
    }
    /// Sets a root word, logged.
    pub fn set_root(&mut self, index: usize, value: u64) -> Result<(), OutOfMemory> {
        self.begin();
        self.roots[index] = value;
        Ok(())
    }

    // ---- transactions -----------------------------------------------------------------------

    /// Gives a block back at the commit.
    pub fn free<T: ?Sized>(&mut self, block: Handle<T>) {
        self.begin();
        let class = self.capacity_of(block);
        self.frees.push((Self::at(block, 0), class));
    }

    fn begin(&mut self) {
        if self.hot_before.is_none() {
            self.hot_before = Some(self.hot);
            self.roots_before = self.roots;
        }
    }

    /// Whether anything was stored, allocated or freed since the last commit or rollback.
    #[inline]
    pub fn in_transaction(&self) -> bool {
        self.hot_before.is_some()
    }

    /// Makes the transaction's changes permanent. Cannot fail; nothing to do if there is none.
    pub fn commit(&mut self) {
        for (at, class) in std::mem::take(&mut self.frees) {
            self.hot[0] -= class as u64;
            self.free_lists.entry(class).or_default().push(at);
        }
        self.undo.clear();
        self.allocated.clear();
        self.hot_before = None;
    }

    /// Takes the transaction's changes back: reachable memory is byte for byte as before.
    pub fn rollback(&mut self) {
        for (at, old) in std::mem::take(&mut self.undo).into_iter().rev() {
            self.all_mut()[at..at + old.len()].copy_from_slice(&old);
        }
        if let Some(hot) = self.hot_before.take() {
            self.hot = hot;
            self.roots = self.roots_before;
        }
        self.frees.clear();
        self.allocated.clear();
    }

    // ---- accounting -------------------------------------------------------------------------

    /// Bytes in allocated blocks, class rounding included.
    pub fn used_bytes(&self) -> u64 {
        self.hot[0]
    }

    /// Makes `allocate` fail after `count` more calls (`None`: never), to test out-of-memory paths.
    pub fn fail_allocations_after(&mut self, count: Option<usize>) {
        self.fail_after = count;
    }
}
