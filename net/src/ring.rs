//! A bounded queue of owned messages from one worker to another: one producer, one consumer, no locks, and no
//! system call unless the other side sleeps.
//!
//! ```text
//!            head (consumer writes)          tail (producer writes)
//!              ▼                               ▼
//! slots  ┌───┬───┬───┬───┬───┬───┬───┬───┐     positions count up for ever;
//!        │   │ a │ b │ c │ d │   │   │   │     slot = position mod capacity
//!        └───┴───┴───┴───┴───┴───┴───┴───┘
//! ```
//! Invariants: `head <= tail <= head + capacity`; the slots of positions `head..tail` hold a message, all
//! others none. Only the producer moves `tail` and only the consumer moves `head`, so whoever owns an end
//! owns the slots on its side: the producer those from `tail` on, the consumer those from `head` to `tail`.
//!
//! **Sleep.** Both sides sleep in their reactors and look at their rings last (see
//! [`Reactor::wait`](crate::reactor::Reactor::wait)): a consumer asks [`Consumer::is_empty`], a producer that
//! has messages left over asks [`Producer::has_room`], which also leaves word that it waits. The producer
//! wakes the consumer with [`Producer::notify`], once after a batch of messages; the consumer wakes a waiting
//! producer when it has emptied the ring. Both do so only if the other sleeps.

use std::fmt;
use std::mem::MaybeUninit;

use crate::reactor::{Doze, Wake, Waker};
use crate::sync::{Arc, AtomicUsize, Ordering, UnsafeCell};

/// The sending end. `W` wakes the consumer's worker.
pub struct Producer<T: Send, W: Wake = std::sync::Arc<Waker>> {
    shared: Arc<Shared<T>>,
    consumer: W,
    tail: usize,
    /// `head` when last looked at: never ahead of the real one.
    head_seen: usize,
}

/// The receiving end. `W` wakes the producer's worker.
pub struct Consumer<T: Send, W: Wake = std::sync::Arc<Waker>> {
    shared: Arc<Shared<T>>,
    producer: W,
    head: usize,
    /// `tail` when last looked at: never ahead of the real one.
    tail_seen: usize,
    /// `head` when it was last made sure that no producer waits for room.
    head_settled: usize,
}

struct Shared<T> {
    slots: Box<[UnsafeCell<MaybeUninit<T>>]>,
    head: CacheLine<AtomicUsize>,
    tail: CacheLine<AtomicUsize>,
    /// The producer waits for room.
    starved: CacheLine<Doze>,
}

/// Keeps what one side writes off the lines the other side reads; two lines, because processors fetch pairs.
#[repr(align(128))]
struct CacheLine<T>(T);

// SAFETY: the slots are the only part that is not Sync by itself. Each slot is accessed by the one `Producer`
// or the one `Consumer`, never both at a time (see the accesses below), and what passes through it is `Send`.
unsafe impl<T: Send> Sync for Shared<T> {}

// SAFETY: it owns messages that are `Send` and atomics.
unsafe impl<T: Send> Send for Shared<T> {}

/// Makes a ring for at least `capacity` messages (rounded up to a power of two). `producer` and `consumer`
/// wake the workers at either end.
pub fn ring<T: Send, P: Wake, C: Wake>(
    capacity: usize,
    producer: P,
    consumer: C,
) -> (Producer<T, C>, Consumer<T, P>) {
    let slots = (0..capacity.next_power_of_two()).map(|_| UnsafeCell::new(MaybeUninit::uninit())).collect();
    let shared = Arc::new(Shared {
        slots,
        head: CacheLine(AtomicUsize::new(0)),
        tail: CacheLine(AtomicUsize::new(0)),
        starved: CacheLine(Doze::default()),
    });
    (
        Producer { shared: shared.clone(), consumer, tail: 0, head_seen: 0 },
        Consumer { shared, producer, head: 0, tail_seen: 0, head_settled: 0 },
    )
}

