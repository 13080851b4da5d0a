//! Values as they are kept, to be compared whatever way they went.

use shm::stored_hash::StoredHasher;

use crate::codec::{self, Fields, Scored, Stored, Value};
use crate::types::stream::{StreamImage, TIME_MS_MAX};

/// A value where it lies, taken through the plainest form of a dump and [`settled`].
///
/// # Panics
/// When it cannot be read from it.
pub fn value_of(stored: Stored<'_>, hasher: StoredHasher, now_ms: u64) -> Value<'static> {
    let payload = codec::payload_of(stored, hasher);
    settled(&codec::open(&payload).expect("what was written can be read"), now_ms)
}

/// A value as it is kept: elements without an order in an order, without fields that are gone, and times within bounds.
pub fn settled(value: &Value<'_>, now_ms: u64) -> Value<'static> {
    match value {
        Value::String(bytes) => Value::String(bytes.clone().into_owned().into()),
        Value::List(items) => Value::List(items.clone()),
        Value::Set(members) => {
            let mut members: Vec<&[u8]> = members.iter().collect();
            members.sort_unstable();
            Value::Set(members.into_iter().collect())
        }
        Value::Zset(scored) => {
            let mut members: Vec<_> = scored.iter().collect();
            members.sort_unstable_by_key(|(member, _)| *member);
            let mut sorted = Scored::default();
            members.iter().for_each(|(member, score)| sorted.push(member, *score));
            Value::Zset(sorted)
        }
        Value::Hash(fields) => Value::Hash(settled_fields(fields, now_ms)),
        Value::Stream(image) => Value::Stream(settled_stream(image.clone())),
    }
}

fn settled_fields(fields: &Fields, now_ms: u64) -> Fields {
    let is_live = |deadline_ms: Option<u64>| deadline_ms.is_none_or(|deadline_ms| deadline_ms > now_ms);
    let mut live: Vec<_> = fields.iter().filter(|(.., deadline_ms)| is_live(*deadline_ms)).collect();
    live.sort_unstable();
    let is_timed = live.iter().any(|(.., deadline_ms)| deadline_ms.is_some());
    let mut sorted = Fields::default();
    for (name, value, deadline_ms) in live {
        match is_timed {
            true => sorted.push_timed(name, value, deadline_ms),
            false => sorted.push(name, value),
        }
    }
    sorted
}

fn settled_stream(mut image: StreamImage) -> StreamImage {
    image.groups.sort_by(|one, other| one.name.cmp(&other.name));
    for group in &mut image.groups {
        group.consumers.sort_by(|one, other| one.name.cmp(&other.name));
        for consumer in &mut group.consumers {
            consumer.seen_ms = consumer.seen_ms.min(TIME_MS_MAX);
            consumer.active_ms = consumer.active_ms.filter(|active_ms| *active_ms < TIME_MS_MAX);
            for (_, delivered_ms, _) in &mut consumer.pending {
                *delivered_ms = (*delivered_ms).min(TIME_MS_MAX);
            }
        }
    }
    image
}
