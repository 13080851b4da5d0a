//! Transactions on shards of several workers: their owners lend the shards to one worker, which runs the command
//! on all of them and gives them back.
//!
//! ```text
//! coordinator (worker 0, owns 0–3)               owner (worker 1, owns 4–7)
//! takes shard 2 ── Hold {5, 7} ────────────────▶ 5 is at home: taken; 7 is away: waits in its queue
//!                                                … 7 comes home: taken
//! runs, commits ◀──────────────── Held {5, 7} ── serves its other shards meanwhile
//! puts 2 back   ── Release {5, 7} ─────────────▶ 5 and 7 are at home, their queues are served
//! ```
//! Shards are taken in ascending order, so that transactions cannot wait for each other in a circle; a queue
//! is first come first served, so that none waits for ever. It is two-phase locking with the shard as the granule,
//! and the lock is the shard itself.

use std::cell::Cell;

use engine::command::Flags;
use engine::keyspace::Keyspace;
use slab::Slab;

use super::Worker;
use super::batch::{Batch, Errand, Reply, ReturnTo};
use super::berths::Waiting;
use super::executor::Executor;
use super::message::{Hold, Message, Transaction, Work};
use super::waiting::{Parking, serve};
use crate::dispatch::WorkerId;
use crate::session::Wire;

/// The transactions that a worker coordinates.
#[derive(Default)]
pub struct Holds {
    under_way: Slab<UnderWay>,
}

struct UnderWay {
    transaction: Box<Transaction>,
    /// How many of its shards are here.
    held_count: usize,
    /// What the owners have lent, this worker among them.
    #[expect(clippy::vec_box, reason = "they came in these boxes and leave in them")]
    held: Vec<Box<Hold>>,
}

impl Holds {
    pub fn is_empty(&self) -> bool {
        self.under_way.is_empty()
    }
}

impl Worker {
    /// Has a transaction coordinated by `coordinator`.
    pub(super) fn coordinate_at(&mut self, coordinator: WorkerId, transaction: Box<Transaction>) {
        if coordinator == self.id {
            self.coordinate(transaction);
        } else {
            self.links.send(coordinator, Message::Coordinate(transaction));
        }
    }

    /// Runs a transaction as soon as all its shards are here.
    pub(super) fn coordinate(&mut self, transaction: Box<Transaction>) {
        let number = self.holds.under_way.insert(UnderWay { transaction, held_count: 0, held: Vec::new() });
        self.borrow_next(number);
    }

    /// Asks for the next shards: those of one owner.
    fn borrow_next(&mut self, number: usize) {
        let under_way = &self.holds.under_way[number];
        let missing = &under_way.transaction.shards[under_way.held_count..];
        let Some(first) = missing.first() else { return self.run_transaction(number) };
        let owner = self.placement.owner(*first);
        let same_owner = missing.iter().take_while(|shard| self.placement.owner(**shard) == owner);
        let wanted: Vec<_> = same_owner.copied().collect();
        let shards = Vec::with_capacity(wanted.len());
        let hold = Box::new(Hold { borrower: self.id, transaction: number, wanted, shards });
        if owner == self.id {
            self.lend(hold);
        } else {
            self.links.send(owner, Message::Hold(hold));
        }
    }

    /// Takes the shards of a loan one after the other; waits for the first that is away.
    pub(super) fn lend(&mut self, mut hold: Box<Hold>) {
        while let Some(&wanted) = hold.wanted.get(hold.shards.len()) {
            match self.berths.take(wanted) {
                Some(shard) => hold.shards.push(shard),
                None => return self.berths.queue(wanted, Waiting::Hold(hold)),
            }
        }
        if hold.borrower == self.id {
            self.borrowed(hold);
        } else {
            self.links.send(hold.borrower, Message::Held(hold));
        }
    }

    /// Shards of one owner have come.
    pub(super) fn borrowed(&mut self, hold: Box<Hold>) {
        let number = hold.transaction;
        let under_way = &mut self.holds.under_way[number];
        under_way.held_count += hold.shards.len();
        under_way.held.push(hold);
        self.borrow_next(number);
    }

    /// All shards are here: runs, gives them back, answers.
    fn run_transaction(&mut self, number: usize) {
        let UnderWay { transaction, mut held, .. } = self.holds.under_way.remove(number);
        let mut keyspaces: Vec<_> = held
            .iter_mut()
            .flat_map(|hold| hold.shards.iter_mut().map(|shard| &mut shard.keyspace))
            .collect();
        match transaction.work {
            Work::Request(mut batch) => {
                let parking = run_alone(&mut self.executor, &mut keyspaces, &mut batch);
                self.release(held);
                if batch.origin == self.id {
                    self.deliver(batch);
                } else {
                    self.links.send(batch.origin, Message::Replies(batch));
                }
                if let Some(parking) = parking {
                    self.park(parking);
                }
            }
            Work::Service(service) => {
                serve(&mut self.executor, &mut keyspaces, &service);
                self.release(held);
            }
            Work::Bundle(bundle) => {
                let answer = self.run_bundle(&bundle, &mut keyspaces);
                self.release(held);
                self.deliver_bundle(*bundle, answer);
            }
        }
        self.follow_up();
    }

    /// Gives shards back to their owners.
    #[expect(clippy::vec_box, reason = "they came in these boxes and leave in them")]
    fn release(&mut self, held: Vec<Box<Hold>>) {
        for hold in held {
            let owner = self.placement.owner(hold.wanted[0]);
            if owner == self.id {
                self.returned.extend(hold.shards);
            } else {
                self.links.send(owner, Message::Release(hold));
            }
        }
    }
}

/// Runs the one request of a batch. Returns what is to be told if it waits for a key.
fn run_alone(executor: &mut Executor, held: &mut [&mut Keyspace], batch: &mut Batch) -> Option<Parking> {
    let Batch { origin, requests, texts, replies } = batch;
    let request = &mut requests[0];
    let text = texts.of(request);
    let Errand { session, seq, guest, row, .. } = request.errand;
    let protocol = Cell::new(guest.protocol);
    let row = executor.table.row(row);
    let mut wire = Wire::new(replies, &protocol);
    if row.spec.flags.contains(Flags::BLOCKING) {
        let return_to = ReturnTo { worker: *origin, session, seq };
        let parking = executor.run_patiently(held, row, text, (guest, return_to), &mut wire);
        if parking.is_some() {
            return parking;
        }
    } else {
        executor.run(held, row, text, (&[], None), guest, &mut wire);
    }
    request.reply = Some(Reply { start: 0, len: replies.len() });
    None
}
