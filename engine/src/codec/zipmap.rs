//! Small hashes as Redis before 2.6 wrote them.
//!
//! ```text
//! number of fields, u8 (254 and more: not said)
//! length, field, length, unused bytes u8, value, unused bytes, again and again
//! 0xFF
//!
//! length  u8 below 254, or 0xFE and u32, little-endian
//! ```

use super::{Malformed, Source};

const END: u8 = 0xFF;
const LONG: u8 = 0xFE;

/// Calls `visit` with each field and its value.
///
/// # Errors
/// [`Malformed`]. `visit` may have been called before.
pub fn read<'b>(bytes: &'b [u8], mut visit: impl FnMut(&'b [u8], &'b [u8])) -> Result<(), Malformed> {
    let mut source = Source::new(bytes);
    let (said, mut count) = (source.byte()?, 0);
    while let Some(len) = length(&mut source)? {
        let field = source.take(len)?;
        let len = length(&mut source)?.ok_or(Malformed)?;
        let unused = source.byte()?;
        visit(field, source.take(len)?);
        source.take(u64::from(unused))?;
        count += 1;
    }
    let is_counted = said >= LONG || usize::from(said) == count;
    if is_counted && source.rest().is_empty() { Ok(()) } else { Err(Malformed) }
}

/// A length; none at the end.
fn length(source: &mut Source<'_>) -> Result<Option<u64>, Malformed> {
    Ok(match source.byte()? {
        END => None,
        LONG => Some(u64::from(u32::from_le_bytes(source.array()?))),
        len => Some(u64::from(len)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(bytes: &[u8]) -> Result<Vec<(String, String)>, Malformed> {
        let mut pairs = Vec::new();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        read(bytes, |field, value| pairs.push((text(field), text(value))))?;
        Ok(pairs)
    }

    #[test]
    fn fields_and_values_are_read() {
        let expected = |pairs: &[(&str, &str)]| {
            Ok(pairs.iter().map(|(field, value)| ((*field).to_owned(), (*value).to_owned())).collect())
        };
        assert_eq!(pairs(b"\x00\xff"), expected(&[]));
        let two = b"\x02\x03foo\x03\x00bar\x05hello\x05\x02world??\xff";
        assert_eq!(pairs(two), expected(&[("foo", "bar"), ("hello", "world")]));
        let long = [&b"\xfe\x01f\xfe\x2c\x01\x00\x00\x00"[..], &[b'v'; 300], b"\xff"].concat();
        assert_eq!(pairs(&long), expected(&[("f", &"v".repeat(300))]));
        for len in 0..two.len() {
            assert_eq!(pairs(&two[..len]), Err(Malformed), "{len} bytes of it");
        }
        for bytes in [&b"\x01\xff"[..], b"\x01\x01f\xff", b"\x00\xff\xff", b"\x01\x01f\x01\x05v\xff"] {
            assert_eq!(pairs(bytes), Err(Malformed), "{bytes:?}");
        }
    }
}
