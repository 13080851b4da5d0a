//! A byte string as part of a tree's element.
//!
//! ```text
//! up to 245 bytes   length u8, bytes
//! longer            0xFF, handle of an extent list u32
//! ```
//! The other first bytes, 0xF6 to 0xFE, are free for elements to mark what they are.

use std::cmp::Ordering;

use shm::extent::{Extent, Top};
use shm::{Handle, Heap, OutOfMemory};

use super::string::{StringView, extent_equals};

/// The longest text inside an element. Two of them and 8 bytes make the longest element of a tree.
pub const INLINE_MAX: usize = 0xF5;
const APART: u8 = 0xFF;
/// Bytes of a text that lies apart.
pub const APART_LEN: usize = 1 + Handle::<Top>::LEN;
/// Chunks of a text that is freed at once; a longer one is freed bit by bit.
const FREED_AT_ONCE: usize = 4;

/// Looks among elements for the one that has `text`. `shape` tells of the element at the start of what it is given where
/// its text starts and how long it is itself, which may be too much if bytes are damaged; `is_it` compares an element
/// with a text that no element has inside. Returns how many elements stand before it, and where it starts.
#[inline]
pub fn scan(
    elements: &[u8],
    text: Text<'_>,
    shape: impl Fn(&[u8]) -> (usize, usize) + Copy,
    is_it: impl Fn(&[u8]) -> bool,
) -> Option<(usize, usize)> {
    let bytes = match text {
        Text::Inline(bytes) if bytes.len() <= INLINE_MAX => bytes,
        _ => return scan_by(elements, shape, |element, _| is_it(element)),
    };
    // What lies apart has no such length.
    let is_at = |stored: &[u8]| stored.len() > bytes.len() && usize::from(stored[0]) == bytes.len();
    match bytes.last_chunk::<8>() {
        // Names are more often alike in their beginnings.
        Some(last) => scan_by(elements, shape, |_, stored| {
            is_at(stored) && stored[bytes.len() - 7..].starts_with(last) && stored[1..].starts_with(bytes)
        }),
        None => scan_by(elements, shape, |_, stored| is_at(stored) && stored[1..].starts_with(bytes)),
    }
}

/// [`scan`] for the first element for which `is_it` holds, given it and what is from its text on.
#[inline]
fn scan_by(
    elements: &[u8],
    shape: impl Fn(&[u8]) -> (usize, usize),
    is_it: impl Fn(&[u8], &[u8]) -> bool,
) -> Option<(usize, usize)> {
    let (mut index, mut offset) = (0, 0);
    while offset < elements.len() {
        let rest = &elements[offset..];
        let (text_at, len) = shape(rest);
        if is_it(&rest[..len.min(rest.len())], &rest[text_at..]) {
            return Some((index, offset));
        }
        (index, offset) = (index + 1, offset + len);
    }
    None
}

/// A byte string in a heap.
#[derive(Debug, Clone, Copy)]
pub enum Text<'a> {
    /// Inside its element.
    Inline(&'a [u8]),
    /// In blocks of its own.
    Apart(Extent),
}

