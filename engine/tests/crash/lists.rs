//! Commands on lists.

use crate::common::{Bytes, line, word};
use crate::coverage;
use crate::scene::{cut_off, cut_off_together};
use crate::together::keys;

coverage::scenarios![
    elements_come_and_go_at_the_ends,
    ends_change_their_form,
    elements_change_in_the_middle,
    elements_move_between_lists,
    elements_change_shards,
];

/// The element of a number. Some lie apart, in one block or in many.
fn element(number: usize) -> Bytes {
    let len = match number {
        33 | 513 => 40_000,
        _ if number % 40 == 17 => 300 + number,
        _ => return word(format!("element:{number}")),
    };
    (0..len).map(|at| b'a' + ((at + number) % 26) as u8).collect()
}

fn list(key: &str, len: usize) -> Vec<Bytes> {
    [vec![word("RPUSH"), word(key)], (0..len).map(element).collect()].concat()
}

/// A list of so many elements, another that is short, and a string.
fn lists(len: usize) -> Vec<Vec<Bytes>> {
    vec![list("l", len), list("short", 2), line("SET text value")]
}

const SMALL: usize = 6;
const FULL_BLOCK: usize = 128;
const LARGE: usize = 400;

fn request(name: &str, key: &str, rest: &[Bytes]) -> Vec<Bytes> {
    [&[word(name), word(key)], rest].concat()
}

fn elements_come_and_go_at_the_ends() {
    for number in [1, 17, 33] {
        let first = request("LPUSH", "l", &[element(number)]);
        cut_off(&[], &first);
        cut_off(&[first], &line("RPOP l"));
    }
    for len in [SMALL, FULL_BLOCK, LARGE] {
        for name in ["LPUSH", "RPUSH", "LPUSHX", "RPUSHX"] {
            cut_off(&lists(len), &request(name, "l", &[element(1)]));
            let many: Vec<Bytes> = (10..60).map(element).collect();
            cut_off(&lists(len), &request(name, "l", &many));
        }
        for name in ["LPOP", "RPOP"] {
            cut_off(&lists(len), &line(&format!("{name} l")));
            for count in [len / 2, len] {
                cut_off(&lists(len), &line(&format!("{name} l {count}")));
            }
        }
        cut_off(&lists(len), &line("LMPOP 2 none l RIGHT COUNT 3"));
        for request in ["BLPOP none l 0", "BRPOP l 0", "BLMPOP 0 2 none l LEFT COUNT 3"] {
            cut_off(&lists(len), &line(request));
        }
    }
}

/// Requests that bring the ends of a list near where they change their form, and one more that does.
fn ends_change_their_form() {
    let long = |number: usize| word(format!("{number:0100}"));
    let push = |name: &str, count: usize| -> Vec<Bytes> {
        [vec![word(name), word("l")], (0..count).map(long).collect()].concat()
    };
    let pops = |name: &str, count: usize| vec![line(&format!("{name} l")); count];
    for (one, other, pop, pop_other) in
        [("LPUSH", "RPUSH", "LPOP", "RPOP"), ("RPUSH", "LPUSH", "RPOP", "LPOP")]
    {
        for count in [0, 90] {
            // A stack becomes a node: the first, or one more.
            let setup =
                [push(other, count), push(one, 9)].map(|words| Some(words).filter(|words| words.len() > 2));
            let setup: Vec<Vec<Bytes>> = setup.into_iter().flatten().collect();
            for more in [1, 3] {
                cut_off(&setup, &push(one, more));
            }
        }
        for count in [12, 90] {
            // A node becomes a stack, or half of the other stack does.
            let setup = |popped: usize| [vec![push(one, count)], pops(pop, popped)].concat();
            for popped in [0, count % 9, count % 9 + 1] {
                cut_off(&setup(popped), &line(&format!("{pop} l")));
                cut_off(&setup(popped), &line(&format!("{pop_other} l")));
            }
            cut_off(&[setup(1), pops(pop_other, 2)].concat(), &line("LMOVE l l LEFT RIGHT"));
            cut_off(&[setup(1), pops(pop_other, 2)].concat(), &line("LTRIM l 3 -4"));
            cut_off(&[setup(1), pops(pop_other, 2)].concat(), &line("LSET l 1 other"));
            cut_off(&[setup(1), pops(pop_other, 2)].concat(), &line("DEL l"));
        }
    }
}

fn elements_change_in_the_middle() {
    for len in [SMALL, FULL_BLOCK, LARGE] {
        let middle = len / 2;
        for number in [1, 17, 33] {
            let index = word(middle.to_string());
            cut_off(&lists(len), &request("LSET", "l", &[index, element(500 + number)]));
            let pivot = [word("AFTER"), element(middle), element(500 + number)];
            cut_off(&lists(len), &request("LINSERT", "l", &pivot));
        }
        for number in [1, 33].into_iter().filter(|number| *number < len) {
            cut_off(&lists(len), &request("LREM", "l", &[word("0"), element(number)]));
        }
        for (start, stop) in [(1, -1), (0, -2), (len as i64 / 3, -3), (1, 0)] {
            cut_off(&lists(len), &line(&format!("LTRIM l {start} {stop}")));
        }
    }
}

fn elements_move_between_lists() {
    for len in [1, SMALL, FULL_BLOCK, LARGE] {
        cut_off(&lists(len), &line("LMOVE l to LEFT LEFT"));
        cut_off(&lists(len), &line("LMOVE l short RIGHT RIGHT"));
        cut_off(&lists(len), &line("BLMOVE l to RIGHT LEFT 0"));
        cut_off(&lists(len), &line("BRPOPLPUSH l short 0"));
        if len > 1 {
            cut_off(&lists(len), &line("RPOPLPUSH l l"));
        }
        cut_off(&lists(len), &line("RENAME l to"));
        cut_off(&lists(len), &line("COPY l text REPLACE"));
        cut_off(&lists(len), &line("DEL l"));
        cut_off(&lists(len), &line("SET l over"));
    }
}

fn elements_change_shards() {
    let [a, b, c, d] = keys();
    for len in [1, SMALL, FULL_BLOCK + 1] {
        let push = |key: &Bytes| [vec![word("RPUSH"), key.clone()], (0..len).map(element).collect()].concat();
        let setup = [push(&a), push(&b), push(&c), push(&d)];
        for request in [
            vec![word("LMOVE"), a.clone(), b.clone(), word("LEFT"), word("RIGHT")],
            vec![word("RENAME"), a.clone(), b.clone()],
        ] {
            cut_off_together(&setup, &request);
        }
    }
}
