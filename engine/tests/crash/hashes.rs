//! Commands on hashes: as one plain block, as a tree, and where one becomes the other; with deadlines of fields and
//! without.

use engine::keyspace::compact::Compaction;
use engine::testing::Session;

use crate::common::line;
use crate::coverage;
use crate::scene::Scene;

coverage::scenarios![
    setting_fields,
    deleting_fields,
    giving_and_taking_deadlines,
    whole_hashes,
    fields_that_have_expired_on_the_way,
    upkeep,
];

fn empty() -> Scene {
    Scene::after(&[])
}

/// A hash `h` with as many fields `f0`, `f1` …, of which two have a deadline if it is `timed`, and others beside it.
fn world(fields: usize, timed: bool) -> Scene {
    let mut session = empty();
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
fn shrinking(timed: bool) -> Scene {
    let mut session = world(140, timed);
    for nth in 65..140 {
        session.run(&format!("HDEL h f{nth}"));
    }
    session
}

fn every_world(timed: bool) -> Vec<Scene> {
    vec![world(3, timed), world(128, timed), world(300, timed), shrinking(timed)]
}

fn cut_off_each(requests: &[&str]) {
    for timed in [false, true] {
        for mut world in every_world(timed) {
            world.cut_off_each(requests);
        }
    }
}

fn setting_fields() {
    let long = "x".repeat(400);
    cut_off_each(&[
        "HSET h new v",
        "HSET h f1 other",
        "HSET h f0 other new v f2 another",
        &format!("HSET h f1 {long}"),
        &format!("HSET h {long} {long}"),
        "HMSET h new v f1 other",
        "HSETNX h new v",
        "HINCRBY h f0 5",
        "HINCRBYFLOAT h f0 0.5",
        "HSETEX h PX 50 FIELDS 2 f1 v new v",
        "HSETEX h KEEPTTL FIELDS 2 f1 v new v",
    ]);
    empty().cut_off(&line("HSET h a 1"));
    empty().cut_off(&line("HSETEX h PX 50 FIELDS 1 a 1"));
}

fn deleting_fields() {
    cut_off_each(&["HDEL h f1", "HDEL h f0 f1 f2", "HGETDEL h FIELDS 1 f2", "HPEXPIRE h 0 FIELDS 2 f1 f0"]);
    let mut long = world(3, true);
    long.run(&format!("HSETEX h PX 10 FIELDS 1 long {}", "x".repeat(400)));
    long.cut_off(&line("HDEL h long"));
}

fn giving_and_taking_deadlines() {
    cut_off_each(&[
        "HPEXPIRE h 50 FIELDS 2 f0 f1",
        "HPEXPIRE h 150 FIELDS 1 f1",
        "HEXPIRE h 50 FIELDS 2 f0 f1",
        "HEXPIREAT h 2000 FIELDS 1 f0",
        "HPEXPIREAT h 1000150 FIELDS 2 f1 f2",
        "HGETEX h PX 50 FIELDS 1 f0",
        "PEXPIRE h 1000",
    ]);
    for mut world in every_world(true) {
        world.cut_off(&line("HPERSIST h FIELDS 1 f1"));
        world.cut_off(&line("HPERSIST h FIELDS 2 f1 f2"));
        world.cut_off(&line("HGETEX h PERSIST FIELDS 2 f1 f2"));
    }
}

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

fn fields_that_have_expired_on_the_way() {
    for (mut world, late_ms) in every_world(true).into_iter().flat_map(|world| [(world, 100)]) {
        world.0.advance(late_ms);
        for request in ["HLEN h", "HSET h f1 v", "HPEXPIRE h 10 FIELDS 1 f0", "DEL h", "COPY h g"] {
            world.cut_off(&line(request));
        }
        world.0.advance(100);
        world.cut_off(&line("HGETALL h"));
    }
    let mut over = empty();
    over.run("HSETEX h PX 10 FIELDS 2 a 1 b 2");
    over.0.advance(10);
    over.cut_off(&line("HGET h a"));
    over.cut_off(&line("HSET h a 1"));
}

fn upkeep() {
    for (fields, deadline_ms) in [(3, 100), (300, 200), (300, 500)] {
        let mut world = world(fields, true);
        let timed: Vec<String> = (5..fields).step_by(2).map(|nth| format!("f{nth}")).collect();
        if !timed.is_empty() {
            world.run(&format!("HPEXPIRE h 150 FIELDS {} {}", timed.len(), timed.join(" ")));
        }
        world.0.advance(deadline_ms);
        world.cut_off_upkeep(|session: &mut Session| {
            let now_ms = session.now_ms();
            while session.shards()[0].expire_due(now_ms, 20) {}
        });
    }
    let mut sparse = empty();
    for nth in 0..1500 {
        sparse.run(&format!("HSET key{nth} a 1 b {}", "x".repeat(90)));
        sparse.run(&format!("HPEXPIRE key{nth} {} FIELDS 1 a", 100 + nth));
    }
    for nth in (0..1500).filter(|nth| nth % 8 != 0) {
        sparse.run(&format!("DEL key{nth}"));
    }
    sparse.cut_off_upkeep(|session: &mut Session| {
        let mut state = Compaction::default();
        while session.shards()[0].compact(&mut state, 100) {}
    });
    let mut dropped = world(300, true);
    dropped.run("DEL h");
    dropped.cut_off_upkeep(|session: &mut Session| while session.shards()[0].reclaim(3) {});
}
