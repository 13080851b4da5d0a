//! Commands on sets, and SORT with STORE.

use std::collections::BTreeSet;

use engine::command::effect::Effect;
use engine::testing::Session;
use shm::fault::{Crashes, Effort, Recording, copy_of, explore_together, some_panics};

use crate::common::{Bytes, line, word, words};
use crate::together::{Line, keys};
use crate::world::{effort, is_full, panic_every};

const INTERNAL: &str = "(error) ERR internal error: the command was rolled back, see the server's log";

/// What the keys of a session hold.
type State = Vec<(Bytes, BTreeSet<String>)>;

fn state_of(session: &mut Session, keys: &[Bytes]) -> State {
    session.verify();
    let elements = |key: &Bytes| {
        // Elements of a list are numbered by where they stand.
        let reply = match session.call(&[b"TYPE", key]).as_str() {
            "none" => String::new(),
            "set" => session.call(&[b"SMEMBERS", key]),
            "string" => session.call(&[b"GET", key]),
            _ => session.call(&[b"SORT", key, b"BY", b"nosort"]),
        };
        let is_list = session.call(&[b"TYPE", key]) == "list";
        let element = |line: &str| {
            let line = line.trim_start();
            let text = line.split_once(") ").map_or(line, |(_, text)| text);
            if is_list { line.to_owned() } else { text.to_owned() }
        };
        (key.clone(), reply.lines().map(element).collect())
    };
    keys.iter().map(elements).collect()
}

/// A session of one shard in which these requests were made.
fn after(setup: &[Vec<Bytes>]) -> Session {
    let mut session = Session::new(1);
    setup.iter().for_each(|request| drop(session.call(&words(request))));
    session
}

fn names() -> Vec<Bytes> {
    ["s", "t", "to", "text"].map(word).to_vec()
}

/// A request, cut off at its stores by crashes and panics; what replicas repeat has the same result.
fn cut_off(setup: &[Vec<Bytes>], request: &[Bytes]) {
    let mut original = after(setup);
    let now_ms = original.now_ms();
    let mut copy = || Session::over(vec![copy_of(original.heap_mut(0))], now_ms);
    let before = state_of(&mut copy(), &names());

    let mut session = copy();
    let recording = Recording::start(session.heap_mut(0));
    let reply = session.call(&words(request));
    let crashes = recording.finish(session.heap_mut(0));
    assert!(!crashes.is_empty() && !reply.starts_with("(error)"), "{reply}");
    let effects: Vec<Effect> = session.take_effects();
    let done = state_of(&mut session, &names());
    assert!(before != done, "the request changes something");
    // Lists are made by a command of their family.
    if effects.iter().all(|effect| effect.command.first().is_none_or(|name| &**name != b"RPUSH")) {
        let mut replica = copy();
        replica.repeat(0, &effects);
        assert!(state_of(&mut replica, &names()) == done, "effects have the result of the request");
    }

    let ends = ends_of(&crashes);
    crashes.explore(effort(&crashes), |heap, commits| {
        let heap = std::mem::replace(heap, shm::Heap::in_memory(1 << 17));
        let mut session = Session::over(vec![heap], now_ms);
        assert!(state_of(&mut session, &names()) == *if commits == ends { &done } else { &before });
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
            assert!(state_of(session, &names()) == if is_done { done.clone() } else { before.clone() });
        },
    );
}

fn ends_of(crashes: &Crashes) -> usize {
    let mut ends = 0;
    crashes.explore(Effort { every: usize::MAX, recovery_every: usize::MAX }, |_, commits| ends = commits);
    ends
}

/// The member of a number. Some lie apart, in one block or in many.
fn member(number: usize) -> Bytes {
    let len = match number {
        33 | 513 => 40_000,
        _ if number % 40 == 17 => 300 + number,
        _ => return word(format!("member:{number}")),
    };
    (0..len).map(|at| b'a' + ((at + number) % 26) as u8).collect()
}

/// Two sets of which one half is common, of so many members each, and keys of other kinds.
fn sets(len: usize) -> Vec<Vec<Bytes>> {
    let set = |key: &str, from: usize| {
        [vec![word("SADD"), word(key)], (from..from + len).map(member).collect()].concat()
    };
    vec![set("s", 0), set("t", len / 2), line("SET text value")]
}

const SMALL: usize = 6;
const FULL_BLOCK: usize = 128;
const LARGE: usize = 400;

#[test]
fn the_first_member_comes_and_the_last_one_goes() {
    for number in [1, 17, 33] {
        let add = [word("SADD"), word("s"), member(number)].to_vec();
        cut_off(&[], &add);
        cut_off(std::slice::from_ref(&add), &[word("SREM"), word("s"), member(number)]);
        cut_off(&[add], &[word("SMOVE"), word("s"), word("to"), member(number)]);
    }
}

#[test]
fn members_come_and_go() {
    for (len, numbers) in [(SMALL, &[1][..]), (FULL_BLOCK, &[1, 17, 33]), (LARGE, &[1, 33])] {
        for number in numbers {
            cut_off(&sets(len), &[word("SADD"), word("s"), member(480 + number)]);
            cut_off(&sets(len), &[word("SREM"), word("s"), member(*number)]);
            cut_off(&sets(len), &[word("SMOVE"), word("s"), word("t"), member(*number)]);
        }
        let all = [vec![word("SREM"), word("s")], (0..len).map(member).collect()].concat();
        cut_off(&sets(len), &all);
        let more = [vec![word("SADD"), word("s")], (len / 2..len + 40).map(member).collect()].concat();
        cut_off(&sets(len), &more);
    }
}

#[test]
fn random_members_are_popped() {
    for len in [1, SMALL, FULL_BLOCK, LARGE] {
        cut_off(&sets(len), &line("SPOP s"));
        for count in [1, len / 20, len / 2, len - 1, len].into_iter().filter(|count| *count > 0) {
            cut_off(&sets(len), &line(&format!("SPOP s {count}")));
        }
    }
}

#[test]
fn results_are_stored() {
    for len in [SMALL, FULL_BLOCK, LARGE] {
        for name in ["SINTERSTORE", "SUNIONSTORE", "SDIFFSTORE"] {
            for target in ["text", "s"] {
                cut_off(&sets(len), &line(&format!("{name} {target} s t")));
            }
        }
        cut_off(&sets(len), &line("SINTERSTORE s s to"));
        cut_off(&sets(len), &line("SDIFFSTORE text t t"));
    }
}

#[test]
fn sorted_elements_are_stored() {
    for len in [SMALL, LARGE] {
        for target in ["to", "text", "s"] {
            cut_off(&sets(len), &line(&format!("SORT s ALPHA STORE {target}")));
        }
        cut_off(&sets(len), &line("SORT s ALPHA LIMIT 0 0 STORE t"));
    }
}

/// A request on two shards: after a crash both have the change, or neither.
fn cut_off_together(setup: &[Vec<Bytes>], request: &[Bytes], names: &[Bytes]) {
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

#[test]
fn members_change_shards() {
    let [a, b, c, d] = keys();
    let names = [a.clone(), b.clone(), c.clone(), d.clone()];
    for len in [1, SMALL, FULL_BLOCK + 1] {
        let set = |key: &Bytes, from: usize| {
            [vec![word("SADD"), key.clone()], (from..from + len).map(member).collect()].concat()
        };
        let setup = [set(&a, 0), set(&b, 1000), set(&c, 1), set(&d, 2)];
        cut_off_together(&setup, &[word("SMOVE"), a.clone(), b.clone(), member(0)], &names);
    }
}
