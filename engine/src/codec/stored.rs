//! Where the format meets the types: values of entries into dumps, and back.

use std::borrow::Cow;

use shm::stored_hash::StoredHasher;
use shm::{Heap, OutOfMemory};

use super::payload::seal;
use super::value::Value;
use super::write::PutString;
use super::{
    Source, VERSION, VERSION_ACTIVE, VERSION_TIMED, put_plain, put_shortest, read_value, stream, write,
};
use crate::number;
use crate::types::Kind;
use crate::types::collection::{self, Collection, Encodings, Record};
use crate::types::hash::Hash;
use crate::types::list::List;
use crate::types::set::Set;
use crate::types::stream::Stream;
use crate::types::string::StringView;
use crate::types::text::Text;
use crate::types::zset::{self, Zset};

/// A value where it lies.
#[derive(Clone, Copy)]
pub enum Stored<'h> {
    String(StringView<'h>),
    Collection { heap: &'h Heap, kind: Kind, record: &'h [u8] },
}

/// What DUMP answers: the value in the form that Redis 7.0 would give it, strings compressed. O(length).
pub fn dump(stored: Stored<'_>, hasher: StoredHasher, limits: &Encodings) -> Vec<u8> {
    let (mut out, version) = as_redis_has_it(stored, hasher, limits);
    seal(&mut out, version);
    out
}

/// How long the value is in a dump, without what stands around it. O(length).
pub fn dumped_len(stored: Stored<'_>, hasher: StoredHasher, limits: &Encodings) -> usize {
    const TYPE_LEN: usize = 1;
    as_redis_has_it(stored, hasher, limits).0.len() - TYPE_LEN
}

/// A payload for RESTORE that is quickly made. O(length).
pub fn payload_of(stored: Stored<'_>, hasher: StoredHasher) -> Vec<u8> {
    let mut out = Vec::new();
    let version = match stored {
        Stored::String(text) => {
            write::string(&mut out, put_plain, &text.contiguous());
            VERSION
        }
        Stored::Collection { heap, kind, record } => plain(&mut out, heap, kind, record, hasher),
    };
    seal(&mut out, version);
    out
}

