//! Groups, their consumers, and what is delivered and not acknowledged.

use std::ops::{Bound, Range};

use shm::{Heap, OutOfMemory};

use super::members::{Consumer, Consumers, Group};
use super::pending::Pending;
use super::{Stream, StreamId};
use crate::types::element::{Elements, drop_tree, free_owned};
use crate::types::text::Text;

impl Stream {
    /// A number for a group or a consumer.
    fn hand_out(&mut self) -> Result<u32, OutOfMemory> {
        self.numbers = self.numbers.checked_add(1).ok_or(OutOfMemory)?;
        Ok(self.numbers)
    }

    // ---- groups -----------------------------------------------------------------------------

    /// The number of groups.
    pub fn group_count(&self) -> usize {
        self.groups.len()
    }

    /// The groups with their names, in the order of these.
    pub fn groups<'h>(&self, heap: &'h Heap) -> impl Iterator<Item = (Text<'h>, Group)> + use<'h> {
        self.groups.iter(heap)
    }

    /// The group of this name. O(log n).
    pub fn group(&self, heap: &Heap, name: &[u8]) -> Option<Group> {
        self.groups.get(heap, Text::Inline(name)).map(|(_, group)| group)
    }

    /// Makes a group; none has this name. O(log n).
    ///
    /// # Errors
    /// [`OutOfMemory`].
    pub fn create_group(
        &mut self,
        heap: &mut Heap,
        name: &[u8],
        last_id: StreamId,
        entries_read: Option<u64>,
    ) -> Result<Group, OutOfMemory> {
        let group = Group { number: self.hand_out()?, last_id, entries_read };
        let (mut position, found) = self.groups.find(heap, Text::Inline(name));
        debug_assert!(!found, "names of groups are unique");
        let name = Text::store(heap, name)?;
        self.groups.insert_here(heap, &mut position, (name, group))?;
        Ok(group)
    }

    /// Stores what has changed of a group. O(log n).
    ///
    /// # Errors
    /// [`OutOfMemory`].
    pub fn store_group(&mut self, heap: &mut Heap, name: &[u8], group: Group) -> Result<(), OutOfMemory> {
        let (mut position, found) = self.groups.find(heap, Text::Inline(name));
        if !found {
            return Ok(());
        }
        let (stored, before) = self.groups.item(heap, &position);
        if before == group {
            return Ok(());
        }
        match stored {
            Text::Inline(_) => self.groups.replace_here(heap, &mut position, (Text::Inline(name), group)),
            Text::Apart(extent) => {
                self.groups.replace_here(heap, &mut position, (Text::Apart(extent), group))
            }
        }
    }

    /// Drops a group with its consumers and deliveries, in O(log n) if there are many. Returns whether it was there.
    ///
    /// # Errors
    /// [`OutOfMemory`].
    pub fn destroy_group(&mut self, heap: &mut Heap, name: &[u8]) -> Result<bool, OutOfMemory> {
        let (mut position, found) = self.groups.find(heap, Text::Inline(name));
        if !found {
            return Ok(false);
        }
        let (stored, Group { number, .. }) = self.groups.item(heap, &position);
        let owned = [stored.extent(), None];
        self.groups.remove_here(heap, &mut position)?;
        free_owned(heap, owned)?;
        let pending = self.pending_ranks(heap, number, StreamId::MIN, StreamId::MAX);
        let pending = self.pending.remove_range(heap, pending)?;
        drop_tree(heap, pending)?;
        let consumers = self.consumer_ranks(heap, number);
        let consumers = self.consumers.remove_range(heap, consumers)?;
        drop_tree(heap, consumers)?;
        let first = (number, 0, StreamId::MIN);
        let last = (number, u32::MAX, StreamId::MAX);
        let owned = self.owned.ranks(heap, Bound::Included(first), Bound::Included(last));
        let owned = self.owned.remove_range(heap, owned)?;
        drop_tree(heap, owned)?;
        Ok(true)
    }

    // ---- consumers --------------------------------------------------------------------------

    fn consumer_ranks(&self, heap: &Heap, group: u32) -> Range<usize> {
        let from = Bound::Included((group, Text::Inline(&[])));
        // A number beyond the last is not handed out.
        let to = match group.checked_add(1) {
            Some(next) => Bound::Excluded((next, Text::Inline(&[]))),
            None => Bound::Unbounded,
        };
        self.consumers.ranks(heap, from, to)
    }

    /// How many consumers a group has. O(log n).
    pub fn consumer_count(&self, heap: &Heap, group: u32) -> usize {
        self.consumer_ranks(heap, group).len()
    }

    /// The consumers of a group with their names, in the order of these.
    pub fn consumers<'h>(
        &self,
        heap: &'h Heap,
        group: u32,
    ) -> impl Iterator<Item = (Text<'h>, Consumer)> + use<'h> {
        let ranks = self.consumer_ranks(heap, group);
        let consumers = self.consumers.iter_from(heap, self.consumers.seek(heap, ranks.start));
        consumers.take(ranks.len()).map(|(_, name, consumer)| (name, consumer))
    }

    /// The consumer of this name in a group. O(log n).
    pub fn consumer(&self, heap: &Heap, group: u32, name: &[u8]) -> Option<Consumer> {
        self.consumers.get(heap, (group, Text::Inline(name))).map(|(_, _, consumer)| consumer)
    }

    /// Makes a consumer; none of the group has this name. O(log n).
    ///
    /// # Errors
    /// [`OutOfMemory`].
    pub fn create_consumer(
        &mut self,
        heap: &mut Heap,
        group: u32,
        name: &[u8],
        seen_ms: u64,
    ) -> Result<Consumer, OutOfMemory> {
        let consumer = Consumer { number: self.hand_out()?, seen_ms, active_ms: None };
        let (mut position, found) = self.consumers.find(heap, (group, Text::Inline(name)));
        debug_assert!(!found, "names of consumers are unique in their group");
        let name = Text::store(heap, name)?;
        self.consumers.insert_here(heap, &mut position, (group, name, consumer))?;
        Ok(consumer)
    }

    /// Stores what has changed of a consumer. O(log n).
    ///
    /// # Errors
    /// [`OutOfMemory`].
    pub fn store_consumer(
        &mut self,
        heap: &mut Heap,
        group: u32,
        name: &[u8],
        consumer: Consumer,
    ) -> Result<(), OutOfMemory> {
        let (mut position, found) = self.consumers.find(heap, (group, Text::Inline(name)));
        if !found {
            return Ok(());
        }
        let (_, stored, before) = self.consumers.item(heap, &position);
        if before == consumer {
            return Ok(());
        }
        let name = stored.extent().map_or(Text::Inline(name), Text::Apart);
        self.consumers.replace_here(heap, &mut position, (group, name, consumer))
    }

    /// Drops a consumer with its deliveries. Returns how many these were, if there was such a consumer. O(log n) for
    /// each of them.
    ///
    /// # Errors
    /// [`OutOfMemory`].
    pub fn delete_consumer(
        &mut self,
        heap: &mut Heap,
        group: u32,
        name: &[u8],
    ) -> Result<Option<usize>, OutOfMemory> {
        let (mut position, found) = self.consumers.find(heap, (group, Text::Inline(name)));
        if !found {
            return Ok(None);
        }
        let item = self.consumers.item(heap, &position);
        let (owned, Consumer { number, .. }) = (Consumers::owned(item), item.2);
        self.consumers.remove_here(heap, &mut position)?;
        free_owned(heap, owned)?;
        let ids: Vec<StreamId> = self.owned_from(heap, group, number, StreamId::MIN).collect();
        for id in &ids {
            self.pending.remove(heap, (group, *id))?;
        }
        let ranks = self.owned_ranks(heap, group, number);
        let owned = self.owned.remove_range(heap, ranks)?;
        drop_tree(heap, owned)?;
        Ok(Some(ids.len()))
    }

    // ---- deliveries -------------------------------------------------------------------------

    fn pending_ranks(&self, heap: &Heap, group: u32, from: StreamId, to: StreamId) -> Range<usize> {
        self.pending.ranks(heap, Bound::Included((group, from)), Bound::Included((group, to)))
    }

    fn owned_ranks(&self, heap: &Heap, group: u32, consumer: u32) -> Range<usize> {
        let first = Bound::Included((group, consumer, StreamId::MIN));
        self.owned.ranks(heap, first, Bound::Included((group, consumer, StreamId::MAX)))
    }

    /// How many entries wait for a group to acknowledge them. O(log n).
    pub fn pending_count(&self, heap: &Heap, group: u32) -> usize {
        self.pending_ranks(heap, group, StreamId::MIN, StreamId::MAX).len()
    }

    /// How many of them a consumer has. O(log n).
    pub fn owned_count(&self, heap: &Heap, group: u32, consumer: u32) -> usize {
        self.owned_ranks(heap, group, consumer).len()
    }

    /// The delivery of an entry to a group. O(log n).
    pub fn pending(&self, heap: &Heap, group: u32, id: StreamId) -> Option<Pending> {
        self.pending.get(heap, (group, id))
    }

    /// The last of the deliveries to a group. O(log n).
    pub fn last_pending(&self, heap: &Heap, group: u32) -> Option<Pending> {
        let ranks = self.pending_ranks(heap, group, StreamId::MIN, StreamId::MAX);
        self.pending.at(heap, ranks.end.checked_sub(1)?).filter(|pending| pending.group == group)
    }

    /// The deliveries to a group from an ID on.
    pub fn pending_from<'h>(
        &self,
        heap: &'h Heap,
        group: u32,
        from: StreamId,
    ) -> impl Iterator<Item = Pending> + use<'h> {
        let position = self.pending.find(heap, (group, from)).0;
        self.pending.iter_from(heap, position).take_while(move |pending| pending.group == group)
    }

    /// The IDs of what a consumer has, from one on.
    pub fn owned_from<'h>(
        &self,
        heap: &'h Heap,
        group: u32,
        consumer: u32,
        from: StreamId,
    ) -> impl Iterator<Item = StreamId> + use<'h> {
        let position = self.owned.find(heap, (group, consumer, from)).0;
        self.owned
            .iter_from(heap, position)
            .take_while(move |(of, by, _)| (*of, *by) == (group, consumer))
            .map(|(_, _, id)| id)
    }

    /// Notes a delivery, over one of the same entry to the same group. O(log n).
    ///
    /// # Errors
    /// [`OutOfMemory`].
    pub fn deliver(&mut self, heap: &mut Heap, pending: Pending) -> Result<(), OutOfMemory> {
        let Pending { group, consumer, id, .. } = pending;
        let (mut position, found) = self.pending.find(heap, (group, id));
        if found {
            let before = self.pending.item(heap, &position);
            self.pending.replace_here(heap, &mut position, pending)?;
            if before.consumer == consumer {
                return Ok(());
            }
            self.owned.remove(heap, (group, before.consumer, id))?;
        } else {
            self.pending.insert_here(heap, &mut position, pending)?;
        }
        self.owned.insert(heap, (group, consumer, id))?;
        Ok(())
    }

    /// Forgets a delivery. Returns whether there was one. O(log n).
    ///
    /// # Errors
    /// [`OutOfMemory`] when the undo log is full.
    pub fn acknowledge(&mut self, heap: &mut Heap, group: u32, id: StreamId) -> Result<bool, OutOfMemory> {
        let (mut position, found) = self.pending.find(heap, (group, id));
        if found {
            let Pending { consumer, .. } = self.pending.item(heap, &position);
            self.pending.remove_here(heap, &mut position)?;
            self.owned.remove(heap, (group, consumer, id))?;
        }
        Ok(found)
    }

    // ---- references -------------------------------------------------------------------------

    /// Whether a group has an entry still before it, or waits for its acknowledgement. O(groups).
    pub fn is_referenced(&self, heap: &Heap, id: StreamId) -> bool {
        let mut groups = self.groups.iter(heap);
        groups.any(|(_, group)| group.last_id < id || self.pending.find(heap, (group.number, id)).1)
    }

    /// Forgets the deliveries of an entry to all groups. Returns whether there were any. O(groups).
    ///
    /// # Errors
    /// [`OutOfMemory`] when the undo log is full.
    pub fn unreference(&mut self, heap: &mut Heap, id: StreamId) -> Result<bool, OutOfMemory> {
        let mut any = false;
        if self.pending.is_empty() {
            return Ok(any);
        }
        let numbers: Vec<u32> = self.groups.iter(heap).map(|(_, group)| group.number).collect();
        for number in numbers {
            any |= self.acknowledge(heap, number, id)?;
        }
        Ok(any)
    }
}
