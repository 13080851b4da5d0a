//! Settings whose value is more than a number, a word or a text: each has its type, its parser and its text here.

mod addresses;
mod choices;
mod cpu_list;
mod events;
mod oom_scores;
mod output_limits;
mod percentiles;
mod primary;
mod save;
mod shutdown;

pub use addresses::BindAddress;
pub use choices::{Allow, EvictionPolicy, LogLevel, PipelineOrder, Supervision};
pub use cpu_list::CpuList;
pub use events::EventClasses;
pub use oom_scores::OomScores;
pub use output_limits::{OutputLimit, OutputLimits};
pub use percentiles::Percentiles;
pub use primary::PrimaryAddress;
pub use save::{SavePoint, SavePoints};
pub use shutdown::ShutdownFlags;

/// A number as Redis reads one: no sign but `-`, no leading zeros, nothing around it.
pub(super) fn strict_integer(text: &[u8]) -> Option<i64> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let plain = matches!(digits, [b'0'] if digits.len() == text.len())
        || matches!(digits, [b'1'..=b'9', rest @ ..] if rest.iter().all(u8::is_ascii_digit));
    if !plain {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// A number in the lenient C form: blanks before it, a sign, leading zeros.
pub(super) fn lenient_integer(text: &[u8]) -> Option<i64> {
    std::str::from_utf8(text.trim_ascii_start()).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strict_integers_have_one_spelling() {
        for (text, value) in [("0", 0), ("7", 7), ("-7", -7), ("9223372036854775807", i64::MAX)] {
            assert_eq!(strict_integer(text.as_bytes()), Some(value));
        }
        assert_eq!(strict_integer(b"-9223372036854775808"), Some(i64::MIN));
        for text in ["", "-", "-0", "00", "05", "+5", " 5", "5 ", "0x5", "1e3", "9223372036854775808"] {
            assert_eq!(strict_integer(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn lenient_integers_are_what_c_takes() {
        for (text, value) in [("05", 5), ("+5", 5), (" -5", -5)] {
            assert_eq!(lenient_integer(text.as_bytes()), Some(value));
        }
        for text in ["", "5 ", "a", "1.0"] {
            assert_eq!(lenient_integer(text.as_bytes()), None, "{text:?}");
        }
    }
}
