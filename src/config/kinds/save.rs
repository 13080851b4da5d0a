//! `save`: after how many seconds with how many changes a snapshot is due.

use std::fmt;

use super::lenient_integer;

/// One condition: a snapshot is due when `seconds` have passed since the last one and `changes` were made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SavePoint {
    /// Age of the last snapshot, at least one.
    pub seconds: u32,
    /// Number of writes.
    pub changes: u32,
}

/// All conditions in the order given; any of them suffices.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SavePoints(pub Vec<SavePoint>);

const REFUSAL: &str = "Invalid save parameters";

impl SavePoints {
    /// Conditions from `words`, pairs of seconds and changes; no words at all mean no conditions.
    pub(in crate::config) fn parse(words: &[&[u8]]) -> Result<Self, String> {
        let (pairs, []) = words.as_chunks::<2>() else {
            return Err(REFUSAL.into());
        };
        let point = |&[seconds, changes]: &[&[u8]; 2]| {
            let seconds = u32::try_from(lenient_integer(seconds)?).ok().filter(|&seconds| seconds > 0)?;
            let changes = u32::try_from(lenient_integer(changes)?).ok()?;
            Some(SavePoint { seconds, changes })
        };
        pairs.iter().map(point).collect::<Option<_>>().map(Self).ok_or_else(|| REFUSAL.into())
    }
}

impl fmt::Display for SavePoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.seconds, self.changes)
    }
}

impl fmt::Display for SavePoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        super::super::value::join(f, &self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<String, String> {
        let words: Vec<&[u8]> = text.split_ascii_whitespace().map(str::as_bytes).collect();
        SavePoints::parse(&words).map(|points| points.to_string())
    }

    #[test]
    fn pairs_are_kept_in_order() {
        assert_eq!(parse("3600 1 300 100"), Ok("3600 1 300 100".into()));
        assert_eq!(parse("10 20 10 5"), Ok("10 20 10 5".into()));
        assert_eq!(parse("1 0"), Ok("1 0".into()));
        assert_eq!(parse(""), Ok(String::new()));
    }

    #[test]
    fn halves_and_nonsense_are_refused() {
        for text in ["10", "10 20 30", "-1 2", "0 2", "1 -5", "a b", "5000000000 1"] {
            assert_eq!(parse(text), Err(REFUSAL.into()), "{text:?}");
        }
        assert_eq!(SavePoints::parse(&[b"", b"5"]), Err(REFUSAL.into()));
    }
}
