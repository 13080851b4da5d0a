//! The keys of one shard, in all databases: found, stored, deleted, given deadlines.
//!
//! Everything here is a piece of a transaction: after an `Err` the caller rolls back
//! ([`Keyspace::rollback`]), after success it commits ([`Keyspace::commit`]). A key whose deadline has
//! passed is never seen: whoever asks for it deletes it first, and walks and counts pass over it.

use shm::hash_index::Found;
use shm::stored_hash::StoredHasher;
use shm::{Handle, Heap, OutOfMemory};

use super::database::Database;
use super::entry::{self, DEADLINE_MS_MAX, Entry, EntryParts, EntryView, Layout, Times, Value};
use super::garbage::{self, Fate};
use super::slot::SlotRange;
use super::waiters::Waiters;
use super::watch::Watches;
use crate::command::effect::{EffectLog, Event, words};
use crate::command::{Key, KeyHash, KeyHasher};
use crate::types::Kind;

/// What has happened since the counters were last read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    pub hits: u64,
    pub misses: u64,
    pub expired: u64,
    /// Fields of hashes.
    pub expired_fields: u64,
}

/// One shard's data.
pub struct Keyspace {
    pub(crate) heap: Heap,
    hasher: KeyHasher,
    slots: SlotRange,
    /// Mirror of the list of records: which database has which number.
    databases: Vec<Option<Database>>,
    /// Nothing has a deadline before this; it may be too early, never too late.
    pub(super) no_deadline_before_ms: u64,
    pub(crate) effects: EffectLog,
    pub(crate) watches: Watches,
    pub(crate) waiters: Waiters,
    pub(crate) stats: Stats,
    /// The latest time at which a command ran here.
    last_ms: u64,
    /// A commit has begun and has not come to its end.
    is_committing: bool,
    /// The hash that was looked for last: commands on one key often come in a row.
    latest_hash: KeyHash,
    /// Where that key was found, in which database, if it was looked for more than once. Nothing once the index, or the
    /// layout of an entry, has changed.
    latest: Option<(u32, Place)>,
}

/// What a key shall hold.
#[derive(Debug, Clone, Copy)]
pub struct Content<'v> {
    pub kind: Kind,
    pub value: Value<'v>,
    /// Unix milliseconds; later ones than [`DEADLINE_MS_MAX`] become that.
    pub deadline_ms: Option<u64>,
}

/// A live entry's place, and how it is laid out: good until the entry next changes.
#[derive(Clone, Copy)]
pub struct Place {
    pub(super) db: Database,
    pub(super) found: Found,
    pub(super) layout: Layout,
}

impl Place {
    #[inline]
    pub fn entry(&self) -> Handle<Entry> {
        self.found.entry().cast()
    }
}

impl Keyspace {
    /// Takes over a heap whose roots are empty or were written by an earlier `Keyspace`.
    /// O(databases).
    pub fn new(heap: Heap, hasher: KeyHasher, slots: SlotRange) -> Keyspace {
        let mut keyspace = Keyspace {
            heap,
            hasher,
            slots,
            databases: Vec::new(),
            no_deadline_before_ms: 0,
            effects: EffectLog::default(),
            watches: Watches::default(),
            waiters: Waiters::default(),
            stats: Stats::default(),
            last_ms: 0,
            is_committing: false,
            latest_hash: KeyHash(0),
            latest: None,
        };
        keyspace.read_mirror();
        keyspace
    }

    fn read_mirror(&mut self) {
        self.databases.clear();
        for (number, database) in Database::all(&self.heap) {
            self.set_mirror(number, Some(database));
        }
        self.no_deadline_before_ms = 0;
    }

    fn set_mirror(&mut self, number: u32, database: Option<Database>) {
        self.latest = None;
        let number = number as usize;
        if self.databases.len() <= number {
            self.databases.resize(number + 1, None);
        }
        self.databases[number] = database;
    }

    pub fn heap(&self) -> &Heap {
        &self.heap
    }

    pub fn hasher(&self) -> &KeyHasher {
        &self.hasher
    }

    /// The slots whose keys live here.
    pub fn slots(&self) -> SlotRange {
        self.slots
    }

    /// Who listens to effects decides whether they are kept.
    pub fn effects_mut(&mut self) -> &mut EffectLog {
        &mut self.effects
    }

    pub fn waiters(&self) -> &Waiters {
        &self.waiters
    }

