//! Numbers of as many bytes as they need: 7 bits a byte, least significant first, bit 7 set on all but the last.

/// Bytes of the longest.
pub const VARINT_MAX: usize = 10;

/// Bytes that a number takes.
#[inline]
pub fn len(value: u64) -> usize {
    (u64::BITS - (value | 1).leading_zeros()).div_ceil(7) as usize
}

/// Writes a number to the start of `out`; returns what is left of `out`.
#[inline]
pub fn put(out: &mut [u8], mut value: u64) -> &mut [u8] {
    let mut at = 0;
    while value >= 0x80 {
        out[at] = value as u8 | 0x80;
        value >>= 7;
        at += 1;
    }
    out[at] = value as u8;
    &mut out[at + 1..]
}

/// The number at the start of `bytes`, and what follows it. Says something, whatever the bytes are.
#[inline]
pub fn get(bytes: &[u8]) -> (u64, &[u8]) {
    let mut value = 0;
    for (at, byte) in bytes.iter().take(VARINT_MAX).enumerate() {
        value |= u64::from(byte & 0x7F) << (7 * at);
        if byte & 0x80 == 0 {
            return (value, &bytes[at + 1..]);
        }
    }
    (value, &bytes[bytes.len().min(VARINT_MAX)..])
}

/// [`get`] of bytes that may be damaged: `None` if no number ends there, or if it has another form as well.
pub fn sound(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (value, rest) = get(bytes);
    let mut again = [0; VARINT_MAX];
    put(&mut again, value);
    (bytes[..bytes.len() - rest.len()] == again[..len(value)]).then_some((value, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_they_are_written() {
        for value in [0, 1, 127, 128, 300, 16_383, 16_384, u64::from(u32::MAX), u64::MAX >> 1, u64::MAX] {
            let mut bytes = [7; VARINT_MAX + 2];
            let left = put(&mut bytes, value).len();
            assert_eq!(bytes.len() - left, len(value));
            assert_eq!(get(&bytes), (value, &[7; VARINT_MAX + 2][..left]));
            assert_eq!(sound(&bytes).map(|(value, _)| value), Some(value));
        }
        for damaged in [&b""[..], &[0x80], &[0x80, 0x00], &[0xFF; 12]] {
            assert_eq!(sound(damaged), None, "{damaged:?}");
            get(damaged);
        }
    }
}
