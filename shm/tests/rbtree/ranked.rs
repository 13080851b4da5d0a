//! Lists: elements found by rank alone.

use proptest::collection::vec;
use proptest::prelude::*;

use super::model::{Pair, cases};
use super::packings::Listed;

#[derive(Debug, Clone)]
enum Op {
    Insert(prop::sample::Index, Vec<u8>),
    Push(Vec<u8>),
    Unshift(Vec<u8>),
    Remove(prop::sample::Index),
    Pop,
    Shift,
    Replace(prop::sample::Index, Vec<u8>),
    RemoveRange(prop::sample::Index, prop::sample::Index, usize),
    SplitAndJoin(prop::sample::Index),
    Relocate(u32, usize),
    Rebuild,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let bytes = || (prop_oneof![4 => 0usize..6, 1 => 6usize..47], any::<u8>()).prop_map(|(n, b)| vec![b; n]);
    let index = any::<prop::sample::Index>;
    let op = prop_oneof![
        12 => (index(), bytes()).prop_map(|(at, bytes)| Op::Insert(at, bytes)),
        3 => bytes().prop_map(Op::Push),
        3 => bytes().prop_map(Op::Unshift),
        4 => index().prop_map(Op::Remove),
        1 => Just(Op::Pop),
        1 => Just(Op::Shift),
        4 => (index(), bytes()).prop_map(|(at, bytes)| Op::Replace(at, bytes)),
        1 => (index(), index(), 1usize..4).prop_map(|(a, b, nodes)| Op::RemoveRange(a, b, nodes)),
        1 => index().prop_map(Op::SplitAndJoin),
        1 => (any::<u32>(), 1usize..9).prop_map(|(salt, nodes)| Op::Relocate(salt, nodes)),
        1 => Just(Op::Rebuild),
    ];
    vec(op, 1..250)
}

fn run(ops: Vec<Op>) {
    let mut pair = Pair::<Listed>::new(1 << 20);
    for op in ops {
        let len = pair.model.len();
        let Pair { heap, tree, model, .. } = &mut pair;
        match op {
            Op::Insert(at, bytes) => {
                let at = at.index(len + 1);
                tree.insert_at(heap, at, &bytes).unwrap();
                model.insert(at, bytes);
            }
            Op::Push(bytes) => {
                tree.insert_at(heap, len, &bytes).unwrap();
                model.push(bytes);
            }
            Op::Unshift(bytes) => {
                tree.insert_at(heap, 0, &bytes).unwrap();
                model.insert(0, bytes);
            }
            Op::Remove(_) | Op::Pop | Op::Shift | Op::Replace(..) if len == 0 => {}
            Op::Remove(at) => {
                tree.remove_at(heap, at.index(len)).unwrap();
                model.remove(at.index(len));
            }
            Op::Pop => {
                tree.remove_at(heap, len - 1).unwrap();
                model.pop();
            }
            Op::Shift => {
                tree.remove_at(heap, 0).unwrap();
                model.remove(0);
            }
            Op::Replace(at, bytes) => {
                tree.replace_at(heap, at.index(len), &bytes).unwrap();
                model[at.index(len)] = bytes;
            }
            Op::RemoveRange(a, b, nodes) => {
                let (a, b) = (a.index(len + 1), b.index(len + 1));
                let (from, to) = (a.min(b), a.max(b));
                pair.remove_range(from..from + (to - from) / 3, nodes);
            }
            Op::SplitAndJoin(at) => pair.split_and_join(at.index(len + 1)),
            Op::Relocate(salt, nodes) => pair.relocate(salt, nodes),
            Op::Rebuild => pair.rebuild(),
        }
        pair.heap.commit();
        pair.check();
        for (rank, bytes) in pair.model.iter().enumerate() {
            assert_eq!(pair.tree.at(&pair.heap, rank), Some(&bytes[..]));
        }
        assert_eq!(pair.tree.at(&pair.heap, pair.model.len()), None);
    }
}

proptest! {
    #![proptest_config(cases(40))]

    #[test]
    fn lists(ops in ops()) {
        run(ops);
    }
}
