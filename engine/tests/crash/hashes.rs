//! Commands on hashes: as one plain block, as a tree, and where one becomes the other; with deadlines of fields and
//! without.

use std::collections::BTreeMap;

use engine::keyspace::compact::Compaction;
use engine::testing::Session;
use engine::types::Kind;
use engine::types::collection::Collection;
use engine::types::hash::Hash;
use shm::fault::{Recording, copy_of, some_panics};

use crate::common::{Bytes, DATABASES, line, words};
use crate::world::{effort, ends_of, panic_every};

/// A name, its value and its deadline.
type Field = (Bytes, Bytes, Option<u64>);

/// By database and key the deadline, and all fields in order; of a string none.
type Contents = BTreeMap<(u32, Bytes), (Option<u64>, Vec<Field>)>;

fn contents(session: &mut Session) -> Contents {
    let now_ms = session.now_ms();
    let keyspace = &session.shards()[0];
    let hasher = keyspace.hasher().of_elements();
    let mut found = Contents::new();
    for db in 0..DATABASES {
        keyspace.scan(db, 0, usize::MAX, now_ms, |entry| {
            let mut fields = Vec::new();
            if entry.kind() == Kind::Hash {
                let hash = Hash::open(entry.record(), hasher);
                let live = hash.iter(entry.heap()).filter(|field| field.is_live(now_ms));
                let bytes =
                    |text: engine::types::text::Text<'_>| text.view(entry.heap()).contiguous().into_owned();
                fields.extend(
                    live.map(|field| (bytes(field.name.text), bytes(field.value), field.deadline_ms)),
                );
                fields.sort();
            }
            found.insert((db, entry.key().into_owned()), (entry.deadline_ms(), fields));
        });
    }
    found
}

fn check(session: &mut Session, expected: &Contents) {
    let found = contents(session);
    assert!(found == *expected, "found {} keys, expected {}", found.len(), expected.len());
    session.verify();
}

fn copy(session: &mut Session) -> Session {
    let mut copy = Session::over(vec![copy_of(session.heap_mut(0))], session.now_ms());
    copy.caller.db = session.caller.db;
    copy
}

/// Cuts off what `run` does at its stores.
fn cut_off(base: &mut Session, run: impl Fn(&mut Session) -> String) {
    let before = contents(base);
    let mut session = copy(base);
    let recording = Recording::start(session.heap_mut(0));
    let expected = run(&mut session);
    let crashes = recording.finish(session.heap_mut(0));
    assert!(!crashes.is_empty(), "something is stored");
    let after = contents(&mut session);
    session.verify();
    let (ends, now_ms) = (ends_of(&crashes), base.now_ms());
    crashes.explore(effort(&crashes), |heap, commits| {
        let heap = std::mem::replace(heap, shm::Heap::in_memory(1 << 17));
        let mut session = Session::over(vec![heap], now_ms);
        check(&mut session, if commits == ends { &after } else { &before });
    });
    some_panics(
        panic_every(&crashes),
        || (copy(base), String::new()),
        |(session, _)| session.heap_mut(0),
        |(session, reply)| *reply = run(session),
        |(session, reply), commits| {
            session.shards().iter_mut().for_each(|keyspace| keyspace.rollback());
            let is_done = commits == ends;
            // What only reads has nothing more to commit once it has deleted what was due.
            assert!(!is_done || *reply == expected || before == after, "{reply}");
            check(session, if is_done { &after } else { &before });
        },
    );
}

fn cut_off_request(base: &mut Session, request: &str) {
    let request = line(request);
    cut_off(base, |session| session.call(&words(&request)));
}

/// A hash `h` with as many fields `f0`, `f1` …, of which two have a deadline if it is `timed`, and others beside it.
fn world(fields: usize, timed: bool) -> Session {
    let mut session = Session::new(1);
    session.run("HSET other a 1");
    session.run("HPEXPIRE other 500 FIELDS 1 a");
    for nth in 0..fields {
        session.run(&format!("HSET h f{nth} value{nth}"));
    }
    session.run("HSET h f0 10");
    if timed {
        session.run("HPEXPIRE h 100 FIELDS 1 f1");
        session.run("HPEXPIRE h 200 FIELDS 1 f2");
    }
    session
}

/// A world whose hash is a tree that becomes a plain block with one field less.
fn shrinking(timed: bool) -> Session {
    let mut session = world(140, timed);
    for nth in 65..140 {
        session.run(&format!("HDEL h f{nth}"));
    }
    session
}

fn every_world(timed: bool) -> Vec<Session> {
    vec![world(3, timed), world(128, timed), world(300, timed), shrinking(timed)]
}

