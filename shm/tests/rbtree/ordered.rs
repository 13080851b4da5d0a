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
    Look(V),
    Between(V, V),
    Rollback,
}

fn ops<V: Clone + std::fmt::Debug + 'static>(
    value: impl Strategy<Value = V> + Clone + 'static,
) -> impl Strategy<Value = Vec<Op<V>>> {
    let op = prop_oneof![
        12 => value.clone().prop_map(Op::Insert),
        2 => value.clone().prop_map(Op::Remove),
        4 => value.clone().prop_map(Op::RemoveNear),
        3 => any::<prop::sample::Index>().prop_map(Op::RemoveAt),
        2 => value.clone().prop_map(Op::Look),
        1 => (value.clone(), value).prop_map(|(a, b)| Op::Between(a, b)),
        1 => Just(Op::Rollback),
    ];
    vec(op, 1..200)
}

/// Where `value` is, or should be, in the model.
fn place<P: Owned>(pair: &Pair<P>, value: &P::Value) -> Result<usize, usize> {
    let packing = P::new();
    let key = packing.key_of(&pair.heap, P::item(value));
    // The model is kept in the packing's order by searching with its own comparison.
    pair.model.binary_search_by(|other| packing.compare(&pair.heap, key, P::item(other)).reverse())
}

fn run<P: Owned>(ops: Vec<Op<P::Value>>) {
    let packing = P::new();
    let mut pair = Pair::<P>::new(1 << 20);
    for op in ops {
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
            Op::Look(value) => {
                let at = place(&pair, &value);
                let key = packing.key_of(&pair.heap, P::item(&value));
                let (heap, tree) = (&pair.heap, &pair.tree);
                assert_eq!(tree.rank_of(heap, key), at.ok());
                assert_eq!(tree.lower_bound(heap, key), at.unwrap_or_else(|at| at));
                assert_eq!(tree.upper_bound(heap, key), at.map_or_else(|at| at, |at| at + 1));
                assert_eq!(tree.get(heap, key).map(P::value), at.ok().map(|at| pair.model[at].clone()));
                let (position, found) = tree.find(heap, key);
                assert_eq!((position.rank(), found), (at.unwrap_or_else(|at| at), at.is_ok()));
                let (before, after) = pair.model.split_at(position.rank());
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
        pair.check();
        pair.heap.commit();
    }
    pair.check();
    while let Some(value) = pair.model.pop() {
        let key = packing.key_of(&pair.heap, P::item(&value));
        assert!(pair.tree.remove(&mut pair.heap, key).unwrap());
        pair.heap.commit();
        pair.check();
    }
    assert_eq!(pair.heap.used_bytes(), 0);
}

fn fixed() -> impl Strategy<Value = [u8; 12]> + Clone {
    any::<u8>().prop_map(|low| {
        let mut value = [0; 12];
        value[11] = low;
        value
    })
}

fn strings() -> impl Strategy<Value = Vec<u8>> + Clone {
    (prop_oneof![4 => 0usize..4, 1 => 4usize..38], any::<u8>(), any::<u8>()).prop_map(|(len, a, b)| {
        let mut value = vec![a; len];
        value.push(b % 4);
        value
    })
}

/// Times in clusters that are nearer or farther than what a node can span.
fn times() -> impl Strategy<Value = (u64, Handle<u8>)> + Clone {
    let time = prop_oneof![
        4 => 0u64..50,
        2 => (0u64..12).prop_map(|far| far << 30),
        1 => (0u64..4).prop_map(|far| u64::MAX - (far << 31)),
    ];
    (time, 1u32..6).prop_map(|(time, raw)| (time, Handle::from_raw(raw).expect("not 0")))
}

proptest! {
    #![proptest_config(cases(40))]

    #[test]
    fn fixed_keys(ops in ops(fixed())) {
        run::<Fixed>(ops);
    }

    #[test]
    fn byte_strings(ops in ops(strings())) {
        run::<Strings<112>>(ops);
    }

    #[test]
    fn timed_handles(ops in ops(times())) {
        run::<Timed>(ops);
    }
}
