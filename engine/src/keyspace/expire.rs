//! Deadlines: two trees per database order them, and the earliest drives the worker's timer. One has the keys, the other
//! the hashes by the earliest deadline of their fields.

use shm::{Handle, OutOfMemory};

use super::database::{Database, Queue};
use super::entry::{Entry, EntryView, Times};
use super::space::{Keyspace, Place, del_words};
use crate::command::Key;
use crate::command::effect::{Event, words};
use crate::types::collection::Collection;
use crate::types::hash::Hash;

/// How many due fields of a hash are deleted in a transaction when somebody asks for the hash.
const FIELDS_STEP: usize = 1024;

impl Keyspace {
    /// A new entry.
    #[inline]
    pub(super) fn add_times(
        &mut self,
        database: Database,
        times: Times,
        entry: Handle<Entry>,
    ) -> Result<(), OutOfMemory> {
        self.move_times(database, (Times::default(), entry), (times, entry))
    }

    /// An entry goes.
    #[inline]
    pub(super) fn drop_times(
        &mut self,
        database: Database,
        times: Times,
        entry: Handle<Entry>,
    ) -> Result<(), OutOfMemory> {
        self.move_times(database, (times, entry), (Times::default(), entry))
    }

    /// An entry has moved, or its times have changed, or both.
    #[inline]
    pub(super) fn move_times(
        &mut self,
        database: Database,
        old: (Times, Handle<Entry>),
        new: (Times, Handle<Entry>),
    ) -> Result<(), OutOfMemory> {
        if old == new || old.0 == Times::default() && new.0 == Times::default() {
            return Ok(());
        }
        for queue in Queue::ALL {
            self.move_in(database, queue, (old.0.in_queue(queue), old.1), (new.0.in_queue(queue), new.1))?;
        }
        Ok(())
    }

    fn move_in(
        &mut self,
        database: Database,
        queue: Queue,
        old: (Option<u64>, Handle<Entry>),
        new: (Option<u64>, Handle<Entry>),
    ) -> Result<(), OutOfMemory> {
        if old == new {
            return Ok(());
        }
        let mut deadlines = database.deadlines(&self.heap, queue);
        let was_there = match (old, new) {
            ((Some(old_ms), old), (Some(new_ms), new)) => {
                deadlines.rekey(&mut self.heap, (old_ms, old), (new_ms, new))?
            }
            ((Some(old_ms), old), (None, _)) => deadlines.remove(&mut self.heap, (old_ms, old))?,
            ((None, _), (Some(new_ms), new)) => deadlines.insert(&mut self.heap, (new_ms, new))?,
            ((None, _), (None, _)) => return Ok(()),
        };
        assert!(was_there, "the times of an entry are in the trees");
        database.set_deadlines(&mut self.heap, queue, &deadlines)?;
        self.no_deadline_before_ms = self.no_deadline_before_ms.min(new.0.unwrap_or(u64::MAX));
        Ok(())
    }

    // ---- what is due ------------------------------------------------------------------------

    /// When the next key or field is due; `None` if nothing has a deadline. O(databases · log keys).
    pub fn next_deadline_ms(&mut self) -> Option<u64> {
        self.earliest().map(|earliest| earliest.time_ms)
    }

    /// A time before which nothing is due, `u64::MAX` if nothing has a deadline. It may be earlier than
    /// [`Keyspace::next_deadline_ms`] until [`Keyspace::expire_due`] has looked at that time. O(1).
    #[inline]
    pub fn no_deadline_before_ms(&self) -> u64 {
        self.no_deadline_before_ms
    }

    /// Deletes up to `limit` keys and fields whose deadline has passed, in transactions of their own. Returns
    /// whether more are due. Must not be called inside a transaction.
    pub fn expire_due(&mut self, now_ms: u64, limit: usize) -> bool {
        if now_ms < self.no_deadline_before_ms {
            return false;
        }
        let mut left = limit;
        while left > 0 {
            let Some(due) = self.earliest().filter(|earliest| earliest.time_ms <= now_ms) else {
                return false;
            };
            match self.expire_one(due, now_ms, left) {
                Ok(deleted) => left -= deleted.clamp(1, left),
                // The undo log has no room at all: it stays invisible; try again next time.
                Err(OutOfMemory) => return false,
            }
        }
        self.next_deadline_ms().is_some_and(|deadline_ms| deadline_ms <= now_ms)
    }