    pub fn waiters_mut(&mut self) -> &mut Waiters {
        &mut self.waiters
    }

    pub fn watches_mut(&mut self) -> &mut Watches {
        &mut self.watches
    }

    /// Takes the counters and sets them to zero.
    pub fn take_stats(&mut self) -> Stats {
        std::mem::take(&mut self.stats)
    }

    /// The shard's time for a command that starts at `now_ms`: time never goes backwards.
    #[inline]
    pub fn advance(&mut self, now_ms: u64) -> u64 {
        self.last_ms = self.last_ms.max(now_ms);
        self.last_ms
    }

    // ---- transactions -----------------------------------------------------------------------

    /// Makes the running transaction permanent.
    #[inline]
    pub fn commit(&mut self) {
        self.is_committing = true;
        self.heap.commit();
        self.settle();
    }

    /// What is kept beside the heap becomes permanent with it.
    #[inline]
    fn settle(&mut self) {
        self.is_committing = false;
        self.watches.commit();
        self.waiters.commit();
        self.effects.seal();
    }

    /// Takes the running transaction back.
    pub fn rollback(&mut self) {
        let is_open = self.heap.in_transaction();
        self.latest = None;
        self.heap.rollback();
        if std::mem::take(&mut self.is_committing) && !is_open {
            // The commit word was stored before a defect showed: it has happened.
            return self.settle();
        }
        self.watches.rollback();
        self.waiters.rollback();
        self.effects.forget_unsealed();
        if is_open {
            self.read_mirror();
        }
    }

    // ---- finding ----------------------------------------------------------------------------

    #[inline]
    pub(crate) fn database(&self, db: u32) -> Option<Database> {
        self.databases.get(db as usize).copied().flatten()
    }

    pub(super) fn databases(&self) -> impl Iterator<Item = (u32, Database)> {
        let numbered = self.databases.iter().enumerate();
        numbered.filter_map(|(number, database)| Some((number as u32, (*database)?)))
    }

    fn database_or_create(&mut self, db: u32) -> Result<Database, OutOfMemory> {
        if let Some(database) = self.database(db) {
            return Ok(database);
        }
        let database = Database::create(&mut self.heap, db, self.slots)?;
        self.set_mirror(db, Some(database));
        Ok(database)
    }

    #[inline]
    pub(super) fn find_any(&self, db: u32, key: &Key<'_>) -> Option<Place> {
        let db = self.database(db)?;
        let heap = &self.heap;
        let mut layout = Layout::default();
        let is_it = |handle: Handle<_>| {
            layout = Layout::read(heap, handle.cast());
            layout.has_key(heap, handle.cast(), key.bytes)
        };
        let found = db.index(heap).find(heap, key.hash.0, is_it)?;
        Some(Place { db, found, layout })
    }

    /// [`Keyspace::find_any`], which remembers where it has found a key that is looked for again and again.
    #[inline]
    fn find_again(&mut self, db: u32, key: &Key<'_>) -> Option<Place> {
        if self.latest_hash != key.hash {
            (self.latest_hash, self.latest) = (key.hash, None);
            return self.find_any(db, key);
        }
        if let Some((latest_db, place)) = &self.latest
            && *latest_db == db
            && place.layout.has_key(&self.heap, place.entry(), key.bytes)
        {
            debug_assert!(
                self.find_any(db, key)
                    .is_some_and(|fresh| (fresh.found, fresh.layout) == (place.found, place.layout))
            );
            return Some(*place);
        }
        let place = self.find_any(db, key)?;
        self.latest = Some((db, place));
        Some(place)
    }

    /// The index, or the layout of an entry, is about to change.
    #[inline]
    pub(super) fn forget_latest(&mut self) {
        self.latest = None;
    }

    /// The live entry of a key. One whose deadline has passed at `now_ms` is deleted, and so are fields of a hash, in
    /// transactions of their own if none is running, and not found.
    ///
    /// # Errors
    /// [`OutOfMemory`] when the undo log is full.
    #[inline]
    pub fn find(&mut self, db: u32, key: &Key<'_>, now_ms: u64) -> Result<Option<Place>, OutOfMemory> {
        let Some(place) = self.find_again(db, key) else { return Ok(None) };
        let times = place.layout.times(&self.heap, place.entry());
        if times.key_ms.is_some_and(|deadline_ms| deadline_ms <= now_ms) {
            self.expire(db, key, &place)?;
            return Ok(None);
        }
        if times.fields_ms.is_some_and(|due_ms| due_ms <= now_ms) {
            return self.expire_fields(db, key, place, now_ms);
        }
        Ok(Some(place))
    }

