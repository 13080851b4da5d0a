//! Names of commands, in a form that is compared in one step whatever their case.

/// A name of up to 16 bytes: its length, and its two ends with `a` to `z` as `A` to `Z`. Together they cover it, and
/// may overlap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShortName {
    ends: [u64; 2],
    len: usize,
}

impl ShortName {
    /// `None` for longer ones.
    #[inline]
    pub fn new(name: &[u8]) -> Option<ShortName> {
        let len = name.len();
        let ends = match name {
            [] => [0, 0],
            [first, ..] if len < 4 => {
                [u64::from(u32::from_le_bytes([*first, name[len / 2], name[len - 1], 0])), 0]
            }
            _ if len < 8 => {
                let [low, high] =
                    [name.first_chunk()?, name.last_chunk()?].map(|end| u32::from_le_bytes(*end));
                [u64::from(low) | u64::from(high) << 32, 0]
            }
            _ if len <= 16 => [name.first_chunk()?, name.last_chunk()?].map(|end| u64::from_le_bytes(*end)),
            _ => return None,
        };
        Some(ShortName { ends: ends.map(to_upper), len })
    }

    /// A hash for tables of names.
    #[inline]
    pub fn hash(self) -> usize {
        let folded = self.ends[0] ^ self.ends[1].rotate_left(23);
        // Fibonacci hashing (Knuth, The Art of Computer Programming 3, 6.4).
        (folded.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as usize
    }
}

/// Eight bytes at once: 0x20 less for each from `a` to `z`.
#[inline]
fn to_upper(bytes: u64) -> u64 {
    const EACH: u64 = u64::MAX / 0xFF;
    let low_seven = bytes & (EACH * 0x7F);
    // The top bit of a byte: it is at least `a`; it is above `z`. No byte carries into the next.
    let from_a = low_seven + EACH * (0x80 - b'a' as u64);
    let above_z = low_seven + EACH * (0x7F - b'z' as u64);
    let is_lower = from_a & !above_z & !bytes & (EACH * 0x80);
    bytes - (is_lower >> 2)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_byte_at_every_place_counts() {
        for len in 1..=16 {
            for place in 0..len {
                let with = |byte: u8| {
                    let mut name = vec![b'q'; len];
                    name[place] = byte;
                    ShortName::new(&name).expect("short")
                };
                for byte in 0..=255_u8 {
                    let same = (0..=255).filter(|&other| with(other) == with(byte)).collect::<Vec<u8>>();
                    let expected =
                        (0..=255_u8).filter(|other| other.eq_ignore_ascii_case(&byte)).collect::<Vec<u8>>();
                    assert_eq!(same, expected, "{byte} at {place} of {len}");
                }
            }
        }
        assert_eq!(ShortName::new(&[b'A'; 17]), None);
        assert_ne!(ShortName::new(b"GET"), ShortName::new(b"GET\0"));
    }

    proptest! {
        #[test]
        fn equal_in_any_case_and_only_then(one: [u8; 16], other: [u8; 16], len in 0..=16_usize, swap: u16) {
            let one = &one[..len];
            let cased: Vec<u8> = one.iter().enumerate().map(|(at, byte)| {
                if swap >> at & 1 == 1 { byte.to_ascii_lowercase() } else { byte.to_ascii_uppercase() }
            }).collect();
            prop_assert_eq!(ShortName::new(one), ShortName::new(&cased));
            let same = one.eq_ignore_ascii_case(&other[..len]);
            prop_assert_eq!(ShortName::new(one) == ShortName::new(&other[..len]), same);
        }
    }
}
