//! An entry: one block with type, flags, access clock, deadline, key and value.
//!
//! ```text
//!  0      u8   flags: bits 0-3 type (15: a string written in part), 4 DEADLINE, 5 LINKS, 6 VALUE_APART, 7 KEY_APART
//!  1..4   u24  access clock, seconds modulo 2^24 (bytes 0..4 are one aligned word)
//!  4..12       only with LINKS: handles of the neighbours in the order of use (u32, u32)
//!  ..+6   u48  only with DEADLINE: expiry time, unix milliseconds
//!  ..          key length (varint), key; with KEY_APART: the handle of an extent list (u32) instead
//!  ..          value length (varint), value; with VALUE_APART: the handle of an extent list (u32) instead
//! ```
//!
//! Numbers are little-endian; a varint has 7 bits a byte, least significant first, bit 7 set on all
//! but the last. The value is last, so that a value of another length of the same block class is
//! written over the old one.

mod verify;
mod write;

use std::borrow::Cow;

use shm::extent::{Extent, Top, Writer};
use shm::stored_hash::StoredHasher;
use shm::{Handle, Heap, OutOfMemory};

pub use self::verify::verify;
pub use self::write::{
    StringSpot, extent_with, mark_raw, overwrite_string, rebuild_with_record, write_string,
};
use super::database::Queue;
use crate::codec::Stored;
use crate::types::Kind;
use crate::types::collection::{self, Collection, Encodings, RECORD_LEN_MAX};
use crate::types::hash::{self, Hash};
use crate::types::string::{StringView, bytes_of, extent_equals};

/// Marks handles of entry blocks.
pub enum Entry {}

/// The kind that a type code stands for, if it stands for one.
#[inline]
fn kind_of(code: u8) -> Option<Kind> {
    if code == RAW_STRING { Some(Kind::String) } else { Kind::from_code(code) }
}

/// [`kind_of`] an entry's first byte.
#[inline]
fn kind_in(flags: u8) -> Kind {
    // Not user input: only our own stores write this byte.
    kind_of(flags & KIND_MASK).expect("an entry of a known type")
}

const KIND_MASK: u8 = 0x0F;
/// The type code of a string that was written in part: its encoding is `raw` however short it is.
const RAW_STRING: u8 = 15;
const DEADLINE: u8 = 1 << 4;
const LINKS: u8 = 1 << 5;
const VALUE_APART: u8 = 1 << 6;
const KEY_APART: u8 = 1 << 7;

const WORD_LEN: usize = 4;
const LINKS_LEN: usize = 8;
const DEADLINE_LEN: usize = 6;
const APART_LEN: usize = Handle::<Top>::LEN;

pub use crate::types::DEADLINE_MS_MAX;

/// The access clock counts seconds modulo this.
pub const CLOCK_PERIOD_S: u64 = 1 << 24;
/// Longer keys and values are kept apart. Keeps an entry well inside one block.
const KEY_INLINE_MAX: usize = 4 * 1024;
const _: () = assert!(RECORD_LEN_MAX < 128, "the length of a record is one digit");
/// The longest entry. Leaves room for the optional fields, so that gaining a deadline never moves the value.
pub const ENTRY_INLINE_MAX: usize = shm::heap::MAX_BLOCK_LEN - LINKS_LEN - DEADLINE_LEN;

/// Length of a varint.
const fn varint_len(value: usize) -> usize {
    let mut len = 1;
    let mut rest = value >> 7;
    while rest > 0 {
        len += 1;
        rest >>= 7;
    }
    len
}

fn put_varint(out: &mut [u8], mut value: usize) -> usize {
    let mut at = 0;
    while value >= 0x80 {
        out[at] = value as u8 | 0x80;
        value >>= 7;
        at += 1;
    }
    out[at] = value as u8;
    at + 1
}

/// The number at `at` and the position after it.
#[inline]
fn varint(bytes: &[u8], at: usize) -> (usize, usize) {
    let first = bytes[at];
    if first < 0x80 {
        return (usize::from(first), at + 1);
    }
    let (mut value, mut shift, mut at) = (usize::from(first & 0x7F), 7, at + 1);
    loop {
        let byte = bytes[at];
        value |= usize::from(byte & 0x7F) << shift;
        at += 1;
        if byte < 0x80 {
            return (value, at);
        }
        shift += 7;
    }
}

/// Where the optional fields end and the key begins.
#[inline]
const fn key_at(flags: u8) -> usize {
    deadline_at(flags) + if flags & DEADLINE != 0 { DEADLINE_LEN } else { 0 }
}

