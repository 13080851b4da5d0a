//! Doubles as text, as C's `%.17g` writes them: 17 significant digits, rounded half to even, trailing zeros
//! dropped; an exponent when it is below -4 or above 16. Every double survives the round trip.

use std::io::Write;

const SIGNIFICANT: usize = 17;

/// Appends `value`. Infinities are `inf` and `-inf`, every NaN is `nan`, negative zero is `-0`.
pub fn append_double(out: &mut Vec<u8>, value: f64) {
    const EXACT: f64 = 1e17;
    if value.is_nan() {
        out.extend_from_slice(b"nan");
    } else if value.is_infinite() {
        out.extend_from_slice(if value > 0.0 { b"inf" } else { b"-inf" });
    } else if value.abs() < EXACT && value.trunc() == value && !(value == 0.0 && value.is_sign_negative()) {
        out.extend_from_slice(itoa::Buffer::new().format(value as i64).as_bytes());
    } else {
        append_rounded(out, value);
    }
}

fn append_rounded(out: &mut Vec<u8>, value: f64) {
    // d.dddddddddddddddde-ddd
    let mut text = [0u8; 32];
    let mut unused = &mut text[..];
    write!(unused, "{:.1$e}", value.abs(), SIGNIFICANT - 1).expect("at most 23 bytes");
    let unused_len = unused.len();
    let text = &text[..text.len() - unused_len];

    let mantissa = &text[..SIGNIFICANT + 1];
    let exponent: i32 = std::str::from_utf8(&text[SIGNIFICANT + 2..])
        .ok()
        .and_then(|digits| digits.parse().ok())
        .expect("the formatter writes an exponent after the mantissa");
    let mut digits = [0u8; SIGNIFICANT];
    digits[0] = mantissa[0];
    digits[1..].copy_from_slice(&mantissa[2..]);
    let zeros = digits.iter().rev().take_while(|digit| **digit == b'0').count();
    // Zero keeps its only digit.
    let digits = &digits[..(SIGNIFICANT - zeros).max(1)];

    if value.is_sign_negative() {
        out.push(b'-');
    }
    if !(-4..SIGNIFICANT as i32).contains(&exponent) {
        append_point(out, digits, 1);
        let sign = if exponent < 0 { '-' } else { '+' };
        write!(out, "e{sign}{:02}", exponent.unsigned_abs()).expect("a vector takes everything");
    } else if exponent < 0 {
        out.extend_from_slice(b"0.");
        out.resize(out.len() + (-exponent - 1) as usize, b'0');
        out.extend_from_slice(digits);
    } else {
        append_point(out, digits, exponent as usize + 1);
    }
}

/// Appends `digits` with `whole` of them before the point, filled up with zeros, and no point at the end.
fn append_point(out: &mut Vec<u8>, digits: &[u8], whole: usize) {
    let (before, after) = digits.split_at(whole.min(digits.len()));
    out.extend_from_slice(before);
    out.resize(out.len() + whole - before.len(), b'0');
    if !after.is_empty() {
        out.push(b'.');
        out.extend_from_slice(after);
    }
}

#[cfg(test)]
mod tests {
    use super::append_double;

    fn text(value: f64) -> String {
        let mut out = Vec::new();
        append_double(&mut out, value);
        String::from_utf8(out).unwrap()
    }

    /// The expected column is what `printf("%.17g")` of glibc prints.
    #[test]
    fn as_printf_with_17_digits() {
        for (value, expected) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (3.0, "3"),
            (-17.0, "-17"),
            (0.1, "0.10000000000000001"),
            (-0.1, "-0.10000000000000001"),
            (3.3, "3.2999999999999998"),
            (0.5, "0.5"),
            (1.5, "1.5"),
            (100.25, "100.25"),
            (0.0001, "0.0001"),
            (0.00012, "0.00012"),
            (0.00001, "1.0000000000000001e-05"),
            (0.000015, "1.5e-05"),
            (123456789.123, "123456789.123"),
            (9007199254740993.0, "9007199254740992"),
            (99999999999999984.0, "99999999999999984"),
            (1e16, "10000000000000000"),
            (1e17, "1e+17"),
            (-1e17, "-1e+17"),
            (123456789012345680000.0, "1.2345678901234568e+20"),
            (1e100, "1e+100"),
            (f64::MAX, "1.7976931348623157e+308"),
            (f64::MIN_POSITIVE, "2.2250738585072014e-308"),
            (5e-324, "4.9406564584124654e-324"),
            // Ties at the 17th digit go to the even one.
            (1.0 + 2f64.powi(-17), "1.0000076293945312"),
            (1.0 + 3.0 * 2f64.powi(-17), "1.0000228881835938"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
            (f64::NAN, "nan"),
            (-f64::NAN, "nan"),
        ] {
            assert_eq!(text(value), expected);
        }
    }
}
