//! Where things lie in a region.
//!
//! Page 0, and the same table in the first page of every further group of 4096 pages:
//! ```text
//!      0 ┌──────────────────────────────────────────┐
//!        │ header of the segment (not the heap's)   │ 4096
//!   4096 ├──────────────────────────────────────────┤
//!        │ magic u64 │ layout u32 │ granule u32     │   64   superblock
//!        │ backed length u64 │ zero                 │
//!   4160 ├──────────────────────────────────────────┤
//!        │ hot line: used bytes, 7 words of the user│   64   copied into the undo log at each begin
//!   4224 ├──────────────────────────────────────────┤
//!        │ tail u64 │ prepared u64 │ zero           │   64   undo words
//!   4288 ├──────────────────────────────────────────┤
//!        │ 32 root words                            │  256
//!   4544 ├──────────────────────────────────────────┤
//!        │ overflow list of the garbage list u64    │   64
//!   4608 ├──────────────────────────────────────────┤
//!        │ 64 garbage items of 32 bytes             │ 2048
//!   6656 ├──────────────────────────────────────────┤
//!        │ zero                                     │ 1536
//!   8192 ├──────────────────────────────────────────┤ ◀── in every group's first page
//!        │ page table: 4096 descriptors of 8 bytes  │ 32 KiB
//!  40960 ├──────────────────────────────────────────┤
//!        │ first part of the undo log               │ 24 KiB
//!  65536 └──────────────────────────────────────────┘
//! ```
//! A group is 256 MiB. The place of a descriptor is computed from the page's number alone, so the table
//! needs no directory and grows with the region: a new group's first page is zero, which reads as "free".
//!
//! A descriptor:
//! ```text
//!  byte  0       1       2   3            4..8
//!      ┌───────┬───────┬───────────────┬──────┐
//!      │ kind  │ class │ free blocks   │ zero │      class and count only in pages of blocks
//!      └───────┴───────┴───────────────┴──────┘
//! ```
//! A page of blocks:
//! ```text
//!      0 ┌──────────────────────────────────────────┐
//!        │ occupancy: 1 bit per block, 1 = in use;  │   rounded up to words, and then so that
//!        │ bits past the last block are 1           │   blocks are aligned
//! header ├──────────────────────────────────────────┤
//!        │ block 0 │ block 1 │ …                    │
//!        └──────────────────────────────────────────┘
//! ```

use super::{HEADER_LEN, HOT_WORDS, PAGE_LEN, ROOT_WORDS};

/// Says that a heap starts here; stored last when one is made.
pub(crate) const MAGIC: u64 = u64::from_le_bytes(*b"HrthHeap");
/// Version of everything drawn above and of the undo records.
pub(crate) const LAYOUT: u32 = 1;

/// What is stored, for the layout hash of segments: to be changed with it.
pub(crate) const STORED: &str = "heap: superblock magic u64 layout u32 granule u32 backed u64 @4096, hot u64*8 @4160, \
                                 tail u64 prepared u64 @4224, roots u64*32 @4288, garbage overflow @4544 items @4608, \
                                 group of 4096 pages of 65536: descriptors u64 @8192 {kind, class u8, free u16}, \
                                 log @40960; page: occupancy bits, blocks";

pub(crate) const MAGIC_AT: usize = HEADER_LEN;
/// Layout version in the low half, granule shift in the high half.
pub(crate) const LAYOUT_AT: usize = MAGIC_AT + 8;
pub(crate) const BACKED_LEN_AT: usize = MAGIC_AT + 16;
pub(crate) const HOT_AT: usize = HEADER_LEN + 64;
pub(crate) const HOT_LEN: usize = HOT_WORDS * 8;
pub(crate) const TAIL_AT: usize = HOT_AT + HOT_LEN;
pub(crate) const PREPARED_AT: usize = TAIL_AT + 8;
pub(crate) const ROOTS_AT: usize = TAIL_AT + 64;
/// Handle of the first garbage item that found no slot.
pub(crate) const GARBAGE_OVERFLOW_AT: usize = ROOTS_AT + ROOT_WORDS * 8;
pub(crate) const GARBAGE_AT: usize = GARBAGE_OVERFLOW_AT + 64;
/// Garbage items with a place of their own.
pub(crate) const GARBAGE_SLOTS: usize = 64;
pub(crate) const GARBAGE_ITEM_LEN: usize = 32;
pub(crate) const TABLE_AT: usize = 8192;
/// Pages whose descriptors lie in one group's first page.
pub(crate) const GROUP_PAGES: usize = 4096;
pub(crate) const LOG_AT: usize = TABLE_AT + GROUP_PAGES * 8;

const _: () = {
    assert!(HOT_AT.is_multiple_of(64) && HOT_LEN == 64);
    assert!(GARBAGE_AT + GARBAGE_SLOTS * GARBAGE_ITEM_LEN <= TABLE_AT);
    assert!(LOG_AT + 24 * 1024 == PAGE_LEN);
};

/// Where the descriptor of a page lies.
#[inline]
pub(crate) fn descriptor_at(page: usize) -> usize {
    page / GROUP_PAGES * (GROUP_PAGES * PAGE_LEN) + TABLE_AT + page % GROUP_PAGES * 8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_lie_in_the_first_page_of_their_group() {
        for page in [0, 1, 4095, 4096, 4097, 3 * GROUP_PAGES + 17] {
            let at = descriptor_at(page);
            assert_eq!(at / PAGE_LEN, page / GROUP_PAGES * GROUP_PAGES);
            assert!((TABLE_AT..LOG_AT).contains(&(at % PAGE_LEN)));
            assert_eq!(descriptor_at(page + 1) - at == 8, (page + 1) % GROUP_PAGES != 0);
        }
    }
}
