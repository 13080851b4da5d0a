//! What a handler works on: the shards it was given, the database it was called in, and the time.

use std::cell::Cell;

use super::effect::Event;
use super::error::Error;
use super::key::Key;
use super::outcome::Patience;
use shm::Handle;
use shm::extent::Writer;
use shm::rbtree::Hint;

mod collections;
mod restore;
mod waiting;

pub use self::collections::Opened;
use crate::keyspace::entry::{ENTRY_INLINE_MAX, StringSpot};
use crate::keyspace::{Content, Entry, EntryView, Keyspace, Moved, Place, Value};
use crate::types::Kind;
use crate::types::collection::Encodings;
use crate::types::string::StringView;

/// How many bytes of a long computed string are in private memory at a time: a few chunks of it.
const COMPUTED_PIECE_LEN: usize = 4 * shm::extent::CHUNK_LEN;

/// What the server knows of the caller that matters to a handler.
#[derive(Debug, Clone, Copy)]
pub struct Caller {
    /// The selected database.
    pub db: u32,
    /// How many databases there are (`databases`).
    pub db_count: u32,
    /// `CLIENT NO-TOUCH`: accesses do not count as use.
    pub no_touch: bool,
    /// The longest string that a command may build (`proto-max-bulk-len`), bytes.
    pub string_len_max: u64,
    /// The longest sparse HyperLogLog (`hll-sparse-max-bytes`), bytes.
    pub hll_sparse_len_max: usize,
    /// A random number, new for each command.
    pub random: u64,
    /// Whether the caller may wait for keys.
    pub patience: Patience,
    /// Which names OBJECT ENCODING gives to collections.
    pub encodings: Encodings,
    /// Where a search in advance for the element that the command names first has ended.
    pub hint: Option<Hint>,
}

/// A handler's hands. Lookups hide and delete what has expired; changes record their effects.
///
/// `'s` is the life of the shards: the only one of the command, or all that are held for it, in
/// ascending order of their slots.
pub struct Exec<'e, 's> {
    held: &'e mut [&'s mut Keyspace],
    caller: &'e Caller,
    now_ms: u64,
    /// The place in `held` that was looked up last.
    latest: Cell<usize>,
    /// Words of the request that will say something else if it runs again.
    rewritten: Vec<Rewritten>,
}

/// A word of a request, by its place, and what it shall be.
pub type Rewritten = (usize, Box<[u8]>);

/// What a write does to a key's deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deadline {
    /// The key will have none.
    None,
    /// The key keeps what it has.
    Keep,
    /// Unix milliseconds.
    At(u64),
}