fn cut_off_each(requests: &[&str]) {
    for timed in [false, true] {
        for mut world in every_world(timed) {
            requests.iter().for_each(|request| cut_off_request(&mut world, request));
        }
    }
}

#[test]
fn setting_fields() {
    let long = "x".repeat(400);
    cut_off_each(&[
        "HSET h new v",
        "HSET h f1 other",
        "HSET h f0 other new v f2 another",
        &format!("HSET h f1 {long}"),
        &format!("HSET h {long} {long}"),
        "HSETNX h new v",
        "HINCRBY h f0 5",
        "HINCRBYFLOAT h f0 0.5",
        "HSETEX h PX 50 FIELDS 2 f1 v new v",
        "HSETEX h KEEPTTL FIELDS 2 f1 v new v",
    ]);
    cut_off_request(&mut Session::new(1), "HSET h a 1");
    cut_off_request(&mut Session::new(1), "HSETEX h PX 50 FIELDS 1 a 1");
}

#[test]
fn deleting_fields() {
    cut_off_each(&["HDEL h f1", "HDEL h f0 f1 f2", "HGETDEL h FIELDS 1 f2", "HPEXPIRE h 0 FIELDS 2 f1 f0"]);
    let mut long = world(3, true);
    long.run(&format!("HSETEX h PX 10 FIELDS 1 long {}", "x".repeat(400)));
    cut_off_request(&mut long, "HDEL h long");
}

#[test]
fn giving_and_taking_deadlines() {
    cut_off_each(&[
        "HPEXPIRE h 50 FIELDS 2 f0 f1",
        "HPEXPIRE h 150 FIELDS 1 f1",
        "HGETEX h PX 50 FIELDS 1 f0",
        "PEXPIRE h 1000",
    ]);
    for mut world in every_world(true) {
        cut_off_request(&mut world, "HPERSIST h FIELDS 1 f1");
        cut_off_request(&mut world, "HPERSIST h FIELDS 2 f1 f2");
        cut_off_request(&mut world, "HGETEX h PERSIST FIELDS 2 f1 f2");
    }
}

#[test]
fn whole_hashes() {
    cut_off_each(&[
        "DEL h",
        "RENAME h g",
        "RENAME h other",
        "COPY h g",
        "COPY h other REPLACE",
        "MOVE h 1",
        "FLUSHDB",
        "SET h v",
    ]);
}

#[test]
fn fields_that_have_expired_on_the_way() {
    for (mut world, late_ms) in every_world(true).into_iter().flat_map(|world| [(world, 100)]) {
        world.advance(late_ms);
        for request in ["HLEN h", "HSET h f1 v", "HPEXPIRE h 10 FIELDS 1 f0", "DEL h", "COPY h g"] {
            cut_off_request(&mut world, request);
        }
        world.advance(100);
        cut_off_request(&mut world, "HGETALL h");
    }
    let mut over = Session::new(1);
    over.run("HSETEX h PX 10 FIELDS 2 a 1 b 2");
    over.advance(10);
    cut_off_request(&mut over, "HGET h a");
    cut_off_request(&mut over, "HSET h a 1");
}

#[test]
fn upkeep() {
    for (fields, deadline_ms) in [(3, 100), (300, 200), (300, 500)] {
        let mut world = world(fields, true);
        let timed: Vec<String> = (5..fields).step_by(2).map(|nth| format!("f{nth}")).collect();
        if !timed.is_empty() {
            world.run(&format!("HPEXPIRE h 150 FIELDS {} {}", timed.len(), timed.join(" ")));
        }
        world.advance(deadline_ms);
        cut_off(&mut world, |session| {
            let now_ms = session.now_ms();
            while session.shards()[0].expire_due(now_ms, 20) {}
            String::new()
        });
    }
    let mut sparse = Session::new(1);
    for nth in 0..1500 {
        sparse.run(&format!("HSET key{nth} a 1 b {}", "x".repeat(90)));
        sparse.run(&format!("HPEXPIRE key{nth} {} FIELDS 1 a", 100 + nth));
    }
    for nth in (0..1500).filter(|nth| nth % 8 != 0) {
        sparse.run(&format!("DEL key{nth}"));
    }
    cut_off(&mut sparse, |session| {
        let mut state = Compaction::default();
        while session.shards()[0].compact(&mut state, 100) {}
        String::new()
    });
    let mut dropped = world(300, true);
    dropped.run("DEL h");
    cut_off(&mut dropped, |session| {
        while session.shards()[0].reclaim(3) {}
        String::new()
    });
}
