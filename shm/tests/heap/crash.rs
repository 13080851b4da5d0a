//! Every crash and every panic of chosen transactions, and a sample of those of random ones.

use proptest::prelude::*;
use shm::fault::{self, Crashes, Effort, Event, Recording};
use shm::heap::PAGE_LEN;
use shm::{Heap, OutOfMemory};

use crate::model::cases;
use crate::table::{self, Model, OBJECT_LEN_MAX, Op, SLOTS};

/// A chosen history: what is there, and the transactions that are watched. An empty one is a rollback of what
/// the one before it would have done.
struct Scenario {
    capacity: usize,
    before: Vec<Vec<Op>>,
    watched: Vec<Vec<Op>>,
    rolled_back: bool,
}

fn put(slot: usize, len: usize) -> Op {
    Op::Put { slot, len, seed: (slot * 31 + len) as u8 }
}

fn edit(slot: usize, start: usize, len: usize) -> Op {
    Op::Edit { slot, start, len, seed: 99 }
}

fn remove(slot: usize) -> Op {
    Op::Remove { slot }
}

impl Scenario {
    fn new(before: Vec<Vec<Op>>, watched: Vec<Vec<Op>>) -> Scenario {
        Scenario { capacity: 8 << 20, before, watched, rolled_back: false }
    }

    fn heap(&self) -> (Heap, Model) {
        let mut heap = Heap::in_memory(self.capacity);
        table::create(&mut heap);
        let mut model = Model::default();
        for ops in &self.before {
            run(&mut heap, ops).expect("room");
            heap.commit();
            ops.iter().for_each(|op| model.apply(op));
        }
        (heap, model)
    }

    /// The states between the watched transactions.
    fn states(&self, start: Model) -> Vec<Model> {
        let mut states = vec![start];
        for ops in &self.watched {
            let mut next = states.last().expect("one to start with").clone();
            if !self.rolled_back {
                ops.iter().for_each(|op| next.apply(op));
            }
            states.push(next);
        }
        states
    }

    fn run_watched(&self, heap: &mut Heap) {
        for ops in &self.watched {
            run(heap, ops).expect("room");
            if self.rolled_back { heap.rollback() } else { heap.commit() }
        }
    }

    fn record(&self) -> (Crashes, Vec<Model>) {
        let (mut heap, start) = self.heap();
        let recording = Recording::start(&mut heap);
        self.run_watched(&mut heap);
        (recording.finish(&mut heap), self.states(start))
    }

    /// Crashes with this effort, and panics at every store.
    fn check(&self, effort: impl FnOnce(&Crashes) -> Effort) {
        let (crashes, states) = self.record();
        let effort = effort(&crashes);
        crashes.explore(effort, |heap, commits| {
            table::verify(heap);
            assert_eq!(Model::of(heap), states[commits]);
        });
        let panics = fault::each_panic(
            || self.heap().0,
            |heap| heap,
            |heap| self.run_watched(heap),
            |heap, commits| {
                // A rollback that was cut off by the panic has been completed by the next.
                table::verify(heap);
                assert_eq!(Model::of(heap), states[commits]);
            },
        );
        assert_eq!(panics, crashes.len());
    }
}

fn run(heap: &mut Heap, ops: &[Op]) -> Result<(), OutOfMemory> {
    ops.iter().try_for_each(|op| op.run(heap))
}

fn full(_: &Crashes) -> Effort {
    Effort::FULL
}

#[test]
fn one_object_is_put_replaced_edited_and_removed() {
    Scenario::new(
        vec![],
        vec![
            vec![put(0, 20)],
            vec![put(0, 21)],
            vec![edit(0, 3, 4)],
            vec![put(1, 700), put(0, 40), edit(1, 5, 8), edit(1, 300, 301)],
            vec![remove(0)],
            vec![remove(1)],
        ],
    )
    .check(full);
}

#[test]
fn hot_words_and_roots_change_with_the_rest() {
    let hot = |value| Op::Hot { word: 3, value };
    let root = |value| Op::Root { index: 9, value };
    Scenario::new(
        vec![vec![hot(1), root(1), put(5, 5)]],
        vec![vec![hot(2)], vec![root(2)], vec![hot(3), put(5, 6), root(3), hot(4)], vec![hot(5), remove(5)]],
    )
    .check(full);
}

#[test]
fn the_same_word_is_stored_many_times() {
    Scenario::new(
        vec![vec![put(0, 100)]],
        vec![(0..12).map(|round| Op::Edit { slot: 0, start: 16, len: 8, seed: round }).collect()],
    )
    .check(full);
}

#[test]
fn a_block_freed_and_one_allocated_in_the_same_transaction() {
    Scenario::new(
        vec![vec![put(0, 40), put(1, 41)]],
        vec![vec![put(0, 42), put(1, 43)], vec![remove(0), put(2, 44), put(3, 40)]],
    )
    .check(full);
}

