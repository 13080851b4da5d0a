//! `latency-tracking-info-percentiles`: which percentiles INFO's `latencystats` shows.

use std::fmt;

/// Percentiles between 0 and 100, in the order given.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Percentiles(pub Vec<f64>);

impl Percentiles {
    pub(in crate::config) fn parse(words: &[&[u8]]) -> Result<Self, String> {
        let percentile = |word: &&[u8]| -> Result<f64, String> {
            let number = std::str::from_utf8(word).ok().and_then(|word| word.parse::<f64>().ok());
            match number {
                Some(number) if (0.0..=100.0).contains(&number) => Ok(number),
                Some(number) if !number.is_nan() => {
                    Err("latency-tracking-info-percentiles parameters should sit between [0.0,100.0]".into())
                }
                _ => Err("Invalid latency-tracking-info-percentiles parameters".into()),
            }
        };
        words.iter().map(percentile).collect::<Result<_, _>>().map(Self)
    }
}

impl fmt::Display for Percentiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        super::super::value::join(f, &self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<String, String> {
        let words: Vec<&[u8]> = text.split_ascii_whitespace().map(str::as_bytes).collect();
        Percentiles::parse(&words).map(|percentiles| percentiles.to_string())
    }

    #[test]
    fn numbers_are_shown_in_their_shortest_form() {
        for (given, shown) in [
            ("50 99 99.9", "50 99 99.9"),
            ("0.0 50.0 100.0", "0 50 100"),
            ("1e1 33.333333", "10 33.333333"),
            ("", ""),
        ] {
            assert_eq!(parse(given), Ok(shown.into()));
        }
    }

    #[test]
    fn out_of_range_and_nonsense_differ() {
        for text in ["101", "-1", "50 99999999999999999999", "inf"] {
            assert!(parse(text).unwrap_err().ends_with("should sit between [0.0,100.0]"), "{text:?}");
        }
        for text in ["a", "10 50 a", "10%", "nan"] {
            assert!(parse(text).unwrap_err().starts_with("Invalid"), "{text:?}");
        }
    }
}
