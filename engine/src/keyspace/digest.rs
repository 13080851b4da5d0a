//! A digest of all data, the same as Redis's for the same data: DEBUG DIGEST and DEBUG DIGEST-VALUE.
//!
//! Everything is SHA-1. To *add* bytes to a digest is to xor it with their hash: the order does not matter.
//! To *mix* bytes in is to add them and replace the digest by its own hash: the order matters.
//! ```text
//! value     mix type (u32, big-endian), mix value, add "!!expire!!" if there is a deadline
//! key       mix key, then its value
//! database  add the digests of its keys
//! data set  for each database that has keys, ascending: mix number (u32, big-endian), add its keys
//! ```

use std::collections::BTreeMap;

use sha1::{Digest as _, Sha1};

use shm::stored_hash::StoredHasher;

use super::entry::EntryView;
use super::space::Keyspace;
use crate::command::Key;
use crate::types::Kind;
use crate::types::collection::Collection;
use crate::types::list::List;
use crate::types::set::Set;
use crate::types::stream::Stream;

/// Twenty bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Digest([u8; 20]);

impl Digest {
    fn add(&mut self, bytes: &[u8]) {
        self.join(Digest(Sha1::digest(bytes).into()));
    }

    fn join(&mut self, other: Digest) {
        self.0.iter_mut().zip(other.0).for_each(|(own, other)| *own ^= other);
    }

    fn mix(&mut self, bytes: &[u8]) {
        self.add(bytes);
        self.0 = Sha1::digest(self.0).into();
    }

    fn mix_value(&mut self, entry: &EntryView<'_>, hasher: StoredHasher) {
        self.mix(&type_number(entry.kind()).to_be_bytes());
        match entry.kind() {
            Kind::String => self.mix(&entry.string().contiguous()),
            Kind::List => {
                let list = List::open(entry.record(), hasher);
                list.iter_from(entry.heap(), 0)
                    .for_each(|text| self.mix(&text.view(entry.heap()).contiguous()));
            }
            Kind::Set => {
                let set = Set::open(entry.record(), hasher);
                set.iter(entry.heap()).for_each(|text| self.add(&text.view(entry.heap()).contiguous()));
            }
            Kind::Stream => {
                let stream = Stream::open(entry.record(), hasher);
                let reader = stream.reader(entry.heap());
                for entry in stream.iter_from(entry.heap(), 0).map(|entry| reader.view(entry)) {
                    self.mix(format!("{}.{}", entry.id.ms, entry.id.seq).as_bytes());
                    for (name, value) in entry.fields() {
                        self.mix(name);
                        self.mix(value);
                    }
                }
            }
        }
        if entry.deadline_ms().is_some() {
            self.add(b"!!expire!!");
        }
    }
}

/// Redis's number of a type.
fn type_number(kind: Kind) -> u32 {
    match kind {
        Kind::String => 0,
        Kind::List => 1,
        Kind::Set => 2,
        Kind::Stream => 6,
    }
}

/// Forty hexadecimal digits.
impl std::fmt::Display for Digest {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
    }
}

/// The digest of a data set, shard by shard in any order.
#[derive(Debug, Clone, Default)]
pub struct DataSetDigest {
    /// The keys of each database that has any.
    databases: BTreeMap<u32, Digest>,
}

impl DataSetDigest {
    /// Adds the keys of a shard that are live at `now_ms`. Reads all of them.
    pub fn add(&mut self, keyspace: &Keyspace, now_ms: u64) {
        for (number, _) in keyspace.databases() {
            let mut next = 0;
            loop {
                (next, _) = keyspace.scan(number, next, usize::MAX, now_ms, |entry| {
                    let mut of_key = Digest::default();
                    of_key.mix(&entry.key());
                    of_key.mix_value(&entry, keyspace.hasher().of_elements());
                    self.databases.entry(number).or_default().add(&of_key.0);
                });
                if next == 0 {
                    break;
                }
            }
        }
    }

    /// The digest of everything that was added.
    pub fn finish(&self) -> Digest {
        let mut all = Digest::default();
        for (number, keys) in &self.databases {
            all.mix(&number.to_be_bytes());
            all.join(*keys);
        }
        all
    }
}

impl Keyspace {
    /// The digest of a key's value and of its having a deadline; zero if there is no such key. Changes nothing,
    /// not even the key's access time.
    pub fn digest_of_value(&self, db: u32, key: &Key<'_>, now_ms: u64) -> Digest {
        let mut digest = Digest::default();
        if let Some(entry) = self.peek(db, key, now_ms) {
            digest.mix_value(&entry, self.hasher().of_elements());
        }
        digest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Session;

    /// Digests of the data set, as Redis 7.0.15 gave them after the same commands.
    #[test]
    fn digests_are_those_of_redis() {
        for shards in [1, 3] {
            let mut session = Session::new(shards);
            let mut check = |db, command: &str, expected: &str| {
                session.caller.db = db;
                session.run(command);
                let now_ms = session.now_ms();
                let mut digest = DataSetDigest::default();
                session.shards().iter().for_each(|keyspace| digest.add(keyspace, now_ms));
                assert_eq!(digest.finish().to_string(), expected, "{command}");
            };
            check(0, "GET k", "0000000000000000000000000000000000000000");
            check(0, "SET k v", "264ccf65edec66bccfa7cc659414ccca432057d2");
            check(0, "SET k 12", "eb708d7f0cec62a02e3eb7f1eae92e506c8433f1");
            check(3, "SET k 12", "3cec761c4c54e5c5ca5fb68d7e3c0566fd78dae1");
            check(3, "EXPIRE k 1000", "b4b039849a4a282818747a185f5e2a76761f64c2");
        }
    }

    #[test]
    fn values_have_digests_of_their_own() {
        let mut session = Session::new(1);
        let mut check = |command: &str, expected: &str| {
            session.run(command);
            let now_ms = session.now_ms();
            let keyspace = &session.shards()[0];
            let key = keyspace.hasher().key(b"k");
            assert_eq!(keyspace.digest_of_value(0, &key, now_ms).to_string(), expected, "{command}");
        };
        check("GET k", "0000000000000000000000000000000000000000");
        check("SET k v", "d79ee9fe5d5ad902d7f6620efc3b07b75ddd742f");
        check("SET k 12", "655ac46b180ad2f61a3cee25f0b1780fa2ec879a");
        check("EXPIRE k 1000", "83df3a94c43338a2db2a05ddb5dbb794b842c619");
    }

    #[test]
    fn what_is_due_does_not_count() {
        let mut session = Session::new(1);
        session.run("SET k v PX 5");
        let late_ms = session.now_ms() + 5;
        let keyspace = &session.shards()[0];
        let mut digest = DataSetDigest::default();
        digest.add(keyspace, late_ms);
        assert_eq!(digest.finish(), Digest::default());
        let key = keyspace.hasher().key(b"k");
        assert_eq!(keyspace.digest_of_value(0, &key, late_ms), Digest::default());
    }
}
