//! One process at a time: killed, stopped, racing and impatient owners.

use std::sync::Mutex;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use shm::owner::{MAX_WORKERS, Ownership, User, Waiting, owner_of};
use shm::segment::{Accept, Options, Origin, ShmDir, inspect};
use shm::{DataSet, SegmentError};

use crate::child::Actor;
use crate::{LAYOUT, LONG, Place, data_contents, heaps, open, open_at_once, options, read_text};

#[test]
fn a_killed_owner_is_followed_at_once() {
    let place = Place::new();
    let mut actor = Actor::start("serve", &place.data());
    assert_eq!(actor.hear(), "serving");
    actor.kill();
    // Nobody has waited for the process yet: what counts is that its threads are gone.
    let mut opened = open(&place.data()).expect("taken over");
    assert_eq!(opened.origin, Origin::Attached { stopped_at_unix_ms: None });
    assert_eq!(opened.takeover.dead_threads, 4);
    assert_eq!(opened.takeover.previous_pid, Some(actor.pid()));
    for (shard, heap) in heaps(&mut opened).iter().enumerate() {
        assert_eq!(read_text(heap), format!("shard {shard}"));
    }
    assert_eq!(actor.end(), Some(9));
}

#[test]
fn owners_killed_again_and_again_leave_the_data_sound() {
    let place = Place::new();
    for round in 1..=10 {
        let mut actor = Actor::start("serve", &place.data());
        assert_eq!(actor.hear(), "serving");
        actor.kill();
        drop(actor);
        let opened = open(&place.data()).expect("taken over");
        assert_eq!(opened.data_set.control().life(), 2 * round);
        assert_eq!(opened.takeover.dead_threads, 4);
    }
}

#[test]
fn a_kill_in_the_middle_of_making_or_removing_never_bars_the_next() {
    let place = Place::new();
    for round in 0..30 {
        let mut actor = Actor::start("churn", &place.data());
        // Between what the child says it makes, attaches, stops and removes; it goes on while we listen.
        for _ in 0..=round % 3 {
            assert_eq!(actor.hear(), "round");
        }
        actor.kill();
        let mut opened = open(&place.data()).unwrap_or_else(|error| panic!("round {round}: {error}"));
        for heap in heaps(&mut opened) {
            let text = read_text(&heap);
            assert!(["churn", ""].contains(&text.as_str()), "round {round}: {text}");
        }
    }
}

#[test]
fn a_stopped_owner_is_never_robbed() {
    let place = Place::new();
    let mut actor = Actor::start("serve", &place.data());
    assert_eq!(actor.hear(), "serving");
    actor.freeze();
    let before = data_contents(&place.data());
    let impatient = Options { patience: Duration::from_millis(120), ..options(&place.data()) };
    for _ in 0..2 {
        let error = DataSet::open(&impatient).map(drop).expect_err("refused");
        assert!(matches!(error, SegmentError::Owned { pid: Some(pid), .. } if pid == actor.pid()), "{error}");
    }
    let error = inspect(&place.data(), LAYOUT, Duration::ZERO).map(drop).expect_err("refused");
    assert!(matches!(error, SegmentError::Owned { pid: Some(pid), .. } if pid == actor.pid()), "{error}");
    assert!(data_contents(&place.data()) == before);
    // A stopped process can be killed.
    actor.kill();
    assert_eq!(open(&place.data()).expect("taken over").takeover.dead_threads, 4);
}

