//! The request parser: incremental and without copies.
//!
//! A request is an array of bulk strings, or a line typed by a human (see the module `inline`):
//! ```text
//! *2\r\n $4\r\nECHO\r\n $5\r\nhello\r\n         ECHO hello\r\n
//! ```
//! The parser sees the caller's read buffer and promises:
//! 1. words are ranges of the input, counted from the request's first byte;
//! 2. every byte is looked at once: after [`Progress::Incomplete`] the next call goes on where the last one
//!    stopped;
//! 3. however the input is cut into calls, the same requests and the same error come out;
//! 4. what it keeps between calls is in proportion to the bytes that have arrived, never to what is
//!    announced.
//!
//! It accepts and refuses what Redis does, byte for byte, with two differences. A NUL inside a line is a byte
//! like any other, where Redis waits for ever; and a line of more than 64 KiB is always refused, where Redis
//! does so only if the line's end has not arrived with the rest.

use super::error::ProtocolError;
use super::inline;
use super::limits::{LINE_LEN_MAX, Limits};
use super::request::{Progress, Word};

/// Room for words that a parser keeps between interrupted requests.
const PARTIAL_KEPT: usize = 64;

/// The parser of one connection.
#[derive(Debug, Default)]
pub struct Parser {
    cursor: Cursor,
    /// The words so far of the unfinished request; empty between requests.
    partial: Vec<Word>,
}

/// Where in the unfinished request the parser stands.
#[derive(Clone, Copy, Debug, Default)]
struct Cursor {
    /// Bytes of the request that are done with.
    at: usize,
    /// Bytes after `at` that are known not to hold the end of the line that begins there.
    searched: usize,
    /// Words still to come. 0: the first line is not complete.
    left: usize,
    /// Length of the next word, if its line is done with.
    bulk_len: Option<usize>,
}

impl Parser {
    pub fn new() -> Self {
        Self::default()
    }

    /// Parses the next request.
    ///
    /// `input` begins with the first byte that no earlier call has consumed; after [`Progress::Incomplete`]
    /// it is the same bytes again, with more behind them. Words are appended to `words`, so that a batch of
    /// requests can share one vector; unless a request is returned, `words` is as before.
    ///
    /// # Errors
    /// The input is not a request or breaks a limit. The connection must then be closed; nothing else can be
    /// parsed from it.
    #[inline]
    pub fn next(
        &mut self,
        input: &[u8],
        limits: &Limits,
        words: &mut Vec<Word>,
    ) -> Result<Progress, ProtocolError> {
        if self.cursor.left != 0 {
            return self.resume(input, limits, words);
        }
        match input.first() {
            Some(b'*') => self.array(input, limits, words),
            Some(_) => self.line(input, words),
            None => Ok(Progress::Incomplete { missing: 1 }),
        }
    }

    #[inline]
    fn array(
        &mut self,
        input: &[u8],
        limits: &Limits,
        words: &mut Vec<Word>,
    ) -> Result<Progress, ProtocolError> {
        let (count, line_len) = match short_header(input, b'*') {
            Some((count, line_len)) if count != 0 && count <= limits.word_count() => (count, line_len),
            _ => match self.count(input, limits)? {
                Some((0, consumed)) => {
                    self.cursor = Cursor::default();
                    return Ok(Progress::Empty { consumed });
                }
                Some(header) => header,
                None => return Ok(Progress::Incomplete { missing: 1 }),
            },
        };
        let mark = words.len();
        let cursor = Cursor { at: line_len, searched: 0, left: count, bulk_len: None };
        self.words_from(cursor, (mark, count), input, limits, words)
    }

    /// Whether the input begins with a request, as far as the parser knows: none is unfinished.
    #[inline]
    pub fn is_between(&self) -> bool {
        self.cursor.left == 0
    }

    /// [`Parser::next`] where it [stands between requests](Parser::is_between) and the input begins like one of `count`
    /// words that was parsed under the same limits: with the same bytes up to two behind the last of `known`, its first words.
    ///
    /// # Errors
    /// As [`Parser::next`].
    #[inline]
    pub fn next_like(
        &mut self,
        (known, count): (&[Word], usize),
        input: &[u8],
        limits: &Limits,
        words: &mut Vec<Word>,
    ) -> Result<Progress, ProtocolError> {
        debug_assert!(self.is_between() && known.len() <= count);
        let at = known.last().map_or(0, |last| (last.start + last.len) as usize + 2);
        let mark = words.len();
        words.extend_from_slice(known);
        let cursor = Cursor { at, searched: 0, left: count - known.len(), bulk_len: None };
        self.words_from(cursor, (mark, count), input, limits, words)
    }

