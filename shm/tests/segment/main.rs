//! Segments on real files and owners in real processes: made, left behind, taken over, refused, removed.

mod child;
mod corpus;
mod life;
mod memory;
mod owners;
mod refusals;
mod tools;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use shm::heap::HeapOptions;
use shm::segment::{Accept, Existing, NewDataSet, Opened, Options, SegmentError};
use shm::{DataSet, Handle, Heap};

/// Long enough for any machine; a test that waits so long has failed.
const LONG: Duration = Duration::from_secs(60);
/// What these tests store in a heap.
const LAYOUT: &str = "root 0: block of bytes, hot 1: its length";

/// A directory on memory for one test, removed with it.
struct Place {
    path: PathBuf,
}

impl Place {
    fn new() -> Place {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = PathBuf::from(format!("/dev/shm/hearth_test.{}.{number}", std::process::id()));
        std::fs::create_dir(&path).expect("a new directory");
        Place { path }
    }

    /// Where the test's data set lies: made by the code under test.
    fn data(&self) -> PathBuf {
        self.path.join("data")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // Nothing to be done if it fails, and a failing test must not panic twice.
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

fn options(directory: &Path) -> Options {
    Options {
        directory: directory.to_owned(),
        accept: Accept::MemoryOnly,
        existing: Existing::Attach,
        patience: LONG,
        on_wait: |_| (),
        layout: LAYOUT,
        new: NewDataSet {
            shard_count: 3,
            slot_count: 16384,
            granule_shift: 3,
            settings: "databases 16\n".to_owned(),
            node: None,
        },
    }
}

fn open(directory: &Path) -> Result<Opened, SegmentError> {
    DataSet::open(&options(directory))
}

/// Opens without waiting for an owner that may be there.
fn open_at_once(directory: &Path) -> Result<Opened, SegmentError> {
    DataSet::open(&Options { patience: Duration::ZERO, ..options(directory) })
}

/// The heaps of an opened data set, recovered by the calling thread and settled.
fn heaps(opened: &mut Opened) -> Vec<Heap> {
    let data_set = &opened.data_set;
    let revive = |segment: shm::Segment| {
        let made =
            segment.into_heap(data_set.lock_of_this_thread(), data_set.control(), HeapOptions::default());
        made.expect("sound").0
    };
    let heaps = opened.shards.drain(..).map(revive).collect();
    data_set.control().settle();
    heaps
}

/// Stores a text in a heap in a transaction that is not committed yet.
fn store_text(heap: &mut Heap, text: &str) {
    let old = Handle::<[u8]>::from_raw(u32::try_from(heap.root(0)).expect("a handle"));
    let block: Handle<[u8]> = heap.allocate(text.len()).expect("room");
    heap.fill(block, 0, text.len(), |bytes| bytes.copy_from_slice(text.as_bytes()));
    heap.set_root(0, block.raw().into()).expect("room");
    heap.set_hot(1, text.len() as u64);
    if let Some(old) = old {
        heap.free(old);
    }
}

fn write_text(heap: &mut Heap, text: &str) {
    store_text(heap, text);
    heap.commit();
}

/// The text in a heap; empty if there is none.
fn read_text(heap: &Heap) -> String {
    let Some(block) = Handle::<[u8]>::from_raw(u32::try_from(heap.root(0)).expect("a handle")) else {
        return String::new();
    };
    let bytes = heap.bytes(block, 0, usize::try_from(heap.hot(1)).expect("a length"));
    String::from_utf8(bytes.to_vec()).expect("a text")
}

/// Makes a data set with a text in each shard, and stops in order.
fn make(directory: &Path) {
    let mut opened = open(directory).expect("made");
    for (shard, heap) in heaps(&mut opened).iter_mut().enumerate() {
        write_text(heap, &format!("shard {shard}"));
    }
    opened.data_set.stop(true).expect("stopped");
}

/// Opens a data set made by [`make`] and finds all of it.
fn check_made(directory: &Path) {
    let mut opened = open(directory).expect("attached");
    for (shard, heap) in heaps(&mut opened).iter().enumerate() {
        assert_eq!(read_text(heap), format!("shard {shard}"));
    }
    opened.data_set.stop(true).expect("stopped");
}

/// Every file of a directory with its contents.
fn contents(directory: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = std::fs::read_dir(directory).expect("a directory");
    let mut files: Vec<_> = entries
        .map(|entry| entry.expect("an entry").path())
        .map(|path| (path.clone(), std::fs::read(&path).expect("readable")))
        .collect();
    files.sort();
    files
}

/// As [`contents`], without the lock file: taking and giving back the ownership is no change.
fn data_contents(directory: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = contents(directory);
    files.retain(|(path, _)| !path.ends_with("lock"));
    files
}
