//! Changing a value.

use super::{ExtentOf, Link, Writer, block};
use crate::{Handle, Heap, OutOfMemory};

/// Whether a change of so many bytes goes to a chunk of this length in place, through the undo log. It
/// costs about twice the bytes changed; a fresh chunk costs about twice the chunk, and a block.
fn in_place(changed: usize, chunk_len: usize) -> bool {
    changed <= 256 || changed <= chunk_len / 8
}

/// A fresh chunk.
struct Fresh {
    block: Handle<u8>,
    filled: usize,
}

impl Fresh {
    fn new(heap: &mut Heap, capacity: usize) -> Result<Fresh, OutOfMemory> {
        Ok(Fresh { block: heap.allocate(capacity)?, filled: 0 })
    }

    /// Adds bytes of another chunk, or zeros if that is a hole.
    fn add_from(&mut self, heap: &mut Heap, from: Link, start: usize, len: usize) {
        if len > 0 {
            match from {
                0 => heap.fill(self.block, self.filled, len, |out| out.fill(0)),
                _ => heap.fill_from(self.block, self.filled, block(from), start, len),
            }
        }
        self.filled += len;
    }

    fn add(&mut self, heap: &mut Heap, bytes: &[u8]) {
        if !bytes.is_empty() {
            heap.fill(self.block, self.filled, bytes.len(), |out| out.copy_from_slice(bytes));
        }
        self.filled += bytes.len();
    }

    /// The link that takes the place of `old`, whose block is given back.
    fn instead_of(self, heap: &mut Heap, old: Link) -> Link {
        if old != 0 {
            heap.free(block(old));
        }
        self.block.raw()
    }
}

impl<const CHUNK: usize, const FANOUT: usize> ExtentOf<CHUNK, FANOUT> {
    /// Overwrites bytes from `start`; all of them lie within the value.
    pub fn write(&mut self, heap: &mut Heap, start: u64, mut bytes: &[u8]) -> Result<(), OutOfMemory> {
        let len = self.len(heap);
        assert!(
            start.checked_add(bytes.len() as u64).is_some_and(|end| end <= len),
            "a write beyond the end"
        );
        let count = Self::chunks_of(len);
        let mut at = start;
        while !bytes.is_empty() {
            let (index, from) = ((at / CHUNK as u64) as usize, (at % CHUNK as u64) as usize);
            let chunk_len = Self::chunk_len(len, index);
            let (now, later) = bytes.split_at(bytes.len().min(chunk_len - from));
            let old = self.link(heap, count, index);
            if old != 0 && in_place(now.len(), chunk_len) {
                heap.store(block(old), from, now)?;
            } else {
                let end = from + now.len();
                let mut fresh = Fresh::new(heap, chunk_len)?;
                fresh.add_from(heap, old, 0, from);
                fresh.add(heap, now);
                fresh.add_from(heap, old, end, chunk_len - end);
                let link = fresh.instead_of(heap, old);
                self.set_link(heap, count, index, link)?;
            }
            at += now.len() as u64;
            bytes = later;
        }
        Ok(())
    }

    /// Adds bytes at the end. The last chunk gets some slack, so that appending n bytes one by one
    /// costs O(n).
    pub fn append(&mut self, heap: &mut Heap, bytes: &[u8]) -> Result<(), OutOfMemory> {
        let old_len = self.len(heap);
        let Some(len) = old_len.checked_add(bytes.len() as u64).filter(|&len| len <= Self::LEN_MAX) else {
            return Err(OutOfMemory);
        };
        let count = Self::chunks_of(old_len);
        let used = (old_len % CHUNK as u64) as usize;
        let room = if used == 0 { 0 } else { CHUNK - used };
        let (now, later) = bytes.split_at(bytes.len().min(room));
        if !now.is_empty() {
            let old = self.link(heap, count, count - 1);
            let end = used + now.len();
            if old != 0 && in_place(now.len(), used) && end <= heap.capacity_of(block(old)) {
                heap.store(block(old), used, now)?;
            } else {
                let mut fresh = Fresh::new(heap, Self::with_slack(end))?;
                fresh.add_from(heap, old, 0, used);
                fresh.add(heap, now);
                let link = fresh.instead_of(heap, old);
                self.set_link(heap, count, count - 1, link)?;
            }
        }
        for (before, now) in later.chunks(CHUNK).enumerate() {
            let mut fresh = Fresh::new(heap, Self::with_slack(now.len()))?;
            fresh.add(heap, now);
            self.push(heap, count + before, fresh.block.raw())?;
        }
        self.set_len(heap, len)
    }

