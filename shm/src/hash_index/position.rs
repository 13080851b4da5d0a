//! Where a hash belongs: the arithmetic between hashes, positions, points, cells and buckets.
//!
//! - **hash**: 64 bits, the slot in the upper 14, 50 bits of keyed hash below; its order is the index's.
//! - **position**: the upper 52 bits of a hash. What a scan's cursor counts; nothing is placed by less.
//! - **point**: a position moved to the top of 64 bits, relative to the index's first slot, so that bits
//!   which never vary inside the index are gone. Ranges of points are split by their leading bits.
//! - **cell**: a span's range of points is cut into `256 × 2^⌊log2 buckets⌋` equal cells, and a bucket is
//!   home to consecutive cells, at most 256 of them. The tag of an entry is the low byte of its cell, so
//!   that home and tag together give the cell back: spans grow, shrink and merge without reading a key,
//!   and only splitting (or passing a power of two) needs one more bit of each.

use std::ops::Range;

/// Bits of a hash below its position.
const BELOW_POSITION: u32 = 12;
/// Bits of a position below the slot.
const HASH_BITS: u32 = 38;
/// Slots there are.
pub(super) const SLOTS: u16 = 16_384;
/// The most leading bits that may tell spans apart. Deeper than keyed hashes of any number of entries
/// that fits in memory reach.
pub(super) const MAX_DEPTH: u32 = 48;
/// The most buckets of a span.
pub(super) const MAX_BUCKETS: usize = 63;

/// The slots that an index is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slots {
    pub(super) first: u16,
    pub(super) count: u16,
}

impl Slots {
    /// How far a position is shifted up to make a point.
    #[inline]
    fn shift(self) -> u32 {
        let bits = u16::BITS - (self.count - 1).leading_zeros();
        BELOW_POSITION + 14 - bits
    }

    /// The positions of these slots.
    pub(super) fn positions(self) -> Range<u64> {
        let first = u64::from(self.first);
        first << HASH_BITS..(first + u64::from(self.count)) << HASH_BITS
    }

    /// The point of a hash.
    #[inline]
    pub(super) fn point(self, hash: u64) -> u64 {
        debug_assert!(self.positions().contains(&position(hash)), "hash {hash:x} of a foreign slot");
        self.point_of_position(position(hash))
    }

    /// The point of a position inside these slots.
    #[inline]
    pub(super) fn point_of_position(self, position: u64) -> u64 {
        (position.wrapping_sub(u64::from(self.first) << HASH_BITS)) << self.shift()
    }

    /// The first position whose point is `point` or above.
    pub(super) fn position_from(self, point: u64) -> u64 {
        // Rounding up cannot overflow: after the shift there is room for one more.
        let relative = (point >> self.shift()) + u64::from(point & ((1 << self.shift()) - 1) != 0);
        relative + (u64::from(self.first) << HASH_BITS)
    }
}

/// The position of a hash: what is left without its lowest 12 bits.
#[inline]
pub fn position(hash: u64) -> u64 {
    hash >> BELOW_POSITION
}

/// The positions of one slot, to be used with the index's range operations.
pub fn positions_of_slot(slot: u16) -> Range<u64> {
    Slots { first: slot, count: 1 }.positions()
}

/// The shape of a span: which share of all points it covers, and in how many buckets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    /// Leading bits that all its points share.
    pub(super) depth: u32,
    /// Buckets, 1 ..= [`MAX_BUCKETS`].
    pub(super) buckets: usize,
}

impl Shape {
    /// Bits that number a cell inside the span.
    #[inline]
    fn cell_bits(self) -> u32 {
        // Never zero; said so that no branch for it is made.
        (self.buckets | 1).ilog2() + 8
    }

    /// Leading bits of a point that home and tag hold.
    pub(super) fn known_bits(self) -> u32 {
        self.depth + self.cell_bits()
    }

    /// The cell of a point.
    #[inline]
    pub(super) fn cell(self, point: u64) -> usize {
        ((point << self.depth) >> (u64::BITS - self.cell_bits())) as usize
    }

    /// The bucket that is home to a cell.
    #[inline]
    pub(super) fn home(self, cell: usize) -> usize {
        (cell * self.buckets) >> self.cell_bits()
    }

    /// The first cell at home in a bucket; of the bucket after the last, the number of cells.
    pub(super) fn first_cell(self, bucket: usize) -> usize {
        (bucket << self.cell_bits()).div_ceil(self.buckets)
    }

    /// The first point of the span that has `point` in it.
    pub(super) fn start(self, point: u64) -> u64 {
        range_start(point, self.depth)
    }

    /// The first point of a cell, in a span that starts at `start`.
    #[inline]
    pub(super) fn point_of(self, start: u64, cell: usize) -> u64 {
        start + ((cell as u64) << (u64::BITS - self.known_bits()))
    }

    /// The first point after a cell; `None` past the last point there is.
    pub(super) fn end_of(self, start: u64, cell: usize) -> Option<u64> {
        // Not more than the range that the span covers, which ends at 2^64 at most.
        let len = 1 << (u64::BITS - self.known_bits());
        self.point_of(start, cell).checked_add(len)
    }

