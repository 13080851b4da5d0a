//! Replies on their way to one client.

use std::io::{self, IoSlice};

use net::transport::Transport;

use crate::config::OutputLimit;

/// A byte queue, filled by replies and emptied into a transport. Owns no memory while it is empty.
#[derive(Debug, Default)]
pub struct Output {
    bytes: Vec<u8>,
    /// How many of `bytes` the system has taken.
    sent: usize,
    /// The system took less than it was offered; it will say when there is room.
    blocked: bool,
    /// Since when there is more than the soft limit, unix milliseconds.
    over_soft_since_ms: Option<u64>,
}

/// Sent bytes are cut off the front when they are this many and more than half.
const CUT_LEN: usize = 64 * 1024;

/// What became of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// All of it is with the system.
    All,
    /// Some of it waits for room.
    Some,
}

/// Whether a client may pile up what it has piled up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Fine,
    /// Over the soft limit: not fine any more if it still is at this time, unix milliseconds.
    FineUntil(u64),
    TooMuch,
}

impl Output {
    /// Where to write replies. Appending only; what is there already may be on its way.
    #[inline]
    pub fn tail(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Bytes not taken by the system.
    #[inline]
    pub fn pending_len(&self) -> usize {
        self.bytes.len() - self.sent
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.pending_len() == 0
    }

    /// Whether the system has said that there is no room.
    #[inline]
    pub fn is_blocked(&self) -> bool {
        self.blocked
    }

    /// The system has room again.
    pub fn unblock(&mut self) {
        self.blocked = false;
    }

    pub fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// Offers what is pending to the transport, in one call. Returns what became of it and how many bytes went.
    ///
    /// # Errors
    /// The connection is broken.
    pub fn write(&mut self, transport: &mut dyn Transport) -> io::Result<(Written, usize)> {
        let pending = &self.bytes[self.sent..];
        let taken = match transport.write(&[IoSlice::new(pending)]) {
            Ok(taken) => taken,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            Err(error) => return Err(error),
        };
        self.sent += taken;
        if self.is_empty() {
            self.bytes.clear();
            (self.sent, self.blocked) = (0, false);
            return Ok((Written::All, taken));
        }
        if self.sent >= CUT_LEN && self.sent > self.bytes.len() / 2 {
            self.bytes.drain(..self.sent);
            self.sent = 0;
        }
        self.blocked = true;
        Ok((Written::Some, taken))
    }

    /// Holds the queue against the limits of the client's class.
    pub fn judge(&mut self, limit: &OutputLimit, now_ms: u64) -> Verdict {
        let len = self.pending_len() as u64;
        if limit.hard_bytes != 0 && len >= limit.hard_bytes {
            return Verdict::TooMuch;
        }
        if limit.soft_bytes == 0 || len < limit.soft_bytes {
            self.over_soft_since_ms = None;
            return Verdict::Fine;
        }
        let since_ms = *self.over_soft_since_ms.get_or_insert(now_ms);
        let until_ms = since_ms + u64::from(limit.soft_seconds) * 1000;
        if now_ms > until_ms { Verdict::TooMuch } else { Verdict::FineUntil(until_ms + 1) }
    }

    /// Takes the empty queue's memory, for others to use.
    pub fn take_memory(&mut self) -> Vec<u8> {
        debug_assert!(self.is_empty());
        std::mem::take(&mut self.bytes)
    }

    /// Gives a queue without memory some.
    #[inline]
    pub fn lend_memory(&mut self, memory: impl FnOnce() -> Vec<u8>) {
        if self.bytes.capacity() == 0 {
            self.bytes = memory();
        }
    }

    /// Forgets everything: nobody listens any more.
    pub fn discard(&mut self) {
        *self = Output::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(hard_bytes: u64, soft_bytes: u64, soft_seconds: u32) -> OutputLimit {
        OutputLimit { hard_bytes, soft_bytes, soft_seconds }
    }

    #[test]
    fn the_hard_limit_holds_at_once_and_the_soft_one_after_its_time() {
        let mut output = Output::default();
        output.tail().resize(1000, b'x');
        assert_eq!(output.judge(&limit(0, 0, 0), 5), Verdict::Fine);
        assert_eq!(output.judge(&limit(1001, 0, 0), 5), Verdict::Fine);
        assert_eq!(output.judge(&limit(1000, 0, 0), 5), Verdict::TooMuch);
        assert_eq!(output.judge(&limit(0, 1000, 2), 5), Verdict::FineUntil(2006));
        assert_eq!(output.judge(&limit(0, 1000, 2), 2005), Verdict::FineUntil(2006));
        assert_eq!(output.judge(&limit(0, 1000, 2), 2006), Verdict::TooMuch);
    }

    #[test]
    fn falling_below_the_soft_limit_starts_its_time_anew() {
        let mut output = Output::default();
        output.tail().resize(1000, b'x');
        assert_eq!(output.judge(&limit(0, 500, 1), 0), Verdict::FineUntil(1001));
        output.tail().truncate(400);
        assert_eq!(output.judge(&limit(0, 500, 1), 900), Verdict::Fine);
        output.tail().resize(1000, b'x');
        assert_eq!(output.judge(&limit(0, 500, 1), 950), Verdict::FineUntil(1951));
    }
}
