//! The sizes blocks come in.
//!
//! Steps of 8 bytes to 128, of 16 to 256, of 32 to 2048; above that the largest sizes of which n fit a
//! page, n from 31 down to 4, in multiples of 64. Every class that is a multiple of 64 has its blocks
//! aligned to 64. With a coarser granule the steps are at least the granule, since a block starts at a
//! multiple of it.
//!
//! Divisions by a block's size or a page's block count are multiplications by a rounded-up reciprocal:
//! `⌊x / d⌋ == (x * ⌈2³² / d⌉) >> 32` while `x < 2¹⁶` and `d <= 2¹⁶`.

use crate::heap::{MAX_BLOCK_LEN, PAGE_LEN};

/// What is stored, for the layout hash of segments: to be changed with it.
pub(crate) const STORED: &str = "classes: by 8 to 128, 16 to 256, 32 to 2048, then 31 to 4 to a page in 64s";
/// The smallest block.
pub(crate) const MIN_BLOCK_LEN: usize = 16;
/// No granule has more classes than this.
pub(crate) const MAX_CLASSES: usize = 112;
/// Granule shifts a heap can have.
pub const GRANULE_SHIFTS: std::ops::RangeInclusive<u32> = 3..=7;

/// One class of blocks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Class {
    /// Bytes of a block.
    pub size: u16,
    /// Bytes before the first block of a page.
    pub header: u16,
    /// Blocks in a page.
    pub blocks: u16,
    per_size: u32,
    per_blocks: u32,
}

impl Class {
    const NONE: Class = Class { size: 0, header: 0, blocks: 0, per_size: 0, per_blocks: 0 };

    const fn new(size: usize, granule: usize) -> Class {
        let align = if size.is_multiple_of(64) { max(64, granule) } else { granule };
        let mut header = align;
        while ((PAGE_LEN - header) / size).div_ceil(64) * 8 > header {
            header += align;
        }
        let blocks = (PAGE_LEN - header) / size;
        Class {
            size: size as u16,
            header: header as u16,
            blocks: blocks as u16,
            per_size: (1u64 << 32).div_ceil(size as u64) as u32,
            per_blocks: (1u64 << 32).div_ceil(blocks as u64) as u32,
        }
    }

    /// Words of the occupancy bitmap.
    #[inline]
    pub fn words(&self) -> usize {
        usize::from(self.blocks).div_ceil(64)
    }

    /// Which block starts at byte `within` of a page; `None` if none does.
    #[inline]
    pub fn index_of(&self, within: usize) -> Option<usize> {
        let past_header = within.wrapping_sub(usize::from(self.header));
        let index = (((past_header as u64 & 0xffff) * u64::from(self.per_size)) >> 32) as usize;
        (index < usize::from(self.blocks) && self.start_of(index) == within).then_some(index)
    }

    /// Where in the page a block starts.
    #[inline]
    pub fn start_of(&self, index: usize) -> usize {
        usize::from(self.header) + index * usize::from(self.size)
    }

    /// How empty a page with `free` free blocks is: 0 nearly full … 6, and 7 for a page without a block in
    /// use.
    #[inline]
    pub fn emptiness(&self, free: u16) -> usize {
        ((u64::from(free) * 7 * u64::from(self.per_blocks)) >> 32) as usize
    }
}

/// All classes for one granule.
pub(crate) struct SizeClasses {
    classes: [Class; MAX_CLASSES],
    count: usize,
    /// Class of a length in units of 8 bytes, rounded up.
    by_len: [u8; MAX_BLOCK_LEN / 8 + 1],
}

static TABLES: [SizeClasses; 5] = [
    SizeClasses::build(1 << 3),
    SizeClasses::build(1 << 4),
    SizeClasses::build(1 << 5),
    SizeClasses::build(1 << 6),
    SizeClasses::build(1 << 7),
];

