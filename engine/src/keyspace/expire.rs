//! Deadlines: a tree per database orders them, and the earliest drives the worker's timer.

use shm::{Handle, OutOfMemory};

use super::database::Database;
use super::entry::{Entry, EntryView};
use super::space::Keyspace;

impl Keyspace {
    pub(super) fn add_deadline(
        &mut self,
        database: Database,
        deadline_ms: u64,
        entry: Handle<Entry>,
    ) -> Result<(), OutOfMemory> {
        let mut deadlines = database.deadlines(&self.heap);
        deadlines.insert(&mut self.heap, (deadline_ms, entry))?;
        database.set_deadlines(&mut self.heap, &deadlines)?;
        self.no_deadline_before_ms = self.no_deadline_before_ms.min(deadline_ms);
        Ok(())
    }

    pub(super) fn drop_deadline(
        &mut self,
        database: Database,
        deadline_ms: u64,
        entry: Handle<Entry>,
    ) -> Result<(), OutOfMemory> {
        let mut deadlines = database.deadlines(&self.heap);
        let was_there = deadlines.remove(&mut self.heap, (deadline_ms, entry))?;
        assert!(was_there, "the deadline of an entry is in the tree");
        database.set_deadlines(&mut self.heap, &deadlines)
    }

    /// An entry has moved, or its deadline has changed, or both.
    pub(super) fn move_deadline(
        &mut self,
        database: Database,
        old: (Option<u64>, Handle<Entry>),
        new: (Option<u64>, Handle<Entry>),
    ) -> Result<(), OutOfMemory> {
        if old == new {
            return Ok(());
        }
        match (old, new) {
            ((Some(old_ms), old), (Some(new_ms), new)) => {
                let mut deadlines = database.deadlines(&self.heap);
                let was_there = deadlines.rekey(&mut self.heap, (old_ms, old), (new_ms, new))?;
                assert!(was_there, "the deadline of an entry is in the tree");
                database.set_deadlines(&mut self.heap, &deadlines)?;
                self.no_deadline_before_ms = self.no_deadline_before_ms.min(new_ms);
                Ok(())
            }
            ((Some(deadline_ms), entry), (None, _)) => self.drop_deadline(database, deadline_ms, entry),
            ((None, _), (Some(deadline_ms), entry)) => self.add_deadline(database, deadline_ms, entry),
            ((None, _), (None, _)) => Ok(()),
        }
    }

    /// When the next key is due; `None` if nothing has a deadline. O(databases · log keys) after a
    /// change of the earliest, else O(1).
    pub fn next_deadline_ms(&mut self) -> Option<u64> {
        let first = |(_, database): (u32, Database)| database.deadlines(&self.heap).first(&self.heap);
        let next = self.databases().filter_map(first).map(|(deadline_ms, _)| deadline_ms).min();
        self.no_deadline_before_ms = next.unwrap_or(u64::MAX);
        next
    }

    /// A time before which nothing is due, `u64::MAX` if nothing has a deadline. It may be earlier than
    /// [`Keyspace::next_deadline_ms`] until [`Keyspace::expire_due`] has looked at that time. O(1).
    #[inline]
    pub fn no_deadline_before_ms(&self) -> u64 {
        self.no_deadline_before_ms
    }

    /// Deletes up to `limit` keys whose deadline has passed, each in a transaction of its own. Returns
    /// whether more are due. Must not be called inside a transaction.
    pub fn expire_due(&mut self, now_ms: u64, limit: usize) -> bool {
        if now_ms < self.no_deadline_before_ms {
            return false;
        }
        for _ in 0..limit {
            let Some((db, database, handle)) = self.due(now_ms) else { return false };
            if self.expire_one(db, database, handle).is_err() {
                // The undo log has no room at all: the key stays invisible; try again next time.
                return false;
            }
        }
        self.next_deadline_ms().is_some_and(|deadline_ms| deadline_ms <= now_ms)
    }

    /// How many keys of a database have a deadline that has passed, and are there only because nobody has met them.
    /// O(log keys); O(1) while nothing is due.
    pub(super) fn due_keys(&self, database: Database, now_ms: u64) -> usize {
        if now_ms < self.no_deadline_before_ms {
            return 0;
        }
        let first_handle = Handle::from_raw(1).expect("not zero");
        database.deadlines(&self.heap).lower_bound(&self.heap, (now_ms.saturating_add(1), first_handle))
    }

    fn due(&mut self, now_ms: u64) -> Option<(u32, Database, Handle<Entry>)> {
        let earliest = self
            .databases()
            .filter_map(|(db, database)| {
                let (deadline_ms, handle) = database.deadlines(&self.heap).first(&self.heap)?;
                Some((deadline_ms, db, database, handle))
            })
            .min_by_key(|(deadline_ms, ..)| *deadline_ms);
        self.no_deadline_before_ms = earliest.map_or(u64::MAX, |(deadline_ms, ..)| deadline_ms);
        let (deadline_ms, db, database, handle) = earliest?;
        (deadline_ms <= now_ms).then_some((db, database, handle))
    }

    fn expire_one(&mut self, db: u32, database: Database, handle: Handle<Entry>) -> Result<(), OutOfMemory> {
        let bytes = EntryView::new(&self.heap, handle).key().into_owned();
        let key = self.hasher().key(&bytes);
        let place = self.place_of(db, database, &key, handle);
        let result = self.remove_expired(db, &key, &place);
        match result {
            Ok(()) => self.commit(),
            Err(OutOfMemory) => self.rollback(),
        }
        result
    }
}
