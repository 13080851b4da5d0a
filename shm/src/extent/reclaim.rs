//! Giving a value back, moving its blocks, checking it.

use super::{ExtentOf, HEADER_LEN, Link, block};
use crate::{Corrupt, Handle, Heap, OutOfMemory};

impl<const CHUNK: usize, const FANOUT: usize> ExtentOf<CHUNK, FANOUT> {
    /// Gives back the last `chunks` chunks of a value that nobody uses any more. `None` when all of it is
    /// gone; until then what is left is a shorter value, and a step does bounded work however long it
    /// is.
    pub fn reclaim(mut self, heap: &mut Heap, chunks: usize) -> Result<Option<Self>, OutOfMemory> {
        let count = Self::chunks_of(self.len(heap));
        let rest = count.saturating_sub(chunks);
        for count in (rest..count).rev() {
            let link = self.pop(heap, count + 1)?;
            if link != 0 {
                heap.free(block(link));
            }
        }
        if rest == 0 {
            heap.free(self.top);
            return Ok(None);
        }
        if rest < count {
            self.set_len(heap, rest as u64 * CHUNK as u64)?;
        }
        Ok(Some(self))
    }

    /// Looks at the blocks of `chunks` chunks from the one at `from`, and of what leads to them, and
    /// moves those of which `moves` says so to fresh blocks. Returns the chunk to go on with, if there
    /// is more.
    pub fn relocate(
        &mut self,
        heap: &mut Heap,
        from: usize,
        chunks: usize,
        mut moves: impl FnMut(&Heap, Handle<()>) -> bool,
    ) -> Result<Option<usize>, OutOfMemory> {
        let len = self.len(heap);
        let count = Self::chunks_of(len);
        let end = count.min(from.saturating_add(chunks));
        let mut shift = |heap: &mut Heap, link: Link, len: usize| {
            if link == 0 || !moves(heap, block(link).cast()) {
                return Ok(None);
            }
            let fresh: Handle<u8> = heap.allocate(len)?;
            heap.fill_from(fresh, 0, block(link), 0, len);
            heap.free(block(link));
            Ok(Some(fresh))
        };
        if from == 0 {
            let entries = if count <= FANOUT { count } else { count.div_ceil(FANOUT) };
            let top_len = HEADER_LEN + entries * Handle::<u8>::LEN;
            if let Some(fresh) = shift(heap, self.top.raw(), top_len)? {
                self.top = fresh.cast();
            }
        }
        for index in from..end {
            if count > FANOUT && index.is_multiple_of(FANOUT) {
                let table_len = FANOUT.min(count - index) * Handle::<u8>::LEN;
                let table = self.table(heap, index / FANOUT);
                if let Some(fresh) = shift(heap, table, table_len)? {
                    self.set_table(heap, index / FANOUT, fresh.raw())?;
                }
            }
            let link = self.link(heap, count, index);
            if let Some(fresh) = shift(heap, link, Self::chunk_len(len, index))? {
                self.set_link(heap, count, index, fresh.raw())?;
            }
        }
        Ok((end < count).then_some(end))
    }

    /// Checks that every block is as long as it must be. `visit` is called with each block before its
    /// inside is looked at, so that it can refuse a handle that names no block or one seen before.
    pub fn verify(
        &self,
        heap: &Heap,
        visit: &mut dyn FnMut(Handle<()>) -> Result<(), Corrupt>,
    ) -> Result<(), Corrupt> {
        let top = self.top.raw();
        let mut block_of = |link: Link, len: usize, what: &'static str| {
            visit(block(link).cast())?;
            check(heap.capacity_of(block(link)) >= len, what, link)
        };
        block_of(top, HEADER_LEN, "an extent without a length")?;
        let len = self.len(heap);
        check(len <= Self::LEN_MAX, "the length of an extent", top)?;
        let count = Self::chunks_of(len);
        let entries = if count <= FANOUT { count } else { count.div_ceil(FANOUT) };
        let top_len = HEADER_LEN + entries * Handle::<u8>::LEN;
        check(heap.capacity_of(self.top) >= top_len, "entries beyond the top of an extent", top)?;
        for index in 0..count {
            if count > FANOUT && index.is_multiple_of(FANOUT) {
                let table = self.table(heap, index / FANOUT);
                check(table != 0, "a missing table", top)?;
                let table_len = FANOUT.min(count - index) * Handle::<u8>::LEN;
                block_of(table, table_len, "entries beyond their table")?;
            }
            match self.link(heap, count, index) {
                0 => {}
                link => block_of(link, Self::chunk_len(len, index), "bytes beyond their chunk")?,
            }
        }
        Ok(())
    }
}

fn check(holds: bool, what: &'static str, link: Link) -> Result<(), Corrupt> {
    if holds { Ok(()) } else { Err(Corrupt::Structure { what, block: link }) }
}
