//! The memory under one heap: a range of addresses of which a growing first part is backed.
//!
//! ```text
//! base                              len                              reserved_len
//!  │ backed: readable, writable      │ addresses only: never touched       │
//!  └─────────────────────────────────┴─────────────────────────────────────┘
//! ```
//! One concrete type, whatever lies beneath: a mapped file ([`Backing`] implemented by the segment) or
//! ordinary memory ([`Region::in_memory`], for tests, Miri, AddressSanitizer and valgrind). The base never
//! moves and the length never shrinks; memory comes back to the system by punching holes.
//!
//! Reads are bounds-checked against the backed length. Stores live in `cell.rs`, so that there is
//! one store path.

use std::alloc::Layout;
use std::ptr::NonNull;

use crate::OutOfMemory;
use crate::heap::PAGE_LEN;

/// Length of a new region: room for the heap's own page and a first page of blocks.
pub const FIRST_LEN: usize = 2 * PAGE_LEN;
/// The size of a huge page, and the unit in which memory goes back to the system. A large region grows by this
/// much at a time.
pub const CHUNK_LEN: usize = 2 * 1024 * 1024;
/// By so much a region grows that is not large.
const STEP_LEN: usize = CHUNK_LEN / 8;
/// From this length on a region is large: a chunk of which nothing is used yet is at most a sixteenth of it. Shards
/// fill evenly, so what one has too much, each has too much.
const LARGE_LEN: usize = 16 * CHUNK_LEN;

/// What a region is made of.
///
/// # Safety
/// From construction to drop, whatever is called in between and by whichever thread holds it:
/// - `base` returns the same address, aligned to [`PAGE_LEN`], the start of `reserved_len` bytes of address
///   space that nothing else in this process reads or writes while the region exists;
/// - `reserved_len` never changes; `len` never shrinks, is a multiple of [`PAGE_LEN`], at least
///   [`FIRST_LEN`], and at most `reserved_len`;
/// - the first `len` bytes are readable, writable and initialized, and storing to them cannot fault for
///   lack of memory, except inside a range given to `punch` and not yet to `refill`: such a range may be
///   read (its contents are then unspecified) but is not stored to;
/// - bytes that `grow` adds read as zero.
pub unsafe trait Backing: Send {
    /// Where the range starts.
    fn base(&self) -> NonNull<u8>;
    /// Bytes of address space, backed or not.
    fn reserved_len(&self) -> usize;
    /// Bytes backed now.
    fn len(&self) -> usize;
    /// Whether nothing is backed; never true once a region stands on it.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Backs the first `to` bytes (a multiple of [`PAGE_LEN`], more than `len`, at most `reserved_len`)
    /// with memory that is really there, so that a full file system shows here and nowhere else. On error
    /// `len` is as before.
    fn grow(&mut self, to: usize) -> Result<(), OutOfMemory>;
    /// Gives the memory behind a page-aligned range within `len` back to the system. Its contents are
    /// lost. Best effort.
    fn punch(&mut self, start: usize, len: usize);
    /// Backs a range again that may have been punched, in part or whole, perhaps by an earlier process.
    fn refill(&mut self, start: usize, len: usize) -> Result<(), OutOfMemory>;
}

/// The memory under one heap. It can be sent to another thread, and has one owner at a time.
pub struct Region {
    base: NonNull<u8>,
    len: usize,
    backing: Box<dyn Backing>,
    #[cfg(feature = "fault")]
    pub(crate) faults: crate::fault::Faults,
}

// SAFETY: `base` points into memory that belongs to `backing` alone (its contract), and `backing` is Send.
unsafe impl Send for Region {}

impl Region {
    /// A region over `backing`, which it owns from now on.
    pub fn from_backing(backing: Box<dyn Backing>) -> Region {
        let (base, len) = (backing.base(), backing.len());
        assert!(base.as_ptr().addr().is_multiple_of(PAGE_LEN), "region base not aligned to a page");
        assert!(
            (FIRST_LEN..=backing.reserved_len()).contains(&len) && len.is_multiple_of(PAGE_LEN),
            "region of {len} bytes, {} reserved",
            backing.reserved_len()
        );
        Region {
            base,
            len,
            backing,
            #[cfg(feature = "fault")]
            faults: Default::default(),
        }
    }

    /// A region in ordinary zeroed memory that can grow to `capacity` bytes (rounded up to whole pages, at
    /// least [`FIRST_LEN`]). Large capacities cost address space only, until they are touched.
    pub fn in_memory(capacity: usize) -> Region {
        Region::from_backing(Box::new(PrivateMemory::new(capacity, FIRST_LEN)))
    }

    /// A region in ordinary memory that starts with a copy of `image`, as a segment that another process
    /// left behind, and can grow to `capacity` bytes.
    pub fn from_image(image: &[u8], capacity: usize) -> Region {
        let len = image.len().next_multiple_of(PAGE_LEN).max(FIRST_LEN);
        let mut region = Region::from_backing(Box::new(PrivateMemory::new(capacity.max(len), len)));
        region.load_image(image);
        region
    }

