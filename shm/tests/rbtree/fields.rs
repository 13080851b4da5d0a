//! Fields and values: in the order of arrival while they are few, by hash when they are more.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use shm::rbtree::{Form, Hint, Packing, Root, Seek, Tree, seek_together};
use shm::{Handle, Heap};

use super::model::cases;
use super::packings::Fields;

#[derive(Debug, Clone)]
enum Op {
    Set(Vec<u8>, Vec<u8>),
    Remove(Vec<u8>),
    RemoveSome(prop::sample::Index),
    /// Those of these ranks, from the last on.
    RemoveRanks(u8),
    /// Into a new tree; the old one's blocks are given back.
    Rebuild,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let field = || (0u8..120).prop_map(|n| vec![n; usize::from(n % 5)]);
    let value = || (prop_oneof![4 => 0usize..6, 1 => 6usize..34], any::<u8>()).prop_map(|(n, b)| vec![b; n]);
    let op = prop_oneof![
        6 => (field(), value()).prop_map(|(field, value)| Op::Set(field, value)),
        1 => field().prop_map(Op::Remove),
        2 => any::<prop::sample::Index>().prop_map(Op::RemoveSome),
        1 => any::<u8>().prop_map(Op::RemoveRanks),
        1 => Just(Op::Rebuild),
    ];
    vec(op, 1..200)
}

fn run(ops: Vec<Op>) {
    let mut heap = Heap::in_memory(1 << 20);
    let mut tree = Tree::new(Root::EMPTY, Fields);
    let mut model = BTreeMap::new();
    let mut hints = Vec::new();
    for (nth, op) in ops.into_iter().enumerate() {
        match op {
            Op::Set(field, value) if set_by_hint(&mut heap, &tree, &hints, (&field, &value)) => {
                model.insert(field, value);
            }
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
            Op::Rebuild => {
                let mut old = std::mem::replace(&mut tree, Tree::new(Root::EMPTY, Fields));
                for (field, value) in &model {
                    assert!(tree.insert(&mut heap, (field, value)).unwrap());
                }
                old.reclaim(&mut heap, usize::MAX, |_, _| Ok(())).unwrap();
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
        glances(&heap, &tree, &hints, &model);
        if nth % 3 == 0 {
            hints = hints_for(&heap, &tree, &model);
        }
    }
}

/// Where the fields are, and some that are not there.
fn hints_for(heap: &Heap, tree: &Tree<Fields>, model: &BTreeMap<Vec<u8>, Vec<u8>>) -> Vec<(Vec<u8>, Hint)> {
    if tree.root().form() != Form::Tree {
        return Vec::new();
    }
    let fields: Vec<_> = model.keys().cloned().chain((0..120).step_by(7).map(|n| vec![n; 4])).collect();
    let seek = |field: &Vec<u8>| tree.seek_hash(heap, Fields.hash_of((field, &[])));
    let mut seeks: Vec<_> = fields.iter().map(seek).collect();
    seek_together(&mut seeks);
    fields.into_iter().zip(seeks.iter().map(Seek::hint)).collect()
}

/// What is found by a hint, however old it is, is there. Returns how many are found.
fn glances(
    heap: &Heap,
    tree: &Tree<Fields>,
    hints: &[(Vec<u8>, Hint)],
    model: &BTreeMap<Vec<u8>, Vec<u8>>,
) -> usize {
    let glance = |(field, hint): &(Vec<u8>, Hint)| {
        let glance = tree.glance(heap, hint, Fields.key_of(heap, (field, &[])))?;
        assert_eq!(Some(tree.item_at(heap, &glance).1), model.get(field).map(Vec::as_slice));
        Some(())
    };
    hints.iter().filter_map(glance).count()
}

/// Writes a value over one of the same length, if a hint still says where it is.
fn set_by_hint(
    heap: &mut Heap,
    tree: &Tree<Fields>,
    hints: &[(Vec<u8>, Hint)],
    (field, value): (&[u8], &[u8]),
) -> bool {
    let Some((_, hint)) = hints.iter().find(|(hinted, _)| hinted == field) else { return false };
    let key = Fields.key_of(heap, (field, &[]));
    let Some(glance) = tree.glance(heap, hint, key) else { return false };
    tree.overwrite(heap, &glance, (field, value)).unwrap()
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
fn fields_of_different_hashes_are_where_the_hints_say() {
    let mut heap = Heap::in_memory(1 << 20);
    let mut tree = Tree::new(Root::EMPTY, Fields);
    let mut model = BTreeMap::new();
    for field in (0..37).map(|n| vec![n]) {
        assert!(tree.insert(&mut heap, (&field, b"value")).unwrap());
        model.insert(field, b"value".to_vec());
        let hints = hints_for(&heap, &tree, &model);
        let expected = if tree.root().form() == Form::Tree { model.len() } else { 0 };
        assert_eq!(glances(&heap, &tree, &hints, &model), expected);
    }
    // They can be told from those that are not there, and are forgotten once a block is given back.
    let hints = hints_for(&heap, &tree, &model);
    assert!(hints.len() > model.len());
    let spare: Handle<u8> = heap.allocate(8).unwrap();
    assert_eq!(glances(&heap, &tree, &hints, &model), model.len());
    heap.free(spare);
    assert_eq!(glances(&heap, &tree, &hints, &model), 0);
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