impl<'e, 's> Exec<'e, 's> {
    /// Hands for one call. `held` is sorted by slots and not empty for a command with keys; time is
    /// the latest of `now_ms` and the shards' own.
    pub fn new(held: &'e mut [&'s mut Keyspace], caller: &'e Caller, now_ms: u64) -> Exec<'e, 's> {
        let now_ms = held.iter_mut().map(|keyspace| keyspace.advance(now_ms)).max().unwrap_or(now_ms);
        Exec { held, caller, now_ms, latest: Cell::new(0), rewritten: Vec::new() }
    }

    /// The time of this call, unix milliseconds: the same from its beginning to its end.
    #[inline]
    pub fn now_ms(&self) -> u64 {
        self.now_ms
    }

    #[inline]
    pub fn caller(&self) -> &Caller {
        self.caller
    }

    /// What is known of the place of the element that the command names first ([`Spec::element`](super::Spec::element)).
    #[inline]
    pub fn hint(&self) -> Option<Hint> {
        self.caller.hint
    }

    /// The selected database.
    #[inline]
    pub fn db(&self) -> u32 {
        self.caller.db
    }

    /// All held shards: for commands about whole databases.
    pub fn keyspaces(&mut self) -> impl Iterator<Item = &mut Keyspace> {
        self.held.iter_mut().map(|keyspace| &mut **keyspace)
    }

    /// The shard of a key.
    #[inline]
    pub fn keyspace(&mut self, key: &Key<'_>) -> &mut Keyspace {
        let at = self.at_of(key);
        self.held[at]
    }

    #[inline]
    fn at_of(&self, key: &Key<'_>) -> usize {
        if self.held.len() == 1 {
            return 0;
        }
        let slot = key.hash.slot();
        if !self.held[self.latest.get()].slots().contains(slot) {
            self.latest.set(self.held.partition_point(|keyspace| keyspace.slots().first() <= slot) - 1);
        }
        self.latest.get()
    }

    // ---- reading ----------------------------------------------------------------------------

    /// The live entry of a key for a command that reads its value: counts a hit or a miss and notes
    /// the access.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] when an expired key could not be deleted.
    #[inline]
    pub fn read(&mut self, key: &Key<'_>) -> Result<Option<EntryView<'_>>, Error> {
        let place = self.place_to_read(key)?;
        Ok(place.map(|place| self.keyspace(key).view(&place)))
    }

    /// Where [`Exec::read`] finds the entry, for a command that will change it afterwards.
    ///
    /// # Errors
    /// As [`Exec::read`].
    #[inline]
    pub fn place_to_read(&mut self, key: &Key<'_>) -> Result<Option<Place>, Error> {
        self.place_touched(key, !self.caller.no_touch)
    }

    #[inline]
    fn place_touched(&mut self, key: &Key<'_>, touches: bool) -> Result<Option<Place>, Error> {
        let (db, now_ms) = (self.caller.db, self.now_ms);
        let keyspace = self.keyspace(key);
        let place = keyspace.find(db, key, now_ms)?;
        match &place {
            Some(place) => {
                keyspace.stats.hits += 1;
                if touches {
                    keyspace.touch(place, now_ms);
                }
            }
            None => keyspace.stats.misses += 1,
        }
        Ok(place)
    }

    /// [`Exec::place_to_read`] of a string; [`Error::WrongType`] if the key holds something else.
    #[inline]
    pub fn string_to_read(&mut self, key: &Key<'_>) -> Result<Option<Place>, Error> {
        let place = self.place_to_read(key)?;
        self.only_string(key, place)
    }

    /// The string of a key; [`Error::WrongType`] if it holds something else.
    #[inline]
    pub fn read_string(&mut self, key: &Key<'_>) -> Result<Option<StringView<'_>>, Error> {
        match self.read(key)? {
            Some(entry) if entry.kind() == Kind::String => Ok(Some(entry.string())),
            Some(_) => Err(Error::WrongType),
            None => Ok(None),
        }
    }

    /// The live entry of a key in any database, neither counted nor noted as an access: for writes
    /// that look first, and for commands about metadata.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] when an expired key could not be deleted.
    #[inline]
    pub fn place_in(&mut self, db: u32, key: &Key<'_>) -> Result<Option<Place>, Error> {
        let now_ms = self.now_ms;
        Ok(self.keyspace(key).find(db, key, now_ms)?)
    }

    /// [`Exec::place_in`] the selected database.
    #[inline]
    pub fn place(&mut self, key: &Key<'_>) -> Result<Option<Place>, Error> {
        self.place_in(self.caller.db, key)
    }

    /// Decodes the entry at a place.
    #[inline]
    pub fn view(&mut self, key: &Key<'_>, place: &Place) -> EntryView<'_> {
        self.keyspace(key).view(place)
    }

    /// The live entry of a key for a command about its metadata: no access is noted.
    ///
    /// # Errors
    /// As [`Exec::place`].
    pub fn look(&mut self, key: &Key<'_>) -> Result<Option<EntryView<'_>>, Error> {
        let place = self.place(key)?;
        let keyspace = self.keyspace(key);
        match &place {
            Some(_) => keyspace.stats.hits += 1,
            None => keyspace.stats.misses += 1,
        }
        Ok(place.map(|place| keyspace.view(&place)))
    }

    /// Whether a key exists; counts a hit or a miss, and notes an access even for callers whose accesses
    /// are not noted.
    ///
    /// # Errors
    /// As [`Exec::place`].
    pub fn touch(&mut self, key: &Key<'_>) -> Result<bool, Error> {
        Ok(self.place_touched(key, true)?.is_some())
    }

    /// The live entry of a key for a command that will change it: notes the access, counts neither a hit
    /// nor a miss.
    ///
    /// # Errors
    /// As [`Exec::place_in`].
    #[inline]
    pub fn place_to_write(&mut self, key: &Key<'_>) -> Result<Option<Place>, Error> {
        let (db, now_ms, no_touch) = (self.caller.db, self.now_ms, self.caller.no_touch);
        let keyspace = self.keyspace(key);
        let place = keyspace.find(db, key, now_ms)?;
        if let Some(place) = &place
            && !no_touch
        {
            keyspace.touch(place, now_ms);
        }
        Ok(place)
    }

    /// [`Exec::place_to_write`] of a string; [`Error::WrongType`] if the key holds something else.
    #[inline]
    pub fn string_to_write(&mut self, key: &Key<'_>) -> Result<Option<Place>, Error> {
        let place = self.place_to_write(key)?;
        self.only_string(key, place)
    }

    #[inline]
    fn only_string(&mut self, key: &Key<'_>, place: Option<Place>) -> Result<Option<Place>, Error> {
        match &place {
            Some(place) if self.keyspace(key).kind(place) != Kind::String => Err(Error::WrongType),
            _ => Ok(place),
        }
    }

    // ---- changing ---------------------------------------------------------------------------

    /// Stores a string (given in pieces) under a key of the selected database, over whatever is at
    /// `place`. Records no effect: the caller knows the event and the canonical command.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    #[inline]
    pub fn put_string(
        &mut self,
        key: &Key<'_>,
        place: Option<Place>,
        pieces: &[&[u8]],
        deadline: Deadline,
    ) -> Result<(), Error> {
        self.put_value(key, place, Value::Pieces(pieces), deadline)?;
        Ok(())
    }

    #[inline]
    fn put_value(
        &mut self,
        key: &Key<'_>,
        place: Option<Place>,
        value: Value<'_>,
        deadline: Deadline,
    ) -> Result<Handle<Entry>, Error> {
        let (db, now_ms) = (self.caller.db, self.now_ms);
        let keyspace = self.keyspace(key);
        let deadline_ms = match (deadline, &place) {
            (Deadline::At(deadline_ms), _) => Some(deadline_ms),
            (Deadline::Keep, Some(place)) => keyspace.view(place).deadline_ms(),
            _ => None,
        };
        let content = Content { kind: Kind::String, value, deadline_ms };
        Ok(keyspace.put(db, key, place, content, now_ms)?)
    }

    /// Writes a string as long as the one that lies in `spot` of the entry at a place over it; the entry is that of a
    /// string, and has not changed since. Records no effect.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] when the undo log is full.
    #[inline]
    pub fn overwrite(
        &mut self,
        key: &Key<'_>,
        place: &Place,
        spot: StringSpot,
        bytes: &[u8],
    ) -> Result<(), Error> {
        let now_ms = self.now_ms;
        let keyspace = self.keyspace(key);
        keyspace.touch(place, now_ms);
        Ok(spot.overwrite(&mut keyspace.heap, place.entry(), bytes)?)
    }

    /// Writes bytes at `offset` of a string, which is made if there is none; see
    /// [`Keyspace::write_string`]. Records no effect.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn write_string(
        &mut self,
        key: &Key<'_>,
        place: Option<Place>,
        offset: usize,
        bytes: &[u8],
    ) -> Result<(), Error> {
        let (db, now_ms) = (self.caller.db, self.now_ms);
        Ok(self.keyspace(key).write_string(db, key, place, offset, bytes, now_ms)?)
    }

    /// [`Exec::put_string`] of a string whose encoding is `raw` however short it is, as of all that a
    /// command has computed byte by byte. Returns the entry.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn put_raw_string(
        &mut self,
        key: &Key<'_>,
        place: Option<Place>,
        value: Value<'_>,
        deadline: Deadline,
    ) -> Result<Handle<Entry>, Error> {
        let entry = self.put_value(key, place, value, deadline)?;
        self.keyspace(key).mark_raw_entry(entry)?;
        Ok(entry)
    }

    /// Stores a string of `len` bytes that are computed piece by piece, as [`Exec::put_raw_string`] does:
    /// `fill` is asked for the bytes from each position on, in order, and may look at other keys, but
    /// changes nothing. Returns the entry.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn put_computed(
        &mut self,
        key: &Key<'_>,
        place: Option<Place>,
        len: usize,
        mut fill: impl FnMut(&mut Self, usize, &mut [u8]),
    ) -> Result<Handle<Entry>, Error> {
        let mut piece = vec![0; len.min(COMPUTED_PIECE_LEN)];
        if len <= ENTRY_INLINE_MAX {
            fill(self, 0, &mut piece);
            return self.put_raw_string(key, place, Value::Pieces(&[&piece]), Deadline::None);
        }
        let mut writer = Writer::new(len as u64);
        for start in (0..len).step_by(COMPUTED_PIECE_LEN) {
            let piece = &mut piece[..(len - start).min(COMPUTED_PIECE_LEN)];
            fill(self, start, piece);
            writer.push(&mut self.keyspace(key).heap, piece)?;
        }
        let extent = writer.finish(&mut self.keyspace(key).heap)?;
        self.put_raw_string(key, place, Value::Apart(extent), Deadline::None)
    }

    /// Notes that a string was written in part, though its bytes are the same: its encoding becomes `raw`.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] when the undo log is full.
    pub fn mark_raw(&mut self, key: &Key<'_>, place: &Place) -> Result<(), Error> {
        Ok(self.keyspace(key).mark_raw(place)?)
    }

    /// Deletes the entry at a place.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] when the undo log is full.
    pub fn remove(&mut self, key: &Key<'_>, place: &Place) -> Result<(), Error> {
        Ok(self.keyspace(key).remove(place)?)
    }

    /// Gives the entry at a place another deadline, or none.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn set_deadline(
        &mut self,
        key: &Key<'_>,
        place: &Place,
        deadline_ms: Option<u64>,
    ) -> Result<(), Error> {
        Ok(self.keyspace(key).set_deadline(place, deadline_ms)?)
    }

    /// Deletes an entry and hands over its value with its deadline.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] when the undo log is full.
    pub fn take_out(&mut self, key: &Key<'_>, place: Place) -> Result<Moved, Error> {
        Ok(self.keyspace(key).take_out(place)?)
    }

    /// A copy of an entry's value with its deadline. O(length).
    pub fn copy_of(&mut self, key: &Key<'_>, place: &Place) -> Moved {
        self.keyspace(key).copy_of(place)
    }

    /// Whether two keys live in the same shard.
    pub fn are_together(&mut self, one: &Key<'_>, other: &Key<'_>) -> bool {
        self.keyspace(one).slots() == self.keyspace(other).slots()
    }

    /// Stores a value under a key of any database, over whatever is there. Returns the entry.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn put_in(&mut self, db: u32, key: &Key<'_>, moved: Moved) -> Result<Handle<Entry>, Error> {
        let now_ms = self.now_ms;
        let same_shard = self.keyspace(key).slots().first() == moved.home();
        let moved = if same_shard { moved } else { self.fetch(moved)? };
        let place = self.place_in(db, key)?;
        Ok(self.keyspace(key).put_moved(db, key, place, moved, now_ms)?)
    }

    /// Makes a moved value independent of the shard it comes from.
    fn fetch(&mut self, moved: Moved) -> Result<Moved, Error> {
        let home = moved.home();
        let at = self.held.partition_point(|keyspace| keyspace.slots().first() < home);
        let hasher = self.held[at].hasher().of_elements();
        Ok(moved.into_bytes(&mut self.held[at].heap, hasher)?)
    }

    /// Whether somebody will see what [`Exec::changed`] records of a key: for what must be noted before it is changed.
    #[inline]
    pub fn is_heard(&mut self, key: &Key<'_>) -> bool {
        self.keyspace(key).effects.is_listening()
    }

    /// Records what has changed about a key of the selected database: the event that subscribers
    /// see, the canonical command that replicas repeat, and that watchers of the key have lost.
    #[inline]
    pub fn changed(&mut self, key: &Key<'_>, event: Event, command: impl FnOnce() -> Vec<Box<[u8]>>) {
        let db = self.caller.db;
        self.keyspace(key).changed(db, key.bytes, event, command);
    }

    /// [`Exec::changed`] of a change that notifies nobody.
    pub fn changed_silently(&mut self, key: &Key<'_>, command: impl FnOnce() -> Vec<Box<[u8]>>) {
        let db = self.caller.db;
        self.keyspace(key).watches.note(db, key.bytes);
        self.repeat(key, command);
    }

    /// Records that a key of any database now holds the value in `entry`, for replicas that do not know
    /// the value from elsewhere in its shard.
    pub fn arrived_in(&mut self, db: u32, key: &Key<'_>, event: Event, entry: Handle<Entry>) {
        self.keyspace(key).arrived(db, key.bytes, event, entry);
    }

    /// Records a command about a key of the selected database that replicas repeat, though it changes
    /// another: [`Exec::announce_in`] says which and how.
    pub fn repeat(&mut self, key: &Key<'_>, command: impl FnOnce() -> Vec<Box<[u8]>>) {
        let db = self.caller.db;
        self.keyspace(key).effects.record(db, key.bytes, None, command);
    }

    /// A further event of a change that [`Exec::changed`] has recorded.
    #[inline]
    pub fn announce(&mut self, key: &Key<'_>, event: Event) {
        self.announce_in(self.caller.db, key, event);
    }

    /// [`Exec::announce`] for a key of another database, or another key, whose watchers lose as well.
    #[inline]
    pub fn announce_in(&mut self, db: u32, key: &Key<'_>, event: Event) {
        let keyspace = self.keyspace(key);
        keyspace.note_change(db, key.bytes);
        keyspace.effects.announce(db, key.bytes, event);
    }
}
