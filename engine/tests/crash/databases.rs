//! Commands on whole databases.

use crate::common::{of_len, word};
use crate::coverage;
use crate::world::World;

coverage::scenarios![the_first_key, emptying, swapping,];

/// Two databases with keys of every form, and two without.
fn world() -> World {
    let mut world = World::after("");
    for db in [0, 1] {
        world.request(&[word("SELECT"), word(db)]);
        for number in 0..40 {
            let key = word(format!("key:{number}"));
            let deadline = if number % 3 == 0 { vec![word("PX"), word(100 + number)] } else { Vec::new() };
            let len = if number % 10 == 7 { 20_000 } else { 10 };
            world.request(&[vec![word("SET"), key, of_len(len, db as u8)], deadline].concat());
        }
    }
    world.request(&[word("SELECT"), word(0)]);
    world
}

fn the_first_key() {
    for request in ["SET k v", "SET k v PX 10", "MSET a 1 b 2", "APPEND k v", "INCRBY k 1"] {
        World::after("").cut_off(request);
        let mut world = World::after("SET k v");
        world.request(&[word("SELECT"), word(3)]);
        world.cut_off(request);
    }
    World::after("SET k v PX 10").cut_off("MOVE k 3");
    World::after("SET k v PX 10").cut_off("COPY k k DB 2");
}

fn emptying() {
    let mut small = World::after("SET a 1\nSET b 2 PX 50");
    ["FLUSHDB", "FLUSHALL", "SWAPDB 0 1"].into_iter().for_each(|request| small.cut_off(request));
    world().cut_off("FLUSHDB");
    world().cut_off("FLUSHALL");
    // What was dropped before waits still.
    let mut world = world();
    world.request(&[word("FLUSHDB")]);
    world.request(&[word("SET"), word("k"), of_len(20_000, 1)]);
    world.cut_off("FLUSHALL");
}

fn swapping() {
    for request in ["SWAPDB 0 1", "SWAPDB 1 3", "SWAPDB 2 0"] {
        world().cut_off(request);
    }
}
