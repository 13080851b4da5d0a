//! A whole stream in private memory: on its way to another shard, or into a file.

use std::collections::HashMap;

use shm::stored_hash::StoredHasher;
use shm::{Heap, OutOfMemory};

use super::{Pending, Stream, StreamId};
use crate::types::collection::Collection;

type Bytes = Vec<u8>;

/// Everything that can be told of a stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StreamImage {
    /// Names and values in turn.
    pub entries: Vec<(StreamId, Vec<Bytes>)>,
    pub last_id: StreamId,
    pub max_deleted_id: StreamId,
    pub entries_added: u64,
    pub groups: Vec<GroupImage>,
    /// Its format does not say how many entries groups have read: that is told by where they stand, as far as it can be.
    pub is_uncounted: bool,
}

/// A group with its consumers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupImage {
    pub name: Bytes,
    pub last_id: StreamId,
    pub entries_read: Option<u64>,
    pub consumers: Vec<ConsumerImage>,
}

/// A consumer with what it has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConsumerImage {
    pub name: Bytes,
    pub seen_ms: u64,
    pub active_ms: Option<u64>,
    /// ID, time of the last delivery in unix milliseconds, number of deliveries; ascending.
    pub pending: Vec<(StreamId, u64, u64)>,
}

impl Stream {
    /// A copy in private memory. O(length).
    pub fn image(&self, heap: &Heap) -> StreamImage {
        let reader = self.reader(heap);
        let entries = self.entries.iter(heap).map(|entry| {
            let view = reader.view(entry);
            let words = view.fields().flat_map(|(name, value)| [name.to_vec(), value.to_vec()]);
            (view.id, words.collect())
        });
        let groups = self.groups(heap).map(|(name, group)| {
            let mut places = HashMap::new();
            let mut consumers = Vec::new();
            for (name, consumer) in self.consumers(heap, group.number) {
                places.insert(consumer.number, consumers.len());
                consumers.push(ConsumerImage {
                    name: name.view(heap).contiguous().into_owned(),
                    seen_ms: consumer.seen_ms,
                    active_ms: consumer.active_ms,
                    pending: Vec::new(),
                });
            }
            for pending in self.pending_from(heap, group.number, StreamId::MIN) {
                if let Some(place) = places.get(&pending.consumer) {
                    let own: &mut ConsumerImage = &mut consumers[*place];
                    own.pending.push((pending.id, pending.delivered_ms, pending.deliveries));
                }
            }
            GroupImage {
                name: name.view(heap).contiguous().into_owned(),
                last_id: group.last_id,
                entries_read: group.entries_read,
                consumers,
            }
        });
        StreamImage {
            entries: entries.collect(),
            last_id: self.last_id,
            max_deleted_id: self.max_deleted_id,
            entries_added: self.entries_added,
            groups: groups.collect(),
            is_uncounted: false,
        }
    }

    /// A stream like this. Entries ascend; names of groups and of each group's consumers are unique, and an entry is
    /// pending once in a group. O(n log n).
    ///
    /// # Errors
    /// [`OutOfMemory`].
    pub fn build(heap: &mut Heap, hasher: StoredHasher, image: &StreamImage) -> Result<Stream, OutOfMemory> {
        let mut stream = Stream::empty(hasher);
        for (id, words) in &image.entries {
            let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
            stream.add(heap, *id, &words)?;
        }
        stream.last_id = image.last_id;
        stream.max_deleted_id = image.max_deleted_id;
        stream.entries_added = image.entries_added;
        for of_group in &image.groups {
            let entries_read = if image.is_uncounted {
                stream.count_up_to(heap, of_group.last_id)
            } else {
                of_group.entries_read
            };
            let group = stream.create_group(heap, &of_group.name, of_group.last_id, entries_read)?.number;
            for own in &of_group.consumers {
                let mut consumer = stream.create_consumer(heap, group, &own.name, own.seen_ms)?;
                consumer.active_ms = own.active_ms;
                stream.store_consumer(heap, group, &own.name, consumer)?;
                for (id, delivered_ms, deliveries) in own.pending.iter().copied() {
                    let consumer = consumer.number;
                    stream.deliver(heap, Pending { group, consumer, id, delivered_ms, deliveries })?;
                }
            }
        }
        Ok(stream)
    }
}
