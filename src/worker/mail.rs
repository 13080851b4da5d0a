//! Letters to a worker from threads that have no ring to it: the acceptor and the control thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use net::reactor::{Wake, Waker};
use net::transport::Transport;
use parking_lot::Mutex;

use super::{Stage, Worker};
use crate::dispatch::WorkerId;

/// What the other threads say.
#[derive(Debug)]
pub enum Letter {
    /// Serve this connection.
    Serve(Box<dyn Transport>),
    /// Finish what is under way and report.
    Drain,
    /// All workers are drained: end.
    Finish,
}

/// What a worker says to the control thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Report {
    /// Nothing of this worker's is under way anywhere.
    Drained(WorkerId),
}

/// See the module.
#[derive(Debug)]
pub struct Mailbox {
    letters: Mutex<Vec<Letter>>,
    filled: AtomicBool,
    waker: Arc<Waker>,
}

impl Mailbox {
    pub fn new(waker: Arc<Waker>) -> Mailbox {
        Mailbox { letters: Mutex::default(), filled: AtomicBool::new(false), waker }
    }

    pub fn post(&self, letter: Letter) {
        self.letters.lock().push(letter);
        // Release: pairs with the Acquire in `is_empty`; the handshake of the waker orders it against sleep.
        self.filled.store(true, Ordering::Release);
        self.waker.wake_if_asleep();
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        !self.filled.load(Ordering::Acquire)
    }

    fn take(&self) -> Vec<Letter> {
        let mut letters = self.letters.lock();
        self.filled.store(false, Ordering::Relaxed);
        std::mem::take(&mut letters)
    }
}

impl Worker {
    pub(super) fn read_mail(&mut self) {
        if self.mailbox.is_empty() {
            return;
        }
        for letter in self.mailbox.take() {
            match letter {
                Letter::Serve(transport) => self.welcome(transport),
                Letter::Drain => self.stage = Stage::Draining { reported: false },
                Letter::Finish => {
                    self.say_goodbye();
                    self.stage = Stage::Finished;
                }
            }
        }
    }

    /// Reports once nothing is under way.
    pub(super) fn report_when_drained(&mut self) {
        if self.stage != (Stage::Draining { reported: false }) || !self.is_drained() {
            return;
        }
        self.stage = Stage::Draining { reported: true };
        (self.report)(Report::Drained(self.id));
    }

    fn is_drained(&mut self) -> bool {
        self.sessions.are_landed()
            && self.holds.is_empty()
            && self.errands.is_empty()
            && self.returned.is_empty()
            && self.berths.is_quiet()
            && self.links.is_flushed()
    }
}
