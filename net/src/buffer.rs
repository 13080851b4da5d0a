//! The bytes a peer has sent that nobody has understood yet.
//!
//! ```text
//! | consumed | unread | spare |
//! 0        start    end    bytes.len()
//! ```
//! All of `bytes` is initialised once, when it grows, so that reading needs no `unsafe` and clears nothing
//! twice. An empty buffer may own no memory at all: an idle connection costs nothing.

use std::io;

use crate::transport::Transport;

/// The least room offered to one read.
const READ_LEN_MIN: usize = 16 * 1024;

/// A byte queue, filled from a transport and emptied by a parser.
#[derive(Debug, Default)]
pub struct ReadBuffer {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

/// Why [`ReadBuffer::fill`] stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FillEnd {
    /// The transport has no more for now; the reactor will say when it does.
    Drained,
    /// The budget is used up and there may be more: the source must stay ready.
    Budget,
    /// The peer sends no more.
    Closed,
}

impl ReadBuffer {
    pub fn new() -> Self {
        Self::default()
    }

    #[inline]
    pub fn unread(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// The first `len` unread bytes are done with.
    #[inline]
    pub fn consume(&mut self, len: usize) {
        debug_assert!(len <= self.end - self.start);
        self.start += len;
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
    }

    /// Appends bytes that were read elsewhere.
    pub fn extend(&mut self, bytes: &[u8]) {
        self.reserve(bytes.len());
        self.bytes[self.end..][..bytes.len()].copy_from_slice(bytes);
        self.end += bytes.len();
    }

    /// Makes room for at least `len` more bytes: by closing up over the consumed ones where that moves no
    /// more than was consumed, else by growing to what is needed or by half, whichever is more.
    pub fn reserve(&mut self, len: usize) {
        if self.bytes.len() - self.end >= len {
            return;
        }
        let unread_len = self.end - self.start;
        let needed = unread_len + len;
        if self.start >= unread_len && self.bytes.len() >= needed {
            self.bytes.copy_within(self.start..self.end, 0);
        } else {
            // Zeroed by the allocator, which for large sizes costs nothing until a page is used.
            let mut grown = vec![0; needed.max(self.bytes.len() + self.bytes.len() / 2)];
            grown[..unread_len].copy_from_slice(self.unread());
            self.bytes = grown;
        }
        (self.start, self.end) = (0, unread_len);
    }

    /// Bytes of memory it owns.
    pub fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// Gives memory back: all of it if nothing is unread and more than `kept` bytes are owned.
    pub fn shrink(&mut self, kept: usize) {
        if self.start == self.end && self.bytes.capacity() > kept {
            *self = Self::default();
        }
    }

    /// Reads until the transport has no more or about `budget` bytes have come; the caller then serves other
    /// sources first. A read that fills less than the room it was offered counts as the last one, which saves
    /// a call, unless the peer has hung up (`hangup`, from the reactor): then only the end itself is the end.
    ///
    /// Returns how many bytes came and why it stopped.
    ///
    /// # Errors
    /// The connection is broken. Bytes that came before that are in the buffer.
    pub fn fill(
        &mut self,
        transport: &mut dyn Transport,
        budget: usize,
        hangup: bool,
    ) -> io::Result<(usize, FillEnd)> {
        let mut total = 0;
        while total < budget {
            self.reserve(READ_LEN_MIN);
            let room = (self.bytes.len() - self.end).min((budget - total).max(READ_LEN_MIN));
            match transport.read(&mut self.bytes[self.end..][..room]) {
                Ok(0) => return Ok((total, FillEnd::Closed)),
                Ok(len) => {
                    self.end += len;
                    total += len;
                    if len < room && !hangup {
                        return Ok((total, FillEnd::Drained));
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok((total, FillEnd::Drained));
                }
                Err(error) => return Err(error),
            }
        }
        Ok((total, FillEnd::Budget))
    }
}

#[cfg(test)]
mod tests {
    use std::io::{IoSlice, Result};
    use std::os::fd::RawFd;

    use super::*;
    use crate::transport::{Address, Kind};

    /// Plays back what a socket would do: chunks of bytes, `None` for "nothing now", and the end after the
    /// last.
    #[derive(Debug)]
    struct Script(std::vec::IntoIter<Option<Vec<u8>>>);

    impl Script {
        fn new(steps: impl IntoIterator<Item = Option<usize>>) -> Self {
            Script(
                steps.into_iter().map(|len| len.map(|len| vec![b'x'; len])).collect::<Vec<_>>().into_iter(),
            )
        }
    }

    impl mio::event::Source for Script {
        fn register(&mut self, _: &mio::Registry, _: mio::Token, _: mio::Interest) -> Result<()> {
            Ok(())
        }
        fn reregister(&mut self, _: &mio::Registry, _: mio::Token, _: mio::Interest) -> Result<()> {
            Ok(())
        }
        fn deregister(&mut self, _: &mio::Registry) -> Result<()> {
            Ok(())
        }
    }

    impl Transport for Script {
        fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
            match self.0.next() {
                Some(Some(bytes)) => {
                    let len = bytes.len().min(buffer.len());
                    buffer[..len].copy_from_slice(&bytes[..len]);
                    Ok(len)
                }
                Some(None) => Err(io::ErrorKind::WouldBlock.into()),
                None => Ok(0),
            }
        }
        fn write(&mut self, _: &[IoSlice<'_>]) -> Result<usize> {
            Ok(0)
        }
        fn shutdown(&mut self) -> Result<()> {
            Ok(())
        }
        fn peer(&self) -> Address {
            Address::Unknown
        }
        fn local(&self) -> Address {
            Address::Unknown
        }
        fn kind(&self) -> Kind {
            Kind::Unix
        }
        fn fd(&self) -> RawFd {
            -1
        }
    }

    fn fill(steps: &[Option<usize>], budget: usize, hangup: bool) -> (usize, FillEnd) {
        let mut buffer = ReadBuffer::new();
        let (total, end) =
            buffer.fill(&mut Script::new(steps.to_vec()), budget, hangup).expect("the script has no errors");
        assert_eq!(buffer.unread(), vec![b'x'; total]);
        (total, end)
    }

    #[test]
    fn a_short_read_ends_the_turn_unless_the_peer_hung_up() {
        const FULL: Option<usize> = Some(READ_LEN_MIN);
        assert_eq!(fill(&[Some(5), Some(5)], 1 << 20, false), (5, FillEnd::Drained));
        assert_eq!(fill(&[Some(5), Some(5)], 1 << 20, true), (10, FillEnd::Closed));
        assert_eq!(fill(&[FULL, Some(1), Some(1)], 1 << 20, false), (READ_LEN_MIN + 1, FillEnd::Drained));
        assert_eq!(fill(&[FULL, None, Some(1)], 1 << 20, false), (READ_LEN_MIN, FillEnd::Drained));
        assert_eq!(fill(&[None], 1 << 20, true), (0, FillEnd::Drained));
        assert_eq!(fill(&[], 1 << 20, false), (0, FillEnd::Closed));
        assert_eq!(fill(&[FULL, FULL, FULL], READ_LEN_MIN + 1, false), (2 * READ_LEN_MIN, FillEnd::Budget));
    }

    #[test]
    fn bytes_stay_in_order_while_the_buffer_moves_and_grows() {
        let mut buffer = ReadBuffer::new();
        assert_eq!(buffer.capacity(), 0);
        let (mut written, mut read) = (0u32, 0u32);
        for step in 0..2000u32 {
            for _ in 0..step % 7 {
                buffer.extend(&written.to_le_bytes());
                written += 1;
            }
            for _ in 0..(step % 5).min(written - read) {
                assert_eq!(buffer.unread()[..4], read.to_le_bytes());
                buffer.consume(4);
                read += 1;
            }
        }
        let left = (written - read) as usize * 4;
        assert_eq!(buffer.unread().len(), left);
        assert!(buffer.capacity() <= 3 * left, "{} for {left}", buffer.capacity());

        buffer.shrink(0);
        assert_eq!(buffer.unread().len(), left, "unread bytes stay");
        buffer.consume(left);
        buffer.shrink(1 << 20);
        assert!(buffer.capacity() > 0);
        buffer.shrink(0);
        assert_eq!(buffer.capacity(), 0);
    }

    #[test]
    fn an_announced_length_is_reserved_once() {
        let mut buffer = ReadBuffer::new();
        buffer.extend(b"abc");
        buffer.reserve(100_000);
        let capacity = buffer.capacity();
        assert!(capacity <= 100_003);
        buffer.extend(&[b'x'; 100_000]);
        assert_eq!(buffer.capacity(), capacity);
        assert_eq!(buffer.unread().len(), 100_003);
    }
}
