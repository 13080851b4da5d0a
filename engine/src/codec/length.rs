//! The smallest parts of a dump: lengths and strings.
//!
//! ```text
//! length  00nnnnnn                 6 bits
//!         01nnnnnn nnnnnnnn        14 bits, big-endian
//!         10000000 u32, 10000001 u64, big-endian
//! string  length, bytes
//!         11000000 i8, 11000001 i16, 11000010 i32: decimal digits, little-endian
//!         11000011 length compressed, length plain, bytes: see `lzf`
//! ```

use std::borrow::Cow;

use super::{Malformed, lzf};
use crate::number;

const BITS_32: u8 = 0x80;
const BITS_64: u8 = 0x81;
const ENCODED: u8 = 0xC0;
const INT_8: u8 = 0;
const INT_16: u8 = 1;
const INT_32: u8 = 2;
const LZF: u8 = 3;

/// A longer string cannot be an integer of 32 bits.
const INTEGER_LEN_MAX: usize = 11;
/// Shorter strings are not compressed.
const COMPRESSED_LEN_MIN: usize = 21;
/// Compression must save so much.
const SAVED_MIN: usize = 4;

/// Bytes that are being read.
#[derive(Debug, Clone)]
pub struct Source<'p> {
    rest: &'p [u8],
    /// They come from somewhere else: see [`Source::foreign`].
    is_foreign: bool,
}

/// A length, or the number of an encoding in its place.
enum Length {
    Plain(u64),
    Encoded(u8),
}

impl<'p> Source<'p> {
    pub fn new(bytes: &'p [u8]) -> Source<'p> {
        Source { rest: bytes, is_foreign: false }
    }

    /// Bytes that anybody may have made: what is read may be so many times longer, and no more.
    pub fn foreign(bytes: &'p [u8]) -> Source<'p> {
        Source { rest: bytes, is_foreign: true }
    }

    pub fn is_foreign(&self) -> bool {
        self.is_foreign
    }

    /// What has not been read.
    pub fn rest(&self) -> &'p [u8] {
        self.rest
    }

    /// # Errors
    /// [`Malformed`] past the end, as in all functions here.
    pub fn take(&mut self, len: u64) -> Result<&'p [u8], Malformed> {
        let len = usize::try_from(len).map_err(|_| Malformed)?;
        let (taken, rest) = self.rest.split_at_checked(len).ok_or(Malformed)?;
        self.rest = rest;
        Ok(taken)
    }

    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(Malformed)?;
        self.rest = rest;
        Ok(*taken)
    }

    pub fn byte(&mut self) -> Result<u8, Malformed> {
        self.array().map(|[byte]| byte)
    }

    fn length_or_encoding(&mut self) -> Result<Length, Malformed> {
        let first = self.byte()?;
        Ok(match first {
            0..0x40 => Length::Plain(u64::from(first)),
            0x40..0x80 => Length::Plain(u64::from(u16::from_be_bytes([first & 0x3F, self.byte()?]))),
            BITS_32 => Length::Plain(u64::from(u32::from_be_bytes(self.array()?))),
            BITS_64 => Length::Plain(u64::from_be_bytes(self.array()?)),
            ENCODED.. => Length::Encoded(first & !ENCODED),
            _ => return Err(Malformed),
        })
    }

    /// A length.
    pub fn length(&mut self) -> Result<u64, Malformed> {
        match self.length_or_encoding()? {
            Length::Plain(length) => Ok(length),
            Length::Encoded(_) => Err(Malformed),
        }
    }

    /// A string, however it is encoded.
    pub fn string(&mut self) -> Result<Cow<'p, [u8]>, Malformed> {
        let number = match self.length_or_encoding()? {
            Length::Plain(length) => return self.take(length).map(Cow::Borrowed),
            Length::Encoded(INT_8) => i32::from(i8::from_le_bytes(self.array()?)),
            Length::Encoded(INT_16) => i32::from(i16::from_le_bytes(self.array()?)),
            Length::Encoded(INT_32) => i32::from_le_bytes(self.array()?),
            Length::Encoded(LZF) => {
                let (packed_len, len) = (self.length()?, self.length()?);
                let packed = self.take(packed_len)?;
                let len = usize::try_from(len).map_err(|_| Malformed)?;
                return lzf::decompress(packed, len).map(Cow::Owned).ok_or(Malformed);
            }
            Length::Encoded(_) => return Err(Malformed),
        };
        Ok(Cow::Owned(itoa::Buffer::new().format(number).as_bytes().to_vec()))
    }
}

/// Appends a length.
pub fn put_length(out: &mut Vec<u8>, length: u64) {
    match length {
        0..0x40 => out.push(length as u8),
        0x40..0x4000 => out.extend_from_slice(&(length as u16 | 0x4000).to_be_bytes()),
        0x4000..=0xFFFF_FFFF => {
            out.push(BITS_32);
            out.extend_from_slice(&(length as u32).to_be_bytes());
        }
        _ => {
            out.push(BITS_64);
            out.extend_from_slice(&length.to_be_bytes());
        }
    }
}

