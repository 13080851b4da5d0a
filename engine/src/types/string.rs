//! Strings: bytes inside the entry, or an extent list when they are long.

use std::borrow::Cow;
use std::hash::Hasher;

use shm::Heap;
use shm::extent::Extent;
use twox_hash::XxHash3_64;

/// The bytes of an extent list in one piece.
pub(crate) fn bytes_of(heap: &Heap, extent: Extent) -> Vec<u8> {
    let mut bytes = vec![0; extent.len(heap) as usize];
    extent.read(heap, 0, &mut bytes);
    bytes
}

/// Whether an extent list holds just these bytes.
pub(crate) fn extent_equals(heap: &Heap, extent: Extent, bytes: &[u8]) -> bool {
    let mut rest = bytes;
    extent.len(heap) == bytes.len() as u64
        && extent.chunks(heap, 0..bytes.len() as u64).all(|chunk| {
            let (here, after) = rest.split_at(chunk.len());
            rest = after;
            here == chunk
        })
}

/// The longest string whose encoding is not `raw` from the beginning.
pub(crate) const EMBSTR_LEN_MAX: usize = 44;

/// A string value where it lies.
#[derive(Clone, Copy)]
pub enum StringView<'a> {
    /// Inside its entry.
    Inline(&'a [u8]),
    /// In blocks of its own.
    Apart { heap: &'a Heap, extent: Extent },
}

impl<'a> StringView<'a> {
    #[inline]
    pub fn len(&self) -> usize {
        match self {
            StringView::Inline(bytes) => bytes.len(),
            StringView::Apart { heap, extent } => extent.len(heap) as usize,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Calls `visit` with the bytes `start..start + len` in pieces, in order. The range must lie inside.
    #[inline]
    pub fn for_each_piece(&self, start: usize, len: usize, mut visit: impl FnMut(&[u8])) {
        match self {
            StringView::Inline(bytes) => visit(&bytes[start..start + len]),
            StringView::Apart { heap, extent } => {
                extent.for_each_chunk(heap, start as u64..(start + len) as u64, visit);
            }
        }
    }

    /// The bytes `start..start + len` in pieces, in order. The range must lie inside.
    pub fn pieces(&self, start: usize, len: usize) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let (inline, apart) = match *self {
            StringView::Inline(bytes) => (Some(&bytes[start..start + len]), None),
            StringView::Apart { heap, extent } => {
                (None, Some(extent.chunks(heap, start as u64..(start + len) as u64)))
            }
        };
        inline.into_iter().chain(apart.into_iter().flatten())
    }

    /// The `N` bytes from `start`, with zeros for those past the end.
    #[inline]
    pub fn read<const N: usize>(&self, start: usize) -> [u8; N] {
        let mut bytes = [0; N];
        let len = N.min(self.len().saturating_sub(start));
        if len > 0 {
            let mut filled = 0;
            self.for_each_piece(start, len, |piece| {
                bytes[filled..filled + piece.len()].copy_from_slice(piece);
                filled += piece.len();
            });
        }
        bytes
    }

    /// The whole value in one piece; copied only when it lies apart.
    pub fn contiguous(&self) -> Cow<'a, [u8]> {
        match self {
            StringView::Inline(bytes) => Cow::Borrowed(bytes),
            StringView::Apart { heap, extent } => Cow::Owned(bytes_of(heap, *extent)),
        }
    }

    /// Whether the value is just these bytes.
    pub fn equals(&self, bytes: &[u8]) -> bool {
        match self {
            StringView::Inline(own) => *own == bytes,
            StringView::Apart { heap, extent } => extent_equals(heap, *extent, bytes),
        }
    }

    /// XXH3 with 64 bits and no seed. O(length).
    pub fn digest(&self) -> u64 {
        match self {
            StringView::Inline(bytes) => XxHash3_64::oneshot(bytes),
            StringView::Apart { .. } => {
                let mut hasher = XxHash3_64::new();
                self.for_each_piece(0, self.len(), |piece| hasher.write(piece));
                hasher.finish()
            }
        }
    }

    /// The integer that the value spells, if it does so in the one canonical way.
    pub fn integer(&self) -> Option<i64> {
        match self {
            StringView::Inline(bytes) => crate::number::parse_i64(bytes),
            StringView::Apart { .. } => None,
        }
    }

    /// The encoding that Redis would report.
    pub fn encoding(&self) -> &'static str {
        if self.integer().is_some() {
            "int"
        } else if self.len() <= EMBSTR_LEN_MAX {
            "embstr"
        } else {
            "raw"
        }
    }
}
