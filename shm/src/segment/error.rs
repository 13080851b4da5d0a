//! What can be wrong with a directory of segments, a file in it, or its owner; and what to do about it.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::identity::{BootId, DataSetId};
use crate::error::Corrupt;

/// Why a data set cannot be opened, checked or removed. The text names the path, what was found there and
/// what to do. No data was overwritten.
#[derive(Debug, thiserror::Error)]
pub enum SegmentError {
    /// The system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io { path: PathBuf, action: &'static str, source: io::Error },
    /// The directory lies on a disk or the like.
    #[error(
        "{} lies on {found}, which does not keep its files in memory: name a directory on a tmpfs or \
         hugetlbfs with --shm-dir (most systems have a tmpfs at /dev/shm)",
        path.display()
    )]
    NotMemory { path: PathBuf, found: String },
    /// The file system cannot take the first pages of the data set.
    #[error(
        "{} is full: {needed_bytes} bytes could not be had; free memory there (`hearth segments list` shows \
         who holds some), enlarge the file system, or name another directory with --shm-dir",
        path.display()
    )]
    Full { path: PathBuf, needed_bytes: u64 },
    /// A file or directory that others can reach, or that is not what it seems.
    #[error("{} {reason}: not trusted; {advice}", path.display())]
    Untrusted { path: PathBuf, reason: String, advice: &'static str },
    /// A live or stopped process owns the data set.
    #[error(
        "{} is owned by {}, which still runs or is stopped: end it first, or use another --port or --dir",
        path.display(),
        Pid(*pid)
    )]
    Owned { path: PathBuf, pid: Option<u32> },
    /// A tool such as `hearth segments verify` is reading or removing the data set.
    #[error("{} is being checked or removed by `hearth segments`: wait until that is done", path.display())]
    ToolAtWork { path: PathBuf },
    /// Threads of this process still hold the data set.
    #[error("{} still has {count} worker threads at work", path.display())]
    WorkersAtWork { path: PathBuf, count: usize },
    /// A worker cannot have its lock: the number is out of range or taken by another thread.
    #[error("{} has no free lock for worker {worker}", path.display())]
    NoWorkerLock { path: PathBuf, worker: usize },
    /// The id file in the data directory is not one.
    #[error(
        "{} does not hold the id of a data set: restore it, or remove it to begin with a new data set",
        path.display()
    )]
    BadId { path: PathBuf },
    /// The control segment is gone while shards are there.
    #[error(
        "{} holds shards but no control segment: restore the file, or give the data up with \
         `hearth segments wipe --shm-dir {}`",
        path.display(),
        path.display()
    )]
    NoControl { path: PathBuf },
    /// A shard that the data set does not have.
    #[error("{} has {count} shards, from 0; there is no shard {shard}", path.display())]
    NoSuchShard { path: PathBuf, shard: u32, count: usize },
    /// There is no data set in the directory.
    #[error("{} holds no data set", path.display())]
    NoDataSet { path: PathBuf },
    /// The segment of a shard is gone.
    #[error("{} is missing; nothing was changed; {way_out}", path.display())]
    Missing { path: PathBuf, way_out: WayOut },
    /// The header is good, but what follows it is not a sound heap.
    #[error(
        "{} is damaged: {corrupt}; what it holds was not changed; {way_out}",
        path.display()
    )]
    Damaged { path: PathBuf, corrupt: Corrupt, way_out: WayOut },
    /// A file is there, but it is not what it must be.
    #[error("{} {flaw}; nothing was changed; {way_out}", path.display())]
    Refused { path: PathBuf, flaw: Flaw, way_out: WayOut },
}

impl SegmentError {
    pub(crate) fn io(path: &Path, action: &'static str, source: impl Into<io::Error>) -> SegmentError {
        SegmentError::Io { path: path.to_owned(), action, source: source.into() }
    }
}

