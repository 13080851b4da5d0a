//! The only store path into a region.
//!
//! Everything that changes a segment's bytes goes through the functions below, so that the order of stores
//! can be reasoned about, and traced, in one place. A killed process leaves a prefix of the stores in program
//! order; the compiler must not break that order where it matters: [`Region::publish_u64`] stores one
//! aligned word after everything before it and before everything after it. No fence instruction is needed,
//! because nobody reads the memory while the process lives.
//!
//! With the feature `fault` each call is one numbered event: see the module `fault`.

use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering, compiler_fence};

use crate::heap::HEADER_LEN;
use crate::heap::layout::TAIL_AT;
use crate::region::{FIRST_LEN, Region, outside};
use crate::undo::record::{MAX_RECORD_LEN, footer, record_len};

impl Region {
    /// Address of `len` bytes at `at`. Panics if they are not backed.
    #[inline]
    fn spot(&mut self, at: usize, len: usize) -> NonNull<u8> {
        let backed = self.len();
        // The first half is known at compile time where it matters.
        if len > FIRST_LEN && len > backed || at > backed - len {
            outside(at, len, backed);
        }
        // SAFETY: `at` is within the backed bytes by the check above.
        unsafe { self.base().add(at) }
    }

    /// Stores a word at an offset that need not be aligned.
    #[inline]
    pub(crate) fn store_u64(&mut self, at: usize, value: u64) {
        let spot = self.spot(at, 8).cast::<u64>();
        self.before_store(at, 8);
        // SAFETY: `spot` has 8 backed bytes, `&mut self` is exclusive, and the write needs no alignment.
        unsafe { spot.write_unaligned(value.to_le()) }
        self.after_store(at, 8);
    }

    /// Stores a half word at an offset that need not be aligned.
    #[inline]
    pub(crate) fn store_u32(&mut self, at: usize, value: u32) {
        let spot = self.spot(at, 4).cast::<u32>();
        self.before_store(at, 4);
        // SAFETY: `spot` has 4 backed bytes, `&mut self` is exclusive, and the write needs no alignment.
        unsafe { spot.write_unaligned(value.to_le()) }
        self.after_store(at, 4);
    }

    /// Stores two bytes at an offset that need not be aligned.
    #[inline]
    pub(crate) fn store_u16(&mut self, at: usize, value: u16) {
        let spot = self.spot(at, 2).cast::<u16>();
        self.before_store(at, 2);
        // SAFETY: `spot` has 2 backed bytes, `&mut self` is exclusive, and the write needs no alignment.
        unsafe { spot.write_unaligned(value.to_le()) }
        self.after_store(at, 2);
    }

    /// Stores `bytes` at `at`.
    #[inline]
    pub(crate) fn store_bytes(&mut self, at: usize, bytes: &[u8]) {
        let spot = self.spot(at, bytes.len());
        self.before_store(at, bytes.len());
        // SAFETY: `spot` has as many backed bytes, and `bytes` cannot overlap them: `&mut self` is exclusive.
        unsafe { spot.copy_from_nonoverlapping(NonNull::from(bytes).cast(), bytes.len()) }
        self.after_store(at, bytes.len());
    }

    /// Copies `len` bytes within the region.
    #[inline]
    pub(crate) fn copy_within(&mut self, from: usize, to: usize, len: usize) {
        let from = self.spot(from, len);
        let spot = self.spot(to, len);
        self.before_store(to, len);
        // SAFETY: both are `len` backed bytes, `&mut self` is exclusive, and overlap is allowed.
        unsafe { from.copy_to(spot, len) }
        self.after_store(to, len);
    }

    /// Lets `write` change `len` bytes at `at`.
    #[inline]
    pub(crate) fn fill<R>(&mut self, at: usize, len: usize, write: impl FnOnce(&mut [u8]) -> R) -> R {
        let spot = self.spot(at, len);
        self.before_store(at, len);
        // SAFETY: `spot` has `len` backed initialized bytes, and `&mut self` is exclusive while they are lent.
        let result = write(unsafe { std::slice::from_raw_parts_mut(spot.as_ptr(), len) });
        self.after_store(at, len);
        result
    }

    /// Writes an undo record of the word at `at` to `log_at`, moves the log's tail past it, then stores `value` at
    /// `at`; in this order. Returns the tail.
    #[inline]
    pub(crate) fn store_logged_u64(&mut self, log_at: usize, at: usize, value: u64) -> usize {
        let spot = self.spot(at, 8).cast::<u64>();
        // SAFETY: `spot` has 8 backed bytes, and the read needs no alignment.
        let old = unsafe { spot.read_unaligned() };
        let tail = self.store_word_record(log_at, old, footer(at, 8));
        self.before_store(at, 8);
        // SAFETY: as for the read; `&mut self` is exclusive.
        unsafe { spot.write_unaligned(value.to_le()) }
        self.after_store(at, 8);
        tail
    }

