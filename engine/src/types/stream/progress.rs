//! How far a group has come, as far as that can be told.
//!
//! Entries are counted from the stream's first ever. A group knows the count of the entry it has read last as long as
//! it reads one after the other and none was deleted out of order ahead of it; else the count can sometimes be found
//! from where an ID lies.

use shm::Heap;

use super::members::Group;
use super::{Stream, StreamId};
use crate::types::collection::Collection;

impl Stream {
    /// Whether an entry may have been deleted out of order from one ID to another.
    fn has_tombstones(&self, heap: &Heap, from: StreamId, to: StreamId) -> bool {
        let deleted = self.max_deleted_id;
        self.len() > 0
            && deleted != StreamId::MIN
            // What was deleted before the first entry is not ahead of anybody.
            && self.first_id(heap) <= deleted
            && (from..=to).contains(&deleted)
    }

    /// How many entries there were up to an ID, if that can be told.
    pub fn count_up_to(&self, heap: &Heap, id: StreamId) -> Option<u64> {
        if self.entries_added == 0 {
            return Some(0);
        }
        let len = self.len() as u64;
        if len == 0 && id <= self.last_id {
            return Some(self.entries_added);
        }
        if id >= self.last_id {
            return (id == self.last_id).then_some(self.entries_added);
        }
        let first = self.first_id(heap);
        // Without gaps only what lies before the first entry can be told.
        if self.max_deleted_id != StreamId::MIN && self.max_deleted_id >= first || id > first {
            return None;
        }
        Some(self.entries_added.wrapping_sub(len).wrapping_add(u64::from(id == first)))
    }

    /// How many entries a group has still before it, if that can be told.
    pub fn lag(&self, heap: &Heap, group: &Group) -> Option<i64> {
        if self.entries_added == 0 {
            return Some(0);
        }
        let read = match group.entries_read {
            Some(read) if !self.has_tombstones(heap, group.last_id, StreamId::MAX) => read,
            _ => self.count_up_to(heap, group.last_id)?,
        };
        Some(self.entries_added.wrapping_sub(read).cast_signed())
    }

    /// Notes that a group has read the entry with this ID.
    pub fn advance(&self, heap: &Heap, group: &mut Group, id: StreamId) {
        if id <= group.last_id {
            return;
        }
        group.entries_read = match group.entries_read {
            Some(read) if !self.has_tombstones(heap, id, StreamId::MAX) => Some(read.wrapping_add(1)),
            _ if self.entries_added > 0 => self.count_up_to(heap, id),
            unknown => unknown,
        };
        group.last_id = id;
    }
}
