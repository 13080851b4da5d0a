//! Reading a value, chunk by chunk.

use std::ops::Range;

use super::{CHUNK_LEN, ExtentOf, block};
use crate::Heap;

/// What holes are read as.
static ZEROS: [u8; CHUNK_LEN] = [0; CHUNK_LEN];

/// The bytes of a range of a value, in pieces that are contiguous in memory.
#[derive(Clone)]
pub struct Chunks<'h, const CHUNK: usize, const FANOUT: usize> {
    heap: &'h Heap,
    extent: ExtentOf<CHUNK, FANOUT>,
    count: usize,
    range: Range<u64>,
}

impl<const CHUNK: usize, const FANOUT: usize> ExtentOf<CHUNK, FANOUT> {
    /// The bytes of a range, which is cut to the length of the value.
    pub fn chunks<'h>(&self, heap: &'h Heap, range: Range<u64>) -> Chunks<'h, CHUNK, FANOUT> {
        let len = self.len(heap);
        let range = range.start.min(len)..range.end.min(len);
        Chunks { heap, extent: *self, count: Self::chunks_of(len), range }
    }

    /// Calls `each` with the bytes of a range, piece by piece.
    pub fn for_each_chunk(&self, heap: &Heap, range: Range<u64>, each: impl FnMut(&[u8])) {
        self.chunks(heap, range).for_each(each);
    }

    /// Copies `out.len()` bytes from `start`, all within the value, to `out`.
    pub fn read(&self, heap: &Heap, start: u64, mut out: &mut [u8]) {
        for chunk in self.chunks(heap, start..start + out.len() as u64) {
            let (now, later) = out.split_at_mut(chunk.len());
            now.copy_from_slice(chunk);
            out = later;
        }
        assert!(out.is_empty(), "a read beyond the end of a value");
    }
}

impl<'h, const CHUNK: usize, const FANOUT: usize> Iterator for Chunks<'h, CHUNK, FANOUT> {
    type Item = &'h [u8];

    fn next(&mut self) -> Option<&'h [u8]> {
        if self.range.is_empty() {
            return None;
        }
        let chunk = CHUNK as u64;
        let (index, start) = ((self.range.start / chunk) as usize, (self.range.start % chunk) as usize);
        let left = self.range.end - self.range.start;
        let len = left.min((CHUNK - start) as u64) as usize;
        self.range.start += len as u64;
        if index + 1 < self.count && !self.range.is_empty() {
            // Begins to load the next piece while this one is used.
            let next = self.extent.link(self.heap, self.count, index + 1);
            if next != 0 {
                self.heap.prefetch(block(next), 0);
            }
        }
        Some(match self.extent.link(self.heap, self.count, index) {
            0 => &ZEROS[..len],
            link => self.heap.bytes(block(link), start, len),
        })
    }
}
