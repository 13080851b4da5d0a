//! Numbers as Redis reads them from words and writes them into values.

use rustc_apfloat::ieee::Double as IeeeDouble;
use rustc_apfloat::{Float, Round};

mod double;
mod extended;

pub use double::Double;
pub use extended::Extended;

/// A decimal integer exactly as Redis takes it: no spaces, no plus sign, no leading zeros, no `-0`.
#[inline]
pub fn parse_i64(word: &[u8]) -> Option<i64> {
    let (negative, digits) = match word {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    if digits.is_empty() || digits.len() > 19 {
        return None;
    }
    if digits[0] == b'0' {
        return (word == b"0").then_some(0);
    }
    let mut value: u64 = 0;
    for &digit in digits {
        let digit = digit.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        // At most 19 digits: below 10^19, which a u64 holds.
        value = value * 10 + u64::from(digit);
    }
    if negative {
        (value <= 1 << 63).then(|| (value as i64).wrapping_neg())
    } else {
        i64::try_from(value).ok()
    }
}

/// A floating-point number as Redis takes it (`strtold` on the whole word): decimal or hexadecimal,
/// `inf`, `infinity` in any case; no surrounding space; `nan` is not a number here.
pub fn parse_f64(word: &[u8]) -> Option<f64> {
    if let Some(value) = parse_short(word) {
        return Some(value);
    }
    let text = std::str::from_utf8(word).ok()?;
    let (sign, body) = match text.as_bytes().first()? {
        b'-' => (-1.0, &text[1..]),
        b'+' => (1.0, &text[1..]),
        _ => (1.0, text),
    };
    if body.len() > 2 && body.as_bytes()[..2].eq_ignore_ascii_case(b"0x") {
        return parse_hexadecimal(&body[2..]).map(|value| sign * value);
    }
    let first = *body.as_bytes().first()?;
    if first.is_ascii_digit() || first == b'.' {
        return body.parse::<f64>().ok().map(|value| sign * value);
    }
    let infinite = body.eq_ignore_ascii_case("inf") || body.eq_ignore_ascii_case("infinity");
    infinite.then_some(sign * f64::INFINITY)
}

/// Digits alone, so few that the number is exact, as most are.
#[inline]
fn parse_short(word: &[u8]) -> Option<f64> {
    const DIGITS_MAX: usize = 15;
    if word.is_empty() || word.len() > DIGITS_MAX {
        return None;
    }
    let mut value = 0;
    for byte in word {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + u64::from(digit);
    }
    Some(value as f64)
}

/// A floating-point number as Redis takes scores and coordinates: as [`parse_f64`], and no finite number that only
/// infinity or zero is near to.
pub fn parse_double(word: &[u8]) -> Option<f64> {
    let value = parse_f64(word)?;
    let is_spelled = |byte: &u8| byte.is_ascii_digit() || *byte == b'.';
    let body = word.strip_prefix(b"-").or(word.strip_prefix(b"+")).unwrap_or(word);
    let is_number = body.first().is_some_and(is_spelled);
    if !is_number || value.is_finite() && value != 0.0 {
        return Some(value);
    }
    let is_hexadecimal = body.len() > 1 && body[1].eq_ignore_ascii_case(&b'x');
    let (mantissa, mark) = if is_hexadecimal { (&body[2..], b'p') } else { (body, b'e') };
    let digits = mantissa.iter().take_while(|byte| !byte.eq_ignore_ascii_case(&mark));
    let is_zero = digits.into_iter().all(|byte| matches!(byte, b'0' | b'.'));
    (is_zero && value == 0.0).then_some(value)
}

/// The end of a range of numbers as Redis takes it (`strtod`): also with space before it, too large or too small, or
/// no word at all for 0, and a NUL byte ends it.
pub fn parse_bound(word: &[u8]) -> Option<f64> {
    let word = word.split(|byte| *byte == 0).next().unwrap_or_default();
    if word.is_empty() {
        return Some(0.0);
    }
    let is_space = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0x0B;
    let start = word.iter().position(|byte| !is_space(byte))?;
    parse_f64(&word[start..])
}

/// The nearest number; infinite when only infinity is near.
fn parse_hexadecimal(body: &str) -> Option<f64> {
    let (mantissa, exponent) = match body.split_once(['p', 'P']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (body, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let are_digits = |digits: &str| digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    if whole.is_empty() && fraction.is_empty() || !are_digits(whole) || !are_digits(fraction) {
        return None;
    }
    if mantissa.bytes().all(|digit| matches!(digit, b'0' | b'.')) {
        return Some(0.0);
    }
    let exact = IeeeDouble::from_str_r(&format!("0x{whole}.{fraction}p{exponent}"), Round::NearestTiesToEven);
    let bits = exact.ok()?.value.to_bits();
    Some(f64::from_bits(u64::try_from(bits).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers() {
        for (word, value) in [("0", 0), ("7", 7), ("-7", -7), ("9223372036854775807", i64::MAX)] {
            assert_eq!(parse_i64(word.as_bytes()), Some(value), "{word}");
        }
        assert_eq!(parse_i64(b"-9223372036854775808"), Some(i64::MIN));
        for word in
            ["", "-", "+1", " 1", "1 ", "01", "-0", "1.0", "9223372036854775808", "99999999999999999999", "x"]
        {
            assert_eq!(parse_i64(word.as_bytes()), None, "{word}");
        }
        assert_eq!(parse_i64(b"-9223372036854775809"), None);
    }

    #[test]
    fn scores() {
        for (word, value) in
            [("1", 1.0), ("inf", f64::INFINITY), ("0e999", 0.0), ("-0x0p9", -0.0), ("1e-320", 1e-320)]
        {
            assert_eq!(parse_double(word.as_bytes()), Some(value), "{word}");
        }
        for word in ["1e400", "-1e400", "1e-400", "2e-324", "nan", "", " 1", "0x1p2000", "0x1p-2000"] {
            assert_eq!(parse_double(word.as_bytes()), None, "{word}");
        }
    }

    #[test]
    fn ends_of_ranges() {
        for (word, value) in [
            ("", 0.0),
            (" 1", 1.0),
            ("1e400", f64::INFINITY),
            ("1e-400", 0.0),
            ("2\0x", 2.0),
            ("\0", 0.0),
            ("-inf", f64::NEG_INFINITY),
        ] {
            assert_eq!(parse_bound(word.as_bytes()), Some(value), "{word}");
        }
        for word in ["1 ", " ", "nan", "1e", "(1"] {
            assert_eq!(parse_bound(word.as_bytes()), None, "{word}");
        }
    }

    #[test]
    fn floating_point_numbers() {
        for (word, value) in
            [("1", 1.0), ("-1.5e3", -1500.0), ("+2", 2.0), (".5", 0.5), ("0x1.8p1", 3.0), ("0x10", 16.0)]
        {
            assert_eq!(parse_f64(word.as_bytes()), Some(value), "{word}");
        }
        assert_eq!(parse_f64(b"-INF"), Some(f64::NEG_INFINITY));
        assert_eq!(parse_f64(b"infinity"), Some(f64::INFINITY));
        for word in ["", "+", " 1", "1 ", "nan", "1x", "0x", "--1", "inf1"] {
            assert_eq!(parse_f64(word.as_bytes()), None, "{word}");
        }
    }
}
