//! The hash function whose results are stored: SipHash-1-3 with a 128-bit key.
//!
//! What it returns for a key and bytes never changes, because the order of stored entries depends on it;
//! a segment's header holds the key and [`FUNCTION_ID`]. Without the key nobody can choose bytes that
//! collide. Private maps, which die with the process, use faster functions of their own.
//!
//! Bytes `00 01 … (n − 1)` hashed with the key `00 01 … 0f`:
//!
//! | n | hash |
//! |---:|---|
//! | 0 | `abac0158050fc4dc` |
//! | 1 | `c9f49bf37d57ca93` |
//! | 8 | `369095118d299a8e` |
//! | 15 | `d320d86d2a519956` |
//! | 63 | `9d199062b7bbb3a8` |

use siphasher::sip::SipHasher13;

/// Names this function in stored headers.
pub const FUNCTION_ID: u32 = 1;

/// Bits of a hash that order keys within a slot.
const HASH_BITS: u32 = 50;

/// The function with its key.
#[derive(Clone, Copy)]
pub struct StoredHasher {
    key: [u64; 2],
}

/// Says nothing: the key is a secret.
impl std::fmt::Debug for StoredHasher {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("StoredHasher")
    }
}

impl StoredHasher {
    /// The function with this key, which should be random and secret.
    pub fn new(key: [u8; 16]) -> StoredHasher {
        let half = |at: usize| u64::from_le_bytes(std::array::from_fn(|byte| key[at + byte]));
        StoredHasher { key: [half(0), half(8)] }
    }

    /// All 64 bits of the hash.
    #[inline]
    pub fn hash(&self, bytes: &[u8]) -> u64 {
        SipHasher13::new_with_keys(self.key[0], self.key[1]).hash(bytes)
    }

    /// The hash by which an index of slots orders keys: the slot in the upper 14 bits, the low 50 bits of
    /// the key's hash below.
    #[inline]
    pub fn hash_in_slot(&self, slot: u16, key: &[u8]) -> u64 {
        u64::from(slot) << HASH_BITS | self.hash(key) & ((1 << HASH_BITS) - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SipHash-c-d, written down from its definition.
    fn sip(c: usize, d: usize, key: [u8; 16], bytes: &[u8]) -> u64 {
        fn round(v: &mut [u64; 4]) {
            for (a, b, turn, half) in
                [(0, 1, 13, true), (2, 3, 16, false), (0, 3, 21, false), (2, 1, 17, true)]
            {
                v[a] = v[a].wrapping_add(v[b]);
                v[b] = v[b].rotate_left(turn) ^ v[a];
                if half {
                    v[a] = v[a].rotate_left(32);
                }
            }
        }
        let word = |bytes: &[u8]| u64::from_le_bytes(*bytes.first_chunk().unwrap());
        let (k0, k1) = (word(&key), word(&key[8..]));
        let mut v = [
            k0 ^ 0x736f_6d65_7073_6575,
            k1 ^ 0x646f_7261_6e64_6f6d,
            k0 ^ 0x6c79_6765_6e65_7261,
            k1 ^ 0x7465_6462_7974_6573,
        ];
        let mut padded = bytes.to_vec();
        padded.resize(bytes.len() / 8 * 8 + 7, 0);
        padded.push(bytes.len() as u8);
        for chunk in padded.chunks_exact(8) {
            v[3] ^= word(chunk);
            (0..c).for_each(|_| round(&mut v));
            v[0] ^= word(chunk);
        }
        v[2] ^= 0xFF;
        (0..d).for_each(|_| round(&mut v));
        v[0] ^ v[1] ^ v[2] ^ v[3]
    }

    fn ascending<const N: usize>() -> [u8; N] {
        std::array::from_fn(|at| at as u8)
    }

    #[test]
    fn agrees_with_the_definition_at_every_length() {
        // The example of the paper by Aumasson and Bernstein.
        assert_eq!(sip(2, 4, ascending(), &ascending::<15>()), 0xa129_ca61_49be_45e5);
        let hasher = StoredHasher::new(ascending());
        for len in 0..200 {
            let bytes = &ascending::<200>()[..len];
            assert_eq!(hasher.hash(bytes), sip(1, 3, ascending(), bytes), "{len} bytes");
        }
    }

    #[test]
    fn the_documented_vectors_hold() {
        let hasher = StoredHasher::new(ascending());
        for (len, hash) in [
            (0, 0xabac_0158_050f_c4dc),
            (1, 0xc9f4_9bf3_7d57_ca93),
            (8, 0x3690_9511_8d29_9a8e),
            (15, 0xd320_d86d_2a51_9956),
            (63, 0x9d19_9062_b7bb_b3a8),
        ] {
            assert_eq!(hasher.hash(&ascending::<63>()[..len]), hash, "{len} bytes");
        }
    }

    #[test]
    fn the_slot_comes_first() {
        let hasher = StoredHasher::new([7; 16]);
        let hash = hasher.hash_in_slot(16_383, b"key");
        assert_eq!(hash >> 50, 16_383);
        assert_eq!(hash << 14, hasher.hash(b"key") << 14);
    }
}
