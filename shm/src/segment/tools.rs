//! Looking at data sets, and removing them, from outside the server that uses them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::data_set::{aside_name, data_files, has_orphans, is_aside, remove_all, shard_header};
use super::dir::{Accept, CONTROL_FILE, DEFAULT_PARENT, ShmDir, parse_directory_name};
use super::error::{Flaw, SegmentError};
use super::file::{Segment, file_name, first_page, parse_file_name};
use super::header::{Header, decode_header};
use super::layout::layout_hash;
use crate::control::Control;
use crate::owner::{LOCK_FILE, Owner, ToolLock, owner_of};

/// A directory that holds a data set, or what is left of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub path: PathBuf,
    /// The id of the data directory and the port, if the directory is named after them.
    pub id_and_port: Option<(String, u16)>,
    /// The process that serves it, if one does.
    pub owner: Option<Owner>,
    /// What the control segment says, whichever version of the program wrote it; `None` if it is missing.
    pub control: Option<Result<Header, Flaw>>,
    /// Shards that have a file.
    pub shard_files: usize,
    /// Files of shards whose loss was accepted.
    pub set_aside_files: usize,
    /// Memory that removing it gives back.
    pub bytes: u64,
}

/// All data sets of this user below `parent` that are named as the server names them. Directories that
/// cannot be trusted are left out.
pub fn list(parent: &Path) -> Result<Vec<Found>, SegmentError> {
    let failed = |error| SegmentError::io(parent, "list", error);
    let mut found = Vec::new();
    for entry in std::fs::read_dir(parent).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let is_named = path.file_name().and_then(|name| parse_directory_name(name.to_str()?)).is_some();
        if is_named && let Ok(one) = describe(&path) {
            found.push(one);
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

/// The other data sets of the data directory whose id is in `path`'s name: those of other ports.
pub fn siblings(path: &Path) -> Result<Vec<Found>, SegmentError> {
    let named = path.file_name().and_then(|name| parse_directory_name(name.to_str()?));
    let Some((id, _)) = named else { return Ok(Vec::new()) };
    let mut all = list(path.parent().unwrap_or(Path::new(DEFAULT_PARENT)))?;
    all.retain(|found| {
        found.path != path && found.id_and_port.as_ref().is_some_and(|(other, _)| other == id)
    });
    Ok(all)
}

/// What one directory holds.
pub fn describe(path: &Path) -> Result<Found, SegmentError> {
    let directory = ShmDir::open(path, Accept::AnyFileSystem)?;
    let names = data_files(&directory)?;
    let control = match directory.open_file(CONTROL_FILE)? {
        Some(file) => Some(decode_header(&first_page(&file, &directory.path_of(CONTROL_FILE))?.0)),
        None => None,
    };
    let name = path.file_name().and_then(|name| parse_directory_name(name.to_str()?));
    Ok(Found {
        path: path.to_owned(),
        id_and_port: name.map(|(id, port)| (id.to_owned(), port)),
        owner: owner_of(&directory)?,
        control,
        shard_files: names.iter().filter(|name| parse_file_name(name).is_some()).count(),
        set_aside_files: names.iter().filter(|name| is_aside(name)).count(),
        bytes: names.iter().map(|name| directory.allocated_bytes(name)).sum(),
    })
}

/// A data set open for checking. No server can serve it meanwhile, and nothing done to the segments reaches
/// their files, recovery included.
pub struct Inspection {
    pub control: Control,
    /// One per shard, in order.
    pub shards: Vec<Result<Segment, SegmentError>>,
    /// Allows turning the private copies into heaps.
    pub lock: ToolLock,
}

/// Opens a data set for checking, waiting up to `patience` for its owner to be gone. `layout` as in
/// [`super::Options`].
pub fn inspect(path: &Path, layout: &str, patience: Duration) -> Result<Inspection, SegmentError> {
    let (directory, lock) = lock_existing(path, patience)?;
    let Some(control) = Control::inspect(&directory, layout_hash(layout))?.filter(Control::is_complete)
    else {
        return Err(no_control(&directory)?);
    };
    let open = |(shard, slots): (u32, &std::ops::Range<u16>)| {
        Segment::inspect(&directory, control.header(), shard, slots.clone())
    };
    let shards = (0..).zip(control.slots()).map(open).collect();
    Ok(Inspection { control, shards, lock })
}

/// What [`wipe`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wiped {
    /// Memory given back.
    pub bytes: u64,
    /// Whether the directory is gone too: files that are not Hearth's keep it.
    pub directory_removed: bool,
}

/// Removes a data set, whatever state it is in, unless a process uses it.
pub fn wipe(path: &Path, patience: Duration) -> Result<Wiped, SegmentError> {
    let (directory, _lock) = lock_existing(path, patience)?;
    let (bytes, directory_removed) = remove_all(&directory)?;
    Ok(Wiped { bytes, directory_removed })
}

/// Gives up the data of one shard: its file, if there is one, is set aside, and the shard begins empty. Where
/// the file is now.
pub fn accept_loss(
    path: &Path,
    shard: u32,
    layout: &str,
    patience: Duration,
) -> Result<Option<PathBuf>, SegmentError> {
    let (directory, _lock) = lock_existing(path, patience)?;
    let Some(control) = Control::inspect(&directory, layout_hash(layout))?.filter(Control::is_complete)
    else {
        return Err(no_control(&directory)?);
    };
    let Some(slots) = control.slots().get(shard as usize) else {
        return Err(SegmentError::NoSuchShard { path: path.to_owned(), shard, count: control.shard_count() });
    };
    let name = file_name(shard);
    let mut aside = None;
    if directory.file_names()?.contains(&name) {
        let new_name = aside_name(&name);
        directory.rename_file(&name, &new_name)?;
        aside = Some(directory.path_of(&new_name));
    }
    Segment::create(&directory, shard_header(control.header(), shard, slots.clone()))?;
    Ok(aside)
}

/// Opens a directory that has something of ours, for a tool's exclusive use.
fn lock_existing(path: &Path, patience: Duration) -> Result<(ShmDir, ToolLock), SegmentError> {
    let directory = ShmDir::open(path, Accept::AnyFileSystem)?;
    if data_files(&directory)?.is_empty() && !directory.file_names()?.iter().any(|name| name == LOCK_FILE) {
        return Err(SegmentError::NoDataSet { path: path.to_owned() });
    }
    let lock = ToolLock::acquire(&directory, patience)?;
    Ok((directory, lock))
}

/// Why there is nothing to work on.
fn no_control(directory: &ShmDir) -> Result<SegmentError, SegmentError> {
    let path = directory.path().to_owned();
    let orphans = has_orphans(directory)?;
    Ok(if orphans { SegmentError::NoControl { path } } else { SegmentError::NoDataSet { path } })
}