    /// Reads the words of a request of `count`, of which the first stands at `mark` of `words`, that are still to come.
    #[inline]
    fn words_from(
        &mut self,
        mut cursor: Cursor,
        (mark, count): (usize, usize),
        input: &[u8],
        limits: &Limits,
        words: &mut Vec<Word>,
    ) -> Result<Progress, ProtocolError> {
        match cursor.read_words(input, limits, words) {
            Ok(None) => {
                self.cursor = Cursor::default();
                Ok(Progress::Request { consumed: cursor.at, words: count })
            }
            Ok(Some(missing)) => {
                self.cursor = cursor;
                self.partial.extend(words.drain(mark..));
                Ok(Progress::Incomplete { missing })
            }
            Err(error) => {
                words.truncate(mark);
                Err(error)
            }
        }
    }

    #[cold]
    fn resume(
        &mut self,
        input: &[u8],
        limits: &Limits,
        words: &mut Vec<Word>,
    ) -> Result<Progress, ProtocolError> {
        if let Some(missing) = self.cursor.read_words(input, limits, &mut self.partial)? {
            return Ok(Progress::Incomplete { missing });
        }
        let consumed = std::mem::take(&mut self.cursor).at;
        let count = self.partial.len();
        words.append(&mut self.partial);
        self.partial.shrink_to(PARTIAL_KEPT);
        Ok(Progress::Request { consumed, words: count })
    }

    /// The number of words and the length of the line that says so, in full generality.
    #[cold]
    fn count(&mut self, input: &[u8], limits: &Limits) -> Result<Option<(usize, usize)>, ProtocolError> {
        let Some((line, after)) = self.cursor.header(input, ProtocolError::CountLineTooLong)? else {
            return Ok(None);
        };
        match parse_length(&line[1..]) {
            Some(..=0) => Ok(Some((0, after))),
            Some(count) if count as u64 > limits.word_count_max as u64 => {
                Err(ProtocolError::InvalidMultibulkLength)
            }
            Some(count) if count as usize > limits.word_count() => {
                Err(ProtocolError::UnauthenticatedMultibulkLength)
            }
            Some(count) => Ok(Some((count as usize, after))),
            None => Err(ProtocolError::InvalidMultibulkLength),
        }
    }

    fn line(&mut self, input: &[u8], words: &mut Vec<Word>) -> Result<Progress, ProtocolError> {
        let Some(end) = self.cursor.line_end(input, b'\n', ProtocolError::InlineTooLong)? else {
            return Ok(Progress::Incomplete { missing: 1 });
        };
        let line = input[..end].strip_suffix(b"\r").unwrap_or(&input[..end]);
        let consumed = end + 1;
        let progress = match inline::split(line, words)? {
            (0, _) => Progress::Empty { consumed },
            (words, None) => Progress::Request { consumed, words },
            (words, Some(bytes)) => Progress::Decoded { consumed, words, bytes },
        };
        self.cursor = Cursor::default();
        Ok(progress)
    }
}

impl Cursor {
    /// Appends words until the request is complete (`None`) or the input is used up (how many bytes are
    /// missing).
    #[inline]
    fn read_words(
        &mut self,
        input: &[u8],
        limits: &Limits,
        words: &mut Vec<Word>,
    ) -> Result<Option<usize>, ProtocolError> {
        let bulk_len_max = limits.bulk_len();
        let end_max = input.len().min(limits.request_len());
        while self.left != 0 {
            let bulk_len = match self.bulk_len {
                Some(bulk_len) => bulk_len,
                None => match short_header(&input[self.at..], b'$') {
                    Some((bulk_len, line_len)) if bulk_len <= bulk_len_max => {
                        self.at += line_len;
                        self.searched = 0;
                        bulk_len
                    }
                    _ => match self.bulk_header(input, limits)? {
                        Some(bulk_len) => bulk_len,
                        None => return Ok(Some(1)),
                    },
                },
            };
            // What stands in the place of the final line end is not looked at, as in Redis.
            let end = self.at + bulk_len + 2;
            if end > end_max {
                self.bulk_len = Some(bulk_len);
                return if end > limits.request_len() {
                    Err(ProtocolError::RequestTooLong)
                } else {
                    Ok(Some(end - input.len()))
                };
            }
            words.push(Word { start: self.at as u32, len: bulk_len as u32 });
            self.at = end;
            self.bulk_len = None;
            self.left -= 1;
        }
        Ok(None)
    }

