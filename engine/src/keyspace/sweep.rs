//! Whole databases: emptied, swapped, walked.

use shm::OutOfMemory;

use super::entry::EntryView;
use super::garbage;
use super::slot::SLOT_COUNT;
use super::space::{Hashes, Keyspace};
use crate::command::effect::words;

impl Keyspace {
    /// Empties a database in constant time; its memory comes back by and by ([`Keyspace::reclaim`]).
    /// Returns how many keys it had.
    ///
    /// # Errors
    /// [`OutOfMemory`].
    pub fn flush(&mut self, db: u32, now_ms: u64) -> Result<u64, OutOfMemory> {
        self.note_watched(db, now_ms);
        let Some(database) = self.database(db) else { return Ok(0) };
        let keys = self.keys(db);
        if keys == 0 {
            return Ok(0);
        }
        self.forget_latest();
        garbage::discard_contents(&mut self.heap, database)?;
        self.effects.record(db, b"", None, || words(&[b"FLUSHDB"]));
        Ok(keys)
    }

    /// Swaps the contents of two databases by swapping their numbers.
    ///
    /// # Errors
    /// [`OutOfMemory`].
    pub fn swap(&mut self, one: u32, other: u32, now_ms: u64) -> Result<(), OutOfMemory> {
        if one == other {
            return Ok(());
        }
        // A key that comes with a deadline in the past is nothing new where there was none: it goes before.
        self.expire_watched(one, other, now_ms)?;
        self.expire_watched(other, one, now_ms)?;
        self.note_watched(one, now_ms);
        self.note_watched(other, now_ms);
        self.renumber(one, other)?;
        let number = |db: u32| db.to_string().into_bytes();
        self.effects.record(one, b"", None, || words(&[b"SWAPDB", &number(one), &number(other)]));
        // Watchers of keys that exist only after the swap have lost as well.
        self.note_watched(one, now_ms);
        self.note_watched(other, now_ms);
        Ok(())
    }

    /// Notes a change of the keys that exist and are watched or waited for. A watched one whose deadline has passed
    /// meanwhile was there when it was first watched: what had expired by then was deleted.
    fn note_watched(&mut self, db: u32, now_ms: u64) {
        for key in self.watches.keys_of(db) {
            if self.find_any(db, &self.hasher().key(&key)).is_some() {
                self.watches.note(db, &key);
            }
        }
        for key in self.waiters.keys_of(db) {
            if self.is_live(db, &self.hasher().key(&key), now_ms) {
                self.waiters.note(db, &key);
            }
        }
    }

    /// Deletes the keys of database `from` whose deadline has passed and that are watched in database `db`.
    fn expire_watched(&mut self, db: u32, from: u32, now_ms: u64) -> Result<(), OutOfMemory> {
        for key in self.watches.keys_of(db) {
            let hasher = *self.hasher();
            self.find(from, &hasher.key(&key), now_ms)?;
        }
        Ok(())
    }

    // ---- walks ------------------------------------------------------------------------------

    /// Visits entries of a database from cursor `from` on, at least `limit` if there are as many and no
    /// long empty stretches between. Returns where to go on, 0 after the last, and how many it visited.
    /// An entry that stays throughout a walk is visited exactly once. Not those whose deadline has passed.
    pub fn scan(
        &self,
        db: u32,
        from: u64,
        limit: usize,
        now_ms: u64,
        mut visit: impl FnMut(EntryView<'_>),
    ) -> (u64, usize) {
        let Some(database) = self.database(db) else { return (0, 0) };
        let mut visited = 0;
        let next =
            database.index(&self.heap).scan(&self.heap, from, limit, &Hashes(self.hasher()), |handle| {
                visited += 1;
                let entry = EntryView::new(&self.heap, handle.cast());
                if entry.is_live(now_ms, self.hasher().of_elements()) {
                    visit(entry);
                }
            });
        (next.unwrap_or(0), visited)
    }

    /// The slot at which a cursor goes on; `None` for a number that is no cursor.
    pub fn slot_of_cursor(cursor: u64) -> Option<u16> {
        u16::try_from(cursor >> CURSOR_HASH_BITS).ok().filter(|slot| *slot < SLOT_COUNT)
    }

    /// The cursor before everything in a slot.
    pub fn cursor_at_slot(slot: u16) -> u64 {
        u64::from(slot) << CURSOR_HASH_BITS
    }

    /// A random live key of a database, near-uniform. `None` if it has none, or if keys whose deadline has passed were
    /// all that some attempts came upon.
    pub fn random_key(&self, db: u32, now_ms: u64, mut random: impl FnMut() -> u64) -> Option<Vec<u8>> {
        let index = self.database(db)?.index(&self.heap);
        for _ in 0..RANDOM_TRIES {
            let entry = EntryView::new(&self.heap, index.random(&self.heap, &mut random)?.cast());
            if entry.is_live(now_ms, self.hasher().of_elements()) {
                return Some(entry.key().into_owned());
            }
        }
        None
    }
}

/// How many keys are drawn in search of a live one.
const RANDOM_TRIES: usize = 64;

/// Bits of a cursor below the slot: those of the hash that the index orders by.
const CURSOR_HASH_BITS: u32 = 38;
