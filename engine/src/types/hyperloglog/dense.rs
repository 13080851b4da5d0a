//! Registers of six bits, one after the other: the first in the low bits of the first byte.

use super::{REGISTERS, estimate};

const BITS: usize = 6;
const MASK: u16 = (1 << BITS) - 1;
/// Bytes of all registers.
pub(super) const BYTES: usize = REGISTERS * BITS / 8;

/// Where the two bytes are that hold a register. The last one ends at the last byte, so it is looked at
/// from the byte before.
pub(super) fn place(index: usize) -> usize {
    (index * BITS / 8).min(BYTES - 2)
}

/// Where a register begins in its two bytes.
fn shift(index: usize) -> usize {
    index * BITS - 8 * place(index)
}

pub(super) fn rank_in(bytes: [u8; 2], index: usize) -> u8 {
    (u16::from_le_bytes(bytes) >> shift(index) & MASK) as u8
}

pub(super) fn with_rank(bytes: [u8; 2], index: usize, rank: u8) -> [u8; 2] {
    let kept = u16::from_le_bytes(bytes) & !(MASK << shift(index));
    (kept | u16::from(rank) << shift(index)).to_le_bytes()
}

/// Registers that are looked at together.
const GROUP: usize = 8;
const GROUP_BYTES: usize = GROUP * BITS / 8;

fn group(bytes: &[u8; GROUP_BYTES]) -> [u8; GROUP] {
    let mut word = [0; 8];
    word[..GROUP_BYTES].copy_from_slice(bytes);
    let word = u64::from_le_bytes(word);
    std::array::from_fn(|at| (word >> (BITS * at)) as u8 & MASK as u8)
}

fn groups(registers: &[u8]) -> impl Iterator<Item = [u8; GROUP]> {
    registers.as_chunks::<GROUP_BYTES>().0.iter().map(group)
}

/// How many registers have each rank.
pub(super) fn histogram(registers: &[u8]) -> estimate::Histogram {
    estimate::of_groups(groups(registers))
}

/// Raises ranks to those of the registers.
pub(super) fn raise_all(registers: &[u8], ranks: &mut [u8; REGISTERS]) {
    for (ranks, group) in ranks.as_chunks_mut::<GROUP>().0.iter_mut().zip(groups(registers)) {
        for (rank, other) in ranks.iter_mut().zip(group) {
            *rank = (*rank).max(other);
        }
    }
}

/// Writes all registers.
pub(super) fn store_all(ranks: &[u8; REGISTERS], registers: &mut [u8]) {
    let groups = ranks.as_chunks::<GROUP>().0;
    for (bytes, group) in registers.as_chunks_mut::<GROUP_BYTES>().0.iter_mut().zip(groups) {
        let word = group.iter().rev().fold(0_u64, |word, rank| word << BITS | u64::from(*rank & MASK as u8));
        bytes.copy_from_slice(&word.to_le_bytes()[..GROUP_BYTES]);
    }
}