#[inline]
const fn deadline_at(flags: u8) -> usize {
    WORD_LEN + if flags & LINKS != 0 { LINKS_LEN } else { 0 }
}

#[inline]
fn deadline_in(entry: &[u8]) -> Option<u64> {
    let at = deadline_at(entry[0]);
    (entry[0] & DEADLINE != 0).then(|| {
        let mut word = [0; 8];
        word[..DEADLINE_LEN].copy_from_slice(&entry[at..at + DEADLINE_LEN]);
        u64::from_le_bytes(word)
    })
}

/// When something of an entry is due, unix milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Times {
    /// Its key is gone.
    pub key_ms: Option<u64>,
    /// The first of its fields is gone.
    pub fields_ms: Option<u64>,
}

impl Times {
    /// When the entry is due in a tree of deadlines.
    #[inline]
    pub fn in_queue(self, queue: Queue) -> Option<u64> {
        match queue {
            Queue::Keys => self.key_ms,
            Queue::Fields => self.fields_ms,
        }
    }
}

/// When something of an entry is due.
#[inline]
pub fn times(heap: &Heap, entry: Handle<Entry>) -> Times {
    Layout::read(heap, entry).times(heap, entry)
}

#[cold]
fn has_long_key(heap: &Heap, entry: Handle<Entry>, at: usize, key: &[u8]) -> bool {
    extent_equals(heap, extent_at(heap, entry, at), key)
}

fn extent_at(heap: &Heap, entry: Handle<Entry>, at: usize) -> Extent {
    Extent::at(Handle::from_raw(heap.u32_at(entry, at)).expect("what lies apart has a handle"))
}

/// Where the parts of an entry are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Layout {
    deadline_ms: Option<u64>,
    flags: u8,
    /// Lengths are those of what is inside the entry, which is at most [`ENTRY_INLINE_MAX`] bytes long.
    key_start: u16,
    key_len: u16,
    value_start: u16,
    value_len: u16,
}

impl Layout {
    /// That of an entry. O(1), one or two cache lines.
    #[inline]
    pub fn read(heap: &Heap, entry: Handle<Entry>) -> Layout {
        let bytes = heap.rest_of_page(entry);
        let flags = bytes[0];
        let at = key_at(flags);
        let (key_len, key_start) = if flags & KEY_APART != 0 { (APART_LEN, at) } else { varint(bytes, at) };
        let after_key = key_start + key_len;
        let (value_len, value_start) =
            if flags & VALUE_APART != 0 { (APART_LEN, after_key) } else { varint(bytes, after_key) };
        Layout {
            flags,
            deadline_ms: deadline_in(bytes),
            key_start: key_start as u16,
            key_len: key_len as u16,
            value_start: value_start as u16,
            value_len: value_len as u16,
        }
    }

    #[inline]
    pub fn kind(&self) -> Kind {
        kind_in(self.flags)
    }

    /// Whether it is the layout of the entry of `key`, which is `entry`.
    #[inline]
    pub fn has_key(&self, heap: &Heap, entry: Handle<Entry>, key: &[u8]) -> bool {
        let (start, len) = (self.key_start as usize, self.key_len as usize);
        if self.flags & KEY_APART != 0 {
            return has_long_key(heap, entry, start, key);
        }
        len == key.len() && heap.bytes(entry, start, len) == key
    }

    /// When something of the entry is due.
    #[inline]
    pub fn times(&self, heap: &Heap, entry: Handle<Entry>) -> Times {
        let fields_ms = if self.kind() == Kind::Hash {
            hash::earliest_ms_in(heap.bytes(entry, self.value_start as usize, self.value_len as usize))
        } else {
            None
        };
        Times { key_ms: self.deadline_ms, fields_ms }
    }
}

/// An entry, decoded. Borrows the heap: look, take what is needed, then change.
#[derive(Clone, Copy)]
pub struct EntryView<'a> {
    pub(super) heap: &'a Heap,
    pub handle: Handle<Entry>,
    pub(super) layout: Layout,
}

impl<'a> EntryView<'a> {
    /// Decodes an entry. O(1), one or two cache lines.
    #[inline]
    pub fn new(heap: &'a Heap, handle: Handle<Entry>) -> EntryView<'a> {
        EntryView { heap, handle, layout: Layout::read(heap, handle) }
    }

    /// The heap that it lies in.
    #[inline]
    pub fn heap(&self) -> &'a Heap {
        self.heap
    }

    pub fn kind(&self) -> Kind {
        self.layout.kind()
    }

