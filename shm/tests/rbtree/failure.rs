//! Out of memory at every allocation of every operation.

use shm::Handle;

use super::model::Pair;
use super::packings::{Listed, Owned, Strings, Timed};

/// Inserts and removes values, each with every possible failure first. `shift` scatters the order.
fn grow_and_empty<P: Owned>(values: Vec<P::Value>, shift: usize) {
    let mut pair = Pair::<P>::new(1 << 20);
    let count = values.len();
    for n in 0..count {
        let value = values[n * shift % count].clone();
        let packing = P::new();
        let key = packing.key_of(&pair.heap, P::item(&value));
        let at = pair.model.partition_point(|other| {
            packing.compare(&pair.heap, key, P::item(other)) == std::cmp::Ordering::Greater
        });
        let before = pair.model.clone();
        pair.with_failures(|heap, tree| tree.insert(heap, P::item(&value)).map(|new| assert!(new)));
        assert_eq!(pair.model, before);
        pair.model.insert(at, value);
        pair.check();
    }
    for n in 0..count {
        let at = n * shift % pair.model.len();
        pair.with_failures(|heap, tree| tree.remove_at(heap, at));
        pair.model.remove(at);
        pair.check();
    }
}

#[test]
fn byte_strings() {
    let values = (0..90u8).map(|n| vec![n; 1 + usize::from(n % 7) * 5]).collect();
    grow_and_empty::<Strings<112>>(values, 37);
}

#[test]
fn timed_handles() {
    let handle = Handle::from_raw(9).expect("not 0");
    let values = (0..80u64).map(|n| (n << (n / 20 * 10), handle)).collect();
    grow_and_empty::<Timed>(values, 27);
}

#[test]
fn ranges() {
    let mut pair = Pair::<Strings<112>>::new(1 << 20);
    for n in 0..150u8 {
        let value = vec![n; 3 + usize::from(n % 7) * 5];
        pair.tree.insert(&mut pair.heap, &value).unwrap();
        pair.model.push(value);
    }
    pair.heap.commit();
    for (from, len) in [(140, 10), (3, 2), (20, 60), (1, 1), (0, 9), (10, 50), (1, 14)] {
        let mut gone = None;
        let range = from..from + len;
        pair.with_failures(|heap, tree| tree.remove_range(heap, range.clone()).map(|tree| gone = Some(tree)));
        let content = pair.model.drain(range).collect();
        pair.give_back(gone.expect("it succeeded in the end"), content, 2);
        pair.check();

        let at = pair.model.len() / 3;
        let mut right = None;
        pair.with_failures(|heap, tree| tree.split_off(heap, at).map(|tree| right = Some(tree)));
        let right = right.expect("it succeeded in the end");
        let end = pair.model.split_off(at);
        pair.aside = Some(right);
        pair.check();
        pair.with_failures(|heap, tree| tree.append(heap, right));
        pair.aside = None;
        pair.model.extend(end);
        pair.check();
    }
}

#[test]
fn replacing_in_a_list() {
    let mut pair = Pair::<Listed>::new(1 << 20);
    for n in 0..60u8 {
        let bytes = vec![n; usize::from(n % 9)];
        pair.tree.insert_at(&mut pair.heap, usize::from(n), &bytes).unwrap();
        pair.model.push(bytes);
    }
    pair.heap.commit();
    for n in 0..60u8 {
        for len in [47, 0] {
            let at = usize::from(n) * 7 % 60;
            let bytes = vec![n; len];
            pair.with_failures(|heap, tree| tree.replace_at(heap, at, &bytes));
            pair.model[at] = bytes;
            pair.check();
        }
    }
}
