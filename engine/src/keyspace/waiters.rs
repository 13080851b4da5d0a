//! Who waits for a shard's keys: a private table beside the data, first come first served.
//!
//! A *waiter* is a request that found nothing and will run again when one of its keys has changed. It may stand in the
//! queues of several keys, on several shards, and is served once: its *ticket*, shared by all of them, is claimed by
//! compare-and-swap, by the shard that serves it, by its timeout, or by whoever ends its wait.

use std::any::Any;
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::command::Wait;

/// Whether somebody still waits. Taken once.
#[derive(Debug, Default)]
pub struct Ticket(AtomicBool);

impl Ticket {
    /// Ends the wait. True for the one who does.
    pub fn claim(&self) -> bool {
        // AcqRel: what the winner does next comes after whatever the others saw of the wait.
        !self.0.swap(true, Ordering::AcqRel)
    }

    pub fn is_waiting(&self) -> bool {
        // Acquire: pairs with the swap in `claim`.
        !self.0.load(Ordering::Acquire)
    }
}

/// A request that waits.
pub struct Waiter {
    pub ticket: Ticket,
    /// The database it was called in.
    pub db: u32,
    pub words: Box<[Box<[u8]>]>,
    pub wait: Wait,
    /// What whoever runs the request needs to know besides.
    pub origin: Box<dyn Any + Send + Sync>,
}

impl fmt::Debug for Waiter {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Waiter")
            .field("ticket", &self.ticket)
            .field("wait", &self.wait)
            .finish_non_exhaustive()
    }
}

/// A key of a database.
pub type WaitedKey = (u32, Box<[u8]>);

/// One waiter in a key's queue.
#[derive(Debug, Clone)]
pub struct Queued {
    pub waiter: Arc<Waiter>,
    /// Where the key stands among its words.
    pub word: usize,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Queued>,
    /// The first of them is being served elsewhere; the others wait for that.
    is_stopped: bool,
}

/// The waiters of a shard's keys.
#[derive(Debug, Default)]
pub struct Waiters {
    by_key: HashMap<WaitedKey, Queue, ahash::RandomState>,
    /// Keys changed by the transaction that runs.
    changed: Vec<WaitedKey>,
    /// Keys changed by committed transactions, in the order of their first change.
    ready: VecDeque<WaitedKey>,
    /// How many have been queued since those whose wait is over were last removed.
    queued: usize,
    /// How many queues are stopped.
    stopped: usize,
}

/// Queues are searched for ended waits when so many have come, and at least as many as stayed the last time.
const SWEEP_MIN: usize = 64;

impl Waiters {
    /// Lets somebody wait for a key, behind all others.
    pub fn add(&mut self, db: u32, key: &[u8], queued: Queued) {
        self.queued += 1;
        if self.queued >= SWEEP_MIN.max(2 * self.by_key.len()) {
            self.sweep();
        }
        self.by_key.entry((db, key.into())).or_default().waiting.push_back(queued);
    }

