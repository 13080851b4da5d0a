//! The value of a setting, and its two texts: the one CONFIG GET shows and the lines CONFIG REWRITE writes.

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use super::kinds::{
    BindAddress, EventClasses, OomScores, OutputLimits, Percentiles, PrimaryAddress, SavePoints,
    ShutdownFlags,
};
use super::units::format_bytes;
use super::words::quote;

/// A value; which variant a setting has follows from its kind.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `yes` or `no`.
    Bool(bool),
    /// A number; wide enough for every setting's range.
    Integer(i128),
    /// An amount of memory in bytes.
    Bytes(u64),
    /// A share of another amount, up to 100.
    Percent(u8),
    /// File permissions.
    Octal(u32),
    /// One of a few words, by its place in the list and as it is written.
    Choice(usize, &'static str),
    /// Any bytes; empty means not set.
    Text(Vec<u8>),
    /// `save`.
    Save(SavePoints),
    /// `client-output-buffer-limit`.
    OutputLimits(OutputLimits),
    /// `notify-keyspace-events`.
    Events(EventClasses),
    /// `latency-tracking-info-percentiles`.
    Percentiles(Percentiles),
    /// `bind`.
    Addresses(Vec<BindAddress>),
    /// `oom-score-adj-values`.
    OomScores(OomScores),
    /// `replicaof`.
    Primary(Option<PrimaryAddress>),
    /// `shutdown-on-sigterm`.
    Shutdown(ShutdownFlags),
}

impl Value {
    /// As CONFIG GET shows it.
    pub fn text(&self) -> Vec<u8> {
        match self {
            Self::Text(text) => text.clone(),
            other => other.to_string().into_bytes(),
        }
    }

    /// What stands behind the setting's name in a configuration file; one line for each element.
    pub(super) fn lines(&self) -> Vec<Vec<u8>> {
        match self {
            Self::Text(text) => vec![quote(text)],
            Self::Bytes(bytes) => vec![format_bytes(*bytes).into_bytes()],
            Self::Events(events) => vec![quote(events.to_string().as_bytes())],
            Self::Save(points) if !points.0.is_empty() => {
                points.0.iter().map(|point| point.to_string().into_bytes()).collect()
            }
            Self::OutputLimits(limits) => {
                let line = |(class, limit): (&str, super::kinds::OutputLimit)| {
                    let (hard, soft) = (format_bytes(limit.hard_bytes), format_bytes(limit.soft_bytes));
                    format!("{class} {hard} {soft} {}", limit.soft_seconds).into_bytes()
                };
                limits.classes().into_iter().map(line).collect()
            }
            Self::Primary(None) => vec![b"no one".to_vec()],
            other => match other.to_string() {
                text if text.is_empty() => vec![b"\"\"".to_vec()],
                text => vec![text.into_bytes()],
            },
        }
    }

    /// For a setting of `yes` or `no`.
    pub(super) fn is_yes(&self) -> bool {
        matches!(self, Self::Bool(true))
    }

    /// For a number whose range, fixed by its row, fits `N`; a test takes every row to both ends of its range.
    pub(super) fn number<N: TryFrom<i128>>(&self) -> N {
        let number = match self {
            Self::Integer(number) => *number,
            Self::Bytes(bytes) => i128::from(*bytes),
            Self::Octal(mode) => i128::from(*mode),
            _ => 0,
        };
        N::try_from(number).ok().expect("the range in the table fits the field in Settings")
    }

    /// For a choice: the variant of the same place.
    pub(super) fn choice<C: Copy>(&self, variants: &[C]) -> C {
        match self {
            Self::Choice(place, _) => variants[*place],
            other => unreachable!("{other:?} is no choice"),
        }
    }

    /// For a file name; `None` when not set.
    pub(super) fn path(&self) -> Option<PathBuf> {
        match self {
            Self::Text(text) if !text.is_empty() => Some(OsStr::from_bytes(text).into()),
            _ => None,
        }
    }

    /// For a text; `None` when not set.
    pub(super) fn bytes(&self) -> Option<Vec<u8>> {
        match self {
            Self::Text(text) if !text.is_empty() => Some(text.clone()),
            _ => None,
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(yes) => f.write_str(if *yes { "yes" } else { "no" }),
            Self::Integer(number) => number.fmt(f),
            Self::Bytes(bytes) => bytes.fmt(f),
            Self::Percent(percent) => write!(f, "{percent}%"),
            Self::Octal(mode) => write!(f, "{mode:o}"),
            Self::Choice(_, word) => f.write_str(word),
            Self::Text(text) => f.write_str(&String::from_utf8_lossy(text)),
            Self::Save(points) => points.fmt(f),
            Self::OutputLimits(limits) => limits.fmt(f),
            Self::Events(events) => events.fmt(f),
            Self::Percentiles(percentiles) => percentiles.fmt(f),
            Self::Addresses(addresses) => join(f, addresses),
            Self::OomScores(scores) => scores.fmt(f),
            Self::Primary(primary) => primary.iter().try_for_each(|primary| primary.fmt(f)),
            Self::Shutdown(flags) => flags.fmt(f),
        }
    }
}

/// The items with one blank between them.
pub(super) fn join<T: fmt::Display>(f: &mut fmt::Formatter<'_>, items: &[T]) -> fmt::Result {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            f.write_str(" ")?;
        }
        item.fmt(f)?;
    }
    Ok(())
}
