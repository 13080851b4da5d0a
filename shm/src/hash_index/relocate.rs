//! Moving blocks that are in the way: those of the index and, by the caller's hand, those of entries.

use super::directory::{self, Leaf, Link, Path, Target};
use super::position::range_end;
use super::span::{self, Place, Span};
use super::{Entry, HashIndex};
use crate::{Handle, Heap, OutOfMemory};

impl HashIndex {
    /// Looks at the blocks around the next `bucket_count` buckets from cursor `from` on (0 begins): spans,
    /// the nodes that lead to them, and the entries in them. Of those for which `moves` holds, the index's
    /// own are moved to fresh blocks, and `move_entry` is to move the others and free the old ones. Returns
    /// the cursor to go on from, `None` at the end. Cursors are those of [`HashIndex::scan`].
    pub fn relocate(
        &mut self,
        heap: &mut Heap,
        from: u64,
        bucket_count: usize,
        mut moves: impl FnMut(&Heap, Handle<()>) -> bool,
        mut move_entry: impl FnMut(&mut Heap, Handle<Entry>) -> Result<Handle<Entry>, OutOfMemory>,
    ) -> Result<Option<u64>, OutOfMemory> {
        let own = self.slots.positions();
        if from >= own.end {
            return Ok(None);
        }
        let mut index = *self;
        let mut point = self.slots.point_of_position(from.max(own.start));
        let mut left = bucket_count.max(1);
        let next = loop {
            if left == 0 {
                break Some(self.slots.position_from(point)).filter(|&next| next < own.end);
            }
            let path = index.path_with_moved_blocks(heap, point, &mut moves)?;
            let next = match path.end.target() {
                Target::Span(span, shape) => {
                    let first = shape.home(shape.cell(point));
                    let end = shape.buckets.min(first + left);
                    for bucket in first..end {
                        move_entries(heap, span, bucket, &mut moves, &mut move_entry)?;
                    }
                    left -= end - first;
                    shape.end_of_bucket(shape.start(point), end - 1)
                }
                _ => {
                    left -= 1;
                    range_end(point, path.depth())
                }
            };
            match next {
                Some(next) => point = next,
                None => break None,
            }
        };
        *self = index;
        Ok(next)
    }

    /// The way to a point, after the span and the nodes on it have moved where they should.
    fn path_with_moved_blocks(
        &mut self,
        heap: &mut Heap,
        point: u64,
        moves: &mut impl FnMut(&Heap, Handle<()>) -> bool,
    ) -> Result<Path, OutOfMemory> {
        let mut path = self.path(heap, point);
        for level in 0..path.steps.len() {
            if moves(heap, path.steps[level].node.cast()) {
                directory::move_node(heap, &mut self.top, &path, level)?;
                path = self.path(heap, point);
            }
        }
        if let Target::Span(old, shape) = path.end.target()
            && moves(heap, old.cast())
        {
            let len = span::bytes(heap, old, shape).len();
            let span: Handle<Span> = heap.allocate(len)?;
            heap.fill_from(span, 0, old, 0, len);
            heap.free(old);
            let leaf = Leaf { depth: shape.depth, link: Link::span(span, shape) };
            directory::replace(heap, &mut self.top, &path, point, shape.depth, &[leaf], 0)?;
            path = self.path(heap, point);
        }
        Ok(path)
    }
}

fn move_entries(
    heap: &mut Heap,
    span: Handle<Span>,
    bucket: usize,
    moves: &mut impl FnMut(&Heap, Handle<()>) -> bool,
    move_entry: &mut impl FnMut(&mut Heap, Handle<Entry>) -> Result<Handle<Entry>, OutOfMemory>,
) -> Result<(), OutOfMemory> {
    for lane in 0..super::bucket::LANES {
        let Some(entry) = span::bucket(heap, span, bucket).entry(lane) else { continue };
        if moves(heap, entry.cast()) {
            let moved = move_entry(heap, entry)?;
            heap.store_u32(span, Place { bucket, lane }.start(), moved.raw())?;
        }
    }
    Ok(())
}