    /// The length of the word announced at `at`, in full generality. Moves past the line.
    #[cold]
    fn bulk_header(&mut self, input: &[u8], limits: &Limits) -> Result<Option<usize>, ProtocolError> {
        let Some((line, after)) = self.header(input, ProtocolError::BulkLineTooLong)? else {
            return Ok(None);
        };
        let [b'$', digits @ ..] = line else {
            return Err(ProtocolError::ExpectedBulk(input[self.at]));
        };
        match parse_length(digits).map(u64::try_from) {
            Some(Ok(len)) if len > limits.bulk_len_max as u64 => Err(ProtocolError::InvalidBulkLength),
            Some(Ok(len)) if len as usize > limits.bulk_len() => {
                Err(ProtocolError::UnauthenticatedBulkLength)
            }
            Some(Ok(len)) => {
                self.at = after;
                self.searched = 0;
                Ok(Some(len as usize))
            }
            Some(Err(_)) | None => Err(ProtocolError::InvalidBulkLength),
        }
    }

    /// The line at `at` without its end, and the position after it. The line ends with `\r` and one more
    /// byte, which must have arrived but is not looked at, as in Redis.
    fn header<'a>(
        &mut self,
        input: &'a [u8],
        too_long: ProtocolError,
    ) -> Result<Option<(&'a [u8], usize)>, ProtocolError> {
        match self.line_end(input, b'\r', too_long)? {
            Some(end) if end + 1 < input.len() => Ok(Some((&input[self.at..end], end + 2))),
            _ => Ok(None),
        }
    }

    /// The position of the byte `end` that ends the line at `at`, if it has arrived.
    fn line_end(
        &mut self,
        input: &[u8],
        end: u8,
        too_long: ProtocolError,
    ) -> Result<Option<usize>, ProtocolError> {
        let window = &input[self.at..];
        let window = &window[..window.len().min(LINE_LEN_MAX + 1)];
        if let Some(found) = memchr::memchr(end, &window[self.searched..]) {
            self.searched += found;
            return Ok(Some(self.at + self.searched));
        }
        if window.len() > LINE_LEN_MAX {
            return Err(too_long);
        }
        self.searched = window.len();
        Ok(None)
    }
}

/// A length line as nearly all are: `kind`, one to nine digits without a leading zero, `\r`, one more byte.
/// Returns the value and the length of the line with its end. `None`: see what is different, slowly.
#[inline(always)]
fn short_header(line: &[u8], kind: u8) -> Option<(usize, usize)> {
    // Most have one digit, two or three.
    let value = |byte: u8| usize::from(byte - b'0');
    match *line {
        [first, digit @ b'0'..=b'9', b'\r', _, ..] if first == kind => {
            return Some((value(digit), 4));
        }
        [first, tens @ b'1'..=b'9', ones @ b'0'..=b'9', b'\r', _, ..] if first == kind => {
            return Some((value(tens) * 10 + value(ones), 5));
        }
        [first, hundreds @ b'1'..=b'9', tens @ b'0'..=b'9', ones @ b'0'..=b'9', b'\r', _, ..]
            if first == kind =>
        {
            return Some((value(hundreds) * 100 + value(tens) * 10 + value(ones), 6));
        }
        _ => {}
    }
    let [first, digit, rest @ ..] = line else { return None };
    let mut value = usize::from(digit.wrapping_sub(b'0'));
    if *first != kind || value > 9 {
        return None;
    }
    let leading_zero = value == 0;
    for (more, byte) in rest.iter().enumerate().take(9) {
        let digit = usize::from(byte.wrapping_sub(b'0'));
        if digit <= 9 {
            value = value * 10 + digit;
            continue;
        }
        let plain = *byte == b'\r' && more + 1 < rest.len() && !(leading_zero && more != 0);
        return plain.then_some((value, more + 4));
    }
    None
}

/// A decimal integer in its one canonical form: no sign but a leading `-`, no superfluous zero, no blank.
fn parse_length(digits: &[u8]) -> Option<i64> {
    let (negative, digits) = match digits {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, digits),
    };
    match digits {
        [b'0'] if !negative => return Some(0),
        [b'1'..=b'9', ..] => {}
        _ => return None,
    }
    digits.iter().try_fold(0i64, |value, byte| {
        let digit = byte.is_ascii_digit().then(|| i64::from(byte - b'0'))?;
        let value = value.checked_mul(10)?;
        if negative { value.checked_sub(digit) } else { value.checked_add(digit) }
    })
}

#[cfg(test)]
mod tests;
