//! Floating-point numbers of 80 bits (x87), in which Redis on x86-64 computes INCRBYFLOAT and
//! HINCRBYFLOAT: 64 bits of mantissa are what makes `10.50 + 0.1` come out as `10.6`. The results are the
//! same on every machine here.

use rustc_apfloat::ieee::X87DoubleExtended;
use rustc_apfloat::{Float, Round, StatusAnd};

/// A number, perhaps infinite, never NaN.
#[derive(Debug, Clone, Copy)]
pub struct Extended(X87DoubleExtended);

impl Extended {
    pub const ZERO: Extended = Extended(X87DoubleExtended::ZERO);

    /// The number nearest to what a word says as C's `strtold` reads it: decimal or hexadecimal, or
    /// `inf`, `infinity` in any case. Redis takes no space, no `nan`, no word of 5120 bytes or more, and
    /// no finite number that only infinity or zero is near to.
    pub fn parse(word: &[u8]) -> Option<Extended> {
        const WORD_LEN_MAX: usize = 5 * 1024;
        let text = std::str::from_utf8(word).ok().filter(|text| text.len() < WORD_LEN_MAX)?;
        let (negative, body) = match text.as_bytes().first()? {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        let magnitude = parse_magnitude(body)?;
        Some(Extended(if negative { -magnitude } else { magnitude }))
    }

    /// The sum, rounded to the nearest number; `None` if it is not finite.
    pub fn plus(self, other: Extended) -> Option<Extended> {
        let StatusAnd { value: sum, .. } = self.0.add_r(other.0, Round::NearestTiesToEven);
        sum.is_finite().then_some(Extended(sum))
    }

    /// The number with up to 17 digits after the point, as Redis writes it (`%.17Lf` without trailing
    /// zeros). The number is finite.
    pub fn to_decimal(self) -> String {
        const EXPONENT_BIAS: i32 = 16_383;
        const FRACTION_BITS: i32 = 63;
        let bits = self.0.to_bits();
        let mantissa = bits as u64;
        // Subnormal numbers have the scale of the smallest normal ones.
        let stored = ((bits >> 64) as i32 & 0x7FFF).max(1);
        let text = decimal(mantissa, stored - EXPONENT_BIAS - FRACTION_BITS);
        let is_negative = bits >> 79 & 1 == 1 && text != "0";
        if is_negative { format!("-{text}") } else { text }
    }
}

fn parse_magnitude(body: &str) -> Option<X87DoubleExtended> {
    if body.eq_ignore_ascii_case("inf") || body.eq_ignore_ascii_case("infinity") {
        return Some(X87DoubleExtended::INFINITY);
    }
    let lower = body.to_ascii_lowercase();
    let (digits, radix, mark) = match lower.strip_prefix("0x") {
        Some(digits) => (digits, 16, 'p'),
        None => (lower.as_str(), 10, 'e'),
    };
    let (mantissa, exponent) = match digits.split_once(mark) {
        Some((mantissa, exponent)) => (mantissa, exponent),
        None => (digits, "0"),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let are_digits = |text: &str, radix| text.chars().all(|digit| digit.is_digit(radix));
    let exponent_digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    if whole.len() + fraction.len() == 0
        || !are_digits(whole, radix)
        || !are_digits(fraction, radix)
        || exponent_digits.is_empty()
        || !are_digits(exponent_digits, 10)
    {
        return None;
    }
    let is_zero = !mantissa.contains(|digit| !matches!(digit, '0' | '.'));
    if is_zero {
        return Some(X87DoubleExtended::ZERO);
    }
    let prefix = if radix == 16 { "0x" } else { "" };
    let plain = format!("{prefix}{whole}.{fraction}{mark}{exponent}");
    let StatusAnd { value, .. } = X87DoubleExtended::from_str_r(&plain, Round::NearestTiesToEven).ok()?;
    (value.is_finite() && !value.is_zero()).then_some(value)
}

const PLACES: usize = 17;
/// 10 to the number of places.
const UNIT: u128 = 100_000_000_000_000_000;

/// `mantissa · 2^exponent` with up to [`PLACES`] digits after the point, ties to even.
fn decimal(mantissa: u64, exponent: i32) -> String {
    if exponent >= 0 {
        return whole_decimal(mantissa, exponent.unsigned_abs());
    }
    let shift = exponent.unsigned_abs();
    let (whole, fraction) = match shift {
        ..64 => (mantissa >> shift, mantissa & ((1 << shift) - 1)),
        _ => (0, mantissa),
    };
    // Below 2^64 · 10^17 < 2^121.
    let scaled = u128::from(fraction) * UNIT;
    let mut places = if shift < 128 { scaled >> shift } else { 0 };
    if shift < 128 {
        let rest = scaled & ((1 << shift) - 1);
        let half = 1 << (shift - 1);
        places += u128::from(rest > half || rest == half && places % 2 == 1);
    }
    let whole = u128::from(whole) + places / UNIT;
    let digits = format!("{whole}.{:0PLACES$}", places % UNIT);
    digits.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// `mantissa · 2^exponent` in full: up to 4933 digits.
fn whole_decimal(mantissa: u64, exponent: u32) -> String {
    const LIMB_DIGITS: usize = 18;
    const LIMB: u128 = 1_000_000_000_000_000_000;
    const STEP_BITS: u32 = 32;
    // Limbs of 18 decimal digits, least significant first.
    let mut limbs = vec![(u128::from(mantissa) % LIMB) as u64, (u128::from(mantissa) / LIMB) as u64];
    let mut left = exponent;
    while left > 0 {
        let bits = left.min(STEP_BITS);
        let mut carry = 0_u128;
        for limb in &mut limbs {
            carry += u128::from(*limb) << bits;
            *limb = (carry % LIMB) as u64;
            carry /= LIMB;
        }
        if carry > 0 {
            limbs.push(carry as u64);
        }
        left -= bits;
    }
    let digits: String = limbs.iter().rev().map(|limb| format!("{limb:0LIMB_DIGITS$}")).collect();
    match digits.trim_start_matches('0') {
        "" => "0".to_owned(),
        digits => digits.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(one: &str, other: &str) -> String {
        let parse = |word: &str| Extended::parse(word.as_bytes()).expect(word);
        parse(one).plus(parse(other)).expect("a finite sum").to_decimal()
    }

    /// The expected texts are those of Redis 7.0 on x86-64.
    #[test]
    fn sums_are_those_of_redis() {
        for (one, other, expected) in [
            ("3", "1.1", "4.1"),
            ("10.50", "0.1", "10.6"),
            ("5.0e3", "2.0e2", "5200"),
            ("0", "-0", "0"),
            ("1", "-1", "0"),
            ("-1.5", "0.25", "-1.25"),
            ("0x1p4", "0X.8", "16.5"),
            ("1e-18", "0", "0"),
            ("-1e-18", "0", "0"),
            ("6e-18", "0", "0.00000000000000001"),
            ("0.1", "0.2", "0.3"),
            ("18446744073709551615", "1", "18446744073709551616"),
            ("1e-4940", "1", "1"),
            ("1e27", "0", "1000000000000000000000000000"),
            ("1e40", "0", "9999999999999999999783686092270256259072"),
            ("9007199254740993", "0.5", "9007199254740993.5"),
        ] {
            assert_eq!(sum(one, other), expected, "{one} + {other}");
        }
    }

    #[test]
    fn words_that_are_no_numbers() {
        let long = "1".repeat(5120);
        for word in [
            "", "+", "-", ".", "e1", "1e", "1e+", "1e1.5", " 1", "1 ", "nan", "-nan", "infi", "0x", "0x.",
            "0xg", "0x1p", "1p1", "--1", "1_0", "1e5000", "-1e5000", "1e-5000", &long,
        ] {
            assert!(Extended::parse(word.as_bytes()).is_none(), "{word}");
        }
        assert!(Extended::parse(b"1\0").is_none());
        assert!(Extended::parse(b"\xff").is_none());
        for word in ["1.", ".5", "+1", "0e999999999999", "00.10e0005", "1e-4950", "INF", "-infinity", "0x1"] {
            assert!(Extended::parse(word.as_bytes()).is_some(), "{word}");
        }
    }

    #[test]
    fn infinity_is_no_result() {
        let parse = |word: &str| Extended::parse(word.as_bytes()).expect(word);
        assert!(parse("inf").plus(parse("1")).is_none());
        assert!(parse("inf").plus(parse("-inf")).is_none());
        assert!(parse("1.18e4932").plus(parse("1.18e4932")).is_none());
    }
}
