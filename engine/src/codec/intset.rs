//! Sets of integers in one string.
//!
//! ```text
//! 0  bytes of an integer, u32: 2, 4 or 8
//! 4  count, u32
//! 8  integers, ascending, little-endian
//! ```

use super::Malformed;

const HEADER_LEN: usize = 8;

/// The integers, which are in order and not none.
///
/// # Errors
/// [`Malformed`].
pub fn read(bytes: &[u8]) -> Result<impl Iterator<Item = i64>, Malformed> {
    let (header, body) = bytes.split_first_chunk::<HEADER_LEN>().ok_or(Malformed)?;
    let [w0, w1, w2, w3, c0, c1, c2, c3] = *header;
    let (width, count) = (u32::from_le_bytes([w0, w1, w2, w3]), u32::from_le_bytes([c0, c1, c2, c3]));
    let width = match width {
        2 | 4 | 8 => width as usize,
        _ => return Err(Malformed),
    };
    if count == 0 || (count as usize).checked_mul(width) != Some(body.len()) {
        return Err(Malformed);
    }
    let integers = body.chunks_exact(width).map(signed);
    if !integers.clone().is_sorted_by(|one, next| one < next) {
        return Err(Malformed);
    }
    Ok(integers)
}

fn signed(bytes: &[u8]) -> i64 {
    let is_negative = bytes.last().is_some_and(|byte| byte & 0x80 != 0);
    let mut word = if is_negative { [0xFF; 8] } else { [0; 8] };
    word[..bytes.len()].copy_from_slice(bytes);
    i64::from_le_bytes(word)
}

/// The string that holds these integers, in any order, each of them once.
pub fn write(mut integers: Vec<i64>) -> Vec<u8> {
    integers.sort_unstable();
    let (least, greatest) = (integers.first().copied().unwrap_or(0), integers.last().copied().unwrap_or(0));
    let width = match () {
        () if i16::try_from(least).is_ok() && i16::try_from(greatest).is_ok() => 2,
        () if i32::try_from(least).is_ok() && i32::try_from(greatest).is_ok() => 4,
        () => 8,
    };
    let mut out = Vec::with_capacity(HEADER_LEN + integers.len() * width);
    out.extend_from_slice(&(width as u32).to_le_bytes());
    out.extend_from_slice(&(integers.len() as u32).to_le_bytes());
    for integer in integers {
        out.extend_from_slice(&integer.to_le_bytes()[..width]);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(bytes: &[u8]) -> Result<Vec<i64>, Malformed> {
        read(bytes).map(Iterator::collect)
    }

    #[test]
    fn integers_are_read_as_they_are_written() {
        for (integers, width) in [
            (vec![-32768, 0, 32767], 2),
            (vec![-32769, 1], 4),
            (vec![1, 32768], 4),
            (vec![i64::from(i32::MIN), i64::from(i32::MAX)], 4),
            (vec![1, i64::from(i32::MAX) + 1], 8),
            (vec![i64::MIN, -1, i64::MAX], 8),
        ] {
            let mut any_order = integers.clone();
            any_order.reverse();
            let bytes = write(any_order);
            assert_eq!(bytes.len(), 8 + integers.len() * width);
            assert_eq!(read_all(&bytes), Ok(integers));
        }
    }

    #[test]
    fn damage_is_found() {
        let good = write(vec![1, 2, 3]);
        for len in 0..good.len() {
            assert_eq!(read_all(&good[..len]), Err(Malformed));
        }
        for (at, byte) in [(0, 0), (0, 1), (0, 3), (0, 4), (4, 2), (4, 0), (7, 0xFF), (8, 2), (8, 9), (10, 1)]
        {
            let mut bad = good.clone();
            bad[at] = byte;
            assert_eq!(read_all(&bad), Err(Malformed), "byte {at} is {byte}");
        }
        assert_eq!(read_all(&write(Vec::new())), Err(Malformed));
    }
}
