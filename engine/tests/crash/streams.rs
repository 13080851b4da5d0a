//! Commands on streams: before or after, with all that groups know.

use crate::common::{of_len, word};
use crate::coverage;
use crate::scene::Scene;

coverage::scenarios![adding, deleting, reading_in_groups, groups, long_entries,];

/// A stream `s` of so many entries, half of which group `g` has delivered to two consumers, and a group with a long name.
fn streams(len: usize) -> Scene {
    let mut scene = Scene::after(&[]);
    let long = "n".repeat(300);
    scene.run(&format!("XGROUP CREATE s {long} 0 MKSTREAM"));
    scene.run("XGROUP CREATE s g 0");
    for nth in 1..=len {
        scene.run(&format!("XADD s {nth}-1 temperature {nth} place here"));
    }
    scene.run(&format!("XREADGROUP GROUP g ann COUNT {} STREAMS s >", len / 4));
    scene.run(&format!("XREADGROUP GROUP g {long} COUNT {} STREAMS s >", len / 4));
    scene.run(&format!("XREADGROUP GROUP {long} ann COUNT {} STREAMS s >", len / 4));
    scene
}

fn cut_off_all(len: usize, requests: &[&str]) {
    streams(len).cut_off_each(requests);
}

/// One block, a few nodes, many.
const LENGTHS: [usize; 3] = [8, 200, 1_500];

fn adding() {
    for len in LENGTHS {
        cut_off_all(
            len,
            &[
                "XADD s 9000-0 temperature 1 place there",
                "XADD s 9000-0 a b",
                "XADD s MAXLEN 3 9000-0 a b",
                "XSETID s 9000-0",
            ],
        );
        for value in [100, 600, 40_000] {
            let request = [word("XADD"), word("s"), word("9000-0"), word("field"), of_len(value, b'v')];
            streams(len).cut_off(&request);
        }
    }
    cut_off_all(
        8,
        &["XADD new 1-1 a b", "XGROUP CREATE new g $ MKSTREAM", "XSETID s 9000-0 MAXDELETEDID 8000-0"],
    );
}

fn deleting() {
    for len in LENGTHS {
        let half = len / 2;
        let requests =
            [&format!("XDEL s 1-1 {half}-1 {len}-1"), "XTRIM s MAXLEN 3", "XTRIM s MINID 5 DELREF", "DEL s"];
        cut_off_all(len, &requests.map(|request| request as &str));
        cut_off_all(len, &[&format!("XDELEX s DELREF IDS 2 1-1 {half}-1")]);
    }
}

fn reading_in_groups() {
    for len in LENGTHS {
        cut_off_all(
            len,
            &[
                "XREADGROUP GROUP g ann COUNT 3 STREAMS s >",
                "XREADGROUP GROUP g new STREAMS s >",
                "XREADGROUP GROUP g ann NOACK STREAMS s >",
                "XREADGROUP GROUP g ann COUNT 5 STREAMS s 0",
                "XACK s g 1-1 2-1",
                "XACKDEL s g DELREF IDS 2 1-1 2-1",
                "XCLAIM s g new 0 1-1 2-1",
                "XAUTOCLAIM s g ann 0 0 COUNT 1000",
            ],
        );
    }
}

fn groups() {
    for len in LENGTHS {
        cut_off_all(
            len,
            &[
                "XGROUP CREATE s another $",
                "XGROUP SETID s g 0",
                "XGROUP CREATECONSUMER s g new",
                "XGROUP DELCONSUMER s g ann",
                "XGROUP DESTROY s g",
                "COPY s t",
            ],
        );
    }
}

fn long_entries() {
    let mut streams = streams(8);
    for nth in 0..4 {
        let id = format!("{}-0", 9_000 + nth);
        streams.run(&format!("XADD s {id} field {}", "v".repeat(90_000)));
    }
    streams.cut_off_each(&["XDEL s 9001-0", "XTRIM s MAXLEN 2", "DEL s", "RENAME s t"]);
}
