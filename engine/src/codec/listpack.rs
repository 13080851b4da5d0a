//! Texts and integers in one string, one behind the other: small lists, sets, hashes and sorted sets.
//!
//! ```text
//! 0  bytes of all, u32; number of elements, u16 (65535: not said); little-endian
//! 6  elements: what it is and how long, its bytes, the length of both once more
//! -  0xFF
//!
//! 0nnnnnnn                      integer, 7 bits without sign
//! 10nnnnnn                      text of up to 63 bytes
//! 110nnnnn nnnnnnnn             integer, 13 bits
//! 1110nnnn nnnnnnnn             text of up to 4095 bytes
//! 0xF0 u32                      text
//! 0xF1 to 0xF4                  integer of 16, 24, 32, 64 bits, little-endian
//! ```
//! The length behind an element is for walks backwards: digits of 7 bits, the most significant first, all but that one
//! with bit 7 set.

use super::Malformed;
use crate::number;

const HEADER_LEN: usize = 6;
const END: u8 = 0xFF;
const COUNT_UNSAID: u16 = u16::MAX;

const TEXT_6: u8 = 0x80;
const INT_13: u8 = 0xC0;
const TEXT_12: u8 = 0xE0;
const TEXT_32: u8 = 0xF0;
const INT_16: u8 = 0xF1;
const INT_24: u8 = 0xF2;
const INT_32: u8 = 0xF3;
const INT_64: u8 = 0xF4;

/// An element of a packed string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Element<'b> {
    Text(&'b [u8]),
    Integer(i64),
}

impl Element<'_> {
    /// Calls `visit` with the element as text.
    #[inline]
    pub fn with_text<R>(self, visit: impl FnOnce(&[u8]) -> R) -> R {
        match self {
            Element::Text(text) => visit(text),
            Element::Integer(integer) => visit(itoa::Buffer::new().format(integer).as_bytes()),
        }
    }

    /// The integer that the element is or spells.
    pub fn integer(self) -> Option<i64> {
        match self {
            Element::Text(text) => number::parse_i64(text),
            Element::Integer(integer) => Some(integer),
        }
    }
}

/// Takes elements one by one, and may refuse them.
pub type Visit<'v, 'b> = dyn FnMut(Element<'b>) -> Result<(), Malformed> + 'v;

// ---- reading ------------------------------------------------------------------------------------

/// Calls `visit` with each element. Returns how many there are.
///
/// # Errors
/// [`Malformed`]; or what `visit` says. It may have been called before.
pub fn read<'b>(bytes: &'b [u8], visit: &mut Visit<'_, 'b>) -> Result<usize, Malformed> {
    let (header, body) = bytes.split_first_chunk::<HEADER_LEN>().ok_or(Malformed)?;
    let [t0, t1, t2, t3, n0, n1] = *header;
    let (total, said) = (u32::from_le_bytes([t0, t1, t2, t3]), u16::from_le_bytes([n0, n1]));
    let Some((&END, mut rest)) = body.split_last() else { return Err(Malformed) };
    if total as usize != bytes.len() {
        return Err(Malformed);
    }
    let mut count = 0;
    while !rest.is_empty() {
        let (element, len) = element_at(rest).ok_or(Malformed)?;
        let (behind, digits) = length_behind(len);
        rest = rest[len..].strip_prefix(&behind[..digits]).ok_or(Malformed)?;
        visit(element)?;
        count += 1;
    }
    if said != COUNT_UNSAID && usize::from(said) != count {
        return Err(Malformed);
    }
    Ok(count)
}

