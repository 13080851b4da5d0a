//! Runs that are cut off everywhere.

use std::collections::BTreeSet;

use engine::command::effect::Effect;
use engine::testing::Session;
use shm::fault::{Crashes, Effort, Recording, copy_of, some_panics};

use crate::common::{Bytes, Data, Model, ask, data_of, line};
use crate::coverage::{self, LARGE_LEN};

pub const INTERNAL: &str = "(error) ERR internal error: the command was rolled back, see the server's log";

pub fn is_full() -> bool {
    std::env::var_os("HEARTH_CRASH_FULL").is_some_and(|value| value == "1")
}

/// How many crashes of a run are tried by default, besides those next to a commit.
const CRASHES: usize = 6;
/// How many panics of a run are tried by default.
const PANICS: usize = 12;

pub fn effort(crashes: &Crashes) -> Effort {
    if is_full() { Effort::FULL } else { Effort::about(CRASHES, crashes) }
}

pub fn panic_every(crashes: &Crashes) -> usize {
    if is_full() { 1 } else { crashes.len().div_ceil(PANICS).max(1) }
}

/// One shard in a certain state.
pub struct World {
    session: Session,
    model: Model,
}

impl World {
    /// The state after these requests, one a line.
    pub fn after(lines: &str) -> World {
        let session = Session::new(1);
        let model = Model::new(session.now_ms());
        let mut world = World { session, model };
        for text in lines.lines().map(str::trim).filter(|text| !text.is_empty()) {
            world.request(&line(text));
        }
        world
    }

    /// Makes a request whose reply is that of the model.
    pub fn request(&mut self, request: &[Bytes]) {
        assert_eq!(ask(&mut self.session, request), self.model.ask(request), "{request:?}");
    }

    /// By how much each of these requests would change the bytes in use, one made after the other.
    pub fn memory_changes(&mut self, requests: &[Vec<Bytes>]) -> Vec<i64> {
        let mut session = self.copy();
        let mut used = session.heap_mut(0).used_bytes();
        let change = |request: &Vec<Bytes>| {
            ask(&mut session, request);
            let before = std::mem::replace(&mut used, session.heap_mut(0).used_bytes());
            used.cast_signed() - before.cast_signed()
        };
        requests.iter().map(change).collect()
    }

    /// Time goes by.
    pub fn wait(mut self, ms: u64) -> World {
        self.session.advance(ms);
        self.model.now_ms += ms;
        self
    }

    /// Changes what the commands do not.
    pub fn with(mut self, change: impl FnOnce(&mut Session)) -> World {
        change(&mut self.session);
        self
    }

    /// A session of its own in this state.
    fn copy(&mut self) -> Session {
        let mut session = Session::over(vec![copy_of(self.session.heap_mut(0))], self.session.now_ms());
        session.caller.db = self.session.caller.db;
        session
    }

    /// A request, cut off at its stores.
    pub fn cut_off(&mut self, request: &str) {
        self.cut_off_words(&line(request));
    }

    /// [`World::cut_off`] of a request given as words.
    pub fn cut_off_words(&mut self, request: &[Bytes]) {
        let before = self.model.live().clone();
        let mut model = self.model.clone();
        let expected_reply = model.ask(request);
        let after = model.live().clone();

        let mut session = self.copy();
        let recording = Recording::start(session.heap_mut(0));
        assert_eq!(ask(&mut session, request), expected_reply);
        let crashes = recording.finish(session.heap_mut(0));
        assert!(!crashes.is_empty(), "the request stores something");
        let effects = session.take_effects();
        assert_eq!(data_of(&mut session), after);
        if coverage::is_only_noted(request, &large_keys([&before, &after])) {
            return;
        }
        self.survives(&crashes, &before, &after);

        let ends = ends_of(&crashes);
        let make = || (self.copy(), String::new());
        let run = |(session, reply): &mut (Session, String)| *reply = ask(session, request);
        some_panics(
            panic_every(&crashes),
            make,
            |(session, _)| session.heap_mut(0),
            run,
            |(session, reply), commits| {
                let is_done = commits == ends;
                assert_eq!(reply, if is_done { &expected_reply } else { INTERNAL });
                let told: Vec<Effect> = session.take_effects();
                assert!(if is_done { told == effects } else { commits > 0 || told.is_empty() });
                check(session, if is_done { &after } else { &before });
            },
        );
    }

    /// Upkeep, cut off at its stores: no key comes or goes.
    pub fn cut_off_upkeep(&mut self, run: impl Fn(&mut Session)) {
        if coverage::is_only_noting() {
            return;
        }
        let before = self.model.live().clone();
        let mut session = self.copy();
        let recording = Recording::start(session.heap_mut(0));
        run(&mut session);
        let crashes = recording.finish(session.heap_mut(0));
        assert!(!crashes.is_empty(), "there is something to do");
        check(&mut session, &before);
        self.survives(&crashes, &before, &before);
        some_panics(
            panic_every(&crashes),
            || self.copy(),
            |session| session.heap_mut(0),
            |session| run(session),
            |session, _| {
                session.shards().iter_mut().for_each(|keyspace| keyspace.rollback());
                check(session, &before);
            },
        );
    }

    /// What expires on the way is not seen before nor after: only the last commit is the request's.
    fn survives(&self, crashes: &Crashes, before: &Data, after: &Data) {
        let (ends, now_ms) = (ends_of(crashes), self.session.now_ms());
        crashes.explore(effort(crashes), |heap, commits| {
            let heap = std::mem::replace(heap, shm::Heap::in_memory(1 << 17));
            let mut session = Session::over(vec![heap], now_ms);
            check(&mut session, if commits == ends { after } else { before });
        });
    }
}

/// The keys that hold large values in one of two states.
pub fn large_keys(states: [&Data; 2]) -> BTreeSet<Bytes> {
    let all = states.into_iter().flatten();
    all.filter(|(_, (value, _))| value.len() > LARGE_LEN).map(|((_, key), _)| key.clone()).collect()
}

/// How many transactions a run ended.
pub fn ends_of(crashes: &Crashes) -> usize {
    let mut ends = 0;
    crashes.explore(Effort { every: usize::MAX, recovery_every: usize::MAX }, |_, commits| ends = commits);
    ends
}

fn check(session: &mut Session, expected: &Data) {
    let found = data_of(session);
    assert!(found == *expected, "found {}, expected {}", described(&found), described(expected));
    session.verify();
}

/// Keys and what can be said of values in a word.
fn described(data: &Data) -> String {
    let mut text = String::new();
    for ((db, key), (value, deadline_ms)) in data {
        let start = String::from_utf8_lossy(&value[..value.len().min(20)]);
        let key = String::from_utf8_lossy(&key[..key.len().min(20)]);
        text += &format!("{db}:{key}={start:?} ({} bytes, {deadline_ms:?}) ", value.len());
    }
    text
}
