//! All segments of one server: made or attached together, kept or removed together.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::dir::{Accept, CONTROL_FILE, DirectoryReport, ShmDir, is_unfinished};
use super::error::SegmentError;
use super::file::{Segment, parse_file_name};
use super::header::{Header, Kind, Words};
use super::identity::{BootId, DataSetId, NodeId, random};
use super::layout::{LAYOUT_VERSION, layout_hash};
use crate::control::{Control, deal_slots};
use crate::owner::{LOCK_FILE, Ownership, Takeover, Waiting, WorkerLock, WorkerLocks, takeovers_if_unused};
use crate::stored_hash::FUNCTION_ID;

/// How a data set is to be opened.
#[derive(Debug, Clone)]
pub struct Options {
    /// Its directory: see [`super::default_directory`].
    pub directory: PathBuf,
    pub accept: Accept,
    pub existing: Existing,
    /// How long to wait for a previous owner to be gone.
    pub patience: Duration,
    /// Told at once when there is somebody to wait for.
    pub on_wait: fn(&Waiting),
    /// What the user of this crate stores, described so that any change of it changes the text.
    pub layout: &'static str,
    /// For a new data set; an existing one keeps its own.
    pub new: NewDataSet,
}

/// What a new data set is made with.
#[derive(Debug, Clone)]
pub struct NewDataSet {
    /// 1 to [`crate::control::MAX_SHARDS`].
    pub shard_count: u32,
    pub slot_count: u16,
    /// log2 of the bytes a handle counts: 3 reaches 32 GiB per shard.
    pub granule_shift: u8,
    /// Kept in the control segment, in a form of the caller's, up to [`crate::control::MAX_SETTINGS_LEN`]
    /// bytes.
    pub settings: String,
    /// The node that makes it; drawn at random if `None`.
    pub node: Option<NodeId>,
}

/// What to do with data that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// Serve it.
    Attach,
    /// Remove it, whatever it is, and begin anew.
    Discard,
}

/// Where the data of an opened data set came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// It is new and empty.
    Created,
    /// An earlier server left it.
    Attached {
        /// When that one stopped in order; `None` if it was killed.
        stopped_at_unix_ms: Option<u64>,
    },
}

/// A data set that this process now owns.
pub struct Opened {
    pub data_set: DataSet,
    /// One per shard, in order, none of them a heap yet: see [`Segment::into_heap`]. Each can be sent to the
    /// thread that will own it, so that all are recovered at the same time; when all are, call
    /// [`Control::settle`], and only then serve.
    pub shards: Vec<Segment>,
    pub origin: Origin,
    pub takeover: Takeover,
    pub directory: DirectoryReport,
    /// Bytes of memory that were given back with [`Existing::Discard`].
    pub discarded_bytes: u64,
}

/// A data set in the hands of this process. Dropped without [`DataSet::stop`] it stays as after a crash.
pub struct DataSet {
    directory: ShmDir,
    control: Arc<Control>,
    // Last: files are closed before the next owner may come.
    ownership: Ownership,
}

/// What became of a data set that was stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stopped {
    pub path: PathBuf,
    /// Bytes of memory that stay with the data, or were given back with it.
    pub bytes: u64,
}

impl DataSet {
    /// Takes the ownership of the directory's data set, then attaches it or makes it.
    ///
    /// What must be refused is refused without a change to any byte of the directory. (If the data set is in use at
    /// that moment, so that only its next owner can tell, the lock file notes that it was taken.)
    pub fn open(options: &Options) -> Result<Opened, SegmentError> {
        let layout_hash = layout_hash(options.layout);
        // Whoever owned it may have removed the directory between our steps.
        const ATTEMPTS: usize = 5;
        let mut attempt = 1;
        let (directory, ownership) = loop {
            let directory = ShmDir::open_or_create(&options.directory, options.accept)?;
            if options.existing == Existing::Attach {
                check_untouched(&directory, layout_hash)?;
            }
            match Ownership::acquire(&directory, options.patience, options.on_wait) {
                Ok(ownership) => break (directory, ownership),
                Err(SegmentError::Io { .. }) if directory.is_deleted() && attempt < ATTEMPTS => attempt += 1,
                Err(error) => return Err(error),
            }
        };
        let discarded_bytes = match options.existing {
            Existing::Attach => 0,
            Existing::Discard => remove_data(&directory)?,
        };
        let (control, shards, origin) = match Control::attach(&directory, layout_hash)? {
            Some(control) if control.is_complete() => attach(&directory, control)?,
            found => {
                if found.is_none() && has_orphans(&directory)? {
                    return Err(SegmentError::NoControl { path: options.directory.clone() });
                }
                drop(found);
                remove_data(&directory)?;
                create(&directory, layout_hash, &options.new).inspect_err(|_| {
                    // Nothing was served from it, and the next start would remove what cannot be removed now.
                    let _ = remove_all(&directory);
                })?
            }
        };
        directory.remove_unfinished()?;
        let takeover = ownership.takeover();
        let report = directory.report();
        let data_set = DataSet { directory, control: Arc::new(control), ownership };
        Ok(Opened { data_set, shards, origin, takeover, directory: report, discarded_bytes })
    }

