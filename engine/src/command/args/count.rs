//! How many: keys that follow, elements wanted.

use crate::command::{Args, Error};

/// The next word as a number of at least 1.
///
/// # Errors
/// `error` for everything else.
pub fn positive(args: &mut Args<'_>, error: &'static str) -> Result<usize, Error> {
    let number = args.integer().ok().filter(|number| *number > 0).ok_or(Error::text(error))?;
    usize::try_from(number).map_err(|_| Error::text(error))
}

/// The next word as the number of keys that follow it; at least 1, and perhaps more than there are words.
///
/// # Errors
/// `error` for everything else.
pub fn keys(args: &mut Args<'_>, error: &'static str) -> Result<usize, Error> {
    positive(args, error)
}
