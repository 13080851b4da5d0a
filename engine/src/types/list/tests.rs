//! Random changes of a list agree with a plain one.

use proptest::prelude::*;
use shm::Heap;
use shm::stored_hash::StoredHasher;

use super::List;
use crate::types::collection::{Collection, RECORD_LEN_MIN, discard, relocate, verify};
use crate::types::text::{INLINE_MAX, Text};

type Bytes = Vec<u8>;

/// The element of a number: mostly short, some as long as fits inside, some that lie apart.
fn element(number: u16) -> Bytes {
    let len = match number % 23 {
        0 => INLINE_MAX - number.to_string().len(),
        1 => 248,
        2 if number % 46 == 2 => 20_000,
        other => usize::from(other) / 2,
    };
    [number.to_string().into_bytes(), vec![b'e'; len]].concat()
}

/// Places are parts of 2^16 of the list's length.
#[derive(Debug, Clone)]
enum Step {
    PushLeft(u16),
    PushRight(u16),
    PushMany(u16, u16),
    /// So many elements at the left.
    PushManyLeft(u16, u16),
    /// So many times at either end, or at both in turn.
    Pop(Pops, u16),
    Insert(u16, u16),
    /// So many elements at one place.
    InsertMany(u16, u16, u16),
    Set(u16, u16),
    Remove(u16),
    RemoveRange(u16, u16),
    Move(u16),
}

#[derive(Debug, Clone, Copy)]
enum Pops {
    Left,
    Right,
    InTurn,
}

fn step() -> impl Strategy<Value = Step> {
    let any = any::<u16>;
    prop_oneof![
        2 => any().prop_map(Step::PushLeft),
        2 => any().prop_map(Step::PushRight),
        2 => (any(), 1..200_u16).prop_map(|(from, count)| Step::PushMany(from, count)),
        2 => (any(), 1..60_u16).prop_map(|(from, count)| Step::PushManyLeft(from, count)),
        3 => (prop_oneof![Just(Pops::Left), Just(Pops::Right), Just(Pops::InTurn)], 1..60_u16)
            .prop_map(|(pops, count)| Step::Pop(pops, count)),
        3 => (any(), any()).prop_map(|(at, number)| Step::Insert(at, number)),
        2 => (any(), any(), 1..60_u16).prop_map(|(at, from, count)| Step::InsertMany(at, from, count)),
        3 => (any(), any()).prop_map(|(at, number)| Step::Set(at, number)),
        4 => any().prop_map(Step::Remove),
        1 => (any(), any()).prop_map(|(from, to)| Step::RemoveRange(from, to)),
        1 => any().prop_map(Step::Move),
    ]
}

fn place(part: u16, len: usize) -> usize {
    (usize::from(part) * len) >> 16
}

fn check(heap: &mut Heap, list: &List, plain: &[Bytes]) {
    heap.commit();
    let mut blocks = Vec::new();
    let record = list.record();
    let hasher = StoredHasher::new([0; 16]);
    let mut visit = |block| {
        blocks.push(block);
        Ok(())
    };
    verify(heap, List::KIND, record.bytes(), hasher, &mut visit).expect("a sound list");
    while heap.reclaim(&mut Sweeper, 16).expect("room in the log") {}
    heap.verify(blocks).expect("nothing is lost or shared");
    // What is stored is what is worked on.
    let list = &List::open(record.bytes(), hasher);
    assert_eq!(list.len(), plain.len());
    for part in [0, 1, 3, 7].map(|eighths| eighths * plain.len() / 8) {
        let at = list.at(heap, part).map(|text| text.view(heap).contiguous().into_owned());
        assert_eq!(at.as_ref(), plain.get(part));
        let forth = list.iter_from(heap, part).map(|text| text.len(heap));
        assert!(forth.eq(plain[part..].iter().map(Vec::len)));
        let back = list.back_from(heap, part).map(|text| text.len(heap));
        assert!(back.eq(plain[..part].iter().rev().map(Vec::len)));
    }
    assert!(
        list.iter_from(heap, 0)
            .map(|text| text.view(heap).contiguous().into_owned())
            .eq(plain.iter().cloned())
    );
    assert!(
        list.back_from(heap, list.len())
            .map(|text| text.view(heap).contiguous().into_owned())
            .eq(plain.iter().rev().cloned())
    );
}

/// Frees what lists drop.
struct Sweeper;

impl shm::garbage::Reclaimer for Sweeper {
    fn step(
        &mut self,
        heap: &mut Heap,
        item: shm::garbage::GarbageItem,
        blocks_max: usize,
    ) -> Result<shm::garbage::Step, shm::OutOfMemory> {
        use crate::types::element::{dropped, garbage, reclaim};
        let left = match item.kind {
            garbage::LIST => reclaim(heap, dropped(item, super::Texts), blocks_max)?,
            _ => unreachable!("no text of these tests is so long"),
        };
        Ok(left.map_or(shm::garbage::Step::Done, shm::garbage::Step::More))
    }

    fn blocks(&self, _: &Heap, _: shm::garbage::GarbageItem, _: &mut dyn FnMut(shm::Handle<()>)) {}
}

