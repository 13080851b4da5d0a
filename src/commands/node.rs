//! What all threads of a server share.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

/// How to stop: SHUTDOWN, and what signals do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stop {
    /// Throw the segments away.
    pub no_save: bool,
    /// Write a snapshot first.
    pub save: bool,
    /// Do not wait for lagging replicas.
    pub now: bool,
    /// Stop even if saving fails.
    pub force: bool,
}

/// The server as a whole.
#[derive(Debug)]
pub struct Node {
    /// Forty hexadecimal digits, new at every start.
    pub run_id: String,
    pub executable: PathBuf,
    pub config_file: Option<PathBuf>,
    /// Unix milliseconds.
    pub started_ms: u64,
    pub worker_count: usize,
    pub shard_count: usize,
    next_client_id: AtomicU64,
}

impl Node {
    /// The next client's number.
    pub fn next_client_id(&self) -> u64 {
        // Relaxed: only uniqueness matters.
        self.next_client_id.fetch_add(1, Ordering::Relaxed)
    }
}