    fn expire(&mut self, db: u32, key: &Key<'_>, place: &Place) -> Result<(), OutOfMemory> {
        let alone = !self.heap.in_transaction();
        let result = self.remove_expired(db, key, place);
        if alone {
            match result {
                Ok(()) => self.commit(),
                Err(OutOfMemory) => self.rollback(),
            }
        }
        result
    }

    pub(super) fn remove_expired(
        &mut self,
        db: u32,
        key: &Key<'_>,
        place: &Place,
    ) -> Result<(), OutOfMemory> {
        self.remove(place)?;
        self.changed(db, key.bytes, Event::EXPIRED, || del_words(key.bytes));
        self.stats.expired += 1;
        Ok(())
    }

    /// The live entry of a key. One whose deadline has passed is not deleted, only not found.
    pub fn peek(&self, db: u32, key: &Key<'_>, now_ms: u64) -> Option<EntryView<'_>> {
        let entry = self.view(&self.find_any(db, key)?);
        entry.is_live(now_ms, self.hasher.of_elements()).then_some(entry)
    }

    /// Whether a key exists and its deadline has not passed. Deletes nothing.
    pub fn is_live(&self, db: u32, key: &Key<'_>, now_ms: u64) -> bool {
        self.peek(db, key, now_ms).is_some()
    }

    /// Swaps the numbers of two databases, whether or not they have records.
    pub(super) fn renumber(&mut self, one: u32, other: u32) -> Result<(), OutOfMemory> {
        let (first, second) = (self.database(one), self.database(other));
        for (database, number) in [(first, other), (second, one)] {
            if let Some(database) = database {
                database.renumber(&mut self.heap, number)?;
            }
            self.set_mirror(number, database);
        }
        Ok(())
    }

    /// The place of an entry that is known to exist.
    pub(super) fn place_of(&self, db: u32, database: Database, key: &Key<'_>, entry: Handle<Entry>) -> Place {
        let place = self.find_any(db, key).expect("an entry with a deadline is in the index");
        assert!(place.entry() == entry && place.db == database, "one entry per key");
        place
    }

    #[inline]
    pub fn view(&self, place: &Place) -> EntryView<'_> {
        let layout = place.layout;
        debug_assert!(layout == Layout::read(&self.heap, place.entry()), "the entry has changed");
        EntryView { heap: &self.heap, handle: place.entry(), layout }
    }

    /// What the entry at a place holds.
    #[inline]
    pub fn kind(&self, place: &Place) -> Kind {
        place.layout.kind()
    }

    /// Notes an access.
    #[inline]
    pub fn touch(&mut self, place: &Place, now_ms: u64) {
        entry::touch(&mut self.heap, place.entry(), now_ms);
    }

    // ---- changing ---------------------------------------------------------------------------

    /// Notes for those who watch a key and those who wait for it that the running transaction changes it.
    #[inline]
    pub fn note_change(&mut self, db: u32, key: &[u8]) {
        self.watches.note(db, key);
        self.waiters.note(db, key);
    }

    /// Records what a change means: its effect, and that the key's watchers have lost.
    #[inline]
    pub fn changed(&mut self, db: u32, key: &[u8], event: Event, command: impl FnOnce() -> Vec<Box<[u8]>>) {
        self.note_change(db, key);
        self.effects.record(db, key, Some(event), command);
    }

    /// [`Keyspace::changed`] for a key whose value has come from another place: the canonical command
    /// stores what `entry` holds now.
    pub fn arrived(&mut self, db: u32, key: &[u8], event: Event, entry: Handle<Entry>) {
        self.note_change(db, key);
        let view = EntryView::new(&self.heap, entry);
        let hasher = self.hasher.of_elements();
        self.effects.record(db, key, Some(event), || store_words(&view, hasher));
    }

