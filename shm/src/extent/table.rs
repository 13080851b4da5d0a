//! Where the handles of the chunks are.

use super::{ExtentOf, HEADER_LEN, Link, Top, block};
use crate::{Handle, Heap, OutOfMemory};

/// Bytes to ask for where `entries` are needed now and more will come.
fn with_slack(entries: usize, max: usize) -> usize {
    (entries + entries / 4).min(max) * Handle::<u8>::LEN
}

fn entry(index: usize) -> usize {
    index * Handle::<u8>::LEN
}

impl<const CHUNK: usize, const FANOUT: usize> ExtentOf<CHUNK, FANOUT> {
    /// The entry at `index` of a value of `count` chunks.
    pub(super) fn link(&self, heap: &Heap, count: usize, index: usize) -> Link {
        let (table, start) = self.place(heap, count, index);
        heap.u32_at(table, start)
    }

    /// Changes the entry at `index` of a value of `count` chunks.
    pub(super) fn set_link(
        &self,
        heap: &mut Heap,
        count: usize,
        index: usize,
        link: Link,
    ) -> Result<(), OutOfMemory> {
        let (table, start) = self.place(heap, count, index);
        heap.store_u32(table, start, link)
    }

    /// The block that holds the entry at `index`, and where in it.
    fn place(&self, heap: &Heap, count: usize, index: usize) -> (Handle<Top>, usize) {
        debug_assert!(index < count);
        if count <= FANOUT {
            (self.top, HEADER_LEN + entry(index))
        } else {
            let table = heap.u32_at(self.top, HEADER_LEN + entry(index / FANOUT));
            (block(table).cast(), entry(index % FANOUT))
        }
    }

    /// The table at `index`; only where there are tables.
    pub(super) fn table(&self, heap: &Heap, index: usize) -> Link {
        heap.u32_at(self.top, HEADER_LEN + entry(index))
    }

    pub(super) fn set_table(&self, heap: &mut Heap, index: usize, link: Link) -> Result<(), OutOfMemory> {
        heap.store_u32(self.top, HEADER_LEN + entry(index), link)
    }

    /// Adds an entry to a value that has `count` chunks so far.
    pub(super) fn push(&mut self, heap: &mut Heap, count: usize, link: Link) -> Result<(), OutOfMemory> {
        if count >= FANOUT * FANOUT {
            return Err(OutOfMemory);
        }
        if count < FANOUT {
            return self.push_to_top(heap, count, link);
        }
        if count == FANOUT {
            // The first chunk too many: what the top held becomes the first table.
            let table: Handle<u8> = heap.allocate(entry(FANOUT))?;
            heap.fill_from(table, 0, self.top, HEADER_LEN, entry(FANOUT));
            let top = new_top(heap, with_slack(2, FANOUT))?;
            heap.fill_from(top, 0, self.top, 0, HEADER_LEN);
            heap.fill(top, HEADER_LEN, 4, |out| out.copy_from_slice(&table.raw().to_le_bytes()));
            heap.free(self.top);
            self.top = top;
        }
        if count.is_multiple_of(FANOUT) {
            let table = new_table(heap, with_slack(1, FANOUT), link)?;
            return self.push_to_top(heap, count / FANOUT, table);
        }
        let (index, used) = (count / FANOUT, entry(count % FANOUT));
        let table = block(self.table(heap, index));
        if used + entry(1) <= heap.capacity_of(table) {
            return heap.store_u32(table, used, link);
        }
        let larger = new_table(heap, with_slack(count % FANOUT + 1, FANOUT), 0)?;
        heap.fill_from(block(larger), 0, table, 0, used);
        heap.fill(block(larger), used, 4, |out| out.copy_from_slice(&link.to_le_bytes()));
        heap.free(table);
        self.set_table(heap, index, larger)
    }

    fn push_to_top(&mut self, heap: &mut Heap, used: usize, link: Link) -> Result<(), OutOfMemory> {
        let end = HEADER_LEN + entry(used);
        if end + entry(1) <= heap.capacity_of(self.top) {
            return heap.store_u32(self.top, end, link);
        }
        let top = new_top(heap, with_slack(used + 1, FANOUT))?;
        heap.fill_from(top, 0, self.top, 0, end);
        heap.fill(top, end, 4, |out| out.copy_from_slice(&link.to_le_bytes()));
        heap.free(self.top);
        self.top = top;
        Ok(())
    }

    /// Takes the last entry from a value that has `count` chunks.
    pub(super) fn pop(&mut self, heap: &mut Heap, count: usize) -> Result<Link, OutOfMemory> {
        let last = count - 1;
        let link = self.link(heap, count, last);
        if count > FANOUT && last.is_multiple_of(FANOUT) {
            heap.free(block(self.table(heap, last / FANOUT)));
        }
        if last == FANOUT {
            // One table is left: its entries go back to the top.
            let table = block(self.table(heap, 0));
            let top = new_top(heap, entry(FANOUT))?;
            heap.fill_from(top, 0, self.top, 0, HEADER_LEN);
            heap.fill_from(top, HEADER_LEN, table, 0, entry(FANOUT));
            heap.free(table);
            heap.free(self.top);
            self.top = top;
        }
        Ok(link)
    }

    /// Builds top and tables for chunks that are all there; nothing is logged.
    pub(super) fn from_links(heap: &mut Heap, len: u64, links: &[Link]) -> Result<Self, OutOfMemory> {
        let mut tables = Vec::new();
        if links.len() > FANOUT {
            for links in links.chunks(FANOUT) {
                let table: Handle<u8> = heap.allocate(entry(links.len()))?;
                fill_entries(heap, table, 0, links);
                tables.push(table.raw());
            }
        }
        let entries = if links.len() > FANOUT { &tables } else { links };
        let top = new_top(heap, entry(entries.len()))?;
        heap.fill(top, 0, HEADER_LEN, |out| out.copy_from_slice(&len.to_le_bytes()));
        fill_entries(heap, top, HEADER_LEN, entries);
        Ok(ExtentOf { top })
    }
}

fn new_top(heap: &mut Heap, entries_len: usize) -> Result<Handle<Top>, OutOfMemory> {
    heap.allocate(HEADER_LEN + entries_len)
}

/// A table whose first entry is `link`.
fn new_table(heap: &mut Heap, entries_len: usize, link: Link) -> Result<Link, OutOfMemory> {
    let table: Handle<u8> = heap.allocate(entries_len)?;
    heap.fill(table, 0, 4, |out| out.copy_from_slice(&link.to_le_bytes()));
    Ok(table.raw())
}

fn fill_entries<T>(heap: &mut Heap, block: Handle<T>, start: usize, links: &[Link]) {
    heap.fill(block, start, entry(links.len()), |out| {
        for (place, link) in out.chunks_exact_mut(4).zip(links) {
            place.copy_from_slice(&link.to_le_bytes());
        }
    });
}
