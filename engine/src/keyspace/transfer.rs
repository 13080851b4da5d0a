//! Values on the move: RENAME, MOVE and COPY, inside a shard and between two.

use shm::extent::Extent;
use shm::{Handle, Heap, OutOfMemory};

use super::entry::{self, Entry, EntryView, Kind, Value};
use super::garbage;
use super::space::{Content, Keyspace, Place};
use crate::command::Key;
use crate::types::string::bytes_of;

/// A value without a key.
#[derive(Debug)]
pub struct Moved {
    kind: Kind,
    /// Whether it is a string that was written in part.
    is_raw: bool,
    deadline_ms: Option<u64>,
    value: Lying,
    /// First slot of the shard whose heap an extent list lies in.
    home: u16,
}

#[derive(Debug)]
enum Lying {
    Private(Vec<u8>),
    /// Owned by nobody until it is put under a key.
    Apart(Extent),
}

impl Moved {
    pub(crate) fn home(&self) -> u16 {
        self.home
    }

    /// Brings a long value into private memory and gives its blocks back to the heap they lie in.
    ///
    /// # Errors
    /// [`OutOfMemory`].
    pub(crate) fn into_bytes(self, heap: &mut Heap) -> Result<Moved, OutOfMemory> {
        match self.value {
            Lying::Private(_) => Ok(self),
            Lying::Apart(extent) => {
                let bytes = bytes_of(heap, extent);
                garbage::discard_extent(heap, extent)?;
                Ok(Moved { value: Lying::Private(bytes), ..self })
            }
        }
    }
}

impl Keyspace {
    /// Deletes an entry and hands over its value: a long one stays where it lies.
    ///
    /// # Errors
    /// [`OutOfMemory`] when the undo log is full.
    pub fn take_out(&mut self, place: Place) -> Result<Moved, OutOfMemory> {
        let view = self.view(&place);
        let value = match view.value_extent() {
            Some(extent) => Lying::Apart(extent),
            None => Lying::Private(view.string().contiguous().into_owned()),
        };
        let moved = self.moved(&view, value);
        match moved.value {
            Lying::Private(_) => self.remove(&place)?,
            Lying::Apart(extent) => self.remove_keeping(&place, Some(extent))?,
        }
        Ok(moved)
    }

    /// A copy of an entry's value. O(length).
    pub fn copy_of(&self, place: &Place) -> Moved {
        let view = self.view(place);
        let value = Lying::Private(view.string().contiguous().into_owned());
        self.moved(&view, value)
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
        let (bytes, apart);
        let value = match moved.value {
            Lying::Private(whole) => {
                bytes = whole;
                apart = [&*bytes];
                Value::String(&apart)
            }
            Lying::Apart(extent) => Value::Apart(extent),
        };
        let content = Content { kind: moved.kind, value, deadline_ms: moved.deadline_ms };
        let entry = self.put(db, key, place, content, now_ms)?;
        if moved.is_raw {
            entry::mark_raw(&mut self.heap, entry)?;
        }
        Ok(entry)
    }
}