    /// Stores a value under a key, in the place of what is there (`place`, from [`Keyspace::find`]). Returns
    /// the entry.
    ///
    /// # Errors
    /// [`OutOfMemory`].
    pub fn put(
        &mut self,
        db: u32,
        key: &Key<'_>,
        place: Option<Place>,
        content: Content<'_>,
        now_ms: u64,
    ) -> Result<Handle<Entry>, OutOfMemory> {
        self.forget_latest();
        let Content { kind, value, deadline_ms } = content;
        let deadline_ms = deadline_ms.map(|deadline_ms| deadline_ms.min(DEADLINE_MS_MAX));
        if let (Some(place), Kind::String, Value::Pieces(&[value])) = (&place, kind, value)
            && entry::overwrite_string(&mut self.heap, place.entry(), deadline_ms, value)?
        {
            entry::touch(&mut self.heap, place.entry(), now_ms);
            return Ok(place.entry());
        }
        let parts = EntryParts { kind, key: key.bytes, value, deadline_ms, clock: entry::clock_at(now_ms) };
        let fresh = entry::build(&mut self.heap, &parts)?;
        let times = entry::times(&self.heap, fresh);
        match place {
            Some(place) => {
                let old_times = entry::times(&self.heap, place.entry());
                let is_kept =
                    matches!(value, Value::Apart(extent) if self.view(&place).value_extent() == Some(extent));
                let fate = if is_kept { Fate::Kept } else { Fate::Dropped };
                garbage::free_entry(&mut self.heap, place.entry(), fate)?;
                place.db.index(&self.heap).replace(&mut self.heap, &place.found, fresh.cast())?;
                self.move_times(place.db, (old_times, place.entry()), (times, fresh))?;
            }
            None => {
                let database = self.database_or_create(db)?;
                let mut index = database.index(&self.heap);
                index.insert(&mut self.heap, key.hash.0, fresh.cast(), &Hashes(&self.hasher))?;
                database.set_index(&mut self.heap, &index)?;
                self.add_times(database, times, fresh)?;
            }
        }
        Ok(fresh)
    }

    /// Deletes an entry.
    ///
    /// # Errors
    /// [`OutOfMemory`] when the undo log is full.
    pub fn remove(&mut self, place: &Place) -> Result<(), OutOfMemory> {
        self.remove_with(place, Fate::Dropped)
    }

    /// Deletes the entry of a collection whose elements are all gone, whatever its record says.
    ///
    /// # Errors
    /// [`OutOfMemory`] when the undo log is full.
    pub fn remove_emptied(&mut self, place: &Place) -> Result<(), OutOfMemory> {
        self.remove_with(place, Fate::Kept)
    }

    /// Deletes an entry, with or without its value.
    pub(super) fn remove_with(&mut self, place: &Place, value: Fate) -> Result<(), OutOfMemory> {
        self.forget_latest();
        let (database, handle) = (place.db, place.entry());
        self.drop_times(database, entry::times(&self.heap, handle), handle)?;
        garbage::free_entry(&mut self.heap, handle, value)?;
        let mut index = database.index(&self.heap);
        index.remove(&mut self.heap, &place.found, &Hashes(&self.hasher))?;
        database.set_index(&mut self.heap, &index)
    }

    /// Gives an entry another deadline, or none.
    ///
    /// # Errors
    /// [`OutOfMemory`].
    pub fn set_deadline(&mut self, place: &Place, deadline_ms: Option<u64>) -> Result<(), OutOfMemory> {
        self.forget_latest();
        let deadline_ms = deadline_ms.map(|deadline_ms| deadline_ms.min(DEADLINE_MS_MAX));
        let handle = place.entry();
        let old = entry::times(&self.heap, handle);
        let new = Times { key_ms: deadline_ms, ..old };
        match (old.key_ms, deadline_ms) {
            (Some(old_ms), Some(new_ms)) if old_ms != new_ms => {
                entry::store_deadline(&mut self.heap, handle, new_ms)?;
                self.move_times(place.db, (old, handle), (new, handle))
            }
            (None, Some(_)) | (Some(_), None) => {
                let fresh = entry::rebuild_with_deadline(&mut self.heap, handle, deadline_ms)?;
                self.heap.free(handle);
                place.db.index(&self.heap).replace(&mut self.heap, &place.found, fresh.cast())?;
                self.move_times(place.db, (old, handle), (new, fresh))
            }
            _ => Ok(()),
        }
    }

