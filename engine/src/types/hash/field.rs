//! A field and its value as an element of a tree.
//!
//! ```text
//! 0    field, as a set's member        until its deadline, if it has one:    0    0xFE
//! ..   value, text                                                           1    deadline, unix milliseconds, u48
//!                                                                            7    field and value
//! ```

use std::cmp::Ordering;

use shm::Heap;
use shm::rbtree::{Packing, element_max};
use shm::stored_hash::StoredHasher;

use crate::types::element::{Elements, Owned, garbage};
use crate::types::set::{Member, Sought};
use crate::types::text::{self, INLINE_MAX, Text};

/// A field on its way into a hash or out of it.
#[derive(Debug, Clone, Copy)]
pub struct Field<'a> {
    pub name: Member<'a>,
    pub value: Text<'a>,
    /// When it is gone, unix milliseconds; at most [`FIELD_DEADLINE_MS_MAX`].
    pub deadline_ms: Option<u64>,
}

/// The latest deadline that a field can have.
pub const FIELD_DEADLINE_MS_MAX: u64 = (1 << 48) - 1;

/// In the place of a length that no text inside an element has.
const TIMED: u8 = 0xFE;
const DEADLINE_LEN: usize = 6;
const HEAD_LEN: usize = 1 + DEADLINE_LEN;

const _: () = assert!(HEAD_LEN + 2 * (1 + INLINE_MAX) <= element_max::<Fields>(), "the longest element");

impl Field<'_> {
    /// Whether it is still there at a time.
    #[inline]
    pub fn is_live(&self, now_ms: u64) -> bool {
        self.deadline_ms.is_none_or(|deadline_ms| deadline_ms > now_ms)
    }
}

/// How fields are packed: ordered by the hash of the name, then by the name.
#[derive(Debug, Clone, Copy)]
pub struct Fields(pub StoredHasher);

impl Fields {
    /// What a name is ordered by.
    #[inline]
    pub fn hash(self, name: &[u8]) -> u64 {
        spread(self.0.hash(name))
    }

    /// [`Fields::hash`] of a name that is stored.
    #[inline]
    pub fn hash_of_name(self, name: Member<'_>) -> u64 {
        spread(name.hash(self.0))
    }
}

#[cfg(not(test))]
#[inline]
fn spread(hash: u64) -> u64 {
    hash
}

/// Names with equal hashes are too rare to be met; tests bring them about.
#[cfg(test)]
fn spread(hash: u64) -> u64 {
    hash & testing::HASH_MASK.get()
}

#[cfg(test)]
pub mod testing {
    use std::cell::Cell;

    thread_local! {
        /// The bits of hashes that this thread's hashes go by.
        pub static HASH_MASK: Cell<u64> = const { Cell::new(u64::MAX) };
    }
}

impl Packing for Fields {
    type Key<'k> = Sought<'k>;
    type Item<'i> = Field<'i>;

    /// A long block grows with a quarter of its length to spare, which nodes do not have.
    const PLAIN_LEN: usize = 2048;
    /// Fields are longer than other elements.
    const NODE_LEN: usize = 1536;
    const HASHED: bool = true;

    #[inline]
    fn encoded_len(self, item: Field<'_>) -> usize {
        let head_len = if item.deadline_ms.is_some() { HEAD_LEN } else { 0 };
        head_len + item.name.encoded_len() + item.value.encoded_len()
    }

    #[inline]
    fn encode(self, item: Field<'_>, _: u64, mut out: &mut [u8]) {
        if let Some(deadline_ms) = item.deadline_ms {
            debug_assert!(deadline_ms <= FIELD_DEADLINE_MS_MAX);
            let (head, rest) = out.split_at_mut(HEAD_LEN);
            head[0] = TIMED;
            head[1..].copy_from_slice(&deadline_ms.to_le_bytes()[..DEADLINE_LEN]);
            out = rest;
        }
        item.value.encode(item.name.encode(out));
    }

    #[inline]
    fn element_len(self, bytes: &[u8]) -> usize {
        // Most have no deadline, and two texts that lie inside.
        let name_len = usize::from(bytes[0]);
        if name_len <= INLINE_MAX
            && let Some(value_len) = bytes.get(1 + name_len).map(|len| usize::from(*len))
            && value_len <= INLINE_MAX
        {
            return (2 + name_len + value_len).min(bytes.len());
        }
        let mut len = if bytes[0] == TIMED { HEAD_LEN } else { 0 };
        for len_at in [Member::len_at, Text::len_at] {
            // Bytes that are damaged may end anywhere.
            if len < bytes.len() {
                len += len_at(&bytes[len..]);
            }
        }
        len.min(bytes.len())
    }

