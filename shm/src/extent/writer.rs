//! Building a value from pieces as they come.

use super::{ExtentOf, Link, block};
use crate::{Handle, Heap, OutOfMemory};

/// Takes the bytes of a value of known length, in order and in pieces of any size. Everything it
/// allocates is fresh, so dropping it halfway is fine if the transaction is rolled back.
#[derive(Debug)]
pub struct Writer<const CHUNK: usize, const FANOUT: usize> {
    len: u64,
    written: u64,
    links: Vec<Link>,
}

impl<const CHUNK: usize, const FANOUT: usize> Writer<CHUNK, FANOUT> {
    /// For a value of `len` bytes.
    pub fn new(len: u64) -> Self {
        Writer { len, written: 0, links: Vec::new() }
    }

    /// Takes the next bytes; never more than are left.
    pub fn push(&mut self, heap: &mut Heap, mut bytes: &[u8]) -> Result<(), OutOfMemory> {
        assert!(bytes.len() as u64 <= self.len - self.written, "more bytes than were announced");
        if self.len > ExtentOf::<CHUNK, FANOUT>::LEN_MAX {
            return Err(OutOfMemory);
        }
        while !bytes.is_empty() {
            let start = (self.written % CHUNK as u64) as usize;
            let index = (self.written / CHUNK as u64) as usize;
            let chunk_len = ExtentOf::<CHUNK, FANOUT>::chunk_len(self.len, index);
            if start == 0 {
                let chunk: Handle<u8> = heap.allocate(chunk_len)?;
                self.links.push(chunk.raw());
            }
            let (now, later) = bytes.split_at(bytes.len().min(chunk_len - start));
            heap.fill(block(self.links[index]), start, now.len(), |out| out.copy_from_slice(now));
            self.written += now.len() as u64;
            bytes = later;
        }
        Ok(())
    }

    /// The value, of which all bytes have been taken.
    pub fn finish(self, heap: &mut Heap) -> Result<ExtentOf<CHUNK, FANOUT>, OutOfMemory> {
        assert_eq!(self.written, self.len, "fewer bytes than were announced");
        ExtentOf::from_links(heap, self.len, &self.links)
    }
}
