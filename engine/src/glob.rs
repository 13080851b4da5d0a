//! Shell-style patterns as Redis understands them: `*`, `?`, `[a-z]`, `[^a]`, `\x`.
//!
//! Only the last `*` is ever retried. When the rest of a pattern fits nowhere after that `*`, a longer match of
//! an earlier one only leaves less text to fit it in; so matching needs no recursion and at most
//! `pattern × text` steps. Three habits of Redis are kept because clients can see them:
//! - a class that is not closed ends with the pattern (`[ab` is `[ab]`);
//! - the empty text is matched by the empty pattern only (`KEYS *` takes everything without asking here);
//! - a pattern with more than [`STARS_MAX`] stars matches nothing that reaches the one too many.
//!
//! A range compares bytes as unsigned numbers (Redis compares `char`s, whose sign depends on the machine).

/// How many stars with something behind them a match may pass.
pub const STARS_MAX: usize = 1000;

/// Does all of `text` match `pattern`?
pub fn matches(pattern: &[u8], text: &[u8]) -> bool {
    run::<false>(pattern, text)
}

/// As [`matches()`], but ASCII letters are the same in either case (an escaped letter inside a class is not).
pub fn matches_ignore_case(pattern: &[u8], text: &[u8]) -> bool {
    run::<true>(pattern, text)
}

fn run<const FOLD: bool>(pattern: &[u8], text: &[u8]) -> bool {
    if text.is_empty() {
        return pattern.is_empty();
    }
    let mut rest = pattern;
    let mut at = 0;
    let mut last_star: Option<(&[u8], usize)> = None;
    let mut stars = 0;
    loop {
        if let [b'*', ..] = rest {
            rest = skip_stars(rest);
            if rest.is_empty() {
                return true;
            }
            stars += 1;
            if stars > STARS_MAX || at == text.len() {
                return false;
            }
            last_star = Some((rest, at));
        }
        let Some(&byte) = text.get(at) else {
            return rest.is_empty();
        };
        if let Some(length) = element::<FOLD>(rest, byte) {
            rest = &rest[length..];
            at += 1;
            continue;
        }
        let Some((behind, from)) = last_star else {
            return false;
        };
        last_star = Some((behind, from + 1));
        rest = behind;
        at = from + 1;
    }
}

fn skip_stars(pattern: &[u8]) -> &[u8] {
    let stars = pattern.iter().take_while(|&&byte| byte == b'*').count();
    &pattern[stars..]
}

/// Length of the first element of `pattern` (not a star) if `byte` fits it.
fn element<const FOLD: bool>(pattern: &[u8], byte: u8) -> Option<usize> {
    match pattern {
        [] => None,
        [b'?', ..] => Some(1),
        [b'[', class @ ..] => {
            let (fits, length) = class_fits::<FOLD>(class, byte);
            fits.then_some(length + 1)
        }
        [b'\\', literal, ..] => same::<FOLD>(*literal, byte).then_some(2),
        [literal, ..] => same::<FOLD>(*literal, byte).then_some(1),
    }
}

/// `class` is what follows a `[`. Returns whether `byte` is in it and how long it is, its `]` included.
fn class_fits<const FOLD: bool>(class: &[u8], byte: u8) -> (bool, usize) {
    let negated = class.first() == Some(&b'^');
    let mut at = usize::from(negated);
    let mut listed = false;
    loop {
        match &class[at..] {
            [] => return (listed != negated, at),
            [b'\\', literal, ..] => {
                listed |= *literal == byte;
                at += 2;
            }
            [b']', ..] => return (listed != negated, at + 1),
            [low, b'-', high, ..] => {
                let (low, high) = if low <= high { (*low, *high) } else { (*high, *low) };
                listed |= (fold::<FOLD>(low)..=fold::<FOLD>(high)).contains(&fold::<FOLD>(byte));
                at += 3;
            }
            [literal, ..] => {
                listed |= same::<FOLD>(*literal, byte);
                at += 1;
            }
        }
    }
}

fn same<const FOLD: bool>(a: u8, b: u8) -> bool {
    fold::<FOLD>(a) == fold::<FOLD>(b)
}

