//! Commands on sorted sets, small, large, and where one becomes the other.

use engine::keyspace::compact::Compaction;
use engine::testing::Session;

use crate::coverage;
use crate::scene::Scene;

coverage::scenarios![
    adding_and_changing_scores,
    removing,
    becoming_small,
    storing_results,
    compacting_and_reclaiming,
];

/// Shapes of a sorted set `z`: how many members, and how long they are.
const FEW: (usize, usize) = (5, 6);
const PLAIN: (usize, usize) = (128, 6);
const PLAIN_LONG: (usize, usize) = (40, 200);
const NODES: (usize, usize) = (700, 8);

fn with_members((count, len): (usize, usize)) -> Scene {
    let mut session = Scene::after(&[]);
    for nth in 0..count {
        session.run(&format!("ZADD z {} {:.<len$}", nth * 7 % 31, format!("m{nth}")));
    }
    session
}

fn adding_and_changing_scores() {
    for shape in [FEW, PLAIN, PLAIN_LONG, NODES] {
        let mut session = with_members(shape);
        let member = |nth: usize| format!("{:.<len$}", format!("m{nth}"), len = shape.1);
        let long = "l".repeat(5_000);
        session.cut_off_each(&[
            "ZADD z 3 new",
            "ZADD z 1 new 9 newer 40 newest",
            &format!("ZADD z 7.5 {}", member(1)),
            &format!("ZADD z CH GT 1000 {} -1000 {}", member(2), member(3)),
            &format!("ZINCRBY z 100 {}", member(4)),
            &format!("ZADD z 3 {long}"),
            "GEOADD z 13.361389 38.115556 Palermo",
        ]);
        session.run(&format!("ZADD z 3 {long}"));
        session.cut_off_each(&[&format!("ZADD z 17 {long}"), &format!("ZREM z {long}")]);
    }
    Scene::after(&[]).cut_off_each(&["ZADD z 1 a", "ZADD z 1 a 2 b 3 c", "ZINCRBY z 1 a"]);
}

fn removing() {
    for shape in [FEW, PLAIN, PLAIN_LONG, NODES] {
        let mut session = with_members(shape);
        let member = |nth: usize| format!("{:.<len$}", format!("m{nth}"), len = shape.1);
        session.cut_off_each(&[
            &format!("ZREM z {} {}", member(0), member(2)),
            "ZREMRANGEBYRANK z 1 2",
            "ZREMRANGEBYRANK z 1 -2",
            "ZREMRANGEBYSCORE z -inf 20",
            "ZREMRANGEBYSCORE z 2 7",
            "ZREMRANGEBYSCORE z -inf +inf",
            "ZREMRANGEBYLEX z - +",
            "ZPOPMIN z",
            "BZPOPMIN nothing z 0",
            "BZPOPMAX z 0",
            "BZMPOP 0 2 nothing z MAX COUNT 3",
            "ZPOPMAX z 3",
            "ZMPOP 2 nothing z MIN COUNT 1000",
            "DEL z",
        ]);
    }
}

/// One by one down to where the nodes become a plain block again.
fn becoming_small() {
    let mut session = with_members((160, 6));
    for nth in 0..90 {
        session.run(&format!("ZREM z {:.<6}", format!("m{nth}")));
    }
    for nth in 90..100 {
        let request = format!("ZREM z {:.<6}", format!("m{nth}"));
        session.cut_off_each(&[&request]);
        session.run(&request);
    }
}

fn storing_results() {
    for shape in [FEW, NODES] {
        let mut session = with_members(shape);
        session.run("ZADD other 1 m1.... 2 m2...... 3 m3.... 4 x");
        session.run("ZADD to 1 a 2 b");
        session.run("GEOADD places 15 37 a 15.1 37.1 b 16 38 c");
        session.cut_off_each(&[
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
        ]);
    }
}

fn compacting_and_reclaiming() {
    let mut session = with_members((400, 20));
    session.run(&format!("ZADD z 4 {}", "l".repeat(5_000)));
    for nth in 0..80 {
        session.run(&format!("COPY z copy:{nth}"));
    }
    for nth in (0..80).filter(|nth| nth % 8 != 0) {
        session.run(&format!("DEL copy:{nth}"));
    }
    session.cut_off_upkeep(|session| while session.shards()[0].reclaim(20) {});
    let mut session = session.0;
    while session.shards()[0].reclaim(1_000) {}
    let compact = |session: &mut Session| {
        let mut state = Compaction::default();
        while session.shards()[0].compact(&mut state, 30) {}
    };
    let mut scene = Scene(session);
    scene.cut_off_upkeep(compact);
    compact(&mut scene.0);
    scene.0.verify();
}