    /// How many keys of a database have a deadline that has passed, and are there only because nobody has met them.
    /// O(log keys); O(1) while nothing is due.
    pub(super) fn due_keys(&self, database: Database, now_ms: u64) -> usize {
        self.due_in(database, Queue::Keys, now_ms)
    }

    fn due_in(&self, database: Database, queue: Queue, now_ms: u64) -> usize {
        if now_ms < self.no_deadline_before_ms {
            return 0;
        }
        let first_handle = Handle::from_raw(1).expect("not zero");
        let first_later = (now_ms.saturating_add(1), first_handle);
        database.deadlines(&self.heap, queue).lower_bound(&self.heap, first_later)
    }

    /// How many hashes of a database have no field left, while their own deadline has not passed.
    pub(super) fn run_out_hashes(&self, database: Database, now_ms: u64) -> usize {
        let due = self.due_in(database, Queue::Fields, now_ms);
        let has_run_out = |(_, entry): &(u64, Handle<Entry>)| {
            let view = EntryView::new(&self.heap, *entry);
            view.deadline_ms().is_none_or(|deadline_ms| deadline_ms > now_ms)
                && view.has_run_out(now_ms, self.hasher().of_elements())
        };
        database.deadlines(&self.heap, Queue::Fields).iter(&self.heap).take(due).filter(has_run_out).count()
    }

    fn earliest(&mut self) -> Option<Due> {
        let first = |(db, database): (u32, Database), queue| {
            let (time_ms, entry) = database.deadlines(&self.heap, queue).first(&self.heap)?;
            Some(Due { time_ms, db, database, queue, entry })
        };
        let earliest = self
            .databases()
            .flat_map(|numbered| Queue::ALL.into_iter().filter_map(move |queue| first(numbered, queue)))
            .min_by_key(|due| due.time_ms);
        self.no_deadline_before_ms = earliest.as_ref().map_or(u64::MAX, |due| due.time_ms);
        earliest
    }

    /// Returns how many keys and fields were deleted.
    fn expire_one(&mut self, due: Due, now_ms: u64, limit: usize) -> Result<usize, OutOfMemory> {
        let bytes = EntryView::new(&self.heap, due.entry).key().into_owned();
        let key = self.hasher().key(&bytes);
        let place = self.place_of(due.db, due.database, &key, due.entry);
        let result = match due.queue {
            Queue::Keys => self.remove_expired(due.db, &key, &place).map(|()| 1),
            Queue::Fields => self.remove_expired_fields(due.db, &key, &place, now_ms, limit),
        };
        match result {
            Ok(_) => self.commit(),
            Err(OutOfMemory) => self.rollback(),
        }
        result
    }

    // ---- fields -----------------------------------------------------------------------------

    /// Deletes the due fields of a hash that somebody has asked for, in transactions of their own if none is running.
    /// Returns the place of what is left.
    #[cold]
    pub(super) fn expire_fields(
        &mut self,
        db: u32,
        key: &Key<'_>,
        mut place: Place,
        now_ms: u64,
    ) -> Result<Option<Place>, OutOfMemory> {
        let alone = !self.heap.in_transaction();
        while self.view(&place).times().fields_ms.is_some_and(|due_ms| due_ms <= now_ms) {
            let result = self.remove_expired_fields(db, key, &place, now_ms, FIELDS_STEP);
            if alone {
                match result {
                    Ok(_) => self.commit(),
                    Err(OutOfMemory) => self.rollback(),
                }
            }
            result?;
            let Some(next) = self.find_any(db, key) else { return Ok(None) };
            place = next;
        }
        Ok(Some(place))
    }

    /// Deletes up to about `limit` due fields of a hash, or the hash at once when no field is left. Returns how much was
    /// done: so many fields, or one hash.
    fn remove_expired_fields(
        &mut self,
        db: u32,
        key: &Key<'_>,
        place: &Place,
        now_ms: u64,
        limit: usize,
    ) -> Result<usize, OutOfMemory> {
        let event = Event::hash("hexpired");
        let mut hash = Hash::open(self.view(place).record(), self.hasher().of_elements());
        if hash.is_over(&self.heap, now_ms) {
            self.remove(place)?;
            self.changed(db, key.bytes, event, || del_words(key.bytes));
            self.effects.announce(db, key.bytes, Event::DEL);
            self.stats.expired_fields += hash.len() as u64;
            return Ok(1);
        }
        let mut command = words(&[b"HDEL", key.bytes]);
        let mut deleted = 0;
        let is_told = self.effects.is_listening();
        hash.remove_due(&mut self.heap, now_ms, limit, |name| {
            deleted += 1;
            if is_told {
                command.push(name.as_ref().into());
            }
        })?;
        self.store_record(place, hash.record().bytes())?;
        self.changed(db, key.bytes, event, || command);
        self.stats.expired_fields += deleted as u64;
        Ok(deleted)
    }
}

