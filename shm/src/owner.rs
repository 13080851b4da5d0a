//! Who may write to a data set: one process at a time, known to be dead before another begins.
//!
//! The lock file holds one robust process-shared mutex per thread that may write to segments, and nothing
//! else. A thread locks its mutex when it starts and unlocks it when it ends, so a mutex says "this thread
//! can still execute instructions". When a thread dies in whatever way, the kernel marks its mutex, at the
//! moment after which it executes nothing more, long before the memory of its process is taken apart.
//! A successor takes **all** mutexes before it touches a segment. A stopped process keeps its mutexes: nothing
//! is ever taken from it.
//!
//! ```text
//!   0  magic "HEARTHLK"      32  form of the mutexes u64     64 ─ 128  mutex 0: the starting thread
//!   8  form u32, count u32   40  owner's process id u64     128 ─ 192  mutex 1: worker 0
//!  16  boot id, 16 bytes     48  takeovers so far u64        …          up to 1023 workers
//! ```
//! The file appears whole and is made anew only when the machine was started since: nobody can hold
//! anything then. Its `flock` serves tools: every owner holds it shared, from before it waits for the
//! mutexes, and a tool that checks or removes segments holds it exclusively. A successor never waits for
//! the `flock` of the process it follows, which that keeps until all of its memory is gone. A successor that finds it
//! free knows that nobody is there, and looks at the headers before it takes anything: data that must be refused is
//! left without a trace, the locks of the dead included.
//!
//! A thread that ends by panic does not unlock: its shards may be in the middle of a transaction. The server
//! aborts in that case, and the next one takes over as after any other death.

use std::fmt;
use std::marker::PhantomData;
use std::mem::{MaybeUninit, size_of};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use libc::{EBUSY, EOWNERDEAD, ETIMEDOUT, pthread_mutex_t};
use rustix::fs::FlockOperation;
use rustix::io::Errno;

use crate::flock::Flocked;
use crate::segment::dir::{ShmDir, Unfinished};
use crate::segment::error::{Flaw, SegmentError, WayOut};
use crate::segment::file::{first_page, obtain};
use crate::segment::identity::BootId;
use crate::segment::mapping::Mapping;

/// The lock file's name.
pub(crate) const LOCK_FILE: &str = "lock";
/// Mutexes in the file, one for the thread that starts the server and one for each worker. Fixed, so that the
/// number of workers can change from one start to the next.
const MUTEX_COUNT: usize = 1024;
/// The most workers a server can have.
pub const MAX_WORKERS: usize = MUTEX_COUNT - 1;

const MAGIC: u64 = u64::from_le_bytes(*b"HEARTHLK");
const FORM: u64 = 1 | (MUTEX_COUNT as u64) << 32;
const BOOT_AT: usize = 16;
const MUTEX_FORM_AT: usize = 32;
const PID_AT: usize = 40;
const TAKEOVERS_AT: usize = 48;
const MUTEXES_AT: usize = 64;
const MUTEX_STEP: usize = 64;
const FILE_LEN: usize = MUTEXES_AT + MUTEX_COUNT * MUTEX_STEP;
const _: () = assert!(size_of::<pthread_mutex_t>() <= MUTEX_STEP);
/// What a mutex looks like inside depends on the C library and the processor.
const MUTEX_FORM: u64 = size_of::<pthread_mutex_t>() as u64
    | (cfg!(target_env = "gnu") as u64) << 16
    | (cfg!(target_env = "musl") as u64) << 17
    | (cfg!(target_arch = "x86_64") as u64) << 24
    | (cfg!(target_arch = "aarch64") as u64) << 25;
/// How long one wait for a mutex lasts at most before the clock is looked at again. Mutexes wait by the wall
/// clock, which can jump; deadlines here are by the steady one.
const PATIENCE: Duration = Duration::from_millis(50);

/// The right to write to a data set, held by the thread that starts the server until it stops. Dropping it,
/// after the workers' locks, hands the data set over to whoever waits.
pub struct Ownership {
    starter: WorkerLock,
    locks: WorkerLocks,
    takeover: Takeover,
}

/// What the owner found when it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Takeover {
    /// Threads of the previous owner that died with their lock held: 0 after an orderly stop.
    pub dead_threads: usize,
    /// The previous owner's process id, if there was one.
    pub previous_pid: Option<u32>,
    /// How often the data set has been taken, this time included.
    pub count: u64,
}

/// What a start has to wait for: someone else uses the data set. `Display` is a sentence for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    pub path: PathBuf,
    pub user: User,
    /// How long to wait at most.
    pub patience: Duration,
}

