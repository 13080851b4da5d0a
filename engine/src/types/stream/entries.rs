//! How entries are packed, and what of their fields is kept once for all of them.
//!
//! A node's base is the upper half of its entries' milliseconds: 49 days that they share.
//!
//! ```text
//! element   lower half of the milliseconds u32, seq varint, length of the content varint, content
//!           or, instead of the content, length 0 and the handle of an extent list that holds it, u32
//! content   number of the list of names u8, then the values
//!           or 255, then names and values in turn; each of them length varint, bytes
//! ```
//! The lists of names (*shapes*) are the elements of a tree of their own: names, each length varint, bytes.

use std::borrow::Cow;
use std::cmp::Ordering;

use shm::extent::{Extent, Top, Writer};
use shm::rbtree::{Packing, Tree, element_max};
use shm::{Handle, Heap, OutOfMemory};

use super::{StreamId, varint};
use crate::types::element::{Elements, Owned, garbage};
use crate::types::list::Texts;
use crate::types::string::bytes_of;
use crate::types::text::{INLINE_MAX, Text};

/// An entry in its tree.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    pub id: StreamId,
    pub content: Content<'a>,
}

/// The fields of an entry.
#[derive(Debug, Clone, Copy)]
pub enum Content<'a> {
    Inline(&'a [u8]),
    /// Too long for an element.
    Apart(Extent),
}

/// The longest content inside an element.
const CONTENT_INLINE_MAX: usize = 480;
const LOW_LEN: usize = 4;
const _: () = assert!(LOW_LEN + varint::VARINT_MAX + 2 + CONTENT_INLINE_MAX <= element_max::<Entries>());

/// A stream keeps so many lists of names; entries with others have their names beside their values. They are looked
/// through for each new entry, and bounded because they go only when the stream is empty.
pub const SHAPES_MAX: usize = 16;
/// Stands for a list of names when there is none.
const NAMES_INLINE: u8 = u8::MAX;

/// How entries are packed.
#[derive(Debug, Clone, Copy)]
pub struct Entries;

impl Packing for Entries {
    type Key<'k> = StreamId;
    type Item<'i> = Entry<'i>;

    const BASED: bool = true;

    #[inline]
    fn encoded_len(self, item: Entry<'_>) -> usize {
        let content = match item.content {
            Content::Inline(bytes) => varint::len(bytes.len() as u64) + bytes.len(),
            Content::Apart(_) => 1 + Handle::<Top>::LEN,
        };
        LOW_LEN + varint::len(item.id.seq) + content
    }

    #[inline]
    fn encode(self, item: Entry<'_>, _: u64, out: &mut [u8]) {
        let (low, out) = out.split_at_mut(LOW_LEN);
        low.copy_from_slice(&(item.id.ms as u32).to_le_bytes());
        let out = varint::put(out, item.id.seq);
        match item.content {
            Content::Inline(bytes) => varint::put(out, bytes.len() as u64).copy_from_slice(bytes),
            Content::Apart(extent) => {
                varint::put(out, 0).copy_from_slice(&extent.handle().raw().to_le_bytes());
            }
        }
    }

    #[inline]
    fn element_len(self, bytes: &[u8]) -> usize {
        let (_, rest) = varint::get(bytes.get(LOW_LEN..).unwrap_or_default());
        let (content_len, rest) = varint::get(rest);
        let content_len = if content_len == 0 { Handle::<Top>::LEN } else { content_len as usize };
        bytes.len() - rest.len() + content_len.min(rest.len())
    }

