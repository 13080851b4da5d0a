//! A file under a lock of its open description (`flock`).

use std::fs::File;
use std::ops::Deref;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::FlockOperation;
use rustix::io::Errno;

use crate::segment::error::SegmentError;

/// An open file that may be locked. The lock ends with this value, though a child process that is just being started
/// may hold a copy of the descriptor for a while longer; or with the process and all of its memory, if it is killed.
pub(crate) struct Flocked(File);

impl Flocked {
    pub(crate) fn new(file: File) -> Flocked {
        Flocked(file)
    }

    /// Takes the lock, trying until the deadline. Whether it was had. `path` is for messages.
    pub(crate) fn lock(
        &self,
        operation: FlockOperation,
        deadline: Instant,
        path: &Path,
    ) -> Result<bool, SegmentError> {
        loop {
            match rustix::fs::flock(&self.0, operation) {
                Ok(()) => return Ok(true),
                Err(Errno::WOULDBLOCK) if Instant::now() >= deadline => return Ok(false),
                Err(Errno::WOULDBLOCK) => std::thread::sleep(Duration::from_millis(1)),
                Err(Errno::INTR) => {}
                Err(error) => return Err(SegmentError::io(path, "lock", error)),
            }
        }
    }
}

impl Deref for Flocked {
    type Target = File;

    fn deref(&self) -> &File {
        &self.0
    }
}

impl Drop for Flocked {
    fn drop(&mut self) {
        // Closing it, which follows, does the same unless there are copies.
        let _ = rustix::fs::flock(&self.0, FlockOperation::Unlock);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_of_the_descriptor_does_not_keep_the_lock() {
        let file = rustix::fs::memfd_create("flock", rustix::fs::MemfdFlags::CLOEXEC).expect("memfd");
        let again = || {
            let path = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&file));
            Flocked::new(File::open(path).expect("opened again"))
        };
        let take = |flocked: &Flocked| {
            let exclusive = FlockOperation::NonBlockingLockExclusive;
            flocked.lock(exclusive, Instant::now(), Path::new("memfd")).expect("no error")
        };
        let first = again();
        assert!(take(&first));
        // As a child process has it between its start and the program it runs.
        let copy = first.try_clone().expect("copied");
        let second = again();
        assert!(!take(&second));
        drop(first);
        assert!(take(&second));
        drop(copy);
    }
}