    /// Whether it is a string that was written in part.
    pub fn is_raw(&self) -> bool {
        self.layout.flags & KIND_MASK == RAW_STRING
    }

    /// When the key is gone, unix milliseconds.
    #[inline]
    pub fn deadline_ms(&self) -> Option<u64> {
        self.layout.deadline_ms
    }

    /// When something of the entry is due.
    pub fn times(&self) -> Times {
        self.layout.times(self.heap, self.handle)
    }

    /// When something of the entry of a collection is due once it has this record.
    pub fn times_with(&self, record: &[u8]) -> Times {
        let fields_ms = if self.kind() == Kind::Hash { hash::earliest_ms_in(record) } else { None };
        Times { key_ms: self.layout.deadline_ms, fields_ms }
    }

    /// Where the value, or the handle of the extent list that holds it, lies in the entry's block.
    #[inline]
    pub fn value_start(&self) -> usize {
        self.layout.value_start as usize
    }

    /// Whether the key is there at a time: its deadline has not passed, nor have those of all its fields.
    #[inline]
    pub fn is_live(&self, now_ms: u64, hasher: StoredHasher) -> bool {
        self.layout.deadline_ms.is_none_or(|deadline_ms| deadline_ms > now_ms)
            && (self.layout.flags & KIND_MASK != Kind::Hash.code() || !self.has_run_out(now_ms, hasher))
    }

    /// Whether it is a hash whose fields are all gone at a time.
    pub fn has_run_out(&self, now_ms: u64, hasher: StoredHasher) -> bool {
        self.kind() == Kind::Hash
            && hash::earliest_ms_in(self.record()).is_some_and(|earliest_ms| earliest_ms <= now_ms)
            && Hash::open(self.record(), hasher).is_over(self.heap, now_ms)
    }

    /// Seconds since the last access, at `now_ms`.
    pub fn idle_s(&self, now_ms: u64) -> u64 {
        (now_ms / 1000).wrapping_sub(u64::from(self.heap.u32_at(self.handle, 0) >> 8)) % CLOCK_PERIOD_S
    }

    /// The key; borrowed unless it is very long.
    pub fn key(&self) -> Cow<'a, [u8]> {
        match self.key_extent() {
            None => Cow::Borrowed(self.heap.bytes(
                self.handle,
                self.layout.key_start as usize,
                self.layout.key_len as usize,
            )),
            Some(extent) => Cow::Owned(bytes_of(self.heap, extent)),
        }
    }

    /// The string value. The caller has checked the kind.
    #[inline]
    pub fn string(&self) -> StringView<'a> {
        match self.value_extent() {
            None => {
                let (start, len) = (self.layout.value_start as usize, self.layout.value_len as usize);
                StringView::Inline(self.heap.bytes(self.handle, start, len))
            }
            Some(extent) => StringView::Apart { heap: self.heap, extent },
        }
    }

    /// Where a string value lies that can be written over by one of its length. The caller has checked the kind.
    #[inline]
    pub fn spot(&self) -> Option<StringSpot> {
        let stays = self.layout.flags & VALUE_APART == 0 && !self.is_raw();
        stays.then(|| StringSpot::new(self.layout.value_start, self.layout.value_len)).flatten()
    }

    /// The record of a collection. The caller has checked the kind.
    #[inline]
    pub fn record(&self) -> &'a [u8] {
        debug_assert!(self.layout.flags & VALUE_APART == 0, "records are short");
        self.heap.bytes(self.handle, self.layout.value_start as usize, self.layout.value_len as usize)
    }

    /// The value where it lies.
    pub fn stored(&self) -> Stored<'a> {
        match self.kind() {
            Kind::String => Stored::String(self.string()),
            kind => Stored::Collection { heap: self.heap, kind, record: self.record() },
        }
    }

    /// The encoding that Redis would report for a value of this kind and size. O(1), or O(elements) where it depends
    /// on the longest.
    pub fn encoding(&self, hasher: StoredHasher, limits: &Encodings) -> &'static str {
        match self.kind() {
            Kind::String if self.is_raw() => "raw",
            Kind::String => self.string().encoding(),
            kind => collection::encoding(self.heap, kind, self.record(), hasher, limits),
        }
    }

    /// Bytes that the entry takes: its block and the blocks that it alone refers to. O(blocks).
    pub fn memory_bytes(&self, hasher: StoredHasher) -> usize {
        let mut bytes = self.heap.capacity_of(self.handle);
        let mut count = |block| {
            bytes += self.heap.capacity_of(block);
            Ok(())
        };
        // Only counted: what is broken is `verify`'s business.
        for extent in self.extents() {
            let _ = extent.verify(self.heap, &mut count);
        }
        if self.kind() != Kind::String {
            let _ = collection::verify(self.heap, self.kind(), self.record(), hasher, &mut count);
        }
        bytes
    }

    /// The extent lists of a long key and a long value.
    pub fn extents(&self) -> impl Iterator<Item = Extent> + use<> {
        [self.key_extent(), self.value_extent()].into_iter().flatten()
    }

    /// The extent list that holds the key, if it lies apart.
    #[inline]
    pub fn key_extent(&self) -> Option<Extent> {
        (self.layout.flags & KEY_APART != 0).then(|| self.extent_at(self.layout.key_start))
    }

    /// The extent list that holds the value, if it lies apart.
    #[inline]
    pub fn value_extent(&self) -> Option<Extent> {
        (self.layout.flags & VALUE_APART != 0).then(|| self.extent_at(self.layout.value_start))
    }

    fn extent_at(&self, start: u16) -> Extent {
        extent_at(self.heap, self.handle, usize::from(start))
    }
}