/// Who uses a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum User {
    /// A process that serves it, or did until a moment ago, by its id if it has given one.
    Owner(Option<u32>),
    /// A tool that checks or removes it.
    Tool,
}

impl fmt::Display for Waiting {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (path, seconds) = (self.path.display(), self.patience.as_secs_f64());
        match self.user {
            User::Owner(Some(pid)) => write!(out, "{path} is owned by process {pid}")?,
            User::Owner(None) => write!(out, "{path} is owned by a process that has not given its id")?,
            User::Tool => write!(out, "{path} is being checked or removed by `hearth segments`")?,
        }
        write!(out, ": waiting up to {seconds} s for its end")
    }
}

impl Ownership {
    /// Takes all locks of the directory, waiting up to `patience` for whoever uses it to be gone. If there is
    /// somebody to wait for, `on_wait` is told before the wait begins, once.
    pub fn acquire(
        directory: &ShmDir,
        patience: Duration,
        on_wait: fn(&Waiting),
    ) -> Result<Ownership, SegmentError> {
        let deadline = Instant::now() + patience;
        let mut is_told = patience.is_zero();
        let mut tell = |user| {
            if !std::mem::replace(&mut is_told, true) {
                on_wait(&Waiting { path: directory.path().to_owned(), user, patience });
            }
        };
        loop {
            let locks = open_shared(directory, deadline, || tell(User::Tool))?;
            let mut dead_threads = 0;
            if !locks.take_all(Instant::now(), &mut dead_threads)? {
                tell(User::Owner(locks.recorded_pid()));
                if !locks.take_all(deadline, &mut dead_threads)? {
                    let pid = locks.recorded_pid();
                    return Err(SegmentError::Owned { path: directory.path().to_owned(), pid });
                }
            }
            let starter = WorkerLock { locks: Arc::clone(&locks), index: 0, of_thread: PhantomData };
            if !directory.is_named(&locks.file, LOCK_FILE) {
                // The owner we waited for removed the data set when it stopped.
                locks.unlock_down_to(MUTEX_COUNT, 1);
                continue;
            }
            let previous_pid = locks.recorded_pid();
            let count = locks.mapping.load(TAKEOVERS_AT) + 1;
            locks.mapping.store(TAKEOVERS_AT, count);
            locks.mapping.store(PID_AT, std::process::id().into());
            locks.unlock_down_to(MUTEX_COUNT, 1);
            let takeover = Takeover { dead_threads, previous_pid, count };
            return Ok(Ownership { starter, locks: WorkerLocks { locks, takeover_count: count }, takeover });
        }
    }

    /// What was found.
    pub fn takeover(&self) -> Takeover {
        self.takeover
    }

    /// The lock of this thread itself, which also allows it to write to segments.
    pub fn of_this_thread(&self) -> &WorkerLock {
        &self.starter
    }

    /// The workers' locks, to be handed to their threads.
    pub fn worker_locks(&self) -> WorkerLocks {
        self.locks.clone()
    }

    /// How many workers hold their lock at this moment, or ended without giving it back.
    pub fn workers_at_work(&self) -> usize {
        let locks = &self.locks.locks;
        let is_held = |&index: &usize| match locks.lock(index, Instant::now()) {
            Ok(Locked::Busy) | Err(_) => true,
            Ok(found) => {
                locks.unlock(index);
                // A worker that panicked has left its shards in a state unknown.
                matches!(found, Locked::FromTheDead)
            }
        };
        (1..MUTEX_COUNT).filter(is_held).count()
    }
}

impl Drop for Ownership {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.locks.locks.mapping.store(PID_AT, 0);
        }
    }
}

/// The locks of an owner's workers, to be shared among its threads.
#[derive(Clone)]
pub struct WorkerLocks {
    locks: Arc<LockFile>,
    takeover_count: u64,
}

impl WorkerLocks {
    /// Locks the mutex of worker `worker` (0 to [`MAX_WORKERS`] - 1) for the calling thread, which keeps it
    /// until it ends. Fails if another thread has it, or if the data set has a new owner: then this process
    /// is being killed, and the thread must not write any more.
    pub fn lock(&self, worker: usize) -> Result<WorkerLock, SegmentError> {
        let refused = || SegmentError::NoWorkerLock { path: self.locks.path.clone(), worker };
        if worker >= MAX_WORKERS {
            return Err(refused());
        }
        let index = worker + 1;
        if matches!(self.locks.lock(index, Instant::now() + PATIENCE)?, Locked::Busy) {
            return Err(refused());
        }
        let lock = WorkerLock { locks: Arc::clone(&self.locks), index, of_thread: PhantomData };
        if self.locks.mapping.load(TAKEOVERS_AT) != self.takeover_count {
            return Err(refused());
        }
        Ok(lock)
    }
}

