//! Walks in steps: the cursor, and the options of SSCAN and its kin.

use super::Args;
use crate::command::{Error, until_nul};
use crate::glob;

impl Args<'_> {
    /// The next word as a cursor that a client sends back. Redis takes whatever `strtoul` does: signs, nothing at all
    /// for 0, and a NUL byte for the end.
    ///
    /// # Errors
    /// [`Error::InvalidCursor`].
    pub fn cursor(&mut self) -> Result<u64, Error> {
        parse_cursor(self.word()?).ok_or(Error::InvalidCursor)
    }
}

fn parse_cursor(word: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(until_nul(word)).ok()?;
    match text.strip_prefix('-') {
        Some(digits) if digits.starts_with('+') => None,
        Some(digits) => digits.parse::<u64>().ok().map(u64::wrapping_neg),
        None if text.is_empty() => Some(0),
        None => text.parse().ok(),
    }
}

/// `[MATCH pattern] [COUNT count]`: what a step of a walk over a collection returns.
#[derive(Debug, Clone, Copy)]
pub struct ScanOptions<'a> {
    /// About how many elements to look at.
    pub count: usize,
    pattern: Option<&'a [u8]>,
}

impl<'a> ScanOptions<'a> {
    /// Takes all words that are left.
    ///
    /// # Errors
    /// [`Error::Syntax`], [`Error::NotInteger`].
    pub fn parse(args: &mut Args<'a>) -> Result<ScanOptions<'a>, Error> {
        let mut options = ScanOptions { count: 10, pattern: None };
        while !args.is_empty() {
            if args.left() < 2 {
                return Err(Error::Syntax);
            } else if args.take("COUNT") {
                let count = args.integer()?;
                options.count =
                    usize::try_from(count).ok().filter(|count| *count > 0).ok_or(Error::Syntax)?;
            } else if args.take("MATCH") {
                options.pattern = Some(args.word()?).filter(|pattern| *pattern != b"*");
            } else {
                return Err(Error::Syntax);
            }
        }
        Ok(options)
    }

    /// Whether a name is asked for.
    pub fn wants(&self, name: &[u8]) -> bool {
        self.pattern.is_none_or(|pattern| glob::matches(pattern, name))
    }

    /// Whether all names are asked for.
    pub fn wants_all(&self) -> bool {
        self.pattern.is_none()
    }
}
