//! Ranges of a sorted set as commands name them: by rank, by score, by the bytes of members.

use std::ops::{Bound, Range};

use shm::Heap;

use crate::command::Error;
use crate::number;
use crate::types::collection::Collection;
use crate::types::zset::{LexBound, Zset};

/// What the ends of a range are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    Rank,
    Score,
    Lex,
}

/// A range.
#[derive(Debug, Clone, Copy)]
pub(super) enum Interval<'a> {
    /// Both ends included, counted from the end when negative.
    Rank(i64, i64),
    Score(Bound<f64>, Bound<f64>),
    Lex(LexBound<'a>, LexBound<'a>),
}

impl<'a> Interval<'a> {
    /// The range between two words, the lower end first.
    pub fn parse(by: By, from: &'a [u8], to: &'a [u8]) -> Result<Interval<'a>, Error> {
        Ok(match by {
            By::Rank => {
                let rank = |word| number::parse_i64(word).ok_or(Error::NotInteger);
                Interval::Rank(rank(from)?, rank(to)?)
            }
            By::Score => Interval::Score(score_bound(from)?, score_bound(to)?),
            By::Lex => Interval::Lex(lex_bound(from)?, lex_bound(to)?),
        })
    }

    /// The ranks of the members within it. `from_end`: they will be listed from the last one; ranks count from there.
    pub fn ranks(&self, zset: &Zset, heap: &Heap, from_end: bool) -> Range<usize> {
        match *self {
            Interval::Rank(start, stop) => {
                let ranks = ranks_within(start, stop, zset.len());
                match from_end {
                    true => zset.len() - ranks.end..zset.len() - ranks.start,
                    false => ranks,
                }
            }
            Interval::Score(from, to) => zset.ranks_by_score(heap, from, to),
            Interval::Lex(from, to) => zset.ranks_by_lex(heap, from, to, from_end),
        }
    }
}

/// The ranks from `start` to `stop`, both included, among `len`.
fn ranks_within(start: i64, stop: i64, len: usize) -> Range<usize> {
    let signed_len = i64::try_from(len).unwrap_or(i64::MAX);
    let from_start = |at: i64| if at < 0 { at.saturating_add(signed_len) } else { at };
    let start = usize::try_from(from_start(start)).unwrap_or(0);
    let end = usize::try_from(from_start(stop).saturating_add(1)).unwrap_or(0).min(len);
    if start < end { start..end } else { 0..0 }
}

fn score_bound(word: &[u8]) -> Result<Bound<f64>, Error> {
    let (is_excluded, number) = match word {
        [b'(', number @ ..] => (true, number),
        number => (false, number),
    };
    let score = number::parse_bound(number).ok_or(Error::text("ERR min or max is not a float"))?;
    Ok(if is_excluded { Bound::Excluded(score) } else { Bound::Included(score) })
}

fn lex_bound(word: &[u8]) -> Result<LexBound<'_>, Error> {
    match word {
        b"-" => Ok(LexBound::Lowest),
        b"+" => Ok(LexBound::Highest),
        [b'[', bytes @ ..] => Ok(LexBound::Included(bytes)),
        [b'(', bytes @ ..] => Ok(LexBound::Excluded(bytes)),
        _ => Err(Error::text("ERR min or max not valid string range item")),
    }
}