fn fold<const FOLD: bool>(byte: u8) -> u8 {
    if FOLD { byte.to_ascii_lowercase() } else { byte }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(pattern: &str, matching: &[&str], other: &[&str]) {
        for text in matching {
            assert!(matches(pattern.as_bytes(), text.as_bytes()), "{pattern:?} should match {text:?}");
        }
        for text in other {
            assert!(!matches(pattern.as_bytes(), text.as_bytes()), "{pattern:?} should not match {text:?}");
        }
    }

    #[test]
    fn literals_match_themselves() {
        check("abc", &["abc"], &["ab", "abcd", "abd", "ABC", ""]);
        check("", &[""], &["a"]);
        check("a\0b", &["a\0b"], &["a", "a\0"]);
    }

    #[test]
    fn question_mark_is_exactly_one_byte() {
        check("h?llo", &["hello", "hallo", "h?llo"], &["hllo", "heello"]);
        check("?", &["a", "*"], &["", "ab"]);
    }

    #[test]
    fn star_is_any_run_of_bytes() {
        check("*", &["a", "abc", "*"], &[]);
        check("a*", &["a", "ab", "abc"], &["ba", ""]);
        check("*a", &["a", "ba", "aa"], &["ab", "b"]);
        check("a**b***c", &["abc", "aXbYc", "abcbc"], &["ab", "abcd", "acb"]);
        check("*ab*ba*", &["abba", "xabxbax", "ababa"], &["aba", "ab", "baab"]);
        check("news.*.sport", &["news.it.sport", "news..sport"], &["news.sport", "news.it.sports"]);
    }

    #[test]
    fn empty_text_is_matched_by_the_empty_pattern_only() {
        check("*", &[], &[""]);
        check("**", &[], &[""]);
        check("[^a]", &[], &[""]);
    }

    #[test]
    fn classes_list_exclude_and_span() {
        check("h[ae]llo", &["hello", "hallo"], &["hillo", "haello"]);
        check("h[^e]llo", &["hallo", "h^llo"], &["hello", "hllo"]);
        check("[a-c]x", &["ax", "bx", "cx"], &["dx", "-x"]);
        check("[c-a]x", &["ax", "bx", "cx"], &["dx"]);
        check("[a-cx-z0]", &["b", "y", "0"], &["d", "-"]);
        check("[a^]", &["a", "^"], &["b"]);
        check("[a-]", &["a", "^", "]"], &["b", "-"]); // a range from ']' to 'a' in an open class
        check("[-a]", &["-", "a"], &["b"]);
        check("[]", &[], &["a", "]", "[]"]);
        check("[^]", &["a", "^", "]"], &["ab"]);
        check("[?*]", &["?", "*"], &["a"]);
    }

    #[test]
    fn open_classes_end_with_the_pattern() {
        check("[ab", &["a", "b"], &["c", "ab", "[ab"]);
        check("[^", &["a", "^"], &["ab"]);
        check("[", &[], &["[", "a"]);
        check("[b-", &["b", "-"], &["a", "c"]);
        check("a[", &[], &["a", "a["]);
    }

    #[test]
    fn backslash_takes_the_next_byte_literally() {
        check("h\\*llo", &["h*llo"], &["hello", "h\\*llo"]);
        check("\\[a]", &["[a]"], &["a"]);
        check("[\\]a]", &["]", "a"], &["\\"]);
        check("[\\^a]", &["^", "a"], &["b"]);
        check("\\a", &["a"], &["\\a"]);
        check("\\", &["\\"], &["a"]);
        check("a\\", &["a\\"], &["a"]);
        check("[\\", &["\\"], &["["]);
    }

    #[test]
    fn ranges_reach_over_all_byte_values() {
        assert!(matches(b"[\x01-\xff]", b"\x80"));
        assert!(!matches(b"[\x01-\xff]", b"\x00"));
        assert!(matches(b"[\xff-\x01]", b"m"));
    }

    #[test]
    fn ignoring_case_folds_ascii_letters_on_both_sides() {
        assert!(matches_ignore_case(b"MaxMemory*", b"maxmemory-POLICY"));
        assert!(matches_ignore_case(b"[A-C]\\X?", b"bxq"));
        assert!(matches_ignore_case(b"[xY]", b"y"));
        assert!(!matches_ignore_case("É".as_bytes(), "é".as_bytes()));
        assert!(!matches_ignore_case(b"[\\A]", b"a"), "an escape inside a class is exact");
        assert!(matches_ignore_case(b"[\\A]", b"A"));
        assert!(!matches(b"A", b"a"));
    }

    #[test]
    fn a_thousand_stars_are_the_limit() {
        let text = vec![b'a'; 5000];
        assert!(matches(&b"*?".repeat(STARS_MAX), &text));
        assert!(!matches(&b"*?".repeat(STARS_MAX + 1), &text));
        let mut closed = b"*?".repeat(STARS_MAX);
        closed.push(b'*');
        assert!(matches(&closed, &text), "a star at the end costs nothing");
        assert!(matches(&[b'*'; 100_000], &text), "stars in a row are one");
    }

    #[test]
    fn hostile_patterns_end() {
        // With retries of every star this would take more steps than there is time for.
        assert!(!matches(&[b"a*".repeat(900), b"b".to_vec()].concat(), &[b'a'; 10_000]));
        assert!(!matches(&[b"*".to_vec(), vec![b'a'; 500], b"b".to_vec()].concat(), &[b'a'; 20_000]));
    }

    /// The definition itself, exponential and obviously right: `tokens` against `text`.
    fn by_definition(tokens: &[Token], text: &[u8]) -> bool {
        match (tokens, text) {
            ([], []) => true,
            ([Token::Star, rest @ ..], _) => (0..=text.len()).any(|skip| by_definition(rest, &text[skip..])),
            ([Token::One(bytes), rest @ ..], [first, tail @ ..]) => {
                bytes.contains(first) && by_definition(rest, tail)
            }
            _ => false,
        }
    }

    #[derive(Clone, Debug)]
    enum Token {
        Star,
        One(Vec<u8>),
    }

    /// One token with the text of it in a pattern.
    fn token() -> impl Strategy<Value = (Token, Vec<u8>)> {
        let any = (0..=255).collect::<Vec<u8>>();
        let letters = b"abc".to_vec();
        prop_oneof![
            3 => prop::sample::select(letters.clone()).prop_map(|b| (Token::One(vec![b]), vec![b])),
            1 => prop::sample::select(letters.clone()).prop_map(|b| (Token::One(vec![b]), vec![b'\\', b])),
            2 => Just((Token::Star, vec![b'*'])),
            1 => Just((Token::One(any), vec![b'?'])),
            1 => prop::collection::vec(prop::sample::select(letters.clone()), 1..3).prop_map(|set| {
                let text = [b"[".as_slice(), &set, b"]"].concat();
                (Token::One(set), text)
            }),
            1 => prop::sample::select(letters).prop_map(|b| {
                let others = (0..=255).filter(|&x| x != b).collect();
                (Token::One(others), vec![b'[', b'^', b, b']'])
            }),
            1 => Just((Token::One(b"bc".to_vec()), b"[b-c]".to_vec())),
        ]
    }

    proptest! {
        #[test]
        fn agrees_with_the_definition(
            tokens in prop::collection::vec(token(), 0..9),
            text in prop::collection::vec(prop::sample::select(b"abc".to_vec()), 1..10),
        ) {
            let pattern: Vec<u8> = tokens.iter().flat_map(|(_, text)| text.clone()).collect();
            let tokens: Vec<Token> = tokens.into_iter().map(|(token, _)| token).collect();
            prop_assert_eq!(matches(&pattern, &text), by_definition(&tokens, &text));
            prop_assert_eq!(
                matches_ignore_case(&pattern.to_ascii_uppercase(), &text),
                by_definition(&tokens, &text)
            );
        }

        #[test]
        fn never_panics(pattern in "[a*?\\[\\]^\\\\-]{0,12}", text in "[a*\\[\\]^\\\\-]{0,8}") {
            let _ = matches(pattern.as_bytes(), text.as_bytes());
            let _ = matches_ignore_case(pattern.as_bytes(), text.as_bytes());
        }
    }
}
