//! Commands on lists.

use crate::collections::{cut_off, cut_off_together};
use crate::common::{Bytes, line, word};
use crate::together::keys;

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

fn names() -> Vec<Bytes> {
    ["l", "short", "to", "text"].map(word).to_vec()
}

fn request(name: &str, key: &str, rest: &[Bytes]) -> Vec<Bytes> {
    [&[word(name), word(key)], rest].concat()
}

#[test]
fn elements_come_and_go_at_the_ends() {
    for number in [1, 17, 33] {
        let first = request("LPUSH", "l", &[element(number)]);
        cut_off(&[], &first, &names());
        cut_off(&[first], &line("RPOP l"), &names());
    }
    for len in [SMALL, FULL_BLOCK, LARGE] {
        for name in ["LPUSH", "RPUSH", "LPUSHX"] {
            cut_off(&lists(len), &request(name, "l", &[element(1)]), &names());
            let many: Vec<Bytes> = (10..60).map(element).collect();
            cut_off(&lists(len), &request(name, "l", &many), &names());
        }
        for name in ["LPOP", "RPOP"] {
            cut_off(&lists(len), &line(&format!("{name} l")), &names());
            for count in [len / 2, len] {
                cut_off(&lists(len), &line(&format!("{name} l {count}")), &names());
            }
        }
        cut_off(&lists(len), &line("LMPOP 2 none l RIGHT COUNT 3"), &names());
        cut_off(&lists(len), &line("BLPOP none l 0"), &names());
    }
}

/// Requests that bring the ends of a list near where they change their form, and one more that does.
#[test]
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
                cut_off(&setup, &push(one, more), &names());
            }
        }
        for count in [12, 90] {
            // A node becomes a stack, or half of the other stack does.
            let setup = |popped: usize| [vec![push(one, count)], pops(pop, popped)].concat();
            for popped in [0, count % 9, count % 9 + 1] {
                cut_off(&setup(popped), &line(&format!("{pop} l")), &names());
                cut_off(&setup(popped), &line(&format!("{pop_other} l")), &names());
            }
            cut_off(&[setup(1), pops(pop_other, 2)].concat(), &line("LMOVE l l LEFT RIGHT"), &names());
            cut_off(&[setup(1), pops(pop_other, 2)].concat(), &line("LTRIM l 3 -4"), &names());
            cut_off(&[setup(1), pops(pop_other, 2)].concat(), &line("LSET l 1 other"), &names());
            cut_off(&[setup(1), pops(pop_other, 2)].concat(), &line("DEL l"), &names());
        }
    }
}

#[test]
fn elements_change_in_the_middle() {
    for len in [SMALL, FULL_BLOCK, LARGE] {
        let middle = len / 2;
        for number in [1, 17, 33] {
            let index = word(middle.to_string());
            cut_off(&lists(len), &request("LSET", "l", &[index, element(500 + number)]), &names());
            let pivot = [word("AFTER"), element(middle), element(500 + number)];
            cut_off(&lists(len), &request("LINSERT", "l", &pivot), &names());
        }
        for number in [1, 33].into_iter().filter(|number| *number < len) {
            cut_off(&lists(len), &request("LREM", "l", &[word("0"), element(number)]), &names());
        }
        for (start, stop) in [(1, -1), (0, -2), (len as i64 / 3, -3), (1, 0)] {
            cut_off(&lists(len), &line(&format!("LTRIM l {start} {stop}")), &names());
        }
    }
}

#[test]
fn elements_move_between_lists() {
    for len in [1, SMALL, FULL_BLOCK, LARGE] {
        cut_off(&lists(len), &line("LMOVE l to LEFT LEFT"), &names());
        cut_off(&lists(len), &line("LMOVE l short RIGHT RIGHT"), &names());
        if len > 1 {
            cut_off(&lists(len), &line("RPOPLPUSH l l"), &names());
        }
        cut_off(&lists(len), &line("RENAME l to"), &names());
        cut_off(&lists(len), &line("COPY l text REPLACE"), &names());
        cut_off(&lists(len), &line("DEL l"), &names());
        cut_off(&lists(len), &line("SET l over"), &names());
    }
}

#[test]
fn elements_change_shards() {
    let [a, b, c, d] = keys();
    let names = [a.clone(), b.clone(), c.clone(), d.clone()];
    for len in [1, SMALL, FULL_BLOCK + 1] {
        let push = |key: &Bytes| [vec![word("RPUSH"), key.clone()], (0..len).map(element).collect()].concat();
        let setup = [push(&a), push(&b), push(&c), push(&d)];
        for request in [
            vec![word("LMOVE"), a.clone(), b.clone(), word("LEFT"), word("RIGHT")],
            vec![word("RENAME"), a.clone(), b.clone()],
        ] {
            cut_off_together(&setup, &request, &names);
        }
    }
}
