//! The directory of a data set: on memory, ours alone, named after the data directory's id and the port.
//!
//! Everything in it is opened relative to the directory's descriptor, without following links, and only if
//! it is a plain file of this user's that nobody else can reach. New files get their contents under a
//! passing name and appear whole.

use std::fmt;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, RenameFlags, Stat};
use rustix::io::Errno;

use super::error::SegmentError;
use super::identity::random;

/// The control segment's file name.
pub(crate) const CONTROL_FILE: &str = "control";

/// Where directories are made unless a path is given.
pub const DEFAULT_PARENT: &str = "/dev/shm";
/// The end of the name of a file that is being made.
const UNFINISHED: &str = ".new";

/// Which file systems a data set may lie on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accept {
    /// tmpfs and hugetlbfs: memory.
    MemoryOnly,
    /// Any, for tests on machines without room on a tmpfs. Data is then not sure to survive a crash of the
    /// machine, and a full disk may kill the process.
    AnyFileSystem,
}

/// What a directory lies on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileSystem {
    Tmpfs,
    HugeTlb,
    /// Anything else, by the kernel's number for it.
    Other(u64),
}

impl fmt::Display for FileSystem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FileSystem::Tmpfs => out.write_str("tmpfs"),
            FileSystem::HugeTlb => out.write_str("hugetlbfs"),
            FileSystem::Other(magic) => write!(out, "a file system of type {magic:#x}"),
        }
    }
}

/// What there is to say about a directory when the server starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryReport {
    pub path: PathBuf,
    pub file_system: FileSystem,
    /// Room in all and left over; `None` where the file system has no bound of its own.
    pub total_bytes: Option<u64>,
    pub free_bytes: Option<u64>,
    /// This process runs in a container, and the directory seems to be the container's own: it would go
    /// with the container.
    pub private_to_container: bool,
}

impl DirectoryReport {
    /// Whether the directory cannot hold `bytes` even when nothing else uses it.
    pub fn is_smaller_than(&self, bytes: u64) -> bool {
        self.total_bytes.is_some_and(|total| total < bytes)
    }
}

/// An open directory of a data set.
#[derive(Debug)]
pub struct ShmDir {
    path: PathBuf,
    directory: OwnedFd,
    file_system: FileSystem,
    page_len: usize,
}

impl ShmDir {
    /// Opens the directory, making it (not its parents) if it does not exist.
    pub fn open_or_create(path: &Path, accept: Accept) -> Result<ShmDir, SegmentError> {
        match rustix::fs::mkdir(path, Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => ShmDir::open(path, accept),
            Err(error) => Err(SegmentError::io(path, "create the directory", error)),
        }
    }

    /// Opens the directory if it is one of this user's alone.
    pub fn open(path: &Path, accept: Accept) -> Result<ShmDir, SegmentError> {
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let directory = match rustix::fs::open(path, flags, Mode::empty()) {
            Err(Errno::NOTDIR | Errno::LOOP) => {
                return Err(SegmentError::Untrusted {
                    path: path.to_owned(),
                    reason: "is a link or a file, not a directory".to_owned(),
                    advice: "name a directory itself with --shm-dir",
                });
            }
            other => other.map_err(|error| SegmentError::io(path, "open", error))?,
        };
        let stat = rustix::fs::fstat(&directory).map_err(|error| SegmentError::io(path, "examine", error))?;
        // Not of any directory: /dev/shm must stay as it is.
        let holds_data = rustix::fs::statat(&directory, CONTROL_FILE, AtFlags::SYMLINK_NOFOLLOW).is_ok();
        let advice = if holds_data {
            "it holds a data set: make it yours alone again (chmod 700), or name another with --shm-dir"
        } else {
            "name a directory of the server's own with --shm-dir; one that does not exist is made"
        };
        check_reach(path, &stat, advice)?;
        let status =
            rustix::fs::fstatfs(&directory).map_err(|error| SegmentError::io(path, "examine", error))?;
        let file_system = match u64::try_from(status.f_type).unwrap_or_default() & 0xffff_ffff {
            0x0102_1994 => FileSystem::Tmpfs,
            0x9584_58f6 => FileSystem::HugeTlb,
            other => FileSystem::Other(other),
        };
        if matches!((file_system, accept), (FileSystem::Other(_), Accept::MemoryOnly)) {
            return Err(SegmentError::NotMemory { path: path.to_owned(), found: file_system.to_string() });
        }
        let page_len = match file_system {
            FileSystem::HugeTlb => usize::try_from(status.f_bsize).unwrap_or(4096),
            _ => rustix::param::page_size(),
        };
        Ok(ShmDir { path: path.to_owned(), directory, file_system, page_len })
    }

