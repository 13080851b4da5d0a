//! Blocks in the order of a time: what has to happen to which block, and when.

use std::cmp::Ordering;
use std::fmt;
use std::marker::PhantomData;

use super::Packing;
use crate::{Handle, Heap};

/// Pairs of a time and a handle, ordered by both, in 8 bytes each:
///
/// ```text
/// 0  time − base of the node   u32
/// 4  handle                    u32
/// ```
///
/// The times of a node lie within 2^32 of each other (49 days, if they are milliseconds).
pub struct TimedHandles<T: ?Sized>(PhantomData<fn() -> *const T>);

impl<T: ?Sized> TimedHandles<T> {
    /// The only value.
    pub const fn new() -> Self {
        TimedHandles(PhantomData)
    }
}

/// Times of a new node may lie so far before that of its first element without a change of base.
const HALF: u64 = 1 << 31;

impl<T: ?Sized> Packing for TimedHandles<T> {
    type Key<'k> = (u64, Handle<T>);
    type Item<'i> = (u64, Handle<T>);

    const ELEMENT_LEN: Option<usize> = Some(8);
    const BASED: bool = true;

    #[inline]
    fn encoded_len(self, _: (u64, Handle<T>)) -> usize {
        8
    }

    #[inline]
    fn encode(self, (time, handle): (u64, Handle<T>), base: u64, out: &mut [u8]) {
        out[..4].copy_from_slice(&((time - base) as u32).to_le_bytes());
        out[4..8].copy_from_slice(&handle.raw().to_le_bytes());
    }

    #[inline]
    fn element_len(self, _: &[u8]) -> usize {
        8
    }

    #[inline]
    fn decode(self, bytes: &[u8], base: u64) -> (u64, Handle<T>) {
        let delta = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        let raw = u32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]);
        // Only handles are ever encoded, and they are not 0.
        (base + u64::from(delta), Handle::from_raw(raw).expect("a handle with a time"))
    }

    fn is_sound(self, bytes: &[u8], base: u64) -> bool {
        let delta = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        bytes[4..8] != [0; 4] && base.checked_add(u64::from(delta)).is_some()
    }

    #[inline]
    fn key_of<'i>(self, _: &Heap, item: Self::Item<'i>) -> Self::Key<'i> {
        item
    }

    #[inline]
    fn compare(self, _: &Heap, key: (u64, Handle<T>), item: (u64, Handle<T>)) -> Ordering {
        key.cmp(&item)
    }

    fn base_for(self, (first, _): (u64, Handle<T>), (last, _): (u64, Handle<T>)) -> Option<u64> {
        let span = last - first;
        if span > u64::from(u32::MAX) {
            return None;
        }
        // In the middle of what can be reached, so that either end may still grow.
        Some((first + span / 2).saturating_sub(HALF).max(last.saturating_sub(u64::from(u32::MAX))))
    }

    #[inline]
    fn fits(self, base: u64, (time, _): (u64, Handle<T>)) -> bool {
        time.checked_sub(base).is_some_and(|delta| delta <= u64::from(u32::MAX))
    }

    fn rebase(self, element: &mut [u8], from: u64, to: u64) {
        let (time, handle) = self.decode(element, from);
        self.encode((time, handle), to, element);
    }
}

impl<T: ?Sized> Clone for TimedHandles<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T: ?Sized> Copy for TimedHandles<T> {}
impl<T: ?Sized> Default for TimedHandles<T> {
    fn default() -> Self {
        Self::new()
    }
}
impl<T: ?Sized> fmt::Debug for TimedHandles<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("TimedHandles")
    }
}