/// Something that comes to an end.
struct Due {
    time_ms: u64,
    db: u32,
    database: Database,
    queue: Queue,
    entry: Handle<Entry>,
}

#[cfg(test)]
mod tests {
    use shm::rbtree::{Root, TimedHandles, Tree};

    use super::*;
    use crate::keyspace::compact::Compaction;
    use crate::testing::Session;

    /// What the timer does at a time; how many keys are left in database 0.
    fn expire_all(session: &mut Session) -> u64 {
        let now_ms = session.now_ms();
        let keyspace = &mut session.shards()[0];
        while keyspace.expire_due(now_ms, 3) {}
        assert!(keyspace.next_deadline_ms().is_none_or(|next_ms| next_ms > now_ms));
        let keys = keyspace.keys(0);
        session.verify();
        keys
    }

    #[test]
    fn the_timer_deletes_fields_in_their_turn_and_hashes_with_the_last_one() {
        let mut session = Session::new(1);
        let start_ms = session.now_ms();
        session.run("HSET h a 1 b 2 c 3");
        session.run("HPEXPIRE h 20 FIELDS 1 a");
        session.run("HPEXPIRE h 10 FIELDS 1 b");
        session.run("SET k v PX 15");
        session.run("HSET other a 1");
        session.run("HPEXPIRE other 20 FIELDS 1 a");
        for (at_ms, keys, fields) in [(10, 3, 2), (15, 2, 2), (20, 1, 1)] {
            assert_eq!(session.shards()[0].next_deadline_ms(), Some(start_ms + at_ms));
            let now_ms = session.now_ms();
            session.advance(start_ms + at_ms - now_ms);
            assert_eq!(expire_all(&mut session), keys);
            assert_eq!(session.run("HLEN h"), format!("(integer) {fields}"));
        }
        assert_eq!(session.shards()[0].next_deadline_ms(), None);
        let stats = session.take_stats();
        assert_eq!((stats.expired, stats.expired_fields), (1, 3));
    }

    #[test]
    fn many_due_fields_go_in_bounded_steps() {
        let mut session = Session::new(1);
        let due_ms = session.now_ms() + 10;
        session.run("HSET h stays v");
        for nth in 0..300 {
            session.run(&format!("HSETEX h PXAT {due_ms} FIELDS 1 f{nth} v"));
        }
        let hasher = *session.shards()[0].hasher();
        let fields = |session: &mut Session| {
            session.shards()[0]
                .peek(0, &hasher.key(b"h"), due_ms)
                .map(|entry| Hash::open(entry.record(), hasher.of_elements()).len())
        };
        session.take_effects();
        assert!(session.shards()[0].expire_due(due_ms, 10));
        assert_eq!(fields(&mut session), Some(291));
        let effects = session.take_effects();
        assert_eq!((effects.len(), effects[0].command.len()), (1, 12));
        session.verify();
        assert!(session.shards()[0].expire_due(due_ms, 100));
        assert!(!session.shards()[0].expire_due(due_ms, 1000));
        assert_eq!(fields(&mut session), Some(1));
        session.verify();
    }

    #[test]
    fn deadlines_of_fields_follow_their_hash() {
        for (moves, db) in [
            (&["PEXPIRE h 1000"][..], 0),
            (&["PEXPIRE h 1000", "PEXPIRE h 2000", "PERSIST h"], 0),
            (&["RENAME h g"], 0),
            (&["SET g v PX 1000", "RENAME h g"], 0),
            (&["COPY h g", "DEL h"], 0),
            (&["MOVE h 3"], 3),
            (&["SWAPDB 0 2"], 2),
            (&["HSET h d 4 e 5", "HDEL h d"], 0),
        ] {
            for timed in [false, true] {
                let mut session = Session::new(1);
                session.run("HSET h a 1 b 2 c 3");
                session.run("HPEXPIRE h 10 FIELDS 2 a b");
                if timed {
                    session.run("PEXPIRE h 5000");
                }
                for command in moves {
                    session.run(command);
                    session.verify();
                }
                session.advance(10);
                session.run(&format!("SELECT {db}"));
                let before = session.shards()[0].keys(db);
                expire_all(&mut session);
                assert_eq!(session.shards()[0].keys(db), before, "{moves:?}");
                let keys = session.run("KEYS *");
                let key = keys.split('"').nth(1).expect("a key").to_owned();
                assert_eq!(session.run(&format!("HEXISTS {key} a")), "(integer) 0");
                assert_eq!(session.run(&format!("HEXISTS {key} c")), "(integer) 1");
            }
        }
    }

