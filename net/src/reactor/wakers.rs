//! Waking a worker that sleeps, and only then: the system call is spared while it runs.
//!
//! Two stores and two loads must not pass each other. The sleeper says that it dozes and then looks at its
//! inboxes a last time; the other side fills an inbox and then looks whether the sleeper dozes. With a
//! sequentially consistent fence between the two steps on each side, at least one of them sees what the other
//! did:
//! ```text
//! sleeper: doze = true;  fence; inbox empty? ── then sleep
//! waker:   fill inbox;   fence; doze?        ── then wake
//! ```

use std::io;
use std::sync::Arc;

use crate::sync::{AtomicBool, Ordering, fence};

/// The flag of the handshake.
#[derive(Debug)]
pub struct Doze(AtomicBool);

impl Default for Doze {
    fn default() -> Self {
        Doze(AtomicBool::new(false))
    }
}

impl Doze {
    /// The sleeper, before its last look at what it waits for.
    #[inline]
    pub fn announce(&self) {
        self.0.store(true, Ordering::Relaxed);
        // Pairs with the fence in `claim`.
        fence(Ordering::SeqCst);
    }

    /// The sleeper, when it is up again or need not sleep.
    #[inline]
    pub fn retract(&self) {
        self.0.store(false, Ordering::Relaxed);
    }

    /// The other side, after it has published what the sleeper waits for. True: the sleeper must be woken. Of
    /// several that ask about the same nap, one is told so.
    #[inline]
    pub fn claim(&self) -> bool {
        // Pairs with the fence in `announce`.
        fence(Ordering::SeqCst);
        self.0.load(Ordering::Relaxed)
            && self.0.compare_exchange(true, false, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

/// Something that can be woken once work has been left for it.
pub trait Wake {
    /// Wakes the other side if it sleeps. To be called after the work has been published.
    fn wake_if_asleep(&self);
}

/// Wakes one reactor, from any thread.
#[derive(Debug)]
pub struct Waker {
    doze: Doze,
    waker: mio::Waker,
}

impl Waker {
    pub(super) fn new(waker: mio::Waker) -> Self {
        Waker { doze: Doze::default(), waker }
    }

    pub(super) fn doze(&self) -> &Doze {
        &self.doze
    }

    /// Makes the reactor's current wait, or else its next one, return.
    pub fn wake(&self) -> io::Result<()> {
        self.waker.wake()
    }
}

impl Wake for Waker {
    #[inline]
    fn wake_if_asleep(&self) {
        if self.doze.claim() {
            self.waker.wake().expect("writing eight bytes to an eventfd of our own cannot fail");
        }
    }
}

impl<W: Wake + ?Sized> Wake for Arc<W> {
    #[inline]
    fn wake_if_asleep(&self) {
        (**self).wake_if_asleep();
    }
}
