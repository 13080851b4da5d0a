//! Undo records, written forwards and read backwards.
//!
//! ```text
//!  ┌──────────────────────────────┬────────────┐      ┌────────────┐
//!  │ old bytes, padded to 8       │ footer u64 │  or  │ link u64   │   at the start of a log page
//!  └──────────────────────────────┴────────────┘      └────────────┘
//!  footer, link: bits 0..44 offset │ 44..56 length │ 56..64 tag
//! ```
//! The offset of a footer says where the old bytes belong; that of a link, where the log went on from.

/// What is stored, for the layout hash of segments: to be changed with it.
pub(crate) const STORED: &str =
    "undo: old bytes padded to 8, footer or link u64: offset 44, length 12, tag a5 or 5c";
/// The longest range one record can save.
pub(crate) const MAX_RECORD_LEN: usize = 256;
/// Bytes of a record of up to eight old bytes.
pub(crate) const WORD_RECORD_LEN: usize = 16;
/// Bytes of a footer or link.
pub(crate) const FOOTER_LEN: usize = 8;

const OFFSET_BITS: u32 = 44;
const LEN_BITS: u32 = 12;
const RECORD_TAG: u64 = 0xa5;
const LINK_TAG: u64 = 0x5c;

/// Bytes that a record of `len` old bytes takes.
#[inline]
pub(crate) const fn record_len(len: usize) -> usize {
    len.next_multiple_of(8) + FOOTER_LEN
}

/// The footer of a record that saves `len` bytes at `at`.
#[inline]
pub(crate) const fn footer(at: usize, len: usize) -> u64 {
    at as u64 | (len as u64) << OFFSET_BITS | RECORD_TAG << (OFFSET_BITS + LEN_BITS)
}

/// The first word of a log page whose log went on from `from`.
#[inline]
pub(crate) const fn link(from: usize) -> u64 {
    from as u64 | LINK_TAG << (OFFSET_BITS + LEN_BITS)
}

/// A footer or link, read back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Footer {
    /// `len` old bytes, before the footer, belong at `at`.
    Record { at: usize, len: usize },
    /// The log goes on backwards from here.
    Link { from: usize },
}

impl Footer {
    /// Reads a word; `None` if it is neither.
    pub fn decode(word: u64) -> Option<Footer> {
        let at = (word & ((1 << OFFSET_BITS) - 1)) as usize;
        let len = (word >> OFFSET_BITS & ((1 << LEN_BITS) - 1)) as usize;
        match word >> (OFFSET_BITS + LEN_BITS) {
            RECORD_TAG if (1..=MAX_RECORD_LEN).contains(&len) => Some(Footer::Record { at, len }),
            LINK_TAG if len == 0 => Some(Footer::Link { from: at }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn footers_and_links_read_back() {
        for (at, len) in [(4160, 64), (1 << 39, 1), ((1 << OFFSET_BITS) - 1, MAX_RECORD_LEN)] {
            assert_eq!(Footer::decode(footer(at, len)), Some(Footer::Record { at, len }));
        }
        assert_eq!(Footer::decode(link(65_000)), Some(Footer::Link { from: 65_000 }));
    }

    #[test]
    fn other_words_are_neither() {
        for word in [0, u64::MAX, 7 << 44, footer(8, 0), footer(8, MAX_RECORD_LEN + 1), link(8) | 1 << 44] {
            assert_eq!(Footer::decode(word), None, "{word:x}");
        }
        assert_eq!(record_len(1), WORD_RECORD_LEN);
        assert_eq!(record_len(8), WORD_RECORD_LEN);
        assert_eq!(record_len(9), 24);
    }
}
