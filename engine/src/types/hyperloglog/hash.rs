//! What an element says to a HyperLogLog: MurmurHash64A (Austin Appleby, public domain) with a fixed seed.

use super::INDEX_BITS;

const SEED: u64 = 0xadc8_3b19;
const FACTOR: u64 = 0xc6a4_a793_5bd1_e995;
const SHIFT: u32 = 47;

/// The hash of any bytes. The same on machines of either byte order.
pub(super) fn murmur64a(bytes: &[u8], seed: u64) -> u64 {
    let mut hash = seed ^ (bytes.len() as u64).wrapping_mul(FACTOR);
    let mut words = bytes.chunks_exact(8);
    for word in &mut words {
        let mut word = u64::from_le_bytes(std::array::from_fn(|at| word[at])).wrapping_mul(FACTOR);
        word ^= word >> SHIFT;
        hash = (hash ^ word.wrapping_mul(FACTOR)).wrapping_mul(FACTOR);
    }
    let rest = words.remainder();
    if !rest.is_empty() {
        let tail = rest.iter().rev().fold(0, |tail, byte| tail << 8 | u64::from(*byte));
        hash = (hash ^ tail).wrapping_mul(FACTOR);
    }
    hash = (hash ^ hash >> SHIFT).wrapping_mul(FACTOR);
    hash ^ hash >> SHIFT
}

/// What is left of an element: which register it goes to, and how rare it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// Number of the register.
    pub index: usize,
    /// The place of the first set bit in the rest of the hash, from 1 to `RANK_MAX`.
    pub rank: u8,
}

impl Mark {
    pub fn of(element: &[u8]) -> Mark {
        let hash = murmur64a(element, SEED);
        let index = (hash & ((1 << INDEX_BITS) - 1)) as usize;
        // A bit behind the last one ends the search.
        let rest = hash >> INDEX_BITS | 1 << (64 - INDEX_BITS);
        Mark { index, rank: rest.trailing_zeros() as u8 + 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rarest_mark() {
        for number in 0..10_000 {
            let mark = Mark::of(format!("element:{number}").as_bytes());
            assert!(mark.index < super::super::REGISTERS);
            assert!((1..=super::super::RANK_MAX).contains(&mark.rank));
        }
    }
}
