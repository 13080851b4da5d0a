//! `hearth segments`: look at, check or remove the shared memory that holds the data.
//!
//! Nothing here touches data that a live server owns. A check works on private copies of the pages, so
//! that recovery can be tried without changing a file.

use std::fmt::Write as _;
use std::io::{self, BufRead, Write};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use engine::command::KeyHasher;
use engine::keyspace::Keyspace;
use engine::keyspace::slot::SlotRange;
use shm::owner::ToolLock;
use shm::segment::{self, Found, Inspection, Segment, SegmentError};
use shm::{Control, HeapOptions};

use crate::config::{SegmentsAction, SegmentsCommand, human_bytes};

/// How long a tool waits for a server that is just ending.
const PATIENCE: Duration = Duration::from_secs(2);

/// Runs the command, printing what it finds. The exit code is 1 if anything is wrong.
pub fn run(command: &SegmentsCommand) -> ExitCode {
    let done = match directories(command) {
        Ok(found) => match &command.action {
            SegmentsAction::List => Ok(list(&found)),
            SegmentsAction::Verify => Ok(verify_all(&found)),
            SegmentsAction::Wipe { yes } => Ok(wipe_all(&found, *yes)),
            SegmentsAction::AcceptLoss { shard } => accept_loss(&found, *shard),
        },
        Err(error) => Err(error),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// The data sets that the command line means.
fn directories(command: &SegmentsCommand) -> Result<Vec<Found>, SegmentError> {
    let one = match (&command.shm_dir, &command.dir) {
        (Some(shm_dir), _) => Some(shm_dir.clone()),
        (None, Some(dir)) => Some(segment::default_directory(dir, command.port)?),
        (None, None) => None,
    };
    match one {
        Some(path) => Ok(vec![segment::describe(&path)?]),
        None => segment::list(Path::new(segment::DEFAULT_PARENT)),
    }
}

fn list(found: &[Found]) -> bool {
    if found.is_empty() {
        println!("No data sets below {}.", segment::DEFAULT_PARENT);
    }
    for set in found {
        println!("{}", describe(set));
    }
    true
}

fn describe(set: &Found) -> String {
    let mut text = format!("{}: {} shards, {}", set.path.display(), set.shard_files, human_bytes(set.bytes));
    let control = match &set.control {
        None => ", no control segment".to_owned(),
        Some(Err(flaw)) => format!(", control segment: {flaw}"),
        Some(Ok(header)) if header.words.stopped_at_unix_ms == 0 => String::new(),
        Some(Ok(_)) => ", stopped in order".to_owned(),
    };
    text.push_str(&control);
    // Writing to a string cannot fail.
    let _ = match &set.owner {
        Some(owner) => match owner.pid {
            Some(pid) => write!(text, ", served by process {pid}"),
            None => write!(text, ", served"),
        },
        None => write!(text, ", not served"),
    };
    if set.set_aside_files > 0 {
        let _ = write!(text, ", {} files set aside", set.set_aside_files);
    }
    text
}

// ---- verify -------------------------------------------------------------------------------------

fn verify_all(found: &[Found]) -> bool {
    if found.is_empty() {
        println!("No data sets below {}.", segment::DEFAULT_PARENT);
    }
    let mut sound = true;
    for set in found {
        match segment::inspect(&set.path, engine::STORED, PATIENCE) {
            Ok(inspection) => sound &= verify(&set.path, inspection),
            Err(error) => {
                println!("{error}");
                sound = false;
            }
        }
    }
    sound
}

fn verify(path: &Path, inspection: Inspection) -> bool {
    let Inspection { control, shards, lock } = inspection;
    let (mut sound, mut keys, mut taken_back) = (true, 0, 0);
    for (segment, slots) in shards.into_iter().zip(control.slots()) {
        match segment.map_err(|error| error.to_string()).and_then(|it| check(it, slots, &control, &lock)) {
            Ok(shard) => {
                keys += shard.keys;
                taken_back += usize::from(shard.has_unfinished);
            }
            Err(complaint) => {
                println!("{complaint}");
                sound = false;
            }
        }
    }
    let verdict = if sound { "sound" } else { "NOT SOUND" };
    println!(
        "{}: {verdict}, {keys} keys in {} shards, {taken_back} unfinished transactions would be settled",
        path.display(),
        control.shard_count(),
    );
    sound
}

/// What is in a sound shard.
struct Sound {
    keys: u64,
    /// A transaction would be taken back or completed.
    has_unfinished: bool,
}

/// Checks every structure of a shard, or says what is wrong. What is damaged in a way that nobody thought of may be
/// found by a panic.
fn check(segment: Segment, slots: &Range<u16>, control: &Control, lock: &ToolLock) -> Result<Sound, String> {
    let name = segment.path().display().to_string();
    catch_unwind(AssertUnwindSafe(|| examine(segment, slots, control, lock)))
        .unwrap_or_else(|_| Err(format!("{name}: the check of it panicked")))
}

fn examine(
    segment: Segment,
    slots: &Range<u16>,
    control: &Control,
    lock: &ToolLock,
) -> Result<Sound, String> {
    let name = segment.path().display().to_string();
    let (heap, report) =
        segment.into_heap(lock, control, HeapOptions::default()).map_err(|error| error.to_string())?;
    let slots = SlotRange::new(slots.start, slots.end - slots.start)
        .ok_or_else(|| format!("{name}: slots {slots:?}"))?;
    let keyspace = Keyspace::new(heap, KeyHasher::new(control.hash_key()), slots);
    keyspace.verify().map_err(|corrupt| format!("{name}: {corrupt}"))?;
    let has_unfinished =
        report.recovery.is_some_and(|recovery| recovery.records_undone > 0 || recovery.completed);
    Ok(Sound { keys: keyspace.keys_in_all(), has_unfinished })
}

// ---- wipe and accept-loss -----------------------------------------------------------------------

fn wipe_all(found: &[Found], yes: bool) -> bool {
    if found.is_empty() {
        println!("Nothing to remove below {}.", segment::DEFAULT_PARENT);
        return true;
    }
    let mut all_gone = true;
    for set in found {
        if !yes && !confirmed(set) {
            println!("{} is kept.", set.path.display());
            all_gone = false;
            continue;
        }
        match segment::wipe(&set.path, PATIENCE) {
            Ok(wiped) => {
                let rest =
                    if wiped.directory_removed { "" } else { "; the directory holds other files and stays" };
                println!(
                    "{} is removed, {} are free again{rest}.",
                    set.path.display(),
                    human_bytes(wiped.bytes)
                );
            }
            Err(error) => {
                println!("{error}");
                all_gone = false;
            }
        }
    }
    all_gone
}

/// Asks on the terminal; anything but `yes` is a no.
fn confirmed(set: &Found) -> bool {
    print!("{}\nRemove it and the data in it for good? Type yes: ", describe(set));
    // A prompt that cannot be shown is answered with no below.
    let _ = io::stdout().flush();
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).is_ok() && answer.trim() == "yes"
}

fn accept_loss(found: &[Found], shard: u32) -> Result<bool, SegmentError> {
    let [set] = found else {
        eprintln!("Say which data set is meant, with --shm-dir or --dir and --port.");
        return Ok(false);
    };
    if is_sound(set, shard) {
        eprintln!("Shard {shard} of {} is sound: there is no loss to accept.", set.path.display());
        return Ok(false);
    }
    let aside: Option<PathBuf> = segment::accept_loss(&set.path, shard, engine::STORED, PATIENCE)?;
    match aside {
        Some(path) => println!("Shard {shard} begins empty; what was there is kept as {}.", path.display()),
        None => println!("Shard {shard} begins empty; there was no file of it."),
    }
    Ok(true)
}

/// Whether a shard is there and nothing is wrong with it.
fn is_sound(set: &Found, shard: u32) -> bool {
    let Ok(Inspection { control, shards, lock }) = segment::inspect(&set.path, engine::STORED, PATIENCE)
    else {
        return false;
    };
    let place = shard as usize;
    let found = shards.into_iter().zip(control.slots()).nth(place);
    found.is_some_and(|(segment, slots)| segment.is_ok_and(|it| check(it, slots, &control, &lock).is_ok()))
}
