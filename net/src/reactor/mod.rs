//! The heart of a worker: which sources can be served, when the next timer is due, who has work for it.
//!
//! One turn of a worker:
//! ```text
//! wait ─▶ for each next_ready: read up to a budget, run, write ─▶ due timers ─▶ inboxes ─▶ wait
//!              │ more to read: keep_ready     │ not all taken: want_write(true)
//! ```
//! The system reports edges, so a source is reported again only after it was drained. What was not drained is
//! kept ready here and costs no system call. A worker with nothing ready sleeps until its next deadline, and
//! without one for ever: an idle server wakes for nothing.

mod readiness;
mod timers;
mod wakers;

pub use readiness::{Reactor, Ready, Token};
pub use timers::{TimerId, Timers};
pub use wakers::{Doze, Wake, Waker};
