//! Random numbers for handlers: fast, seeded by the system, of no use to cryptography.

use std::hash::{BuildHasher, RandomState};

/// Marsaglia's xorshift64*.
#[derive(Debug)]
pub struct Random(u64);

impl Random {
    /// With a seed of the system's.
    pub fn seeded() -> Random {
        Random(RandomState::new().hash_one(0_u8) | 1)
    }

    /// The next number, any of 64 bits.
    #[inline]
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }
}
