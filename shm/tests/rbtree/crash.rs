//! Every operation, cut off at its stores by a crash or a panic: the tree is as before or as after.
//! `HEARTH_CRASH_FULL=1` tries every store and every store of the recovery; by default it is a part of them.

use shm::fault::{Crashes, Effort, Recording, each_panic};
use shm::rbtree::{Builder, Root, Tree};
use shm::{Handle, Heap};

use super::model::blocks;
use super::packings::{Fields, Fixed, Listed, Owned, Timed};

fn effort(crashes: &Crashes) -> Effort {
    match std::env::var("HEARTH_CRASH_FULL").as_deref() {
        Ok("1") => Effort::FULL,
        _ => Effort::about(6, crashes),
    }
}

/// What the two trees of a heap hold, whose roots are in root words 0 and 1.
type Content<V> = [Vec<V>; 2];

fn trees<P: Owned>(heap: &Heap) -> [Tree<P>; 2] {
    [0, 1].map(|word| Tree::new(Root::decode(heap.root(word)), P::new()))
}

fn content<P: Owned>(heap: &Heap) -> Content<P::Value> {
    trees::<P>(heap).map(|tree| tree.iter(heap).map(P::value).collect())
}

/// Checks a heap that has been recovered or rolled back.
fn check<P: Owned>(heap: &Heap, expected: &Content<P::Value>) {
    let [tree, other] = trees::<P>(heap);
    let mut reachable = blocks(heap, &tree);
    // The second tree may be one that is being reclaimed.
    other
        .verify_detached(heap, &mut |block| {
            reachable.insert(block.cast());
            Ok(())
        })
        .unwrap();
    assert_eq!(content::<P>(heap), *expected);
    heap.verify(reachable).unwrap();
}

/// Runs `change` on two trees, the first of which holds `values`, as one transaction that is cut off
/// everywhere.
fn cut_off<P: Owned>(values: &[P::Value], change: impl Fn(&mut Heap, &mut Tree<P>, &mut Tree<P>)) {
    let make = || {
        let mut heap = Heap::in_memory(4 << 20);
        let mut tree = Tree::new(Root::EMPTY, P::new());
        for value in values {
            tree.insert_at(&mut heap, tree.len(), P::item(value)).unwrap();
        }
        heap.set_root(0, tree.root().encode()).unwrap();
        heap.commit();
        heap
    };
    let run = |heap: &mut Heap| {
        let [mut tree, mut other] = trees::<P>(heap);
        change(heap, &mut tree, &mut other);
        for (word, tree) in [tree, other].iter().enumerate() {
            if tree.root().encode() != heap.root(word) {
                heap.set_root(word, tree.root().encode()).unwrap();
            }
        }
        heap.commit();
    };
    let mut heap = make();
    let before = content::<P>(&heap);
    let recording = Recording::start(&mut heap);
    run(&mut heap);
    let crashes = recording.finish(&mut heap);
    let after = content::<P>(&heap);
    check::<P>(&heap, &after);
    let expected = |commits| if commits == 0 { &before } else { &after };
    crashes.explore(effort(&crashes), |heap, commits| check::<P>(heap, expected(commits)));
    let panics = each_panic(make, |heap| heap, run, |heap, commits| check::<P>(heap, expected(commits)));
    assert_eq!(panics, crashes.len());
}

fn fixed(number: usize) -> [u8; 12] {
    let mut value = [0; 12];
    value[4..].copy_from_slice(&(number as u64).to_be_bytes());
    value
}

/// Every second number, so that there is room between.
fn even_numbers(count: usize) -> Vec<[u8; 12]> {
    (0..count).map(|number| fixed(2 * number)).collect()
}

/// From nothing and the largest plain block to trees of several levels.
const SIZES: [usize; 6] = [0, 1, 4, 5, 17, 70];

#[test]
fn inserting() {
    for size in SIZES {
        for at in (0..=size).step_by(size / 9 + 1) {
            cut_off::<Fixed>(&even_numbers(size), |heap, tree, _| {
                let number = (2 * at).wrapping_sub(1);
                assert!(tree.insert(heap, fixed(number)).unwrap());
            });
        }
    }
}

#[test]
fn removing() {
    for size in SIZES {
        for at in (0..size).step_by(size / 9 + 1) {
            cut_off::<Fixed>(&even_numbers(size), |heap, tree, _| {
                assert!(tree.remove(heap, fixed(2 * at)).unwrap());
            });
        }
    }
}

