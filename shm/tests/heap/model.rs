//! Random transactions with every kind of end.

use proptest::prelude::*;
use shm::{Heap, HeapOptions, Region};

use crate::table::{self, Model, Op};

/// How a transaction ends.
#[derive(Debug, Clone, Copy)]
enum End {
    Commit,
    Rollback,
    Crash,
    PrepareAndCommit,
    PrepareAndRollback,
    /// Crash between the two halves of a commit; whether the whole had been committed by then.
    PrepareAndCrash(bool),
}

fn end() -> impl Strategy<Value = End> {
    prop_oneof![
        8 => Just(End::Commit),
        2 => Just(End::Rollback),
        2 => Just(End::Crash),
        1 => Just(End::PrepareAndCommit),
        1 => Just(End::PrepareAndRollback),
        1 => any::<bool>().prop_map(End::PrepareAndCrash),
    ]
}

fn crash(heap: Heap, capacity: usize, committed: bool) -> Heap {
    let image = heap.region().bytes().to_vec();
    let region = Region::from_image(&image, capacity);
    Heap::attach(region, HeapOptions::default(), |_| committed).expect("what a crash leaves is sound").0
}

fn walk(capacity: usize, transactions: &[(Vec<Op>, End)]) {
    let mut heap = Heap::in_memory(capacity);
    table::create(&mut heap);
    let mut model = Model::default();
    for (ops, end) in transactions {
        let mut next = model.clone();
        let done = ops.iter().try_for_each(|op| {
            op.run(&mut heap)?;
            next.apply(op);
            Ok::<_, shm::OutOfMemory>(())
        });
        let mut keep = false;
        if done.is_err() {
            heap.rollback();
        } else {
            match *end {
                End::Commit => heap.commit(),
                End::Rollback => heap.rollback(),
                End::Crash => heap = crash(heap, capacity, true),
                End::PrepareAndCommit => {
                    heap.prepare(5);
                    heap.commit();
                }
                End::PrepareAndRollback => {
                    heap.prepare(5);
                    heap.rollback();
                }
                End::PrepareAndCrash(committed) => {
                    heap.prepare(5);
                    heap = crash(heap, capacity, committed);
                }
            }
            keep = matches!(end, End::Commit | End::PrepareAndCommit | End::PrepareAndCrash(true));
        }
        if keep {
            model = next;
        }
        assert!(!heap.in_transaction());
        table::verify(&heap);
        assert_eq!(Model::of(&heap), model);
    }
}

fn transactions(ops: usize, count: usize) -> impl Strategy<Value = Vec<(Vec<Op>, End)>> {
    prop::collection::vec((prop::collection::vec(table::op(), 0..ops), end()), 1..count)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(48), ..ProptestConfig::default() })]

    #[test]
    fn many_small_transactions(transactions in transactions(6, 60)) {
        walk(8 << 20, &transactions);
    }

    #[test]
    fn long_transactions_use_log_pages(transactions in transactions(200, 6)) {
        walk(16 << 20, &transactions);
    }

    #[test]
    fn a_tight_region_runs_out_of_memory_and_recovers(transactions in transactions(20, 40)) {
        walk(12 << 16, &transactions);
    }
}

/// PROPTEST_CASES, or a number that keeps this quick.
pub fn cases(default: u32) -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(default)
}