    #[inline]
    fn decode(self, bytes: &[u8], _: u64) -> Field<'_> {
        let (deadline_ms, rest) = match bytes[0] {
            TIMED => {
                let mut word = [0; 8];
                word[..DEADLINE_LEN].copy_from_slice(&bytes[1..HEAD_LEN]);
                (Some(u64::from_le_bytes(word)), &bytes[HEAD_LEN..])
            }
            _ => (None, bytes),
        };
        let (name, rest) = Member::decode(rest);
        Field { name, value: Text::decode(rest).0, deadline_ms }
    }

    fn is_sound(self, bytes: &[u8], _: u64) -> bool {
        let texts = if bytes.first() == Some(&TIMED) { bytes.get(HEAD_LEN..) } else { Some(bytes) };
        let rest = texts.and_then(Member::sound_rest).and_then(Text::sound_rest);
        rest.is_some_and(<[u8]>::is_empty)
    }

    fn key_of<'i>(self, _: &Heap, item: Self::Item<'i>) -> Self::Key<'i> {
        Sought { hash: self.hash_of_name(item.name), text: item.name.text }
    }

    #[inline]
    fn compare(self, heap: &Heap, key: Sought<'_>, item: Field<'_>) -> Ordering {
        key.hash.cmp(&self.hash_of_name(item.name)).then_with(|| key.text.compare(heap, item.name.text))
    }

    #[inline]
    fn hash_of(self, item: Field<'_>) -> u64 {
        self.hash_of_name(item.name)
    }

    #[inline]
    fn hash_of_key(self, key: Sought<'_>) -> u64 {
        key.hash
    }

    #[inline]
    fn matches(self, heap: &Heap, key: Sought<'_>, item: Field<'_>) -> bool {
        item.name.text.same(heap, key.text)
    }

    #[inline]
    fn scan(self, heap: &Heap, key: Sought<'_>, elements: &[u8], base: u64) -> Option<(usize, usize)> {
        let shape = |rest: &[u8]| {
            let name_at = if rest[0] == TIMED { HEAD_LEN } else { 0 };
            (name_at, self.element_len(rest))
        };
        text::scan(elements, key.text, shape, |element| self.matches(heap, key, self.decode(element, base)))
    }
}

impl Elements for Fields {
    const GARBAGE: u8 = garbage::HASH;

    #[inline]
    fn owned(item: Field<'_>) -> Owned {
        [item.name.text.extent(), item.value.extent()]
    }

    fn with_owned<'i>(item: Self::Item<'i>, owned: Owned) -> Self::Item<'i> {
        let value = owned[1].map_or(item.value, Text::Apart);
        Field { name: item.name.moved_to(owned[0]), value, ..item }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_as_they_are_written() {
        let mut heap = Heap::in_memory(1 << 20);
        let packing = Fields(StoredHasher::new([1; 16]));
        let long = vec![b'x'; 10_000];
        for name in [&b""[..], b"name", &long[..INLINE_MAX], &long] {
            for value in [&b""[..], b"\xfe\xff", &long[..INLINE_MAX], &long] {
                for deadline_ms in [None, Some(1), Some(FIELD_DEADLINE_MS_MAX)] {
                    let field = Field {
                        name: Member::store(&mut heap, name, packing.0).expect("room"),
                        value: Text::store(&mut heap, value).expect("room"),
                        deadline_ms,
                    };
                    let len = packing.encoded_len(field);
                    let mut bytes = vec![0; len];
                    packing.encode(field, 0, &mut bytes);
                    assert!(packing.is_sound(&bytes, 0));
                    let read = packing.decode(&bytes, 0);
                    assert!(read.name.text.equals(&heap, name) && read.value.equals(&heap, value));
                    assert_eq!(read.deadline_ms, deadline_ms);
                    assert_eq!(packing.hash_of_name(read.name), packing.hash(name));
                    bytes.extend([7, 7]);
                    assert_eq!(packing.element_len(&bytes), len);
                    assert!(!packing.is_sound(&bytes, 0));
                    for end in 1..len {
                        assert!(packing.element_len(&bytes[..end]) <= end);
                        assert!(!packing.is_sound(&bytes[..end], 0), "{end} of {len}");
                    }
                }
            }
        }
    }
}
