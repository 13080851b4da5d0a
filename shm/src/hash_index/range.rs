//! Walks in the order of hashes: scanning from a cursor, counting, the next entry, a random one.
//!
//! A cursor is a position. All entries of one position share their home bucket in every shape that a
//! span may ever have, and a walk goes from the first position of a bucket to the first of the next. So
//! an entry that stays in the index is met exactly once, whatever grows, is cut, joined, added or removed
//! between two calls.

use std::ops::Range;

use super::bucket::{Bucket, LANES};
use super::directory::{self, Link, Target};
use super::position::{position, range_end, range_start};
use super::{Entry, HashIndex, Hashed, span};
use crate::{Handle, Heap};

/// Buckets and empty stretches that a scan looks at for each entry it may visit, and at least.
const STEPS_PER_ENTRY: usize = 4;
const STEPS_AT_LEAST: usize = 32;

/// Picks before [`HashIndex::random`] takes what comes next instead: reached only in an index that is
/// nearly all free lanes.
const RANDOM_TRIES: usize = 200;

/// A stretch of points, from one up to (not including) another or to the end of all.
#[derive(Clone, Copy)]
struct Points {
    from: u64,
    until: Option<u64>,
}

impl Points {
    fn contains(self, point: u64) -> bool {
        point >= self.from && self.until.is_none_or(|until| point < until)
    }

    fn is_empty(self) -> bool {
        self.until.is_some_and(|until| until <= self.from)
    }

    /// Whether the points from `first` up to `end` all belong to the stretch (`Some(true)`), none does
    /// (`Some(false)`), or some.
    fn covers(self, first: u64, end: Option<u64>) -> Option<bool> {
        let ends_within = match (end, self.until) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(end), Some(until)) => end <= until,
        };
        if first >= self.from && ends_within {
            return Some(true);
        }
        let apart = end.is_some_and(|end| end <= self.from) || self.until.is_some_and(|until| first >= until);
        apart.then_some(false)
    }
}

impl HashIndex {
    /// Visits entries from cursor `from` on, at least `limit` of them if there are as many and no long
    /// empty stretches between; returns the cursor to go on from, `None` after the last. 0 begins. A
    /// cursor is the number of positions before it in the order of all hashes: (slot, 38 bits of hash),
    /// at most 2^52. Work is proportional to `limit`; entries of one bucket go out together.
    pub fn scan<H: Hashed + ?Sized>(
        &self,
        heap: &Heap,
        from: u64,
        limit: usize,
        hashed: &H,
        visit: impl FnMut(Handle<Entry>),
    ) -> Option<u64> {
        self.scan_range(heap, from..u64::MAX, limit, hashed, visit)
    }

    /// [`HashIndex::scan`] within a range of positions, such as a slot's.
    pub fn scan_range<H: Hashed + ?Sized>(
        &self,
        heap: &Heap,
        positions: Range<u64>,
        limit: usize,
        hashed: &H,
        mut visit: impl FnMut(Handle<Entry>),
    ) -> Option<u64> {
        let mut points = self.points(positions)?;
        let mut steps = limit.saturating_mul(STEPS_PER_ENTRY).max(STEPS_AT_LEAST);
        let mut left = limit.max(1);
        let mut batch = Vec::with_capacity(2 * LANES);
        loop {
            batch.clear();
            let next = self.bucket_from(heap, points, hashed, |entry| {
                heap.prefetch(entry, 0);
                batch.push(entry);
            });
            for &entry in &batch {
                visit(entry);
            }
            points.from = next?;
            if points.is_empty() {
                return None;
            }
            left = left.saturating_sub(batch.len());
            steps -= 1;
            if left == 0 || steps == 0 {
                return Some(self.slots.position_from(points.from));
            }
        }
    }

    /// Entries within a range of positions. Reads about a byte per entry, and no key but at the ends.
    pub fn count_range<H: Hashed + ?Sized>(&self, heap: &Heap, positions: Range<u64>, hashed: &H) -> u64 {
        let Some(mut points) = self.points(positions) else { return 0 };
        let mut count = 0;
        while !points.is_empty() {
            let (target, depth) = directory::range_at(heap, self.top, points.from);
            let (start, end) = (range_start(points.from, depth), range_end(points.from, depth));
            let next = match target {
                Target::Span(span, shape) if points.covers(start, end) == Some(true) => {
                    count += span::count(heap, span, shape) as u64;
                    end
                }
                _ => self.bucket_from(heap, points, hashed, |_| count += 1),
            };
            match next {
                Some(next) => points.from = next,
                None => break,
            }
        }
        count
    }

