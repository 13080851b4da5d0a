//! Bitmaps: strings as rows of bits and of integers of any width.

mod algebra;
mod bit;
mod count;
mod field;

use crate::command::{DataCommand, Error, Exec};
use crate::number;

pub(super) const FAMILY: &[&[DataCommand]] =
    &[algebra::COMMANDS, bit::COMMANDS, count::COMMANDS, field::COMMANDS];

/// The number of a bit. Its byte must lie within the longest string.
fn bit_offset(exec: &Exec<'_, '_>, word: &[u8]) -> Result<u64, Error> {
    check_offset(exec, number::parse_i64(word))
}

/// [`bit_offset`] of a field: `#n` is the beginning of the n-th one of `bits` bits.
fn field_offset(exec: &Exec<'_, '_>, word: &[u8], bits: u32) -> Result<u64, Error> {
    match word.strip_prefix(b"#") {
        Some(nth) => {
            check_offset(exec, number::parse_i64(nth).and_then(|nth| nth.checked_mul(i64::from(bits))))
        }
        None => bit_offset(exec, word),
    }
}

fn check_offset(exec: &Exec<'_, '_>, offset: Option<i64>) -> Result<u64, Error> {
    let offset = offset.and_then(|offset| u64::try_from(offset).ok());
    offset
        .filter(|offset| offset / 8 < exec.caller().string_len_max)
        .ok_or(Error::text("ERR bit offset is not an integer or out of range"))
}
