//! Amounts of memory: `100`, `64kb`, `1gb`; `k m g` count in thousands, `kb mb gb` in 1024s.

/// The amount in bytes, capped at `u64::MAX`. The empty text is 0. `None` if `text` is no amount.
pub fn parse_bytes(text: &[u8]) -> Option<u64> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, unit) = text.split_at(digits);
    let factor: u64 = match unit.to_ascii_lowercase().as_slice() {
        b"" | b"b" => 1,
        b"k" => 1000,
        b"kb" => 1 << 10,
        b"m" => 1_000_000,
        b"mb" => 1 << 20,
        b"g" => 1_000_000_000,
        b"gb" => 1 << 30,
        _ => return None,
    };
    let number =
        number.iter().fold(0u64, |sum, digit| sum.saturating_mul(10).saturating_add(u64::from(digit - b'0')));
    Some(number.saturating_mul(factor))
}

/// The shortest exact form with a unit, as CONFIG REWRITE writes it.
pub fn format_bytes(bytes: u64) -> String {
    for (unit, shift) in [("gb", 30), ("mb", 20), ("kb", 10)] {
        if bytes != 0 && bytes.trailing_zeros() >= shift {
            return format!("{}{unit}", bytes >> shift);
        }
    }
    bytes.to_string()
}

/// For people: `1.02M`, `12.13G`; the form of INFO's `_human` fields.
pub fn human_bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["K", "M", "G", "T", "P"];
    if bytes < 1024 {
        return format!("{bytes}B");
    }
    let mut amount = bytes as f64 / 1024.0;
    let mut unit = 0;
    while amount >= 1024.0 && unit + 1 < UNITS.len() {
        amount /= 1024.0;
        unit += 1;
    }
    format!("{amount:.2}{}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_decimal_or_binary() {
        for (text, bytes) in [
            ("0", 0),
            ("", 0),
            ("007", 7),
            ("12b", 12),
            ("1k", 1000),
            ("1kB", 1024),
            ("2M", 2_000_000),
            ("2mb", 2 << 20),
            ("3g", 3_000_000_000),
            ("3GB", 3 << 30),
            ("18446744073709551615", u64::MAX),
            ("18446744073709551616", u64::MAX),
            ("99999999999999999999gb", u64::MAX),
        ] {
            assert_eq!(parse_bytes(text.as_bytes()), Some(bytes), "{text:?}");
        }
    }

    #[test]
    fn other_texts_are_no_amounts() {
        for text in ["-1", "+1", "1tb", "1 kb", "1.5g", "x", "1kbb", " 1"] {
            assert_eq!(parse_bytes(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn rewriting_is_exact() {
        for bytes in [0, 1, 1000, 1023, 1024, 1025, 3 << 20, (3 << 20) + 1, 5 << 30, u64::MAX] {
            assert_eq!(parse_bytes(format_bytes(bytes).as_bytes()), Some(bytes));
        }
        assert_eq!(format_bytes(256 << 20), "256mb");
        assert_eq!(format_bytes(1536), "1536");
    }

    #[test]
    fn people_read_two_decimals() {
        for (bytes, text) in
            [(0, "0B"), (1023, "1023B"), (1024, "1.00K"), (1_064_752, "1.02M"), (25_276_510_208, "23.54G")]
        {
            assert_eq!(human_bytes(bytes), text);
        }
        assert_eq!(human_bytes(u64::MAX), "16384.00P");
    }
}
