//! What lists take beside their elements.

use std::collections::VecDeque;

use engine::testing::Session;
use engine::types::collection::Collection;
use engine::types::list::List;
use shm::Heap;
use shm::stored_hash::StoredHasher;

/// Bytes beside the elements' own, each.
fn overhead(count: usize, len: usize, at_left: impl Fn(usize) -> bool) -> f64 {
    let mut heap = Heap::in_memory(64 << 20);
    let mut list = List::empty(StoredHasher::new([0; 16]));
    let before = heap.used_bytes();
    for nth in 0..count {
        let index = if at_left(nth) { 0 } else { list.len() };
        list.insert(&mut heap, index, &vec![b'e'; len]).expect("room");
    }
    heap.commit();
    let taken = heap.used_bytes() - before + list.record().bytes().len() as u64;
    // Some come out again, so that blocks with room to spare are seen.
    for nth in 0..count / 10 {
        let end = if at_left(nth) { 0 } else { list.len() - 1 };
        list.remove(&mut heap, end).expect("room");
        heap.commit();
    }
    let left = list.len();
    let taken_then = heap.used_bytes() - before + list.record().bytes().len() as u64;
    let each = |taken: u64, count: usize| (taken as f64 - (count * len) as f64) / count as f64;
    each(taken, count).max(each(taken_then, left))
}

#[test]
fn elements_take_little_beside_their_bytes() {
    for count in [100, 1000, 100_000] {
        for len in [3, 10, 20] {
            for (name, at_left) in [
                ("right", (|_| false) as fn(usize) -> bool),
                ("left", |_| true),
                ("both", |nth| nth % 2 == 0),
            ] {
                let each = overhead(count, len, at_left);
                println!("{count} of {len} from {name}: {each:.2}");
                assert!(each < 4.0, "{count} of {len} from {name}: {each:.2}");
            }
        }
    }
}

/// What is between the two ends is one block for a while after it has shrunk, and may grow to more than a node holds.
#[test]
fn a_long_block_in_the_middle_becomes_an_end() {
    for (pop, push, at_head) in [("LPOP", "LPUSH", true), ("RPOP", "RPUSH", false)] {
        let mut session = Session::new(1);
        let element = |name: &str, nth: usize| format!("{name}:{nth:.<100}");
        let mut plain: VecDeque<String> = VecDeque::new();
        for nth in 0..20 {
            plain.push_back(element("first", nth));
            session.run(&format!("RPUSH l {}", plain[nth]));
        }
        let take = |session: &mut Session, plain: &mut VecDeque<String>| {
            let taken = if at_head { plain.pop_front() } else { plain.pop_back() };
            assert_eq!(session.run(&format!("{pop} l")), format!("{:?}", taken.expect("elements")));
        };
        (0..9).for_each(|_| take(&mut session, &mut plain));
        let pivot = plain[plain.len() / 2].clone();
        for nth in 0..60 {
            let at = plain.iter().position(|element| *element == pivot).expect("it is there");
            plain.insert(at, element("middle", nth));
            session.run(&format!("LINSERT l BEFORE {pivot} {}", plain[at]));
        }
        (0..8).for_each(|_| take(&mut session, &mut plain));
        for nth in 0..30 {
            session.run(&format!("{push} l {nth}"));
            if at_head {
                plain.push_front(nth.to_string())
            } else {
                plain.push_back(nth.to_string())
            }
            session.verify();
        }
        while !plain.is_empty() {
            take(&mut session, &mut plain);
            session.verify();
        }
    }
}
