//! Fields and values: in the order of arrival while they are few, by hash when they are more.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use shm::Heap;
use shm::rbtree::{Form, Packing, Root, Tree};

use super::model::cases;
use super::packings::Fields;

#[derive(Debug, Clone)]
enum Op {
    Set(Vec<u8>, Vec<u8>),
    Remove(Vec<u8>),
    RemoveSome(prop::sample::Index),
    /// Those of these ranks, from the last on.
    RemoveRanks(u8),
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let field = || (0u8..120).prop_map(|n| vec![n; usize::from(n % 5)]);
    let value = || (prop_oneof![4 => 0usize..6, 1 => 6usize..34], any::<u8>()).prop_map(|(n, b)| vec![b; n]);
    let op = prop_oneof![
        6 => (field(), value()).prop_map(|(field, value)| Op::Set(field, value)),
        1 => field().prop_map(Op::Remove),
        2 => any::<prop::sample::Index>().prop_map(Op::RemoveSome),
        1 => any::<u8>().prop_map(Op::RemoveRanks),
    ];
    vec(op, 1..200)
}

fn run(ops: Vec<Op>) {
    let mut heap = Heap::in_memory(1 << 20);
    let mut tree = Tree::new(Root::EMPTY, Fields);
    let mut model = BTreeMap::new();
    for op in ops {
        match op {
            Op::Set(field, value) => {
                let key = Fields.key_of(&heap, (&field, &value));
                let (mut position, found) = tree.find(&heap, key);
                assert_eq!(found, model.contains_key(&field));
                if found {
                    tree.replace_here(&mut heap, &mut position, (&field, &value)).unwrap();
                } else {
                    tree.insert_here(&mut heap, &mut position, (&field, &value)).unwrap();
                }
                model.insert(field, value);
            }
            Op::Remove(field) => {
                let key = Fields.key_of(&heap, (&field, &[]));
                assert_eq!(tree.remove(&mut heap, key).unwrap(), model.remove(&field).is_some());
            }
            Op::RemoveSome(index) => {
                if !model.is_empty() {
                    let field = model.keys().nth(index.index(model.len())).expect("in range").clone();
                    let key = Fields.key_of(&heap, (&field, &[]));
                    assert!(tree.remove(&mut heap, key).unwrap());
                    model.remove(&field);
                }
            }
            // Nothing that is removed changes the ranks of what stands before it.
            Op::RemoveRanks(salt) => {
                let is_chosen = |rank: &usize| (rank * 7 + usize::from(salt)).is_multiple_of(5);
                let all: Vec<Vec<u8>> = tree.iter(&heap).map(|(field, _)| field.to_vec()).collect();
                for rank in (0..all.len()).rev().filter(is_chosen) {
                    assert_eq!(tree.at(&heap, rank).expect("a field").0, all[rank]);
                    tree.remove_at(&mut heap, rank).unwrap();
                    model.remove(&all[rank]);
                }
            }
        }
        heap.commit();
        tree.verify(&heap, &mut |_| Ok(())).unwrap();
        let content: BTreeMap<_, _> =
            tree.iter(&heap).map(|(field, value)| (field.to_vec(), value.to_vec())).collect();
        assert_eq!(content, model);
        assert_eq!(tree.len(), model.len());
        for (field, value) in &model {
            let found = tree.get(&heap, Fields.key_of(&heap, (field, &[])));
            assert_eq!(found, Some((&field[..], &value[..])));
        }
        by_hash(&heap, &tree, &model);
    }
}

/// From each hash on, all fields come by ascending hash, with their ranks.
fn by_hash(heap: &Heap, tree: &Tree<Fields>, model: &BTreeMap<Vec<u8>, Vec<u8>>) {
    let hash_of = |field: &[u8]| Fields.hash_of((field, &[]));
    for from in [0, 1, 7, 20, 36, 37] {
        let mut expected: Vec<_> = model.keys().map(|field| (hash_of(field), &field[..])).collect();
        expected.retain(|(hash, _)| *hash >= from);
        let mut found = Vec::new();
        for (hash, rank, item) in tree.by_hash(heap, from) {
            assert_eq!(tree.at(heap, rank), Some(item));
            found.push((hash, item.0));
        }
        assert!(found.is_sorted_by_key(|(hash, _)| *hash));
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected);
    }
}

proptest! {
    #![proptest_config(cases(40))]

    #[test]
    fn fields(ops in ops()) {
        run(ops);
    }
}

#[test]
fn few_fields_stay_in_the_order_of_arrival() {
    let mut heap = Heap::in_memory(1 << 20);
    let mut tree = Tree::new(Root::EMPTY, Fields);
    let fields: Vec<[u8; 1]> = (0..13).map(|n| [b'z' - n]).collect();
    for (count, field) in fields.iter().enumerate() {
        assert!(tree.insert(&mut heap, (field, b"v")).unwrap());
        if count < 12 {
            assert_eq!(tree.root().form(), Form::Plain);
            assert!(tree.iter(&heap).map(|(field, _)| field).eq(fields[..=count].iter()));
        }
    }
    assert_eq!(tree.root().form(), Form::Tree);
    tree.verify(&heap, &mut |_| Ok(())).unwrap();
}
