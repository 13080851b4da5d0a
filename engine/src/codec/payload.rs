//! A value on its own, as DUMP answers it and RESTORE takes it.
//!
//! ```text
//! type u8, value
//! version of the format u16, checksum of everything before u64, little-endian
//! ```

use super::crc64::checksum;
use super::read::read_value;
use super::value::Value;
use super::{Malformed, Source};

/// The newest version that is read: that of Redis 7.4.
pub const VERSION_MAX: u16 = 12;

const VERSION_LEN: usize = 2;
const CHECKSUM_LEN: usize = 8;

/// Why a payload is refused, as RESTORE says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("ERR DUMP payload version or checksum are wrong")]
    Unsealed,
    #[error("ERR Bad data format")]
    Malformed,
}

impl From<Malformed> for Refusal {
    fn from(_: Malformed) -> Refusal {
        Refusal::Malformed
    }
}

/// Ends a payload that holds type and value.
pub fn seal(payload: &mut Vec<u8>, version: u16) {
    payload.extend_from_slice(&version.to_le_bytes());
    let sum = checksum(payload);
    payload.extend_from_slice(&sum.to_le_bytes());
}

/// The value of a payload, checked in depth. What stands behind the value is passed over, as in Redis.
///
/// # Errors
/// See [`Refusal`].
pub fn open(payload: &[u8]) -> Result<Value<'_>, Refusal> {
    let mut source = Source::foreign(unsealed(payload).ok_or(Refusal::Unsealed)?);
    let code = source.byte()?;
    let value = read_value(code, &mut source)?;
    if !value.is_distinct() {
        return Err(Refusal::Malformed);
    }
    Ok(value)
}

/// What stands before the version and the checksum, if these are right.
fn unsealed(payload: &[u8]) -> Option<&[u8]> {
    let (summed, sum) = payload.split_last_chunk::<CHECKSUM_LEN>()?;
    let (body, version) = summed.split_last_chunk::<VERSION_LEN>()?;
    let is_right =
        u16::from_le_bytes(*version) <= VERSION_MAX && u64::from_le_bytes(*sum) == checksum(summed);
    is_right.then_some(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(body: &[u8], version: u16) -> Vec<u8> {
        let mut payload = body.to_vec();
        seal(&mut payload, version);
        payload
    }

    #[test]
    fn the_seal_is_that_of_redis() {
        let dumped = b"\x00\xc0\x0c\x0a\x00\x3c\x2a\xf8\x51\x5c\x04\xbc\xd5";
        assert_eq!(sealed(b"\x00\xc0\x0c", 10), dumped);
    }

    #[test]
    fn versions_and_checksums_are_looked_at() {
        let text = |payload: &[u8]| open(payload).map(|_| ()).map_err(|refusal| refusal.to_string());
        let unsealed = Err("ERR DUMP payload version or checksum are wrong".to_owned());
        let malformed = Err("ERR Bad data format".to_owned());
        for version in [0, 1, 10, VERSION_MAX] {
            assert_eq!(text(&sealed(b"\x00\x01a", version)), Ok(()));
        }
        assert_eq!(text(&sealed(b"\x00\x01abehind", 10)), Ok(()));
        assert_eq!(text(&sealed(b"\x00\x01a", VERSION_MAX + 1)), unsealed);
        let good = sealed(b"\x00\x01a", 10);
        for len in 0..good.len() {
            assert_eq!(text(&good[..len]), unsealed, "{len} bytes of it");
        }
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 0x10;
            assert_eq!(text(&bad), unsealed, "byte {at} changed");
        }
        for body in [&b""[..], b"\x00", b"\x00\x02a", b"\x08\x01a", b"\xff"] {
            assert_eq!(text(&sealed(body, 10)), malformed, "{body:?}");
        }
    }
}
