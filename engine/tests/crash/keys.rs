//! Commands on keys of any type.

use engine::codec;

use crate::common::{of_len, word};
use crate::coverage;
use crate::world::World;

coverage::scenarios![deleting, giving_deadlines, renaming, copying, moving, restoring,];

/// Keys `short`, `long` (a value apart), `timed`, `timedlong`, a key apart, and one due in 10 ms.
fn world() -> World {
    let mut world = World::after("SET short v\nSET timed v PX 5000\nSET due v PX 10");
    for (key, more) in [(word("long"), vec![]), (word("timedlong"), vec![word("PX"), word(5_000)])] {
        world.request(&[vec![word("SET"), key, of_len(50_000, b'a')], more].concat());
    }
    world.request(&[word("SET"), of_len(6_000, b'k'), of_len(50_000, b'a'), word("PX"), word(9_000)]);
    world
}

fn cut_off_each(requests: &[&str]) {
    for request in requests {
        world().cut_off(request);
        let long = String::from_utf8(of_len(6_000, b'k').iter().map(|byte| byte % 26 + b'a').collect());
        let long = long.expect("letters");
        if request.contains("LONGKEY") {
            let mut world = world();
            world.request(&[word("SET"), word(&long), of_len(40_000, b'a')]);
            world.cut_off(&request.replace("LONGKEY", &long));
        }
    }
}

fn deleting() {
    cut_off_each(&[
        "DEL short",
        "UNLINK short",
        "UNLINK long",
        "DEL timed",
        "DEL timedlong",
        "DEL short long timed timedlong none",
    ]);
    let mut world = world();
    world.cut_off_words(&[word("DEL"), of_len(6_000, b'k')]);
    let mut world = World::after("SET only v PX 10");
    world.cut_off("DEL only");
}

fn giving_deadlines() {
    for key in ["short", "long", "timed", "timedlong"] {
        for request in ["PEXPIRE KEY 7000", "PEXPIRE KEY 0", "PEXPIRE KEY -5", "EXPIREAT KEY 9000"] {
            world().cut_off(&request.replace("KEY", key));
        }
    }
    for key in ["timed", "timedlong"] {
        world().cut_off(&format!("PERSIST {key}"));
    }
    world().cut_off_words(&[word("PERSIST"), of_len(6_000, b'k')]);
    // One that has expired is deleted on the way.
    let mut late = world().wait(10);
    for request in ["PEXPIRE due 50", "PERSIST due", "EXISTS due", "GET due"] {
        late.cut_off(request);
    }
}

fn renaming() {
    for from in ["short", "long", "timed", "timedlong"] {
        for to in ["new", "short", "long", "timed", "timedlong"] {
            if from != to {
                world().cut_off(&format!("RENAME {from} {to}"));
            }
        }
        world().cut_off(&format!("RENAMENX {from} new"));
        let mut late = world().wait(10);
        late.cut_off(&format!("RENAME {from} due"));
        late.cut_off(&format!("RENAMENX {from} due"));
    }
    world().cut_off_words(&[word("RENAME"), of_len(6_000, b'k'), of_len(7_000, b'n')]);
}

fn copying() {
    for from in ["short", "long", "timed", "timedlong"] {
        for rest in ["new", "new DB 1", "short DB 2 REPLACE"] {
            world().cut_off(&format!("COPY {from} {rest}"));
        }
        for to in ["short", "timedlong"] {
            if from != to {
                world().cut_off(&format!("COPY {from} {to} REPLACE"));
            }
        }
        let mut late = world().wait(10);
        late.cut_off(&format!("COPY {from} due"));
    }
    world().cut_off_words(&[word("COPY"), of_len(6_000, b'k'), of_len(7_000, b'n')]);
}

fn moving() {
    for key in ["short", "long", "timed", "timedlong"] {
        world().cut_off(&format!("MOVE {key} 1"));
    }
    let mut world = world().wait(10);
    world.request(&[word("SELECT"), word(1)]);
    world.request(&[word("SET"), word("due"), word("v"), word("PX"), word(10)]);
    world.request(&[word("SET"), word("short"), word("w"), word("PX"), word(10)]);
    world.request(&[word("SELECT"), word(0)]);
    let mut world = world.wait(10);
    world.cut_off("MOVE short 1");
}

fn restoring() {
    for len in [5, 50_000] {
        let mut payload = Vec::new();
        codec::write::string(&mut payload, codec::put_plain, &of_len(len, b'r'));
        codec::seal(&mut payload, codec::VERSION);
        for key in ["new", "short", "long", "timed", "timedlong"] {
            for ttl_ms in [0, 7_000] {
                let request = [word("RESTORE"), word(key), word(ttl_ms), payload.clone(), word("REPLACE")];
                world().cut_off_words(&request);
            }
        }
    }
}
