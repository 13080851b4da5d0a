//! Processes that tests start in order to kill them: this test program again, told its role by variables.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
use shm::heap::HeapOptions;
use shm::segment::{Options, SegmentError};
use shm::{Backing, DataSet, TransactionId};

use crate::{heaps, open, open_at_once, options, store_text, write_text};

const ROLE: &str = "HEARTH_TEST_ROLE";
const DIRECTORY: &str = "HEARTH_TEST_DIRECTORY";

/// A running child. Killed when dropped.
pub struct Actor {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Actor {
    /// Starts a child in a role of [`act`].
    pub fn start(role: &str, directory: &Path) -> Actor {
        Actor::start_by(Command::new(program()), role, directory)
    }

    /// Starts one by a command that ends with the program's name.
    pub fn start_by(mut command: Command, role: &str, directory: &Path) -> Actor {
        let mut child = command
            .args(["--exact", "child::act", "--ignored", "--nocapture", "--test-threads=1"])
            .env(ROLE, role)
            .env(DIRECTORY, directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program starts");
        let lines = BufReader::new(child.stdout.take().expect("piped"));
        Actor { child, lines }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The next thing the child says.
    pub fn hear(&mut self) -> String {
        let mut line = String::new();
        while self.lines.read_line(&mut line).expect("readable") > 0 {
            if let Some((_, said)) = line.trim_end().split_once("SAYS ") {
                return said.to_owned();
            }
            line.clear();
        }
        panic!("the child ended without a word: {:?}", self.child.wait());
    }

    /// Lets the child go on after it has spoken.
    pub fn go_on(&mut self) {
        self.child.stdin.as_mut().expect("piped").write_all(b"\n").expect("the child listens");
    }

    pub fn kill(&mut self) {
        self.child.kill().expect("still ours");
    }

    /// Stops the child as SIGSTOP does, and returns when it is stopped.
    pub fn freeze(&mut self) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::STOP).expect("still ours");
        let (_, status) = waitpid(Some(pid), WaitOptions::UNTRACED).expect("waited").expect("changed");
        assert!(status.stopped());
    }