/// The element at the start of `bytes`, and its length without the one behind it.
fn element_at(bytes: &[u8]) -> Option<(Element<'_>, usize)> {
    let first = *bytes.first()?;
    let text = |head: usize, len: usize| {
        let end = head.checked_add(len)?;
        Some((Element::Text(bytes.get(head..end)?), end))
    };
    let integer = |len: usize| {
        let digits = bytes.get(1..=len)?;
        let is_negative = digits[len - 1] & 0x80 != 0;
        let mut word = if is_negative { [0xFF; 8] } else { [0; 8] };
        word[..len].copy_from_slice(digits);
        Some((Element::Integer(i64::from_le_bytes(word)), 1 + len))
    };
    match first {
        0..TEXT_6 => Some((Element::Integer(i64::from(first)), 1)),
        TEXT_6..INT_13 => text(1, usize::from(first & 0x3F)),
        INT_13..TEXT_12 => {
            let raw = u16::from_be_bytes([first & 0x1F, *bytes.get(1)?]);
            // The sign is bit 12.
            Some((Element::Integer(i64::from((raw << 3).cast_signed() >> 3)), 2))
        }
        TEXT_12..TEXT_32 => text(2, usize::from(u16::from_be_bytes([first & 0x0F, *bytes.get(1)?]))),
        TEXT_32 => text(5, u32::from_le_bytes(*bytes.get(1..)?.first_chunk()?) as usize),
        INT_16 => integer(2),
        INT_24 => integer(3),
        INT_32 => integer(4),
        INT_64 => integer(8),
        _ => None,
    }
}

/// A length as it stands behind an element, and how many digits it has. Redis gives the greatest of each number of
/// digits but the first one digit more.
fn length_behind(len: usize) -> ([u8; 5], usize) {
    let digits = match len {
        0..=127 => 1,
        128..16_383 => 2,
        16_383..2_097_151 => 3,
        2_097_151..268_435_455 => 4,
        _ => 5,
    };
    let mut out = [0; 5];
    for (nth, digit) in out[..digits].iter_mut().enumerate() {
        let value = (len >> (7 * (digits - 1 - nth))) as u8 & 0x7F;
        *digit = if nth == 0 { value } else { value | 0x80 };
    }
    (out, digits)
}

// ---- writing ------------------------------------------------------------------------------------

/// A packed string that is being written.
#[derive(Debug)]
pub struct Listpack {
    bytes: Vec<u8>,
    count: usize,
}

impl Default for Listpack {
    fn default() -> Listpack {
        Listpack { bytes: vec![0; HEADER_LEN], count: 0 }
    }
}

impl Listpack {
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Bytes that it will take.
    pub fn len(&self) -> usize {
        self.bytes.len() + 1
    }

    /// Appends a text, as an integer if it spells one.
    pub fn push(&mut self, text: &[u8]) {
        if let Some(integer) = number::parse_i64(text) {
            return self.push_integer(integer);
        }
        let start = self.bytes.len();
        match text.len() {
            len @ 0..0x40 => self.bytes.push(TEXT_6 | len as u8),
            len @ 0x40..0x1000 => self.bytes.extend_from_slice(&(0xE000 | len as u16).to_be_bytes()),
            len => {
                self.bytes.push(TEXT_32);
                self.bytes.extend_from_slice(&(len as u32).to_le_bytes());
            }
        }
        self.bytes.extend_from_slice(text);
        self.end(start);
    }

    /// Appends an integer.
    pub fn push_integer(&mut self, integer: i64) {
        let start = self.bytes.len();
        let (code, len) = match integer {
            0..0x80 => {
                self.bytes.push(integer as u8);
                return self.end(start);
            }
            -0x1000..0x1000 => {
                self.bytes.extend_from_slice(&(0xC000 | integer as u16 & 0x1FFF).to_be_bytes());
                return self.end(start);
            }
            -0x8000..0x8000 => (INT_16, 2),
            -0x80_0000..0x80_0000 => (INT_24, 3),
            -0x8000_0000..0x8000_0000 => (INT_32, 4),
            _ => (INT_64, 8),
        };
        self.bytes.push(code);
        self.bytes.extend_from_slice(&integer.to_le_bytes()[..len]);
        self.end(start);
    }

    fn end(&mut self, start: usize) {
        let (behind, digits) = length_behind(self.bytes.len() - start);
        self.bytes.extend_from_slice(&behind[..digits]);
        self.count += 1;
    }

