//! Inline requests: a line of words typed by a human, quoted as in a shell.
//!
//! `"…"` takes `\xHH`, `\n`, `\r`, `\t`, `\b`, `\a` and a backslash before any other byte for that byte;
//! `'…'` takes `\'` only. A quote may open inside a word; after a closing quote comes a blank or the end of
//! the line.

use super::error::ProtocolError;
use super::request::Word;

/// Splits a line without its end. Returns how many words were appended and, where quotes had to be resolved,
/// the bytes that the words are ranges of; without quotes they are ranges of `line`.
pub(super) fn split(line: &[u8], words: &mut Vec<Word>) -> Result<(usize, Option<Vec<u8>>), ProtocolError> {
    let mark = words.len();
    let decoded = match memchr::memchr2(b'"', b'\'', line) {
        None => {
            split_plain(line, words);
            None
        }
        Some(_) => match split_quoted(line, words) {
            Some(bytes) => Some(bytes),
            None => {
                words.truncate(mark);
                return Err(ProtocolError::UnbalancedQuotes);
            }
        },
    };
    let first = words.get(mark).map(|word| word.of(decoded.as_deref().unwrap_or(line)));
    if first.is_some_and(is_http) {
        words.truncate(mark);
        return Err(ProtocolError::Http);
    }
    Ok((words.len() - mark, decoded))
}

/// Whether a line with this first word belongs to an HTTP request: of all its lines one of these comes before a body.
fn is_http(first: &[u8]) -> bool {
    first.eq_ignore_ascii_case(b"POST") || first.eq_ignore_ascii_case(b"Host:")
}

fn split_plain(line: &[u8], words: &mut Vec<Word>) {
    let mut at = 0;
    loop {
        at += line[at..].iter().take_while(|byte| is_blank(**byte)).count();
        if at == line.len() {
            return;
        }
        let start = at;
        at += line[at..].iter().take_while(|byte| !ends_word(**byte)).count();
        words.push(word(start, at));
    }
}

/// `None`: a quote is left open, or a closing quote touches the next word.
fn split_quoted(line: &[u8], words: &mut Vec<Word>) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(line.len());
    let mut rest = line;
    loop {
        while let [blank, tail @ ..] = rest
            && is_blank(*blank)
        {
            rest = tail;
        }
        if rest.is_empty() {
            return Some(bytes);
        }
        let start = bytes.len();
        loop {
            rest = match rest {
                [] => break,
                [b'"', tail @ ..] => {
                    rest = double_quoted(tail, &mut bytes)?;
                    break;
                }
                [b'\'', tail @ ..] => {
                    rest = single_quoted(tail, &mut bytes)?;
                    break;
                }
                [byte, ..] if ends_word(*byte) => break,
                [byte, tail @ ..] => {
                    bytes.push(*byte);
                    tail
                }
            };
        }
        words.push(word(start, bytes.len()));
    }
}

/// Decodes up to the closing `"` and returns what follows it.
fn double_quoted<'a>(mut rest: &'a [u8], bytes: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        rest = match rest {
            [b'\\', b'x', high, low, tail @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                bytes.push(hex_digit(*high) << 4 | hex_digit(*low));
                tail
            }
            [b'\\', escaped, tail @ ..] => {
                bytes.push(match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 0x08,
                    b'a' => 0x07,
                    other => *other,
                });
                tail
            }
            [b'"', tail @ ..] => return closed(tail),
            [byte, tail @ ..] => {
                bytes.push(*byte);
                tail
            }
            [] => return None,
        };
    }
}

/// Decodes up to the closing `'` and returns what follows it.
fn single_quoted<'a>(mut rest: &'a [u8], bytes: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        rest = match rest {
            [b'\\', b'\'', tail @ ..] => {
                bytes.push(b'\'');
                tail
            }
            [b'\'', tail @ ..] => return closed(tail),
            [byte, tail @ ..] => {
                bytes.push(*byte);
                tail
            }
            [] => return None,
        };
    }
}

fn closed(rest: &[u8]) -> Option<&[u8]> {
    match rest {
        [next, ..] if !is_blank(*next) => None,
        _ => Some(rest),
    }
}

/// C's `isspace`: what may stand between words.
fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

/// What ends a bare word. Fewer than the blanks: a vertical tab inside a word belongs to it.
fn ends_word(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

fn hex_digit(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20) - b'a' + 10,
    }
}

/// Lines are at most 64 KiB, so positions fit.
fn word(start: usize, end: usize) -> Word {
    Word { start: start as u32, len: (end - start) as u32 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &[u8]) -> Option<Vec<Vec<u8>>> {
        let mut words = Vec::new();
        let (count, decoded) = split(line, &mut words).ok()?;
        assert_eq!(count, words.len());
        let bytes = decoded.unwrap_or_else(|| line.to_vec());
        Some(words.iter().map(|word| word.of(&bytes).to_vec()).collect())
    }

    fn check(line: &[u8], expected: &[&[u8]]) {
        assert_eq!(words(line).as_deref(), Some(&*expected.iter().map(|w| w.to_vec()).collect::<Vec<_>>()));
    }

    #[test]
    fn bare_words_are_separated_by_blanks() {
        check(b"", &[]);
        check(b" \t\x0b\x0c\r ", &[]);
        check(b"PING", &[b"PING"]);
        check(b"  set\tk \x0b v\x0bw ", &[b"set", b"k", b"v\x0bw"]);
        check(b"a\0b \xff", &[b"a\0b", b"\xff"]);
    }

    #[test]
    fn double_quotes_take_escapes() {
        check(br#"set k "hello world""#, &[b"set", b"k", b"hello world"]);
        check(br#""\x41\xfF\x4g\n\r\t\b\a\"\\\q""#, &[b"A\xffx4g\n\r\t\x08\x07\"\\q"]);
        check(br#""" "" "#, &[b"", b""]);
        check(br#"a"b c" d"#, &[b"ab c", b"d"]);
        check(br#""it's""#, &[b"it's"]);
    }

    #[test]
    fn single_quotes_take_their_own_escape_only() {
        check(br"'a\'b\n\\x' ''", &[br"a'b\n\\x", b""]);
        check(br#"'"'"#, &[b"\""]);
    }

    #[test]
    fn quotes_must_close_before_a_blank() {
        for line in [&br#"""#[..], b"'", br#""a"b"#, b"'a'b", br#""a\""#, br"'a\'", br#""a""b""#, br#"a "b\"#]
        {
            assert_eq!(words(line), None, "{}", line.escape_ascii());
        }
        let mut kept = vec![Word { start: 7, len: 7 }];
        assert_eq!(split(b"a b \"c", &mut kept), Err(ProtocolError::UnbalancedQuotes));
        assert_eq!(kept, [Word { start: 7, len: 7 }]);
    }
}
