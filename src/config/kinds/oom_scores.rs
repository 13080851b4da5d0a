//! `oom-score-adj-values`: how readily the kernel ends a primary, a replica and a helper when memory runs out.

use std::fmt;

use super::lenient_integer;

/// The three adjustments, from -2000 to 2000.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OomScores(pub [i16; 3]);

impl OomScores {
    pub(in crate::config) fn parse(words: &[&[u8]]) -> Result<Self, String> {
        let &[primary, replica, helper] = words else {
            return Err("wrong number of arguments".into());
        };
        let score = |word| {
            lenient_integer(word)
                .and_then(|score| i16::try_from(score).ok())
                .filter(|score| (-2000..=2000).contains(score))
                .ok_or("Invalid oom-score-adj-values, elements must be between -2000 and 2000.")
        };
        Ok(Self([score(primary)?, score(replica)?, score(helper)?]))
    }
}

impl fmt::Display for OomScores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        super::super::value::join(f, &self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_scores_in_range() {
        assert_eq!(OomScores::parse(&[b"0", b"-200", b"2000"]).unwrap().to_string(), "0 -200 2000");
        assert_eq!(OomScores::parse(&[b"1", b"2"]).unwrap_err(), "wrong number of arguments");
        for wrong in ["a", "2001", "-2001", "40000"] {
            let refusal = OomScores::parse(&[b"1", b"2", wrong.as_bytes()]).unwrap_err();
            assert_eq!(refusal, "Invalid oom-score-adj-values, elements must be between -2000 and 2000.");
        }
    }
}
