//! Values on the move: RENAME, MOVE and COPY, inside a shard and between two.

use shm::extent::Extent;
use shm::stored_hash::StoredHasher;
use shm::{Handle, Heap, OutOfMemory};

use super::entry::{Entry, EntryView, Value};
use super::garbage::Fate;
use super::space::{Content, Keyspace, Place};
use crate::codec;
use crate::command::Key;
use crate::types::Kind;
use crate::types::collection::{self, Record};
use crate::types::string::bytes_of;
use crate::types::text::free_extent;

/// A value without a key.
#[derive(Debug)]
pub struct Moved {
    kind: Kind,
    /// Whether it is a string that was written in part.
    is_raw: bool,
    deadline_ms: Option<u64>,
    value: Lying,
    /// First slot of the shard whose heap the value lies in.
    home: u16,
}

#[derive(Debug)]
enum Lying {
    /// The bytes of a string, or the serialized form of a collection.
    Private(Vec<u8>),
    /// Owned by nobody until it is put under a key.
    Apart(Extent),
    /// A collection, owned by nobody until it is put under a key.
    Record(Record),
}

impl Moved {
    pub(crate) fn home(&self) -> u16 {
        self.home
    }

    /// Brings a value into private memory and gives its blocks back to the heap they lie in.
    ///
    /// # Errors
    /// [`OutOfMemory`].
    pub(crate) fn into_bytes(self, heap: &mut Heap, hasher: StoredHasher) -> Result<Moved, OutOfMemory> {
        let bytes = match self.value {
            Lying::Private(_) => return Ok(self),
            Lying::Apart(extent) => {
                let bytes = bytes_of(heap, extent);
                free_extent(heap, extent)?;
                bytes
            }
            Lying::Record(record) => {
                let bytes = codec::collection_bytes(heap, self.kind, record.bytes(), hasher);
                collection::discard(heap, self.kind, record.bytes())?;
                bytes
            }
        };
        Ok(Moved { value: Lying::Private(bytes), ..self })
    }
}

impl Keyspace {
    /// Deletes an entry and hands over its value: a long string and a collection stay where they lie.
    ///
    /// # Errors
    /// [`OutOfMemory`] when the undo log is full.
    pub fn take_out(&mut self, place: Place) -> Result<Moved, OutOfMemory> {
        let view = self.view(&place);
        let value = match (view.kind(), view.value_extent()) {
            (_, Some(extent)) => Lying::Apart(extent),
            (Kind::String, None) => Lying::Private(view.string().contiguous().into_owned()),
            (_, None) => Lying::Record(Record::of(view.record())),
        };
        let fate = if matches!(value, Lying::Private(_)) { Fate::Dropped } else { Fate::Kept };
        let moved = self.moved(&view, value);
        self.remove_with(&place, fate)?;
        Ok(moved)
    }

    /// A copy of an entry's value. O(length).
    pub fn copy_of(&self, place: &Place) -> Moved {
        let view = self.view(place);
        let bytes = match view.kind() {
            Kind::String => view.string().contiguous().into_owned(),
            kind => codec::collection_bytes(&self.heap, kind, view.record(), self.hasher().of_elements()),
        };
        self.moved(&view, Lying::Private(bytes))
    }

    fn moved(&self, view: &EntryView<'_>, value: Lying) -> Moved {
        let home = self.slots().first();
        Moved { kind: view.kind(), is_raw: view.is_raw(), deadline_ms: view.deadline_ms(), value, home }
    }

    /// Stores a value that lies in this heap or in private memory. Returns the entry.
    ///
    /// # Errors
    /// [`OutOfMemory`].
    pub fn put_moved(
        &mut self,
        db: u32,
        key: &Key<'_>,
        place: Option<Place>,
        moved: Moved,
        now_ms: u64,
    ) -> Result<Handle<Entry>, OutOfMemory> {
        let hasher = self.hasher().of_elements();
        let (bytes, record, piece);
        let value = match (moved.kind, moved.value) {
            (_, Lying::Apart(extent)) => Value::Apart(extent),
            (Kind::String, Lying::Private(whole)) => {
                bytes = whole;
                piece = [&*bytes];
                Value::Pieces(&piece)
            }
            (_, Lying::Private(serialized)) => {
                record = codec::collection_from(&mut self.heap, &serialized, hasher)?;
                piece = [record.bytes()];
                Value::Pieces(&piece)
            }
            (_, Lying::Record(own)) => {
                record = own;
                piece = [record.bytes()];
                Value::Pieces(&piece)
            }
        };
        let content = Content { kind: moved.kind, value, deadline_ms: moved.deadline_ms };
        let entry = self.put(db, key, place, content, now_ms)?;
        if moved.is_raw {
            self.mark_raw_entry(entry)?;
        }
        Ok(entry)
    }
}