    /// Forgets those whose wait is over. Each costs O(1) over time.
    fn sweep(&mut self) {
        self.queued = 0;
        self.by_key.retain(|_, queue| {
            queue.waiting.retain(|queued| queued.waiter.ticket.is_waiting());
            self.queued += queue.waiting.len() / 2;
            queue.is_stopped || !queue.waiting.is_empty()
        });
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    /// Notes that the running transaction changes a key.
    #[inline]
    pub fn note(&mut self, db: u32, key: &[u8]) {
        if !self.by_key.is_empty() {
            self.note_waited(db, key);
        }
    }

    #[cold]
    fn note_waited(&mut self, db: u32, key: &[u8]) {
        let place = (db, Box::from(key));
        if self.by_key.contains_key(&place) {
            self.changed.push(place);
        }
    }

    /// The waited-for keys of a database: what flushes and swaps must look at one by one.
    pub fn keys_of(&self, db: u32) -> Vec<Box<[u8]>> {
        self.by_key.keys().filter(|(at, _)| *at == db).map(|(_, key)| key.clone()).collect()
    }

    /// The transaction has committed.
    #[inline]
    pub fn commit(&mut self) {
        if !self.changed.is_empty() {
            self.commit_changes();
        }
    }

    #[cold]
    fn commit_changes(&mut self) {
        for place in self.changed.drain(..) {
            if cfg!(hearth_mutant = "wake_lost") && !self.ready.is_empty() {
                continue;
            }
            if !self.ready.contains(&place) {
                self.ready.push_back(place);
            }
        }
    }

    /// The transaction was taken back.
    pub fn rollback(&mut self) {
        self.changed.clear();
    }

    // ---- serving ----------------------------------------------------------------------------

    /// Whether keys have changed that somebody waits for.
    #[inline]
    pub fn are_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Whether a waiter is being served elsewhere, so that the shard should serve nobody else.
    #[inline]
    pub fn are_stopped(&self) -> bool {
        self.stopped > 0
    }

    /// The next key to serve.
    pub fn next_ready(&mut self) -> Option<WaitedKey> {
        while let Some(place) = self.ready.pop_front() {
            match self.by_key.get(&place) {
                // Looked at again when the queue goes on.
                Some(queue) if !queue.is_stopped => return Some(place),
                _ => {}
            }
        }
        None
    }

    /// Who waits for a key at this place of its queue; the ended ones before it are forgotten.
    pub fn waiting_at(&mut self, place: &WaitedKey, at: usize) -> Option<Queued> {
        let queue = self.by_key.get_mut(place)?;
        while let Some(queued) = queue.waiting.get(at) {
            if queued.waiter.ticket.is_waiting() {
                return Some(queued.clone());
            }
            queue.waiting.remove(at);
        }
        if queue.waiting.is_empty() && !queue.is_stopped {
            self.by_key.remove(place);
        }
        None
    }

    /// Forgets that a key has changed: its queue has been served to the end.
    pub fn settle(&mut self, place: &WaitedKey) {
        self.ready.retain(|ready| ready != place);
    }

    /// Stops a queue until [`Waiters::go_on`].
    pub fn stop(&mut self, place: &WaitedKey) {
        let queue = self.by_key.entry(place.clone()).or_default();
        if !std::mem::replace(&mut queue.is_stopped, true) {
            self.stopped += 1;
        }
    }

    /// Goes on with a queue that was stopped.
    pub fn go_on(&mut self, place: &WaitedKey) {
        let Some(queue) = self.by_key.get_mut(place) else { return };
        if std::mem::replace(&mut queue.is_stopped, false) {
            self.stopped -= 1;
            self.ready.push_front(place.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Nothing;

    fn waiter() -> Arc<Waiter> {
        let wait =
            Wait { first_key: 1, key_count: 1, until_ms: None, nothing: Nothing::Null, on_loss: false };
        Arc::new(Waiter { ticket: Ticket::default(), db: 0, words: Box::new([]), wait, origin: Box::new(()) })
    }

    fn queued(waiter: &Arc<Waiter>) -> Queued {
        Queued { waiter: waiter.clone(), word: 1 }
    }

    fn place() -> WaitedKey {
        (0, b"k"[..].into())
    }

    #[test]
    fn only_committed_changes_of_waited_keys_are_served() {
        let (mut waiters, one) = (Waiters::default(), waiter());
        waiters.note(0, b"k");
        waiters.commit();
        assert!(!waiters.are_ready(), "nobody waits");
        waiters.add(0, b"k", queued(&one));
        waiters.note(0, b"k");
        waiters.rollback();
        waiters.commit();
        waiters.note(0, b"other");
        waiters.note(1, b"k");
        waiters.commit();
        assert!(!waiters.are_ready());
        waiters.note(0, b"k");
        waiters.note(0, b"k");
        waiters.commit();
        assert_eq!(waiters.next_ready(), Some(place()));
        assert_eq!(waiters.next_ready(), None);
    }

    #[test]
    fn first_come_first_served_and_once() {
        let (mut waiters, one, two) = (Waiters::default(), waiter(), waiter());
        for waiter in [&one, &two] {
            waiters.add(0, b"k", queued(waiter));
        }
        let first = waiters.waiting_at(&place(), 0).expect("two wait");
        assert!(Arc::ptr_eq(&first.waiter, &one));
        assert!(first.waiter.ticket.claim());
        assert!(!one.ticket.claim());
        let next = waiters.waiting_at(&place(), 0).expect("one waits");
        assert!(Arc::ptr_eq(&next.waiter, &two));
        assert!(two.ticket.claim());
        assert!(waiters.waiting_at(&place(), 0).is_none());
        assert!(waiters.is_empty());
    }

    #[test]
    fn a_stopped_queue_is_served_when_it_goes_on() {
        let (mut waiters, one) = (Waiters::default(), waiter());
        waiters.add(0, b"k", queued(&one));
        waiters.stop(&place());
        waiters.note(0, b"k");
        waiters.commit();
        assert!(waiters.are_stopped());
        assert_eq!(waiters.next_ready(), None);
        waiters.go_on(&place());
        assert!(!waiters.are_stopped());
        assert_eq!(waiters.next_ready(), Some(place()));
    }

    #[test]
    fn ended_waits_do_not_pile_up() {
        let mut waiters = Waiters::default();
        let staying = waiter();
        waiters.add(0, b"k", queued(&staying));
        for _ in 0..100_000 {
            let gone = waiter();
            waiters.add(0, b"k", queued(&gone));
            gone.ticket.claim();
        }
        let len: usize = waiters.by_key.values().map(|queue| queue.waiting.len()).sum();
        assert!(len < 4 * SWEEP_MIN, "{len} in the queue");
    }
}