#[test]
fn a_rollback_is_cut_off() {
    let scenario = Scenario {
        rolled_back: true,
        ..Scenario::new(
            vec![vec![put(0, 20), put(1, 30), put(2, 3000)]],
            vec![vec![put(0, 21), edit(1, 0, 30), remove(2), put(3, 5000)], vec![put(0, 22)]],
        )
    };
    scenario.check(full);
}

#[test]
fn pages_are_opened_emptied_and_reopened_for_another_class() {
    let page_of = |len: usize| (0..PAGE_LEN / len).map(move |slot| put(slot % SLOTS, len));
    Scenario::new(
        vec![page_of(OBJECT_LEN_MAX).collect(), (0..SLOTS).map(remove).collect(), vec![put(7, 12_000)]],
        vec![
            vec![put(8, 6000)],
            vec![remove(8), remove(7)],
            vec![put(9, 100)],
            vec![remove(9)],
            vec![put(1, 9000)],
        ],
    )
    .check(full);
}

#[test]
fn the_region_grows_within_a_transaction() {
    let scenario = Scenario::new(vec![], vec![(0..12).map(|slot| put(slot, OBJECT_LEN_MAX)).collect()]);
    let (crashes, _) = scenario.record();
    let grown = crashes.events().iter().filter(|event| matches!(event, Event::Grow { .. })).count();
    assert_eq!(grown, 2);
    scenario.check(full);
}

#[test]
fn the_log_goes_on_in_pages_of_its_own() {
    let objects = (0..SLOTS).map(|slot| put(slot, 2000)).collect();
    let edits = |start| (0..SLOTS).map(move |slot| edit(slot, start, 990));
    for rolled_back in [false, true] {
        let scenario = Scenario {
            rolled_back,
            ..Scenario::new(
                vec![Vec::clone(&objects)],
                vec![edits(0).chain(edits(7)).chain([put(0, 9)]).collect(), vec![put(1, 9)]],
            )
        };
        let (crashes, _) = scenario.record();
        assert!(crashes.image(crashes.len()).len() > 4 * PAGE_LEN);
        scenario.check(|crashes| Effort::about(60, crashes));
    }
}

/// A heap with more small blocks than frees fit into the first part of the log, and their handles.
fn crowded() -> (Heap, Vec<shm::Handle<()>>) {
    let mut heap = Heap::in_memory(8 << 20);
    table::create(&mut heap);
    let blocks = (0..700).map(|_| heap.allocate(30).expect("room")).collect();
    heap.commit();
    (heap, blocks)
}

#[test]
fn more_frees_than_the_first_part_of_the_log_takes() {
    let (mut heap, blocks) = crowded();
    let recording = Recording::start(&mut heap);
    blocks.iter().for_each(|&block| heap.free(block));
    heap.commit();
    let crashes = recording.finish(&mut heap);
    crashes.explore(Effort::about(60, &crashes), |heap, commits| {
        let left = if commits == 0 { blocks.clone() } else { Vec::new() };
        let directory = shm::Handle::from_raw(heap.root(0) as u32).expect("made");
        heap.verify(left.into_iter().chain([directory])).expect("sound");
    });
}

#[test]
fn a_prepared_transaction_is_never_torn() {
    let scenario =
        Scenario::new(vec![vec![put(0, 20), put(1, 600)]], vec![vec![put(0, 30), remove(1), put(2, 5)]]);
    let (mut heap, start) = scenario.heap();
    let states = scenario.states(start);
    let recording = Recording::start(&mut heap);
    run(&mut heap, &scenario.watched[0]).expect("room");
    heap.prepare(11);
    heap.commit();
    let crashes = recording.finish(&mut heap);

    crashes.explore_prepared(
        Effort::FULL,
        |_| false,
        |heap, commits| {
            table::verify(heap);
            assert_eq!(Model::of(heap), states[commits]);
        },
    );
    let mut completed = 0;
    crashes.explore_prepared(
        Effort::FULL,
        |_| true,
        |heap, commits| {
            table::verify(heap);
            let model = Model::of(heap);
            if commits == 0 && model == states[1] {
                completed += 1;
            } else {
                assert_eq!(completed > 0, commits > 0, "once completed, always completed");
                assert_eq!(model, states[commits]);
            }
        },
    );
    assert!(completed > 0);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(12), ..ProptestConfig::default() })]

    #[test]
    fn random_transactions(
        before in prop::collection::vec(prop::collection::vec(table::op(), 0..10), 0..4),
        watched in prop::collection::vec(prop::collection::vec(table::op(), 0..12), 1..4),
        rolled_back in any::<bool>(),
    ) {
        // An empty transaction ends without a store.
        let hot = |mut ops: Vec<Op>| { ops.push(Op::Hot { word: 1, value: 1 }); ops };
        let watched = watched.into_iter().map(hot).collect();
        let scenario = Scenario { rolled_back, ..Scenario::new(before, watched) };
        scenario.check(|crashes| Effort::about(30, crashes));
    }
}