    #[inline]
    fn decode(self, bytes: &[u8], base: u64) -> Entry<'_> {
        let low = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        let (seq, rest) = varint::get(&bytes[LOW_LEN..]);
        let (content_len, content) = varint::get(rest);
        let content = match content_len {
            0 => {
                let raw = u32::from_le_bytes([content[0], content[1], content[2], content[3]]);
                let top = Handle::from_raw(raw).expect("what lies apart has a handle");
                Content::Apart(Extent::at(top))
            }
            _ => Content::Inline(content),
        };
        Entry { id: StreamId::new(base << 32 | u64::from(low), seq), content }
    }

    fn is_sound(self, bytes: &[u8], base: u64) -> bool {
        let after_id = bytes.get(LOW_LEN..).and_then(varint::sound).map(|(_, rest)| rest);
        let Some((content_len, content)) = after_id.and_then(varint::sound) else { return false };
        base >> 32 == 0
            && match content_len {
                0 => content.len() == Handle::<Top>::LEN && content != [0; Handle::<Top>::LEN],
                len => content.len() as u64 == len,
            }
    }

    #[inline]
    fn key_of<'i>(self, _: &Heap, item: Self::Item<'i>) -> Self::Key<'i> {
        item.id
    }

    #[inline]
    fn compare(self, _: &Heap, key: StreamId, item: Entry<'_>) -> Ordering {
        key.cmp(&item.id)
    }

    #[inline]
    fn base_for(self, first: Entry<'_>, last: Entry<'_>) -> Option<u64> {
        let base = first.id.ms >> 32;
        (base == last.id.ms >> 32).then_some(base)
    }

    #[inline]
    fn fits(self, base: u64, item: Entry<'_>) -> bool {
        item.id.ms >> 32 == base
    }
}

impl Elements for Entries {
    const GARBAGE: u8 = garbage::STREAM;

    #[inline]
    fn owned(item: Entry<'_>) -> Owned {
        match item.content {
            Content::Inline(_) => [None, None],
            Content::Apart(extent) => [Some(extent), None],
        }
    }

    fn with_owned<'i>(item: Self::Item<'i>, owned: Owned) -> Self::Item<'i> {
        Entry { content: owned[0].map_or(item.content, Content::Apart), ..item }
    }
}

// ---- writing ------------------------------------------------------------------------------------

/// Writes a word with its length to the start of `out`; returns what is left of `out`.
fn put_word<'o>(out: &'o mut [u8], word: &[u8]) -> &'o mut [u8] {
    let (own, rest) = varint::put(out, word.len() as u64).split_at_mut(word.len());
    own.copy_from_slice(word);
    rest
}

fn word_len(word: &[u8]) -> usize {
    varint::len(word.len() as u64) + word.len()
}

/// The number of the list of these pairs' names among the shapes of a stream: added if there is room.
///
/// # Errors
/// [`OutOfMemory`].
pub fn shape_of(
    heap: &mut Heap,
    shapes: &mut Tree<Texts>,
    pairs: &[&[u8]],
) -> Result<Option<u8>, OutOfMemory> {
    let names = || pairs.iter().step_by(2);
    let len: usize = names().map(|name| word_len(name)).sum();
    if len > INLINE_MAX {
        return Ok(None);
    }
    let mut shape = [0; INLINE_MAX];
    names().fold(&mut shape[..], |out, name| put_word(out, name));
    let shape = &shape[..len];
    if let Some(nth) = shapes.iter(heap).position(|known| known.equals(heap, shape)) {
        return Ok(Some(nth as u8));
    }
    let nth = shapes.len();
    if nth == SHAPES_MAX {
        return Ok(None);
    }
    shapes.insert_at(heap, nth, Text::Inline(shape))?;
    Ok(Some(nth as u8))
}

