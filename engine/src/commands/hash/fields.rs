//! What commands on fields with deadlines have in common: `FIELDS numfields field …`, times, canonical commands.

use crate::command::args::{Base, Unit};
use crate::command::effect::words;
use crate::command::{Args, Error, Exec, Key};
use crate::number;
use crate::types::hash::FIELD_DEADLINE_MS_MAX;

/// The latest deadline that a client can give to a field: Redis keeps two bits for itself.
const GIVEN_MS_MAX: u64 = FIELD_DEADLINE_MS_MAX >> 2;

/// What a number of fields that is none is answered with.
pub(super) const NOT_POSITIVE: Error = Error::text("ERR Number of fields must be a positive integer");

/// The fields after `FIELDS numfields`, to the end of the request.
///
/// # Errors
/// Where these words are missing, the number is not one (`not_positive`), or not that of the fields.
pub(super) fn named<'a>(
    args: &mut Args<'a>,
    command: &'static str,
    not_positive: Error,
) -> Result<&'a [&'a [u8]], Error> {
    if !args.take("FIELDS") {
        return Err(Error::text("ERR Mandatory argument FIELDS is missing or not at the right position"));
    }
    let word = args.word().map_err(|_| Error::WrongArity(command.into()))?;
    let count = number::parse_i64(word).filter(|count| *count > 0).ok_or(not_positive)?;
    if usize::try_from(count) != Ok(args.left()) {
        return Err(Error::text("ERR The `numfields` parameter must match the number of arguments"));
    }
    Ok(args.rest())
}

/// A deadline of fields, unix milliseconds; it may have passed.
///
/// # Errors
/// [`Error::NotInteger`]; a number below 0; [`Error::InvalidExpire`] of `command` for a time too far away.
pub(super) fn deadline_ms(
    word: &[u8],
    (unit, base): (Unit, Base),
    now_ms: u64,
    command: &'static str,
) -> Result<u64, Error> {
    let number = number::parse_i64(word).ok_or(Error::NotInteger)?;
    let number = u64::try_from(number).map_err(|_| Error::text("ERR invalid expire time, must be >= 0"))?;
    let factor = match unit {
        Unit::Seconds => 1000,
        Unit::Milliseconds => 1,
    };
    let base_ms = match base {
        Base::Now => now_ms,
        Base::Epoch => 0,
    };
    let time_ms = number.checked_mul(factor).and_then(|time_ms| time_ms.checked_add(base_ms));
    time_ms.filter(|time_ms| *time_ms <= GIVEN_MS_MAX).ok_or(Error::InvalidExpire(command))
}

/// `command key`, what comes `between`, and the fields with their number before them.
pub(super) fn counted_words(
    command: &str,
    key: &Key<'_>,
    between: &[&[u8]],
    fields: &[&[u8]],
) -> Vec<Box<[u8]>> {
    let mut all = words(&[command.as_bytes(), key.bytes]);
    all.extend(words(between));
    all.extend(words(&[b"FIELDS", itoa::Buffer::new().format(fields.len()).as_bytes()]));
    all.extend(words(fields));
    all
}

/// The canonical command that gives fields a deadline.
pub(super) fn deadline_words(key: &Key<'_>, deadline_ms: u64, fields: &[&[u8]]) -> Vec<Box<[u8]>> {
    counted_words("HPEXPIREAT", key, &[itoa::Buffer::new().format(deadline_ms).as_bytes()], fields)
}

/// The canonical command that deletes fields.
pub(super) fn hdel_words(key: &Key<'_>, fields: &[&[u8]]) -> Vec<Box<[u8]>> {
    let mut all = words(&[b"HDEL", key.bytes]);
    all.extend(words(fields));
    all
}

/// The canonical command that sets fields and takes their deadlines away; `pairs` are fields and values.
pub(super) fn hset_words(key: &Key<'_>, pairs: &[&[u8]]) -> Vec<Box<[u8]>> {
    let mut all = words(&[b"HSET", key.bytes]);
    all.extend(words(pairs));
    all
}

/// Tells replicas what the deadline of fields is that an [`hset_words`] before has taken away.
pub(super) fn repeat_deadline(exec: &mut Exec<'_, '_>, key: &Key<'_>, deadline_ms: u64, fields: &[&[u8]]) {
    exec.repeat(key, || deadline_words(key, deadline_ms, fields));
}
