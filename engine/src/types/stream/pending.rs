//! Entries that were delivered and not acknowledged yet, twice: by group, with all that is known of a delivery, and by
//! consumer, for what one of them has.
//!
//! ```text
//! by group     base: group u32, upper half of the milliseconds u32
//!              lower half of the milliseconds u32, seq varint, consumer varint, time of delivery u48, deliveries varint
//! by consumer  base: group u32, consumer u32
//!              milliseconds varint, seq varint
//! ```

use std::cmp::Ordering;

use shm::Heap;
use shm::rbtree::Packing;

use super::{StreamId, TIME_LEN, put_time, time_in, varint};
use crate::types::element::{Elements, garbage};

/// A delivery of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pending {
    /// Numbers of the group and of the consumer.
    pub group: u32,
    pub consumer: u32,
    pub id: StreamId,
    /// Of the last delivery, unix milliseconds.
    pub delivered_ms: u64,
    /// How many times it was delivered.
    pub deliveries: u64,
}

/// How deliveries are packed, by group and ID.
#[derive(Debug, Clone, Copy)]
pub struct ByGroup;

const LOW_LEN: usize = 4;

fn base_of(item: Pending) -> u64 {
    u64::from(item.group) << 32 | item.id.ms >> 32
}

impl Packing for ByGroup {
    type Key<'k> = (u32, StreamId);
    type Item<'i> = Pending;

    const BASED: bool = true;

    #[inline]
    fn encoded_len(self, item: Pending) -> usize {
        let varints = [item.id.seq, u64::from(item.consumer), item.deliveries];
        LOW_LEN + TIME_LEN + varints.into_iter().map(varint::len).sum::<usize>()
    }

    #[inline]
    fn encode(self, item: Pending, _: u64, out: &mut [u8]) {
        let (low, out) = out.split_at_mut(LOW_LEN);
        low.copy_from_slice(&(item.id.ms as u32).to_le_bytes());
        let out = varint::put(out, item.id.seq);
        let out = varint::put(out, u64::from(item.consumer));
        varint::put(put_time(out, item.delivered_ms), item.deliveries);
    }

    #[inline]
    fn element_len(self, bytes: &[u8]) -> usize {
        let (_, rest) = varint::get(bytes.get(LOW_LEN..).unwrap_or_default());
        let (_, rest) = varint::get(rest);
        let (_, rest) = varint::get(rest.get(TIME_LEN..).unwrap_or_default());
        bytes.len() - rest.len()
    }

    #[inline]
    fn decode(self, bytes: &[u8], base: u64) -> Pending {
        let low = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        let (seq, rest) = varint::get(&bytes[LOW_LEN..]);
        let (consumer, rest) = varint::get(rest);
        let (delivered_ms, rest) = time_in(rest);
        let (deliveries, _) = varint::get(rest);
        Pending {
            group: (base >> 32) as u32,
            consumer: consumer as u32,
            id: StreamId::new(base << 32 | u64::from(low), seq),
            delivered_ms,
            deliveries,
        }
    }

    fn is_sound(self, bytes: &[u8], _: u64) -> bool {
        let sound = || {
            let (_, rest) = varint::sound(bytes.get(LOW_LEN..)?)?;
            let (consumer, rest) = varint::sound(rest)?;
            let (_, rest) = varint::sound(rest.get(TIME_LEN..)?)?;
            (rest.is_empty() && consumer <= u64::from(u32::MAX)).then_some(())
        };
        sound().is_some()
    }

    fn key_of<'i>(self, _: &Heap, item: Self::Item<'i>) -> Self::Key<'i> {
        (item.group, item.id)
    }

    #[inline]
    fn compare(self, _: &Heap, key: (u32, StreamId), item: Pending) -> Ordering {
        key.cmp(&(item.group, item.id))
    }

    fn base_for(self, first: Pending, last: Pending) -> Option<u64> {
        (base_of(first) == base_of(last)).then(|| base_of(first))
    }

    #[inline]
    fn fits(self, base: u64, item: Pending) -> bool {
        base_of(item) == base
    }
}

impl Elements for ByGroup {
    const GARBAGE: u8 = garbage::STREAM_PENDING;
}

/// Whose an entry is: numbers of the group and of the consumer.
pub type Ownership = (u32, u32, StreamId);

/// How ownerships are packed, in their own order.
#[derive(Debug, Clone, Copy)]
pub struct ByConsumer;

fn owner_of(item: Ownership) -> u64 {
    u64::from(item.0) << 32 | u64::from(item.1)
}

impl Packing for ByConsumer {
    type Key<'k> = Ownership;
    type Item<'i> = Ownership;

    const BASED: bool = true;

    #[inline]
    fn encoded_len(self, (_, _, id): Ownership) -> usize {
        varint::len(id.ms) + varint::len(id.seq)
    }

    #[inline]
    fn encode(self, (_, _, id): Ownership, _: u64, out: &mut [u8]) {
        varint::put(varint::put(out, id.ms), id.seq);
    }

    #[inline]
    fn element_len(self, bytes: &[u8]) -> usize {
        bytes.len() - varint::get(varint::get(bytes).1).1.len()
    }

    #[inline]
    fn decode(self, bytes: &[u8], base: u64) -> Ownership {
        let (ms, rest) = varint::get(bytes);
        ((base >> 32) as u32, base as u32, StreamId::new(ms, varint::get(rest).0))
    }

    fn is_sound(self, bytes: &[u8], _: u64) -> bool {
        let seq = varint::sound(bytes).and_then(|(_, rest)| varint::sound(rest));
        seq.is_some_and(|(_, rest)| rest.is_empty())
    }

    fn key_of<'i>(self, _: &Heap, item: Self::Item<'i>) -> Self::Key<'i> {
        item
    }

    #[inline]
    fn compare(self, _: &Heap, key: Ownership, item: Ownership) -> Ordering {
        key.cmp(&item)
    }

    fn base_for(self, first: Ownership, last: Ownership) -> Option<u64> {
        (owner_of(first) == owner_of(last)).then(|| owner_of(first))
    }

    #[inline]
    fn fits(self, base: u64, item: Ownership) -> bool {
        owner_of(item) == base
    }
}

impl Elements for ByConsumer {
    const GARBAGE: u8 = garbage::STREAM_OWNED;
}