impl<T: Send, W: Wake> Producer<T, W> {
    /// Appends a message. The consumer need not notice before [`notify`](Self::notify).
    ///
    /// # Errors
    /// The ring is full; here is the message again. Before sleeping over it, ask
    /// [`has_room`](Self::has_room).
    #[inline]
    pub fn push(&mut self, message: T) -> Result<(), T> {
        if self.is_full() {
            return Err(message);
        }
        self.shared.slot(self.tail).with_mut(|slot| {
            // SAFETY: `is_full` has seen `head > tail - capacity`, so this slot's last message was taken out
            // before the consumer released `head`, and the consumer comes back only once `tail` has passed.
            // There is no other producer. So this is the only access.
            let slot = unsafe { &mut *slot };
            slot.write(message);
        });
        self.tail = self.tail.wrapping_add(1);
        // Release: pairs with the Acquire in `Consumer::is_empty`; hands the slot over.
        self.shared.tail.0.store(self.tail, Ordering::Release);
        Ok(())
    }

    /// Wakes the consumer if it sleeps. Once after a batch of messages; until then they may lie unseen.
    #[inline]
    pub fn notify(&self) {
        self.consumer.wake_if_asleep();
    }

    /// Whether a push would find room. If not, the consumer wakes this worker when there is: so this is to be
    /// asked each time before the worker sleeps with messages left over, after it can be seen to doze.
    pub fn has_room(&mut self) -> bool {
        if !self.is_full() {
            return true;
        }
        self.shared.starved.0.announce();
        // The consumer may have made room before it could see that.
        !self.is_full()
    }

    #[inline]
    fn is_full(&mut self) -> bool {
        let full = |this: &Self| this.tail.wrapping_sub(this.head_seen) == this.shared.slots.len();
        if full(self) {
            // Acquire: pairs with the Release in `Consumer::pop`; the slots before it are empty.
            self.head_seen = self.shared.head.0.load(Ordering::Acquire);
        }
        full(self)
    }
}

impl<T: Send, W: Wake> Consumer<T, W> {
    /// Takes the oldest message. When there is none, a producer that waits for room is woken.
    #[inline]
    pub fn pop(&mut self) -> Option<T> {
        if self.is_empty() {
            return None;
        }
        let message = self.shared.slot(self.head).with_mut(|slot| {
            // SAFETY: `is_empty` has seen `tail > head`, so the producer has written this slot before it
            // released `tail`, and it comes back only once `head` has passed. There is no other consumer. So
            // this is the only access.
            let slot = unsafe { &*slot };
            // SAFETY: it was written, as above, and is read once: `head` moves past it.
            unsafe { slot.assume_init_read() }
        });
        self.head = self.head.wrapping_add(1);
        // Release: pairs with the Acquire in `Producer::is_full`; hands the slot back.
        self.shared.head.0.store(self.head, Ordering::Release);
        Some(message)
    }

    /// Whether nothing is left to take. If so, a producer that waits for room is woken.
    #[inline]
    pub fn is_empty(&mut self) -> bool {
        if self.head != self.tail_seen {
            return false;
        }
        // Acquire: pairs with the Release in `Producer::push`; the slots before it are written.
        self.tail_seen = self.shared.tail.0.load(Ordering::Acquire);
        if self.head != self.tail_seen {
            return false;
        }
        // Only if something was taken since: a producer that leaves word later sees that there is room.
        if self.head_settled != self.head {
            self.head_settled = self.head;
            if self.shared.starved.0.claim() {
                self.producer.wake_if_asleep();
            }
        }
        true
    }
}

impl<T> Shared<T> {
    #[inline(always)]
    fn slot(&self, position: usize) -> &UnsafeCell<MaybeUninit<T>> {
        // A power of two, so positions may wrap around.
        &self.slots[position & (self.slots.len() - 1)]
    }
}

impl<T> Drop for Shared<T> {
    fn drop(&mut self) {
        // Both ends are gone, and dropping their `Arc`s has ordered what they did before this.
        let tail = self.tail.0.load(Ordering::Relaxed);
        let mut position = self.head.0.load(Ordering::Relaxed);
        while position != tail {
            self.slot(position).with_mut(|slot| {
                // SAFETY: nobody else is left.
                let slot = unsafe { &mut *slot };
                // SAFETY: positions from head to tail hold a message, and this is the last look at it.
                unsafe { slot.assume_init_drop() };
            });
            position = position.wrapping_add(1);
        }
    }
}

impl<T: Send, W: Wake> fmt::Debug for Producer<T, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Producer").field("tail", &self.tail).finish_non_exhaustive()
    }
}

impl<T: Send, W: Wake> fmt::Debug for Consumer<T, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer").field("head", &self.head).finish_non_exhaustive()
    }
}