#[test]
fn emptying_nodes_one_by_one() {
    // Nodes of a single element, so that each removal takes a node out.
    let long = |n: u8| vec![n; 47];
    for size in [8, 21] {
        let values: Vec<_> = (0..size).map(long).collect();
        for at in 0..usize::from(size) {
            cut_off::<Listed>(&values, |heap, tree, _| tree.remove_at(heap, at).unwrap());
        }
    }
}

#[test]
fn replacing_with_other_lengths() {
    for size in [1u8, 5, 12, 50] {
        let values: Vec<_> = (0..size).map(|n| vec![n; usize::from(n) % 11]).collect();
        for len in [0, 20, 47] {
            for at in (0..usize::from(size)).step_by(usize::from(size) / 4 + 1) {
                cut_off::<Listed>(&values, |heap, tree, _| {
                    tree.replace_at(heap, at, &vec![255; len]).unwrap();
                });
            }
        }
    }
}

#[test]
fn times_that_need_another_base() {
    let handle = Handle::from_raw(5).expect("not 0");
    let times: Vec<_> = (0..30u64).map(|n| (n << 28, handle)).collect();
    for time in [1, (3 << 28) + 1, 1 << 40, u64::MAX] {
        cut_off::<Timed>(&times, |heap, tree, _| {
            assert!(tree.insert(heap, (time, handle)).unwrap());
        });
    }
}

#[test]
fn fields_that_become_too_many() {
    let fields: Vec<_> = (0..12u8).map(|n| (vec![n], vec![n; 3])).collect();
    cut_off::<Fields>(&fields, |heap, tree, _| {
        assert!(tree.insert(heap, (b"one", b"more")).unwrap());
    });
}

#[test]
fn taking_out_and_joining() {
    for size in [4, 5, 17, 70] {
        for (from, to) in [(0, size / 2), (size / 3, size / 3 + 2), (size / 4, size - 1), (1, size)] {
            cut_off::<Fixed>(&even_numbers(size), |heap, tree, other| {
                *other = tree.remove_range(heap, from..to).unwrap();
            });
        }
        cut_off::<Fixed>(&even_numbers(size), |heap, tree, _| {
            let right = tree.split_off(heap, size / 3).unwrap();
            tree.append(heap, right).unwrap();
        });
    }
}

#[test]
fn building() {
    for size in SIZES {
        cut_off::<Fixed>(&[], |heap, tree, _| {
            let mut builder = Builder::new(Fixed);
            for value in even_numbers(size) {
                builder.push(heap, value).unwrap();
            }
            *tree = Tree::new(builder.finish(heap).unwrap(), Fixed);
        });
    }
}

#[test]
fn giving_back_and_moving() {
    for size in [4, 17, 70] {
        cut_off::<Fixed>(&even_numbers(size), |heap, tree, other| {
            // Several transactions would be several commits: the first of these steps is enough.
            *other = std::mem::replace(tree, Tree::new(Root::EMPTY, Fixed));
            other.reclaim(heap, size / 12 + 1, |_, _| Ok(())).unwrap();
        });
        cut_off::<Fixed>(&even_numbers(size), |heap, tree, _| {
            tree.relocate(heap, size / 2, 3, |_, _| true).unwrap();
        });
    }
}

#[test]
fn ends_that_become_nodes_and_nodes_that_become_ends() {
    let long = |n: usize| vec![n as u8; 20];
    for size in [1, 5, 17, 70] {
        let values: Vec<_> = (0..size).map(long).collect();
        let empty = || Tree::new(Root::EMPTY, Listed::new());
        cut_off::<Listed>(&values, |heap, tree, other| {
            let mut stack = empty();
            (0..4).for_each(|n| stack.push(heap, &long(n), 96).unwrap());
            tree.attach_last(heap, stack).unwrap();
            *other = tree.detach_first_reversed(heap).unwrap();
        });
        cut_off::<Listed>(&values, |heap, tree, other| {
            let mut stack = empty();
            (0..4).for_each(|n| stack.push(heap, &long(n), 96).unwrap());
            tree.attach_first_reversed(heap, stack).unwrap();
            let mut stack = tree.detach_last(heap).unwrap();
            let offset = stack.top(heap).1;
            stack.pop(heap, offset, offset).unwrap();
            *other = stack;
        });
    }
}