    /// Waits for the child's end and returns the signal that ended it, if one did.
    pub fn end(&mut self) -> Option<i32> {
        drop(self.child.stdin.take());
        let status = self.child.wait().expect("waited");
        assert!(status.success() || status.signal().is_some(), "the child failed");
        status.signal()
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// This program's path.
pub fn program() -> std::path::PathBuf {
    std::env::current_exe().expect("known")
}

/// Tells the parent something.
fn say(text: &str) {
    println!("SAYS {text}");
}

/// Waits until the parent says to go on; `false` when it is gone.
fn wait_for_parent() -> bool {
    std::io::stdin().lock().read_line(&mut String::new()).expect("readable") > 0
}

/// The child's side: not a test, but the only way in.
#[test]
#[ignore = "a role that other tests start in a process of its own"]
fn act() {
    let role = std::env::var(ROLE).expect("started by a test");
    let directory = std::env::var_os(DIRECTORY).expect("started by a test");
    let directory = Path::new(&directory);
    match role.as_str() {
        "serve" => serve(directory),
        "race" => race(directory),
        "churn" => churn(directory),
        "between shards" => between_shards(directory),
        "limited" => limited(directory),
        "fill" => fill(directory),
        "on huge pages" => on_huge_pages(directory),
        other => panic!("no role {other}"),
    }
}

/// Serves with two workers, a text per shard and a transaction in flight in each, until the end.
fn serve(directory: &Path) {
    let mut opened = open(directory).expect("opened");
    let locks = opened.data_set.worker_locks();
    let control = opened.data_set.control().clone();
    let (ready, all_ready) = std::sync::mpsc::channel();
    let shards: Vec<_> = opened.shards.drain(..).collect();
    std::thread::scope(|scope| {
        for (worker, segment) in shards.into_iter().enumerate() {
            let (locks, control, ready) = (locks.clone(), control.clone(), ready.clone());
            scope.spawn(move || {
                let lock = locks.lock(worker).expect("free");
                let (mut heap, _) =
                    segment.into_heap(&lock, &control, HeapOptions::default()).expect("sound");
                write_text(&mut heap, &format!("shard {worker}"));
                store_text(&mut heap, "never committed");
                ready.send(()).expect("waited for");
                std::thread::park();
            });
        }
        (0..3).for_each(|_| all_ready.recv().expect("every worker is ready"));
        say("serving");
        while wait_for_parent() {}
        std::process::exit(0);
    });
}

/// Tries to own the directory at the same moment as another.
fn race(directory: &Path) {
    say("ready");
    wait_for_parent();
    match open_at_once(directory) {
        Ok(mut opened) => {
            heaps(&mut opened);
            say("owner");
            wait_for_parent();
        }
        Err(SegmentError::Owned { pid, .. }) => {
            say(&format!("refused by {}", pid.map_or("nobody".to_owned(), |pid| pid.to_string())));
        }
        Err(error) => say(&format!("failed: {error}")),
    }
}

/// Makes, serves, keeps and removes a data set again and again, until killed.
fn churn(directory: &Path) {
    for round in 0.. {
        let mut opened = open(directory).expect("opened");
        for heap in &mut heaps(&mut opened) {
            write_text(heap, "churn");
        }
        say("round");
        opened.data_set.stop(round % 3 != 2).expect("stopped");
    }
}

/// Takes two transactions over shards 0 and 1 to the moments before and after their decision, and waits to be
/// killed with the second one half finished.
fn between_shards(directory: &Path) {
    let mut opened = open(directory).expect("opened");
    let control = opened.data_set.control().clone();
    let mut heaps = heaps(&mut opened);
    let decided = std::env::var("HEARTH_TEST_DECIDED").is_ok();
    let transaction = TransactionId::new(7, 41);
    for heap in &mut heaps[..2] {
        store_text(heap, "across");
        heap.prepare(transaction.raw());
    }
    if decided {
        control.announce(transaction);
        heaps[0].commit();
    }
    say("prepared");
    wait_for_parent();
}

/// Runs under a limit on the length of files: growth ends with an error instead of a signal.
fn limited(directory: &Path) {
    let mut opened = open(directory).expect("opened");
    let mut segment = opened.shards.remove(0);
    let reserved = segment.reserved_len();
    let mut len = segment.len();
    while segment.grow(len + (64 << 10)).is_ok() {
        len = segment.len();
    }
    say(&format!("{reserved} {len}"));
}

/// Runs on a small file system of its own: fills it through heaps until they say it is full.
fn fill(directory: &Path) {
    let options = Options { patience: Duration::ZERO, ..options(directory) };
    let mut opened = DataSet::open(&options).expect("opened");
    let usage: Vec<_> = opened.shards.iter().map(|segment| segment.usage()).collect();
    let mut heaps = heaps(&mut opened);
    let mut blocks = 0;
    for heap in &mut heaps {
        write_text(heap, "before it was full");
        while let Ok(block) = heap.allocate::<[u8]>(16_000) {
            heap.fill(block, 0, 16_000, |bytes| bytes.fill(0xaa));
            blocks += 1;
        }
        heap.rollback();
        assert_eq!(crate::read_text(heap), "before it was full");
    }
    let room = opened.data_set.directory().report();
    let length: u64 = usage.iter().map(|usage| usage.length_bytes()).sum();
    assert!(blocks > 100, "{blocks} blocks before the file system was full");
    assert!(length <= room.total_bytes.expect("bounded"));
    // Nothing beyond the segments' length is kept from others.
    assert!(room.free_bytes.expect("bounded") < 4 << 20, "{room:?}");
    drop(heaps);
    let full = open_a_second(directory);
    assert!(matches!(full, Err(SegmentError::Full { .. })), "{:?}", full.err());
    opened.data_set.stop(false).expect("stopped");
    say("full and empty again");
}

/// A data set that cannot fit beside the first.
fn open_a_second(directory: &Path) -> Result<(), SegmentError> {
    let mut options = options(&directory.with_file_name("second"));
    options.new.shard_count = 4096;
    DataSet::open(&options).map(drop)
}

/// Runs on a hugetlbfs, whose files come in whole huge pages and cannot be written by `write`.
fn on_huge_pages(directory: &Path) {
    let mut opened = open(directory).expect("made");
    assert_eq!(opened.directory.file_system.to_string(), "hugetlbfs");
    let usage = opened.shards[0].usage();
    let mut all = heaps(&mut opened);
    assert_eq!((usage.length_bytes(), usage.huge_bytes()), (2 << 20, 2 << 20));
    for heap in &mut all {
        write_text(heap, "huge");
        while heap.region().len() <= 2 << 20 {
            let block = heap.allocate::<[u8]>(16_000).expect("room");
            heap.fill(block, 0, 16_000, |bytes| bytes.fill(1));
            heap.commit();
        }
    }
    assert_eq!((usage.length_bytes(), usage.huge_bytes()), (4 << 20, 4 << 20));
    drop(all);
    drop(opened);
    let mut opened = open(directory).expect("attached");
    assert!(heaps(&mut opened).iter().all(|heap| crate::read_text(heap) == "huge"));
    opened.data_set.stop(false).expect("stopped");
    assert!(!directory.exists());
    say("kept and removed");
}