/// A type's number and a value; the version of the format that has it.
fn as_redis_has_it(stored: Stored<'_>, hasher: StoredHasher, limits: &Encodings) -> (Vec<u8>, u16) {
    let mut out = Vec::new();
    let (heap, kind, record) = match stored {
        Stored::Collection { heap, kind, record } => (heap, kind, record),
        Stored::String(text) => {
            write::string(&mut out, put_shortest, &text.contiguous());
            return (out, VERSION);
        }
    };
    let encoding = collection::encoding(heap, kind, record, hasher, limits);
    match kind {
        Kind::String => unreachable!("a string is no collection"),
        Kind::List => {
            let items = List::open(record, hasher).iter_from(heap, 0);
            write::list_packed(&mut out, items.map(|text| text.view(heap).contiguous()));
        }
        Kind::Set => {
            let set = Set::open(record, hasher);
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
        Kind::Zset => {
            let zset = Zset::open(record, hasher);
            let scored =
                |item: zset::Scored<'_>| (item.text.view(heap).contiguous().into_owned(), item.score);
            match encoding {
                "listpack" => write::zset_packed(&mut out, zset.iter_from(heap, 0).map(scored)),
                // From the last to the first, as Redis writes a skip list.
                _ => {
                    let members = zset.back_from(heap, zset.len()).map(scored);
                    write::zset(&mut out, put_shortest, zset.len(), members);
                }
            }
        }
        Kind::Hash => {
            let hash = Hash::open(record, hasher);
            match (hash.earliest_ms(), encoding) {
                (Some(_), _) => return (out_of_hash(heap, &hash, put_shortest), VERSION_TIMED),
                (None, "listpack") => write::hash_packed(&mut out, pairs_of(heap, &hash)),
                (None, _) => write::hash(&mut out, put_shortest, hash.len(), pairs_of(heap, &hash)),
            }
        }
        Kind::Stream => stream::write(&mut out, put_shortest, &Stream::open(record, hasher).image(heap)),
    }
    (out, VERSION)
}

// ---- inside this server -------------------------------------------------------------------------

/// A collection in private memory: what its encoding remembers of its past, then the collection in its plainest form.
/// O(length).
pub fn collection_bytes(heap: &Heap, kind: Kind, record: &[u8], hasher: StoredHasher) -> Vec<u8> {
    let history = match kind {
        Kind::Set => Set::open(record, hasher).history(),
        Kind::Zset => u8::from(Zset::open(record, hasher).is_large()),
        Kind::Hash => Hash::open(record, hasher).history(),
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
        Kind::Zset => {
            let zset = Zset::open(record, hasher);
            let members = zset.iter_from(heap, 0).map(|item| (item.text.view(heap).contiguous(), item.score));
            write::zset(out, put_plain, zset.len(), members);
        }
        Kind::Hash => {
            let hash = Hash::open(record, hasher);
            if hash.earliest_ms().is_some() {
                out.extend(out_of_hash(heap, &hash, put_plain));
                return VERSION_TIMED;
            }
            write::hash(out, put_plain, hash.len(), pairs_of(heap, &hash));
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
        Made::Collection(_, record) => Ok(record),
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

/// Builds a value of distinct elements in a heap. O(n log n).
///
/// # Errors
/// [`OutOfMemory`].
pub fn made_of<'v>(
    heap: &mut Heap,
    hasher: StoredHasher,
    value: &'v Value<'_>,
    encoding: Encoding<'_>,
) -> Result<Made<'v>, OutOfMemory> {
    let history = match encoding {
        Encoding::Kept(history) => history,
        Encoding::Fresh(_) => 0,
    };
    Ok(match value {
        Value::String(bytes) => Made::String(bytes),
        Value::List(items) => made(List::build(heap, items.iter())?, encoding),
        Value::Set(members) => {
            let set = Set::build(heap, hasher, &members.iter().collect::<Vec<_>>())?;
            made(set.with_history(history), encoding)
        }
        Value::Stream(image) => made(Stream::build(heap, hasher, image)?, encoding),
        Value::Zset(scored) => {
            let members: Vec<_> =
                scored.iter().map(|(member, score)| (score, Cow::Borrowed(member))).collect();
            let is_large = match encoding {
                Encoding::Kept(history) => history != 0,
                Encoding::Fresh(limits) => Zset::would_be_large(&members, limits),
            };
            made(Zset::build(heap, hasher, members, is_large)?, encoding)
        }
        Value::Hash(fields) => {
            let fields: Vec<_> = fields.iter().collect();
            made(Hash::build(heap, hasher, history, &fields)?, encoding)
        }
    })
}

/// The fields of a hash without deadlines, with their values.
fn pairs_of<'h>(
    heap: &'h Heap,
    hash: &Hash,
) -> impl Iterator<Item = (Cow<'h, [u8]>, Cow<'h, [u8]>)> + use<'h> {
    let fields = hash.iter(heap);
    fields.map(|field| (field.name.text.view(heap).contiguous(), field.value.view(heap).contiguous()))
}

/// A hash some of whose fields have deadlines.
fn out_of_hash(heap: &Heap, hash: &Hash, put: PutString) -> Vec<u8> {
    let mut out = Vec::new();
    let fields = hash.iter(heap).map(|field| {
        let text = |text: Text<'_>| text.view(heap).contiguous().into_owned();
        (text(field.name.text), text(field.value), field.deadline_ms)
    });
    let earliest_ms = hash.earliest_ms().unwrap_or_default();
    write::hash_timed(&mut out, put, hash.len(), earliest_ms, fields);
    out
}

fn made<T: Collection>(mut collection: T, encoding: Encoding<'_>) -> Made<'static> {
    if let Encoding::Fresh(limits) = encoding {
        collection.note_size(limits);
    }
    Made::Collection(T::KIND, collection.record())
}
