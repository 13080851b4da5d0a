//! What the server tells about itself: logs, counters and the text of INFO.
//!
//! - [`log`]: lines as Redis writes them, levels that change at run time; everything is logged through `tracing`.
//! - [`WorkerCounters`]: one per worker, written by it alone, read by anyone; summed into [`Totals`].
//! - [`Rates`]: how much happened per second lately.
//! - [`info`]: the text of INFO from a [`info::Report`] that the server fills in.
//! - [`notify_ready`]: tells systemd that the server serves.

mod command_counters;
mod counters;
mod error_counts;
mod histogram;
pub mod info;
pub mod log;
mod panics;
mod process;
mod rates;
mod supervisor;

pub use command_counters::{CommandCounters, CommandTotals};
pub use counters::{Counter, Totals, WorkerCounters};
pub use error_counts::ErrorCounts;
pub use histogram::{Histogram, HistogramTotals};
pub use panics::log_panics;
pub use process::{CpuTimes, ProcessMemory, system_memory_bytes};
pub use rates::{Rate, Rates, Reading};
pub use supervisor::{notify_ready, notify_stopping};