    /// The directory, to ask for room and whether it is still there.
    pub fn directory(&self) -> &ShmDir {
        &self.directory
    }

    /// What the shards share.
    pub fn control(&self) -> &Arc<Control> {
        &self.control
    }

    /// The locks for the threads that will write to segments.
    pub fn worker_locks(&self) -> WorkerLocks {
        self.ownership.worker_locks()
    }

    /// The lock of the thread that opened the data set.
    pub fn lock_of_this_thread(&self) -> &WorkerLock {
        self.ownership.of_this_thread()
    }

    /// Ends the ownership after an orderly stop of all workers, whose locks must be free. The data stays for
    /// the next server, or is removed and its memory given back.
    pub fn stop(self, keep: bool) -> Result<Stopped, SegmentError> {
        let path = self.directory.path().to_owned();
        let count = self.ownership.workers_at_work();
        if count > 0 {
            return Err(SegmentError::WorkersAtWork { path, count });
        }
        if keep {
            let names = data_files(&self.directory)?;
            let bytes = names.iter().map(|name| self.directory.allocated_bytes(name)).sum();
            self.control.mark_stopped(now_unix_ms());
            return Ok(Stopped { path, bytes });
        }
        let (bytes, _) = remove_all(&self.directory)?;
        Ok(Stopped { path, bytes })
    }
}

/// Refuses a data set that nobody uses if [`attach`] would, and changes nothing. One in use is left to its next owner.
fn check_untouched(directory: &ShmDir, layout_hash: u64) -> Result<(), SegmentError> {
    let Some(takeovers) = takeovers_if_unused(directory)? else { return Ok(()) };
    check_headers(directory, layout_hash).or_else(|error| {
        // Somebody may have come while we looked, and be removing it.
        if takeovers_if_unused(directory)? == Some(takeovers) { Err(error) } else { Ok(()) }
    })
}

fn check_headers(directory: &ShmDir, layout_hash: u64) -> Result<(), SegmentError> {
    match Control::inspect(directory, layout_hash)? {
        Some(control) if control.is_complete() => (0..)
            .zip(control.slots())
            .try_for_each(|(shard, slots)| Segment::check(directory, control.header(), shard, slots.clone())),
        None if has_orphans(directory)? => Err(SegmentError::NoControl { path: directory.path().to_owned() }),
        _ => Ok(()),
    }
}

/// Opens all shards of a complete data set. Nothing is changed before all are known to be good.
fn attach(directory: &ShmDir, mut control: Control) -> Result<(Control, Vec<Segment>, Origin), SegmentError> {
    let open = |(shard, slots): (u32, &Range<u16>)| {
        Segment::attach(directory, control.header(), shard, slots.clone())
    };
    let mut shards = (0..).zip(control.slots()).map(open).collect::<Result<Vec<_>, _>>()?;
    let stopped_at = control.header().words.stopped_at_unix_ms;
    let life = control.begin_life();
    shards.iter_mut().for_each(|shard| shard.begin_life(life));
    let stopped_at_unix_ms = (stopped_at != 0).then_some(stopped_at);
    Ok((control, shards, Origin::Attached { stopped_at_unix_ms }))
}

/// Makes the control segment, then all shards, then declares the data set complete.
fn create(
    directory: &ShmDir,
    layout_hash: u64,
    new: &NewDataSet,
) -> Result<(Control, Vec<Segment>, Origin), SegmentError> {
    let failed = |error| SegmentError::io(directory.path(), "draw random numbers for", error);
    let boot = BootId::current()
        .map_err(|error| SegmentError::io(directory.path(), "learn the boot id for", error))?;
    let header = Header {
        kind: Kind::Control,
        granule_shift: new.granule_shift,
        layout_version: LAYOUT_VERSION,
        layout_hash,
        features: 0,
        hash_key: random().map_err(failed)?,
        hash_function: FUNCTION_ID,
        shard: 0,
        shard_count: new.shard_count,
        slots: 0..new.slot_count,
        data_set: DataSetId(random().map_err(failed)?),
        node: match new.node {
            Some(node) => node,
            None => NodeId(random().map_err(failed)?),
        },
        boot,
        made_at_unix_ms: now_unix_ms(),
        words: Words::default(),
    };
    let slots = deal_slots(new.slot_count, new.shard_count);
    let mut control = Control::create(directory, header, &new.settings, &slots)?;
    let life = control.begin_life();
    let mut shards = Vec::with_capacity(slots.len());
    for (shard, slots) in (0..).zip(slots) {
        let mut segment = Segment::create(directory, shard_header(control.header(), shard, slots))?;
        segment.begin_life(life);
        shards.push(segment);
    }
    control.mark_complete();
    Ok((control, shards, Origin::Created))
}