    /// Where the region starts in this process.
    #[inline]
    pub(crate) fn base(&self) -> NonNull<u8> {
        self.base
    }

    /// Bytes backed now.
    #[inline]
    pub fn len(&self) -> usize {
        // SAFETY: checked by `from_backing`, and the length never shrinks (contract of Backing). Lets the
        // compiler drop bounds checks of the fixed places in the first page.
        unsafe { std::hint::assert_unchecked(self.len >= FIRST_LEN) };
        self.len
    }

    /// Never: a region has at least [`FIRST_LEN`] bytes.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes the region can grow to.
    pub fn reserved_len(&self) -> usize {
        self.backing.reserved_len()
    }

    /// All backed bytes.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: the first `len` bytes are initialized and readable (contract of Backing), u8 has no
        // alignment, and stores need `&mut self`, which this borrow excludes.
        unsafe { std::slice::from_raw_parts(self.base.as_ptr(), self.len) }
    }

    /// A few bytes, at most [`FIRST_LEN`], at an offset that need not be aligned. Panics if they are not backed.
    #[inline]
    pub(crate) fn load<const LEN: usize>(&self, at: usize) -> [u8; LEN] {
        const { assert!(LEN <= FIRST_LEN) };
        if at > self.len() - LEN {
            outside(at, LEN, self.len);
        }
        // SAFETY: `at` and the LEN bytes from there are within the backed bytes by the check above.
        let bytes = unsafe { self.base.add(at) }.cast::<[u8; LEN]>();
        // SAFETY: they are initialized, bytes have no alignment, and stores need `&mut self`.
        unsafe { bytes.read() }
    }

    /// A word at an offset that need not be aligned. Panics if it is not backed.
    #[inline]
    pub(crate) fn load_u64(&self, at: usize) -> u64 {
        u64::from_le_bytes(self.load(at))
    }

    /// Asks the processor for the cache line at `at`.
    #[inline]
    pub(crate) fn prefetch(&self, at: usize) {
        let line = self.base.as_ptr().wrapping_add(at);
        // SAFETY: a prefetch of any address is allowed and changes nothing that a program can see.
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        unsafe {
            std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(line.cast())
        }
        // SAFETY: as above.
        #[cfg(all(target_arch = "aarch64", not(miri)))]
        unsafe {
            std::arch::asm!("prfm pldl1keep, [{0}]", in(reg) line, options(nostack, readonly, preserves_flags))
        }
        let _ = line;
    }

    /// Backs at least the first `needed` bytes: 128 KiB at first, then in steps of 256 KiB up to 32 MiB, then in
    /// chunks of 2 MiB. The memory is asked for before anything is stored in it, so that a full file system
    /// is this error and never a fault.
    pub fn ensure(&mut self, needed: usize) -> Result<(), OutOfMemory> {
        if needed <= self.len {
            return Ok(());
        }
        let reach = self.backing.reserved_len() / PAGE_LEN * PAGE_LEN;
        let target = growth_target(needed).min(reach);
        if target < needed {
            return Err(OutOfMemory);
        }
        #[cfg(feature = "fault")]
        self.faults.before();
        self.backing.grow(target)?;
        self.len = self.backing.len();
        #[cfg(feature = "fault")]
        self.faults.after(|| crate::fault::Event::Grow { to: self.len });
        Ok(())
    }

    /// Gives the memory behind whole pages back to the system; their contents are lost. They must be given
    /// to [`Region::refill`] before the next store to them.
    pub fn punch(&mut self, start: usize, len: usize) {
        assert!(start.is_multiple_of(PAGE_LEN) && len.is_multiple_of(PAGE_LEN) && start + len <= self.len);
        #[cfg(feature = "fault")]
        self.faults.before();
        self.backing.punch(start, len);
        #[cfg(feature = "fault")]
        self.faults.punched(start, len);
    }

    /// Backs whole pages again that may have been punched.
    pub fn refill(&mut self, start: usize, len: usize) -> Result<(), OutOfMemory> {
        assert!(start.is_multiple_of(PAGE_LEN) && len.is_multiple_of(PAGE_LEN) && start + len <= self.len);
        #[cfg(feature = "fault")]
        self.faults.before();
        self.backing.refill(start, len)?;
        #[cfg(feature = "fault")]
        self.faults.refilled(start, len);
        Ok(())
    }
}

#[cold]
#[inline(never)]
pub(crate) fn outside(at: usize, len: usize, backed: usize) -> ! {
    panic!("{len} bytes at {at} are not within the {backed} of the region")
}

/// The length to grow to when `needed` bytes are.
fn growth_target(needed: usize) -> usize {
    needed.next_multiple_of(if needed <= LARGE_LEN { STEP_LEN } else { CHUNK_LEN })
}

