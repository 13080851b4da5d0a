//! Commits across shards, decided in this worker's line of the control segment.

use std::sync::Arc;

use engine::txn::Coordinator;
use shm::{Control, TransactionId};

use crate::dispatch::WorkerId;

/// One worker's line.
pub struct Line {
    control: Arc<Control>,
    worker: WorkerId,
    begun_count: u64,
}

impl Line {
    pub fn new(control: Arc<Control>, worker: WorkerId) -> Line {
        Line { control, worker, begun_count: 0 }
    }
}

impl Coordinator for Line {
    fn begin(&mut self) -> u64 {
        self.begun_count += 1;
        TransactionId::new(self.worker.index(), self.begun_count).raw()
    }

    fn announce(&mut self, txid: u64) {
        let transaction = TransactionId::from_raw(txid).expect("a number that `begin` gave");
        self.control.announce(transaction);
    }

    fn clear(&mut self) {
        self.control.clear(self.worker.index());
    }
}
