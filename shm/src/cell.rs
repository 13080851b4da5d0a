//! The only store path into a region.
//!
//! Everything that changes a segment's bytes goes through the functions below, so that the order of stores
//! can be reasoned about, and traced, in one place. A killed process leaves a prefix of the stores in program
//! order; the compiler must not break that order where it matters: [`Region::publish_u64`] stores one
//! aligned word after everything before it and before everything after it. No fence instruction is needed,
//! because nobody reads the memory while the process lives.

use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering, compiler_fence};

use crate::heap::HEADER_LEN;
use crate::region::Region;

impl Region {
    /// Address of `len` bytes at `at`. Panics if they are not backed.
    #[inline]
    fn spot(&mut self, at: usize, len: usize) -> NonNull<u8> {
        let backed = self.len();
        assert!(at <= backed && len <= backed - at, "store of {len} bytes at {at} of {backed}");
        // SAFETY: `at` is within the backed bytes by the check above.
        unsafe { self.base().add(at) }
    }

    /// Stores `bytes` at `at`.
    #[inline]
    pub(crate) fn store_bytes(&mut self, at: usize, bytes: &[u8]) {
        let spot = self.spot(at, bytes.len());
        // SAFETY: `spot` has as many backed bytes, and `bytes` cannot overlap them: `&mut self` is exclusive.
        unsafe { spot.copy_from_nonoverlapping(NonNull::from(bytes).cast(), bytes.len()) }
    }

    /// Stores one aligned word after every earlier store and before every later one.
    #[inline]
    pub(crate) fn publish_u64(&mut self, at: usize, value: u64) {
        let spot = self.spot(at, 8).cast::<u64>();
        assert!(spot.is_aligned(), "published word at {at} is not aligned");
        compiler_fence(Ordering::SeqCst);
        // SAFETY: `spot` is 8 backed aligned bytes that only `self` reaches while it is borrowed.
        let word = unsafe { AtomicU64::from_ptr(spot.as_ptr()) };
        word.store(value.to_le(), Ordering::Relaxed);
        compiler_fence(Ordering::SeqCst);
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
        self.store_bytes(0, image);
    }
}
