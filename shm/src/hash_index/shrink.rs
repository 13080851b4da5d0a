//! Giving memory back: a span that has become sparse is joined with its sibling, rebuilt smaller, or,
//! when it is empty, freed. Checked when a removal leaves a bucket (nearly) empty, which happens often
//! only in sparse spans; so a table that empties gives back all but a small multiple of what it needs.

use super::directory::{self, Leaf, Link, Path, Target};
use super::position::{MAX_BUCKETS, Shape, range_start};
use super::span::{self, Load, Span};
use super::{HashIndex, Hashed};
use crate::{Handle, Heap, OutOfMemory};

/// A removal that leaves so few entries in a bucket looks whether the span can shrink.
pub(super) const CHECK_AT: usize = 1;

/// Siblings with at most so many entries between them are joined: half of what would be cut again.
const JOIN_AT: usize = MAX_BUCKETS * 6;

/// Spans to be made one.
struct Sparse {
    /// Leading bits that all their points share.
    depth: u32,
    /// Each with one of its points.
    spans: Vec<(Handle<Span>, Shape, u64)>,
}

impl Sparse {
    fn bucket_count(&self) -> usize {
        self.spans.iter().map(|(_, shape, _)| shape.buckets).sum()
    }
}

impl HashIndex {
    /// The top of the directory after the span at `point` has become as small as it should be.
    pub(super) fn shrunk<H: Hashed + ?Sized>(
        &self,
        heap: &mut Heap,
        point: u64,
        hashed: &H,
    ) -> Result<Link, OutOfMemory> {
        let mut top = self.top;
        let path = self.path(heap, point);
        let Target::Span(span, shape) = path.end.target() else { return Ok(top) };
        let count = span::count(heap, span, shape);
        if count == 0 {
            heap.free(span);
            let leaf = Leaf { depth: shape.depth, link: Link::EMPTY };
            let change = -(shape.buckets as i64);
            directory::replace(heap, &mut top, &path, point, shape.depth, &[leaf], change)?;
            directory::settle(heap, &mut top, point)?;
            return Ok(top);
        }
        let alone = Sparse { depth: shape.depth, spans: vec![(span, shape, point)] };
        if let Some(joined) = with_siblings(heap, &path, point, &alone, count)
            && self.rebuild(heap, &mut top, &path, point, &joined, hashed)?
        {
            directory::settle(heap, &mut top, point)?;
        } else if count <= shape.buckets * 6 && shape.buckets > 1 {
            self.rebuild(heap, &mut top, &path, point, &alone, hashed)?;
        }
        Ok(top)
    }

    /// Replaces spans by one; `false`, and nothing changed, if that would not fit well, save nothing, or
    /// there is no memory for it.
    fn rebuild<H: Hashed + ?Sized>(
        &self,
        heap: &mut Heap,
        top: &mut Link,
        path: &Path,
        point: u64,
        sparse: &Sparse,
        hashed: &H,
    ) -> Result<bool, OutOfMemory> {
        let mut load = Load::new();
        for &(span, shape, point) in &sparse.spans {
            load.add_span(heap, span, shape, point);
        }
        let Some(packed) = self.pack_fitting(heap, &mut load, sparse.depth, hashed) else {
            return Ok(false);
        };
        let old_count = sparse.bucket_count();
        let saves = match packed.bucket_count().cmp(&old_count) {
            std::cmp::Ordering::Less => true,
            std::cmp::Ordering::Equal => sparse.depth < path.depth(),
            std::cmp::Ordering::Greater => false,
        };
        // Entries crowded at one place may fit only just, and would be cut apart again at once.
        if !saves || packed.displaced_count * 8 > load.len() + 8 {
            return Ok(false);
        }
        let Ok(leaf) = super::grow::leaf(heap, packed) else { return Ok(false) };
        for &(span, ..) in &sparse.spans {
            heap.free(span);
        }
        let change = leaf.link.bucket_count() as i64 - old_count as i64;
        directory::replace(heap, top, path, point, sparse.depth, &[leaf], change)?;
        Ok(true)
    }
}

/// A span of `count` entries together with its siblings within the last node of the way, as far as they
/// are few enough to be one span.
fn with_siblings(heap: &Heap, path: &Path, point: u64, alone: &Sparse, mut count: usize) -> Option<Sparse> {
    let last = path.steps.last()?;
    let mut joined = Sparse { depth: alone.depth, spans: alone.spans.clone() };
    while joined.depth > last.start && count <= JOIN_AT {
        let beside = range_start(point, joined.depth) ^ 1 << (u64::BITS - joined.depth);
        match last.uniform(heap, beside, joined.depth).map(Link::target) {
            Some(Target::Empty) => {}
            Some(Target::Span(span, shape)) if shape.depth == joined.depth => {
                count += span::count(heap, span, shape);
                if count > JOIN_AT {
                    break;
                }
                joined.spans.push((span, shape, beside));
            }
            _ => break,
        }
        joined.depth -= 1;
    }
    (joined.depth < alone.depth).then_some(joined)
}