impl SizeClasses {
    /// The classes for a granule of `1 << shift` bytes, `shift` in [`GRANULE_SHIFTS`].
    pub fn for_granule(shift: u32) -> &'static SizeClasses {
        &TABLES[(shift - *GRANULE_SHIFTS.start()) as usize]
    }

    /// The class of the smallest blocks that hold `len` bytes (1 ..= MAX_BLOCK_LEN).
    #[inline]
    pub fn class_for(&self, len: usize) -> u8 {
        self.by_len[len.div_ceil(8)]
    }

    /// A class by its number. Panics if there is none.
    #[inline]
    pub fn class(&self, number: u8) -> &Class {
        &self.classes[usize::from(number)]
    }

    /// Number of classes.
    pub fn count(&self) -> usize {
        self.count
    }

    const fn build(granule: usize) -> SizeClasses {
        let mut table =
            SizeClasses { classes: [Class::NONE; MAX_CLASSES], count: 0, by_len: [0; MAX_BLOCK_LEN / 8 + 1] };
        let mut size = max(MIN_BLOCK_LEN, granule);
        while size <= 2048 {
            table.push(size, granule);
            let step = if size < 128 {
                8
            } else if size < 256 {
                16
            } else {
                32
            };
            size += max(step, granule);
        }
        let align = max(64, granule);
        let mut per_page = 31;
        while per_page >= 4 {
            let size = (PAGE_LEN - align) / per_page / align * align;
            if size > table.classes[table.count - 1].size as usize {
                table.push(size, granule);
            }
            per_page -= 1;
        }
        let (mut unit, mut class) = (0, 0);
        while unit <= MAX_BLOCK_LEN / 8 {
            while (table.classes[class].size as usize) < unit * 8 {
                class += 1;
            }
            table.by_len[unit] = class as u8;
            unit += 1;
        }
        table
    }

    const fn push(&mut self, size: usize, granule: usize) {
        self.classes[self.count] = Class::new(size, granule);
        self.count += 1;
    }
}

const fn max(a: usize, b: usize) -> usize {
    if a > b { a } else { b }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_gets_the_smallest_class_that_holds_it() {
        for shift in GRANULE_SHIFTS {
            let table = SizeClasses::for_granule(shift);
            for len in 1..=MAX_BLOCK_LEN {
                let number = table.class_for(len);
                assert!(usize::from(table.class(number).size) >= len);
                assert!(number == 0 || usize::from(table.class(number - 1).size) < len);
            }
        }
    }

    #[test]
    fn pages_hold_their_blocks_and_bitmap() {
        for shift in GRANULE_SHIFTS {
            let table = SizeClasses::for_granule(shift);
            for number in 0..table.count() as u8 {
                let class = table.class(number);
                let (size, header) = (usize::from(class.size), usize::from(class.header));
                assert!(class.words() * 8 <= header);
                assert!(header + usize::from(class.blocks) * size <= PAGE_LEN);
                assert!(size.is_multiple_of(1 << shift) && header.is_multiple_of(1 << shift));
                assert!(!size.is_multiple_of(64) || header.is_multiple_of(64));
            }
        }
    }

    #[test]
    fn the_steps_for_the_finest_granule() {
        let table = SizeClasses::for_granule(3);
        let check = |len: usize, size: u16| assert_eq!(table.class(table.class_for(len)).size, size, "{len}");
        check(1, 16);
        check(17, 24);
        check(121, 128);
        check(129, 144);
        check(257, 288);
        check(2047, 2048);
        check(2049, 2112);
        check(MAX_BLOCK_LEN, 16_320);
        assert!(table.count() <= MAX_CLASSES);
    }

    #[test]
    fn reciprocals_divide_exactly() {
        for shift in GRANULE_SHIFTS {
            let table = SizeClasses::for_granule(shift);
            for number in 0..table.count() as u8 {
                let class = table.class(number);
                for within in 0..PAGE_LEN {
                    let past = within.checked_sub(usize::from(class.header));
                    let exact = past.filter(|past| past.is_multiple_of(usize::from(class.size)));
                    let index = exact.map(|past| past / usize::from(class.size));
                    assert_eq!(
                        class.index_of(within),
                        index.filter(|&index| index < usize::from(class.blocks))
                    );
                }
                for free in 0..=class.blocks {
                    assert_eq!(class.emptiness(free), usize::from(free) * 7 / usize::from(class.blocks));
                }
            }
        }
    }
}