    /// [`Region::store_logged_u64`] of a half word.
    #[inline]
    pub(crate) fn store_logged_u32(&mut self, log_at: usize, at: usize, value: u32) -> usize {
        let spot = self.spot(at, 4).cast::<u32>();
        // SAFETY: `spot` has 4 backed bytes, and the read needs no alignment.
        let old = unsafe { spot.read_unaligned() };
        let tail = self.store_word_record(log_at, u64::from(old.to_le()).to_le(), footer(at, 4));
        self.before_store(at, 4);
        // SAFETY: as for the read; `&mut self` is exclusive.
        unsafe { spot.write_unaligned(value.to_le()) }
        self.after_store(at, 4);
        tail
    }

    /// Writes a record of up to 8 old bytes (in memory order) to `log_at` and moves the tail past it.
    #[inline]
    fn store_word_record(&mut self, log_at: usize, old: u64, footer: u64) -> usize {
        if cfg!(hearth_mutant = "no_undo_log") {
            return log_at;
        }
        let record = self.spot(log_at, 16).cast::<u64>();
        let tail = log_at + 16;
        if cfg!(hearth_mutant = "tail_before_record") {
            self.publish_u64(TAIL_AT, tail as u64);
        }
        self.before_store(log_at, 16);
        // SAFETY: `record` has 16 backed bytes, `&mut self` is exclusive, and the write needs no alignment.
        unsafe { record.write_unaligned(old) }
        // SAFETY: the second half of the 16 bytes at `record`.
        let second = unsafe { record.add(1) };
        // SAFETY: as above.
        unsafe { second.write_unaligned(footer.to_le()) }
        self.after_store(log_at, 16);
        if !cfg!(hearth_mutant = "tail_before_record") {
            self.publish_u64(TAIL_AT, tail as u64);
        }
        tail
    }

    /// Writes an undo record of `len` bytes (1 ..= 256) at `at` to `log_at` and moves the tail past it. Returns
    /// the tail.
    #[inline]
    pub(crate) fn store_record(&mut self, log_at: usize, at: usize, len: usize) -> usize {
        debug_assert!((1..=MAX_RECORD_LEN).contains(&len));
        if cfg!(hearth_mutant = "no_undo_log") {
            return log_at;
        }
        let padded = record_len(len) - 8;
        let old = self.spot(at, len);
        let record = self.spot(log_at, padded + 8);
        self.before_store(log_at, padded + 8);
        // SAFETY: both have `len` backed bytes, `&mut self` is exclusive, and overlap is allowed.
        unsafe { old.copy_to(record, len) }
        // SAFETY: `record` has 8 more bytes from there.
        let last = unsafe { record.add(padded) }.cast::<u64>();
        // SAFETY: as above; the write needs no alignment.
        unsafe { last.write_unaligned(footer(at, len).to_le()) }
        self.after_store(log_at, padded + 8);
        let tail = log_at + padded + 8;
        self.publish_u64(TAIL_AT, tail as u64);
        tail
    }

    /// Stores one aligned word after every earlier store and before every later one.
    #[inline]
    pub(crate) fn publish_u64(&mut self, at: usize, value: u64) {
        assert!(at.is_multiple_of(8), "published word is not aligned");
        let spot = self.spot(at, 8).cast::<u64>();
        self.before_store(at, 8);
        compiler_fence(Ordering::SeqCst);
        // SAFETY: `spot` is 8 backed bytes that only `self` reaches while it is borrowed; it is aligned, as
        // `at` is and the region's base is aligned to a page.
        let word = unsafe { AtomicU64::from_ptr(spot.as_ptr()) };
        word.store(value.to_le(), Ordering::Relaxed);
        compiler_fence(Ordering::SeqCst);
        self.after_store(at, 8);
    }

    /// Stores bytes of the segment's header.
    pub fn store_header(&mut self, at: usize, bytes: &[u8]) {
        assert!(at + bytes.len() <= HEADER_LEN, "{at} is outside the header");
        self.store_bytes(at, bytes);
    }

    /// Stores one aligned word of the segment's header, after everything before and before everything after.
    pub fn publish_header_u64(&mut self, at: usize, value: u64) {
        assert!(at + 8 <= HEADER_LEN, "{at} is outside the header");
        self.publish_u64(at, value);
    }

    /// The first contents of a region made from an image: not a store of the heap's.
    pub(crate) fn load_image(&mut self, image: &[u8]) {
        let spot = self.spot(0, image.len());
        // SAFETY: `spot` has as many backed bytes, and `image` cannot overlap them: `&mut self` is exclusive.
        unsafe { spot.copy_from_nonoverlapping(NonNull::from(image).cast(), image.len()) }
    }

    #[cfg(feature = "fault")]
    fn before_store(&mut self, at: usize, len: usize) {
        self.faults.before_store(at, len);
    }

    #[cfg(feature = "fault")]
    fn after_store(&mut self, at: usize, len: usize) {
        let mut faults = std::mem::take(&mut self.faults);
        faults.after(|| crate::fault::Event::Store { at, bytes: self.bytes()[at..at + len].to_vec() });
        self.faults = faults;
    }

    #[cfg(not(feature = "fault"))]
    #[inline(always)]
    fn before_store(&mut self, _at: usize, _len: usize) {}

    #[cfg(not(feature = "fault"))]
    #[inline(always)]
    fn after_store(&mut self, _at: usize, _len: usize) {}
}
