//! What the worker does between commands: expiry, reclaiming, compaction.

use engine::keyspace::compact::Compaction;
use engine::testing::Session;
use engine::types::collection::Encodings;

use crate::common::{of_len, word};
use crate::coverage;
use crate::world::World;

coverage::scenarios![expiring, reclaiming, compacting, reloading,];

/// A world with so many keys of these lengths in database 0 and a few in database 1.
fn world(count: usize, len: usize, timed: bool) -> World {
    let mut world = World::after("");
    for (db, count) in [(1, 5), (0, count)] {
        world.request(&[word("SELECT"), word(db)]);
        for number in 0..count {
            let deadline = if timed { vec![word("PX"), word(10 + number)] } else { Vec::new() };
            let request = [word("SET"), word(format!("key:{number}")), of_len(len, number as u8)];
            world.request(&[request.to_vec(), deadline].concat());
        }
    }
    world
}

fn expire_due(session: &mut Session, limit: usize) -> bool {
    let now_ms = session.now_ms();
    session.shards()[0].expire_due(now_ms, limit)
}

fn expiring() {
    for (count, len) in [(3, 10), (60, 10), (4, 30_000)] {
        let mut world = world(count, len, true).wait(12);
        world.cut_off_upkeep(|session| {
            while expire_due(session, 2) {}
            assert_eq!(session.shards()[0].keys(0), count as u64 - 3);
            assert_eq!(session.shards()[0].keys(1), 2);
        });
    }
}

fn reclaiming() {
    for (count, len, timed) in [(60, 10, true), (3, 100_000, false), (30, 9_000, true)] {
        for request in ["FLUSHDB", "FLUSHALL", "DEL key:0 key:1 key:2"] {
            let mut world = world(count, len, timed);
            world.request(&crate::common::line(request));
            let has_garbage = |session: &mut Session| session.shards()[0].has_garbage();
            let mut has = false;
            let mut world = world.with(|session| has = has_garbage(session));
            assert!(has || len < 65_000 && request.starts_with("DEL"));
            if has {
                world.cut_off_upkeep(|session| while session.shards()[0].reclaim(3) {});
            }
        }
    }
}

fn compacting() {
    for (len, timed) in [(40, true), (200, false), (20_000, true)] {
        let count = if len > 1_000 { 60 } else { 1_500 };
        let mut world = world(count, len, timed);
        for number in (0..count).filter(|number| number % 8 != 0) {
            world.request(&[word("DEL"), word(format!("key:{number}"))]);
        }
        let mut world = world.with(|session| while session.shards()[0].reclaim(1_000) {});
        world.cut_off_upkeep(|session| {
            let mut state = Compaction::default();
            let mut steps = 0;
            while session.shards()[0].compact(&mut state, 100) {
                steps += 1;
            }
            assert!(steps > 3, "pages to gain");
        });
    }
}

fn reloading() {
    for (count, len) in [(30, 20), (3, 40_000)] {
        let mut world = world(count, len, true);
        world.cut_off_upkeep(|session| {
            let now_ms = session.now_ms();
            let reloaded = session.shards()[0].reload(&Encodings::default(), now_ms);
            assert_eq!(reloaded, Ok(count as u64 + 5));
        });
    }
}
