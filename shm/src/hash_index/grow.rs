//! Making room: a span is rebuilt larger, or cut in two.

use super::directory::{self, Leaf, Link, Target};
use super::position::{MAX_BUCKETS, MAX_DEPTH, Shape};
use super::span::{self, Load, Packed};
use super::{Entry, HashIndex, Hashed};
use crate::{Handle, Heap, OutOfMemory};

/// Numbers of buckets that a span may have. The steps are about a sixth, and those above 32 fill a page
/// without much rest.
const SIZES: [usize; 22] =
    [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 19, 22, 25, 28, 32, 36, 42, 48, 56, MAX_BUCKETS];

/// A fresh span has at least this many entries per bucket if it has more than one bucket. Entries too
/// crowded to fit even so are cut apart instead.
const MIN_PER_BUCKET: usize = 4;

/// The number of entries that spans are made for: a little over five sixths of the lanes.
pub(super) fn comfortable_count(buckets: usize) -> usize {
    (buckets * super::bucket::LANES * 27).div_ceil(32)
}

/// The least number of buckets for this many entries, with some room left; `None` above the largest.
pub(super) fn size_for(count: usize) -> Option<usize> {
    SIZES.into_iter().find(|&buckets| comfortable_count(buckets) >= count)
}

impl HashIndex {
    /// The top of the directory once it has a span for the first entry of an empty stretch.
    pub(super) fn with_first(
        &self,
        heap: &mut Heap,
        point: u64,
        entry: Handle<Entry>,
    ) -> Result<Link, OutOfMemory> {
        let path = self.path(heap, point);
        let depth = path.depth_of_gap(heap, point);
        let mut load = Load::new();
        load.add(point, entry);
        // One entry fits into one bucket.
        let packed = load.pack(Shape { depth, buckets: 1 }).ok_or(OutOfMemory)?;
        let leaf = leaf(heap, packed)?;
        let mut top = self.top;
        directory::replace(heap, &mut top, &path, point, depth, &[leaf], 1)?;
        Ok(top)
    }

    /// The top of the directory once the full span at `point` is larger, or cut, and has `entry` in it.
    pub(super) fn grown<H: Hashed + ?Sized>(
        &self,
        heap: &mut Heap,
        point: u64,
        entry: Handle<Entry>,
        hashed: &H,
    ) -> Result<Link, OutOfMemory> {
        let path = self.path(heap, point);
        let Target::Span(old_span, old) = path.end.target() else { return Ok(self.top) };
        let mut load = Load::new();
        load.add_span(heap, old_span, old, point);
        load.add(point, entry);

        let mut leaves = Vec::new();
        match self.pack_larger(heap, &mut load, old, hashed) {
            Some(packed) => leaves.push(leaf(heap, packed)?),
            None => self.cut(heap, load, old.depth, hashed, &mut leaves)?,
        }
        heap.free(old_span);
        let buckets: u64 = leaves.iter().map(|leaf| leaf.link.bucket_count()).sum();
        let change = buckets as i64 - old.buckets as i64;
        let mut top = self.top;
        directory::replace(heap, &mut top, &path, point, old.depth, &leaves, change)?;
        Ok(top)
    }

    /// The load in the next larger span that takes it.
    fn pack_larger<H: Hashed + ?Sized>(
        &self,
        heap: &Heap,
        load: &mut Load,
        old: Shape,
        hashed: &H,
    ) -> Option<Packed> {
        let count = load.len();
        for buckets in SIZES.into_iter().filter(|&size| size > old.buckets && is_filled(size, count)) {
            let shape = Shape { buckets, ..old };
            load.refine(shape.known_bits(), heap, span::point_by_key(heap, self.slots, hashed));
            if let Some(packed) = load.pack(shape) {
                return Some(packed);
            }
        }
        None
    }

    /// Cuts a load whose points share `depth` leading bits in two, and these again if they do not fit
    /// into a span; adds what comes of it to `leaves` in order.
    fn cut<H: Hashed + ?Sized>(
        &self,
        heap: &mut Heap,
        mut zeros: Load,
        depth: u32,
        hashed: &H,
        leaves: &mut Vec<Leaf>,
    ) -> Result<(), OutOfMemory> {
        if depth == MAX_DEPTH {
            return Err(OutOfMemory);
        }
        let depth = depth + 1;
        let ones = zeros.split_off(depth - 1);
        for mut half in [zeros, ones] {
            if half.len() == 0 {
                leaves.push(Leaf { depth, link: Link::EMPTY });
                continue;
            }
            match self.pack_fitting(heap, &mut half, depth, hashed) {
                Some(packed) => leaves.push(leaf(heap, packed)?),
                None => self.cut(heap, half, depth, hashed, leaves)?,
            }
        }
        Ok(())
    }

    /// The load in the smallest span that leaves it some room.
    pub(super) fn pack_fitting<H: Hashed + ?Sized>(
        &self,
        heap: &Heap,
        load: &mut Load,
        depth: u32,
        hashed: &H,
    ) -> Option<Packed> {
        let count = load.len();
        let smallest = size_for(count)?;
        let sizes = SIZES.into_iter().filter(|&size| size >= smallest);
        for buckets in sizes.take_while(|&size| size == smallest || is_filled(size, count)) {
            let shape = Shape { depth, buckets };
            load.refine(shape.known_bits(), heap, span::point_by_key(heap, self.slots, hashed));
            if let Some(packed) = load.pack(shape) {
                return Some(packed);
            }
        }
        None
    }
}

fn is_filled(buckets: usize, count: usize) -> bool {
    count >= buckets * MIN_PER_BUCKET
}

/// A packed span in a block of its own.
pub(super) fn leaf(heap: &mut Heap, packed: Packed) -> Result<Leaf, OutOfMemory> {
    let (span, shape) = packed.into_block(heap)?;
    Ok(Leaf { depth: shape.depth, link: Link::span(span, shape) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_rise_and_fit_a_block() {
        assert!(SIZES.is_sorted_by(|a, b| a < b));
        assert_eq!(size_for(1), Some(1));
        assert_eq!(size_for(comfortable_count(MAX_BUCKETS)), Some(MAX_BUCKETS));
        assert_eq!(size_for(comfortable_count(MAX_BUCKETS) + 1), None);
    }
}