impl<'a> Text<'a> {
    /// A text of these bytes that can become part of an element. Long ones are stored in blocks of their own.
    ///
    /// # Errors
    /// [`OutOfMemory`].
    #[inline]
    pub fn store(heap: &mut Heap, bytes: &'a [u8]) -> Result<Text<'a>, OutOfMemory> {
        if bytes.len() <= INLINE_MAX {
            return Ok(Text::Inline(bytes));
        }
        Extent::from_bytes(heap, bytes).map(Text::Apart)
    }

    /// Frees the blocks of its own, if there are any, at once or by and by.
    ///
    /// # Errors
    /// [`OutOfMemory`] when the undo log is full.
    #[inline]
    pub fn free(self, heap: &mut Heap) -> Result<(), OutOfMemory> {
        match self {
            Text::Inline(_) => Ok(()),
            Text::Apart(extent) => free_extent(heap, extent),
        }
    }

    /// The extent list of a text that lies apart.
    #[inline]
    pub fn extent(self) -> Option<Extent> {
        match self {
            Text::Inline(_) => None,
            Text::Apart(extent) => Some(extent),
        }
    }

    /// The bytes where they lie.
    #[inline]
    pub fn view(self, heap: &'a Heap) -> StringView<'a> {
        match self {
            Text::Inline(bytes) => StringView::Inline(bytes),
            Text::Apart(extent) => StringView::Apart { heap, extent },
        }
    }

    /// Length in bytes.
    #[inline]
    pub fn len(self, heap: &Heap) -> usize {
        match self {
            Text::Inline(bytes) => bytes.len(),
            Text::Apart(extent) => extent.len(heap) as usize,
        }
    }

    /// Whether it is just these bytes.
    #[inline]
    pub fn equals(self, heap: &Heap, bytes: &[u8]) -> bool {
        match self {
            Text::Inline(own) => own == bytes,
            Text::Apart(extent) => extent_equals(heap, extent, bytes),
        }
    }

    /// Whether two texts are the same bytes.
    #[inline]
    pub fn same(self, heap: &Heap, other: Text<'_>) -> bool {
        match (self, other) {
            (text, Text::Inline(bytes)) | (Text::Inline(bytes), text) => text.equals(heap, bytes),
            (Text::Apart(one), Text::Apart(other)) => {
                one == other || Text::Apart(one).compare(heap, Text::Apart(other)) == Ordering::Equal
            }
        }
    }

    /// The order of the bytes.
    pub fn compare(self, heap: &Heap, other: Text<'_>) -> Ordering {
        match (self, other) {
            (Text::Inline(one), Text::Inline(other)) => one.cmp(other),
            _ => {
                let (mut ours, mut theirs) = (self.pieces(heap), other.pieces(heap));
                let (mut one, mut another): (&[u8], &[u8]) = (&[], &[]);
                loop {
                    if one.is_empty() {
                        one = ours.next().unwrap_or_default();
                    }
                    if another.is_empty() {
                        another = theirs.next().unwrap_or_default();
                    }
                    let len = one.len().min(another.len());
                    if len == 0 {
                        return one.len().cmp(&another.len());
                    }
                    match one[..len].cmp(&another[..len]) {
                        Ordering::Equal => (one, another) = (&one[len..], &another[len..]),
                        unequal => return unequal,
                    }
                }
            }
        }
    }

    /// The bytes in pieces, none of them empty.
    fn pieces<'h>(self, heap: &'h Heap) -> impl Iterator<Item = &'h [u8]>
    where
        'a: 'h,
    {
        let (inline, apart) = match self {
            Text::Inline(bytes) => (Some(bytes).filter(|bytes| !bytes.is_empty()), None),
            Text::Apart(extent) => (None, Some(extent.chunks(heap, 0..extent.len(heap)))),
        };
        inline.into_iter().chain(apart.into_iter().flatten().filter(|bytes| !bytes.is_empty()))
    }

    // ---- the stored form --------------------------------------------------------------------

    /// Bytes that it takes in an element.
    #[inline]
    pub fn encoded_len(self) -> usize {
        match self {
            Text::Inline(bytes) => 1 + bytes.len(),
            Text::Apart(_) => APART_LEN,
        }
    }

    /// Writes it to the start of `out`; returns what is left of `out`.
    #[inline]
    pub fn encode(self, out: &mut [u8]) -> &mut [u8] {
        let (own, rest) = out.split_at_mut(self.encoded_len());
        match self {
            Text::Inline(bytes) => {
                own[0] = bytes.len() as u8;
                own[1..].copy_from_slice(bytes);
            }
            Text::Apart(extent) => {
                own[0] = APART;
                own[1..].copy_from_slice(&extent.handle().raw().to_le_bytes());
            }
        }
        rest
    }

    /// Bytes that the text at the start of `bytes` takes. Says something, whatever they are.
    #[inline]
    pub fn len_at(bytes: &[u8]) -> usize {
        let len = match bytes[0] {
            APART => APART_LEN,
            len => 1 + usize::from(len),
        };
        len.min(bytes.len())
    }

    /// The text at the start of `bytes`, and what follows it.
    #[inline]
    pub fn decode(bytes: &'a [u8]) -> (Text<'a>, &'a [u8]) {
        let (own, rest) = bytes.split_at(Text::len_at(bytes));
        let text = match own[0] {
            APART => {
                let raw = u32::from_le_bytes([own[1], own[2], own[3], own[4]]);
                Text::Apart(Extent::at(Handle::from_raw(raw).expect("what lies apart has a handle")))
            }
            _ => Text::Inline(&own[1..]),
        };
        (text, rest)
    }

    /// What follows a text that may be damaged; `None` if it is.
    pub fn sound_rest(bytes: &[u8]) -> Option<&[u8]> {
        let rest = bytes.get(1..)?;
        match bytes[0] {
            APART => rest.split_at_checked(APART_LEN - 1).filter(|(raw, _)| *raw != [0; 4]),
            len if usize::from(len) <= INLINE_MAX => rest.split_at_checked(usize::from(len)),
            _ => None,
        }
        .map(|(_, rest)| rest)
    }
}

/// Frees an extent list that nobody refers to any more: a short one at once, a long one by and by.
///
/// # Errors
/// [`OutOfMemory`] when the undo log is full.
pub fn free_extent(heap: &mut Heap, extent: Extent) -> Result<(), OutOfMemory> {
    if extent.len(heap) <= (FREED_AT_ONCE * shm::extent::CHUNK_LEN) as u64 {
        let left = extent.reclaim(heap, FREED_AT_ONCE)?;
        debug_assert!(left.is_none());
        return Ok(());
    }
    heap.discard(shm::garbage::GarbageItem::new(super::element::garbage::EXTENT, extent.handle()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_as_they_are_written_and_ordered_by_their_bytes() {
        let mut heap = Heap::in_memory(1 << 20);
        let of_len = |len: usize, last: u8| {
            let mut bytes = vec![b'x'; len];
            if let Some(byte) = bytes.last_mut() {
                *byte = last;
            }
            bytes
        };
        let mut all: Vec<Vec<u8>> = vec![b"".to_vec(), b"a".to_vec(), b"x".to_vec()];
        for len in [INLINE_MAX, INLINE_MAX + 1, 300, 40_000] {
            all.extend([of_len(len, b'w'), of_len(len, b'y')]);
        }
        let texts: Vec<Text<'_>> =
            all.iter().map(|bytes| Text::store(&mut heap, bytes).expect("room")).collect();
        for (bytes, text) in all.iter().zip(&texts) {
            let mut stored = vec![0; text.encoded_len() + 2];
            assert_eq!(text.encode(&mut stored).len(), 2);
            assert_eq!(Text::len_at(&stored), text.encoded_len());
            assert_eq!(Text::sound_rest(&stored).map(<[u8]>::len), Some(2));
            let (read, _) = Text::decode(&stored);
            assert!(read.equals(&heap, bytes) && read.same(&heap, *text));
            assert_eq!(read.len(&heap), bytes.len());
            for (other_bytes, other) in all.iter().zip(&texts) {
                assert_eq!(text.compare(&heap, *other), bytes.cmp(other_bytes));
                assert_eq!(text.equals(&heap, other_bytes), bytes == other_bytes);
            }
        }
        texts.into_iter().try_for_each(|text| text.free(&mut heap)).expect("room in the log");
        heap.commit();
        heap.verify([]).expect("nothing is left");
    }

    #[test]
    fn damaged_texts_are_told_apart() {
        for bytes in [&b""[..], &[3, 1, 2], &[0xF6, 0], &[0xFF, 0, 0, 0, 0], &[0xFF, 1, 0]] {
            assert_eq!(Text::sound_rest(bytes), None, "{bytes:?}");
        }
        assert_eq!(Text::sound_rest(&[1, 7, 9]), Some(&[9][..]));
    }
}