/// Proof that the calling thread may write to segments: no other process does while it exists. Belongs to
/// the thread that locked it:
/// ```compile_fail
/// fn send<T: Send>() {}
/// send::<shm::owner::WorkerLock>();
/// ```
pub struct WorkerLock {
    locks: Arc<LockFile>,
    index: usize,
    of_thread: PhantomData<*mut ()>,
}

/// Lock files with mutexes that were left locked: mapped for as long as this process lives.
static LEFT_LOCKED: Mutex<Vec<Arc<LockFile>>> = Mutex::new(Vec::new());

impl Drop for WorkerLock {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // Left locked, with the file mapped, until the kernel finds the thread gone.
            LEFT_LOCKED.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&self.locks));
        } else {
            self.locks.unlock(self.index);
        }
    }
}

/// A lock that allows turning segments into heaps: a thread's own, or a tool's for its private copies.
pub trait MayWrite: sealed::Sealed {}
impl MayWrite for WorkerLock {}
impl MayWrite for ToolLock {}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::WorkerLock {}
    impl Sealed for super::ToolLock {}
}

/// The exclusive use of a data set that no process serves, for tools that check or remove it.
pub struct ToolLock {
    _file: Flocked,
}

impl ToolLock {
    /// Waits up to `patience` for the owner, if there is one, to be gone with all of its memory.
    pub fn acquire(directory: &ShmDir, patience: Duration) -> Result<ToolLock, SegmentError> {
        let deadline = Instant::now() + patience;
        loop {
            let file = open_or_create(directory)?;
            if !file.lock(
                FlockOperation::NonBlockingLockExclusive,
                deadline,
                &directory.path_of(LOCK_FILE),
            )? {
                let pid = LockFile::map(directory, file).ok().and_then(|locks| locks.recorded_pid());
                return Err(SegmentError::Owned { path: directory.path().to_owned(), pid });
            }
            if directory.is_named(&file, LOCK_FILE) {
                return Ok(ToolLock { _file: file });
            }
        }
    }
}

/// A process that uses a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    /// Its id, if it has given one.
    pub pid: Option<u32>,
}

/// The process that uses the data set at this moment, if one does.
pub fn owner_of(directory: &ShmDir) -> Result<Option<Owner>, SegmentError> {
    let Some(file) = directory.open_file(LOCK_FILE)?.map(Flocked::new) else { return Ok(None) };
    if file.lock(FlockOperation::NonBlockingLockExclusive, Instant::now(), &directory.path_of(LOCK_FILE))? {
        return Ok(None);
    }
    Ok(Some(Owner { pid: LockFile::map(directory, file)?.recorded_pid() }))
}

/// How often the data set has been taken so far, if no process uses it at this moment. As long as the answer stays the
/// same, its files are as their last user left them.
pub(crate) fn takeovers_if_unused(directory: &ShmDir) -> Result<Option<u64>, SegmentError> {
    let Some(file) = directory.open_file(LOCK_FILE)?.map(Flocked::new) else { return Ok(Some(0)) };
    // Held for this moment only: a start that meets it need not wait for long.
    if !file.lock(FlockOperation::NonBlockingLockExclusive, Instant::now(), &directory.path_of(LOCK_FILE))? {
        return Ok(None);
    }
    let (page, _) = first_page(&file, &directory.path_of(LOCK_FILE))?;
    let count = page.get(TAKEOVERS_AT..TAKEOVERS_AT + 8).and_then(|count| count.try_into().ok());
    Ok(Some(count.map_or(0, u64::from_le_bytes)))
}

/// The lock file, mapped. Unmapped when nobody needs it any more; never while a mutex in it is locked.
struct LockFile {
    mapping: Mapping,
    // After the mapping: the next owner may come when this lock ends.
    file: Flocked,
    path: PathBuf,
}

/// How an attempt to lock a mutex ended.
enum Locked {
    /// Nobody had it.
    Free,
    /// The thread that had it is dead. It is ours, and sound again.
    FromTheDead,
    /// A living thread has it.
    Busy,
}

impl LockFile {
    fn map(directory: &ShmDir, file: Flocked) -> Result<LockFile, SegmentError> {
        let path = directory.path_of(LOCK_FILE);
        let (page, len) = first_page(&file, &path)?;
        check_form(&page, len).map_err(|flaw| {
            let way_out = WayOut::Locks { path: path.clone() };
            SegmentError::Refused { path: path.clone(), flaw, way_out }
        })?;
        let mapping = Mapping::shared(&file, FILE_LEN, directory.page_len())
            .map_err(|error| SegmentError::io(&path, "map", error))?;
        mapping.keep_to_this_process();
        Ok(LockFile { mapping, file, path })
    }