/// An extent list of these pieces, one after the other.
fn extent_of(heap: &mut Heap, pieces: &[&[u8]]) -> Result<Extent, OutOfMemory> {
    let mut writer = Writer::new(len_of(pieces) as u64);
    for piece in pieces {
        writer.push(heap, piece)?;
    }
    writer.finish(heap)
}

fn len_of(pieces: &[&[u8]]) -> usize {
    pieces.iter().map(|piece| piece.len()).sum()
}

/// Where a new entry's value comes from.
#[derive(Debug, Clone, Copy)]
pub enum Value<'v> {
    /// These pieces, one after the other: of a string, or the record of a collection.
    Pieces(&'v [&'v [u8]]),
    /// An extent list that becomes the entry's own.
    Apart(Extent),
}

/// What an entry shall hold.
#[derive(Clone, Copy)]
pub struct EntryParts<'v> {
    pub kind: Kind,
    pub key: &'v [u8],
    pub value: Value<'v>,
    pub deadline_ms: Option<u64>,
    pub clock: u32,
}

/// Builds an entry in a fresh block. Long keys and values go to extent lists of their own.
///
/// # Errors
/// [`OutOfMemory`]; the transaction must be rolled back.
pub fn build(heap: &mut Heap, parts: &EntryParts<'_>) -> Result<Handle<Entry>, OutOfMemory> {
    let key_apart =
        if parts.key.len() > KEY_INLINE_MAX { Some(extent_of(heap, &[parts.key])?) } else { None };
    let key_len = if key_apart.is_some() { APART_LEN } else { varint_len(parts.key.len()) + parts.key.len() };
    let head_len = WORD_LEN + if parts.deadline_ms.is_some() { DEADLINE_LEN } else { 0 } + key_len;
    let (value_apart, pieces): (Option<Extent>, &[&[u8]]) = match parts.value {
        Value::Apart(extent) => (Some(extent), &[]),
        Value::Pieces(pieces) => {
            let value_len = len_of(pieces);
            let inline = head_len + varint_len(value_len) + value_len <= ENTRY_INLINE_MAX;
            if inline { (None, pieces) } else { (Some(extent_of(heap, pieces)?), &[]) }
        }
    };
    let value_len = len_of(pieces);
    let len = head_len + if value_apart.is_some() { APART_LEN } else { varint_len(value_len) + value_len };
    let entry = heap.allocate::<Entry>(len)?;
    let mut flags = parts.kind.code();
    flags |= if parts.deadline_ms.is_some() { DEADLINE } else { 0 };
    flags |= if key_apart.is_some() { KEY_APART } else { 0 };
    flags |= if value_apart.is_some() { VALUE_APART } else { 0 };
    heap.fill(entry, 0, len, |out| {
        out[..WORD_LEN].copy_from_slice(&(u32::from(flags) | parts.clock << 8).to_le_bytes());
        let mut at = WORD_LEN;
        if let Some(deadline_ms) = parts.deadline_ms {
            debug_assert!(deadline_ms <= DEADLINE_MS_MAX);
            out[at..at + DEADLINE_LEN].copy_from_slice(&deadline_ms.to_le_bytes()[..DEADLINE_LEN]);
            at += DEADLINE_LEN;
        }
        match key_apart {
            Some(extent) => out[at..at + APART_LEN].copy_from_slice(&extent.handle().raw().to_le_bytes()),
            None => {
                let digits = put_varint(&mut out[at..], parts.key.len());
                out[at + digits..][..parts.key.len()].copy_from_slice(parts.key);
            }
        }
        at += key_len;
        match value_apart {
            Some(extent) => out[at..at + APART_LEN].copy_from_slice(&extent.handle().raw().to_le_bytes()),
            None => {
                at += put_varint(&mut out[at..], value_len);
                for piece in pieces {
                    out[at..at + piece.len()].copy_from_slice(piece);
                    at += piece.len();
                }
            }
        }
    });
    Ok(entry)
}

