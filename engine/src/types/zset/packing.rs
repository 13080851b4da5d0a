//! How the two trees of a sorted set are packed.
//!
//! ```text
//! by score   score f64, member as a text          ordered by score, then member
//! by hash    hash u32, score f64                  ordered by hash, then score
//! ```
//! The hash is the upper half of the member's. The second tree leads from a member to its score, and so into the first
//! one; two members with the same hash and score have equal elements there, and which is whose does not matter.

use std::cmp::Ordering;

use shm::Heap;
use shm::rbtree::Packing;

use crate::types::element::{Elements, Owned, garbage};
use crate::types::text::Text;

/// A member with its score.
#[derive(Debug, Clone, Copy)]
pub struct Scored<'a> {
    pub score: f64,
    pub text: Text<'a>,
}

/// A score as a number that orders as scores do. Both zeros are the same one; 0 stands for no score.
#[inline]
pub fn ordered(score: f64) -> u64 {
    const NEGATIVE_ZERO: u64 = (1 << 63) - 1;
    let bits = score.to_bits();
    // Negative numbers are turned over, the others come after them; the positive zero is next to the negative one.
    let ordered = bits ^ ((bits.cast_signed() >> 63).cast_unsigned() | 1 << 63);
    ordered + u64::from(ordered == NEGATIVE_ZERO)
}

const SCORE_LEN: usize = 8;

fn score_at(bytes: &[u8]) -> f64 {
    f64::from_le_bytes(bytes[..SCORE_LEN].try_into().unwrap_or_default())
}

/// What is looked for among members with their scores. Scores are [`ordered`].
#[derive(Debug, Clone, Copy)]
pub enum Sought<'k> {
    Member(u64, Text<'k>),
    /// The place before all members with this score, or a higher one.
    Before(u64),
    /// The place after all members with this score, or a lower one.
    After(u64),
    /// A member of any score: of use where all members have the same.
    AnyScore(Text<'k>),
}

impl Sought<'_> {
    /// Where it stands relative to an element; its text is asked for only where it matters.
    #[inline]
    fn compare<'i>(self, heap: &Heap, score: f64, text: impl FnOnce() -> Text<'i>) -> Ordering {
        let own = ordered(score);
        match self {
            Sought::Member(score, sought) => score.cmp(&own).then_with(|| sought.compare(heap, text())),
            Sought::Before(score) => score.cmp(&own).then(Ordering::Less),
            Sought::After(score) => score.cmp(&own).then(Ordering::Greater),
            Sought::AnyScore(sought) => sought.compare(heap, text()),
        }
    }
}

/// The packing by score.
#[derive(Debug, Clone, Copy)]
pub struct ByScore;

impl Packing for ByScore {
    type Key<'k> = Sought<'k>;
    type Item<'i> = Scored<'i>;

    #[inline]
    fn encoded_len(self, item: Scored<'_>) -> usize {
        SCORE_LEN + item.text.encoded_len()
    }

    #[inline]
    fn encode(self, item: Scored<'_>, _: u64, out: &mut [u8]) {
        let (score, rest) = out.split_at_mut(SCORE_LEN);
        score.copy_from_slice(&item.score.to_le_bytes());
        item.text.encode(rest);
    }

    #[inline]
    fn element_len(self, bytes: &[u8]) -> usize {
        match bytes.get(SCORE_LEN..) {
            Some(text @ [_, ..]) => SCORE_LEN + Text::len_at(text),
            _ => bytes.len(),
        }
    }

    #[inline]
    fn decode(self, bytes: &[u8], _: u64) -> Scored<'_> {
        Scored { score: score_at(bytes), text: Text::decode(&bytes[SCORE_LEN..]).0 }
    }

    fn is_sound(self, bytes: &[u8], _: u64) -> bool {
        bytes.len() > SCORE_LEN
            && !score_at(bytes).is_nan()
            && Text::sound_rest(&bytes[SCORE_LEN..]).is_some_and(<[u8]>::is_empty)
    }

    fn key_of<'i>(self, _: &Heap, item: Self::Item<'i>) -> Self::Key<'i> {
        Sought::Member(ordered(item.score), item.text)
    }

    #[inline]
    fn compare(self, heap: &Heap, key: Sought<'_>, item: Scored<'_>) -> Ordering {
        key.compare(heap, item.score, || item.text)
    }

    #[inline]
    fn compare_bytes(self, heap: &Heap, key: Sought<'_>, bytes: &[u8], _: u64) -> Ordering {
        key.compare(heap, score_at(bytes), || Text::decode(&bytes[SCORE_LEN..]).0)
    }

    #[inline]
    fn lead(score: u64) -> u64 {
        ordered(f64::from_bits(score))
    }

    #[inline]
    fn lead_of_key(self, key: Sought<'_>) -> Option<u64> {
        match key {
            Sought::Member(score, _) | Sought::Before(score) | Sought::After(score) => Some(score),
            Sought::AnyScore(_) => None,
        }
    }
}

