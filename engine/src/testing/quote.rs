//! Words in and out of text, quoted as redis-cli does.

/// The words of a line: bare, in double quotes with escapes (`\n`, `\x41`), or in single quotes. `None`
/// when a quote is not closed.
pub fn words_of(line: &str) -> Option<Vec<Vec<u8>>> {
    let mut words = Vec::new();
    let mut rest = line.trim().as_bytes();
    while let [first, after @ ..] = rest {
        let (word, left) = match first {
            b'"' => in_double_quotes(after)?,
            b'\'' => {
                let len = after.iter().position(|&byte| byte == b'\'')?;
                (after[..len].to_vec(), &after[len + 1..])
            }
            _ => {
                let len = rest.iter().position(|&byte| byte == b' ').unwrap_or(rest.len());
                (rest[..len].to_vec(), &rest[len..])
            }
        };
        words.push(word);
        rest = left.trim_ascii_start();
    }
    Some(words)
}

fn in_double_quotes(mut rest: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut word = Vec::new();
    loop {
        rest = match rest {
            [b'"', after @ ..] => return Some((word, after)),
            [b'\\', b'x', high, low, after @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                let digit = |byte: &u8| char::from(*byte).to_digit(16).map(|digit| digit as u8);
                word.push(digit(high)? << 4 | digit(low)?);
                after
            }
            [b'\\', escaped, after @ ..] => {
                word.push(match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'a' => 0x07,
                    b'b' => 0x08,
                    other => *other,
                });
                after
            }
            [byte, after @ ..] => {
                word.push(*byte);
                after
            }
            [] => return None,
        };
    }
}

/// Bytes in double quotes, with escapes for what a terminal would not show.
pub fn quoted(bytes: &[u8]) -> String {
    let mut out = String::from("\"");
    for &byte in bytes {
        match byte {
            b'\\' | b'"' => out.extend(['\\', char::from(byte)]),
            b'\n' => out += "\\n",
            b'\r' => out += "\\r",
            b'\t' => out += "\\t",
            0x07 => out += "\\a",
            0x08 => out += "\\b",
            0x20..=0x7E => out.push(char::from(byte)),
            _ => out += &format!("\\x{byte:02x}"),
        }
    }
    out + "\""
}

/// The word as it is where [`words_of`] would read it back, else in quotes.
pub(super) fn bare_or_quoted(word: &[u8]) -> String {
    let is_plain = |byte: &u8| byte.is_ascii_graphic() && !b"\"'\\".contains(byte);
    match String::from_utf8(word.to_vec()) {
        Ok(text) if !word.is_empty() && word.iter().all(is_plain) => text,
        _ => quoted(word),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_split_and_words_quoted() {
        let words = words_of(r#" SET "a b" 'c"d' "\x00\n\"" "" x"#).expect("closed quotes");
        let expected: [&[u8]; 6] = [b"SET", b"a b", b"c\"d", b"\0\n\"", b"", b"x"];
        assert_eq!(words, expected);
        for word in expected {
            assert_eq!(words_of(&quoted(word)), Some(vec![word.to_vec()]));
            assert_eq!(words_of(&bare_or_quoted(word)), Some(vec![word.to_vec()]));
        }
        for open in ["\"a", "'a", "\"a\\\""] {
            assert_eq!(words_of(open), None, "{open}");
        }
    }
}