    /// The path it was opened by.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn file_system(&self) -> FileSystem {
        self.file_system
    }

    /// What backs its files: 4 KiB on tmpfs, a huge page on hugetlbfs.
    pub(crate) fn page_len(&self) -> usize {
        self.page_len
    }

    /// Room and warnings.
    pub fn report(&self) -> DirectoryReport {
        let status = rustix::fs::fstatvfs(&self.directory).ok().filter(|status| status.f_blocks > 0);
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let real_path = self.path.canonicalize().unwrap_or_else(|_| self.path.clone());
        DirectoryReport {
            path: self.path.clone(),
            file_system: self.file_system,
            total_bytes: status.as_ref().map(|status| status.f_blocks * status.f_frsize),
            free_bytes: status.as_ref().map(|status| status.f_bavail * status.f_frsize),
            private_to_container: in_container() && mount_root(&mounts, &real_path).as_deref() == Some("/"),
        }
    }

    /// Whether somebody removed the directory: what is served from it will not be found again.
    pub fn is_deleted(&self) -> bool {
        let same = |open: Stat, named: Stat| (open.st_dev, open.st_ino) == (named.st_dev, named.st_ino);
        match (rustix::fs::fstat(&self.directory), rustix::fs::lstat(&self.path)) {
            (Ok(open), Ok(named)) => !same(open, named),
            (Ok(_), Err(Errno::NOENT | Errno::NOTDIR)) => true,
            _ => false,
        }
    }

    /// The path of a file in it, for messages.
    pub(crate) fn path_of(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Opens a file if it exists and can be trusted.
    pub(crate) fn open_file(&self, name: &str) -> Result<Option<File>, SegmentError> {
        let path = self.path_of(name);
        let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = match rustix::fs::openat(&self.directory, name, flags, Mode::empty()) {
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::LOOP) => return Err(untrusted(&path, "is a symbolic link")),
            other => File::from(other.map_err(|error| SegmentError::io(&path, "open", error))?),
        };
        let stat = rustix::fs::fstat(&file).map_err(|error| SegmentError::io(&path, "examine", error))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(untrusted(&path, "is not a plain file"));
        }
        if stat.st_nlink > 1 {
            return Err(untrusted(&path, "has a second name (hard link)"));
        }
        check_reach(&path, &stat, FILE_ADVICE)?;
        Ok(Some(file))
    }

    /// Whether `file` is what `name` stands for at this moment.
    pub(crate) fn is_named(&self, file: &File, name: &str) -> bool {
        let named = rustix::fs::statat(&self.directory, name, AtFlags::SYMLINK_NOFOLLOW);
        match (rustix::fs::fstat(file), named) {
            (Ok(open), Ok(named)) => (open.st_dev, open.st_ino) == (named.st_dev, named.st_ino),
            _ => false,
        }
    }

    /// A new file under a passing name, to be filled and then published.
    pub(crate) fn create_unfinished(&self, name: &str) -> Result<Unfinished<'_>, SegmentError> {
        let path = self.path_of(name);
        let mark = random::<8>().map_err(|error| SegmentError::io(&path, "create", error))?;
        let passing_name = format!(".{name}.{:016x}{UNFINISHED}", u64::from_le_bytes(mark));
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&self.directory, passing_name.as_str(), flags, Mode::RUSR | Mode::WUSR)
            .map_err(|error| SegmentError::io(&path, "create", error))?;
        Ok(Unfinished { directory: self, name: passing_name, file: Some(File::from(file)) })
    }

    /// Takes a file's name away. Whether there was one.
    pub(crate) fn remove_file(&self, name: &str) -> Result<bool, SegmentError> {
        match rustix::fs::unlinkat(&self.directory, name, AtFlags::empty()) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(SegmentError::io(&self.path_of(name), "remove", error)),
        }
    }

    /// Gives a file another name that nobody has yet.
    pub(crate) fn rename_file(&self, from: &str, to: &str) -> Result<(), SegmentError> {
        rename_new(&self.directory, from, to)
            .map_err(|error| SegmentError::io(&self.path_of(from), "rename", error))
    }

    /// Gives a file another name, taking it from whatever has it.
    pub(crate) fn rename_over(&self, from: &str, to: &str) -> Result<(), SegmentError> {
        rustix::fs::renameat(&self.directory, from, &self.directory, to)
            .map_err(|error| SegmentError::io(&self.path_of(from), "rename", error))
    }

    /// The names of all files in it.
    pub(crate) fn file_names(&self) -> Result<Vec<String>, SegmentError> {
        let failed = |error: Errno| SegmentError::io(&self.path, "list", error);
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::read_from(&self.directory).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name().to_string_lossy().into_owned();
            if name != "." && name != ".." {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    /// Bytes of memory behind a file.
    pub(crate) fn allocated_bytes(&self, name: &str) -> u64 {
        let stat = rustix::fs::statat(&self.directory, name, AtFlags::SYMLINK_NOFOLLOW);
        stat.map_or(0, |stat| u64::try_from(stat.st_blocks).unwrap_or_default() * 512)
    }

    /// Removes files that a killed process left unfinished. Only the owner may.
    pub(crate) fn remove_unfinished(&self) -> Result<(), SegmentError> {
        let names = self.file_names()?;
        for name in names.iter().filter(|name| is_unfinished(name)) {
            self.remove_file(name)?;
        }
        Ok(())
    }

    /// Removes the directory itself. Whether it is gone: files of others keep it, and so does being a
    /// mount point.
    pub(crate) fn remove(&self) -> bool {
        rustix::fs::rmdir(&self.path).is_ok()
    }
}

/// Whether a name is that of a file which was never published.
pub(crate) fn is_unfinished(name: &str) -> bool {
    name.starts_with('.') && name.ends_with(UNFINISHED)
}

/// A file that does not have its name yet. Removed when dropped before it has.
pub(crate) struct Unfinished<'a> {
    directory: &'a ShmDir,
    name: String,
    file: Option<File>,
}

