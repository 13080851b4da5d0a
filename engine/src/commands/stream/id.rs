//! IDs as clients write them.

use crate::command::{Error, until_nul};
use crate::number;
use crate::types::stream::StreamId;

/// Longer words are no IDs.
const ID_LEN_MAX: usize = 127;
const INVALID: Error = Error::text("ERR Invalid stream ID specified as stream command argument");
const INVALID_START: Error = Error::text("ERR invalid start ID for the interval");
const INVALID_END: Error = Error::text("ERR invalid end ID for the interval");

/// What an ID's second part says.
enum Seq {
    Missing,
    /// An asterisk.
    Next,
    Given(u64),
}

fn parts(word: &[u8]) -> Result<(u64, Seq), Error> {
    let text = until_nul(word);
    let parse = |text| unsigned(text).ok_or(INVALID);
    match text.iter().position(|&byte| byte == b'-') {
        None => Ok((parse(text)?, Seq::Missing)),
        Some(at) => match &text[at + 1..] {
            b"*" => Ok((parse(&text[..at])?, Seq::Next)),
            seq => Ok((parse(&text[..at])?, Seq::Given(parse(seq)?))),
        },
    }
}

/// An ID of numbers.
///
/// # Errors
/// A word that is none.
pub fn exact(word: &[u8]) -> Result<StreamId, Error> {
    numbers(word, 0)
}

fn numbers(word: &[u8], missing_seq: u64) -> Result<StreamId, Error> {
    if word.len() > ID_LEN_MAX {
        return Err(INVALID);
    }
    match parts(word)? {
        (ms, Seq::Missing) => Ok(StreamId::new(ms, missing_seq)),
        (ms, Seq::Given(seq)) => Ok(StreamId::new(ms, seq)),
        (_, Seq::Next) => Err(INVALID),
    }
}

/// An ID of numbers, or `-` or `+` for the least or the greatest.
///
/// # Errors
/// A word that is none.
pub fn any(word: &[u8], missing_seq: u64) -> Result<StreamId, Error> {
    match until_nul(word) {
        _ if word.len() > ID_LEN_MAX => Err(INVALID),
        b"-" => Ok(StreamId::MIN),
        b"+" => Ok(StreamId::MAX),
        _ => numbers(word, missing_seq),
    }
}

/// The ID of an entry that is to be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NewId {
    /// The time, and the next number at that time.
    Auto,
    /// These milliseconds, and the next number.
    NextAt(u64),
    Exact(StreamId),
}

impl NewId {
    /// `*`, milliseconds with an asterisk, or an ID of numbers.
    ///
    /// # Errors
    /// A word that is none.
    pub fn parse(word: &[u8]) -> Result<NewId, Error> {
        match until_nul(word) {
            b"*" => return Ok(NewId::Auto),
            _ if word.len() > ID_LEN_MAX => return Err(INVALID),
            _ => {}
        }
        Ok(match parts(word)? {
            (ms, Seq::Missing) => NewId::Exact(StreamId::new(ms, 0)),
            (ms, Seq::Given(seq)) => NewId::Exact(StreamId::new(ms, seq)),
            (ms, Seq::Next) => NewId::NextAt(ms),
        })
    }
}

/// Where a range begins: an ID as in [`any`], excluded if an open parenthesis stands before it.
///
/// # Errors
/// A word that is none, or behind which nothing comes.
pub fn start(word: &[u8]) -> Result<StreamId, Error> {
    match word {
        [b'(', id @ ..] if !id.is_empty() => numbers(id, 0)?.next().ok_or(INVALID_START),
        id => any(id, 0),
    }
}

/// Where a range ends, like [`start`].
///
/// # Errors
/// A word that is none, or before which nothing comes.
pub fn end(word: &[u8]) -> Result<StreamId, Error> {
    match word {
        [b'(', id @ ..] if !id.is_empty() => numbers(id, u64::MAX)?.previous().ok_or(INVALID_END),
        id => any(id, u64::MAX),
    }
}

/// A number as C's `strtoull` takes it to the end of the text: after spaces, with a sign or without; but a negative one
/// only in forms that are not the usual.
fn unsigned(text: &[u8]) -> Option<u64> {
    if let Some(value) = number::parse_i64(text) {
        return u64::try_from(value).ok();
    }
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t'..=b'\r');
    let start = text.iter().position(|byte| !is_space(byte))?;
    let (negative, digits) = match &text[start..] {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let value: u64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    Some(if negative { value.wrapping_neg() } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_as_redis_reads_them() {
        let is =
            |word: &str, ms, seq| assert_eq!(exact(word.as_bytes()), Ok(StreamId::new(ms, seq)), "{word}");
        is("5", 5, 0);
        is("5-7", 5, 7);
        is("05-007", 5, 7);
        is(" 5-+7", 5, 7);
        is("18446744073709551615-18446744073709551615", u64::MAX, u64::MAX);
        is("5--03", 5, 3u64.wrapping_neg());
        is("5\0garbage", 5, 0);
        let long = "1".repeat(128);
        for word in
            ["", "-", "+", "-5", "5-", "5--3", "a", "5-a", "5-3-1", "5-*", "18446744073709551616", &long]
        {
            assert_eq!(exact(word.as_bytes()), Err(INVALID), "{word}");
        }
    }

    #[test]
    fn ends_of_ranges() {
        assert_eq!(start(b"-"), Ok(StreamId::MIN));
        assert_eq!(end(b"+"), Ok(StreamId::MAX));
        assert_eq!(end(b"7"), Ok(StreamId::new(7, u64::MAX)));
        assert_eq!(start(b"(7-1"), Ok(StreamId::new(7, 2)));
        assert_eq!(end(b"(7-0"), Ok(StreamId::new(6, u64::MAX)));
        assert_eq!(end(b"(7"), Ok(StreamId::new(7, u64::MAX - 1)));
        assert_eq!(end(b"(0-0"), Err(INVALID_END));
        let max = b"(18446744073709551615-18446744073709551615";
        assert_eq!(start(max), Err(INVALID_START));
        for word in [&b"("[..], b"(-", b"(+", b"((1"] {
            assert_eq!(start(word), Err(INVALID));
        }
    }

    #[test]
    fn ids_of_new_entries() {
        assert_eq!(NewId::parse(b"*"), Ok(NewId::Auto));
        assert_eq!(NewId::parse(b"5-*"), Ok(NewId::NextAt(5)));
        assert_eq!(NewId::parse(b"5"), Ok(NewId::Exact(StreamId::new(5, 0))));
        for word in [&b"*-5"[..], b"-", b"5-**", b"5-*1"] {
            assert_eq!(NewId::parse(word), Err(INVALID));
        }
    }
}