/// What is wrong with a file that should be a segment, a control segment or a lock file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// The first bytes are not ours.
    #[error("is not a file of Hearth's")]
    Foreign,
    /// The file is shorter than its contents.
    #[error("has {found} bytes where {needed} are needed: it was cut short")]
    Truncated { found: u64, needed: u64 },
    /// The checksum does not match.
    #[error("is corrupt: its checksum is {stored:016x}, that of its contents {computed:016x}")]
    Corrupt { stored: u64, computed: u64 },
    /// The checksum matches, but a field cannot have its value.
    #[error("is corrupt: its {field} cannot be {value}")]
    Impossible { field: &'static str, value: u64 },
    /// Even the part that never changes is of another form.
    #[error("has a header of form {found}, this program knows form {ours}")]
    OtherForm { found: u16, ours: u16 },
    /// Another version of the program, with other stored types.
    #[error(
        "was written with layout {found_version} ({found_hash:016x}), this program has {our_version} \
         ({our_hash:016x})"
    )]
    OtherLayout { found_version: u32, found_hash: u64, our_version: u32, our_hash: u64 },
    /// Feature bits this program has never heard of.
    #[error("uses features {unknown:#x} that this program does not know")]
    UnknownFeatures { unknown: u64 },
    /// Keys were placed by another function.
    #[error("uses stored-hash function {found}, this program has {ours}")]
    OtherHash { found: u32, ours: u32 },
    /// A shard where the control segment should be, or the reverse.
    #[error("is {found}, not {expected}")]
    OtherKind { found: &'static str, expected: &'static str },
    /// From another data set.
    #[error("belongs to data set {found}, not to {expected}")]
    OtherDataSet { found: DataSetId, expected: DataSetId },
    /// Of the right data set, but in another's place.
    #[error("is shard {found} of {found_count}, not shard {expected} of {expected_count}")]
    WrongShard { found: u32, found_count: u32, expected: u32, expected_count: u32 },
    /// Not the range of slots that the control segment gives this shard.
    #[error("serves slots {found_start}..{found_end}, not {expected_start}..{expected_end}")]
    WrongSlots { found_start: u16, found_end: u16, expected_start: u16, expected_end: u16 },
    /// The machine was restarted since, and what memory held then may be only partly here.
    #[error("was made before this machine last started (boot {found}, now {now})")]
    OtherBoot { found: BootId, now: BootId },
    /// Served after the control segment was copied or restored.
    #[error("was served in life {found}, but the control segment knows of {known} only")]
    FromTheFuture { found: u64, known: u64 },
    /// Locks made by a program with another C library or for another processor.
    #[error("holds locks of another program's form ({found:016x}, this program's is {ours:016x})")]
    OtherLocks { found: u64, ours: u64 },
}

/// What the operator can do about a file that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WayOut {
    /// One shard's file: the rest of the data can be kept.
    Shard { directory: PathBuf, shard: u32 },
    /// The whole data set.
    DataSet { directory: PathBuf },
    /// The data is good, but for another program.
    OtherProgram { directory: PathBuf },
    /// Not the data but the lock file.
    Locks { path: PathBuf },
}

impl WayOut {
    /// The way out for a flaw of a shard's file.
    pub(crate) fn of_shard(directory: &Path, shard: u32, flaw: &Flaw) -> WayOut {
        match flaw {
            Flaw::OtherForm { .. }
            | Flaw::OtherLayout { .. }
            | Flaw::UnknownFeatures { .. }
            | Flaw::OtherHash { .. } => WayOut::OtherProgram { directory: directory.to_owned() },
            _ => WayOut::Shard { directory: directory.to_owned(), shard },
        }
    }

    /// The way out for a flaw of the control segment.
    pub(crate) fn of_control(directory: &Path, flaw: &Flaw) -> WayOut {
        match WayOut::of_shard(directory, 0, flaw) {
            WayOut::Shard { directory, .. } => WayOut::DataSet { directory },
            other => other,
        }
    }
}

impl fmt::Display for WayOut {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WayOut::Shard { directory, shard } => write!(
                out,
                "restore the file, or accept the loss of this shard with \
                 `hearth segments accept-loss {shard} --shm-dir {}`",
                directory.display()
            ),
            WayOut::DataSet { directory } => write!(
                out,
                "restore the file, or give the data up with `hearth segments wipe --shm-dir {}`",
                directory.display()
            ),
            WayOut::OtherProgram { directory } => write!(
                out,
                "start the version of Hearth that wrote it, or give the data up with \
                 `hearth segments wipe --shm-dir {}`",
                directory.display()
            ),
            WayOut::Locks { path } => {
                write!(out, "make sure that no Hearth uses the directory, then remove {}", path.display())
            }
        }
    }
}

/// A process id for people, where it is known.
struct Pid(Option<u32>);

impl fmt::Display for Pid {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(pid) => write!(out, "process {pid}"),
            None => out.write_str("a process that has not given its id"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_names_path_finding_and_command() {
        let directory = Path::new("/dev/shm/hearth-x-1");
        let check = |flaw: Flaw, finding: &str, command: &str| {
            let way_out = WayOut::of_shard(directory, 3, &flaw);
            let text =
                SegmentError::Refused { path: directory.join("shard-0003"), flaw, way_out }.to_string();
            assert!(text.starts_with("/dev/shm/hearth-x-1/shard-0003 "), "{text}");
            assert!(text.contains(finding) && text.contains(command), "{text}");
        };
        let accept = "`hearth segments accept-loss 3 --shm-dir /dev/shm/hearth-x-1`";
        let wipe = "`hearth segments wipe --shm-dir /dev/shm/hearth-x-1`";
        check(Flaw::Foreign, "not a file of Hearth's", accept);
        check(Flaw::Truncated { found: 1, needed: 2 }, "has 1 bytes", accept);
        check(Flaw::Corrupt { stored: 1, computed: 2 }, "corrupt", accept);
        check(Flaw::OtherForm { found: 9, ours: 1 }, "form 9", wipe);
        check(Flaw::UnknownFeatures { unknown: 4 }, "0x4", wipe);
        let other = Flaw::OtherLayout { found_version: 7, found_hash: 1, our_version: 1, our_hash: 2 };
        check(other, "layout 7", wipe);
    }

    #[test]
    fn the_owner_is_named() {
        let owned = SegmentError::Owned { path: "/x".into(), pid: Some(42) }.to_string();
        assert!(owned.starts_with("/x is owned by process 42, which still runs or is stopped"), "{owned}");
    }
}