    /// Writes bytes at `offset` of the string at a place, or of an empty one that is made under the key;
    /// it grows when they reach past its end, and what lies between its old end and `offset` becomes
    /// zeros. The deadline stays. O(length written), amortized over appends.
    ///
    /// # Errors
    /// [`OutOfMemory`].
    pub fn write_string(
        &mut self,
        db: u32,
        key: &Key<'_>,
        place: Option<Place>,
        offset: usize,
        bytes: &[u8],
        now_ms: u64,
    ) -> Result<(), OutOfMemory> {
        self.forget_latest();
        let (mut old, mut deadline_ms) = (Vec::new(), None);
        if let Some(place) = &place {
            if entry::write_string(&mut self.heap, place.entry(), offset, bytes)? {
                self.touch(place, now_ms);
                return Ok(());
            }
            let view = self.view(place);
            (old, deadline_ms) = (view.string().contiguous().into_owned(), view.deadline_ms());
        }
        let end = offset + bytes.len();
        let new;
        let value = if end > entry::ENTRY_INLINE_MAX {
            Value::Apart(entry::extent_with(&mut self.heap, &old, offset, bytes)?)
        } else {
            old.resize(old.len().max(end), 0);
            old[offset..end].copy_from_slice(bytes);
            new = [&*old];
            Value::Pieces(&new)
        };
        let entry = self.put(db, key, place, Content { kind: Kind::String, value, deadline_ms }, now_ms)?;
        self.mark_raw_entry(entry)
    }

    /// Stores the record of the collection at a place, whose trees have changed. Returns the entry, which may be another
    /// if the record has another length.
    ///
    /// # Errors
    /// [`OutOfMemory`].
    #[inline]
    pub fn store_record(&mut self, place: &Place, record: &[u8]) -> Result<Handle<Entry>, OutOfMemory> {
        let (handle, view) = (place.entry(), self.view(place));
        let (old, new) = (view.times(), view.times_with(record));
        let fresh = match view.record().len() == record.len() {
            true => {
                let (is_same, start) = (view.record() == record, view.value_start());
                if !is_same {
                    self.heap.store(handle, start, record)?;
                }
                handle
            }
            false => {
                self.forget_latest();
                let fresh = entry::rebuild_with_record(&mut self.heap, handle, record)?;
                self.heap.free(handle);
                place.db.index(&self.heap).replace(&mut self.heap, &place.found, fresh.cast())?;
                fresh
            }
        };
        self.move_times(place.db, (old, handle), (new, fresh))?;
        Ok(fresh)
    }

    /// Notes that the string at a place was written in part.
    ///
    /// # Errors
    /// [`OutOfMemory`] when the undo log is full.
    pub fn mark_raw(&mut self, place: &Place) -> Result<(), OutOfMemory> {
        self.mark_raw_entry(place.entry())
    }

    /// [`Keyspace::mark_raw`] of an entry.
    ///
    /// # Errors
    /// [`OutOfMemory`] when the undo log is full.
    pub fn mark_raw_entry(&mut self, entry: Handle<Entry>) -> Result<(), OutOfMemory> {
        self.forget_latest();
        entry::mark_raw(&mut self.heap, entry)
    }

    // ---- whole databases --------------------------------------------------------------------

    /// How many keys a database has; those whose deadline has passed but were not met yet count.
    pub fn keys(&self, db: u32) -> u64 {
        self.database(db).map_or(0, |database| database.index(&self.heap).len())
    }

    /// How many keys a database has that are there at a time. O(log keys), and O(log fields) for each hash of which
    /// fields are due.
    pub fn live_keys(&self, db: u32, now_ms: u64) -> u64 {
        let gone = |database| self.due_keys(database, now_ms) + self.run_out_hashes(database, now_ms);
        self.database(db).map_or(0, |database| self.keys(db) - gone(database) as u64)
    }

    /// How many keys all databases have.
    pub fn keys_in_all(&self) -> u64 {
        self.databases().map(|(_, database)| database.index(&self.heap).len()).sum()
    }
}

/// The canonical command of a deletion.
pub fn del_words(key: &[u8]) -> Vec<Box<[u8]>> {
    words(&[b"DEL", key])
}

/// The canonical command that makes an entry's key hold what it holds.
fn store_words(entry: &EntryView<'_>, hasher: StoredHasher) -> Vec<Box<[u8]>> {
    let key = entry.key();
    if entry.kind() != Kind::String {
        let payload = crate::codec::payload_of(entry.stored(), hasher);
        let deadline_ms = entry.deadline_ms().unwrap_or(0);
        let deadline = itoa::Buffer::new().format(deadline_ms).to_owned();
        return words(&[b"RESTORE", &key, deadline.as_bytes(), &payload, b"REPLACE", b"ABSTTL"]);
    }
    let value = entry.string().contiguous();
    let mut command = words(&[b"SET", &key, &value]);
    if let Some(deadline_ms) = entry.deadline_ms() {
        command.extend(words(&[b"PXAT", itoa::Buffer::new().format(deadline_ms).as_bytes()]));
    }
    command
}