/// Appends a string as it is.
pub fn put_plain(out: &mut Vec<u8>, bytes: &[u8]) {
    put_length(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Appends a string in its shortest form: an integer, compressed, or as it is.
pub fn put_shortest(out: &mut Vec<u8>, bytes: &[u8]) {
    let number = if bytes.len() <= INTEGER_LEN_MAX { number::parse_i64(bytes) } else { None };
    if let Some(number) = number.and_then(|number| i32::try_from(number).ok()) {
        put_integer(out, number);
        return;
    }
    let packed =
        if bytes.len() >= COMPRESSED_LEN_MIN { lzf::compress(bytes, bytes.len() - SAVED_MIN) } else { None };
    match packed {
        Some(packed) => {
            out.push(ENCODED | LZF);
            put_length(out, packed.len() as u64);
            put_length(out, bytes.len() as u64);
            out.extend_from_slice(&packed);
        }
        None => put_plain(out, bytes),
    }
}

fn put_integer(out: &mut Vec<u8>, number: i32) {
    if let Ok(number) = i8::try_from(number) {
        out.push(ENCODED | INT_8);
        out.extend_from_slice(&number.to_le_bytes());
    } else if let Ok(number) = i16::try_from(number) {
        out.push(ENCODED | INT_16);
        out.extend_from_slice(&number.to_le_bytes());
    } else {
        out.push(ENCODED | INT_32);
        out.extend_from_slice(&number.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read_as_they_are_written() {
        for (length, written) in [
            (0, &b"\x00"[..]),
            (63, b"\x3f"),
            (64, b"\x40\x40"),
            (16383, b"\x7f\xff"),
            (16384, b"\x80\x00\x00\x40\x00"),
            (u64::from(u32::MAX), b"\x80\xff\xff\xff\xff"),
            (1 << 32, b"\x81\x00\x00\x00\x01\x00\x00\x00\x00"),
            (u64::MAX, b"\x81\xff\xff\xff\xff\xff\xff\xff\xff"),
        ] {
            let mut out = Vec::new();
            put_length(&mut out, length);
            assert_eq!(out, written, "{length}");
            assert_eq!(Source::new(&out).length(), Ok(length));
            let cut = &out[..out.len() - 1];
            assert_eq!(Source::new(cut).length(), Err(Malformed), "{length}, cut");
        }
        for bytes in [&b"\xc0\x01"[..], b"\x82\x00\x00\x00\x00\x00\x00\x00\x00", b"\xbf", b""] {
            assert_eq!(Source::new(bytes).length(), Err(Malformed), "{bytes:?}");
        }
    }

    #[test]
    fn strings_have_the_forms_of_redis() {
        for (string, written) in [
            (&b""[..], &b"\x00"[..]),
            (b"a", b"\x01a"),
            (b"12", b"\xc0\x0c"),
            (b"-128", b"\xc0\x80"),
            (b"128", b"\xc1\x80\x00"),
            (b"-32769", b"\xc2\xff\x7f\xff\xff"),
            (b"2147483647", b"\xc2\xff\xff\xff\x7f"),
            (b"2147483648", b"\x0a2147483648"),
            (b"-2147483648", b"\xc2\x00\x00\x00\x80"),
            (b"012", b"\x03012"),
            (b"aaaaaaaaaaaaaaaaaaaa", b"\x14aaaaaaaaaaaaaaaaaaaa"),
            (b"abcdefghijklmnopqrstuvwxyz", b"\x1aabcdefghijklmnopqrstuvwxyz"),
        ] {
            let mut out = Vec::new();
            put_shortest(&mut out, string);
            assert_eq!(out, written, "{string:?}");
            assert_eq!(Source::new(&out).string().as_deref(), Ok(string));
            out.clear();
            put_plain(&mut out, string);
            assert_eq!(Source::new(&out).string().as_deref(), Ok(string));
        }
    }

    #[test]
    fn strings_of_all_lengths_are_read_as_they_are_written() {
        for len in (0..70).chain([255, 256, 263, 264, 265, 8192, 8193, 16383, 16384, 70_000]) {
            for string in [vec![b'a'; len], (0..len).map(|nth| (nth * nth / 8) as u8).collect()] {
                let mut out = Vec::new();
                put_shortest(&mut out, &string);
                let mut source = Source::new(&out);
                assert_eq!(source.string().as_deref(), Ok(&string[..]));
                assert_eq!(source.rest(), b"");
                assert_eq!(Source::new(&out[..out.len() - 1]).string(), Err(Malformed), "{len}, cut");
                assert!(out.len() <= len + 5);
            }
        }
    }

    #[test]
    fn damaged_strings_are_told_apart() {
        for bytes in [
            &b"\x02a"[..],
            b"\xc0",
            b"\xc1\x01",
            b"\xc2\x01\x01\x01",
            b"\xc4\x01",
            b"\xc3\x02\x05\x00a",
            b"\xc3\x09\x01\x00a",
            b"\x81\xff\xff\xff\xff\xff\xff\xff\xffa",
        ] {
            assert_eq!(Source::new(bytes).string(), Err(Malformed), "{bytes:?}");
        }
    }
}
