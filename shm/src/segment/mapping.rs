//! A file mapped once, at an address aligned for huge pages, with room to grow into.
//!
//! ```text
//! reservation         base                    file length          base + len
//!  │ no access         │ readable, writable    │ not backed yet     │ no access │
//!  └───────────────────┴───────────────────────┴────────────────────┴───────────┘
//! ```
//! The base is aligned to 2 MiB (or to the file system's larger page), because a huge page can be mapped
//! only where address and file offset agree modulo its size. What the alignment leaves over stays
//! inaccessible and guards both ends. Access through this type is by aligned 64-bit words, atomic, checked
//! against the mapped length; bulk access belongs to the region built on [`Mapping::base`].

use std::ffi::c_void;
use std::fs::File;
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::io::{Errno, Result};
use rustix::mm::{MapFlags, ProtFlags, mmap, mmap_anonymous, munmap};

/// Bytes of a huge page on the processors we know, and the unit in which large segments grow.
pub(crate) const HUGE_PAGE_LEN: usize = 2 << 20;

/// A mapped file. Unmapped when dropped; the file stays as it is.
pub(crate) struct Mapping {
    reservation: NonNull<u8>,
    reservation_len: usize,
    base: NonNull<u8>,
    len: usize,
}

// SAFETY: the addresses belong to this value, not to a thread.
unsafe impl Send for Mapping {}
// SAFETY: `&Mapping` gives atomic access to words and nothing else.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps the first `len` bytes of a file, which may be shorter for now: stores go to the file. `page_len`
    /// is the page size of its file system; `len` is rounded up to it.
    pub(crate) fn shared(file: &File, len: usize, page_len: usize) -> Result<Mapping> {
        Mapping::over(file, len, page_len, MapFlags::SHARED)
    }

    /// Maps the first `len` bytes of a file as a private copy: stores stay in this process.
    pub(crate) fn private(file: &File, len: usize, page_len: usize) -> Result<Mapping> {
        Mapping::over(file, len, page_len, MapFlags::PRIVATE)
    }

    fn over(file: &File, len: usize, page_len: usize, sharing: MapFlags) -> Result<Mapping> {
        let alignment = page_len.max(HUGE_PAGE_LEN);
        let len = len.checked_next_multiple_of(page_len).ok_or(Errno::OVERFLOW)?;
        let mapping = Mapping::reserve(len, alignment)?;
        let access = ProtFlags::READ | ProtFlags::WRITE;
        let flags = sharing | MapFlags::FIXED | MapFlags::NORESERVE;
        // SAFETY: the `len` bytes replaced lie inside the reservation made above, which nobody else knows of.
        let at = unsafe { mmap(mapping.base.as_ptr().cast(), len, access, flags, file, 0)? };
        debug_assert_eq!(at, mapping.base.as_ptr().cast());
        Ok(mapping)
    }

    /// Address space for `len` bytes at a multiple of `alignment`, inaccessible as yet.
    fn reserve(len: usize, alignment: usize) -> Result<Mapping> {
        let reservation_len = len.checked_add(alignment).ok_or(Errno::OVERFLOW)?;
        let flags = MapFlags::PRIVATE | MapFlags::NORESERVE;
        // SAFETY: a new mapping at an address of the kernel's choice disturbs nothing.
        let start = unsafe { mmap_anonymous(null_mut(), reservation_len, ProtFlags::empty(), flags)? };
        let reservation = NonNull::new(start.cast::<u8>()).ok_or(Errno::NOMEM)?;
        let skip = reservation.as_ptr().addr().next_multiple_of(alignment) - reservation.as_ptr().addr();
        // SAFETY: `skip` is less than `alignment`, by which the reservation exceeds `len`.
        let base = unsafe { reservation.add(skip) };
        Ok(Mapping { reservation, reservation_len, base, len })
    }

    /// Where the file's first byte is mapped.
    pub(crate) fn base(&self) -> NonNull<u8> {
        self.base
    }

    /// Bytes mapped; touching one past the end of the file kills the process.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    fn word(&self, at: usize) -> &AtomicU64 {
        assert!(at.is_multiple_of(8) && at < self.len && self.len - at >= 8, "word {at} of {}", self.len);
        // SAFETY: `at` is within the mapping by the check above.
        let spot = unsafe { self.base.add(at) };
        // SAFETY: 8 mapped bytes, aligned because the base and `at` are; they stay mapped while `self` is
        // borrowed. Others reach the same bytes by this function, or are a region that owns this value and
        // whose plain access excludes a call of it.
        unsafe { AtomicU64::from_ptr(spot.as_ptr().cast()) }
    }

    /// The word at `at`, which must be backed by the file.
    pub(crate) fn load(&self, at: usize) -> u64 {
        // Acquire: pairs with the Release in `store`.
        u64::from_le(self.word(at).load(Ordering::Acquire))
    }

    /// Stores the word at `at`, which must be backed by the file, after everything stored before. A process
    /// killed later leaves this store behind, and one killed earlier leaves the old value.
    pub(crate) fn store(&self, at: usize, value: u64) {
        // Release: pairs with the Acquire in `load`.
        self.word(at).store(value.to_le(), Ordering::Release);
        // What follows in the program must not be moved before this store either.
        std::sync::atomic::compiler_fence(Ordering::SeqCst);
    }

    /// Stores bytes at `at`, both multiples of 8.
    pub(crate) fn store_all(&self, at: usize, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        assert!(rest.is_empty(), "{} bytes are not whole words", bytes.len());
        for (index, word) in words.iter().enumerate() {
            self.store(at + index * 8, u64::from_le_bytes(*word));
        }
    }

    /// Keeps the mapping out of core dumps and away from child processes. Best effort.
    pub(crate) fn keep_to_this_process(&self) {
        self.advise(0, self.len, libc::MADV_DONTDUMP);
        self.advise(0, self.len, libc::MADV_DONTFORK);
    }

    /// Asks for huge pages wherever they can be had. Best effort.
    pub(crate) fn prefer_huge_pages(&self) {
        self.advise(0, self.len, libc::MADV_HUGEPAGE);
    }

    /// Turns the pages behind 2 MiB from `start` into one huge page, filling holes; the contents stay. Needs
    /// at least one page there and the file to reach to the end of the range. Whether it is one now.
    pub(crate) fn collapse(&self, start: usize) -> bool {
        self.advise(start, HUGE_PAGE_LEN, libc::MADV_COLLAPSE)
    }

    /// `advice` is one that leaves contents and address space as they are.
    fn advise(&self, start: usize, len: usize, advice: libc::c_int) -> bool {
        assert!(start <= self.len && len <= self.len - start, "advice outside the mapping");
        // SAFETY: `start` is within the mapping by the check above.
        let at = unsafe { self.base.add(start) };
        // SAFETY: the range is ours, and none of the callers' advice changes its contents.
        unsafe { libc::madvise(at.as_ptr().cast(), len, advice) == 0 }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        let start = self.reservation.as_ptr().cast::<c_void>();
        // SAFETY: the reservation was mapped by `reserve`, and whoever had its address borrowed or owned
        // this value.
        let unmapped = unsafe { munmap(start, self.reservation_len) };
        debug_assert!(unmapped.is_ok());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    fn file(len: u64) -> File {
        let file = rustix::fs::memfd_create("mapping", rustix::fs::MemfdFlags::CLOEXEC).expect("memfd");
        rustix::fs::ftruncate(&file, len).expect("sized");
        File::from(file)
    }

    #[test]
    fn shared_stores_reach_the_file_and_private_ones_do_not() {
        let mut file = file(4096);
        let private = Mapping::private(&file, 4096, 4096).expect("mapped");
        private.store(8, 7);
        let shared = Mapping::shared(&file, 1 << 30, 4096).expect("mapped far past the end");
        assert!(shared.base().as_ptr().addr().is_multiple_of(HUGE_PAGE_LEN));
        assert_eq!(shared.load(8), 0);
        shared.store_all(8, &[1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!((shared.load(8), shared.load(16), private.load(8)), (1, 2, 7));
        drop(shared);
        let mut bytes = [0; 24];
        file.read_exact(&mut bytes).expect("read");
        assert_eq!(bytes[8..], [1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    #[should_panic(expected = "word 4096")]
    fn a_word_past_the_end_is_refused() {
        Mapping::shared(&file(4096), 4096, 4096).expect("mapped").load(4096);
    }

    #[test]
    #[should_panic(expected = "word 12")]
    fn a_word_across_two_is_refused() {
        Mapping::shared(&file(4096), 4096, 4096).expect("mapped").load(12);
    }
}