    #[test]
    fn what_is_deleted_is_due_no_more() {
        for command in
            ["DEL h", "FLUSHDB", "FLUSHALL", "SET h v", "HDEL h a", "HPERSIST h FIELDS 1 a", "HSET h a 2"]
        {
            let mut session = Session::new(1);
            session.run("HSET h a 1 b 2");
            session.run("HPEXPIRE h 10 FIELDS 1 a");
            session.run(command);
            session.verify();
            assert_eq!(session.shards()[0].next_deadline_ms(), None, "{command}");
        }
    }

    #[test]
    fn hashes_whose_fields_are_all_gone_are_not_seen_before_they_are_met() {
        let mut session = Session::new(3);
        for nth in 0..20 {
            session.run(&format!("HSETEX gone{nth} PX 10 FIELDS 2 a 1 b 2"));
            session.run(&format!("HSETEX stays{nth} PX 10 FIELDS 1 a 1"));
            session.run(&format!("HSET stays{nth} b 2"));
        }
        session.run("HSETEX both PX 10 FIELDS 1 a 1");
        session.run("PEXPIRE both 10");
        session.advance(9);
        assert_eq!(session.run("DBSIZE"), "(integer) 41");
        session.advance(1);
        let in_all = |session: &mut Session| -> u64 {
            session.shards().iter().map(|keyspace| keyspace.keys_in_all()).sum()
        };
        assert_eq!(session.run("DBSIZE"), "(integer) 20");
        assert_eq!(session.run("KEYS gone*"), "(empty array)");
        assert_eq!(session.run("KEYS *").lines().count(), 20);
        for _ in 0..100 {
            assert!(session.run("RANDOMKEY").starts_with("\"stays"));
        }
        assert_eq!(in_all(&mut session), 41, "nothing was deleted to find out");
        assert_eq!(session.run("EXISTS gone1 gone2 stays1"), "(integer) 1");
        assert_eq!(in_all(&mut session), 39);
        session.verify();
    }

    #[test]
    fn compaction_takes_deadlines_along() {
        let mut session = Session::new(1);
        for nth in 0..3000 {
            session.run(&format!("HSET key{nth} a 1 b {}", "x".repeat(60)));
            session.run(&format!("HPEXPIRE key{nth} {} FIELDS 1 a", 1 + nth));
        }
        for field in 0..2000 {
            session.run(&format!("HSETEX large PX {} FIELDS 1 f{field} {}", 5000 + field, "x".repeat(100)));
        }
        for nth in (0..3000).filter(|nth| nth % 8 != 0) {
            session.run(&format!("DEL key{nth}"));
        }
        for field in (0..2000).filter(|field| field % 8 != 0) {
            session.run(&format!("HDEL large f{field}"));
        }
        session.verify();
        let (mut state, mut steps) = (Compaction::default(), 0);
        while session.shards()[0].compact(&mut state, 100) {
            steps += 1;
            session.verify();
        }
        assert!(steps > 10, "{steps}");
        session.advance(10_000);
        assert_eq!(expire_all(&mut session), 375);
    }

    #[test]
    fn a_deadline_that_is_missing_is_noticed() {
        let mut session = Session::new(1);
        session.run("HSETEX h PX 10 FIELDS 1 a 1");
        let keyspace = &mut session.shards()[0];
        assert_eq!(keyspace.verify(), Ok(()));
        let database = keyspace.database(0).expect("a database");
        let deadlines = database.deadlines(&keyspace.heap, Queue::Fields);
        let none = Tree::new(Root::EMPTY, TimedHandles::new());
        database.set_deadlines(&mut keyspace.heap, Queue::Fields, &none).expect("room");
        let mut deadlines = deadlines;
        deadlines.reclaim(&mut keyspace.heap, 1, |_, _| Ok(())).expect("room");
        keyspace.commit();
        assert!(keyspace.verify().is_err());
    }
}
