//! Commands on keys, and upkeep, with values of every type.

use engine::keyspace::compact::Compaction;
use engine::testing::{Session, words_of};
use engine::types::collection::Encodings;

use crate::common::{Bytes, line, word};
use crate::coverage;
use crate::scene::Scene;
use crate::world::is_full;

coverage::scenarios![deadlines, whole_values, restoring, databases, reloading, reclaiming, compacting,];

const SMALL: usize = 6;
const LARGE: usize = 300;

/// Requests that make of a key of each type a value of about so many elements, some of which lie apart if it is large.
fn values(key: &str, count: usize) -> [Vec<String>; 6] {
    let each = |make: &dyn Fn(usize) -> String| (0..count).map(make).collect::<Vec<_>>().join(" ");
    let long = "l".repeat(if count == LARGE { 20_000 } else { 10 });
    let ids = 1..=count;
    [
        vec![format!("SET {key} {}", "text".repeat(count * count / 5))],
        vec![format!("RPUSH {key} {long} {}", each(&|nth| format!("element:{nth}")))],
        vec![format!("SADD {key} {long} {}", each(&|nth| format!("member:{nth}")))],
        vec![format!("ZADD {key} 7 {long} {}", each(&|nth| format!("{} member:{nth}", nth % 17)))],
        vec![
            format!("HSET {key} long {long} {}", each(&|nth| format!("field:{nth} value:{nth}"))),
            format!("HPEXPIRE {key} 100 FIELDS 2 field:1 field:3"),
        ],
        [
            ids.map(|id| format!("XADD {key} {id}-1 field {id} {long} {id}")).collect(),
            vec![
                format!("XGROUP CREATE {key} group 0"),
                format!("XREADGROUP GROUP group ann COUNT {} STREAMS {key} >", count / 2),
            ],
        ]
        .concat(),
    ]
}

/// A scene for each type and size, with a value `k`, a list `to` and another key.
fn scenes() -> Vec<Scene> {
    let mut scenes = Vec::new();
    for setup in [SMALL, LARGE].into_iter().flat_map(|count| values("k", count)) {
        let mut scene = Scene::after(&[line("RPUSH to some more"), line("SET beside it PX 9000")]);
        setup.iter().for_each(|request| scene.run(request));
        scenes.push(scene);
    }
    scenes
}

/// Cuts off requests in a scene, the nth of several; by default a third of them, in each scene others.
fn cut_off_some(nth: usize, scene: &mut Scene, requests: &[Vec<Bytes>]) {
    for (at, request) in requests.iter().enumerate() {
        if is_full() || (nth + at).is_multiple_of(3) {
            scene.cut_off(request);
        }
    }
}

fn lines(requests: &[&str]) -> Vec<Vec<Bytes>> {
    requests.iter().copied().map(line).collect()
}

fn deadlines() {
    let without = lines(&["EXPIRE k 100", "PEXPIREAT k 1500000", "EXPIREAT k 1500", "PEXPIRE k 0"]);
    let with = lines(&["PERSIST k", "EXPIRE k 100", "PEXPIREAT k 1", "RENAME k to"]);
    for (nth, mut scene) in scenes().into_iter().enumerate() {
        cut_off_some(nth, &mut scene, &without);
        // Within a second: the access clock is stored outside transactions.
        scene.run("PEXPIRE k 500");
        cut_off_some(nth, &mut scene, &with);
        scene.0.advance(500);
        cut_off_some(nth, &mut scene, &lines(&["EXISTS k", "RENAME beside k"]));
    }
}

fn whole_values() {
    let requests = lines(&[
        "DEL k",
        "UNLINK k to",
        "SET k over",
        "RENAME k to",
        "RENAME to k",
        "RENAMENX k new",
        "COPY k new",
        "COPY k to REPLACE",
        "COPY k k DB 1",
        "MOVE k 1",
    ]);
    for (nth, mut scene) in scenes().into_iter().enumerate() {
        cut_off_some(nth, &mut scene, &requests);
    }
}

fn restoring() {
    for (nth, mut scene) in scenes().into_iter().enumerate() {
        let mut dump =
            |key: &str| words_of(&scene.0.run(&format!("DUMP {key}"))).expect("one string").concat();
        let (dump, beside) = (dump("k"), dump("beside"));
        let restore = |name: &str, key: &str, ttl_ms: u64, dump: &Bytes| {
            vec![word(name), word(key), word(ttl_ms), dump.clone(), word("REPLACE")]
        };
        let requests = [
            restore("RESTORE", "new", 0, &dump),
            restore("RESTORE-ASKING", "to", 7_000, &dump),
            restore("RESTORE", "k", 0, &beside),
            restore("RESTORE", "to", 7_000, &dump),
        ];
        cut_off_some(nth, &mut scene, &requests);
    }
}

fn databases() {
    for (nth, mut scene) in scenes().into_iter().enumerate() {
        cut_off_some(nth, &mut scene, &lines(&["FLUSHDB", "FLUSHALL", "SWAPDB 0 1"]));
    }
}

fn reloading() {
    for mut scene in scenes() {
        scene.cut_off_upkeep(|session| {
            let now_ms = session.now_ms();
            assert_eq!(session.shards()[0].reload(&Encodings::default(), now_ms), Ok(3));
        });
    }
}

fn reclaiming() {
    for mut scene in scenes() {
        scene.run("FLUSHDB");
        scene.cut_off_upkeep(|session| while session.shards()[0].reclaim(20) {});
    }
}

fn compacting() {
    for (count, copies) in [(SMALL, 1_500), (LARGE, 24)] {
        for setup in values("k", count) {
            let mut scene = Scene::after(&[]);
            setup.iter().for_each(|request| scene.run(request));
            (0..copies).for_each(|nth| scene.run(&format!("COPY k copy:{nth}")));
            let gone = (0..copies).filter(|nth| nth % 8 != 0);
            gone.for_each(|nth| scene.run(&format!("DEL copy:{nth}")));
            while scene.0.shards()[0].reclaim(1_000) {}
            scene.cut_off_upkeep(|session: &mut Session| {
                let mut state = Compaction::default();
                while session.shards()[0].compact(&mut state, 100) {}
            });
        }
    }
}
