//! The rings to and from the other workers.
//!
//! Nobody waits for a ring. What finds no room is queued here; sessions that want to send more in that
//! direction pause, and the worker goes on draining its own inbox, so that two full rings cannot lock up.

use std::collections::VecDeque;

use net::ring::{Consumer, Producer};

use super::batch::{Batch, Errand};
use super::message::Message;
use crate::dispatch::WorkerId;
use net::resp::Word;

/// One direction to each peer.
pub struct Links {
    own: WorkerId,
    /// By worker; none for itself.
    out: Vec<Option<Outgoing>>,
    inbox: Vec<Option<Consumer<Message>>>,
    /// Batches without requests, for the next use.
    #[expect(clippy::vec_box, reason = "they leave in these boxes")]
    spare: Vec<Box<Batch>>,
    /// Some ring has messages left over.
    congested: bool,
}

struct Outgoing {
    ring: Producer<Message>,
    /// What found no room, oldest first.
    left_over: VecDeque<Message>,
    /// Requests of this turn so far.
    open: Option<Box<Batch>>,
    /// Something was sent that the peer may not have noticed.
    unnoticed: bool,
}

/// How many empty batches to keep.
const SPARE_MAX: usize = 16;

impl Links {
    /// The ends that belong to worker `own`; by worker, none for itself.
    pub fn new(
        own: WorkerId,
        out: Vec<Option<Producer<Message>>>,
        inbox: Vec<Option<Consumer<Message>>>,
    ) -> Links {
        let outgoing = |ring| Outgoing { ring, left_over: VecDeque::new(), open: None, unnoticed: false };
        let out = out.into_iter().map(|ring| ring.map(outgoing)).collect();
        Links { own, out, inbox, spare: Vec::new(), congested: false }
    }

    /// An empty batch.
    pub fn fresh_batch(&mut self) -> Box<Batch> {
        self.spare.pop().unwrap_or_else(|| Batch::new(self.own))
    }

    /// Takes back a batch of this worker's clients whose replies are delivered.
    pub fn recycle(&mut self, mut batch: Box<Batch>) {
        if self.spare.len() < SPARE_MAX {
            batch.clear();
            self.spare.push(batch);
        }
    }

    /// Whether a session may send more to a worker.
    #[inline]
    pub fn has_room(&self, to: WorkerId) -> bool {
        !self.congested || self.outgoing(to).left_over.is_empty()
    }

    /// Adds a request to the batch for a worker. Goes out at the end of the turn, or when the batch is full.
    #[inline]
    pub fn post(&mut self, to: WorkerId, errand: Errand, text: &[u8], words: &[Word]) {
        let outgoing = self.out[to.index()].as_mut().expect("another worker");
        let (spare, own) = (&mut self.spare, self.own);
        let fresh = || spare.pop().unwrap_or_else(|| Batch::new(own));
        let open = outgoing.open.get_or_insert_with(fresh);
        open.push(errand, text, words);
        if open.is_full() {
            self.send_open(to);
        }
    }

    /// Sends a message, behind everything that was posted before.
    pub fn send(&mut self, to: WorkerId, message: Message) {
        self.send_open(to);
        self.push(to, message);
    }

    fn send_open(&mut self, to: WorkerId) {
        if let Some(batch) = self.out[to.index()].as_mut().and_then(|outgoing| outgoing.open.take()) {
            self.push(to, Message::Requests(batch));
        }
    }

    fn push(&mut self, to: WorkerId, message: Message) {
        let outgoing = self.out[to.index()].as_mut().expect("another worker");
        if !outgoing.left_over.is_empty() {
            outgoing.left_over.push_back(message);
            return;
        }
        match outgoing.ring.push(message) {
            Ok(()) => outgoing.unnoticed = true,
            Err(message) => {
                outgoing.left_over.push_back(message);
                outgoing.unnoticed = true;
                self.congested = true;
            }
        }
    }

    /// Sends off what was posted, retries what was left over, and wakes peers that sleep over new messages.
    pub fn flush(&mut self) {
        for peer in 0..self.out.len() {
            self.send_open(WorkerId(peer as u16));
        }
        if self.congested {
            self.congested = false;
            for outgoing in self.out.iter_mut().flatten() {
                self.congested |= !outgoing.retry();
            }
        }
        for outgoing in self.out.iter_mut().flatten() {
            if std::mem::take(&mut outgoing.unnoticed) {
                outgoing.ring.notify();
            }
        }
    }

    /// The next message of any peer, in turns of `turn` messages each.
    pub fn receive(&mut self, from: usize) -> Option<Message> {
        self.inbox[from].as_mut()?.pop()
    }

    /// Whose ends these are.
    pub fn own(&self) -> WorkerId {
        self.own
    }

    /// How many workers there are.
    pub fn worker_count(&self) -> usize {
        self.out.len()
    }

    /// Whether there is nothing to do until a peer wakes us: nothing has come, and nothing that is left over
    /// has found room.
    pub fn is_idle(&mut self) -> bool {
        self.inbox.iter_mut().flatten().all(Consumer::is_empty)
            && (!self.congested
                || self.out.iter_mut().flatten().all(|it| it.left_over.is_empty() || !it.ring.has_room()))
    }

    /// Whether everything is with the peers.
    pub fn is_flushed(&self) -> bool {
        !self.congested && self.out.iter().flatten().all(|outgoing| outgoing.open.is_none())
    }

    fn outgoing(&self, to: WorkerId) -> &Outgoing {
        self.out[to.index()].as_ref().expect("another worker")
    }
}

impl Outgoing {
    /// Moves left-over messages into the ring. Whether all found room.
    fn retry(&mut self) -> bool {
        while let Some(message) = self.left_over.pop_front() {
            self.unnoticed = true;
            if let Err(message) = self.ring.push(message) {
                self.left_over.push_front(message);
                return false;
            }
        }
        true
    }
}
