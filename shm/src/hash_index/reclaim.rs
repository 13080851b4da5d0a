//! Giving back an index that nobody uses any more, bucket by bucket.

use super::bucket::Bucket;
use super::directory::{Link, Path, Target};
use super::position::{range_end, range_start};
use super::span;
use super::{Entry, HashIndex};
use crate::{Handle, Heap, OutOfMemory};

/// What is left of a detached index: a plain value of 16 bytes in stored form. Nothing in its blocks
/// changes while they are given back; how far that has come is all in the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DetachedIndex {
    top: Link,
    /// What lies before this point has been given back.
    next: u64,
}

impl HashIndex {
    /// Takes everything out at once. Nothing is given back by this; the blocks go with the result.
    pub fn detach(&mut self) -> DetachedIndex {
        let detached = DetachedIndex { top: self.top, next: 0 };
        (self.top, self.len) = (Link::EMPTY, 0);
        detached
    }
}

impl DetachedIndex {
    /// Whether everything has been given back.
    pub fn is_empty(&self) -> bool {
        self.top.is_empty()
    }

    /// The stored form.
    pub fn encode(&self) -> [u64; 2] {
        [self.top.0, self.next]
    }

    /// The detached index stored as `words`; `None` if they are not what [`DetachedIndex::encode`] makes.
    pub fn decode(words: [u64; 2]) -> Option<DetachedIndex> {
        let top = Link(words[0]);
        top.is_sound().then_some(DetachedIndex { top, next: words[1] })
    }

    /// Gives back blocks of the index, and calls `release` with each entry it meets, until about `blocks_max`
    /// blocks and entries are gone. Done when the index is empty. An error leaves the value unchanged; the
    /// transaction must then be rolled back.
    pub fn reclaim(
        &mut self,
        heap: &mut Heap,
        blocks_max: usize,
        mut release: impl FnMut(&mut Heap, Handle<Entry>) -> Result<(), OutOfMemory>,
    ) -> Result<(), OutOfMemory> {
        let mut left = *self;
        let mut block_count = 0;
        while !left.is_empty() && block_count < blocks_max.max(1) {
            block_count += left.reclaim_bucket(heap, &mut release)?;
        }
        *self = left;
        Ok(())
    }

    /// Gives back the next bucket, and the span and nodes that end with it; returns how many entries and
    /// blocks these were, at least one.
    fn reclaim_bucket(
        &mut self,
        heap: &mut Heap,
        release: &mut impl FnMut(&mut Heap, Handle<Entry>) -> Result<(), OutOfMemory>,
    ) -> Result<usize, OutOfMemory> {
        let path = Path::to(heap, self.top, self.next);
        let mut count = 1;
        if let Target::Span(span, shape) = path.end.target() {
            let index = shape.home(shape.cell(self.next));
            if index + 1 < shape.buckets {
                prefetch(heap, span::bucket(heap, span, index + 1));
            }
            // Out of the heap, which `release` may change.
            let entries: Vec<_> = entries(span::bucket(heap, span, index)).collect();
            count += entries.len();
            for entry in entries {
                release(heap, entry)?;
            }
            let end = shape.end_of_bucket(shape.start(self.next), index);
            if let Some(end) = end.filter(|_| index + 1 < shape.buckets) {
                self.next = end;
                return Ok(count);
            }
            heap.free(span);
        }
        let end = range_end(self.next, path.depth());
        for step in path.steps.iter().rev() {
            if range_end(self.next, step.start) == end {
                heap.free(step.node);
                count += 1;
            }
        }
        match end {
            Some(end) => self.next = end,
            None => (self.top, self.next) = (Link::EMPTY, 0),
        }
        Ok(count)
    }

    /// Visits the blocks of the index and the entries that have not been given back.
    pub fn blocks(
        &self,
        heap: &Heap,
        block: &mut dyn FnMut(Handle<()>),
        entry: &mut dyn FnMut(Handle<Entry>),
    ) {
        let mut from = self.next;
        loop {
            let path = Path::to(heap, self.top, from);
            let is_first = from == self.next;
            for step in &path.steps {
                if is_first || range_start(from, step.start) == from {
                    block(step.node.cast());
                }
            }
            if let Target::Span(span, shape) = path.end.target() {
                block(span.cast());
                let first = if is_first { shape.home(shape.cell(from)) } else { 0 };
                for index in first..shape.buckets {
                    entries(span::bucket(heap, span, index)).for_each(&mut *entry);
                }
            }
            match range_end(from, path.depth()) {
                Some(next) => from = next,
                None => return,
            }
        }
    }
}

fn entries(bucket: Bucket<'_>) -> impl Iterator<Item = Handle<Entry>> {
    bucket.used().filter_map(move |lane| bucket.entry(lane))
}

fn prefetch(heap: &Heap, bucket: Bucket<'_>) {
    entries(bucket).for_each(|entry| heap.prefetch(entry, 0));
}
