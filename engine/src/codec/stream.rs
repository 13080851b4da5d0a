//! Streams as bytes: numbers in 8 bytes, words with their length before them, lists with their number of items.

use crate::types::stream::{ConsumerImage, GroupImage, StreamId, StreamImage};

/// Stands for a number that is unknown.
const NONE: u64 = u64::MAX;

/// The serialized form.
pub fn bytes_of(image: &StreamImage) -> Vec<u8> {
    let mut out = Writer(Vec::new());
    for number in [image.entries_added, image.entries.len() as u64] {
        out.number(number);
    }
    out.id(image.last_id);
    out.id(image.max_deleted_id);
    for (id, words) in &image.entries {
        out.id(*id);
        out.number(words.len() as u64);
        words.iter().for_each(|word| out.word(word));
    }
    out.number(image.groups.len() as u64);
    for group in &image.groups {
        out.word(&group.name);
        out.id(group.last_id);
        out.number(group.entries_read.unwrap_or(NONE));
        out.number(group.consumers.len() as u64);
        for consumer in &group.consumers {
            out.word(&consumer.name);
            out.number(consumer.seen_ms);
            out.number(consumer.active_ms.unwrap_or(NONE));
            out.number(consumer.pending.len() as u64);
            for (id, delivered_ms, deliveries) in &consumer.pending {
                out.id(*id);
                out.number(*delivered_ms);
                out.number(*deliveries);
            }
        }
    }
    out.0
}

/// What [`bytes_of`] has written; `None` of anything else.
pub fn image_of(bytes: &[u8]) -> Option<StreamImage> {
    let mut from = Reader(bytes);
    let entries_added = from.number()?;
    let entry_count = from.number()?;
    let (last_id, max_deleted_id) = (from.id()?, from.id()?);
    let entries = from.list(entry_count, |from| {
        let id = from.id()?;
        let words = from.number()?;
        Some((id, from.list(words, Reader::word)?))
    })?;
    let group_count = from.number()?;
    let groups = from.list(group_count, |from| {
        let (name, last_id, entries_read, consumers) =
            (from.word()?, from.id()?, from.number()?, from.number()?);
        let consumers = from.list(consumers, |from| {
            let (name, seen_ms, active_ms, pending) =
                (from.word()?, from.number()?, from.number()?, from.number()?);
            let pending = from.list(pending, |from| Some((from.id()?, from.number()?, from.number()?)))?;
            Some(ConsumerImage {
                name,
                seen_ms,
                active_ms: Some(active_ms).filter(|ms| *ms != NONE),
                pending,
            })
        })?;
        let entries_read = Some(entries_read).filter(|read| *read != NONE);
        Some(GroupImage { name, last_id, entries_read, consumers })
    })?;
    from.0.is_empty().then_some(StreamImage { entries, last_id, max_deleted_id, entries_added, groups })
}

struct Writer(Vec<u8>);

impl Writer {
    fn number(&mut self, number: u64) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    fn id(&mut self, id: StreamId) {
        self.number(id.ms);
        self.number(id.seq);
    }

    fn word(&mut self, word: &[u8]) {
        self.number(word.len() as u64);
        self.0.extend_from_slice(word);
    }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn number(&mut self) -> Option<u64> {
        let (number, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u64::from_le_bytes(*number))
    }

    fn id(&mut self) -> Option<StreamId> {
        Some(StreamId::new(self.number()?, self.number()?))
    }

    fn word(&mut self) -> Option<Vec<u8>> {
        let len = usize::try_from(self.number()?).ok()?;
        let (word, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(word.to_vec())
    }

    fn list<T>(&mut self, count: u64, mut item: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        (0..count).map(|_| item(self)).collect()
    }
}
