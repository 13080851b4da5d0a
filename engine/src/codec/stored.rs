//! Where the format meets the types: values of entries into dumps, and back.

use shm::stored_hash::StoredHasher;
use shm::{Heap, OutOfMemory};

use super::payload::seal;
use super::value::Value;
use super::{Source, VERSION, VERSION_ACTIVE, put_plain, put_shortest, read_value, stream, write};
use crate::keyspace::EntryView;
use crate::number;
use crate::types::Kind;
use crate::types::collection::{Collection, Encodings, Record};
use crate::types::list::List;
use crate::types::set::Set;
use crate::types::stream::Stream;

/// What DUMP answers: the value in the form that Redis 7.0 would give it, strings compressed. O(length).
pub fn dump(entry: &EntryView<'_>, hasher: StoredHasher, limits: &Encodings) -> Vec<u8> {
    let (mut out, version) = as_redis_has_it(entry, hasher, limits);
    seal(&mut out, version);
    out
}

/// How long the value is in a dump, without what stands around it. O(length).
pub fn dumped_len(entry: &EntryView<'_>, hasher: StoredHasher, limits: &Encodings) -> usize {
    const TYPE_LEN: usize = 1;
    as_redis_has_it(entry, hasher, limits).0.len() - TYPE_LEN
}

/// A payload for RESTORE that is quickly made. O(length).
pub fn payload_of(entry: &EntryView<'_>, hasher: StoredHasher) -> Vec<u8> {
    let mut out = Vec::new();
    let version = match entry.kind() {
        Kind::String => {
            write::string(&mut out, put_plain, &entry.string().contiguous());
            VERSION
        }
        kind => plain(&mut out, entry.heap(), kind, entry.record(), hasher),
    };
    seal(&mut out, version);
    out
}

/// A type's number and a value; the version of the format that has it.
fn as_redis_has_it(entry: &EntryView<'_>, hasher: StoredHasher, limits: &Encodings) -> (Vec<u8>, u16) {
    let (heap, mut out) = (entry.heap(), Vec::new());
    let encoding = entry.encoding(hasher, limits);
    match entry.kind() {
        Kind::String => write::string(&mut out, put_shortest, &entry.string().contiguous()),
        Kind::List => {
            let items = List::open(entry.record(), hasher).iter_from(heap, 0);
            write::list_packed(&mut out, items.map(|text| text.view(heap).contiguous()));
        }
        Kind::Set => {
            let set = Set::open(entry.record(), hasher);
            let members = set.iter(heap).map(|text| text.view(heap).contiguous());
            match encoding {
                "intset" => {
                    write::intset(
                        &mut out,
                        members.filter_map(|member| number::parse_i64(&member)).collect(),
                    );
                }
                _ => write::set(&mut out, put_shortest, set.len(), members),
            }
        }
        Kind::Stream => {
            stream::write(&mut out, put_shortest, &Stream::open(entry.record(), hasher).image(heap))
        }
    }
    (out, VERSION)
}

// ---- inside this server -------------------------------------------------------------------------

/// A collection in private memory: what its encoding remembers of its past, then the collection in its plainest form.
/// O(length).
pub fn collection_bytes(heap: &Heap, kind: Kind, record: &[u8], hasher: StoredHasher) -> Vec<u8> {
    let history = match kind {
        Kind::Set => Set::open(record, hasher).history(),
        Kind::String | Kind::List | Kind::Stream => 0,
    };
    let mut out = vec![history];
    plain(&mut out, heap, kind, record, hasher);
    out
}

/// Appends a collection in its plainest form. Returns the version of the format that has it.
fn plain(out: &mut Vec<u8>, heap: &Heap, kind: Kind, record: &[u8], hasher: StoredHasher) -> u16 {
    match kind {
        Kind::String => unreachable!("a string is no collection"),
        Kind::List => {
            let list = List::open(record, hasher);
            let items = list.iter_from(heap, 0).map(|text| text.view(heap).contiguous());
            write::list(out, put_plain, list.len(), items);
        }
        Kind::Set => {
            let set = Set::open(record, hasher);
            let members = set.iter(heap).map(|text| text.view(heap).contiguous());
            write::set(out, put_plain, set.len(), members);
        }
        Kind::Stream => {
            stream::write_whole(out, put_plain, &Stream::open(record, hasher).image(heap));
            return VERSION_ACTIVE;
        }
    }
    VERSION
}

/// Stores a collection that [`collection_bytes`] has made.
///
/// # Errors
/// [`OutOfMemory`].
pub fn collection_from(heap: &mut Heap, bytes: &[u8], hasher: StoredHasher) -> Result<Record, OutOfMemory> {
    let mut source = Source::new(bytes);
    let read = source.array().and_then(|[history, code]| Ok((history, read_value(code, &mut source)?)));
    // Not input: these bytes have not left the process.
    let (history, value) = read.expect("what this server wrote");
    match made_of(heap, hasher, &value, Encoding::Kept(history))? {
        Some(Made::Collection(_, record)) => Ok(record),
        _ => unreachable!("a collection was written"),
    }
}

/// A value that can become an entry's.
#[derive(Debug)]
pub enum Made<'v> {
    /// Not in the heap yet.
    String(&'v [u8]),
    /// Owned by nobody until it is put under a key.
    Collection(Kind, Record),
}

/// Which encoding a collection says it has.
#[derive(Debug, Clone, Copy)]
pub enum Encoding<'l> {
    /// That of the value it is a copy of, which had this past.
    Kept(u8),
    /// What Redis would choose within these limits.
    Fresh(&'l Encodings),
}

/// Builds a value of distinct elements in a heap. `None` for a type that this server does not have. O(n log n).
///
/// # Errors
/// [`OutOfMemory`].
pub fn made_of<'v>(
    heap: &mut Heap,
    hasher: StoredHasher,
    value: &'v Value<'_>,
    encoding: Encoding<'_>,
) -> Result<Option<Made<'v>>, OutOfMemory> {
    let history = match encoding {
        Encoding::Kept(history) => history,
        Encoding::Fresh(_) => 0,
    };
    Ok(Some(match value {
        Value::String(bytes) => Made::String(bytes),
        Value::List(items) => made(List::build(heap, items.iter())?, encoding),
        Value::Set(members) => {
            let set = Set::build(heap, hasher, &members.iter().collect::<Vec<_>>())?;
            made(set.with_history(history), encoding)
        }
        Value::Stream(image) => made(Stream::build(heap, hasher, image)?, encoding),
        Value::Zset(_) | Value::Hash(_) => return Ok(None),
    }))
}

fn made<T: Collection>(mut collection: T, encoding: Encoding<'_>) -> Made<'static> {
    if let Encoding::Fresh(limits) = encoding {
        collection.note_size(limits);
    }
    Made::Collection(T::KIND, collection.record())
}
