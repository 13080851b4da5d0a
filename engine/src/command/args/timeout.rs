//! How long a command waits.

use crate::command::Error;
use crate::number;

/// When a wait of so many seconds, given as a decimal, ends: unix milliseconds; `None` for 0, which is for ever.
///
/// # Errors
/// In Redis's words: no number, a negative one, or one that is too large.
pub fn seconds(word: &[u8], now_ms: u64) -> Result<Option<u64>, Error> {
    let seconds = number::parse_f64(word).ok_or(Error::text("ERR timeout is not a float or out of range"))?;
    if seconds < 0.0 {
        return Err(Error::text("ERR timeout is negative"));
    }
    let ms = (seconds * 1000.0).ceil();
    // The largest that Redis can add to a time; f64 holds no more of it than this.
    if ms >= i64::MAX as f64 {
        return Err(TOO_LONG);
    }
    end_after(ms as u64, now_ms)
}

/// The same for a number of milliseconds.
///
/// # Errors
/// As [`seconds`].
pub fn milliseconds(word: &[u8], now_ms: u64) -> Result<Option<u64>, Error> {
    let ms = number::parse_i64(word).ok_or(Error::text("ERR timeout is not an integer or out of range"))?;
    let ms = u64::try_from(ms).map_err(|_| Error::text("ERR timeout is negative"))?;
    end_after(ms, now_ms)
}

const TOO_LONG: Error = Error::text("ERR timeout is out of range");

fn end_after(ms: u64, now_ms: u64) -> Result<Option<u64>, Error> {
    if ms == 0 {
        return Ok(None);
    }
    let end_ms = now_ms.checked_add(ms).filter(|end_ms| i64::try_from(*end_ms).is_ok()).ok_or(TOO_LONG)?;
    Ok(Some(end_ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_read_to_the_millisecond() {
        assert_eq!(seconds(b"0", 1000), Ok(None));
        assert_eq!(seconds(b"0.001", 1000), Ok(Some(1001)));
        assert_eq!(seconds(b"0.0001", 1000), Ok(Some(1001)));
        assert_eq!(seconds(b"1.5", 1000), Ok(Some(2500)));
        assert_eq!(seconds(b"inf", 1000), Err(TOO_LONG));
        assert_eq!(seconds(b"9223372036854775", u64::MAX / 4), Err(TOO_LONG));
        assert!(seconds(b"nan", 0).is_err() && seconds(b"-1", 0).is_err() && seconds(b"", 0).is_err());
        assert_eq!(milliseconds(b"25", 1000), Ok(Some(1025)));
        assert_eq!(milliseconds(b"0", 1000), Ok(None));
        assert!(milliseconds(b"1.5", 0).is_err() && milliseconds(b"-1", 0).is_err());
    }
}
