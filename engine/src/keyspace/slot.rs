//! Cluster slots: CRC16 of the key, or of its hash tag, modulo 16384.

use memchr::memchr;

/// How many slots there are.
pub const SLOT_COUNT: u16 = 16_384;

/// Consecutive slots: those of a shard. Never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlotRange {
    first: u16,
    count: u16,
}

impl SlotRange {
    /// `count` slots from `first` on; `None` if there are none or not so many.
    pub fn new(first: u16, count: u16) -> Option<SlotRange> {
        let fits = count > 0 && first.checked_add(count).is_some_and(|end| end <= SLOT_COUNT);
        fits.then_some(SlotRange { first, count })
    }

    /// All slots.
    pub const ALL: SlotRange = SlotRange { first: 0, count: SLOT_COUNT };

    #[inline]
    pub fn first(self) -> u16 {
        self.first
    }

    #[inline]
    pub fn count(self) -> u16 {
        self.count
    }

    #[inline]
    pub fn contains(self, slot: u16) -> bool {
        slot >= self.first && slot - self.first < self.count
    }
}

/// CRC-16/XMODEM: polynomial 0x1021, initial value 0, as the cluster specification of Redis demands.
/// `TABLES[n][byte]` is the CRC of the byte and `n` zeros after it, so that the bytes of a chunk are looked up
/// independently of each other ("slicing by 8", Kounavis and Berry 2005).
const TABLES: [[u16; 256]; CHUNK_LEN] = {
    let mut tables = [[0_u16; 256]; CHUNK_LEN];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = (byte as u16) << 8;
        let mut shift = 0;
        while shift < 8 * CHUNK_LEN {
            crc = if crc & 0x8000 != 0 { crc << 1 ^ 0x1021 } else { crc << 1 };
            shift += 1;
            if shift % 8 == 0 {
                tables[shift / 8 - 1][byte] = crc;
            }
        }
        byte += 1;
    }
    tables
};
const CHUNK_LEN: usize = 8;

#[inline]
fn crc16(bytes: &[u8]) -> u16 {
    let (chunks, rest) = bytes.as_chunks::<CHUNK_LEN>();
    let crc = chunks.iter().fold(0, |crc, chunk| crc16_of_chunk(crc, chunk));
    match rest {
        [] => crc,
        [byte] => crc << 8 ^ TABLES[0][usize::from((crc >> 8) as u8 ^ byte)],
        _ => crc16_of_chunk(crc, rest),
    }
}

/// Goes on with 2 to [`CHUNK_LEN`] bytes: the CRC so far is added to the first two.
#[inline(always)]
fn crc16_of_chunk(crc: u16, chunk: &[u8]) -> u16 {
    let last = chunk.len() - 1;
    let so_far = crc.to_be_bytes();
    let mut sum = 0;
    for (at, byte) in chunk.iter().enumerate() {
        let byte = byte ^ so_far.get(at).copied().unwrap_or(0);
        sum ^= TABLES[last - at][usize::from(byte)];
    }
    sum
}

/// What of a key decides its slot: the text between the first `{` and the next `}` unless it is empty.
#[inline]
pub fn hash_tag(key: &[u8]) -> &[u8] {
    let Some(open) = memchr(b'{', key) else { return key };
    match memchr(b'}', &key[open + 1..]) {
        Some(len) if len > 0 => &key[open + 1..open + 1 + len],
        _ => key,
    }
}

/// The slot of a key, below [`SLOT_COUNT`]. O(length).
#[inline]
pub fn slot_of(key: &[u8]) -> u16 {
    crc16(hash_tag(key)) % SLOT_COUNT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_value_of_the_specification() {
        assert_eq!(crc16(b"123456789"), 0x31C3);
        // Bit by bit, as the definition has it.
        let slowly = |bytes: &[u8]| {
            bytes.iter().fold(0_u16, |crc, &byte| {
                let fed = crc ^ u16::from(byte) << 8;
                (0..8).fold(fed, |crc, _| if crc & 0x8000 != 0 { crc << 1 ^ 0x1021 } else { crc << 1 })
            })
        };
        let bytes: [u8; 100] = std::array::from_fn(|at| (at * 151 + 7) as u8);
        for len in 0..=bytes.len() {
            assert_eq!(crc16(&bytes[..len]), slowly(&bytes[..len]), "{len} bytes");
        }
    }

    #[test]
    fn hash_tags_choose_the_slot() {
        assert_eq!(slot_of(b"{user1000}.following"), slot_of(b"{user1000}.followers"));
        for (key, tag) in [
            ("foo{}{bar}", "foo{}{bar}"),
            ("foo{{bar}}zap", "{bar"),
            ("foo{bar}{zap}", "bar"),
            ("a{b", "a{b"),
        ] {
            assert_eq!(hash_tag(key.as_bytes()), tag.as_bytes(), "{key}");
        }
        assert_eq!(slot_of(b"foo"), 12182);
        assert_eq!(slot_of(b""), 0);
    }
}
