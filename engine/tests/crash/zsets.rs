//! Commands on sorted sets, small, large, and where one becomes the other.

use engine::keyspace::compact::Compaction;
use engine::keyspace::digest::DataSetDigest;
use engine::testing::Session;
use shm::Heap;
use shm::fault::{Recording, copy_of, some_panics};

use crate::world::{INTERNAL, effort, ends_of, panic_every};

fn digest(session: &mut Session) -> String {
    let now_ms = session.now_ms();
    let mut digest = DataSetDigest::default();
    session.shards().iter().for_each(|keyspace| digest.add(keyspace, now_ms));
    digest.finish().to_string()
}

fn copy(session: &mut Session) -> Session {
    Session::over(vec![copy_of(session.heap_mut(0))], session.now_ms())
}

/// Cuts off what `run` does to a session at its stores. `ends`: whether all of it is one transaction.
fn cut_off(session: &mut Session, run: &dyn Fn(&mut Session) -> String, is_one: bool) {
    let before = digest(session);
    let mut ran = copy(session);
    let recording = Recording::start(ran.heap_mut(0));
    let reply = run(&mut ran);
    let crashes = recording.finish(ran.heap_mut(0));
    assert!(!crashes.is_empty(), "something is stored");
    let (after, now_ms, ends) = (digest(&mut ran), session.now_ms(), ends_of(&crashes));
    assert!(!is_one || ends == 1);
    let expected = |commits| if commits == ends { &after } else { &before };
    crashes.explore(effort(&crashes), |heap, commits| {
        let mut session = Session::over(vec![std::mem::replace(heap, Heap::in_memory(1 << 17))], now_ms);
        assert_eq!(digest(&mut session), *expected(commits));
        session.verify();
    });
    some_panics(
        panic_every(&crashes),
        || (copy(session), String::new()),
        |(session, _)| session.heap_mut(0),
        |(session, reply)| *reply = run(session),
        |(session, told), commits| {
            if is_one {
                assert_eq!(told, if commits == ends { &reply } else { INTERNAL });
            } else {
                session.shards()[0].rollback();
            }
            assert_eq!(digest(session), *expected(commits));
            session.verify();
        },
    );
}

/// Shapes of a sorted set `z`: how many members, and how long they are.
const FEW: (usize, usize) = (5, 6);
const PLAIN: (usize, usize) = (128, 6);
const PLAIN_LONG: (usize, usize) = (40, 200);
const NODES: (usize, usize) = (700, 8);

fn with_members((count, len): (usize, usize)) -> Session {
    let mut session = Session::new(1);
    for nth in 0..count {
        session.run(&format!("ZADD z {} {:.<len$}", nth * 7 % 31, format!("m{nth}")));
    }
    session
}

fn cut_off_requests(session: &mut Session, requests: &[&str]) {
    for request in requests {
        cut_off(session, &|session| session.run(request), true);
    }
}

#[test]
fn adding_and_changing_scores() {
    for shape in [FEW, PLAIN, PLAIN_LONG, NODES] {
        let mut session = with_members(shape);
        let member = |nth: usize| format!("{:.<len$}", format!("m{nth}"), len = shape.1);
        let long = "l".repeat(5_000);
        cut_off_requests(
            &mut session,
            &[
                "ZADD z 3 new",
                "ZADD z 1 new 9 newer 40 newest",
                &format!("ZADD z 7.5 {}", member(1)),
                &format!("ZADD z CH GT 1000 {} -1000 {}", member(2), member(3)),
                &format!("ZINCRBY z 100 {}", member(4)),
                &format!("ZADD z 3 {long}"),
                "GEOADD z 13.361389 38.115556 Palermo",
            ],
        );
        session.run(&format!("ZADD z 3 {long}"));
        cut_off_requests(&mut session, &[&format!("ZADD z 17 {long}"), &format!("ZREM z {long}")]);
    }
    cut_off_requests(&mut Session::new(1), &["ZADD z 1 a", "ZADD z 1 a 2 b 3 c", "ZINCRBY z 1 a"]);
}

#[test]
fn removing() {
    for shape in [FEW, PLAIN, PLAIN_LONG, NODES] {
        let mut session = with_members(shape);
        let member = |nth: usize| format!("{:.<len$}", format!("m{nth}"), len = shape.1);
        cut_off_requests(
            &mut session,
            &[
                &format!("ZREM z {} {}", member(0), member(2)),
                "ZREMRANGEBYRANK z 1 2",
                "ZREMRANGEBYRANK z 1 -2",
                "ZREMRANGEBYSCORE z -inf 20",
                "ZREMRANGEBYSCORE z 2 7",
                "ZREMRANGEBYSCORE z -inf +inf",
                "ZPOPMIN z",
                "ZPOPMAX z 3",
                "ZMPOP 2 nothing z MIN COUNT 1000",
                "DEL z",
            ],
        );
    }
}

/// One by one down to where the nodes become a plain block again.
#[test]
fn becoming_small() {
    let mut session = with_members((160, 6));
    for nth in 0..90 {
        session.run(&format!("ZREM z {:.<6}", format!("m{nth}")));
    }
    for nth in 90..100 {
        let request = format!("ZREM z {:.<6}", format!("m{nth}"));
        cut_off_requests(&mut session, &[&request]);
        session.run(&request);
    }
}

#[test]
fn storing_results() {
    for shape in [FEW, NODES] {
        let mut session = with_members(shape);
        session.run("ZADD other 1 m1.... 2 m2...... 3 m3.... 4 x");
        session.run("ZADD to 1 a 2 b");
        session.run("GEOADD places 15 37 a 15.1 37.1 b 16 38 c");
        cut_off_requests(
            &mut session,
            &[
                "ZRANGESTORE to z 0 -2",
                "ZRANGESTORE z z 1 3",
                "ZRANGESTORE to nothing 0 -1",
                "ZUNIONSTORE to 2 z other",
                "ZUNIONSTORE z 2 z other WEIGHTS 2 3",
                "ZINTERSTORE to 2 z other",
                "ZDIFFSTORE z 2 z other",
                "GEOSEARCHSTORE to places FROMLONLAT 15 37 BYRADIUS 50 km",
                "COPY z to REPLACE",
                "RENAME z to",
            ],
        );
    }
}

#[test]
fn compacting_and_reclaiming() {
    let mut session = with_members((400, 20));
    session.run(&format!("ZADD z 4 {}", "l".repeat(5_000)));
    for nth in 0..80 {
        session.run(&format!("COPY z copy:{nth}"));
    }
    for nth in (0..80).filter(|nth| nth % 8 != 0) {
        session.run(&format!("DEL copy:{nth}"));
    }
    cut_off(
        &mut session,
        &|session| {
            while session.shards()[0].reclaim(20) {}
            String::new()
        },
        false,
    );
    while session.shards()[0].reclaim(1_000) {}
    let compact = |session: &mut Session| {
        let mut state = Compaction::default();
        while session.shards()[0].compact(&mut state, 30) {}
        String::new()
    };
    cut_off(&mut session, &compact, false);
    compact(&mut session);
    session.verify();
}