    fn recorded_pid(&self) -> Option<u32> {
        u32::try_from(self.mapping.load(PID_AT)).ok().filter(|&pid| pid != 0)
    }

    /// Takes every mutex, in order, and adds to `dead` how many were left by the dead. `false`, and nothing taken, if
    /// one was still held at the deadline; those of the dead found until then are sound again.
    fn take_all(&self, deadline: Instant, dead: &mut usize) -> Result<bool, SegmentError> {
        for index in 0..MUTEX_COUNT {
            match self.lock(index, deadline) {
                Ok(Locked::Free) => {}
                Ok(Locked::FromTheDead) => *dead += 1,
                Ok(Locked::Busy) => {
                    self.unlock_down_to(index, 0);
                    return Ok(false);
                }
                Err(error) => {
                    self.unlock_down_to(index, 0);
                    return Err(error);
                }
            }
        }
        Ok(true)
    }

    fn unlock_down_to(&self, end: usize, start: usize) {
        (start..end).rev().for_each(|index| self.unlock(index));
    }

    /// Locks a mutex for the calling thread, waiting for a living holder until the deadline.
    fn lock(&self, index: usize, deadline: Instant) -> Result<Locked, SegmentError> {
        let mutex = mutex_in(&self.mapping, index);
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let until = wall_clock_after(left.min(PATIENCE));
            // SAFETY: an initialized mutex, mapped while `self` exists.
            let status = unsafe { libc::pthread_mutex_timedlock(mutex, &until) };
            match status {
                0 => return Ok(Locked::Free),
                EOWNERDEAD => {
                    // SAFETY: just locked by this thread, in the state that this call is for.
                    let status = unsafe { libc::pthread_mutex_consistent(mutex) };
                    debug_assert_eq!(status, 0);
                    return Ok(Locked::FromTheDead);
                }
                ETIMEDOUT | EBUSY if left.is_zero() => return Ok(Locked::Busy),
                ETIMEDOUT | EBUSY => {}
                error => return Err(failed(&self.path, "lock a mutex in", error)),
            }
        }
    }

    /// Unlocks a mutex that the calling thread has locked.
    fn unlock(&self, index: usize) {
        // SAFETY: an initialized mutex, mapped while `self` exists. (The mutexes are robust: unlocking one
        // that is not held by the thread is refused and changes nothing.)
        let status = unsafe { libc::pthread_mutex_unlock(mutex_in(&self.mapping, index)) };
        debug_assert_eq!(status, 0, "mutex {index} was not this thread's");
    }
}

fn failed(path: &Path, action: &'static str, status: libc::c_int) -> SegmentError {
    SegmentError::io(path, action, std::io::Error::from_raw_os_error(status))
}

/// Where a mutex lies in a mapped lock file.
fn mutex_in(mapping: &Mapping, index: usize) -> *mut pthread_mutex_t {
    assert!(index < MUTEX_COUNT && mapping.len() >= FILE_LEN);
    // SAFETY: within the mapping, by the check above.
    let at = unsafe { mapping.base().add(MUTEXES_AT + index * MUTEX_STEP) };
    at.as_ptr().cast()
}

/// Whether the file is a lock file of this start of the machine and of this program's form.
fn check_form(page: &[u8], len: u64) -> Result<(), Flaw> {
    let word = |at: usize| {
        page.get(at..at + 8).map_or(0, |word| u64::from_le_bytes(word.try_into().unwrap_or_default()))
    };
    if !page.is_empty() && word(0) != MAGIC {
        return Err(Flaw::Foreign);
    }
    if len < FILE_LEN as u64 {
        return Err(Flaw::Truncated { found: len, needed: FILE_LEN as u64 });
    }
    let (form, ours) = (word(8), FORM);
    if form != ours || word(MUTEX_FORM_AT) != MUTEX_FORM {
        return Err(Flaw::OtherLocks {
            found: word(MUTEX_FORM_AT) ^ form.rotate_left(32),
            ours: MUTEX_FORM ^ ours.rotate_left(32),
        });
    }
    Ok(())
}

