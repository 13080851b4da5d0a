//! Trees ordered by key.

use proptest::collection::vec;
use proptest::prelude::*;
use shm::Handle;
use std::ops::Bound;

use super::model::{Pair, cases};
use super::packings::{Fixed, Owned, Strings, Timed};

#[derive(Debug, Clone)]
enum Op<V> {
    Insert(V),
    /// Of the element with this key, or the one nearest after it.
    Remove(V),
    RemoveNear(V),
    RemoveAt(prop::sample::Index),
    /// Of the element nearest after the first, unless the second is there.
    Rekey(V, V),
    Look(V),
    Between(V, V),
    RemoveRange(prop::sample::Index, prop::sample::Index, usize),
    SplitAndJoin(prop::sample::Index),
    Relocate(u32, usize),
    Rebuild,
    Rollback,
}

fn ops<V: Clone + std::fmt::Debug + 'static>(
    value: impl Strategy<Value = V> + Clone + 'static,
    count: std::ops::Range<usize>,
) -> impl Strategy<Value = Vec<Op<V>>> {
    let op = prop_oneof![
        30 => value.clone().prop_map(Op::Insert),
        2 => value.clone().prop_map(Op::Remove),
        4 => value.clone().prop_map(Op::RemoveNear),
        3 => any::<prop::sample::Index>().prop_map(Op::RemoveAt),
        4 => (value.clone(), value.clone()).prop_map(|(a, b)| Op::Rekey(a, b)),
        2 => value.clone().prop_map(Op::Look),
        1 => (value.clone(), value).prop_map(|(a, b)| Op::Between(a, b)),
        1 => (any::<prop::sample::Index>(), any::<prop::sample::Index>(), 1usize..4)
            .prop_map(|(a, b, nodes)| Op::RemoveRange(a, b, nodes)),
        1 => any::<prop::sample::Index>().prop_map(Op::SplitAndJoin),
        1 => (any::<u32>(), 1usize..9).prop_map(|(salt, nodes)| Op::Relocate(salt, nodes)),
        1 => Just(Op::Rebuild),
        1 => Just(Op::Rollback),
    ];
    vec(op, count)
}

/// Where `value` is, or should be, in the model.
fn place<P: Owned>(pair: &Pair<P>, value: &P::Value) -> Result<usize, usize> {
    let packing = P::new();
    let key = packing.key_of(&pair.heap, P::item(value));
    // The model is kept in the packing's order by searching with its own comparison.
    pair.model.binary_search_by(|other| packing.compare(&pair.heap, key, P::item(other)).reverse())
}

/// Checks everything after each `every` operations.
fn run<P: Owned>(ops: Vec<Op<P::Value>>, every: usize) {
    run_on(Pair::<P>::new(16 << 20), ops, every);
}

