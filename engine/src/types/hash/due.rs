//! When which field of a hash is due.
//!
//! ```text
//! 0  deadline, unix milliseconds   u48
//! 6  hash of the field's name      u64
//! ```
//! Fields with the same hash and deadline share one element.

use std::cmp::Ordering;

use shm::Heap;
use shm::rbtree::Packing;

use crate::types::element::{Elements, garbage};

/// Pairs of a deadline and the hash of a name, ordered by both.
#[derive(Debug, Clone, Copy)]
pub struct Dues;

const DEADLINE_LEN: usize = 6;
const LEN: usize = DEADLINE_LEN + 8;

impl Packing for Dues {
    type Key<'k> = (u64, u64);
    type Item<'i> = (u64, u64);

    const ELEMENT_LEN: Option<usize> = Some(LEN);

    #[inline]
    fn encoded_len(self, _: (u64, u64)) -> usize {
        LEN
    }

    #[inline]
    fn encode(self, (deadline_ms, hash): (u64, u64), _: u64, out: &mut [u8]) {
        out[..DEADLINE_LEN].copy_from_slice(&deadline_ms.to_le_bytes()[..DEADLINE_LEN]);
        out[DEADLINE_LEN..LEN].copy_from_slice(&hash.to_le_bytes());
    }

    #[inline]
    fn element_len(self, bytes: &[u8]) -> usize {
        LEN.min(bytes.len())
    }

    #[inline]
    fn decode(self, bytes: &[u8], _: u64) -> (u64, u64) {
        let number = |bytes: &[u8]| {
            let mut word = [0; 8];
            word[..bytes.len()].copy_from_slice(bytes);
            u64::from_le_bytes(word)
        };
        let (deadline_ms, hash) = bytes.split_at(DEADLINE_LEN);
        (number(deadline_ms), number(hash))
    }

    fn is_sound(self, bytes: &[u8], _: u64) -> bool {
        bytes.len() == LEN
    }

    #[inline]
    fn key_of<'i>(self, _: &Heap, item: Self::Item<'i>) -> Self::Key<'i> {
        item
    }

    #[inline]
    fn compare(self, _: &Heap, key: (u64, u64), item: (u64, u64)) -> Ordering {
        key.cmp(&item)
    }
}

impl Elements for Dues {
    const GARBAGE: u8 = garbage::HASH_DUE;
}
