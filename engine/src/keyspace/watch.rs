//! Watched keys: a private table beside the data, which keeps nothing in entries.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A transaction's hope that its keys stay as they are. Shared by all keys that one client watches.
#[derive(Debug, Clone, Default)]
pub struct WatchTicket(Arc<AtomicBool>);

impl WatchTicket {
    /// Whether a watched key was changed.
    pub fn is_broken(&self) -> bool {
        // Relaxed: the message that brings the reply of the changing command orders what matters.
        self.0.load(Ordering::Relaxed)
    }

    fn break_it(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_same(&self, other: &WatchTicket) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// The watchers of a shard's keys, by database and key.
#[derive(Debug, Default)]
pub struct Watches {
    by_key: HashMap<(u32, Box<[u8]>), Vec<WatchTicket>, ahash::RandomState>,
    /// Keys changed by the transaction that runs.
    changed: Vec<(u32, Box<[u8]>)>,
}

impl Watches {
    /// Watches a key. Watching twice is watching once.
    pub fn add(&mut self, db: u32, key: &[u8], ticket: &WatchTicket) {
        let tickets = self.by_key.entry((db, key.into())).or_default();
        if !tickets.iter().any(|known| known.is_same(ticket)) {
            tickets.push(ticket.clone());
        }
    }

    /// Watches a key no longer.
    pub fn remove(&mut self, db: u32, key: &[u8], ticket: &WatchTicket) {
        let place = (db, Box::from(key));
        if let Some(tickets) = self.by_key.get_mut(&place) {
            tickets.retain(|known| !known.is_same(ticket));
            if tickets.is_empty() {
                self.by_key.remove(&place);
            }
        }
    }

    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    /// Notes that the running transaction changes a key.
    #[inline]
    pub fn note(&mut self, db: u32, key: &[u8]) {
        if !self.by_key.is_empty() {
            self.changed.push((db, key.into()));
        }
    }

    /// The watched keys of a database: what flushes and swaps must look at one by one.
    pub fn keys_of(&self, db: u32) -> Vec<Box<[u8]>> {
        self.by_key.keys().filter(|(at, _)| *at == db).map(|(_, key)| key.clone()).collect()
    }

    /// The transaction has committed: breaks the tickets of what it changed.
    #[inline]
    pub fn commit(&mut self) {
        for place in self.changed.drain(..) {
            if let Some(tickets) = self.by_key.get(&place) {
                tickets.iter().for_each(WatchTicket::break_it);
            }
        }
    }

    /// The transaction was taken back.
    pub fn rollback(&mut self) {
        self.changed.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_committed_change_breaks_the_ticket_and_a_rolled_back_one_does_not() {
        let (mut watches, ticket) = (Watches::default(), WatchTicket::default());
        watches.add(0, b"k", &ticket);
        watches.add(0, b"k", &ticket);
        watches.note(0, b"k");
        watches.rollback();
        watches.commit();
        assert!(!ticket.is_broken());
        watches.note(1, b"k");
        watches.note(0, b"other");
        watches.commit();
        assert!(!ticket.is_broken());
        watches.note(0, b"k");
        watches.commit();
        assert!(ticket.is_broken());
        watches.remove(0, b"k", &ticket);
        assert!(watches.is_empty());
    }
}
