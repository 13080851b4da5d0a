//! Commands on sets, and SORT with STORE.

use crate::common::{Bytes, line, word};
use crate::coverage;
use crate::scene::{cut_off, cut_off_together};
use crate::together::keys;

coverage::scenarios![
    the_first_member_comes_and_the_last_one_goes,
    members_come_and_go,
    random_members_are_popped,
    results_are_stored,
    sorted_elements_are_stored,
    members_change_shards,
];

/// The member of a number. Some lie apart, in one block or in many.
fn member(number: usize) -> Bytes {
    let len = match number {
        33 | 513 => 40_000,
        _ if number % 40 == 17 => 300 + number,
        _ => return word(format!("member:{number}")),
    };
    (0..len).map(|at| b'a' + ((at + number) % 26) as u8).collect()
}

/// Two sets of which one half is common, of so many members each, and keys of other kinds.
fn sets(len: usize) -> Vec<Vec<Bytes>> {
    let set = |key: &str, from: usize| {
        [vec![word("SADD"), word(key)], (from..from + len).map(member).collect()].concat()
    };
    vec![set("s", 0), set("t", len / 2), line("SET text value")]
}

const SMALL: usize = 6;
const FULL_BLOCK: usize = 128;
const LARGE: usize = 400;

fn the_first_member_comes_and_the_last_one_goes() {
    for number in [1, 17, 33] {
        let add = [word("SADD"), word("s"), member(number)].to_vec();
        cut_off(&[], &add);
        cut_off(std::slice::from_ref(&add), &[word("SREM"), word("s"), member(number)]);
        cut_off(&[add], &[word("SMOVE"), word("s"), word("to"), member(number)]);
    }
}

fn members_come_and_go() {
    for (len, numbers) in [(SMALL, &[1][..]), (FULL_BLOCK, &[1, 17, 33]), (LARGE, &[1, 33])] {
        for number in numbers {
            cut_off(&sets(len), &[word("SADD"), word("s"), member(480 + number)]);
            cut_off(&sets(len), &[word("SREM"), word("s"), member(*number)]);
            cut_off(&sets(len), &[word("SMOVE"), word("s"), word("t"), member(*number)]);
        }
        let all = [vec![word("SREM"), word("s")], (0..len).map(member).collect()].concat();
        cut_off(&sets(len), &all);
        let more = [vec![word("SADD"), word("s")], (len / 2..len + 40).map(member).collect()].concat();
        cut_off(&sets(len), &more);
    }
}

fn random_members_are_popped() {
    for len in [1, SMALL, FULL_BLOCK, LARGE] {
        cut_off(&sets(len), &line("SPOP s"));
        for count in [1, len / 20, len / 2, len - 1, len].into_iter().filter(|count| *count > 0) {
            cut_off(&sets(len), &line(&format!("SPOP s {count}")));
        }
    }
}

fn results_are_stored() {
    for len in [SMALL, FULL_BLOCK, LARGE] {
        for name in ["SINTERSTORE", "SUNIONSTORE", "SDIFFSTORE"] {
            for target in ["text", "s"] {
                cut_off(&sets(len), &line(&format!("{name} {target} s t")));
            }
        }
        cut_off(&sets(len), &line("SINTERSTORE s s to"));
        cut_off(&sets(len), &line("SDIFFSTORE text t t"));
    }
}

fn sorted_elements_are_stored() {
    for len in [SMALL, LARGE] {
        for target in ["to", "text", "s"] {
            cut_off(&sets(len), &line(&format!("SORT s ALPHA STORE {target}")));
        }
        cut_off(&sets(len), &line("SORT s ALPHA LIMIT 0 0 STORE t"));
    }
}

fn members_change_shards() {
    let [a, b, c, d] = keys();
    for len in [1, SMALL, FULL_BLOCK + 1] {
        let set = |key: &Bytes, from: usize| {
            [vec![word("SADD"), key.clone()], (from..from + len).map(member).collect()].concat()
        };
        let setup = [set(&a, 0), set(&b, 1000), set(&c, 1), set(&d, 2)];
        cut_off_together(&setup, &[word("SMOVE"), a.clone(), b.clone(), member(0)]);
    }
}
