//! Values as bytes, in the format of Redis's RDB files: for DUMP and RESTORE, and for values that move to another shard.

mod stream;
use std::borrow::Cow;

use shm::stored_hash::StoredHasher;
use shm::{Heap, OutOfMemory};

use crate::keyspace::EntryView;
use crate::types::Kind;
use crate::types::collection::{Collection, Record};
use crate::types::hash::{Given, Hash};
use crate::types::list::List;
use crate::types::set::Set;
use crate::types::stream::Stream;
use crate::types::zset::Zset;

/// The serialized form of an entry's value, as DUMP answers it.
pub fn payload_of(entry: &EntryView<'_>, hasher: StoredHasher) -> Vec<u8> {
    collection_bytes(entry.heap(), entry.kind(), entry.record(), hasher)
}

/// A collection in private memory. O(length).
pub fn collection_bytes(heap: &Heap, kind: Kind, record: &[u8], hasher: StoredHasher) -> Vec<u8> {
    let mut out = Vec::new();
    let mut put = |bytes: &[u8]| {
        out.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
        out.extend_from_slice(bytes);
    };
    match kind {
        Kind::String => {}
        Kind::List => {
            let list = List::open(record, hasher);
            list.iter_from(heap, 0).for_each(|text| put(&text.view(heap).contiguous()));
        }
        Kind::Set => Set::open(record, hasher).iter(heap).for_each(|text| put(&text.view(heap).contiguous())),
        Kind::Stream => return stream::bytes_of(&Stream::open(record, hasher).image(heap)),
        Kind::Zset => {
            let zset = Zset::open(record, hasher);
            put(&[u8::from(zset.is_large())]);
            zset.iter_from(heap, 0).for_each(|item| {
                put(&item.score.to_le_bytes());
                put(&item.text.view(heap).contiguous());
            });
        }
        Kind::Hash => {
            let hash = Hash::open(record, hasher);
            put(&[hash.history()]);
            for field in hash.iter(heap) {
                put(&field.name.text.view(heap).contiguous());
                put(&field.value.view(heap).contiguous());
                put(&field.deadline_ms.map(u64::to_le_bytes).unwrap_or_default());
            }
        }
    }
    out
}

/// Stores a collection that [`collection_bytes`] has made.
///
/// # Errors
/// [`OutOfMemory`].
pub fn collection_from(
    heap: &mut Heap,
    kind: Kind,
    bytes: &[u8],
    hasher: StoredHasher,
) -> Result<Record, OutOfMemory> {
    let mut rest = bytes;
    let mut texts = std::iter::from_fn(|| {
        let (len, after) = rest.split_first_chunk()?;
        let (text, after) = after.split_at(u64::from_le_bytes(*len) as usize);
        rest = after;
        Some(text)
    });
    match kind {
        Kind::String => unreachable!("a string is no collection"),
        Kind::List => {
            let mut list = List::empty(hasher);
            for text in texts {
                list.insert(heap, list.len(), text)?;
            }
            Ok(list.record())
        }
        Kind::Zset => {
            let is_large = texts.next() == Some(&[1]);
            let mut members = Vec::new();
            while let (Some(score), Some(member)) = (texts.next(), texts.next()) {
                let score = score.try_into().map_or(0.0, f64::from_le_bytes);
                members.push((score, Cow::Borrowed(member)));
            }
            Ok(Zset::build(heap, hasher, members, is_large)?.record())
        }
        Kind::Set => Ok(Set::build(heap, hasher, &texts.collect::<Vec<_>>())?.record()),
        Kind::Stream => {
            let image = stream::image_of(bytes).expect("bytes that were made here");
            Ok(Stream::build(heap, hasher, &image)?.record())
        }
        Kind::Hash => {
            let mut texts = texts;
            let history = texts.next().and_then(|text| text.first()).copied().unwrap_or_default();
            let fields = std::iter::from_fn(|| {
                let (name, value, deadline) = (texts.next()?, texts.next()?, texts.next()?);
                let deadline_ms = deadline.first_chunk().map(|word| u64::from_le_bytes(*word));
                Some((name, value, deadline_ms.filter(|deadline_ms| *deadline_ms > 0)))
            });
            let fields: Vec<Given<'_>> = fields.collect();
            Ok(Hash::build(heap, hasher, history, &fields)?.record())
        }
    }
}
