//! What INFO is made of.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::super::{CommandTotals, CpuTimes, ProcessMemory, Rate, Totals};
use crate::config::Settings;

/// Everything INFO may show. What belongs to a section that was not asked for may be left empty.
#[derive(Clone, Debug)]
pub struct Report {
    /// The settings in force.
    pub settings: Arc<Settings>,
    /// The program and its process.
    pub server: ServerReport,
    /// Connections.
    pub clients: ClientsReport,
    /// Memory.
    pub memory: MemoryReport,
    /// What outlives what.
    pub persistence: PersistenceReport,
    /// Counters of all workers.
    pub totals: Totals,
    /// Rates of all workers, added up.
    pub rate: Rate,
    /// Calls by command, in the order of the command table.
    pub commands: Vec<CommandReport>,
    /// Error replies by kind.
    pub errors: BTreeMap<String, u64>,
    /// Databases, empty ones may be left out.
    pub databases: Vec<DatabaseReport>,
}

/// The program and its process.
#[derive(Clone, Debug, Default)]
pub struct ServerReport {
    /// Forty hexadecimal digits, new at every start.
    pub run_id: String,
    /// The same for the replication history; forty hexadecimal digits.
    pub replication_id: String,
    /// The configuration file.
    pub config_file: Option<PathBuf>,
    /// How long it has been up.
    pub uptime_s: u64,
    /// Wall clock, microseconds since 1970.
    pub now_us: u64,
    /// The clock that entries' access times are measured with: minutes or seconds, 24 bits.
    pub lru_clock: u32,
    /// Threads that serve clients.
    pub workers: usize,
    /// Shards of the keyspace.
    pub shards: usize,
    /// Where the server listens: `name=tcp,bind=127.0.0.1,port=6379`.
    pub listeners: Vec<String>,
    /// Processor time of the process.
    pub cpu: CpuTimes,
    /// Processor time of ended children.
    pub cpu_children: CpuTimes,
    /// Processor time of the main thread.
    pub cpu_main_thread: CpuTimes,
}

/// Connections, beyond what is in the totals.
#[derive(Clone, Debug, Default)]
pub struct ClientsReport {
    /// Longest query buffer lately.
    pub input_bytes_max: u64,
    /// Longest output buffer lately.
    pub output_bytes_max: u64,
    /// Blocked clients that will give up at some time.
    pub in_timeout_table: u64,
    /// Memory of the buffers of all clients.
    pub buffer_bytes: u64,
}

/// Memory in bytes.
#[derive(Clone, Debug, Default)]
pub struct MemoryReport {
    /// Blocks in use in all segments.
    pub block_bytes: u64,
    /// Of these, the index, the deadlines and what else is not keys and values.
    pub index_bytes: u64,
    /// Pages of segments that hold at least one block.
    pub page_bytes: u64,
    /// Length of the segments: what their files take.
    pub segment_bytes: u64,
    /// Of that, mapped with huge pages.
    pub huge_bytes: u64,
    /// Undo logs at their longest.
    pub undo_log_bytes: u64,
    /// The largest [`MemoryReport::used`] seen.
    pub peak: u64,
    /// [`MemoryReport::used`] right after the start.
    pub at_start: u64,
    /// The process as the kernel sees it.
    pub process: ProcessMemory,
    /// Memory of the machine.
    pub system: u64,
}

impl MemoryReport {
    /// What the data and the process itself use: blocks in use, and the memory that dies with the process.
    pub fn used(&self) -> u64 {
        self.block_bytes + self.process.private
    }
}

/// What outlives what.
#[derive(Clone, Debug, Default)]
pub struct PersistenceReport {
    /// Directory of the segments.
    pub shm_dir: PathBuf,
    /// The segments were there at the start.
    pub attached: bool,
    /// How long it took until they could be used.
    pub attach_us: u64,
    /// Transactions of the last run that were taken back at the start.
    pub recovered: u64,
    /// Seconds since 1970 of the last snapshot, or of the start.
    pub last_save_s: u64,
}

/// One command.
#[derive(Clone, Debug)]
pub struct CommandReport {
    /// In lower case, `config|get` for a subcommand.
    pub name: String,
    /// What was counted.
    pub totals: CommandTotals,
}

/// One database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DatabaseReport {
    /// Its number.
    pub index: u32,
    /// Keys in it.
    pub keys: u64,
    /// Keys with a deadline.
    pub expires: u64,
    /// Mean time that these have left.
    pub ttl_ms_mean: u64,
}
