//! Every operation, cut off at its stores by a crash or a panic: the value is as before or as after.
//! `HEARTH_CRASH_FULL=1` tries every store and every store of the recovery; by default it is a part of them.

use shm::fault::{Crashes, Effort, Recording, each_panic};
use shm::{Handle, Heap};

use super::{Small, blocks, content};

fn effort(crashes: &Crashes) -> Effort {
    match std::env::var("HEARTH_CRASH_FULL").as_deref() {
        Ok("1") => Effort::FULL,
        _ => Effort::about(6, crashes),
    }
}

/// The values whose handles are in root words 0 and 1.
fn values(heap: &Heap) -> [Option<Small>; 2] {
    [0, 1].map(|word| Handle::from_raw(heap.root(word) as u32).map(Small::at))
}

fn contents(heap: &Heap) -> [Option<Vec<u8>>; 2] {
    values(heap).map(|extent| extent.map(|extent| content(heap, extent)))
}

fn check(heap: &Heap, expected: &[Option<Vec<u8>>; 2]) {
    assert_eq!(contents(heap), *expected);
    let reachable = values(heap).into_iter().flatten().flat_map(|extent| blocks(heap, extent));
    heap.verify(reachable).unwrap();
}

fn set_root(heap: &mut Heap, word: usize, extent: Option<Small>) {
    let raw = Handle::raw_or_zero(extent.map(|extent| extent.handle()));
    if heap.root(word) != u64::from(raw) {
        heap.set_root(word, raw.into()).unwrap();
    }
}

/// Runs `change` on a value of `len` bytes, as one transaction that is cut off everywhere. What it returns
/// are the values afterwards.
fn cut_off(len: usize, hole: bool, change: impl Fn(&mut Heap, Small) -> [Option<Small>; 2]) {
    let make = || {
        let mut heap = Heap::in_memory(4 << 20);
        let bytes: Vec<u8> = (1..=255).chain(1..).take(len).collect();
        let mut extent = Small::from_bytes(&mut heap, if hole { &[] } else { &bytes }).unwrap();
        extent.resize(&mut heap, len as u64).unwrap();
        set_root(&mut heap, 0, Some(extent));
        heap.commit();
        heap
    };
    let run = |heap: &mut Heap| {
        let [Some(extent), None] = values(heap) else { panic!("one value") };
        let after = change(heap, extent);
        set_root(heap, 0, after[0]);
        set_root(heap, 1, after[1]);
        heap.commit();
    };
    let mut heap = make();
    let before = contents(&heap);
    let recording = Recording::start(&mut heap);
    run(&mut heap);
    let crashes = recording.finish(&mut heap);
    let after = contents(&heap);
    check(&heap, &after);
    let expected = |commits| if commits == 0 { &before } else { &after };
    crashes.explore(effort(&crashes), |heap, commits| check(heap, expected(commits)));
    let panics = each_panic(make, |heap| heap, run, |heap, commits| check(heap, expected(commits)));
    assert_eq!(panics, crashes.len());
}

/// Around the borders of chunks and of the top block.
const LENS: [usize; 9] = [0, 1, 16, 40, 63, 64, 65, 128, 250];

#[test]
fn building_and_copying() {
    for len in LENS {
        cut_off(len, false, |heap, extent| [Some(extent), Some(extent.copy(heap).unwrap())]);
    }
}

#[test]
fn appending() {
    for len in LENS {
        for count in [1, 6, 70] {
            let count = count.min(256 - len);
            cut_off(len, false, |heap, mut extent| {
                extent.append(heap, &vec![7; count]).unwrap();
                [Some(extent), None]
            });
        }
    }
}

#[test]
fn writing() {
    for len in LENS {
        for hole in [false, true] {
            for (at, count) in [(0, len), (len / 2, len / 3), (len.saturating_sub(1), 1.min(len))] {
                cut_off(len, hole, |heap, mut extent| {
                    extent.write(heap, at as u64, &vec![0xaa; count]).unwrap();
                    [Some(extent), None]
                });
            }
        }
    }
}

#[test]
fn resizing() {
    for len in LENS {
        for to in LENS {
            cut_off(len, false, |heap, mut extent| {
                extent.resize(heap, to as u64).unwrap();
                [Some(extent), None]
            });
        }
    }
}

#[test]
fn giving_back_and_moving() {
    for len in LENS {
        for chunks in [1, 5, 16] {
            cut_off(len, false, |heap, extent| [extent.reclaim(heap, chunks).unwrap(), None]);
            cut_off(len, false, |heap, mut extent| {
                extent.relocate(heap, 0, chunks, |_, _| true).unwrap();
                [Some(extent), None]
            });
        }
    }
}