fn run_on<P: Owned>(mut pair: Pair<P>, ops: Vec<Op<P::Value>>, every: usize) {
    let packing = P::new();
    for (number, op) in ops.into_iter().enumerate() {
        match op {
            Op::Insert(value) => {
                let at = place(&pair, &value);
                let new = pair.tree.insert(&mut pair.heap, P::item(&value)).unwrap();
                assert_eq!(new, at.is_err());
                if let Err(at) = at {
                    pair.model.insert(at, value);
                }
            }
            Op::Remove(value) => {
                let at = place(&pair, &value);
                let key = packing.key_of(&pair.heap, P::item(&value));
                assert_eq!(pair.tree.remove(&mut pair.heap, key).unwrap(), at.is_ok());
                if let Ok(at) = at {
                    pair.model.remove(at);
                }
            }
            Op::RemoveNear(value) => {
                let at = place(&pair, &value).unwrap_or_else(|at| at);
                if at < pair.model.len() {
                    let value = pair.model.remove(at);
                    let key = packing.key_of(&pair.heap, P::item(&value));
                    assert!(pair.tree.remove(&mut pair.heap, key).unwrap());
                }
            }
            Op::RemoveAt(index) => {
                if !pair.model.is_empty() {
                    let at = index.index(pair.model.len());
                    pair.model.remove(at);
                    pair.tree.remove_at(&mut pair.heap, at).unwrap();
                }
            }
            Op::Rekey(near, value) => {
                let old = place(&pair, &near);
                let old_value = match old {
                    Ok(at) | Err(at) => pair.model.get(at).cloned(),
                };
                if let (Some(old_value), Err(_)) = (old_value, place(&pair, &value)) {
                    let key = packing.key_of(&pair.heap, P::item(&old_value));
                    let missing = packing.key_of(&pair.heap, P::item(&value));
                    assert!(!pair.tree.rekey(&mut pair.heap, missing, P::item(&value)).unwrap());
                    assert!(pair.tree.rekey(&mut pair.heap, key, P::item(&value)).unwrap());
                    pair.model.remove(old.unwrap_or_else(|at| at));
                    let at = place(&pair, &value).unwrap_err();
                    pair.model.insert(at, value);
                }
            }
            Op::Look(value) => {
                let at = place(&pair, &value);
                let key = packing.key_of(&pair.heap, P::item(&value));
                let (heap, tree) = (&pair.heap, &pair.tree);
                assert_eq!(tree.rank_of(heap, key), at.ok());
                assert_eq!(tree.lower_bound(heap, key), at.unwrap_or_else(|at| at));
                assert_eq!(tree.upper_bound(heap, key), at.map_or_else(|at| at, |at| at + 1));
                assert_eq!(tree.get(heap, key).map(P::value), at.ok().map(|at| pair.model[at].clone()));
                let (position, found) = tree.find(heap, key);
                assert_eq!((position.rank(&pair.heap), found), (at.unwrap_or_else(|at| at), at.is_ok()));
                let (before, after) = pair.model.split_at(position.rank(&pair.heap));
                let ahead = tree.iter_from(heap, position.clone()).map(P::value);
                assert!(ahead.eq(after.iter().cloned()));
                let behind = tree.back_from(heap, position).map(P::value);
                assert!(behind.eq(before.iter().rev().cloned()));
            }
            Op::Between(low, high) => {
                let (from, to) = (place(&pair, &low), place(&pair, &high));
                let key = |value| packing.key_of(&pair.heap, P::item(value));
                let (low, high) = (key(&low), key(&high));
                let ranks = |from, to| pair.tree.ranks(&pair.heap, from, to);
                let (below, above) = (
                    |p: Result<_, _>| p.unwrap_or_else(|p| p),
                    |p: Result<usize, usize>| p.map_or_else(|p| p, |p| p + 1),
                );
                let expected = |start: usize, end: usize| start..end.max(start);
                assert_eq!(
                    ranks(Bound::Included(low), Bound::Included(high)),
                    expected(below(from), above(to))
                );
                assert_eq!(
                    ranks(Bound::Excluded(low), Bound::Excluded(high)),
                    expected(above(from), below(to))
                );
                assert_eq!(ranks(Bound::Unbounded, Bound::Excluded(high)), 0..below(to));
                assert_eq!(ranks(Bound::Included(low), Bound::Unbounded), below(from)..pair.model.len());
            }
            Op::RemoveRange(a, b, nodes) => {
                let (a, b) = (a.index(pair.model.len() + 1), b.index(pair.model.len() + 1));
                // A third at most, so that trees get large.
                let (from, to) = (a.min(b), a.max(b));
                pair.remove_range(from..from + (to - from) / 3, nodes);
            }
            Op::SplitAndJoin(at) => pair.split_and_join(at.index(pair.model.len() + 1)),
            Op::Relocate(salt, nodes) => pair.relocate(salt, nodes),
            Op::Rebuild => pair.rebuild(),
            Op::Rollback => {
                pair.heap.commit();
                let root = pair.tree.root();
                for at in (0..pair.model.len()).rev().step_by(2) {
                    pair.tree.remove_at(&mut pair.heap, at).unwrap();
                }
                pair.heap.rollback();
                pair.tree = shm::rbtree::Tree::new(root, packing);
            }
        }
        pair.heap.commit();
        if number.is_multiple_of(every) {
            pair.check();
        }
    }
    pair.check();
    while let Some(value) = pair.model.pop() {
        let key = packing.key_of(&pair.heap, P::item(&value));
        assert!(pair.tree.remove(&mut pair.heap, key).unwrap());
        pair.heap.commit();
        if pair.model.len().is_multiple_of(every) {
            pair.check();
        }
    }
    assert_eq!(pair.heap.used_bytes(), 0);
}

fn fixed(range: std::ops::Range<u16>) -> impl Strategy<Value = [u8; 12]> + Clone {
    range.prop_map(|low| {
        let mut value = [0; 12];
        value[10..].copy_from_slice(&low.to_be_bytes());
        value
    })
}

fn strings(first: std::ops::Range<u8>) -> impl Strategy<Value = Vec<u8>> + Clone {
    (prop_oneof![4 => 0usize..4, 1 => 4usize..38], first, any::<u8>()).prop_map(|(len, a, b)| {
        let mut value = vec![a; len];
        value.push(b % 4);
        value
    })
}

/// Times in clusters that are nearer or farther than what a node can span.
fn times(near: u64) -> impl Strategy<Value = (u64, Handle<u8>)> + Clone {
    let time = prop_oneof![
        4 => 0..near,
        2 => (0u64..12).prop_map(|far| far << 30),
        1 => (0u64..4).prop_map(|far| u64::MAX - (far << 31)),
    ];
    (time, 1u32..6).prop_map(|(time, raw)| (time, Handle::from_raw(raw).expect("not 0")))
}

proptest! {
    #![proptest_config(cases(40))]

    #[test]
    fn fixed_keys(ops in ops(fixed(0..300), 1..250)) {
        run::<Fixed>(ops, 1);
    }

    #[test]
    fn byte_strings(ops in ops(strings(0..255), 1..250)) {
        run::<Strings<112>>(ops, 1);
    }

    #[test]
    fn timed_handles(ops in ops(times(50), 1..250)) {
        run::<Timed>(ops, 1);
    }
}

proptest! {
    #![proptest_config(cases(3))]

    #[test]
    fn many_fixed_keys(ops in ops(fixed(0..9000), 2000..3000)) {
        run::<Fixed>(ops, 50);
    }

    #[test]
    fn many_byte_strings(ops in ops(strings(0..255), 2000..3000)) {
        run::<Strings<112>>(ops, 50);
    }

    #[test]
    fn many_byte_strings_in_large_nodes(ops in ops(strings(0..255), 2000..3000)) {
        run::<Strings<1024>>(ops, 50);
    }

    #[test]
    fn many_byte_strings_in_a_coarse_heap(ops in ops(strings(0..255), 1000..1500)) {
        run_on(Pair::<Strings<112>>::with_coarse_granule(64 << 20), ops, 50);
    }

    #[test]
    fn many_timed_handles(ops in ops(times(2000), 2000..3000)) {
        run::<Timed>(ops, 50);
    }
}
