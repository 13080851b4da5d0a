//! The data set: opened before anything else, recovered by the workers in parallel, kept or removed at the end.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use shm::segment::{
    Accept, DataSet, Existing, NewDataSet, Opened, Options, Origin, SegmentError, ShardReport,
};

use crate::config::{Settings, human_bytes};

/// How long to wait for a predecessor that is about to end.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// The most shards that are made unless a setting says otherwise.
const SHARDS_MAX: usize = shm::control::MAX_SHARDS;
const SHARDS_MIN: usize = 8;
const SHARDS_PER_WORKER: usize = 2;

/// Opens the data set of these settings: that of the last run, or a new one. Waits up to `patience` for an owner
/// to be gone.
///
/// # Errors
/// The directory or something in it is not as it must be; the text says what to do.
pub fn open(settings: &Settings, worker_count: usize, patience: Duration) -> Result<Opened, SegmentError> {
    let shard_count = match settings.shards {
        0 => (SHARDS_PER_WORKER * worker_count).clamp(SHARDS_MIN, SHARDS_MAX),
        count => count,
    };
    let options = Options {
        directory: directory(settings)?,
        accept: Accept::MemoryOnly,
        existing: if settings.warm_restart { Existing::Attach } else { Existing::Discard },
        patience,
        on_wait: |waiting| tracing::warn!("{waiting}; this server does not start before"),
        layout: engine::STORED,
        new: NewDataSet {
            shard_count: shard_count as u32,
            slot_count: engine::keyspace::slot::SLOT_COUNT,
            granule_shift: granule_shift(shard_count, physical_memory_bytes()),
            settings: String::new(),
            node: None,
        },
    };
    let opened = DataSet::open(&options)?;
    warn_about(&opened, settings);
    Ok(opened)
}

/// Where the segments of these settings lie.
fn directory(settings: &Settings) -> Result<PathBuf, SegmentError> {
    match &settings.shm_dir {
        Some(directory) => Ok(directory.clone()),
        None => shm::segment::default_directory(&settings.dir, settings.port),
    }
}

/// The finest unit of handles with which the shards together reach twice the machine's memory, so that uneven
/// shards find room too.
fn granule_shift(shard_count: usize, memory_bytes: u64) -> u8 {
    const FINEST: u8 = 3;
    const COARSEST: u8 = 7;
    let reach = |shift: u8| (shard_count as u64) << (32 + shift);
    (FINEST..COARSEST).find(|shift| reach(*shift) >= 2 * memory_bytes).unwrap_or(COARSEST)
}

fn physical_memory_bytes() -> u64 {
    crate::telemetry::system_memory_bytes()
}

fn warn_about(opened: &Opened, settings: &Settings) {
    let report = &opened.directory;
    let path = report.path.display();
    if report.private_to_container {
        tracing::warn!(
            "{path} seems to belong to this container alone: the data ends with the container. To keep it, mount a \
             directory of the host's tmpfs and name it with --shm-dir"
        );
    }
    if opened.discarded_bytes > 0 {
        let bytes = human_bytes(opened.discarded_bytes);
        tracing::warn!(
            "Removed {bytes} of data that an earlier run had kept in {path}, because of warm-restart no"
        );
    }
    if settings.memory_bytes_max > 0 && report.is_smaller_than(settings.memory_bytes_max) {
        let total = human_bytes(report.total_bytes.unwrap_or_default());
        tracing::warn!("{path} can hold {total} at most, less than maxmemory: enlarge it or lower maxmemory");
    }
    if let Origin::Created = opened.origin
        && let Ok(siblings) = shm::segment::siblings(&report.path)
    {
        for sibling in siblings {
            tracing::info!(
                "Other data of this directory lies in {}, {} in all: it is served with its own port, or by \
                 --shm-dir; it is removed by hearth segments wipe --shm-dir {}",
                sibling.path.display(),
                human_bytes(sibling.bytes),
                sibling.path.display()
            );
        }
    }
}

/// What the workers found, added up.
#[derive(Debug, Clone, Copy, Default)]
pub struct Recovered {
    pub keys: u64,
    pub length_bytes: u64,
    /// Transactions that the last run had not ended: taken back, and completed.
    pub taken_back: u64,
    pub completed: u64,
}

impl Recovered {
    pub fn add(&mut self, report: &ShardReport, keys: u64) {
        self.keys += keys;
        self.length_bytes += report.length_bytes;
        if let Some(recovery) = &report.recovery {
            self.taken_back += u64::from(recovery.records_undone > 0);
            self.completed += u64::from(recovery.completed);
        }
    }

    pub fn add_all(&mut self, other: &Recovered) {
        self.keys += other.keys;
        self.length_bytes += other.length_bytes;
        self.taken_back += other.taken_back;
        self.completed += other.completed;
    }

    /// Says in the log where the data came from.
    pub fn log(&self, origin: Origin, path: &std::path::Path, shard_count: usize, since: Instant) {
        let path = path.display();
        let took_ms = since.elapsed().as_millis();
        match origin {
            Origin::Created => {
                tracing::info!("New data set in {path}: {shard_count} shards, made in {took_ms} ms");
            }
            Origin::Attached { stopped_at_unix_ms } => {
                let end = match stopped_at_unix_ms {
                    Some(_) => "which ended in order",
                    None => "which was killed",
                };
                tracing::info!(
                    "DB loaded from shared memory: attached to the data of the last run, {end}: {} keys in {shard_count} \
                     shards, {}, ready after {took_ms} ms",
                    self.keys,
                    human_bytes(self.length_bytes)
                );
                if self.taken_back + self.completed > 0 {
                    tracing::info!(
                        "Transactions in flight when it ended: {} taken back, {} completed",
                        self.taken_back,
                        self.completed
                    );
                }
            }
        }
    }
}

/// Ends the ownership after all workers have ended, and says in the log what became of the data.
///
/// # Errors
/// The system refused.
pub fn stop(data_set: DataSet, keep: bool) -> Result<(), SegmentError> {
    let stopped = data_set.stop(keep)?;
    let (path, bytes) = (stopped.path.display(), human_bytes(stopped.bytes));
    if keep {
        tracing::info!(
            "The data stays in {path}, {bytes} of memory; the next start with the same settings serves it. \
             To free the memory instead: hearth segments wipe --shm-dir {path}"
        );
    } else {
        tracing::info!("The data in {path} is removed, {bytes} of memory are free again");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_reach_twice_the_memory() {
        const GIB: u64 = 1 << 30;
        assert_eq!(granule_shift(8, 8 * GIB), 3);
        assert_eq!(granule_shift(8, 128 * GIB), 3);
        assert_eq!(granule_shift(8, 129 * GIB), 4);
        assert_eq!(granule_shift(1, 1000 * GIB), 7);
    }
}
