//! From registers to the number of elements: the improved raw estimator of Ertl, "New cardinality estimation
//! algorithms for HyperLogLog sketches" (arXiv:1702.01284), algorithm 6. It needs only to know how many
//! registers have each rank.
//!
//! The order of the floating-point operations is fixed: estimates are stored and compared.

use super::{RANK_MAX, REGISTERS};

/// How many registers have each rank. Six bits hold more than an element can have.
pub(super) type Histogram = [u32; 64];

/// The limit of the bias correction for many registers: 1 / (2 ln 2).
const ALPHA: f64 = 0.721_347_520_444_481_7;

/// Counts ranks, given in groups of eight.
pub(super) fn of_groups(groups: impl Iterator<Item = [u8; 8]>) -> Histogram {
    // Neighbours often are alike: counting them in one place would wait for each other's stores.
    let mut parts = [[0_u32; 64]; 4];
    for group in groups {
        for pair in group.as_chunks::<4>().0 {
            for (part, rank) in parts.iter_mut().zip(pair) {
                part[usize::from(rank & 63)] += 1;
            }
        }
    }
    std::array::from_fn(|rank| parts.iter().map(|part| part[rank]).sum())
}

/// Counts the ranks of all registers.
pub(super) fn histogram(ranks: &[u8; REGISTERS]) -> Histogram {
    of_groups(ranks.as_chunks::<8>().0.iter().copied())
}

/// The estimate for all registers.
pub(super) fn of(histogram: &Histogram) -> u64 {
    let share = |count: u32| f64::from(count) / REGISTERS as f64;
    let registers = REGISTERS as f64;
    let top = usize::from(RANK_MAX);
    let mut sum = registers * tau(share(REGISTERS as u32 - histogram[top]));
    for rank in (1..top).rev() {
        sum = (sum + f64::from(histogram[rank])) * 0.5;
    }
    sum += registers * sigma(share(histogram[0]));
    let estimate = (ALPHA * registers * registers / sum).round();
    // Only made-up registers say so much; it is what a conversion to 64 bits with a sign makes of it.
    if estimate < (1_u64 << 63) as f64 { estimate as u64 } else { 1 << 63 }
}

/// Corrects for registers that can rise no higher; `x` is the share of the others.
fn tau(mut x: f64) -> f64 {
    if x == 0.0 || x == 1.0 {
        return 0.0;
    }
    let (mut y, mut z) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = z;
        y *= 0.5;
        z -= (1.0 - x) * (1.0 - x) * y;
        if z == before {
            return z / 3.0;
        }
    }
}

/// Corrects for registers that have met no element; `x` is their share.
fn sigma(mut x: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    let (mut y, mut z) = (1.0, x);
    loop {
        x *= x;
        let before = z;
        z += x * y;
        y += y;
        if z == before {
            return z;
        }
    }
}