/// Changes the deadline in place. The entry must have one already (its place is part of the layout).
///
/// # Errors
/// [`OutOfMemory`] when the undo log is full.
pub fn store_deadline(heap: &mut Heap, entry: Handle<Entry>, deadline_ms: u64) -> Result<(), OutOfMemory> {
    let flags = heap.u8_at(entry, 0);
    assert!(flags & DEADLINE != 0, "the entry has no room for a deadline");
    heap.store(entry, deadline_at(flags), &deadline_ms.to_le_bytes()[..DEADLINE_LEN])
}

/// Copies an entry into a fresh block with room for a deadline, or without. Extent lists stay shared
/// with the old block, which the caller frees.
///
/// # Errors
/// [`OutOfMemory`].
pub fn rebuild_with_deadline(
    heap: &mut Heap,
    old: Handle<Entry>,
    deadline_ms: Option<u64>,
) -> Result<Handle<Entry>, OutOfMemory> {
    let view = EntryView::new(heap, old);
    let flags = view.layout.flags;
    let old_len = view.layout.value_start as usize + view.layout.value_len as usize;
    let (place, rest) = (deadline_at(flags), key_at(flags));
    let room = if deadline_ms.is_some() { DEADLINE_LEN } else { 0 };
    let new_len = place + room + old_len - rest;
    let fresh = heap.allocate::<Entry>(new_len)?;
    heap.fill_from(fresh, 0, old, 0, place);
    heap.fill_from(fresh, place + room, old, rest, old_len - rest);
    heap.fill(fresh, 0, place + room, |out| {
        out[0] = if deadline_ms.is_some() { flags | DEADLINE } else { flags & !DEADLINE };
        out[place..].copy_from_slice(&deadline_ms.unwrap_or(0).to_le_bytes()[..room]);
    });
    Ok(fresh)
}

/// Copies an entry to a fresh block; extent lists stay where they are. The caller frees the old block
/// and mends what refers to it.
///
/// # Errors
/// [`OutOfMemory`].
pub fn relocate(heap: &mut Heap, old: Handle<Entry>) -> Result<Handle<Entry>, OutOfMemory> {
    let view = EntryView::new(heap, old);
    let len = (view.layout.value_start + view.layout.value_len) as usize;
    let fresh = heap.allocate::<Entry>(len)?;
    heap.fill_from(fresh, 0, old, 0, len);
    Ok(fresh)
}

/// Moves those blocks of an entry's extent lists for which `moves` holds. O(blocks).
///
/// # Errors
/// [`OutOfMemory`].
pub fn relocate_extents(
    heap: &mut Heap,
    entry: Handle<Entry>,
    moves: impl Fn(&Heap, Handle<()>) -> bool,
) -> Result<(), OutOfMemory> {
    let view = EntryView::new(heap, entry);
    let lists = [(view.key_extent(), view.layout.key_start), (view.value_extent(), view.layout.value_start)];
    for (extent, start) in lists {
        let Some(mut extent) = extent else { continue };
        let before = extent.handle();
        let mut next = Some(0);
        while let Some(from) = next {
            next = extent.relocate(heap, from, usize::MAX, &moves)?;
        }
        if extent.handle() != before {
            heap.store_u32(entry, start as usize, extent.handle().raw())?;
        }
    }
    Ok(())
}

/// Notes an access at `now_ms`: one aligned word, not logged, for every value of the clock is valid.
#[inline]
pub fn touch(heap: &mut Heap, entry: Handle<Entry>, now_ms: u64) {
    let clock = clock_at(now_ms);
    let word = heap.u32_at(entry, 0);
    if word >> 8 != clock {
        heap.store_unlogged_u32(entry, 0, word & 0xFF | clock << 8);
    }
}

/// The access clock's reading at a time.
#[inline]
pub fn clock_at(now_ms: u64) -> u32 {
    ((now_ms / 1000) % CLOCK_PERIOD_S) as u32
}