/// Computes an entry's hash again, for the index's growth.
pub(super) struct Hashes<'h>(pub &'h KeyHasher);

impl shm::hash_index::Hashed for Hashes<'_> {
    fn hash(&self, heap: &Heap, entry: Handle<shm::hash_index::Entry>) -> u64 {
        self.0.hash(&EntryView::new(heap, entry.cast()).key()).0
    }
}

#[cfg(test)]
mod tests {
    use crate::command::Error;
    use crate::keyspace::compact::Compaction;
    use crate::testing::Session;

    /// What a command says; a defect of ours is no answer, though it would be told as one.
    fn ask(session: &mut Session, request: &str) -> String {
        let reply = session.run(request);
        assert!(!reply.contains(&*String::from_utf8_lossy(&Error::Internal.line())), "{request}");
        reply
    }

    /// Whatever happens to a key between two looks at it, the second look sees what one sees that did not look before.
    #[test]
    fn a_key_that_was_found_last_is_not_found_where_it_was() {
        for (make, look) in [
            ("SET k 12", "GET k"),
            ("SETBIT k 3 1", "GET k"),
            ("RPUSH k 12", "LINDEX k 0"),
            ("HSET k f 12", "HGET k f"),
            ("SADD k 12", "SISMEMBER k 12"),
        ] {
            for change in [
                "DEL k",
                "SET k longer-than-before",
                "SET k 13",
                "SETRANGE k 1 x",
                "SETRANGE k 0 12",
                "SETBIT k 0 0",
                "APPEND k 3",
                "INCR k",
                "EXPIRE k 100",
                "RENAME k l",
                "RENAME l k",
                "COPY l k REPLACE",
                "MOVE k 1",
                "SWAPDB 0 1",
                "FLUSHDB",
                "FLUSHALL",
                "RPUSH k 3",
                "LPUSH k 3",
                "HSET k g 4",
                "HPEXPIRE k 1000 FIELDS 1 f",
                "PEXPIRE k 0",
            ] {
                let after = |looks: usize| {
                    let mut session = Session::new(1);
                    ask(&mut session, "SET l other");
                    ask(&mut session, make);
                    // Where it is found is remembered at the second look.
                    (0..looks).for_each(|_| drop(ask(&mut session, look)));
                    ask(&mut session, change);
                    let seen = [look, "TYPE k", "STRLEN k", "PTTL k", "OBJECT ENCODING k", look];
                    let replies = seen.map(|request| ask(&mut session, request));
                    session.verify();
                    replies
                };
                assert_eq!(after(2), after(0), "{make}, {change}");
            }
        }
    }

    #[test]
    fn a_key_that_was_found_last_is_found_where_it_was_moved_to() {
        let value = "v".repeat(1000);
        // One of them at least is not where the others are moved to.
        for kept in [0, 1000, 1980] {
            let mut session = Session::new(1);
            for number in 0..2000 {
                ask(&mut session, &format!("SET k:{number} {value}"));
            }
            for number in (0..2000).filter(|number| number % 20 != 0) {
                ask(&mut session, &format!("DEL k:{number}"));
            }
            let (look, mut state, mut steps) = (format!("GET k:{kept}"), Compaction::default(), 0);
            loop {
                (0..2).for_each(|_| drop(ask(&mut session, &look)));
                let has_more = session.shards()[0].compact(&mut state, 16);
                assert_eq!(ask(&mut session, &look), format!("\"{value}\""), "{look}");
                if !has_more {
                    break;
                }
                steps += 1;
            }
            assert!(steps > 0, "nothing was moved");
            session.verify();
        }
    }

    #[test]
    fn a_key_that_was_found_last_is_forgotten_with_the_change_that_made_it() {
        let mut session = Session::new(1);
        session.run("SET k 1");
        for allocations in 0..4 {
            ask(&mut session, "GET k");
            ask(&mut session, "GET k");
            session.fail_allocations_after(Some(allocations));
            ask(&mut session, "SET k a-value-that-needs-another-block-than-the-one-that-is-there");
            session.fail_allocations_after(None);
            ask(&mut session, "GET k");
            ask(&mut session, "SET k 1");
            session.verify();
            assert_eq!(ask(&mut session, "GET k"), "\"1\"");
        }
    }
}
