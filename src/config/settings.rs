//! The settings that the program itself reads, as plain fields.

use std::path::PathBuf;

use super::kinds::{
    Allow, BindAddress, CpuList, EventClasses, EvictionPolicy, LogLevel, OutputLimits, Percentiles,
    PipelineOrder, ShutdownFlags, Supervision,
};
use super::table;
use engine::types::collection::Encodings;

/// A snapshot of the settings. Threads hold one behind an `Arc` and take a fresh one when the generation changes.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    // Where the data lives and who serves it.
    /// Number of workers; 0: one per physical core allowed by affinity and cgroup quota.
    pub threads: usize,
    /// Number of shards of new data; 0: chosen when the data is created.
    pub shards: usize,
    /// Directory of the segments; `None`: `/dev/shm/hearth-<id>-<port>`.
    pub shm_dir: Option<PathBuf>,
    /// Attach to the segments of the last run at start, and keep them at stop.
    pub warm_restart: bool,
    /// How large a shard's undo log may grow; past it a command is rolled back.
    pub undo_log_bytes_max: u64,
    /// Order of a connection's commands across shards.
    pub pipeline_order: PipelineOrder,
    /// Processors that workers are pinned to; empty: any, one each.
    pub worker_cpus: CpuList,
    /// Number of databases.
    pub databases: u32,
    /// Working directory, absolute.
    pub dir: PathBuf,
    /// Where to write the process id.
    pub pid_file: Option<PathBuf>,
    /// Whom to tell that the server is ready.
    pub supervision: Supervision,
    /// How long a stop may take.
    pub shutdown_s_max: u32,
    /// How SIGINT stops the server.
    pub shutdown_on_sigint: ShutdownFlags,
    /// How SIGTERM stops the server.
    pub shutdown_on_sigterm: ShutdownFlags,

    // Clients.
    /// Addresses to listen on; none: no TCP.
    pub bind: Vec<BindAddress>,
    /// TCP port; 0: no TCP.
    pub port: u16,
    /// Unix socket to listen on.
    pub unix_socket: Option<PathBuf>,
    /// Its permissions; 0: as the umask has it.
    pub unix_socket_mode: u32,
    /// Length of the queue of connections not yet accepted.
    pub tcp_backlog: u32,
    /// Pause after which a silent peer is probed; 0: never.
    pub tcp_keepalive_s: u32,
    /// Idle time after which a client is disconnected; 0: never.
    pub client_idle_s_max: u32,
    /// Refuse clients of other machines while there is no password.
    pub protected_mode: bool,
    /// How many clients at once.
    pub clients_max: u32,
    /// How much unparsed input a client may pile up.
    pub query_buffer_bytes_max: u64,
    /// How long one argument may be.
    pub bulk_bytes_max: u64,
    /// Sizes at which collections change the form that they are said to have.
    pub encodings: Encodings,
    /// How long a HyperLogLog in its sparse form may be.
    pub hll_sparse_len_max: usize,
    /// How much unread output a client may pile up.
    pub output_limits: OutputLimits,
    /// Password of the default user.
    pub password: Option<Vec<u8>>,
    /// Who may use DEBUG.
    pub allow_debug: Allow,
    /// Who may change protected settings.
    pub allow_protected: Allow,
    /// Who may use MODULE.
    pub allow_module: Allow,

    // Memory.
    /// Limit on the data; 0: none.
    pub memory_bytes_max: u64,
    /// What to do when it is reached.
    pub eviction_policy: EvictionPolicy,
    /// How fast the counters of LFU saturate.
    pub lfu_log_factor: u32,
    /// Minutes after which the counters of LFU are halved.
    pub lfu_decay_minutes: u32,
    /// FLUSHALL and FLUSHDB without a word mean ASYNC.
    pub lazy_user_flush: bool,
    /// DEL means UNLINK.
    pub lazy_user_delete: bool,

    // Logs and measurements.
    /// How much is logged.
    pub log_level: LogLevel,
    /// The log; `None`: standard output.
    pub log_file: Option<PathBuf>,
    /// Keep latency histograms per command.
    pub latency_tracking: bool,
    /// Percentiles that INFO shows.
    pub latency_percentiles: Percentiles,
    /// Which events are published.
    pub events: EventClasses,
    /// Ticks per second of work that is not driven by requests.
    pub hz: u32,
}

impl Settings {
    /// The settings before any configuration.
    pub fn defaults() -> Self {
        let mut settings = Self {
            threads: 0,
            shards: 0,
            shm_dir: None,
            warm_restart: true,
            undo_log_bytes_max: 0,
            pipeline_order: PipelineOrder::PerShard,
            worker_cpus: CpuList::default(),
            databases: 0,
            dir: PathBuf::new(),
            pid_file: None,
            supervision: Supervision::No,
            shutdown_s_max: 0,
            shutdown_on_sigint: ShutdownFlags::default(),
            shutdown_on_sigterm: ShutdownFlags::default(),
            bind: Vec::new(),
            port: 0,
            unix_socket: None,
            unix_socket_mode: 0,
            tcp_backlog: 0,
            tcp_keepalive_s: 0,
            client_idle_s_max: 0,
            protected_mode: true,
            clients_max: 0,
            query_buffer_bytes_max: 0,
            bulk_bytes_max: 0,
            encodings: Encodings::default(),
            hll_sparse_len_max: 0,
            output_limits: OutputLimits::default(),
            password: None,
            allow_debug: Allow::No,
            allow_protected: Allow::No,
            allow_module: Allow::No,
            memory_bytes_max: 0,
            eviction_policy: EvictionPolicy::NoEviction,
            lfu_log_factor: 0,
            lfu_decay_minutes: 0,
            lazy_user_flush: false,
            lazy_user_delete: false,
            log_level: LogLevel::Notice,
            log_file: None,
            latency_tracking: true,
            latency_percentiles: Percentiles::default(),
            events: EventClasses::default(),
            hz: 0,
        };
        for setting in table::all() {
            if let Some(sets) = setting.sets {
                sets(&mut settings, &setting.default_value());
            }
        }
        settings
    }
}