    /// The string; this is empty again.
    pub fn take(&mut self) -> Vec<u8> {
        let Listpack { mut bytes, count } = std::mem::take(self);
        bytes.push(END);
        let total = bytes.len() as u32;
        bytes[..4].copy_from_slice(&total.to_le_bytes());
        let said = u16::try_from(count).unwrap_or(COUNT_UNSAID);
        bytes[4..HEADER_LEN].copy_from_slice(&said.to_le_bytes());
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn texts(bytes: &[u8]) -> Result<Vec<Vec<u8>>, Malformed> {
        let mut texts = Vec::new();
        read(bytes, &mut |element| {
            texts.push(element.with_text(<[u8]>::to_vec));
            Ok(())
        })?;
        Ok(texts)
    }

    fn written(texts: &[Vec<u8>]) -> Vec<u8> {
        let mut listpack = Listpack::default();
        texts.iter().for_each(|text| listpack.push(text));
        let len = listpack.len();
        let bytes = listpack.take();
        assert_eq!(bytes.len(), len);
        assert!(listpack.is_empty());
        bytes
    }

    #[test]
    fn it_is_as_redis_writes_it() {
        let bytes = written(&["a", "1", "-5", "300", "70000", "5000000000"].map(|text| text.into()));
        let expected =
            b"\x21\x00\x00\x00\x06\x00\x81a\x02\x01\x01\xdf\xfb\x02\xc1\x2c\x02\xf2\x70\x11\x01\x04\
                         \xf4\x00\xf2\x05\x2a\x01\x00\x00\x00\x09\xff";
        assert_eq!(bytes, expected);
    }

    #[test]
    fn elements_at_the_edges_of_forms_are_read_as_they_are_written() {
        let mut all: Vec<Vec<u8>> = Vec::new();
        for power in [0, 6, 7, 8, 12, 13, 15, 16, 23, 24, 31, 32, 62, 63] {
            for near in [-1, 0, 1] {
                let number = (1_i128 << power) + near;
                all.extend([number.to_string().into_bytes(), (-number).to_string().into_bytes()]);
            }
        }
        for len in [
            0, 1, 62, 63, 64, 100, 122, 127, 128, 4094, 4095, 4096, 16_300, 16_370, 16_383, 16_384, 2_097_140,
        ] {
            all.push(vec![b'x'; len]);
        }
        for len in 16_360..16_390 {
            all.push(vec![b'x'; len]);
        }
        assert_eq!(texts(&written(&all)), Ok(all));
    }

    #[test]
    fn many_elements_are_not_counted() {
        for count in [65_534, 65_535, 65_536] {
            let all = vec![b"x".to_vec(); count];
            let bytes = written(&all);
            assert_eq!(u16::from_le_bytes([bytes[4], bytes[5]]), count.min(65_535) as u16);
            assert_eq!(texts(&bytes).map(|texts| texts.len()), Ok(count));
        }
    }

    #[test]
    fn damage_is_found() {
        let good = written(&[b"text".to_vec(), b"1".to_vec(), vec![b'y'; 200]]);
        for len in 0..good.len() {
            assert_eq!(texts(&good[..len]), Err(Malformed), "{len} bytes of it");
        }
        for (what, at, byte) in [
            ("total", 0, 1),
            ("count", 4, 2),
            ("count", 5, 1),
            ("a text as an integer", 6, 5),
            ("a longer text", 6, 0x85),
            ("an unknown form", 6, 0xF5),
            ("the end in the middle", 6, 0xFF),
            ("the length behind", 11, 4),
        ] {
            let mut bad = good.clone();
            bad[at] = byte;
            assert_eq!(texts(&bad), Err(Malformed), "{what}");
        }
        let mut unsaid = good.clone();
        unsaid[4..6].fill(0xFF);
        assert_eq!(texts(&unsaid).map(|texts| texts.len()), Ok(3));
        assert_eq!(texts(b"\x07\x00\x00\x00\x00\x00\xff"), Ok(Vec::new()));
    }

    proptest! {
        #[test]
        fn anything_is_read_without_a_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..80), mend in any::<bool>()) {
            if mend && bytes.len() > 7 {
                bytes[0] = bytes.len() as u8;
                bytes[1..4].fill(0);
                bytes[4..6].fill(0xFF);
                *bytes.last_mut().expect("not empty") = 0xFF;
            }
            let _ = texts(&bytes);
        }
    }
}
