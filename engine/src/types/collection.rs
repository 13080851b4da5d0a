//! What all collections have in common: a record in the key's entry, and ways to check, move and drop what it leads
//! to.
//!
//! ```text
//! 0  flags, u8
//! 1  root of the tree, u64
//! 9  what else the type needs
//! ```

use shm::stored_hash::StoredHasher;
use shm::{Corrupt, Handle, Heap, OutOfMemory};

use super::Kind;
use super::list::List;
use super::set::Set;
use super::stream::Stream;

/// The shortest record: flags and a root.
pub const RECORD_LEN_MIN: usize = 9;
/// The longest record.
pub const RECORD_LEN_MAX: usize = 97;

/// The bytes that stand for a collection in its key's entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    bytes: [u8; RECORD_LEN_MAX],
    len: u8,
}

impl Record {
    /// A record of flags and roots.
    #[inline]
    pub fn new(flags: u8, roots: &[u64]) -> Record {
        let mut record = Record { bytes: [0; RECORD_LEN_MAX], len: 1 + 8 * roots.len() as u8 };
        record.bytes[0] = flags;
        for (nth, root) in roots.iter().enumerate() {
            record.bytes[1 + 8 * nth..][..8].copy_from_slice(&root.to_le_bytes());
        }
        record
    }

    /// A copy of a stored record.
    #[inline]
    pub fn of(stored: &[u8]) -> Record {
        let mut record = Record { bytes: [0; RECORD_LEN_MAX], len: stored.len() as u8 };
        record.bytes[..stored.len()].copy_from_slice(stored);
        record
    }

    #[inline]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

/// The flags of a stored record.
#[inline]
pub fn flags_of(record: &[u8]) -> u8 {
    record[0]
}

/// The nth root of a stored record; 0, which is an empty tree, if it has not so many.
#[inline]
pub fn root_of(record: &[u8], nth: usize) -> u64 {
    match record.get(1 + 8 * nth..9 + 8 * nth) {
        Some(root) => u64::from_le_bytes(root.try_into().unwrap_or_default()),
        None => 0,
    }
}

/// A type of value made of trees. A plain value in the hands of its user, who stores [`Collection::record`] again after
/// changes.
pub trait Collection: Sized + Clone {
    const KIND: Kind;

    /// One without elements. `hasher` orders elements by their hash.
    fn empty(hasher: StoredHasher) -> Self;

    /// The one with this record.
    fn open(record: &[u8], hasher: StoredHasher) -> Self;

    /// What is to be stored.
    fn record(&self) -> Record;

    /// The number of elements. O(1).
    fn len(&self) -> usize;

    /// Whether its key is to be deleted.
    fn is_empty(&self) -> bool;

    /// Notes that it is too large for the small encoding of Redis, if it is. Once so, always so.
    fn note_size(&mut self, limits: &Encodings);

    /// The encoding that Redis would report.
    fn encoding(&self, heap: &Heap, limits: &Encodings) -> &'static str;

    /// Drops what it leads to, in O(1) if that is large.
    ///
    /// # Errors
    /// [`OutOfMemory`] when the undo log is full.
    fn discard(self, heap: &mut Heap) -> Result<(), OutOfMemory>;

    /// Checks everything that it leads to; `visit` is called with each block before its inside is looked at.
    ///
    /// # Errors
    /// The first thing that is wrong, or what `visit` says.
    fn verify(
        &self,
        heap: &Heap,
        visit: &mut dyn FnMut(Handle<()>) -> Result<(), Corrupt>,
    ) -> Result<(), Corrupt>;

    /// Looks at about `nodes` blocks from place `from` on, 0 at first, and moves those of which `moves` says so.
    /// Returns the place to go on with, if there is more.
    ///
    /// # Errors
    /// [`OutOfMemory`].
    fn relocate(
        &mut self,
        heap: &mut Heap,
        from: usize,
        nodes: usize,
        moves: &dyn Fn(&Heap, Handle<()>) -> bool,
    ) -> Result<Option<usize>, OutOfMemory>;
}

/// Up to which sizes Redis would use its small encodings: settings of these names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Encodings {
    pub hash_max_listpack_entries: u64,
    pub hash_max_listpack_value: u64,
    pub set_max_intset_entries: u64,
    pub zset_max_listpack_entries: u64,
    pub zset_max_listpack_value: u64,
    /// Of how many entries a node of a stream is there, which trimming about a size leaves whole; 0: as it comes.
    pub stream_node_max_entries: u64,
}

impl Default for Encodings {
    fn default() -> Encodings {
        Encodings {
            hash_max_listpack_entries: 512,
            hash_max_listpack_value: 64,
            set_max_intset_entries: 512,
            zset_max_listpack_entries: 128,
            zset_max_listpack_value: 64,
            stream_node_max_entries: 100,
        }
    }
}

/// Calls a generic function with the type of a kind of collection.
macro_rules! of_kind {
    ($kind:expr, $type:ident => $then:expr) => {
        match $kind {
            Kind::List => {
                type $type = List;
                $then
            }
            Kind::Set => {
                type $type = Set;
                $then
            }
            Kind::Stream => {
                type $type = Stream;
                $then
            }
            Kind::String => unreachable!("a string is no collection"),
        }
    };
}

/// [`Collection::discard`] of a record.
///
/// # Errors
/// [`OutOfMemory`] when the undo log is full.
pub fn discard(heap: &mut Heap, kind: Kind, record: &[u8]) -> Result<(), OutOfMemory> {
    // Nothing is looked for, so that the hash does not matter.
    let hasher = StoredHasher::new([0; 16]);
    of_kind!(kind, Type => Type::open(record, hasher).discard(heap))
}

/// [`Collection::verify`] of a record that may be damaged.
///
/// # Errors
/// The first thing that is wrong, or what `visit` says.
pub fn verify(
    heap: &Heap,
    kind: Kind,
    record: &[u8],
    hasher: StoredHasher,
    visit: &mut dyn FnMut(Handle<()>) -> Result<(), Corrupt>,
) -> Result<(), Corrupt> {
    of_kind!(kind, Type => Type::open(record, hasher).verify(heap, visit))
}

/// [`Collection::relocate`] of a record. Returns the record as it is afterwards, too.
///
/// # Errors
/// [`OutOfMemory`].
pub fn relocate(
    heap: &mut Heap,
    (kind, record): (Kind, &[u8]),
    hasher: StoredHasher,
    from: usize,
    nodes: usize,
    moves: &dyn Fn(&Heap, Handle<()>) -> bool,
) -> Result<(Record, Option<usize>), OutOfMemory> {
    of_kind!(kind, Type => {
        let mut collection = Type::open(record, hasher);
        let next = collection.relocate(heap, from, nodes, moves)?;
        Ok((collection.record(), next))
    })
}

/// [`Collection::encoding`] of a record.
pub fn encoding(
    heap: &Heap,
    kind: Kind,
    record: &[u8],
    hasher: StoredHasher,
    limits: &Encodings,
) -> &'static str {
    of_kind!(kind, Type => Type::open(record, hasher).encoding(heap, limits))
}
