//! Cluster slots: CRC16 of the key, or of its hash tag, modulo 16384.

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
const TABLE: [u16; 256] = {
    let mut table = [0_u16; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = (byte as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 0x8000 != 0 { crc << 1 ^ 0x1021 } else { crc << 1 };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
};

fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, &byte| crc << 8 ^ TABLE[usize::from((crc >> 8) as u8 ^ byte)])
}

/// What of a key decides its slot: the text between the first `{` and the next `}` unless it is empty.
#[inline]
pub fn hash_tag(key: &[u8]) -> &[u8] {
    let Some(open) = key.iter().position(|&byte| byte == b'{') else { return key };
    match key[open + 1..].iter().position(|&byte| byte == b'}') {
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
