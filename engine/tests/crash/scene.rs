//! Requests on values of all types, cut off at their stores: afterwards everything is as it was before, or as the request
//! makes it.

use std::collections::{BTreeMap, BTreeSet};

use engine::codec::Value;
use engine::command::Flags;
use engine::command::effect::Effect;
use engine::testing::value::value_of;
use engine::testing::{Session, row_of};
use shm::Heap;
use shm::fault::{Crashes, Effort, Recording, copy_of, explore_together, some_panics};

use crate::common::{Bytes, DATABASES, line, words};
use crate::coverage::{self, LARGE_COUNT, LARGE_LEN};
use crate::together::Line;
use crate::world::{INTERNAL, effort, ends_of, is_full, panic_every};

/// By database and key the deadline and the value.
type State = BTreeMap<(u32, Bytes), (Option<u64>, Value<'static>)>;

/// What lives in sound shards.
fn state_of(session: &mut Session) -> State {
    session.verify();
    let now_ms = session.now_ms();
    let mut state = State::new();
    for keyspace in session.shards() {
        let hasher = keyspace.hasher().of_elements();
        for db in 0..DATABASES {
            keyspace.scan(db, 0, usize::MAX, now_ms, |entry| {
                let value = (entry.deadline_ms(), value_of(entry.stored(), hasher, now_ms));
                state.insert((db, entry.key().into_owned()), value);
            });
        }
    }
    // A hash whose fields are all gone is gone, though nobody has looked.
    state.retain(|_, (_, value)| !value.is_empty());
    state
}

/// The keys that hold large values in one of two states.
fn large_keys(states: [&State; 2]) -> BTreeSet<Bytes> {
    let all = states.into_iter().flatten();
    all.filter(|(_, (_, value))| is_large(value)).map(|((_, key), _)| key.clone()).collect()
}

fn is_large(value: &Value<'_>) -> bool {
    let is_long = |items: &engine::codec::Items| {
        items.len() > LARGE_COUNT || items.iter().map(<[u8]>::len).sum::<usize>() > LARGE_LEN
    };
    match value {
        Value::String(bytes) => bytes.len() > LARGE_LEN,
        Value::List(items) | Value::Set(items) => is_long(items),
        Value::Zset(scored) => is_long(&scored.members),
        Value::Hash(fields) => is_long(&fields.names) || is_long(&fields.values),
        Value::Stream(image) => {
            let words = image.entries.iter().flat_map(|(_, words)| words);
            image.entries.len() > LARGE_COUNT || words.map(Vec::len).sum::<usize>() > LARGE_LEN
        }
    }
}

/// One shard in a certain state.
pub struct Scene(pub Session);

impl Scene {
    /// The state after these requests.
    pub fn after(setup: &[Vec<Bytes>]) -> Scene {
        let mut session = Session::new(1);
        setup.iter().for_each(|request| drop(session.call(&words(request))));
        Scene(session)
    }

    /// Makes a request.
    pub fn run(&mut self, request: &str) {
        self.0.run(request);
    }

    fn copy(&mut self) -> Session {
        let mut copy = Session::over(vec![copy_of(self.0.heap_mut(0))], self.0.now_ms());
        copy.caller.db = self.0.caller.db;
        copy
    }

    /// Requests, each cut off in this state.
    pub fn cut_off_each(&mut self, requests: &[&str]) {
        requests.iter().for_each(|request| self.cut_off(&line(request)));
    }

    /// A request, cut off at its stores by crashes and panics; what replicas repeat has the same result.
    pub fn cut_off(&mut self, request: &[Bytes]) {
        let before = state_of(&mut self.copy());
        let mut session = self.copy();
        let recording = Recording::start(session.heap_mut(0));
        let reply = session.call(&words(request));
        let crashes = recording.finish(session.heap_mut(0));
        assert!(!crashes.is_empty() && !reply.starts_with("(error)"), "{request:?}: {reply}");
        let effects: Vec<Effect> = session.take_effects();
        let done = state_of(&mut session);
        let writes = row_of(&words(request)).is_none_or(|row| row.spec.flags.contains(Flags::WRITE));
        assert!(!writes || before != done, "{request:?} changes something");
        if coverage::is_only_noted(request, &large_keys([&before, &done])) {
            return;
        }
        let mut replica = self.copy();
        replica.repeat(0, &effects);
        assert!(state_of(&mut replica) == done, "effects have the result of {request:?}");

        let ends = ends_of(&crashes);
        self.survives(&crashes, &before, &done);
        some_panics(
            panic_every(&crashes),
            || (self.copy(), String::new()),
            |(session, _)| session.heap_mut(0),
            |(session, reply)| *reply = session.call(&words(request)),
            |(session, told), commits| {
                let is_done = commits == ends;
                // What only reads has nothing more to commit once it has deleted what was due.
                if !is_done || before != done {
                    assert_eq!(*told, if is_done { reply.as_str() } else { INTERNAL });
                }
                let told = session.take_effects();
                let is_told = if is_done { told == effects } else { commits > 0 || told.is_empty() };
                assert!(is_told, "{request:?}, {commits} of {ends}: {told:?}, not {effects:?}");
                assert!(state_of(session) == *if is_done { &done } else { &before }, "{request:?}");
            },
        );
    }

    /// Upkeep, cut off at its stores: nobody sees any of it.
    pub fn cut_off_upkeep(&mut self, run: impl Fn(&mut Session)) {
        if coverage::is_only_noting() {
            return;
        }
        let before = state_of(&mut self.copy());
        let mut session = self.copy();
        let recording = Recording::start(session.heap_mut(0));
        run(&mut session);
        let crashes = recording.finish(session.heap_mut(0));
        assert!(!crashes.is_empty(), "there is something to do");
        assert!(state_of(&mut session) == before);
        self.survives(&crashes, &before, &before);
        some_panics(
            panic_every(&crashes),
            || self.copy(),
            |session| session.heap_mut(0),
            |session| run(session),
            |session, _| {
                session.shards()[0].rollback();
                assert!(state_of(session) == before);
            },
        );
    }

    /// What expires on the way is not seen before nor after: only the last commit is the request's.
    fn survives(&self, crashes: &Crashes, before: &State, done: &State) {
        let (ends, now_ms) = (ends_of(crashes), self.0.now_ms());
        crashes.explore(effort(crashes), |heap, commits| {
            let heap = std::mem::replace(heap, Heap::in_memory(1 << 17));
            let mut session = Session::over(vec![heap], now_ms);
            assert!(state_of(&mut session) == *if commits == ends { done } else { before });
        });
    }
}

/// A request after others, cut off at its stores.
pub fn cut_off(setup: &[Vec<Bytes>], request: &[Bytes]) {
    Scene::after(setup).cut_off(request);
}

/// A request on two shards: after a crash both have the change, or neither.
pub fn cut_off_together(setup: &[Vec<Bytes>], request: &[Bytes]) {
    let decision = Line::default();
    let mut session = Session::new(2).coordinated_by(decision.clone());
    setup.iter().for_each(|request| drop(session.call(&words(request))));
    let now_ms = session.now_ms();
    let copies = [0, 1].map(|shard| copy_of(session.heap_mut(shard))).into_iter().collect();
    let before = state_of(&mut Session::over(copies, now_ms));
    decision.0.set(None);
    decision.1.set(None);

    let recordings = [0, 1].map(|shard| Recording::start(session.heap_mut(shard)));
    session.call(&words(request));
    let [first, second] = recordings;
    let runs: [Crashes; 2] = [first.finish(session.heap_mut(0)), second.finish(session.heap_mut(1))];
    let done = state_of(&mut session);
    assert!(decision.0.get().is_some() && before != done, "{request:?} changes both shards");
    if coverage::is_only_noted(request, &large_keys([&before, &done])) {
        return;
    }

    let effort = if is_full() { Effort::FULL } else { Effort { every: 5, recovery_every: 7 } };
    explore_together(
        &runs,
        effort,
        |moment| decision.is_decided(moment),
        |heaps, moment| {
            let is_done = decision.0.get().is_some_and(|at| at <= moment);
            let mut session = Session::over(heaps, now_ms);
            assert!(state_of(&mut session) == *if is_done { &done } else { &before });
        },
    );
}
