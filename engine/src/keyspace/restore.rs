//! Values that were outside: stored under keys by RESTORE, and by DEBUG RELOAD, which takes every value through the
//! format of dumps once.

use shm::{Handle, OutOfMemory};

use super::entry::{self, CLOCK_PERIOD_S, Entry};
use super::space::{Content, Keyspace, Place};
use super::{EntryView, Kind, Value};
use crate::codec::{self, Encoding, Made};
use crate::command::Key;
use crate::types::collection::Encodings;

/// What else a restored key shall have.
#[derive(Debug, Clone, Copy, Default)]
pub struct Lifetime {
    /// Unix milliseconds.
    pub deadline_ms: Option<u64>,
    /// For how long it has not been used; none: it is being used now.
    pub idle_s: Option<u64>,
}

/// Why [`Keyspace::reload`] came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReloadError {
    #[error("out of memory")]
    OutOfMemory,
    /// A defect: a value could not be read from its own dump.
    #[error("a value could not be read from its dump")]
    Unreadable,
}

impl From<OutOfMemory> for ReloadError {
    fn from(_: OutOfMemory) -> ReloadError {
        ReloadError::OutOfMemory
    }
}

/// How many keys [`Keyspace::reload`] looks for at a time.
const BATCH: usize = 64;

impl Keyspace {
    /// Stores a value from a dump, whose elements are distinct, under a key, in the place of what is there. Returns the
    /// entry.
    ///
    /// # Errors
    /// [`OutOfMemory`].
    #[allow(clippy::too_many_arguments, reason = "each is another thing")]
    pub fn put_restored(
        &mut self,
        db: u32,
        key: &Key<'_>,
        place: Option<Place>,
        value: &codec::Value<'_>,
        life: Lifetime,
        limits: &Encodings,
        now_ms: u64,
    ) -> Result<Handle<Entry>, OutOfMemory> {
        let hasher = self.hasher().of_elements();
        let made = codec::made_of(&mut self.heap, hasher, value, Encoding::Fresh(limits))?;
        let (kind, bytes) = match &made {
            Made::String(bytes) => (Kind::String, *bytes),
            Made::Collection(kind, record) => (*kind, record.bytes()),
        };
        let pieces = [bytes];
        let content = Content { kind, value: Value::Pieces(&pieces), deadline_ms: life.deadline_ms };
        let entry = self.put(db, key, place, content, now_ms)?;
        if let Some(idle_s) = life.idle_s {
            // The clock runs in a circle: any time with the right reading will do.
            let used_s = now_ms / 1000 + CLOCK_PERIOD_S - idle_s.min(CLOCK_PERIOD_S - 1);
            entry::touch(&mut self.heap, entry, used_s * 1000);
        }
        Ok(entry)
    }

    /// Takes every live value through its dump into a fresh entry, each in a transaction of its own: deadlines and idle
    /// times stay, encodings are those of fresh values, and watchers have lost. Returns how many there were. Needs
    /// memory for one value more. O(data).
    ///
    /// # Errors
    /// See [`ReloadError`]; nothing is lost.
    pub fn reload(&mut self, limits: &Encodings, now_ms: u64) -> Result<u64, ReloadError> {
        let now_ms = self.advance(now_ms);
        let mut count = 0;
        let numbers: Vec<u32> = self.databases().map(|(number, _)| number).collect();
        for db in numbers {
            for key in self.watches.keys_of(db) {
                if self.is_live(db, &self.hasher().key(&key), now_ms) {
                    self.watches.note(db, &key);
                }
            }
            let mut cursor = 0;
            loop {
                let mut keys = Vec::new();
                (cursor, _) =
                    self.scan(db, cursor, BATCH, now_ms, |entry| keys.push(entry.key().into_owned()));
                for key in &keys {
                    let result = self.reload_key(db, key, limits, now_ms);
                    match result {
                        Ok(()) => self.commit(),
                        Err(_) => self.rollback(),
                    }
                    result?;
                    count += 1;
                }
                if cursor == 0 {
                    break;
                }
            }
        }
        Ok(count)
    }

    fn reload_key(
        &mut self,
        db: u32,
        key: &[u8],
        limits: &Encodings,
        now_ms: u64,
    ) -> Result<(), ReloadError> {
        let key = self.hasher().key(key);
        let Some(place) = self.find_any(db, &key) else { return Ok(()) };
        let view: EntryView<'_> = self.view(&place);
        let life = Lifetime { deadline_ms: view.deadline_ms(), idle_s: Some(view.idle_s(now_ms)) };
        let payload = codec::payload_of(view.stored(), self.hasher().of_elements());
        let value = codec::open(&payload).map_err(|_| ReloadError::Unreadable)?;
        self.put_restored(db, &key, Some(place), &value, life, limits, now_ms)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Session;
    use crate::types::collection::Encodings;

    #[test]
    fn everything_is_there_after_a_reload() {
        for shards in [1, 3] {
            let mut session = Session::new(shards);
            for nth in 0..300 {
                session.run(&format!("SET key:{nth} {}", "x".repeat(1 + nth * nth % 1000)));
            }
            session.run("SET long:value x");
            session.run("SETRANGE long:value 50000 end");
            session.run("SET timed v PX 5000");
            session.run("SELECT 3");
            session.run("SET other 12");
            session.run("APPEND other 3");
            session.run("SELECT 0");
            session.advance(2_000);
            session.run("GET key:7");
            let digests = |session: &mut Session| {
                let now_ms = session.now_ms();
                let mut digest = crate::keyspace::digest::DataSetDigest::default();
                session.shards().iter().for_each(|keyspace| digest.add(keyspace, now_ms));
                digest.finish()
            };
            let before = digests(&mut session);
            session.take_effects();
            let now_ms = session.now_ms();
            let reloaded: u64 = session
                .shards()
                .iter_mut()
                .map(|keyspace| keyspace.reload(&Encodings::default(), now_ms).expect("room"))
                .sum();
            assert_eq!(reloaded, 303);
            assert_eq!(digests(&mut session), before);
            assert_eq!(session.take_effects(), [], "nothing has changed");
            session.check(
                "> OBJECT IDLETIME key:7
                 (integer) 0
                 > OBJECT IDLETIME key:8
                 (integer) 2
                 > PTTL timed
                 (integer) 3000
                 > SELECT 3
                 OK
                 > OBJECT ENCODING other
                 \"int\"
                 ... 3000 ms
                 > SELECT 0
                 OK
                 > GET timed
                 (nil)",
            );
        }
    }

    #[test]
    fn without_memory_a_reload_loses_nothing() {
        let mut session = Session::new(1);
        for nth in 0..100 {
            session.run(&format!("SET key:{nth} {}", "x".repeat(300)));
        }
        for allocations in [0, 1, 5, 30] {
            session.fail_allocations_after(Some(allocations));
            let now_ms = session.now_ms();
            let result = session.shards()[0].reload(&Encodings::default(), now_ms);
            session.fail_allocations_after(None);
            assert!(result.is_err(), "{allocations} allocations");
            session.verify();
            assert_eq!(session.run("DBSIZE"), "(integer) 100");
        }
    }
}
