//! Texts out of their heaps, one behind the other: for results that are stored while their sources change.

use super::string::StringView;

/// Byte strings in private memory.
#[derive(Debug, Default)]
pub struct Copies {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Copies {
    pub fn push(&mut self, text: StringView<'_>) {
        text.for_each_piece(0, text.len(), |piece| self.bytes.extend_from_slice(piece));
        self.ends.push(self.bytes.len());
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The nth, counted from 0; nothing where there are fewer.
    #[inline]
    pub fn get(&self, nth: usize) -> &[u8] {
        let Some(end) = self.ends.get(nth) else { return &[] };
        &self.bytes[nth.checked_sub(1).map_or(0, |before| self.ends[before])..*end]
    }

    /// All of them.
    pub fn slices(&self) -> Vec<&[u8]> {
        (0..self.len()).map(|nth| self.get(nth)).collect()
    }
}

impl<'t> FromIterator<StringView<'t>> for Copies {
    fn from_iter<I: IntoIterator<Item = StringView<'t>>>(texts: I) -> Copies {
        let mut copies = Copies::default();
        texts.into_iter().for_each(|text| copies.push(text));
        copies
    }
}