    /// The first entry whose hash is `hash` or above, with its hash.
    pub fn first_from<H: Hashed + ?Sized>(
        &self,
        heap: &Heap,
        hash: u64,
        hashed: &H,
    ) -> Option<(u64, Handle<Entry>)> {
        let mut points = self.points(position(hash)..u64::MAX)?;
        loop {
            let mut first = None;
            let next = self.bucket_from(heap, points, hashed, |entry| {
                let candidate = hashed.hash(heap, entry);
                if candidate >= hash && first.is_none_or(|(least, _)| candidate < least) {
                    first = Some((candidate, entry));
                }
            });
            if first.is_some() {
                return first;
            }
            points.from = next?;
            if points.is_empty() {
                return None;
            }
        }
    }

    /// An entry at random, each with the same likelihood if `pick` returns uniform numbers.
    pub fn random(&self, heap: &Heap, mut pick: impl FnMut() -> u64) -> Option<Handle<Entry>> {
        if self.is_empty() {
            return None;
        }
        for _ in 0..RANDOM_TRIES {
            let bucket = random_bucket(heap, self.top, &mut pick)?;
            if let Some(entry) = bucket.entry(below(pick(), LANES as u64) as usize) {
                return Some(entry);
            }
        }
        let range = self.slots.positions();
        let middle = range.start + below(pick(), range.end - range.start);
        let mut found = None;
        // Positions are not compared with hashes of entries here: any entry will do.
        let any = |_: &Heap, _: Handle<Entry>| u64::MAX;
        for mut range in [middle..range.end, range.start..range.end] {
            while found.is_none()
                && let Some(next) = self.scan_range(heap, range.clone(), 1, &any, |entry| found = Some(entry))
            {
                range.start = next;
            }
        }
        found
    }

    /// The points of positions that belong to the index; `None` if there are none.
    fn points(&self, positions: Range<u64>) -> Option<Points> {
        let own = self.slots.positions();
        let (start, end) = (positions.start.max(own.start), positions.end.min(own.end));
        (start < end).then(|| Points {
            from: self.slots.point_of_position(start),
            until: (end < own.end).then(|| self.slots.point_of_position(end)),
        })
    }

    /// Visits the entries within `points` whose home is that of its first point; returns the first point
    /// of a position after that bucket, or after the empty stretch that is there instead.
    fn bucket_from<H: Hashed + ?Sized>(
        &self,
        heap: &Heap,
        points: Points,
        hashed: &H,
        mut visit: impl FnMut(Handle<Entry>),
    ) -> Option<u64> {
        let next = match directory::range_at(heap, self.top, points.from) {
            (Target::Span(span, shape), _) => {
                let home = shape.home(shape.cell(points.from));
                let start = shape.start(points.from);
                span::for_each_at_home(span::bytes(heap, span, shape), shape, home, |cell, entry| {
                    let is_within = points
                        .covers(shape.point_of(start, cell), shape.end_of(start, cell))
                        .unwrap_or_else(|| points.contains(self.slots.point(hashed.hash(heap, entry))));
                    if is_within {
                        visit(entry);
                    }
                });
                shape.end_of_bucket(start, home)?
            }
            (_, depth) => range_end(points.from, depth)?,
        };
        let position = self.slots.position_from(next);
        (position < self.slots.positions().end).then(|| self.slots.point_of_position(position))
    }
}

/// A bucket at random, each with the same likelihood.
fn random_bucket<'a>(heap: &'a Heap, top: Link, pick: &mut impl FnMut() -> u64) -> Option<Bucket<'a>> {
    let mut link = top;
    loop {
        match link.target() {
            Target::Empty => return None,
            Target::Span(span, shape) => {
                return Some(span::bucket(heap, span, below(pick(), shape.buckets as u64) as usize));
            }
            Target::Node(node, width) => {
                let links = || directory::links(heap, node, width);
                let bucket_count = link.exact_count().unwrap_or_else(|| directory::total(links()));
                let mut at = below(pick(), bucket_count);
                link = directory::distinct(links()).find(|link| {
                    let is_here = at < link.bucket_count();
                    at = at.saturating_sub(link.bucket_count());
                    is_here
                })?;
            }
        }
    }
}

/// A number below `bound`, from a uniform one.
fn below(uniform: u64, bound: u64) -> u64 {
    ((u128::from(uniform) * u128::from(bound)) >> u64::BITS) as u64
}