/// Ordinary zeroed memory as a backing.
struct PrivateMemory {
    allocation: NonNull<u8>,
    layout: Layout,
    base: NonNull<u8>,
    reserved_len: usize,
    len: usize,
}

// SAFETY: the allocation is reached through this value only.
unsafe impl Send for PrivateMemory {}

impl PrivateMemory {
    fn new(capacity: usize, len: usize) -> PrivateMemory {
        let reserved_len = capacity.next_multiple_of(PAGE_LEN).max(len);
        // A page more than needed and aligned by hand: asking the allocator for the alignment would make
        // it clear the memory by touching all of it.
        let layout =
            Layout::from_size_align(reserved_len + PAGE_LEN, 16).expect("capacity fits an address space");
        // SAFETY: the layout's size is not zero.
        let allocation = unsafe { std::alloc::alloc_zeroed(layout) };
        let Some(allocation) = NonNull::new(allocation) else { std::alloc::handle_alloc_error(layout) };
        let skip = allocation.as_ptr().align_offset(PAGE_LEN);
        // SAFETY: `skip` is less than PAGE_LEN, by which the allocation exceeds `reserved_len`.
        let base = unsafe { allocation.add(skip) };
        PrivateMemory { allocation, layout, base, reserved_len, len }
    }
}

impl Drop for PrivateMemory {
    fn drop(&mut self) {
        // SAFETY: allocated in `new` with this layout, and released only here.
        unsafe { std::alloc::dealloc(self.allocation.as_ptr(), self.layout) }
    }
}

// SAFETY: `base` is aligned by `new` and starts `reserved_len` zeroed bytes of an allocation that is private
// to this value and lives as long; `grow` keeps `len` within them; nothing is ever unbacked.
unsafe impl Backing for PrivateMemory {
    fn base(&self) -> NonNull<u8> {
        self.base
    }

    fn reserved_len(&self) -> usize {
        self.reserved_len
    }

    fn len(&self) -> usize {
        self.len
    }

    fn grow(&mut self, to: usize) -> Result<(), OutOfMemory> {
        if to > self.reserved_len {
            return Err(OutOfMemory);
        }
        self.len = self.len.max(to);
        Ok(())
    }

    /// Clears the range, as a hole reads.
    fn punch(&mut self, start: usize, len: usize) {
        assert!(start <= self.len && len <= self.len - start);
        // SAFETY: `start` is within the allocation by the check above.
        let at = unsafe { self.base.add(start) };
        // SAFETY: `len` bytes from there are within it too, by the same check, and `&mut self` is exclusive.
        unsafe { at.write_bytes(0, len) }
    }

    fn refill(&mut self, _start: usize, _len: usize) -> Result<(), OutOfMemory> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_in_steps_and_when_large_in_chunks() {
        let check = |needed: usize, target: usize| assert_eq!(growth_target(needed), target, "{needed}");
        check(FIRST_LEN + 1, STEP_LEN);
        check(STEP_LEN, STEP_LEN);
        check(STEP_LEN + PAGE_LEN, 2 * STEP_LEN);
        check(CHUNK_LEN + PAGE_LEN, CHUNK_LEN + STEP_LEN);
        check(LARGE_LEN, LARGE_LEN);
        check(LARGE_LEN + PAGE_LEN, LARGE_LEN + CHUNK_LEN);
        check(LARGE_LEN + 3 * CHUNK_LEN - PAGE_LEN, LARGE_LEN + 3 * CHUNK_LEN);
    }

    #[test]
    fn a_full_region_says_so_and_stays_as_it_was() {
        let mut region = Region::in_memory(5 * PAGE_LEN);
        assert_eq!(region.len(), FIRST_LEN);
        region.ensure(3 * PAGE_LEN).expect("within capacity");
        assert_eq!(region.len(), 4 * PAGE_LEN);
        region.ensure(5 * PAGE_LEN).expect("the last page, though a whole step would not fit");
        assert_eq!(region.len(), 5 * PAGE_LEN);
        assert_eq!(region.ensure(5 * PAGE_LEN + 1), Err(OutOfMemory));
        assert_eq!(region.len(), 5 * PAGE_LEN);
        assert!(region.bytes().iter().all(|&byte| byte == 0));
    }

    #[test]
    fn an_image_is_copied_and_padded() {
        let region = Region::from_image(&[7; 100], 0);
        assert_eq!(region.len(), FIRST_LEN);
        assert_eq!(region.bytes()[..100], [7; 100]);
        assert_eq!(region.bytes()[100], 0);
    }

    #[test]
    fn a_punched_page_reads_as_zero() {
        let mut region = Region::from_image(&[7; 3 * PAGE_LEN], 0);
        region.punch(PAGE_LEN, PAGE_LEN);
        region.refill(PAGE_LEN, PAGE_LEN).expect("ordinary memory is always there");
        assert!(region.bytes()[PAGE_LEN..2 * PAGE_LEN].iter().all(|&byte| byte == 0));
        assert_eq!(region.bytes()[2 * PAGE_LEN], 7);
    }
}
