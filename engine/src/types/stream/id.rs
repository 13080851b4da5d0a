//! The ID of an entry: milliseconds, and a number that tells apart what came in the same one.

use std::fmt;

/// An ID. IDs are ordered as entries are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId {
    /// Usually unix time.
    pub ms: u64,
    pub seq: u64,
}

impl StreamId {
    /// The least ID, which no entry has.
    pub const MIN: StreamId = StreamId { ms: 0, seq: 0 };
    /// The greatest ID.
    pub const MAX: StreamId = StreamId { ms: u64::MAX, seq: u64::MAX };

    pub const fn new(ms: u64, seq: u64) -> StreamId {
        StreamId { ms, seq }
    }

    /// The next greater one; `None` behind the greatest.
    pub fn next(self) -> Option<StreamId> {
        match (self.ms, self.seq) {
            (ms, seq) if seq < u64::MAX => Some(StreamId::new(ms, seq + 1)),
            (ms, _) => Some(StreamId::new(ms.checked_add(1)?, 0)),
        }
    }

    /// The next smaller one; `None` before the least.
    pub fn previous(self) -> Option<StreamId> {
        match (self.ms, self.seq) {
            (ms, seq) if seq > 0 => Some(StreamId::new(ms, seq - 1)),
            (ms, _) => Some(StreamId::new(ms.checked_sub(1)?, u64::MAX)),
        }
    }

    /// As clients see it. No allocation.
    pub fn text(self) -> IdText {
        let mut text = IdText { bytes: [0; ID_TEXT_MAX], len: 0 };
        let mut put = |part: &[u8]| {
            text.bytes[text.len..text.len + part.len()].copy_from_slice(part);
            text.len += part.len();
        };
        put(itoa::Buffer::new().format(self.ms).as_bytes());
        put(b"-");
        put(itoa::Buffer::new().format(self.seq).as_bytes());
        text
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}-{}", self.ms, self.seq)
    }
}

/// Two numbers of 20 digits and a hyphen.
const ID_TEXT_MAX: usize = 41;

/// An ID as text.
pub struct IdText {
    bytes: [u8; ID_TEXT_MAX],
    len: usize,
}

impl std::ops::Deref for IdText {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_neighbours_and_texts() {
        let last = StreamId::new(4, u64::MAX);
        assert_eq!(last.next(), Some(StreamId::new(5, 0)));
        assert_eq!(StreamId::new(5, 0).previous(), Some(last));
        assert_eq!(StreamId::MAX.next(), None);
        assert_eq!(StreamId::MIN.previous(), None);
        for id in [StreamId::MIN, last, StreamId::MAX, StreamId::new(1_700_000_000_000, 12)] {
            assert_eq!(&*id.text(), id.to_string().as_bytes());
        }
    }
}
