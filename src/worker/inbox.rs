//! What peers send: requests to run, replies to deliver, shards that come and go.

use std::cell::Cell;

use engine::command::Flags;
use net::resp::Word;

use super::Worker;
use super::batch::{Batch, Errand, Reply, Request, ReturnTo};
use super::berths::{Berths, Waiting};
use super::chunk::CHUNK_LEN;
use super::executor::Executor;
use super::links::Links;
use super::message::Message;
use super::waiting::Parking;
use crate::session::Wire;

/// How many messages of one peer are taken before the next peer has its turn.
const MESSAGES_IN_A_ROW: usize = 16;

impl Worker {
    /// Takes what has come from every peer. What comes in the meantime is for the next turn.
    pub(super) fn read_inboxes(&mut self) {
        for from in 0..self.links.worker_count() {
            for _ in 0..MESSAGES_IN_A_ROW {
                let Some(message) = self.links.receive(from) else { break };
                self.handle(message);
                self.serve_returned();
            }
        }
    }

    fn handle(&mut self, message: Message) {
        match message {
            Message::Requests(batch) => self.serve(batch),
            Message::Coordinate(transaction) => self.coordinate(transaction),
            Message::Replies(batch) => self.deliver(batch),
            Message::Hold(hold) => {
                self.executor.counters.holds.add(1);
                self.lend(hold);
            }
            Message::Held(hold) => self.borrowed(hold),
            Message::Release(hold) => self.returned.extend(hold.shards),
            Message::Parked(parking) => self.park(*parking),
            Message::Woken(woken) => self.wake(*woken),
            Message::Visit(visit) => self.visit(visit),
            Message::Visited(visit) => self.finish_visit(*visit),
            Message::Unwatch(unwatch) => self.forget_watch(unwatch),
            Message::Ask(inquiry) => self.ask(inquiry),
            Message::Asked(inquiry) => self.finish_inquiry(*inquiry),
        }
    }

    /// Runs a batch of requests on shards of this worker and sends the replies home.
    pub(super) fn serve(&mut self, mut batch: Box<Batch>) {
        let origin = batch.origin;
        for start in (0..batch.requests.len()).step_by(CHUNK_LEN) {
            let end = (start + CHUNK_LEN).min(batch.requests.len());
            prefetch(&batch.requests[start..end], &self.berths);
            for nth in start..end {
                let Worker { berths, executor, links, .. } = self;
                let parking = run_request(&mut batch, nth, executor, berths, links);
                if let Some(parking) = parking {
                    self.park(parking);
                }
                self.follow_up();
            }
        }
        if origin == self.id {
            self.deliver(batch);
        } else {
            self.executor.counters.hops_received.add(batch.requests.len() as u64);
            self.links.send(origin, Message::Replies(batch));
        }
    }

    /// Hands the replies of a batch to the sessions that asked.
    pub(super) fn deliver(&mut self, batch: Box<Batch>) {
        let Batch { requests, replies, .. } = &*batch;
        for of_one_client in requests.chunk_by(|one, next| one.errand.session == next.errand.session) {
            let key = of_one_client[0].errand.session;
            self.sessions.touch(key);
            let session = &mut self.sessions[key];
            session.out.lend_memory(|| self.spares.output());
            for request in of_one_client {
                // None: it waits for its shard in another batch, or for a key.
                let Some(Reply { start, len }) = request.reply else { continue };
                session.note_reply(len);
                session.flight.answer(request.errand.seq, &replies[start..start + len], session.out.tail());
            }
        }
        self.links.recycle(batch);
    }

    /// Shards have come back: serves who waits for them, in order of arrival, until they leave again or nobody waits.
    pub(super) fn serve_returned(&mut self) {
        while let Some(shard) = self.returned.pop_front() {
            let id = shard.id;
            self.berths.put(shard);
            while self.berths.is_home(id)
                && let Some(waiting) = self.berths.next_waiting(id)
            {
                match waiting {
                    Waiting::Requests(batch) => self.serve(batch),
                    Waiting::Hold(hold) => self.lend(hold),
                    Waiting::Visit(visit) => self.visit(visit),
                    Waiting::Inquiry(inquiry) => self.ask(inquiry),
                    Waiting::Unwatch(unwatch) => self.forget_watch(unwatch),
                }
            }
        }
    }
}

/// Asks for the memory of all requests: first the buckets, and when they have come, the entries.
fn prefetch(requests: &[Request], berths: &Berths) {
    for Request { errand, .. } in requests {
        if let (Some(hash), Some(shard)) = (errand.hash, berths.peek(errand.shard)) {
            shard.keyspace.prefetch_bucket(errand.guest.db, hash);
        }
    }
    for Request { errand, .. } in requests {
        if let (Some(hash), Some(shard)) = (errand.hash, berths.peek(errand.shard)) {
            shard.keyspace.prefetch_entry(errand.guest.db, hash);
        }
    }
}

/// Runs one request, or lets it wait for its shard. Returns what is to be told if it waits for a key.
#[inline]
fn run_request(
    batch: &mut Batch,
    nth: usize,
    executor: &mut Executor,
    berths: &mut Berths,
    links: &mut Links,
) -> Option<Parking> {
    let Batch { origin, requests, texts, replies } = batch;
    let request = &mut requests[nth];
    let text: (&[u8], &[Word]) = texts.of(request);
    let Errand { row, shard, hash, guest, session, seq } = request.errand;
    let Some(home) = berths.home(shard) else {
        let (origin, own) = (*origin, links.own());
        let fresh = || if origin == own { links.fresh_batch() } else { Batch::new(origin) };
        berths.queue_request(origin, request.errand, text, fresh);
        return None;
    };
    let start = replies.len();
    let protocol = Cell::new(guest.protocol);
    let row = executor.table.row(row);
    let (held, wire) = (&mut [&mut home.keyspace], &mut Wire::new(replies, &protocol));
    if row.spec.flags.contains(Flags::BLOCKING) {
        let return_to = ReturnTo { worker: *origin, session, seq };
        let parking = executor.run_patiently(held, row, text, (guest, return_to), wire);
        if parking.is_some() {
            return parking;
        }
    } else {
        executor.run(held, row, text, (hash.as_slice(), None), guest, wire);
    }
    request.reply = Some(Reply { start, len: replies.len() - start });
    None
}
