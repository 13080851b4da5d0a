//! Does an entry make sense? Asked of bytes that may be anything.

use shm::extent::{Extent, Top};
use shm::stored_hash::StoredHasher;
use shm::{Corrupt, Handle, Heap};

use super::{APART_LEN, Entry, KEY_APART, KIND_MASK, VALUE_APART, key_at, kind_of};
use crate::types::Kind;
use crate::types::collection::{self, RECORD_LEN_MIN};

/// Checks the layout of an entry, which is an allocated block, and of its extent lists; `visit` is called
/// with each of their blocks before its inside is looked at.
///
/// # Errors
/// The first thing that is wrong, or what `visit` says.
pub fn verify(
    heap: &Heap,
    entry: Handle<Entry>,
    hasher: StoredHasher,
    visit: &mut dyn FnMut(Handle<()>) -> Result<(), Corrupt>,
) -> Result<(), Corrupt> {
    let bytes = heap.bytes(entry, 0, heap.capacity_of(entry));
    let broken = |what| Corrupt::Structure { block: entry.raw(), what };
    let flags = *bytes.first().ok_or(broken("an entry without flags"))?;
    let kind = kind_of(flags & KIND_MASK).ok_or(broken("an entry of unknown type"))?;
    let mut part = |at, is_apart| -> Result<usize, Corrupt> {
        let (len, start) = match is_apart {
            true => (APART_LEN, at),
            false => length_at(bytes, at).ok_or(broken("a length that does not end"))?,
        };
        let content = bytes.get(start..start + len).ok_or(broken("an entry longer than its block"))?;
        if is_apart {
            extent_in(content).ok_or(broken("a long value without a handle"))?.verify(heap, visit)?;
        }
        Ok(start + len)
    };
    let value_at = part(key_at(flags), flags & KEY_APART != 0)?;
    let end = part(value_at, flags & VALUE_APART != 0)?;
    if kind == Kind::String {
        return Ok(());
    }
    let record = &bytes[value_at + 1..end];
    if flags & VALUE_APART != 0 || bytes[value_at] & 0x80 != 0 || record.len() < RECORD_LEN_MIN {
        return Err(broken("a record of a wrong length"));
    }
    collection::verify(heap, kind, record, hasher, visit)
}

/// A varint that is at most as long as the longest inside an entry, and the position after it.
fn length_at(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    const DIGITS_MAX: usize = 3;
    let digits = bytes.get(at..)?.iter().take(DIGITS_MAX).position(|digit| digit & 0x80 == 0)? + 1;
    let add = |value, digit: &u8| value << 7 | usize::from(digit & 0x7F);
    Some((bytes[at..at + digits].iter().rev().fold(0, add), at + digits))
}

fn extent_in(bytes: &[u8]) -> Option<Extent> {
    let raw = u32::from_le_bytes(bytes.try_into().ok()?);
    Handle::<Top>::from_raw(raw).map(Extent::at)
}

#[cfg(test)]
mod tests {
    use super::super::{DEADLINE, DEADLINE_LEN, EntryParts, Value, WORD_LEN, build};
    use super::*;

    fn entry_with(change: impl FnOnce(&mut Heap, Handle<Entry>)) -> Result<(), Corrupt> {
        let mut heap = Heap::in_memory(1 << 20);
        let value: &[&[u8]] = &[b"value"];
        let parts = EntryParts {
            kind: Kind::String,
            key: b"key",
            value: Value::Pieces(value),
            deadline_ms: Some(7),
            clock: 0,
        };
        let entry = build(&mut heap, &parts).expect("enough memory");
        change(&mut heap, entry);
        verify(&heap, entry, StoredHasher::new([1; 16]), &mut |_| Ok(()))
    }

    #[test]
    fn entries_that_make_sense() {
        assert_eq!(entry_with(|_, _| ()), Ok(()));
    }

    #[test]
    fn entries_that_do_not() {
        let key_at = WORD_LEN + DEADLINE_LEN;
        for (at, byte, what) in [
            (0, 0x0E, "an entry of unknown type"),
            (0, Kind::List.code() | DEADLINE, "a record of a wrong length"),
            (0, KEY_APART, "a long value without a handle"),
            (key_at, 0x7F, "an entry longer than its block"),
            (key_at + 4, 0x7F, "an entry longer than its block"),
        ] {
            let found = entry_with(|heap, entry| {
                if byte == KEY_APART {
                    heap.fill(entry, WORD_LEN, APART_LEN, |out| out.fill(0));
                }
                heap.fill(entry, at, 1, |out| out[0] = byte);
            });
            assert!(
                matches!(found, Err(Corrupt::Structure { what: found, .. }) if found == what),
                "{found:?}"
            );
        }
        let endless = entry_with(|heap, entry| heap.fill(entry, key_at, 3, |out| out.fill(0xFF)));
        assert!(matches!(endless, Err(Corrupt::Structure { what: "a length that does not end", .. })));
    }

    #[test]
    fn lengths_are_read_as_they_are_written() {
        for value in [0, 1, 127, 128, 300, 16_383, 16_384, 2_097_151] {
            let mut bytes = [0; 10];
            let digits = super::super::put_varint(&mut bytes, value);
            assert_eq!(length_at(&bytes, 0), Some((value, digits)));
        }
        assert_eq!(length_at(&[0x80], 0), None);
    }
}