/// The directory's lock file, mapped, with its `flock` held shared. `on_wait` is told each time a tool has it.
fn open_shared(
    directory: &ShmDir,
    deadline: Instant,
    mut on_wait: impl FnMut(),
) -> Result<Arc<LockFile>, SegmentError> {
    let shared = FlockOperation::NonBlockingLockShared;
    loop {
        let file = open_or_create(directory)?;
        // Who only looks whether the data set is used has the lock for an instant.
        if !file.lock(shared, Instant::now() + PATIENCE, &directory.path_of(LOCK_FILE))? {
            on_wait();
            if !file.lock(shared, deadline, &directory.path_of(LOCK_FILE))? {
                return Err(SegmentError::ToolAtWork { path: directory.path().to_owned() });
            }
        }
        // A tool may have removed it while we waited.
        if directory.is_named(&file, LOCK_FILE) {
            return Ok(Arc::new(LockFile::map(directory, file)?));
        }
    }
}

/// The directory's lock file, made if it is missing or from before the machine's last start.
fn open_or_create(directory: &ShmDir) -> Result<Flocked, SegmentError> {
    let path = directory.path_of(LOCK_FILE);
    let boot = BootId::current().map_err(|error| SegmentError::io(&path, "learn the boot id for", error))?;
    loop {
        let Some(file) = directory.open_file(LOCK_FILE)?.map(Flocked::new) else {
            if let Some(file) = create(directory, boot)?.publish(LOCK_FILE)? {
                return Ok(Flocked::new(file));
            }
            continue;
        };
        let (page, len) = first_page(&file, &path)?;
        if check_form(&page, len).is_err() || page[BOOT_AT..BOOT_AT + 16] == boot.0 {
            return Ok(file);
        }
        // Of two processes that find the old file only the one that holds it exclusively replaces it, and
        // the other then finds that it is no longer the one named.
        let exclusive = FlockOperation::NonBlockingLockExclusive;
        if file.lock(exclusive, Instant::now() + PATIENCE, &directory.path_of(LOCK_FILE))?
            && directory.is_named(&file, LOCK_FILE)
        {
            create(directory, boot)?.replace(LOCK_FILE)?;
        }
    }
}

/// A new lock file without a name, all mutexes free.
fn create(directory: &ShmDir, boot: BootId) -> Result<Unfinished<'_>, SegmentError> {
    let path = directory.path_of(LOCK_FILE);
    let len = FILE_LEN.next_multiple_of(directory.page_len());
    let unfinished = directory.create_unfinished(LOCK_FILE)?;
    match obtain(unfinished.file(), 0, len) {
        Err(Errno::NOSPC | Errno::NOMEM | Errno::DQUOT | Errno::FBIG) => {
            return Err(SegmentError::Full { path, needed_bytes: len as u64 });
        }
        other => other.map_err(|error| SegmentError::io(&path, "obtain memory for", error))?,
    }
    let mapping = Mapping::shared(unfinished.file(), FILE_LEN, directory.page_len())
        .map_err(|error| SegmentError::io(&path, "map", error))?;
    mapping.store_all(BOOT_AT, &boot.0);
    mapping.store(MUTEX_FORM_AT, MUTEX_FORM);
    mapping.store(8, FORM);
    initialize_mutexes(&mapping).map_err(|status| failed(&path, "make mutexes in", status))?;
    mapping.store(0, MAGIC);
    Ok(unfinished)
}

/// Makes every mutex of a new file robust, shared between processes and free.
fn initialize_mutexes(mapping: &Mapping) -> Result<(), libc::c_int> {
    let check = |status: libc::c_int| if status == 0 { Ok(()) } else { Err(status) };
    let mut attributes = MaybeUninit::<libc::pthread_mutexattr_t>::uninit();
    let attributes = attributes.as_mut_ptr();
    // SAFETY: `attributes` is room for them.
    check(unsafe { libc::pthread_mutexattr_init(attributes) })?;
    // SAFETY: initialized above.
    check(unsafe { libc::pthread_mutexattr_setpshared(attributes, libc::PTHREAD_PROCESS_SHARED) })?;
    // SAFETY: initialized above.
    check(unsafe { libc::pthread_mutexattr_setrobust(attributes, libc::PTHREAD_MUTEX_ROBUST) })?;
    for index in 0..MUTEX_COUNT {
        // SAFETY: the mutex is mapped, and the file has no name yet, so nobody else sees it; the attributes
        // are initialized.
        check(unsafe { libc::pthread_mutex_init(mutex_in(mapping, index), attributes) })?;
    }
    // SAFETY: initialized above and not used any more.
    check(unsafe { libc::pthread_mutexattr_destroy(attributes) })
}

/// The wall clock's time in a while, as mutexes want it.
fn wall_clock_after(wait: Duration) -> libc::timespec {
    let until = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() + wait;
    libc::timespec {
        tv_sec: libc::time_t::try_from(until.as_secs()).unwrap_or(libc::time_t::MAX),
        tv_nsec: until.subsec_nanos().into(),
    }
}
