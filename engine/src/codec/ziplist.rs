//! What Redis had before listpacks; versions up to 6.2 write it.
//!
//! ```text
//!  0  bytes of all, u32; offset of the last entry, u32; number of entries, u16 (65535: not said)
//! 10  entries: length of the one before, what it is and how long, its bytes
//!  -  0xFF
//!
//! length of the one before   u8 below 254, or 0xFE and u32
//! 00nnnnnn                   text; 01nnnnnn nnnnnnnn: 14 bits, 10------ and 32 bits, big-endian
//! 0xC0, 0xD0, 0xE0           integer of 16, 32, 64 bits, little-endian; 0xF0: 24 bits, 0xFE: 8 bits
//! 0xF1 to 0xFD               integer, 0 to 12
//! ```

use super::Malformed;
use super::listpack::{Element, Visit};

const HEADER_LEN: usize = 10;
const END: u8 = 0xFF;
const COUNT_UNSAID: u16 = u16::MAX;
/// In the place of a length: four bytes follow with the length.
const LONG_BEFORE: u8 = 0xFE;

/// Calls `visit` with each entry. Returns how many there are.
///
/// # Errors
/// [`Malformed`]; or what `visit` says. It may have been called before.
pub fn read<'b>(bytes: &'b [u8], visit: &mut Visit<'_, 'b>) -> Result<usize, Malformed> {
    let (header, body) = bytes.split_first_chunk::<HEADER_LEN>().ok_or(Malformed)?;
    let [t0, t1, t2, t3, l0, l1, l2, l3, n0, n1] = *header;
    let (total, last) = (u32::from_le_bytes([t0, t1, t2, t3]), u32::from_le_bytes([l0, l1, l2, l3]));
    let said = u16::from_le_bytes([n0, n1]);
    let Some((&END, entries)) = body.split_last() else { return Err(Malformed) };
    if total as usize != bytes.len() {
        return Err(Malformed);
    }
    let (mut at, mut before, mut count) = (0, 0, 0);
    while at < entries.len() {
        let (element, said_before, len) = entry_at(&entries[at..]).ok_or(Malformed)?;
        if said_before != before {
            return Err(Malformed);
        }
        visit(element)?;
        count += 1;
        (at, before) = (at + len, len);
    }
    let is_counted = said == COUNT_UNSAID || usize::from(said) == count;
    if !is_counted || last as usize != HEADER_LEN + at - before {
        return Err(Malformed);
    }
    Ok(count)
}