    /// The first point after those at home in a bucket; `None` past the last point there is.
    pub(super) fn end_of_bucket(self, start: u64, bucket: usize) -> Option<u64> {
        self.end_of(start, self.first_cell(bucket + 1) - 1)
    }

    /// Where entries of a class go when `home` is full. Every class but those of a lone bucket has
    /// another bucket than home.
    #[inline]
    pub(super) fn alternate(self, home: usize, class: u8) -> usize {
        let bucket = home + self.distance(class);
        if bucket >= self.buckets { bucket - self.buckets } else { bucket }
    }

    /// The home of an entry displaced to `bucket`.
    pub(super) fn home_of_displaced(self, bucket: usize, class: u8) -> usize {
        let home = bucket + self.buckets - self.distance(class);
        if home >= self.buckets { home - self.buckets } else { home }
    }

    /// 1 .. buckets, spread evenly over the sixteen classes.
    #[inline]
    fn distance(self, class: u8) -> usize {
        1 + ((usize::from(class) * (self.buckets - 1)) >> 4)
    }
}

/// The cell with this tag, of a bucket whose first cell is `first`.
#[inline]
pub(super) fn cell_of(first: usize, tag: u8) -> usize {
    first + usize::from(tag.wrapping_sub(first as u8))
}

/// The tag of a cell.
#[inline]
pub(super) fn tag_of(cell: usize) -> u8 {
    cell as u8
}

/// The spill class of a tag: which bucket its entry goes to when home is full.
#[inline]
pub(super) fn class_of(tag: u8) -> u8 {
    tag & 15
}

/// The first point that shares the leading `depth` bits of `point`.
pub(super) fn range_start(point: u64, depth: u32) -> u64 {
    point & !(u64::MAX.checked_shr(depth).unwrap_or(0))
}

/// The first point after those that share the leading `depth` bits of `point`; `None` past the last.
pub(super) fn range_end(point: u64, depth: u32) -> Option<u64> {
    (point | u64::MAX.checked_shr(depth).unwrap_or(0)).checked_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn home_and_tag_give_the_cell_back() {
        for buckets in (1..=MAX_BUCKETS).step_by(if cfg!(miri) { 10 } else { 1 }) {
            let shape = Shape { depth: 3, buckets };
            let cells = 1 << shape.cell_bits();
            assert_eq!(shape.first_cell(0), 0);
            assert_eq!(shape.first_cell(buckets), cells);
            let mut previous = 0;
            for cell in 0..cells {
                let home = shape.home(cell);
                assert!(home == previous || home == previous + 1, "homes rise with cells");
                assert!((shape.first_cell(home)..shape.first_cell(home + 1)).contains(&cell));
                assert_eq!(cell_of(shape.first_cell(home), tag_of(cell)), cell, "{buckets} buckets");
                previous = home;
            }
            assert_eq!(previous, buckets - 1);
        }
    }

    #[test]
    fn displaced_entries_know_their_home() {
        for buckets in 2..=MAX_BUCKETS {
            let shape = Shape { depth: 0, buckets };
            for home in 0..buckets {
                for class in 0..16 {
                    let bucket = shape.alternate(home, class);
                    assert!(bucket < buckets && bucket != home);
                    assert_eq!(shape.home_of_displaced(bucket, class), home);
                }
            }
        }
    }

    #[test]
    fn points_keep_the_order_of_positions_and_come_back() {
        for (first, count) in [(0, 16_384), (0, 1), (5461, 5462), (16_383, 1), (100, 3), (8192, 2048)] {
            let slots = Slots { first, count };
            let range = slots.positions();
            let mut previous = None;
            for step in 0..=1000 {
                let position = range.start + (range.end - 1 - range.start) / 1000 * step;
                let point = slots.point_of_position(position);
                assert_eq!(point, slots.point(position << 12 | 0xFFF));
                assert!(previous < Some(point));
                assert_eq!(slots.position_from(point), position);
                assert_eq!(slots.position_from(point + 1), position + 1);
                previous = Some(point);
            }
        }
        assert_eq!(Slots { first: 0, count: 16_384 }.positions().end, 1 << 52);
    }

    #[test]
    fn ranges_end_where_the_next_begins() {
        assert_eq!(range_end(17, 0), None);
        assert_eq!(range_start(u64::MAX, 0), 0);
        assert_eq!(range_end(0, 1), Some(1 << 63));
        assert_eq!(range_end(1 << 63, 1), None);
        assert_eq!(range_start(u64::MAX, 4), 0xF << 60);
        let shape = Shape { depth: 1, buckets: 3 };
        assert_eq!(shape.end_of_bucket(1 << 63, 2), None);
        assert_eq!(shape.end_of_bucket(0, 2), Some(1 << 63));
        assert_eq!(shape.end_of_bucket(0, 0), Some(shape.point_of(0, shape.first_cell(1))));
        assert_eq!(Shape { depth: 0, buckets: 1 }.end_of_bucket(0, 0), None);
        for point in [0, 1 << 40, u64::MAX >> 1] {
            let cell = shape.cell(point);
            assert!(shape.point_of(0, cell) <= point);
            assert!(shape.end_of(0, cell) > Some(point));
        }
    }
}