#[test]
fn who_has_to_wait_says_so_before_it_waits() {
    static TOLD: Mutex<Option<Sender<Waiting>>> = Mutex::new(None);
    let tell = |waiting: &Waiting| {
        let told = TOLD.lock().expect("sound");
        told.as_ref().expect("set below").send(waiting.clone()).expect("heard below");
    };
    let place = Place::new();
    let mut actor = Actor::start("serve", &place.data());
    assert_eq!(actor.hear(), "serving");
    let (sender, told) = channel();
    *TOLD.lock().expect("sound") = Some(sender);
    std::thread::scope(|scope| {
        let patient = Options { on_wait: tell, ..options(&place.data()) };
        let successor = scope.spawn(move || DataSet::open(&patient).expect("taken over").takeover.count);
        let waiting = told.recv_timeout(LONG / 2).expect("told long before the patience ends");
        let expected = Waiting { path: place.data(), user: User::Owner(Some(actor.pid())), patience: LONG };
        assert_eq!(waiting, expected);
        let text =
            format!("{} is owned by process {}: waiting up to 60 s", place.data().display(), actor.pid());
        assert!(waiting.to_string().starts_with(&text), "{waiting}");
        actor.kill();
        assert_eq!(successor.join().expect("no panic"), 2);
    });
    assert!(told.try_recv().is_err(), "said once");
    DataSet::open(&Options { on_wait: tell, ..options(&place.data()) }).expect("free");
    assert!(told.try_recv().is_err(), "nothing to wait for, nothing to say");
}

#[test]
fn of_two_that_race_one_wins() {
    let place = Place::new();
    for round in 0..10 {
        let mut actors = [Actor::start("race", &place.data()), Actor::start("race", &place.data())];
        actors.iter_mut().for_each(|actor| assert_eq!(actor.hear(), "ready"));
        actors.iter_mut().for_each(Actor::go_on);
        let said = [actors[0].hear(), actors[1].hear()];
        let owner = usize::from(said[1] == "owner");
        assert_eq!(said[owner], "owner", "round {round}");
        // A loser that looks before the winner has written its id cannot name it.
        let refusals = [format!("refused by {}", actors[owner].pid()), "refused by nobody".to_owned()];
        let previous =
            said[1 - owner].strip_prefix("refused by ").is_some_and(|pid| pid.parse::<u32>().is_ok());
        assert!(refusals.contains(&said[1 - owner]) || previous, "round {round}: {said:?}");
        // Every other round the winner is killed, so that the next two race for the locks of the dead.
        if round % 2 == 0 {
            actors[owner].kill()
        } else {
            actors[owner].go_on()
        }
        actors[owner].end();
    }
}

#[test]
fn who_waits_for_an_owner_that_removes_the_data_begins_anew() {
    let place = Place::new();
    let opened = open(&place.data()).expect("made");
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| open(&place.data()).expect("made").origin);
        // The other holds the lock file's flock, shared, from before it waits.
        let directory = ShmDir::open(&place.data(), Accept::MemoryOnly).expect("there");
        while !waiting.is_finished() && is_waited_for(&directory) < 2 {
            std::thread::yield_now();
        }
        drop(opened.shards);
        opened.data_set.stop(false).expect("stopped");
        assert_eq!(waiting.join().expect("no panic"), Origin::Created);
    });
}

/// How many hold the lock file's flock, from the kernel's list of locks.
fn is_waited_for(directory: &ShmDir) -> usize {
    let Ok(stat) = rustix::fs::stat(directory.path().join("lock")) else { return 2 };
    let inode = format!(":{} ", stat.st_ino);
    let locks = std::fs::read_to_string("/proc/locks").expect("readable");
    locks.lines().filter(|line| line.contains("FLOCK") && line.contains(&inode)).count()
}

#[test]
fn a_tool_and_a_server_keep_each_other_out() {
    let place = Place::new();
    let opened = open(&place.data()).expect("made");
    let error = inspect(&place.data(), LAYOUT, Duration::ZERO).map(drop).expect_err("refused");
    let us = std::process::id();
    assert!(matches!(error, SegmentError::Owned { pid: Some(pid), .. } if pid == us), "{error}");
    let directory = ShmDir::open(&place.data(), Accept::MemoryOnly).expect("there");
    assert_eq!(owner_of(&directory).expect("known").map(|owner| owner.pid), Some(Some(us)));
    drop(opened);

    assert_eq!(owner_of(&directory).expect("known"), None);
    let inspection = inspect(&place.data(), LAYOUT, Duration::ZERO).expect("free");
    let error = open_at_once(&place.data()).map(drop).expect_err("refused");
    assert!(matches!(error, SegmentError::ToolAtWork { .. }), "{error}");
    drop(inspection);
    open_at_once(&place.data()).expect("free");
}

