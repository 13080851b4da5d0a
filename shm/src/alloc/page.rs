//! Descriptors of pages, and what a page of blocks starts with.

use crate::alloc::size_class::{Class, SizeClasses};
use crate::heap::PAGE_LEN;
use crate::heap::layout::descriptor_at;
use crate::region::Region;

/// What a page is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Nothing; backed by memory.
    Free,
    /// Blocks of this class, of which `free` are not in use.
    Blocks { class: u8, free: u16 },
    /// Undo log.
    Log,
    /// A group's first page, with the page table.
    Table,
    /// Nothing; its memory may have gone back to the system.
    Hole,
}

const FREE: u64 = 0;
const BLOCKS: u64 = 1;
const LOG: u64 = 2;
const TABLE: u64 = 3;
const HOLE: u64 = 4;

impl Kind {
    /// The stored descriptor.
    #[inline]
    pub fn encode(self) -> u64 {
        match self {
            Kind::Free => FREE,
            Kind::Blocks { class, free } => BLOCKS | u64::from(class) << 8 | u64::from(free) << 16,
            Kind::Log => LOG,
            Kind::Table => TABLE,
            Kind::Hole => HOLE,
        }
    }

    /// Reads a descriptor; `None` if it is not one.
    pub fn decode(word: u64, classes: &SizeClasses) -> Option<Kind> {
        Some(match word {
            FREE => Kind::Free,
            LOG => Kind::Log,
            TABLE => Kind::Table,
            HOLE => Kind::Hole,
            _ => {
                let (class, free) = ((word >> 8) as u8, (word >> 16) as u16);
                let kind = Kind::Blocks { class, free };
                let known = usize::from(class) < classes.count() && free <= classes.class(class).blocks;
                return (kind.encode() == word && known).then_some(kind);
            }
        })
    }

    /// Whether the page can be used for anything.
    pub fn is_unused(self, classes: &SizeClasses) -> bool {
        match self {
            Kind::Free => true,
            Kind::Blocks { class, free } => free == classes.class(class).blocks,
            _ => false,
        }
    }
}

/// Reads the descriptor of a page.
pub(crate) fn kind_of(region: &Region, page: usize, classes: &SizeClasses) -> Option<Kind> {
    Kind::decode(region.load_u64(descriptor_at(page)), classes)
}

/// Stores the descriptor of a page, after everything before and before everything after.
pub(crate) fn set_kind(region: &mut Region, page: usize, kind: Kind) {
    region.publish_u64(descriptor_at(page), kind.encode());
}

/// Stores the count in the descriptor of a page of blocks.
#[inline]
pub(crate) fn set_free_count(region: &mut Region, page: usize, free: u16) {
    region.store_u16(descriptor_at(page) + 2, free);
}

/// Makes all blocks of a page free. Bits without a block are set, and stay so.
pub(crate) fn clear_bitmap(region: &mut Region, page: usize, class: &Class) {
    let mut words = [0u8; 512];
    let len = class.words() * 8;
    let last_bits = usize::from(class.blocks) % 64;
    if last_bits != 0 {
        words[len - 8..len].copy_from_slice(&(u64::MAX << last_bits).to_le_bytes());
    }
    region.store_bytes(page * PAGE_LEN, &words[..len]);
}

/// Counts the free blocks of a page by its bitmap.
pub(crate) fn count_free(region: &Region, page: usize, class: &Class) -> u16 {
    let words = &region.bytes()[page * PAGE_LEN..][..class.words() * 8];
    let used: u32 = words.iter().map(|byte| byte.count_ones()).sum();
    (class.words() * 64) as u16 - used as u16
}

/// Where the bit of a block is.
#[inline]
pub(crate) fn bit_of(page: usize, index: usize) -> (usize, u32) {
    (page * PAGE_LEN + index / 64 * 8, (index % 64) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_read_back_and_garbage_does_not() {
        let classes = SizeClasses::for_granule(3);
        for kind in [Kind::Free, Kind::Blocks { class: 3, free: 17 }, Kind::Log, Kind::Table, Kind::Hole] {
            assert_eq!(Kind::decode(kind.encode(), classes), Some(kind));
        }
        let too_many = Kind::Blocks { class: 0, free: classes.class(0).blocks + 1 };
        let no_class = Kind::Blocks { class: classes.count() as u8, free: 0 };
        for word in [5, u64::MAX, 1 << 32 | BLOCKS, LOG | 1 << 8, too_many.encode(), no_class.encode()] {
            assert_eq!(Kind::decode(word, classes), None, "{word:x}");
        }
    }

    #[test]
    fn a_cleared_page_has_all_blocks_free() {
        let mut region = Region::in_memory(0);
        for shift in crate::alloc::size_class::GRANULE_SHIFTS {
            let classes = SizeClasses::for_granule(shift);
            for number in 0..classes.count() as u8 {
                let class = classes.class(number);
                clear_bitmap(&mut region, 1, class);
                assert_eq!(count_free(&region, 1, class), class.blocks);
            }
        }
    }
}
