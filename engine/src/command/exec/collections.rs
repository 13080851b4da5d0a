//! Collections in the hands of a handler: looked up, changed, stored again.

use shm::Heap;
use shm::stored_hash::StoredHasher;

use super::Exec;
use crate::command::effect::Event;
use crate::command::{Error, Key};
use crate::keyspace::{Content, Keyspace, Place, Value};
use crate::types::collection::Collection;

/// A collection that a command is about to change, and where it was found. Changes go to the heap of its key
/// ([`Exec::heap_mut`]); [`Exec::store`] ends them.
pub struct Opened<T> {
    pub value: T,
    place: Option<Place>,
}

impl<T: Collection> Opened<T> {
    /// Takes the collection out, and leaves an empty one to be stored.
    pub fn take(&mut self, hasher: StoredHasher) -> T {
        std::mem::replace(&mut self.value, T::empty(hasher))
    }
}

impl<T> Opened<T> {
    /// Whether the key exists.
    #[inline]
    pub fn exists(&self) -> bool {
        self.place.is_some()
    }
}

impl Exec<'_, '_> {
    /// What orders the elements of collections.
    #[inline]
    pub fn element_hasher(&self) -> StoredHasher {
        // Commands on collections have keys, so that a shard is held.
        self.held[0].hasher().of_elements()
    }

    /// The heap of a key's shard, to look at.
    #[inline]
    pub fn heap(&self, key: &Key<'_>) -> &Heap {
        &self.held[self.at_of(key)].heap
    }

    /// The heap of a key's shard, to change a collection in.
    #[inline]
    pub fn heap_mut(&mut self, key: &Key<'_>) -> &mut Heap {
        let at = self.at_of(key);
        &mut self.held[at].heap
    }

    /// The collection of a key for a command that reads it: counts a hit or a miss and notes the access. It lies in
    /// [`Exec::heap`].
    ///
    /// # Errors
    /// [`Error::WrongType`] if the key holds something else; [`Error::OutOfMemory`] when an expired key could not be
    /// deleted.
    #[inline]
    pub fn read_collection<T: Collection>(&mut self, key: &Key<'_>) -> Result<Option<T>, Error> {
        let place = self.place_to_read(key)?;
        self.collection_at(key, place.as_ref())
    }

    /// The collection of a key for a command that will change it: notes the access, counts neither a hit nor a miss. An
    /// empty one if there is no key.
    ///
    /// # Errors
    /// As [`Exec::read_collection`].
    #[inline]
    pub fn collection_to_write<T: Collection>(&mut self, key: &Key<'_>) -> Result<Opened<T>, Error> {
        let place = self.place_to_write(key)?;
        let value = self.collection_at(key, place.as_ref())?;
        Ok(Opened { value: value.unwrap_or_else(|| T::empty(self.element_hasher())), place })
    }

    #[inline]
    fn collection_at<T: Collection>(
        &mut self,
        key: &Key<'_>,
        place: Option<&Place>,
    ) -> Result<Option<T>, Error> {
        let Some(place) = place else { return Ok(None) };
        let hasher = self.element_hasher();
        let view = self.view(key, place);
        if view.kind() != T::KIND {
            return Err(Error::WrongType);
        }
        Ok(Some(T::open(view.record(), hasher)))
    }

    /// [`Exec::changed`] with words that are read from the key's heap, as it is before the change. Without an event:
    /// one more command of the same change.
    #[inline]
    pub fn changed_seeing(
        &mut self,
        key: &Key<'_>,
        event: Option<Event>,
        command: impl FnOnce(&Heap) -> Vec<Box<[u8]>>,
    ) {
        let db = self.caller.db;
        let Keyspace { heap, effects, watches, .. } = self.keyspace(key);
        watches.note(db, key.bytes);
        effects.record(db, key.bytes, event, || command(heap));
    }

    /// Ends the change of a collection: stores its record under its key, deletes the key if nothing is left. Announces
    /// the deletion; the change itself is the caller's to record, before. Returns whether the key is there.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    #[inline]
    pub fn store<T: Collection>(&mut self, key: &Key<'_>, opened: Opened<T>) -> Result<bool, Error> {
        let Opened { mut value, place } = opened;
        value.note_size(&self.caller.encodings);
        match place {
            Some(place) if value.is_empty() => {
                self.keyspace(key).remove_emptied(&place)?;
                self.announce(key, Event::DEL);
                return Ok(false);
            }
            Some(place) => {
                self.keyspace(key).store_record(&place, value.record().bytes())?;
            }
            None if value.is_empty() => return Ok(false),
            None => self.put_new(key, None, &value)?,
        }
        Ok(true)
    }

    /// The same collection after other keys of its shard were stored or deleted, which may have moved its entry.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn refreshed<T>(&mut self, key: &Key<'_>, opened: Opened<T>) -> Result<Opened<T>, Error> {
        Ok(Opened { place: self.place(key)?, ..opened })
    }

    /// Stores a new collection, which is not empty, under a key, over whatever is there; without a deadline. Records
    /// nothing.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn replace<T: Collection>(&mut self, key: &Key<'_>, mut value: T) -> Result<(), Error> {
        value.note_size(&self.caller.encodings);
        let place = self.place(key)?;
        self.put_new(key, place, &value)
    }

    fn put_new<T: Collection>(
        &mut self,
        key: &Key<'_>,
        place: Option<Place>,
        value: &T,
    ) -> Result<(), Error> {
        let (db, now_ms) = (self.caller.db, self.now_ms);
        let record = value.record();
        let pieces = [record.bytes()];
        let content = Content { kind: T::KIND, value: Value::Pieces(&pieces), deadline_ms: None };
        self.keyspace(key).put(db, key, place, content, now_ms)?;
        Ok(())
    }
}
