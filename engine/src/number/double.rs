//! Doubles as text, as C's `%.17g` writes them: 17 significant digits, rounded half to even, trailing zeros
//! dropped; an exponent when it is below -4 or above 16. Every double survives the round trip.

use std::fmt::{self, Write};
use std::ops::Deref;

const SIGNIFICANT: usize = 17;

/// The text of a double. Infinities are `inf` and `-inf`, every NaN is `nan`, negative zero is `-0`.
#[derive(Clone, Copy)]
pub struct Double {
    // -d.dddddddddddddddde-ddd has 24 bytes.
    bytes: [u8; 32],
    len: usize,
}

impl Double {
    pub fn new(value: f64) -> Double {
        const EXACT: f64 = 1e17;
        let mut out = Double { bytes: [0; 32], len: 0 };
        if value.is_nan() {
            out.push("nan");
        } else if value.is_infinite() {
            out.push(if value > 0.0 { "inf" } else { "-inf" });
        } else if value.abs() < EXACT && value.trunc() == value && !(value == 0.0 && value.is_sign_negative())
        {
            out.push(itoa::Buffer::new().format(value as i64));
        } else {
            out.push_rounded(value);
        }
        out
    }

    fn push(&mut self, text: &str) {
        self.bytes[self.len..][..text.len()].copy_from_slice(text.as_bytes());
        self.len += text.len();
    }

    fn push_zeros(&mut self, count: usize) {
        (0..count).for_each(|_| self.push("0"));
    }

    fn push_rounded(&mut self, value: f64) {
        // d.dddddddddddddddde-ddd
        let mut text = Double { bytes: [0; 32], len: 0 };
        write!(text, "{:.1$e}", value.abs(), SIGNIFICANT - 1).expect("at most 23 bytes");
        let mantissa = &text[..SIGNIFICANT + 1];
        let exponent: i32 =
            text[SIGNIFICANT + 2..].parse().expect("the formatter writes an exponent after the mantissa");
        let mut digits = Double { bytes: [0; 32], len: 0 };
        digits.push(&mantissa[..1]);
        digits.push(&mantissa[2..]);
        // Zero keeps its only digit.
        let digits = match digits.trim_end_matches('0') {
            "" => "0",
            digits => digits,
        };

        if value.is_sign_negative() {
            self.push("-");
        }
        if !(-4..SIGNIFICANT as i32).contains(&exponent) {
            self.push_point(digits, 1);
            let sign = if exponent < 0 { '-' } else { '+' };
            write!(self, "e{sign}{:02}", exponent.unsigned_abs()).expect("at most 5 bytes");
        } else if exponent < 0 {
            self.push("0.");
            self.push_zeros((-exponent - 1) as usize);
            self.push(digits);
        } else {
            self.push_point(digits, exponent as usize + 1);
        }
    }

    /// Appends `digits` with `whole` of them before the point, filled up with zeros, and no point at the end.
    fn push_point(&mut self, digits: &str, whole: usize) {
        let (before, after) = digits.split_at(whole.min(digits.len()));
        self.push(before);
        self.push_zeros(whole - before.len());
        if !after.is_empty() {
            self.push(".");
            self.push(after);
        }
    }
}

impl Deref for Double {
    type Target = str;

    #[inline]
    fn deref(&self) -> &str {
        // Only text was pushed.
        std::str::from_utf8(&self.bytes[..self.len]).unwrap_or_default()
    }
}

impl fmt::Display for Double {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self)
    }
}

impl Write for Double {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.len + text.len() > self.bytes.len() {
            return Err(fmt::Error);
        }
        self.push(text);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: f64) -> String {
        Double::new(value).to_string()
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
