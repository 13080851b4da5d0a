//! What clients did and saw, and when.

use std::sync::atomic::{AtomicU64, Ordering};

/// Something appended to a list: each only once.
pub type Token = u32;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    Append {
        key: usize,
        token: Token,
    },
    /// The whole list, in its order.
    Read {
        key: usize,
        tokens: Vec<Token>,
    },
}

/// Operations that claim to have happened at one moment between two others.
#[derive(Debug, Clone)]
pub struct Transaction {
    /// Before the first request was sent.
    pub start: u64,
    /// After the last reply had come.
    pub end: u64,
    pub ops: Vec<Op>,
    /// The server said that nothing was done.
    pub is_aborted: bool,
}

/// Counts moments, for all clients.
#[derive(Debug, Default)]
pub struct Clock(AtomicU64);

impl Clock {
    pub fn tick(&self) -> u64 {
        // SeqCst: one order of all moments, whoever looks.
        self.0.fetch_add(1, Ordering::SeqCst)
    }
}
