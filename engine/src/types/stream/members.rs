//! How groups and consumers are packed: found by name, referred to by number.
//!
//! ```text
//! group     name text, number u32, last delivered ID u64*2, entries read u64 (all ones: unknown)
//! consumer  number of the group u32, name text, number u32, seen u48, active u48 (all ones: never)
//! ```

use std::cmp::Ordering;

use shm::Heap;
use shm::rbtree::Packing;

use super::{StreamId, TIME_LEN, TIME_MS_MAX, put_time, time_in};
use crate::types::element::{Elements, Owned, garbage};
use crate::types::text::Text;

/// A group of consumers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Group {
    pub number: u32,
    /// The ID of the last entry that was delivered.
    pub last_id: StreamId,
    /// How many entries, counted from the stream's first ever, were read up to `last_id`; `None` if unknown.
    pub entries_read: Option<u64>,
}

/// A consumer of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Consumer {
    pub number: u32,
    /// When it was last heard of, unix milliseconds.
    pub seen_ms: u64,
    /// When it last got an entry, unix milliseconds.
    pub active_ms: Option<u64>,
}

/// Bytes behind a group's name.
const GROUP_LEN: usize = 4 + 8 + 8 + 8;
/// Bytes before and behind a consumer's name.
const OF_GROUP_LEN: usize = 4;
const CONSUMER_LEN: usize = 4 + 2 * TIME_LEN;
const NEVER: u64 = TIME_MS_MAX;
const UNKNOWN: u64 = u64::MAX;

/// How groups are packed, by name.
#[derive(Debug, Clone, Copy)]
pub struct Groups;

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap_or_default())
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap_or_default())
}

impl Packing for Groups {
    type Key<'k> = Text<'k>;
    type Item<'i> = (Text<'i>, Group);

    fn encoded_len(self, (name, _): Self::Item<'_>) -> usize {
        name.encoded_len() + GROUP_LEN
    }

    fn encode(self, (name, group): Self::Item<'_>, _: u64, out: &mut [u8]) {
        let rest = name.encode(out);
        rest[..4].copy_from_slice(&group.number.to_le_bytes());
        rest[4..12].copy_from_slice(&group.last_id.ms.to_le_bytes());
        rest[12..20].copy_from_slice(&group.last_id.seq.to_le_bytes());
        rest[20..28].copy_from_slice(&group.entries_read.unwrap_or(UNKNOWN).to_le_bytes());
    }

    fn element_len(self, bytes: &[u8]) -> usize {
        (Text::len_at(bytes) + GROUP_LEN).min(bytes.len())
    }

    fn decode(self, bytes: &[u8], _: u64) -> Self::Item<'_> {
        let (name, rest) = Text::decode(bytes);
        let group = Group {
            number: u32_at(rest, 0),
            last_id: StreamId::new(u64_at(rest, 4), u64_at(rest, 12)),
            entries_read: Some(u64_at(rest, 20)).filter(|count| *count != UNKNOWN),
        };
        (name, group)
    }

    fn is_sound(self, bytes: &[u8], _: u64) -> bool {
        Text::sound_rest(bytes).is_some_and(|rest| rest.len() == GROUP_LEN)
    }

    fn key_of<'i>(self, _: &Heap, item: Self::Item<'i>) -> Self::Key<'i> {
        item.0
    }

    fn compare(self, heap: &Heap, key: Text<'_>, item: Self::Item<'_>) -> Ordering {
        key.compare(heap, item.0)
    }
}

impl Elements for Groups {
    const GARBAGE: u8 = garbage::STREAM_GROUPS;

    fn owned(item: Self::Item<'_>) -> Owned {
        [item.0.extent(), None]
    }

    fn with_owned<'i>(item: Self::Item<'i>, owned: Owned) -> Self::Item<'i> {
        (owned[0].map_or(item.0, Text::Apart), item.1)
    }
}

/// How consumers are packed, by the number of their group and their name.
#[derive(Debug, Clone, Copy)]
pub struct Consumers;

impl Packing for Consumers {
    type Key<'k> = (u32, Text<'k>);
    type Item<'i> = (u32, Text<'i>, Consumer);

    fn encoded_len(self, (_, name, _): Self::Item<'_>) -> usize {
        OF_GROUP_LEN + name.encoded_len() + CONSUMER_LEN
    }

    fn encode(self, (group, name, consumer): Self::Item<'_>, _: u64, out: &mut [u8]) {
        let (of_group, out) = out.split_at_mut(OF_GROUP_LEN);
        of_group.copy_from_slice(&group.to_le_bytes());
        let (number, out) = name.encode(out).split_at_mut(4);
        number.copy_from_slice(&consumer.number.to_le_bytes());
        put_time(put_time(out, consumer.seen_ms), consumer.active_ms.unwrap_or(NEVER));
    }

    fn element_len(self, bytes: &[u8]) -> usize {
        match bytes.get(OF_GROUP_LEN..) {
            Some(rest) if !rest.is_empty() => {
                (OF_GROUP_LEN + Text::len_at(rest) + CONSUMER_LEN).min(bytes.len())
            }
            _ => bytes.len(),
        }
    }

    fn decode(self, bytes: &[u8], _: u64) -> Self::Item<'_> {
        let (name, rest) = Text::decode(&bytes[OF_GROUP_LEN..]);
        let (seen_ms, after) = time_in(&rest[4..]);
        let (active_ms, _) = time_in(after);
        let active_ms = Some(active_ms).filter(|time| *time != NEVER);
        (u32_at(bytes, 0), name, Consumer { number: u32_at(rest, 0), seen_ms, active_ms })
    }

    fn is_sound(self, bytes: &[u8], _: u64) -> bool {
        let rest = bytes.get(OF_GROUP_LEN..).and_then(Text::sound_rest);
        rest.is_some_and(|rest| rest.len() == CONSUMER_LEN)
    }

    fn key_of<'i>(self, _: &Heap, item: Self::Item<'i>) -> Self::Key<'i> {
        (item.0, item.1)
    }

    fn compare(self, heap: &Heap, key: (u32, Text<'_>), item: Self::Item<'_>) -> Ordering {
        key.0.cmp(&item.0).then_with(|| key.1.compare(heap, item.1))
    }
}

impl Elements for Consumers {
    const GARBAGE: u8 = garbage::STREAM_CONSUMERS;

    fn owned(item: Self::Item<'_>) -> Owned {
        [item.1.extent(), None]
    }

    fn with_owned<'i>(item: Self::Item<'i>, owned: Owned) -> Self::Item<'i> {
        (item.0, owned[0].map_or(item.1, Text::Apart), item.2)
    }
}