impl Elements for ByScore {
    const GARBAGE: u8 = garbage::ZSET_SCORES;

    #[inline]
    fn owned(item: Scored<'_>) -> Owned {
        [item.text.extent(), None]
    }

    fn with_owned<'i>(item: Self::Item<'i>, owned: Owned) -> Self::Item<'i> {
        Scored { text: owned[0].map_or(item.text, Text::Apart), ..item }
    }
}

/// A member's hash with its score.
#[derive(Debug, Clone, Copy)]
pub struct Hashed {
    pub hash: u32,
    pub score: f64,
}

/// What is looked for among hashes: one with its score, which is [`ordered`], or any element with the hash.
#[derive(Debug, Clone, Copy)]
pub struct SoughtHash {
    pub hash: u32,
    pub score: Option<u64>,
}

/// The packing by hash.
#[derive(Debug, Clone, Copy)]
pub struct ByHash;

const HASH_LEN: usize = 4;

impl Packing for ByHash {
    type Key<'k> = SoughtHash;
    type Item<'i> = Hashed;

    const UNIQUE: bool = false;
    const ELEMENT_LEN: Option<usize> = Some(HASH_LEN + SCORE_LEN);

    #[inline]
    fn encoded_len(self, _: Hashed) -> usize {
        HASH_LEN + SCORE_LEN
    }

    #[inline]
    fn encode(self, item: Hashed, _: u64, out: &mut [u8]) {
        let (hash, score) = out.split_at_mut(HASH_LEN);
        hash.copy_from_slice(&item.hash.to_le_bytes());
        score.copy_from_slice(&item.score.to_le_bytes());
    }

    #[inline]
    fn element_len(self, bytes: &[u8]) -> usize {
        bytes.len().min(HASH_LEN + SCORE_LEN)
    }

    #[inline]
    fn decode(self, bytes: &[u8], _: u64) -> Hashed {
        let (hash, score) = bytes.split_at(HASH_LEN);
        Hashed { hash: u32::from_le_bytes(hash.try_into().unwrap_or_default()), score: score_at(score) }
    }

    fn is_sound(self, bytes: &[u8], _: u64) -> bool {
        bytes.len() == HASH_LEN + SCORE_LEN && !score_at(&bytes[HASH_LEN..]).is_nan()
    }

    fn key_of<'i>(self, _: &Heap, item: Self::Item<'i>) -> Self::Key<'i> {
        SoughtHash { hash: item.hash, score: Some(ordered(item.score)) }
    }

    #[inline]
    fn compare(self, _: &Heap, key: SoughtHash, item: Hashed) -> Ordering {
        key.hash.cmp(&item.hash).then_with(|| match key.score {
            Some(score) => score.cmp(&ordered(item.score)),
            None => Ordering::Equal,
        })
    }

    #[inline]
    fn lead(hash_and_more: u64) -> u64 {
        hash_and_more & u64::from(u32::MAX)
    }

    #[inline]
    fn lead_of_key(self, key: SoughtHash) -> Option<u64> {
        Some(u64::from(key.hash))
    }
}

impl Elements for ByHash {
    const GARBAGE: u8 = garbage::ZSET_HASHES;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_ordered_as_numbers() {
        let scores = [f64::NEG_INFINITY, f64::MIN, -1.5, -5e-324, 0.0, 5e-324, 1.0, f64::MAX, f64::INFINITY];
        assert!(scores.windows(2).all(|pair| ordered(pair[0]) < ordered(pair[1])));
        assert_eq!(ordered(-0.0), ordered(0.0));
        assert!(ordered(f64::NEG_INFINITY) > 0);
    }

    #[test]
    fn damaged_elements_are_told_apart() {
        let nan = [&f64::NAN.to_le_bytes()[..], &[1, b'a']].concat();
        let short = [&1f64.to_le_bytes()[..], &[2, b'a']].concat();
        let sound = [&1f64.to_le_bytes()[..], &[1, b'a']].concat();
        assert!(!ByScore.is_sound(&nan, 0) && !ByScore.is_sound(&short, 0) && ByScore.is_sound(&sound, 0));
        assert!(!ByScore.is_sound(&sound[..8], 0));
        assert_eq!(ByScore.element_len(&sound[..8]), 8);
        assert!(!ByHash.is_sound(&[&[0; 4][..], &nan[..8]].concat(), 0));
        assert!(ByHash.is_sound(&[0; 12], 0) && !ByHash.is_sound(&[0; 11], 0));
    }
}
