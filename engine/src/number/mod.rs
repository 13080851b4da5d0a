//! Numbers as Redis reads them from words and writes them into values.

mod extended;

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

fn parse_hexadecimal(body: &str) -> Option<f64> {
    let (mantissa, exponent) = match body.split_once(['p', 'P']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (body, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut value = 0.0_f64;
    for digit in whole.chars() {
        value = value * 16.0 + f64::from(digit.to_digit(16)?);
    }
    let mut unit = 1.0 / 16.0;
    for digit in fraction.chars() {
        value += f64::from(digit.to_digit(16)?) * unit;
        unit /= 16.0;
    }
    Some(value * 2.0_f64.powi(exponent))
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
