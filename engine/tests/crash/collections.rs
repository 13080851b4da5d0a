//! Requests on collections, cut off at their stores: afterwards keys hold what they held before, or what the request
//! makes of them.

use engine::command::effect::Effect;
use engine::keyspace::digest::Digest;
use engine::testing::Session;
use shm::fault::{Crashes, Effort, Recording, copy_of, explore_together, some_panics};

use crate::common::{Bytes, words};
use crate::together::Line;
use crate::world::{effort, is_full, panic_every};

const INTERNAL: &str = "(error) ERR internal error: the command was rolled back, see the server's log";

/// What keys hold, as digests that tell all values and types apart.
type State = Vec<Digest>;

fn state_of(session: &mut Session, keys: &[Bytes]) -> State {
    session.verify();
    let now_ms = session.now_ms();
    let mut digests = Vec::new();
    for bytes in keys {
        let shard = session.shard_of(bytes);
        let keyspace = &session.shards()[shard];
        let key = keyspace.hasher().key(bytes);
        digests.push(keyspace.digest_of_value(0, &key, now_ms));
    }
    digests
}

/// A session of one shard in which these requests were made.
fn after(setup: &[Vec<Bytes>]) -> Session {
    let mut session = Session::new(1);
    setup.iter().for_each(|request| drop(session.call(&words(request))));
    session
}

/// A request, cut off at its stores by crashes and panics; what replicas repeat has the same result.
pub fn cut_off(setup: &[Vec<Bytes>], request: &[Bytes], names: &[Bytes]) {
    let mut original = after(setup);
    let now_ms = original.now_ms();
    let mut copy = || Session::over(vec![copy_of(original.heap_mut(0))], now_ms);
    let before = state_of(&mut copy(), names);

    let mut session = copy();
    let recording = Recording::start(session.heap_mut(0));
    let reply = session.call(&words(request));
    let crashes = recording.finish(session.heap_mut(0));
    assert!(!crashes.is_empty() && !reply.starts_with("(error)"), "{reply}");
    let effects: Vec<Effect> = session.take_effects();
    let done = state_of(&mut session, names);
    assert!(before != done, "the request changes something");
    let mut replica = copy();
    replica.repeat(0, &effects);
    assert!(state_of(&mut replica, names) == done, "effects have the result of the request");

    let ends = ends_of(&crashes);
    crashes.explore(effort(&crashes), |heap, commits| {
        let heap = std::mem::replace(heap, shm::Heap::in_memory(1 << 17));
        let mut session = Session::over(vec![heap], now_ms);
        assert!(state_of(&mut session, names) == *if commits == ends { &done } else { &before });
    });
    some_panics(
        panic_every(&crashes),
        || (copy(), String::new()),
        |(session, _)| session.heap_mut(0),
        |(session, reply)| *reply = session.call(&words(request)),
        |(session, told), commits| {
            let is_done = commits == ends;
            assert_eq!(*told, if is_done { reply.as_str() } else { INTERNAL });
            assert!(session.take_effects() == if is_done { effects.clone() } else { Vec::new() });
            assert!(state_of(session, names) == if is_done { done.clone() } else { before.clone() });
        },
    );
}

fn ends_of(crashes: &Crashes) -> usize {
    let mut ends = 0;
    crashes.explore(Effort { every: usize::MAX, recovery_every: usize::MAX }, |_, commits| ends = commits);
    ends
}

/// A request on two shards: after a crash both have the change, or neither.
pub fn cut_off_together(setup: &[Vec<Bytes>], request: &[Bytes], names: &[Bytes]) {
    let decision = Line::default();
    let mut session = Session::new(2).coordinated_by(decision.clone());
    setup.iter().for_each(|request| drop(session.call(&words(request))));
    let now_ms = session.now_ms();
    let copies = [0, 1].map(|shard| copy_of(session.heap_mut(shard))).into_iter().collect();
    let before = state_of(&mut Session::over(copies, now_ms), names);
    decision.0.set(None);
    decision.1.set(None);

    let recordings = [0, 1].map(|shard| Recording::start(session.heap_mut(shard)));
    session.call(&words(request));
    let [first, second] = recordings;
    let runs: [Crashes; 2] = [first.finish(session.heap_mut(0)), second.finish(session.heap_mut(1))];
    let done = state_of(&mut session, names);
    assert!(decision.0.get().is_some() && before != done, "the request changes both shards");

    let effort = if is_full() { Effort::FULL } else { Effort { every: 5, recovery_every: 7 } };
    explore_together(
        &runs,
        effort,
        |moment| decision.is_decided(moment),
        |heaps, moment| {
            let is_done = decision.0.get().is_some_and(|at| at <= moment);
            let mut session = Session::over(heaps, now_ms);
            assert!(state_of(&mut session, names) == *if is_done { &done } else { &before });
        },
    );
}