    /// Room for the last chunk while it grows.
    fn with_slack(len: usize) -> usize {
        (len + len / 4).min(CHUNK)
    }

    /// Makes the value `len` bytes long: cuts it, or adds zeros, most of which take no memory. Cutting
    /// takes time in proportion to the chunks that go.
    pub fn resize(&mut self, heap: &mut Heap, len: u64) -> Result<(), OutOfMemory> {
        if len > Self::LEN_MAX {
            return Err(OutOfMemory);
        }
        let old_len = self.len(heap);
        let (old_count, count) = (Self::chunks_of(old_len), Self::chunks_of(len));
        for count in (count..old_count).rev() {
            let link = self.pop(heap, count + 1)?;
            if link != 0 {
                heap.free(block(link));
            }
        }
        if len < old_len && count > 0 {
            self.trim_last(heap, count, Self::chunk_len(len, count - 1))?;
        }
        if len > old_len {
            let used = (old_len % CHUNK as u64) as usize;
            if used > 0 {
                self.grow_last(heap, old_count, used, Self::chunk_len(len, old_count - 1))?;
            }
            for count in old_count..count {
                self.push(heap, count, 0)?;
            }
        }
        self.set_len(heap, len)
    }

    /// Gives back what the last of `count` chunks, now of `len` bytes, has too much.
    fn trim_last(&mut self, heap: &mut Heap, count: usize, len: usize) -> Result<(), OutOfMemory> {
        let old = self.link(heap, count, count - 1);
        if old == 0 || heap.capacity_of(block(old)) <= heap.block_len((len + len / 2).min(CHUNK)) {
            return Ok(());
        }
        let mut fresh = Fresh::new(heap, len)?;
        fresh.add_from(heap, old, 0, len);
        let link = fresh.instead_of(heap, old);
        self.set_link(heap, count, count - 1, link)
    }

    /// Adds zeros to the last of `count` chunks.
    fn grow_last(
        &mut self,
        heap: &mut Heap,
        count: usize,
        used: usize,
        len: usize,
    ) -> Result<(), OutOfMemory> {
        let old = self.link(heap, count, count - 1);
        if old == 0 || used == len {
            return Ok(());
        }
        let mut fresh = Fresh::new(heap, len)?;
        fresh.add_from(heap, old, 0, used);
        fresh.add_from(heap, 0, 0, len - used);
        let link = fresh.instead_of(heap, old);
        self.set_link(heap, count, count - 1, link)
    }

    /// A second value with the same bytes. Holes stay holes.
    pub fn copy(&self, heap: &mut Heap) -> Result<Self, OutOfMemory> {
        let len = self.len(heap);
        let count = Self::chunks_of(len);
        let mut links = Vec::with_capacity(count);
        for index in 0..count {
            let old = self.link(heap, count, index);
            if old == 0 {
                links.push(0);
                continue;
            }
            let chunk_len = Self::chunk_len(len, index);
            let mut fresh = Fresh::new(heap, chunk_len)?;
            fresh.add_from(heap, old, 0, chunk_len);
            links.push(fresh.block.raw());
        }
        Self::from_links(heap, len, &links)
    }

    /// A value of these bytes.
    pub fn from_bytes(heap: &mut Heap, bytes: &[u8]) -> Result<Self, OutOfMemory> {
        let mut writer = Writer::new(bytes.len() as u64);
        writer.push(heap, bytes)?;
        writer.finish(heap)
    }
}
