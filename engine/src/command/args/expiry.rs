//! When a key shall expire, as the string commands take it: EX, PX, EXAT, PXAT, KEEPTTL, PERSIST.

use super::Args;
use crate::command::error::Error;
use crate::command::exec::Deadline;
use crate::number;

/// What a time counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Seconds,
    Milliseconds,
}

/// What a time counts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Base {
    Now,
    /// The unix epoch.
    Epoch,
}

/// A point in time as a client writes it: a number not looked at yet, and what it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExpireTime<'a> {
    pub number: &'a [u8],
    pub unit: Unit,
    pub base: Base,
}

impl ExpireTime<'_> {
    /// Unix milliseconds; may lie in the past when it counts from the epoch.
    ///
    /// # Errors
    /// [`Error::NotInteger`]; [`Error::InvalidExpire`] of `command` when the number is not positive or
    /// the time is past the end of a signed 64-bit number of milliseconds.
    pub fn unix_ms(&self, now_ms: u64, command: &'static str) -> Result<u64, Error> {
        let number = self.number()?;
        let time_ms = if number > 0 { self.after(number, now_ms) } else { None };
        time_ms.and_then(|time_ms| u64::try_from(time_ms).ok()).ok_or(Error::InvalidExpire(command))
    }

    /// Unix milliseconds, of any number: even before the epoch.
    ///
    /// # Errors
    /// [`Error::NotInteger`]; [`Error::InvalidExpire`] of `command` when the time does not fit a signed
    /// 64-bit number of milliseconds.
    pub fn signed_unix_ms(&self, now_ms: u64, command: &'static str) -> Result<i64, Error> {
        self.after(self.number()?, now_ms).ok_or(Error::InvalidExpire(command))
    }

    fn number(&self) -> Result<i64, Error> {
        number::parse_i64(self.number).ok_or(Error::NotInteger)
    }

    /// `number` units after the base, as unix milliseconds.
    fn after(&self, number: i64, now_ms: u64) -> Option<i64> {
        let factor = match self.unit {
            Unit::Seconds => 1000,
            Unit::Milliseconds => 1,
        };
        let base_ms = match self.base {
            Base::Now => i64::try_from(now_ms).unwrap_or(i64::MAX),
            Base::Epoch => 0,
        };
        number.checked_mul(factor)?.checked_add(base_ms)
    }
}

/// What a command says about the deadline. Options exclude each other, but the same one may be
/// repeated: its last number counts, as in Redis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Expiry<'a> {
    #[default]
    Unsaid,
    /// KEEPTTL.
    Keep,
    /// PERSIST.
    Persist,
    /// EX, PX, EXAT or PXAT.
    At(ExpireTime<'a>),
}

const TIMES: [(&str, Unit, Base); 4] = [
    ("EX", Unit::Seconds, Base::Now),
    ("PX", Unit::Milliseconds, Base::Now),
    ("EXAT", Unit::Seconds, Base::Epoch),
    ("PXAT", Unit::Milliseconds, Base::Epoch),
];

impl<'a> Expiry<'a> {
    /// Takes EX, PX, EXAT or PXAT with its number. Takes nothing, and returns false, when the next word
    /// is another one, its number is missing, or it does not go together with what was said before.
    pub fn take_time(&mut self, args: &mut Args<'a>) -> bool {
        let mut ahead = *args;
        let Some(&(_, unit, base)) = TIMES.iter().find(|(keyword, ..)| ahead.take(keyword)) else {
            return false;
        };
        let fits = match self {
            Expiry::Unsaid => true,
            Expiry::At(said) => said.unit == unit && said.base == base,
            Expiry::Keep | Expiry::Persist => false,
        };
        match ahead.word() {
            Ok(number) if fits => {
                *self = Expiry::At(ExpireTime { number, unit, base });
                *args = ahead;
                true
            }
            _ => false,
        }
    }

    /// Takes KEEPTTL; otherwise as [`Expiry::take_time`].
    pub fn take_keep(&mut self, args: &mut Args<'a>) -> bool {
        self.take_bare(args, "KEEPTTL", Expiry::Keep)
    }

    /// Takes PERSIST; otherwise as [`Expiry::take_time`].
    pub fn take_persist(&mut self, args: &mut Args<'a>) -> bool {
        self.take_bare(args, "PERSIST", Expiry::Persist)
    }

    fn take_bare(&mut self, args: &mut Args<'a>, keyword: &str, meaning: Expiry<'a>) -> bool {
        let takes = (*self == Expiry::Unsaid || *self == meaning) && args.take(keyword);
        if takes {
            *self = meaning;
        }
        takes
    }

    /// What a command that stores a value does to the deadline: nothing said means none.
    ///
    /// # Errors
    /// As [`ExpireTime::unix_ms`].
    #[inline]
    pub fn deadline(&self, now_ms: u64, command: &'static str) -> Result<Deadline, Error> {
        Ok(match self {
            Expiry::Unsaid | Expiry::Persist => Deadline::None,
            Expiry::Keep => Deadline::Keep,
            Expiry::At(time) => Deadline::At(time.unix_ms(now_ms, command)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::KeyHasher;

    fn parse<'a>(words: &'a [&'a [u8]], hasher: &'a KeyHasher) -> Option<Expiry<'a>> {
        let (mut args, mut expiry) = (Args::new(words, hasher), Expiry::default());
        while !args.is_empty() {
            if !(expiry.take_time(&mut args) || expiry.take_keep(&mut args) || expiry.take_persist(&mut args))
            {
                return None;
            }
        }
        Some(expiry)
    }

    fn check(options: &str, expected: Option<Result<Deadline, Error>>) {
        let hasher = KeyHasher::new([0; 16]);
        let words: Vec<&[u8]> = std::iter::once("SET").chain(options.split(' ')).map(str::as_bytes).collect();
        let deadline = parse(&words, &hasher).map(|expiry| expiry.deadline(5_000, "SET"));
        assert_eq!(deadline, expected, "{options}");
    }

    #[test]
    fn times_are_absolute_milliseconds() {
        check("EX 10", Some(Ok(Deadline::At(15_000))));
        check("px 10", Some(Ok(Deadline::At(5_010))));
        check("EXAT 1", Some(Ok(Deadline::At(1_000))));
        check("PxAt 1", Some(Ok(Deadline::At(1))));
        check("KEEPTTL", Some(Ok(Deadline::Keep)));
        check("PERSIST PERSIST", Some(Ok(Deadline::None)));
        check("EX 10 EX 20", Some(Ok(Deadline::At(25_000))));
    }

    #[test]
    fn options_that_exclude_each_other_or_lack_their_number_are_not_taken() {
        for options in
            ["EX", "EX 1 PX 1", "EX 1 EXAT 1", "KEEPTTL PX 1", "PX 1 KEEPTTL", "PERSIST KEEPTTL", "NX"]
        {
            check(options, None);
        }
    }

    #[test]
    fn times_must_be_positive_and_within_range() {
        let invalid = || Some(Err(Error::InvalidExpire("SET")));
        for options in ["EX 0", "PX -1", "EXAT 0", "EX 9223372036854775807", "PX 9223372036854775807"] {
            check(options, invalid());
        }
        check("EX 9223372036854775", invalid());
        check("PXAT 9223372036854775807", Some(Ok(Deadline::At(i64::MAX as u64))));
        check("EX ten", Some(Err(Error::NotInteger)));
        check("EX 9223372036854775808", Some(Err(Error::NotInteger)));
    }
}