#[test]
fn workers_hold_their_locks_from_start_to_end() {
    let place = Place::new();
    let opened = open(&place.data()).expect("made");
    let locks = opened.data_set.worker_locks();
    assert!(locks.lock(MAX_WORKERS).is_err());
    let last = locks.lock(MAX_WORKERS - 1).expect("free");
    let first = locks.lock(0).expect("free");
    std::thread::scope(|scope| {
        let other = scope.spawn(|| locks.lock(0).map(drop).expect_err("taken").to_string());
        assert!(other.join().expect("no panic").contains("no free lock for worker 0"));
    });
    drop(first);
    drop(locks.lock(0).expect("free again"));
    let error = opened.data_set.stop(true).expect_err("a worker is still there");
    assert!(matches!(error, SegmentError::WorkersAtWork { count: 1, .. }), "{error}");
    drop(last);
}

#[test]
fn a_successor_waits_for_every_worker() {
    let place = Place::new();
    let opened = open(&place.data()).expect("made");
    let lock = opened.data_set.worker_locks().lock(5).expect("free");
    drop(opened);
    let error = open_at_once(&place.data()).map(drop).expect_err("a worker is still there");
    assert!(matches!(error, SegmentError::Owned { .. }), "{error}");
    drop(lock);
    open_at_once(&place.data()).expect("free");
}

#[test]
fn a_worker_of_a_previous_owner_gets_no_lock() {
    let place = Place::new();
    let directory = ShmDir::open_or_create(&place.data(), Accept::MemoryOnly).expect("made");
    let first = Ownership::acquire(&directory, LONG, |_| ()).expect("free");
    let locks = first.worker_locks();
    drop(first);
    let second = Ownership::acquire(&directory, LONG, |_| ()).expect("free");
    assert!(locks.lock(0).is_err(), "the data set has another owner");
    second.worker_locks().lock(0).expect("free");
    assert_eq!(second.takeover().count, 2);
}

#[test]
fn a_worker_that_panics_does_not_give_its_lock_back() {
    let place = Place::new();
    let opened = open(&place.data()).expect("made");
    let locks = opened.data_set.worker_locks();
    let worker = std::thread::spawn(move || {
        let _lock = locks.lock(0).expect("free");
        std::panic::resume_unwind(Box::new("a bug"));
    });
    worker.join().expect_err("it panicked");
    let error = opened.data_set.stop(true).expect_err("its shards are in a state unknown");
    assert!(matches!(error, SegmentError::WorkersAtWork { count: 1, .. }), "{error}");
    assert_eq!(
        open(&place.data()).expect("taken over").origin,
        Origin::Attached { stopped_at_unix_ms: None }
    );
}

#[test]
fn a_transaction_across_shards_is_undone_or_finished_in_all_of_them() {
    for decided in [false, true] {
        let place = Place::new();
        let mut command = std::process::Command::new(crate::child::program());
        if decided {
            command.env("HEARTH_TEST_DECIDED", "yes");
        }
        let mut actor = Actor::start_by(command, "between shards", &place.data());
        assert_eq!(actor.hear(), "prepared");
        actor.kill();
        drop(actor);
        let mut opened = open(&place.data()).expect("taken over");
        let control = opened.data_set.control().clone();
        let transaction = shm::TransactionId::new(7, 41);
        assert_eq!(control.is_committed(transaction), decided);
        assert!(!control.is_committed(shm::TransactionId::new(7, 40)));
        let heaps = heaps(&mut opened);
        assert!(!control.is_committed(transaction), "settled");
        let expected = if decided { "across" } else { "" };
        assert_eq!(heaps.iter().map(read_text).collect::<Vec<_>>(), [expected, expected, ""]);
    }
}
