//! String values changed where they lie, as far as that goes.

use shm::extent::Extent;
use shm::{Handle, Heap, OutOfMemory};

use super::{
    ENTRY_INLINE_MAX, Entry, EntryView, KIND_MASK, Kind, RAW_STRING, VALUE_APART, extent_of, put_varint,
    varint_len,
};
use crate::types::string::EMBSTR_LEN_MAX;

/// The longest range that is overwritten in place rather than rebuilt.
const IN_PLACE_MAX: usize = 256;

/// The bytes of a string value inside its entry, until the entry changes.
#[derive(Debug, Clone, Copy)]
pub struct StringSpot {
    start: u16,
    len: u16,
}

impl StringSpot {
    /// `None` if the value is too long to be overwritten in place.
    #[inline]
    pub(super) fn new(start: u16, len: u16) -> Option<StringSpot> {
        (len as usize <= IN_PLACE_MAX).then_some(StringSpot { start, len })
    }

    /// How long a value that is written here must be, bytes.
    #[inline]
    pub fn value_len(self) -> usize {
        self.len as usize
    }

    /// Writes another value here, as long as the old one.
    ///
    /// # Errors
    /// [`OutOfMemory`] when the undo log is full.
    #[inline]
    pub fn overwrite(self, heap: &mut Heap, entry: Handle<Entry>, value: &[u8]) -> Result<(), OutOfMemory> {
        assert!(value.len() == self.value_len(), "a value of another length");
        heap.store(entry, self.start as usize, value)
    }
}

/// Writes a new string value over an old string with this deadline if the entry stays in its block class, deadline and
/// key unchanged. Returns whether it did; if not, nothing was changed.
///
/// # Errors
/// [`OutOfMemory`] when the undo log is full.
#[inline]
pub fn overwrite_string(
    heap: &mut Heap,
    entry: Handle<Entry>,
    deadline_ms: Option<u64>,
    value: &[u8],
) -> Result<bool, OutOfMemory> {
    let view = EntryView::new(heap, entry);
    if view.kind() != Kind::String
        || view.layout.flags & VALUE_APART != 0
        || view.layout.deadline_ms != deadline_ms
    {
        return Ok(false);
    }
    let old_len = view.layout.value_len as usize;
    let value_start = view.layout.value_start as usize;
    let is_raw = view.is_raw();
    if value.len() == old_len {
        if value.len() > IN_PLACE_MAX {
            return Ok(false);
        }
        heap.store(entry, value_start, value)?;
    } else {
        let length_start = value_start - varint_len(old_len);
        let tail_len = varint_len(value.len()) + value.len();
        let new_len = length_start + tail_len;
        if tail_len > IN_PLACE_MAX
            || new_len > ENTRY_INLINE_MAX
            || heap.block_len(new_len) != heap.block_len(value_start + old_len)
        {
            return Ok(false);
        }
        let mut tail = [0; IN_PLACE_MAX];
        let digits = put_varint(&mut tail, value.len());
        tail[digits..tail_len].copy_from_slice(value);
        heap.store(entry, length_start, &tail[..tail_len])?;
    }
    if is_raw {
        store_code(heap, entry, Kind::String.code())?;
    }
    Ok(true)
}

/// Writes bytes at `offset` of a string value, with zeros between its old end and `offset`, if the entry
/// can stay where it is: its value lies apart, or it stays in its block class and the range is short.
/// Returns whether it did; if not, nothing was changed.
///
/// # Errors
/// [`OutOfMemory`].
pub fn write_string(
    heap: &mut Heap,
    entry: Handle<Entry>,
    offset: usize,
    bytes: &[u8],
) -> Result<bool, OutOfMemory> {
    let view = EntryView::new(heap, entry);
    let (old_len, value_start) = (view.string().len(), view.layout.value_start as usize);
    if let Some(mut extent) = view.value_extent() {
        let before = extent.handle();
        write_extent(heap, &mut extent, offset, bytes)?;
        if extent.handle() != before {
            heap.store_u32(entry, value_start, extent.handle().raw())?;
        }
        return Ok(true);
    }
    let new_len = old_len.max(offset + bytes.len());
    // From here to the end of `bytes` everything is written again.
    let start = offset.min(old_len);
    let len = offset + bytes.len() - start;
    let digits = varint_len(old_len);
    if len > IN_PLACE_MAX
        || varint_len(new_len) != digits
        || value_start + new_len > ENTRY_INLINE_MAX
        || heap.block_len(value_start + new_len) != heap.block_len(value_start + old_len)
    {
        return Ok(false);
    }
    if new_len > old_len {
        let mut length = [0; 10];
        put_varint(&mut length, new_len);
        heap.store(entry, value_start - digits, &length[..digits])?;
    }
    if len > 0 {
        let mut range = [0; IN_PLACE_MAX];
        range[len - bytes.len()..len].copy_from_slice(bytes);
        heap.store(entry, value_start + start, &range[..len])?;
    }
    mark_raw(heap, entry)?;
    Ok(true)
}

/// Notes that a string was written in part. Changes nothing where its length says as much.
///
/// # Errors
/// [`OutOfMemory`] when the undo log is full.
pub fn mark_raw(heap: &mut Heap, entry: Handle<Entry>) -> Result<(), OutOfMemory> {
    let view = EntryView::new(heap, entry);
    if view.is_raw() || view.string().len() > EMBSTR_LEN_MAX {
        return Ok(());
    }
    store_code(heap, entry, RAW_STRING)
}

/// Copies the entry of a collection into a fresh block, with a record of another length. A long key stays shared with
/// the old block, which the caller frees.
///
/// # Errors
/// [`OutOfMemory`].
pub fn rebuild_with_record(
    heap: &mut Heap,
    old: Handle<Entry>,
    record: &[u8],
) -> Result<Handle<Entry>, OutOfMemory> {
    let view = EntryView::new(heap, old);
    // Both lengths have one digit.
    let start = view.layout.value_start as usize;
    let fresh = heap.allocate::<Entry>(start + record.len())?;
    heap.fill_from(fresh, 0, old, 0, start);
    heap.fill(fresh, start - 1, 1 + record.len(), |out| {
        out[0] = record.len() as u8;
        out[1..].copy_from_slice(record);
    });
    Ok(fresh)
}

fn store_code(heap: &mut Heap, entry: Handle<Entry>, code: u8) -> Result<(), OutOfMemory> {
    let flags = heap.u8_at(entry, 0);
    heap.store(entry, 0, &[flags & !KIND_MASK | code])
}

/// [`write_string`] of an extent list.
fn write_extent(
    heap: &mut Heap,
    extent: &mut Extent,
    offset: usize,
    bytes: &[u8],
) -> Result<(), OutOfMemory> {
    let old_len = extent.len(heap) as usize;
    let (inside, after) = bytes.split_at(bytes.len().min(old_len.saturating_sub(offset)));
    if !inside.is_empty() {
        extent.write(heap, offset as u64, inside)?;
    }
    if offset > old_len && !after.is_empty() {
        extent.resize(heap, offset as u64)?;
    }
    if !after.is_empty() {
        extent.append(heap, after)?;
    }
    Ok(())
}

/// An extent list of `old` with `bytes` written at `offset`; a long gap between them takes no memory.
///
/// # Errors
/// [`OutOfMemory`].
pub fn extent_with(heap: &mut Heap, old: &[u8], offset: usize, bytes: &[u8]) -> Result<Extent, OutOfMemory> {
    let mut extent = extent_of(heap, &[old])?;
    write_extent(heap, &mut extent, offset, bytes)?;
    Ok(extent)
}
