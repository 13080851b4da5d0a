//! Many keys: the index grows and splits, the tree of deadlines splits and joins.

use std::ops::RangeInclusive;

use crate::common::{Bytes, word};
use crate::coverage;
use crate::world::{World, is_full};

coverage::scenarios![storing_many_at_once, an_index_that_grows_and_shrinks, deadlines_that_split_and_join,];

/// A world with so many keys.
fn with_keys(count: usize) -> World {
    let mut world = World::after("");
    let mut request = vec![word("MSETEX"), word(count)];
    request.extend((0..count).flat_map(pair));
    if count > 0 {
        world.request(&request);
    }
    world
}

fn key(number: usize) -> Bytes {
    word(format!("key:{number}"))
}

fn pair(number: usize) -> [Bytes; 2] {
    [key(number), word(format!("value {number}"))]
}

fn storing_many_at_once() {
    let mut world = World::after("SET key:3 old PX 900\nSET key:4 old");
    for name in ["MSET", "MSETNX"] {
        let first = if name == "MSET" { 0 } else { 10 };
        world.cut_off_words(&[vec![word(name)], (first..first + 12).flat_map(pair).collect()].concat());
    }
    let pairs: Vec<Bytes> = (0..12).flat_map(pair).collect();
    world.cut_off_words(&[vec![word("MSETEX"), word(12)], pairs, vec![word("PX"), word(70)]].concat());
}

/// Makes requests one after the other, and cuts off those that change the memory in use by anything but
/// what an entry takes: they change the shape of the index or of the tree (by default a part of them).
/// Returns how many did.
fn cut_off_turns(world: &mut World, requests: &[Vec<Bytes>], entry: RangeInclusive<i64>) -> usize {
    let changes = world.memory_changes(requests);
    let mut turns = 0;
    for (request, change) in requests.iter().zip(changes) {
        if !entry.contains(&change) {
            if is_full() || turns % 3 == 0 {
                world.cut_off_words(request);
            }
            turns += 1;
        }
        world.request(request);
    }
    turns
}

fn an_index_that_grows_and_shrinks() {
    let mut world = with_keys(0);
    let stores: Vec<_> =
        (0..1_200).map(|number| [vec![word("SET")], pair(number).to_vec()].concat()).collect();
    let turns = cut_off_turns(&mut world, &stores, 1..=64);
    assert!(turns > 20, "spans that grow and split: {turns}");
    let deletions: Vec<_> = (0..1_200).map(|number| vec![word("DEL"), key(number)]).collect();
    let turns = cut_off_turns(&mut world, &deletions, -64..=-1);
    assert!(turns > 5, "spans that are cut and joined: {turns}");
}

fn deadlines_that_split_and_join() {
    let mut world = with_keys(700);
    let stores: Vec<_> = (0..700)
        .map(|number| vec![word("PEXPIRE"), key(number), word(10_000 + number * 7919 % 1_000)])
        .collect();
    let turns = cut_off_turns(&mut world, &stores, 0..=16);
    assert!(turns > 5, "nodes that grow and split: {turns}");
    let drops: Vec<_> = (0..700).map(|number| vec![word("PERSIST"), key(number)]).collect();
    let turns = cut_off_turns(&mut world, &drops, -16..=0);
    assert!(turns > 3, "nodes that are joined: {turns}");
}
