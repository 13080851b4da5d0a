//! Commands on strings.

use crate::common::{Bytes, line, of_len, word};
use crate::coverage;
use crate::scene::Scene;
use crate::world::World;

coverage::scenarios![
    setting_a_new_key,
    setting_over_another_length,
    setting_over_what_has_expired,
    appending_and_writing_in_part,
    setting_by_other_names,
    counting,
    counting_otherwise,
    taking,
];

/// Lengths around every change of form: other block classes, in place or not, beside the entry.
const LENGTHS: [usize; 7] = [0, 1, 5, 100, 700, 16_250, 90_000];

fn request(name: &str, key: &Bytes, rest: &[Bytes]) -> Vec<Bytes> {
    [&[word(name), key.clone()], rest].concat()
}

fn long_key() -> Bytes {
    of_len(6_000, b'k')
}

/// A world that holds a string of this length, with a deadline or not, beside another key.
fn with_string(key: &Bytes, len: usize, timed: bool) -> World {
    let mut world = World::after("SET other value");
    let deadline = if timed { vec![word("PX"), word(5_000)] } else { Vec::new() };
    world.request(&request("SET", key, &[vec![of_len(len, b'a')], deadline].concat()));
    world
}

fn setting_a_new_key() {
    for key in [word("k"), long_key()] {
        for len in LENGTHS {
            let value = of_len(len, b'x');
            World::after("SET other value").cut_off_words(&request(
                "SET",
                &key,
                std::slice::from_ref(&value),
            ));
            let timed = [value, word("PX"), word(100)];
            World::after("SET other value").cut_off_words(&request("SET", &key, &timed));
        }
    }
}

fn setting_over_another_length() {
    let key = word("k");
    for (old, new) in [(5, 5), (5, 6), (5, 40), (700, 700), (700, 5), (16_250, 90_000), (90_000, 3)] {
        for timed in [false, true] {
            let value = of_len(new, b'x');
            for options in ["", "KEEPTTL", "PX 5000", "PX 7000", "XX GET"] {
                let rest = [vec![value.clone()], line(options)].concat();
                with_string(&key, old, timed).cut_off_words(&request("SET", &key, &rest));
            }
        }
    }
    let rest = [of_len(90_000, b'x')];
    with_string(&long_key(), 5, true).cut_off_words(&request("SET", &long_key(), &rest));
}

fn setting_over_what_has_expired() {
    let mut world = World::after("SET k v PX 10\nSET other v PX 10").wait(10);
    world.cut_off("SET k w");
    world.cut_off("SET k w PX 5");
    world.cut_off("APPEND k tail");
}

fn appending_and_writing_in_part() {
    let key = word("k");
    for len in LENGTHS {
        for more in [1, 30, 300, 70_000] {
            let tail = of_len(more, b'x');
            with_string(&key, len, more == 30).cut_off_words(&request("APPEND", &key, &[tail]));
        }
        for (offset, more) in [(0, 1), (len / 2, 200), (len, 5), (len + 1_000, 5), (len + 40_000, 5)] {
            let rest = [word(offset), of_len(more, b'x')];
            with_string(&key, len, more == 1).cut_off_words(&request("SETRANGE", &key, &rest));
        }
    }
    World::after("").cut_off("APPEND new tail");
    World::after("").cut_off("SETRANGE new 20000 tail");
}

fn counting() {
    World::after("").cut_off("INCRBY k 1");
    for start in ["9", "99999999999999", "-1", "41", "123456"] {
        World::after(&format!("SET k {start}")).cut_off("INCRBY k 1");
        World::after(&format!("SET k {start} PX 50")).cut_off("INCRBY k 100000");
    }
}

fn setting_by_other_names() {
    for (old, new) in [(5, 8), (50_000, 8), (8, 50_000)] {
        let (old, new) = ("o".repeat(old), "n".repeat(new));
        let mut scene = Scene::after(&[line(&format!("SET k {old} PX 5000"))]);
        scene.cut_off_each(&[
            &format!("SETEX k 10 {new}"),
            &format!("SETEX other 10 {new}"),
            &format!("PSETEX k 10 {new}"),
            &format!("GETSET k {new}"),
            &format!("SETNX other {new}"),
            &format!("MSETNX other {new} third {new}"),
            "DELEX k",
            &format!("DELEX k IFEQ {old}"),
        ]);
    }
}

fn counting_otherwise() {
    for start in ["9", "99999999999999", "-1", "123456"] {
        for deadline in ["", "PX 50"] {
            let mut scene = Scene::after(&[line(&format!("SET k {start} {deadline}"))]);
            scene.cut_off_each(&["INCR k", "DECR k", "DECRBY k 100000", "INCRBYFLOAT k 0.125", "INCR new"]);
        }
    }
}

fn taking() {
    for (key, len) in [(word("k"), 5), (word("k"), 90_000), (long_key(), 5), (long_key(), 90_000)] {
        for timed in [false, true] {
            with_string(&key, len, timed).cut_off_words(&request("GETDEL", &key, &[]));
            let later = [word("PX"), word(9_000)];
            with_string(&key, len, timed).cut_off_words(&request("GETEX", &key, &later));
        }
        with_string(&key, len, true).cut_off_words(&request("GETEX", &key, &[word("PERSIST")]));
        with_string(&key, len, true).cut_off_words(&request("DELIFEQ", &key, &[of_len(len, b'a')]));
    }
}