fn take(heap: &mut Heap, list: &mut List, plain: &mut Vec<Bytes>, step: Step) {
    let len = plain.len();
    let mut insert = |list: &mut List, index: usize, number: u16| {
        list.insert(heap, index, &element(number)).expect("room");
        plain.insert(index, element(number));
    };
    match step {
        Step::PushLeft(number) => insert(list, 0, number),
        Step::PushRight(number) => insert(list, len, number),
        Step::PushMany(from, count) => {
            (0..count).for_each(|nth| insert(list, len + usize::from(nth), from.wrapping_add(nth)));
        }
        Step::PushManyLeft(from, count) => {
            (0..count).for_each(|nth| insert(list, 0, from.wrapping_add(nth)));
        }
        Step::Pop(pops, count) => {
            for nth in 0..count {
                let at_left = match pops {
                    Pops::Left => true,
                    Pops::Right => false,
                    Pops::InTurn => nth % 2 == 0,
                };
                let expected = match (plain.is_empty(), at_left) {
                    (true, _) => None,
                    (false, true) => Some(plain.remove(0)),
                    (false, false) => plain.pop(),
                };
                let mut seen = None;
                let look = |heap: &Heap, text: Text<'_>| {
                    seen = Some(text.view(heap).contiguous().into_owned());
                };
                match at_left {
                    true => list.pop_first(heap, look).expect("room"),
                    false => list.pop_last(heap, look).expect("room"),
                }
                assert_eq!(seen, expected);
            }
        }
        Step::Insert(at, number) => insert(list, place(at, len + 1), number),
        Step::InsertMany(at, from, count) => {
            (0..count).for_each(|nth| insert(list, place(at, len + 1), from.wrapping_add(nth)));
        }
        Step::Set(at, number) if len > 0 => {
            list.set(heap, place(at, len), &element(number)).expect("room");
            plain[place(at, len)] = element(number);
        }
        Step::Remove(at) if len > 0 => {
            list.remove(heap, place(at, len)).expect("room");
            plain.remove(place(at, len));
        }
        Step::RemoveRange(from, to) => {
            let range = place(from.min(to), len)..place(from.max(to), len);
            list.remove_range(heap, range.clone()).expect("room");
            plain.drain(range);
        }
        Step::Move(salt) => {
            // Some of the blocks, in steps.
            let mut next = Some(0);
            while let Some(from) = next {
                let record = list.record();
                let hasher = StoredHasher::new([0; 16]);
                let moves = |_: &Heap, block: shm::Handle<()>| {
                    (block.raw() ^ u32::from(salt)).count_ones().is_multiple_of(2)
                };
                let moved =
                    relocate(heap, (List::KIND, record.bytes()), hasher, from, 3, &moves).expect("room");
                *list = List::open(moved.0.bytes(), hasher);
                next = moved.1;
            }
        }
        Step::Set(..) | Step::Remove(_) => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn a_list_is_what_a_vector_is(steps in proptest::collection::vec(step(), 1..60)) {
        let mut heap = Heap::in_memory(64 << 20);
        let mut list = List::empty(StoredHasher::new([0; 16]));
        let mut plain = Vec::new();
        for step in steps {
            take(&mut heap, &mut list, &mut plain, step);
            check(&mut heap, &list, &plain);
        }
        discard(&mut heap, List::KIND, list.record().bytes()).expect("room in the log");
        check(&mut heap, &List::empty(StoredHasher::new([0; 16])), &[]);
    }
}

/// The block that is left of a tree may become longer than a node, and then the tail. It keeps some of its room when
/// it becomes shorter.
#[test]
fn a_tail_that_was_longer_than_a_node_has_room() {
    let mut heap = Heap::in_memory(64 << 20);
    let mut plain: Vec<Bytes> = (0..40).map(|number| vec![number; 50]).collect();
    let mut list = List::build(&mut heap, plain.iter().map(Vec::as_slice)).expect("room");
    list.remove_range(&mut heap, 4..40).expect("room");
    plain.truncate(4);
    for number in 0..20 {
        list.insert(&mut heap, 2, &[number; 50]).expect("room");
        plain.insert(2, vec![number; 50]);
        check(&mut heap, &list, &plain);
    }
    while plain.len() > 2 {
        let last_but_one = plain.len() - 2;
        list.remove(&mut heap, last_but_one).expect("room");
        plain.remove(last_but_one);
        check(&mut heap, &list, &plain);
    }
}

#[test]
fn a_record_of_one_root_is_all_there_is_at_first() {
    for count in [3, 9, 100, 2000] {
        let mut heap = Heap::in_memory(64 << 20);
        let mut plain: Vec<Bytes> = (0..count).map(|number| element(number * 23 + 5)).collect();
        let mut list = List::build(&mut heap, plain.iter().map(Vec::as_slice)).expect("room");
        assert_eq!(list.record().bytes().len(), RECORD_LEN_MIN);
        check(&mut heap, &list, &plain);
        for nth in 0..3 * count {
            if nth % 3 == 2 {
                take(&mut heap, &mut list, &mut plain, Step::Pop(Pops::InTurn, 3));
            }
            take(&mut heap, &mut list, &mut plain, Step::PushLeft(nth));
            take(&mut heap, &mut list, &mut plain, Step::PushRight(nth));
        }
        check(&mut heap, &list, &plain);
    }
}