/// The entry at the start of `bytes`, what it says about the length of the one before, and its own length.
fn entry_at(bytes: &[u8]) -> Option<(Element<'_>, usize, usize)> {
    let (before, head) = match *bytes.first()? {
        END => return None,
        LONG_BEFORE => (u32::from_le_bytes(*bytes.get(1..)?.first_chunk()?) as usize, 5),
        len => (usize::from(len), 1),
    };
    let rest = bytes.get(head..)?;
    let code = *rest.first()?;
    let text = |digits: usize, len: usize| {
        let end = digits.checked_add(len)?;
        Some((Element::Text(rest.get(digits..end)?), before, head + end))
    };
    let integer = |len: usize| {
        let digits = rest.get(1..=len)?;
        let is_negative = digits[len - 1] & 0x80 != 0;
        let mut word = if is_negative { [0xFF; 8] } else { [0; 8] };
        word[..len].copy_from_slice(digits);
        Some((Element::Integer(i64::from_le_bytes(word)), before, head + 1 + len))
    };
    match code {
        0..0x40 => text(1, usize::from(code)),
        0x40..0x80 => text(2, usize::from(u16::from_be_bytes([code & 0x3F, *rest.get(1)?]))),
        0x80..0xC0 => text(5, u32::from_be_bytes(*rest.get(1..)?.first_chunk()?) as usize),
        0xC0 => integer(2),
        0xD0 => integer(4),
        0xE0 => integer(8),
        0xF0 => integer(3),
        0xFE => integer(1),
        0xF1..=0xFD => Some((Element::Integer(i64::from(code & 0x0F) - 1), before, head + 1)),
        _ => None,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    fn texts(bytes: &[u8]) -> Result<Vec<String>, Malformed> {
        let mut texts = Vec::new();
        read(bytes, &mut |element| {
            texts.push(element.with_text(|text| String::from_utf8_lossy(text).into_owned()));
            Ok(())
        })?;
        Ok(texts)
    }

    /// A ziplist of entries given without the length of the one before.
    pub fn ziplist(entries: &[&[u8]]) -> Vec<u8> {
        let mut body = Vec::new();
        let (mut before, mut last) = (0, HEADER_LEN);
        for entry in entries {
            last = HEADER_LEN + body.len();
            let start = body.len();
            match before {
                0..254 => body.push(before as u8),
                _ => {
                    body.push(LONG_BEFORE);
                    body.extend_from_slice(&(before as u32).to_le_bytes());
                }
            }
            body.extend_from_slice(entry);
            before = body.len() - start;
        }
        let mut bytes = ((HEADER_LEN + body.len() + 1) as u32).to_le_bytes().to_vec();
        bytes.extend_from_slice(&(last as u32).to_le_bytes());
        bytes.extend_from_slice(&(entries.len() as u16).to_le_bytes());
        bytes.extend_from_slice(&body);
        bytes.push(END);
        bytes
    }

    /// An entry of a short text.
    pub fn short(text: &str) -> Vec<u8> {
        [&[text.len() as u8], text.as_bytes()].concat()
    }

    #[test]
    fn every_form_of_entry_is_read() {
        let long = [&b"\x41\x2c"[..], &[b'x'; 300]].concat();
        let longer = [&b"\x80\x00\x01\x00\x00"[..], &[b'y'; 65536]].concat();
        let entries: &[&[u8]] = &[
            b"\x03abc",
            b"\x00",
            &long,
            &longer,
            b"\xc0\x00\x80",
            b"\xd0\xff\xff\xff\x7f",
            b"\xe0\x00\x00\x00\x00\x00\x00\x00\x80",
            b"\xf0\x00\x00\x80",
            b"\xfe\x80",
            b"\xf1",
            b"\xfd",
        ];
        let expected = [
            "abc",
            "",
            &"x".repeat(300),
            &"y".repeat(65536),
            "-32768",
            "2147483647",
            "-9223372036854775808",
            "-8388608",
            "-128",
            "0",
            "12",
        ];
        assert_eq!(texts(&ziplist(entries)), Ok(expected.map(str::to_owned).to_vec()));
        assert_eq!(texts(&ziplist(&[])), Ok(Vec::new()));
    }

    #[test]
    fn damage_is_found() {
        let good = ziplist(&[b"\x03abc", b"\xf3", b"\x01z"]);
        for len in 0..good.len() {
            assert_eq!(texts(&good[..len]), Err(Malformed), "{len} bytes of it");
        }
        for (what, at, byte) in [
            ("total", 0, 1),
            ("last", 4, 10),
            ("count", 8, 2),
            ("the length before the first", 10, 1),
            ("a longer text", 11, 9),
            ("an unknown form", 11, 0xFF),
            ("an unknown integer", 11, 0xC1),
            ("the length before", 15, 4),
            ("the end in the middle", 15, 0xFF),
        ] {
            let mut bad = good.clone();
            bad[at] = byte;
            assert_eq!(texts(&bad), Err(Malformed), "{what}");
        }
        let mut unsaid = good.clone();
        unsaid[8..10].fill(0xFF);
        assert_eq!(texts(&unsaid).map(|texts| texts.len()), Ok(3));
    }

    proptest! {
        #[test]
        fn anything_is_read_without_a_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..80), mend in any::<bool>()) {
            if mend && bytes.len() > 11 {
                bytes[0] = bytes.len() as u8;
                bytes[1..4].fill(0);
                bytes[8..10].fill(0xFF);
                bytes[10] = 0;
                *bytes.last_mut().expect("not empty") = 0xFF;
            }
            let _ = texts(&bytes);
        }
    }
}
