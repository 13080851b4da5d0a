//! Words of a configuration line: splitting with quotes and escapes, and the quoting that undoes it.
//!
//! A word is bare, or in double quotes with the escapes `\n \r \t \a \b \xHH \\ \"` (any other escaped byte stands
//! for itself), or in single quotes where only `\'` is an escape. A closing quote ends its word: what follows it
//! must be blank.

/// The words of `line`, or `None` when a quote is not closed or something touches a closing quote.
pub fn split(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut words = Vec::new();
    let mut rest = line;
    loop {
        rest = skip_blanks(rest);
        if rest.is_empty() || rest[0] == 0 {
            return Some(words);
        }
        let (word, behind) = first_word(rest)?;
        words.push(word);
        rest = behind;
    }
}

/// `text` in double quotes, so that [`split`] gives it back as one word whatever its bytes are.
pub fn quote(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 2);
    out.push(b'"');
    for &byte in text {
        match byte {
            b'\\' | b'"' => out.extend([b'\\', byte]),
            b'\n' => out.extend(b"\\n"),
            b'\r' => out.extend(b"\\r"),
            b'\t' => out.extend(b"\\t"),
            0x07 => out.extend(b"\\a"),
            0x08 => out.extend(b"\\b"),
            b' '..=b'~' => out.push(byte),
            _ => out.extend(format!("\\x{byte:02x}").bytes()),
        }
    }
    out.push(b'"');
    out
}

/// `text` without blanks at either end.
pub fn trim(text: &[u8]) -> &[u8] {
    text.trim_ascii()
}

fn is_blank(byte: u8) -> bool {
    byte == 0x0b || byte.is_ascii_whitespace()
}

fn skip_blanks(text: &[u8]) -> &[u8] {
    let blanks = text.iter().take_while(|&&byte| is_blank(byte)).count();
    &text[blanks..]
}

fn first_word(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut word = Vec::new();
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        match byte {
            b'"' => return double_quoted(&text[at + 1..], word),
            b'\'' => return single_quoted(&text[at + 1..], word),
            b' ' | b'\n' | b'\r' | b'\t' | 0 => break,
            _ => word.push(byte),
        }
        at += 1;
    }
    Some((word, &text[at..]))
}

fn double_quoted(text: &[u8], mut word: Vec<u8>) -> Option<(Vec<u8>, &[u8])> {
    let mut rest = text;
    loop {
        match rest {
            [b'\\', b'x', high, low, behind @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                word.push(hex_digit(*high) << 4 | hex_digit(*low));
                rest = behind;
            }
            [b'\\', escaped, behind @ ..] => {
                word.push(match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 0x08,
                    b'a' => 0x07,
                    other => *other,
                });
                rest = behind;
            }
            [b'"', behind @ ..] => return ends_word(behind).then_some((word, behind)),
            [byte, behind @ ..] => {
                word.push(*byte);
                rest = behind;
            }
            [] => return None,
        }
    }
}

fn single_quoted(text: &[u8], mut word: Vec<u8>) -> Option<(Vec<u8>, &[u8])> {
    let mut rest = text;
    loop {
        match rest {
            [b'\\', b'\'', behind @ ..] => {
                word.push(b'\'');
                rest = behind;
            }
            [b'\'', behind @ ..] => return ends_word(behind).then_some((word, behind)),
            [byte, behind @ ..] => {
                word.push(*byte);
                rest = behind;
            }
            [] => return None,
        }
    }
}

fn ends_word(behind: &[u8]) -> bool {
    behind.first().is_none_or(|&byte| is_blank(byte))
}

fn hex_digit(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        _ => digit - b'A' + 10,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(line: &str, expected: Option<&[&str]>) {
        let words = split(line.as_bytes());
        let expected =
            expected.map(|words| words.iter().map(|word| word.as_bytes().to_vec()).collect::<Vec<_>>());
        assert_eq!(words, expected, "{line:?}");
    }

    #[test]
    fn blanks_separate() {
        check("", Some(&[]));
        check(" \t ", Some(&[]));
        check("port 6379", Some(&["port", "6379"]));
        check("  save  3600 \t1 \r", Some(&["save", "3600", "1"]));
    }

    #[test]
    fn double_quotes_keep_blanks_and_know_escapes() {
        check(r#"a "b c" """#, Some(&["a", "b c", ""]));
        check(r#""\x41\x4a\n\t\r\q\\\"""#, Some(&["AJ\n\t\rq\\\""]));
        check(r#""\x4""#, Some(&["x4"]));
        assert_eq!(split(br#""\a\b\xff""#), Some(vec![vec![7, 8, 0xff]]));
    }

    #[test]
    fn single_quotes_know_one_escape() {
        check(r"'a b' 'c\'d' '\n'", Some(&["a b", "c'd", r"\n"]));
    }

    #[test]
    fn a_quote_may_open_inside_a_word_and_ends_it() {
        check(r#"a"b c""#, Some(&["ab c"]));
        check(r#"a'b'"#, Some(&["ab"]));
    }

    #[test]
    fn unbalanced_quotes_are_refused() {
        for line in [r#"""#, r#"a "b"#, r#"'a"#, r#""a"b"#, r#"'a'b"#, r#""a\"#] {
            check(line, None);
        }
    }

    proptest! {
        #[test]
        fn quoting_is_undone_by_splitting(text in prop::collection::vec(any::<u8>(), 0..40)) {
            prop_assert_eq!(split(&quote(&text)), Some(vec![text]));
        }

        #[test]
        fn never_panics(line in prop::collection::vec(prop::sample::select(b"ab \"'\\x0n\0".to_vec()), 0..16)) {
            let _ = split(&line);
        }
    }
}