/// The header of a new shard in the data set that `control` describes.
pub(super) fn shard_header(control: &Header, shard: u32, slots: Range<u16>) -> Header {
    Header { kind: Kind::Shard, shard, slots, words: Words::default(), ..control.clone() }
}

/// The files of a data set other than the lock file: shards, shards set aside, and the control segment.
pub(super) fn data_files(directory: &ShmDir) -> Result<Vec<String>, SegmentError> {
    let mut names = directory.file_names()?;
    names.retain(|name| {
        name == CONTROL_FILE || is_unfinished(name) || parse_file_name(name).is_some() || is_aside(name)
    });
    Ok(names)
}

/// Whether a name is that of a segment that was set aside.
pub(super) fn is_aside(name: &str) -> bool {
    name.split_once(ASIDE).is_some_and(|(shard, _)| parse_file_name(shard).is_some())
}

/// What follows a shard's file name when it is set aside.
pub(super) const ASIDE: &str = ".aside-";

/// The control segment's name while its data set is being removed.
const REMOVED_CONTROL: &str = ".control.removed.new";

/// Whether shards are there without their control segment, which is not how a making or a removal that was cut
/// off looks: the one begins with the control segment, and the other ends with it.
pub(super) fn has_orphans(directory: &ShmDir) -> Result<bool, SegmentError> {
    let names = directory.file_names()?;
    let has = |name: &str| names.iter().any(|found| found == name);
    Ok(names.iter().any(|name| parse_file_name(name).is_some())
        && !has(CONTROL_FILE)
        && !has(REMOVED_CONTROL))
}

/// Removes all but the lock file. How many bytes of memory that gives back once nobody has them mapped. The data
/// set ceases to be in one step, the renaming of its control segment; whoever comes after a removal that was
/// cut off ends it. For the owner only.
pub(super) fn remove_data(directory: &ShmDir) -> Result<u64, SegmentError> {
    let mut names = data_files(directory)?;
    if names.iter().any(|name| name == CONTROL_FILE) {
        directory.rename_over(CONTROL_FILE, REMOVED_CONTROL)?;
        names.retain(|name| name != CONTROL_FILE && name != REMOVED_CONTROL);
        names.push(REMOVED_CONTROL.to_owned());
    }
    names.sort_by_key(|name| name == REMOVED_CONTROL);
    let mut bytes = 0;
    for name in names {
        bytes += directory.allocated_bytes(&name);
        directory.remove_file(&name)?;
    }
    Ok(bytes)
}

/// Removes the lock file too, and the directory if nothing else is in it. How many bytes that gives back, and
/// whether the directory is gone. For the owner only; a server that waits for its locks finds the lock file
/// gone, and begins again with a new one.
pub(super) fn remove_all(directory: &ShmDir) -> Result<(u64, bool), SegmentError> {
    let bytes = remove_data(directory)?;
    directory.remove_file(LOCK_FILE)?;
    Ok((bytes, directory.remove()))
}

/// Where a file set aside goes.
pub(super) fn aside_name(file_name: &str) -> String {
    format!("{file_name}{ASIDE}{}", now_unix_ms())
}

/// Milliseconds since 1970.
fn now_unix_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_names_are_removed() {
        let check = |name: &str, ours: bool| {
            let found = is_unfinished(name) || parse_file_name(name).is_some() || is_aside(name);
            assert_eq!(found, ours, "{name}");
        };
        check("shard-0000", true);
        check("shard-12345", true);
        check("shard-1", false);
        check("shard-00012", false);
        check("shard-+001", false);
        check("shard-0001.aside-17", true);
        check("shard-1.aside-17", false);
        check("shard-0001.bak", false);
        check(".control.00ff.new", true);
        check("notes.new", false);
        assert!(is_aside(&aside_name("shard-0001")));
    }
}
