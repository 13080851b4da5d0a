//! Buffers that nobody uses at the moment: an idle session owns none, and the next one to be served gets those
//! that are still in the cache.

use net::buffer::ReadBuffer;

/// See the module.
#[derive(Debug, Default)]
pub struct Spares {
    inputs: Vec<ReadBuffer>,
    outputs: Vec<Vec<u8>>,
}

/// How many of a kind are kept …
const SPARE_MAX: usize = 64;
/// … and how large.
const KEPT_LEN: usize = 64 * 1024;

impl Spares {
    #[inline]
    pub fn input(&mut self) -> ReadBuffer {
        self.inputs.pop().unwrap_or_default()
    }

    #[inline]
    pub fn output(&mut self) -> Vec<u8> {
        self.outputs.pop().unwrap_or_else(|| Vec::with_capacity(4096))
    }

    /// Takes an empty buffer.
    #[inline]
    pub fn take_input(&mut self, buffer: ReadBuffer) {
        if self.inputs.len() < SPARE_MAX && (1..=KEPT_LEN).contains(&buffer.capacity()) {
            self.inputs.push(buffer);
        }
    }

    /// Takes an empty buffer.
    #[inline]
    pub fn take_output(&mut self, buffer: Vec<u8>) {
        if self.outputs.len() < SPARE_MAX && (1..=KEPT_LEN).contains(&buffer.capacity()) {
            self.outputs.push(buffer);
        }
    }

    /// Whether more is kept than the next client will need.
    pub fn are_many(&self) -> bool {
        self.inputs.len() > 1 || self.outputs.len() > 1
    }

    /// Gives memory back to the system, all but one buffer of each kind.
    pub fn shrink(&mut self) {
        self.inputs.truncate(1);
        self.outputs.truncate(1);
    }
}
