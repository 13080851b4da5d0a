//! A key with its place: cluster slot and stored hash.

use std::fmt;

use shm::stored_hash::StoredHasher;

use crate::keyspace::slot::slot_of;

/// Where a key stands in the index's order: slot in the top 14 bits, keyed hash in the low 50.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyHash(pub u64);

impl KeyHash {
    /// The cluster slot, below 16384.
    #[inline]
    pub const fn slot(self) -> u16 {
        (self.0 >> 50) as u16
    }
}

/// A key and its hash.
#[derive(Clone, Copy)]
pub struct Key<'a> {
    pub bytes: &'a [u8],
    pub hash: KeyHash,
}

impl fmt::Debug for Key<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:?}@{}", String::from_utf8_lossy(self.bytes), self.hash.slot())
    }
}

/// Computes key hashes with the data set's secret.
#[derive(Clone, Copy)]
pub struct KeyHasher {
    keyed: StoredHasher,
}

impl KeyHasher {
    /// `secret` is stored with the data: all shards of a data set share it.
    pub fn new(secret: [u8; 16]) -> KeyHasher {
        KeyHasher { keyed: StoredHasher::new(secret) }
    }

    /// Slot and hash of a key. O(length).
    #[inline]
    pub fn hash(&self, key: &[u8]) -> KeyHash {
        KeyHash(self.keyed.hash_in_slot(slot_of(key), key))
    }

    /// What orders the elements of collections.
    #[inline]
    pub fn of_elements(&self) -> StoredHasher {
        self.keyed
    }

    /// The key with its hash.
    #[inline]
    pub fn key<'a>(&self, bytes: &'a [u8]) -> Key<'a> {
        Key { bytes, hash: self.hash(bytes) }
    }
}
