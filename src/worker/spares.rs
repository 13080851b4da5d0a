//! Buffers that nobody uses at the moment: an idle session owns none, and the next one to be served gets those
//! that are still in the cache.

use net::buffer::ReadBuffer;

/// See the module.
#[derive(Debug, Default)]
pub struct Spares {
    inputs: Kept<ReadBuffer>,
    outputs: Kept<Vec<u8>>,
}

/// Buffers of one kind.
#[derive(Debug, Default)]
struct Kept<B> {
    buffers: Vec<B>,
    /// Bytes that they have room for.
    capacity: usize,
}

/// How many bytes of a kind are kept: also a few large buffers, which would be dear to grow again for each turn.
const KEPT_LEN: usize = 4 * 1024 * 1024;
/// The largest buffer that is kept.
const BUFFER_MAX: usize = 1024 * 1024;

impl<B> Kept<B> {
    #[inline]
    fn take(&mut self, capacity: impl Fn(&B) -> usize) -> Option<B> {
        let buffer = self.buffers.pop()?;
        self.capacity -= capacity(&buffer);
        Some(buffer)
    }

    #[inline]
    fn keep(&mut self, buffer: B, capacity: usize) {
        if (1..=BUFFER_MAX).contains(&capacity) && self.capacity + capacity <= KEPT_LEN {
            self.capacity += capacity;
            self.buffers.push(buffer);
        }
    }

    fn are_many(&self) -> bool {
        self.buffers.len() > 1 || self.capacity > SHRUNK_LEN
    }

    /// Keeps the oldest one, if it is not large.
    fn shrink(&mut self, capacity: impl Fn(&B) -> usize) {
        self.buffers.truncate(1);
        self.buffers.retain(|buffer| capacity(buffer) <= SHRUNK_LEN);
        self.capacity = self.buffers.iter().map(capacity).sum();
    }
}

/// The largest buffer that is kept while there is little to do.
const SHRUNK_LEN: usize = 64 * 1024;

impl Spares {
    #[inline]
    pub fn input(&mut self) -> ReadBuffer {
        self.inputs.take(ReadBuffer::capacity).unwrap_or_default()
    }

    #[inline]
    pub fn output(&mut self) -> Vec<u8> {
        self.outputs.take(Vec::capacity).unwrap_or_else(|| Vec::with_capacity(4096))
    }

    /// Takes an empty buffer.
    #[inline]
    pub fn take_input(&mut self, buffer: ReadBuffer) {
        let capacity = buffer.capacity();
        self.inputs.keep(buffer, capacity);
    }

    /// Takes an empty buffer.
    #[inline]
    pub fn take_output(&mut self, buffer: Vec<u8>) {
        let capacity = buffer.capacity();
        self.outputs.keep(buffer, capacity);
    }

    /// Whether more is kept than the next client will need.
    pub fn are_many(&self) -> bool {
        self.inputs.are_many() || self.outputs.are_many()
    }

    /// Gives memory back to the system, all but one buffer of each kind.
    pub fn shrink(&mut self) {
        self.inputs.shrink(ReadBuffer::capacity);
        self.outputs.shrink(Vec::capacity);
    }
}