impl Unfinished<'_> {
    pub(crate) fn file(&self) -> &File {
        self.file.as_ref().expect("taken only by the functions that consume the value")
    }

    /// Gives the file its name, unless something has it: then nothing happens, and `None` is returned.
    pub(crate) fn publish(mut self, name: &str) -> Result<Option<File>, SegmentError> {
        match rename_new(&self.directory.directory, &self.name, name) {
            Ok(()) => Ok(self.file.take()),
            Err(Errno::EXIST) => Ok(None),
            Err(error) => Err(SegmentError::io(&self.directory.path_of(name), "create", error)),
        }
    }

    /// Gives the file its name, taking it from whatever has it.
    pub(crate) fn replace(mut self, name: &str) -> Result<(), SegmentError> {
        self.directory.rename_over(&self.name, name)?;
        self.file = None;
        Ok(())
    }
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        if self.file.is_some() {
            // Left behind, it is removed by the next owner.
            let _ = self.directory.remove_file(&self.name);
        }
    }
}

fn rename_new(directory: impl AsFd, from: &str, to: &str) -> Result<(), Errno> {
    rustix::fs::renameat_with(&directory, from, &directory, to, RenameFlags::NOREPLACE)
}

fn rename_new_path(from: &Path, to: &Path) -> Result<(), Errno> {
    rustix::fs::renameat_with(rustix::fs::CWD, from, rustix::fs::CWD, to, RenameFlags::NOREPLACE)
}

const FILE_ADVICE: &str = "find out how that came about, then put it right";

fn untrusted(path: &Path, reason: &str) -> SegmentError {
    SegmentError::Untrusted { path: path.to_owned(), reason: reason.to_owned(), advice: FILE_ADVICE }
}

/// Whether only this user can reach what `stat` describes.
fn check_reach(path: &Path, stat: &Stat, advice: &'static str) -> Result<(), SegmentError> {
    let (owner, us) = (stat.st_uid, rustix::process::geteuid().as_raw());
    let mode = stat.st_mode & 0o7777;
    let reason = if owner != us {
        format!("belongs to user {owner}, not to {us}")
    } else if mode & 0o077 != 0 {
        format!("can be reached by others (mode {mode:04o})")
    } else {
        return Ok(());
    };
    Err(SegmentError::Untrusted { path: path.to_owned(), reason, advice })
}

/// Whether this process seems to run in a container.
fn in_container() -> bool {
    Path::new("/.dockerenv").exists()
        || Path::new("/run/.containerenv").exists()
        || std::env::var_os("KUBERNETES_SERVICE_HOST").is_some()
        || std::env::var_os("container").is_some_and(|value| !value.is_empty())
}

/// The part of its file system that is mounted where `path` lies, from the kernel's list of mounts: "/" for
/// all of it, another path where a directory of the host was bound.
fn mount_root(mount_info: &str, path: &Path) -> Option<String> {
    let unescape = |field: &str| {
        ["\\040", "\\011", "\\012", "\\134"]
            .iter()
            .zip([" ", "\t", "\n", "\\"])
            .fold(field.to_owned(), |text, (code, letter)| text.replace(code, letter))
    };
    let mounts = mount_info.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(3);
        Some((unescape(fields.next()?), unescape(fields.next()?)))
    });
    // Of equally deep mounts the later covers the earlier.
    let covering = mounts.filter(|(_, point)| path.starts_with(point));
    covering.max_by_key(|(_, point)| Path::new(point).components().count()).map(|(root, _)| root)
}

