//! What all threads of a server share.

use std::hash::{BuildHasher, RandomState};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, OnceLock};
use std::time::{SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use shm::Budget;
use shm::segment::SegmentUsage;

use crate::config::Config;
use crate::telemetry::info::PersistenceReport;
use crate::telemetry::{Totals, WorkerCounters};

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
pub struct Node {
    /// Forty hexadecimal digits, new at every start.
    pub run_id: String,
    pub executable: PathBuf,
    /// Unix milliseconds.
    pub started_ms: u64,
    pub config: Arc<Config>,
    /// Of each worker, and behind them of the other threads.
    pub counters: Vec<Arc<WorkerCounters>>,
    pub shard_count: usize,
    /// The memory limit and what is granted of it.
    pub memory: Arc<Budget>,
    /// Clients of each worker, those on their way to it counted.
    seats: Vec<Seat>,
    next_client_id: AtomicU64,
    /// Deletes due keys by itself, not only when somebody asks for them.
    expires_actively: AtomicBool,
    start: OnceLock<StartReport>,
    /// What the threads besides the workers had counted when counters were last set to zero.
    others_start: Mutex<Totals>,
    /// The most memory in use that anybody has seen, bytes.
    used_bytes_peak: AtomicU64,
    stop: Box<dyn Fn(Stop) + Send + Sync>,
}

/// What the start has found and done, for INFO.
#[derive(Clone, Default)]
pub struct StartReport {
    pub persistence: PersistenceReport,
    /// Where the server listens: `name=tcp,bind=127.0.0.1,port=6379`.
    pub listeners: Vec<String>,
    /// The memory of each segment, as of now.
    pub segments: Vec<Arc<SegmentUsage>>,
    /// Memory in use when the server began to serve, bytes.
    pub used_bytes: u64,
}

/// Kept off the line of the next worker's.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Seat {
    clients: AtomicUsize,
}

impl Node {
    /// `stop` tells the control thread.
    pub fn new(
        config: Arc<Config>,
        worker_count: usize,
        counters: Vec<Arc<WorkerCounters>>,
        shard_count: usize,
        memory: Arc<Budget>,
        stop: Box<dyn Fn(Stop) + Send + Sync>,
    ) -> Node {
        Node {
            run_id: run_id(),
            executable: std::env::current_exe().unwrap_or_default(),
            started_ms: SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |time| time.as_millis() as u64),
            config,
            seats: (0..worker_count).map(|_| Seat::default()).collect(),
            counters,
            shard_count,
            memory,
            next_client_id: AtomicU64::new(1),
            expires_actively: AtomicBool::new(true),
            start: OnceLock::new(),
            others_start: Mutex::default(),
            used_bytes_peak: AtomicU64::new(0),
            stop,
        }
    }

    pub fn worker_count(&self) -> usize {
        self.seats.len()
    }

    /// The next client's number.
    pub fn next_client_id(&self) -> u64 {
        // Relaxed: only uniqueness matters.
        self.next_client_id.fetch_add(1, Ordering::Relaxed)
    }

    /// How many clients are connected.
    pub fn client_count(&self) -> usize {
        self.seats.iter().map(|seat| seat.clients.load(Ordering::Relaxed)).sum()
    }

    /// The worker with the fewest clients.
    pub fn emptiest(&self) -> usize {
        let clients = |seat: &Seat| seat.clients.load(Ordering::Relaxed);
        let fewest = self.seats.iter().enumerate().min_by_key(|(_, seat)| clients(seat));
        fewest.map_or(0, |(worker, _)| worker)
    }

    /// A client is given to a worker.
    pub fn enter(&self, worker: usize) {
        // Relaxed: the letter that brings the client orders what matters.
        self.seats[worker].clients.fetch_add(1, Ordering::Relaxed);
    }

    /// A client of a worker has gone.
    pub fn leave(&self, worker: usize) {
        self.seats[worker].clients.fetch_sub(1, Ordering::Relaxed);
    }

    /// Whether the memory limit is reached.
    #[inline]
    pub fn is_memory_full(&self) -> bool {
        self.memory.limit() != u64::MAX && self.memory.granted() >= self.memory.limit()
    }

    /// Whether due keys are deleted without being asked for (DEBUG SET-ACTIVE-EXPIRE).
    #[inline]
    pub fn expires_actively(&self) -> bool {
        // Relaxed: a setting for tests; the next turn sees it.
        self.expires_actively.load(Ordering::Relaxed)
    }

    pub fn set_active_expiry(&self, active: bool) {
        self.expires_actively.store(active, Ordering::Relaxed);
    }

    /// Keeps what the start has found. The first report stays.
    pub fn note_start(&self, report: StartReport) {
        // A second start would be another node.
        let _ = self.start.set(report);
    }

    /// What the start has found; empty before it is over.
    pub fn start_report(&self) -> &StartReport {
        static NOTHING: LazyLock<StartReport> = LazyLock::new(StartReport::default);
        self.start.get().unwrap_or(&NOTHING)
    }

    /// Counters of all threads.
    pub fn totals(&self) -> Totals {
        let mut totals = Totals::of(self.counters.iter().map(|counters| &**counters));
        totals.since(&self.others_start.lock());
        totals
    }

    /// Sets the counters of threads that are not workers to zero. A worker resets its own.
    pub fn reset_other_totals(&self) {
        *self.others_start.lock() =
            Totals::of(self.counters[self.worker_count()..].iter().map(|counters| &**counters));
    }

    /// Takes note of the memory in use, bytes; returns the most that was ever noted.
    pub fn note_used_bytes(&self, bytes: u64) -> u64 {
        // Relaxed: the number stands for itself.
        self.used_bytes_peak.fetch_max(bytes, Ordering::Relaxed).max(bytes)
    }

    /// Stops the server.
    pub fn stop(&self, stop: Stop) {
        (self.stop)(stop);
    }
}

/// Forty hexadecimal digits of the system's randomness.
fn run_id() -> String {
    let digits: String =
        (0..3_u8).map(|part| format!("{:016x}", RandomState::new().hash_one(part))).collect();
    digits[..40].to_owned()
}
