//! Deadlines: a binary heap whose entries know their place, so that a cancelled timer leaves nothing behind.
//!
//! Times are milliseconds on whatever clock the caller uses.

use std::time::Duration;

use slab::Slab;

/// Names a timer. Once it has fired or was cancelled, the name means nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TimerId {
    index: u32,
    sequence: u64,
}

#[derive(Debug)]
struct Entry<T> {
    deadline_ms: u64,
    /// Order of creation, so that equal deadlines fire in that order.
    sequence: u64,
    /// Position in the heap.
    place: u32,
    payload: T,
}

/// Timers of one worker, each with a payload that says what is due. Setting and cancelling are O(log n).
#[derive(Debug)]
pub struct Timers<T> {
    entries: Slab<Entry<T>>,
    /// Indices into `entries`; a parent is never due after its children. `entries[heap[p]].place == p`.
    heap: Vec<u32>,
    sequence: u64,
}

impl<T> Default for Timers<T> {
    fn default() -> Self {
        Timers { entries: Slab::new(), heap: Vec::new(), sequence: 0 }
    }
}

impl<T> Timers<T> {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn len(&self) -> usize {
        self.heap.len()
    }

    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }

    pub fn set(&mut self, deadline_ms: u64, payload: T) -> TimerId {
        let sequence = self.sequence;
        self.sequence += 1;
        let place = self.heap.len() as u32;
        let index = self.entries.insert(Entry { deadline_ms, sequence, place, payload }) as u32;
        self.heap.push(index);
        self.sift_up(place as usize);
        TimerId { index, sequence }
    }

    /// Takes a timer away. `None`: it has fired or was cancelled before.
    pub fn cancel(&mut self, id: TimerId) -> Option<T> {
        let entry = self.entries.get(id.index as usize)?;
        (entry.sequence == id.sequence).then_some(())?;
        Some(self.remove(entry.place as usize))
    }

    /// When the next timer is due.
    #[inline]
    pub fn next_deadline_ms(&self) -> Option<u64> {
        self.heap.first().map(|index| self.entries[*index as usize].deadline_ms)
    }

    /// How long a reactor may wait: until the next deadline, or for ever.
    pub fn timeout(&self, now_ms: u64) -> Option<Duration> {
        self.next_deadline_ms().map(|deadline_ms| Duration::from_millis(deadline_ms.saturating_sub(now_ms)))
    }

    /// Takes the earliest timer that is due at `now_ms`.
    #[inline]
    pub fn pop_due(&mut self, now_ms: u64) -> Option<T> {
        (self.next_deadline_ms()? <= now_ms).then(|| self.remove(0))
    }

    fn remove(&mut self, place: usize) -> T {
        let index = self.heap.swap_remove(place);
        if place < self.heap.len() {
            self.settle(place);
            self.sift_up(place);
            self.sift_down(place);
        }
        self.entries.remove(index as usize).payload
    }

    fn sift_up(&mut self, mut place: usize) {
        while place > 0 {
            let parent = (place - 1) / 2;
            if self.key(parent) <= self.key(place) {
                return;
            }
            self.swap(parent, place);
            place = parent;
        }
    }

    fn sift_down(&mut self, mut place: usize) {
        loop {
            let left = 2 * place + 1;
            let Some(child) = (left..self.heap.len().min(left + 2)).min_by_key(|child| self.key(*child))
            else {
                return;
            };
            if self.key(place) <= self.key(child) {
                return;
            }
            self.swap(place, child);
            place = child;
        }
    }

    fn key(&self, place: usize) -> (u64, u64) {
        let entry = &self.entries[self.heap[place] as usize];
        (entry.deadline_ms, entry.sequence)
    }

    fn swap(&mut self, a: usize, b: usize) {
        self.heap.swap(a, b);
        self.settle(a);
        self.settle(b);
    }

    fn settle(&mut self, place: usize) {
        self.entries[self.heap[place] as usize].place = place as u32;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn equal_deadlines_fire_in_the_order_they_were_set() {
        let mut timers = Timers::new();
        assert_eq!(timers.timeout(5), None);
        for name in ["a", "b", "c", "d", "e"] {
            timers.set(10, name);
        }
        timers.set(9, "first");
        assert_eq!(timers.timeout(5), Some(Duration::from_millis(4)));
        assert_eq!(timers.timeout(50), Some(Duration::ZERO));
        assert_eq!(timers.pop_due(8), None);
        let fired: Vec<_> = std::iter::from_fn(|| timers.pop_due(10)).collect();
        assert_eq!(fired, ["first", "a", "b", "c", "d", "e"]);
        assert!(timers.is_empty());
    }

    #[test]
    fn a_cancelled_timer_is_gone_and_its_name_with_it() {
        let mut timers = Timers::new();
        let first = timers.set(1, 1);
        assert_eq!(timers.cancel(first), Some(1));
        let second = timers.set(1, 2);
        assert_eq!(timers.cancel(first), None, "the place was taken over, the name was not");
        assert_eq!(timers.pop_due(1), Some(2));
        assert_eq!(timers.cancel(second), None);
    }

    proptest! {
        /// As a map ordered by (deadline, order of creation).
        #[test]
        fn as_an_ordered_map(
            steps in prop::collection::vec((0u8..3, 0u64..50, any::<prop::sample::Index>()), 1..200),
        ) {
            let mut timers = Timers::new();
            let mut model = BTreeMap::new();
            let mut ids = Vec::new();
            for (sequence, (step, time_ms, choice)) in (0u64..).zip(steps) {
                match step {
                    0 => {
                        ids.push((timers.set(time_ms, sequence), (time_ms, sequence)));
                        model.insert((time_ms, sequence), sequence);
                    }
                    1 if !ids.is_empty() => {
                        let (id, key) = ids[choice.index(ids.len())];
                        prop_assert_eq!(timers.cancel(id), model.remove(&key));
                    }
                    _ => {
                        let due = model.first_entry().filter(|first| first.key().0 <= time_ms);
                        prop_assert_eq!(timers.pop_due(time_ms), due.map(|first| first.remove()));
                    }
                }
                prop_assert_eq!(timers.len(), model.len());
                prop_assert_eq!(timers.next_deadline_ms(), model.keys().next().map(|key| key.0));
                for (place, index) in timers.heap.iter().enumerate() {
                    prop_assert_eq!(timers.entries[*index as usize].place as usize, place);
                }
            }
        }
    }
}