/// The id of a data directory, kept in the file `hearth.id` in it; made when there is none.
pub fn data_directory_id(directory: &Path) -> Result<String, SegmentError> {
    const NAME: &str = "hearth.id";
    let path = directory.join(NAME);
    loop {
        match read_id(&path) {
            Ok(text) => {
                let id = text.trim_end_matches('\n');
                let valid =
                    id.len() == 16 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
                return if valid { Ok(id.to_owned()) } else { Err(SegmentError::BadId { path }) };
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(SegmentError::io(&path, "read", error)),
        }
        match write_id(directory, NAME) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(SegmentError::io(&path, "create", error)),
        }
    }
}

/// The directory used for a data directory and a port when none is named: `/dev/shm/hearth-<id>-<port>`.
pub fn default_directory(data_directory: &Path, port: u16) -> Result<PathBuf, SegmentError> {
    let id = data_directory_id(data_directory)?;
    Ok(Path::new(DEFAULT_PARENT).join(format!("hearth-{id}-{port}")))
}

/// What a directory's name says: the id of its data directory and the port.
pub(crate) fn parse_directory_name(name: &str) -> Option<(&str, u16)> {
    let (id, port) = name.strip_prefix("hearth-")?.rsplit_once('-')?;
    Some((id, port.parse().ok()?))
}

/// The text of an id file, at most a little more than an id.
fn read_id(path: &Path) -> io::Result<String> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    let mut bytes = [0; 64];
    let mut len = 0;
    while len < bytes.len() {
        match io::Read::read(&mut &file, &mut bytes[len..])? {
            0 => break,
            more => len += more,
        }
    }
    Ok(String::from_utf8_lossy(&bytes[..len]).into_owned())
}

/// Writes a new id under a passing name, to disk, and then gives it its name.
fn write_id(directory: &Path, name: &str) -> io::Result<()> {
    let id = u64::from_le_bytes(random::<8>()?);
    let passing = directory.join(format!(".{name}.{:016x}{UNFINISHED}", u64::from_le_bytes(random::<8>()?)));
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(&passing, flags, Mode::RUSR | Mode::WUSR)?);
    let written = io::Write::write_all(&mut &file, format!("{id:016x}\n").as_bytes())
        .and_then(|()| file.sync_all())
        .and_then(|()| match rename_new_path(&passing, &directory.join(name)) {
            // Not every disk's file system knows this rename. A link does the same in two steps.
            Err(Errno::INVAL | Errno::NOSYS) => std::fs::hard_link(&passing, directory.join(name)),
            other => other.map_err(io::Error::from),
        });
    match std::fs::remove_file(&passing) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => written.and(Err(error)),
        _ => written,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mount_that_covers_a_path_is_found() {
        let mounts = "\
22 1 253:1 / / rw,relatime - ext4 /dev/vda rw
25 22 0:23 / /dev/shm rw,nosuid - tmpfs shm rw,size=65536k
31 22 0:40 /hearth /srv/my\\040data rw - tmpfs tmpfs rw
32 22 0:40 /first /srv/twice rw - tmpfs tmpfs rw
33 22 0:41 / /srv/twice rw - tmpfs tmpfs rw
garbage
";
        let check = |path: &str, root: Option<&str>| {
            assert_eq!(mount_root(mounts, Path::new(path)).as_deref(), root, "{path}");
        };
        check("/dev/shm/hearth-1-2", Some("/"));
        check("/srv/my data/x", Some("/hearth"));
        check("/srv/my", Some("/"));
        check("/srv/twice", Some("/"));
        check("relative", None);
    }

    #[test]
    fn directory_names_tell_id_and_port() {
        assert_eq!(parse_directory_name("hearth-00ff-6379"), Some(("00ff", 6379)));
        for other in ["hearth-00ff", "hearth-00ff-65536", "hearth-00ff-x", "heart-00ff-1", ""] {
            assert_eq!(parse_directory_name(other), None, "{other}");
        }
    }

    #[test]
    fn a_directory_too_small_is_noticed_only_where_there_is_a_bound() {
        let report = |total_bytes| DirectoryReport {
            path: "/x".into(),
            file_system: FileSystem::Tmpfs,
            total_bytes,
            free_bytes: total_bytes,
            private_to_container: false,
        };
        assert!(report(Some(10)).is_smaller_than(11));
        assert!(!report(Some(10)).is_smaller_than(10));
        assert!(!report(None).is_smaller_than(u64::MAX));
    }
}