/// Calls `then` with the content of an entry of these pairs, which can become an element.
///
/// # Errors
/// [`OutOfMemory`], or what `then` says.
pub fn with_content(
    heap: &mut Heap,
    shape: Option<u8>,
    pairs: &[&[u8]],
    then: impl FnOnce(&mut Heap, Content<'_>) -> Result<(), OutOfMemory>,
) -> Result<(), OutOfMemory> {
    // Names and values, or values alone.
    let words = || if shape.is_some() { pairs[1..].iter().step_by(2) } else { pairs.iter().step_by(1) };
    let tag = shape.unwrap_or(NAMES_INLINE);
    let len = 1 + words().map(|word| word_len(word)).sum::<usize>();
    if len <= CONTENT_INLINE_MAX {
        let mut content = [0; CONTENT_INLINE_MAX];
        content[0] = tag;
        words().fold(&mut content[1..], |out, word| put_word(out, word));
        return then(heap, Content::Inline(&content[..len]));
    }
    let mut writer = Writer::new(len as u64);
    writer.push(heap, &[tag])?;
    for word in words() {
        let mut digits = [0; varint::VARINT_MAX];
        varint::put(&mut digits, word.len() as u64);
        writer.push(heap, &digits[..varint::len(word.len() as u64)])?;
        writer.push(heap, word)?;
    }
    let extent = writer.finish(heap)?;
    then(heap, Content::Apart(extent))
}

// ---- reading ------------------------------------------------------------------------------------

/// Reads the entries of one stream.
#[derive(Clone, Copy)]
pub struct Reader<'h> {
    heap: &'h Heap,
    shapes: [&'h [u8]; SHAPES_MAX],
}

impl<'h> Reader<'h> {
    pub fn new(heap: &'h Heap, shapes: &Tree<Texts>) -> Reader<'h> {
        let mut reader = Reader { heap, shapes: [&[]; SHAPES_MAX] };
        for (place, shape) in reader.shapes.iter_mut().zip(shapes.iter(heap)) {
            if let Text::Inline(names) = shape {
                *place = names;
            }
        }
        reader
    }

    /// An entry with its fields; copied only where they lie apart.
    pub fn view(&self, entry: Entry<'h>) -> EntryView<'h> {
        let content = match entry.content {
            Content::Inline(bytes) => Cow::Borrowed(bytes),
            Content::Apart(extent) => Cow::Owned(bytes_of(self.heap, extent)),
        };
        let names = match content[0] {
            NAMES_INLINE => None,
            shape => Some(self.shapes.get(usize::from(shape)).copied().unwrap_or_default()),
        };
        EntryView { id: entry.id, names, content }
    }
}

/// An entry whose fields can be read.
pub struct EntryView<'h> {
    pub id: StreamId,
    names: Option<&'h [u8]>,
    content: Cow<'h, [u8]>,
}

impl EntryView<'_> {
    /// Names with their values, in the order in which they were given.
    pub fn fields(&self) -> Fields<'_> {
        Fields { names: self.names, rest: &self.content[1..] }
    }

    /// The number of fields.
    pub fn field_count(&self) -> usize {
        match self.names {
            Some(names) => Words(names).count(),
            None => Words(&self.content[1..]).count() / 2,
        }
    }

    /// Whether its fields can be read, and their names are known.
    pub fn is_sound(&self) -> bool {
        let values = Words(&self.content[1..]);
        let sound = |words: Words<'_>| {
            let mut rest = words.0;
            while !rest.is_empty() {
                let Some((len, after)) = varint::sound(rest) else { return false };
                let Some(after) = after.get(usize::try_from(len).unwrap_or(usize::MAX)..) else {
                    return false;
                };
                rest = after;
            }
            true
        };
        let count = values.count();
        sound(Words(&self.content[1..]))
            && match self.names {
                Some(names) => sound(Words(names)) && count > 0 && Words(names).count() == count,
                None => count > 0 && count.is_multiple_of(2),
            }
    }
}

/// Words with their lengths, one after the other.
struct Words<'a>(&'a [u8]);

impl<'a> Iterator for Words<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        if self.0.is_empty() {
            return None;
        }
        let (len, rest) = varint::get(self.0);
        let (word, rest) = rest.split_at(rest.len().min(len as usize));
        self.0 = rest;
        Some(word)
    }
}

/// See [`EntryView::fields`].
pub struct Fields<'a> {
    names: Option<&'a [u8]>,
    rest: &'a [u8],
}

impl<'a> Iterator for Fields<'a> {
    type Item = (&'a [u8], &'a [u8]);

    #[inline]
    fn next(&mut self) -> Option<(&'a [u8], &'a [u8])> {
        let take = |from: &mut &'a [u8]| {
            let mut words = Words(from);
            let word = words.next();
            *from = words.0;
            word
        };
        let name = match &mut self.names {
            Some(names) => take(names)?,
            None => take(&mut self.rest)?,
        };
        Some((name, take(&mut self.rest)?))
    }
}
