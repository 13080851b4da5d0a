//! Requests that wait for keys: parked until they are served, time out, or end with their client.
//!
//! ```text
//! session's worker                       the shard's owner, or who holds it
//! BLPOP k 0 ───────────────────────────▶ runs: nothing there; a waiter joins the queue of k
//! parked: alarm, hangup, CLIENT UNBLOCK ◀─ Parked
//!                                          LPUSH k x, committed; before the next command: the first waiter's
//!                                          handler runs, its ticket is claimed, both commit as one
//! reply to the session ◀─────────────────── Woken
//! ```
//! Whoever claims the ticket answers. A waiter that needs a shard which is not in hand (the destination of BLMOVE) is
//! served by a transaction of its own; until then its shard serves such transactions only.

use std::cell::Cell;
use std::sync::Arc;

use engine::command::{Args, Caller, Error, Exec, KeyHash, Outcome, Patience};
use engine::keyspace::Keyspace;
use engine::keyspace::waiters::{Queued, Ticket, WaitedKey, Waiter};
use engine::shard::ShardId;
use engine::txn;
use net::resp::Word;

use super::Worker;
use super::alarms::Alarm;
use super::batch::{Guest, ReturnTo, SessionKey};
use super::executor::{Executor, with_slices};
use super::message::{Message, Transaction, Work};
use crate::dispatch::{Row, Run};
use crate::session::{Parked, Seq, Wire};

/// Where a waiter comes from.
struct Origin {
    return_to: ReturnTo,
    guest: Guest,
    row: u16,
}

/// A reply to a request that has waited.
pub struct Woken {
    pub return_to: ReturnTo,
    pub reply: Vec<u8>,
}

/// A request of yours has begun to wait.
pub struct Parking {
    pub return_to: ReturnTo,
    pub waiter: Arc<Waiter>,
}

/// A waiter to be served on all shards that it needs.
pub struct Service {
    pub queued: Queued,
    pub place: WaitedKey,
    /// Of the key that has changed first, then of the others.
    hashes: Vec<KeyHash>,
}

/// How an attempt to serve a waiter ended.
#[derive(PartialEq, Eq)]
enum Attempt {
    /// It has its reply, or its wait was over.
    Over,
    /// There is nothing for it yet.
    Waits,
}

impl Executor {
    /// Runs a command that may wait; if it does, it joins the queues of its keys, all of which are held.
    pub fn run_patiently(
        &mut self,
        held: &mut [&mut Keyspace],
        row: &Row,
        (text, words): (&[u8], &[Word]),
        (guest, return_to): (Guest, ReturnTo),
        wire: &mut Wire<'_>,
    ) -> Option<Parking> {
        let Run::Data(command) = row.run else { unreachable!("{} runs on no shard", row.spec.name) };
        let caller = Caller { patience: Patience::Waits, ..self.caller(guest) };
        let (hasher, now_ms) = (self.hasher, self.now_ms);
        let mut rewritten = Vec::new();
        let result = with_slices(text, words, |slices| {
            let mut args = Args::new(slices, &hasher).starting_at(usize::from(row.name_words));
            txn::transact(held, wire, self.coordinator(), |held, reply| {
                let mut exec = Exec::new(held, &caller, now_ms);
                let outcome = (command.run)(&mut exec, &mut args, reply);
                rewritten = exec.take_rewritten();
                outcome
            })
        });
        self.note_call(row.id);
        if held.iter().any(|keyspace| keyspace.waiters().are_ready()) {
            self.serve_waiters(held);
        }
        let wait = match result {
            Ok(Outcome::WaitFor(wait)) => wait,
            Ok(Outcome::Done) => return None,
            Err(error) => {
                self.note_failure(row, &error, wire);
                return None;
            }
        };
        let origin = Origin { return_to, guest, row: row.id };
        let mut own: Box<[Box<[u8]>]> = words.iter().map(|word| word.of(text).into()).collect();
        rewritten.into_iter().for_each(|(at, word)| own[at] = word);
        let waiter = Arc::new(Waiter {
            ticket: Ticket::default(),
            db: guest.db,
            words: own,
            wait,
            origin: Box::new(origin),
        });
        for word in wait.first_key..wait.first_key + wait.key_count {
            let key = &waiter.words[word];
            let slot = self.hasher.hash(key).slot();
            let keyspace = held.iter_mut().find(|keyspace| keyspace.slots().contains(slot));
            let keyspace = keyspace.expect("the shards of all keys are held");
            keyspace.waiters_mut().add(guest.db, key, Queued { waiter: waiter.clone(), word });
        }
        Some(Parking { return_to, waiter })
    }

    /// Serves those who wait for keys of these shards that have changed, in the order of arrival.
    #[cold]
    pub fn serve_waiters(&mut self, held: &mut [&mut Keyspace]) {
        while let Some((at, place)) = next_ready(held) {
            self.serve_queue(held, at, &place);
        }
    }

    /// Serves one key's queue.
    fn serve_queue(&mut self, held: &mut [&mut Keyspace], at: usize, place: &WaitedKey) {
        let mut nth = 0;
        while let Some(queued) = held[at].waiters_mut().waiting_at(place, nth) {
            let key = self.hasher.key(&place.1);
            let is_there = held[at].is_live(place.0, &key, self.now_ms);
            if !is_there && !queued.waiter.wait.on_loss {
                nth += 1;
                continue;
            }
            let hashes = self.needed(&queued);
            let is_held = |hash: &KeyHash| held.iter().any(|keyspace| keyspace.slots().contains(hash.slot()));
            if !hashes.iter().all(is_held) {
                held[at].waiters_mut().stop(place);
                self.deferred.push(Service { queued, place: place.clone(), hashes });
                return;
            }
            if self.attempt(held, &queued) == Attempt::Waits {
                nth += 1;
            }
        }
        held[at].waiters_mut().settle(place);
    }

    /// The keys whose shards a waiter needs: the one that has changed, and those that it does not wait for.
    fn needed(&self, queued: &Queued) -> Vec<KeyHash> {
        let Queued { waiter, word } = queued;
        let words: Vec<&[u8]> = waiter.words.iter().map(|word| &**word).collect();
        let waited = waiter.wait.first_key..waiter.wait.first_key + waiter.wait.key_count;
        let mut hashes = vec![self.hasher.hash(words[*word])];
        let row = self.table.row(origin_of(waiter).row);
        let known = row.spec.keys.walk(&words, |at, _| {
            if !waited.contains(&at) {
                hashes.push(self.hasher.hash(words[at]));
            }
        });
        debug_assert!(known.is_ok(), "its keys were known when it began to wait");
        hashes
    }

    /// Runs a waiter's request again. Its changes and the claim of its ticket are one: what somebody else has ended is
    /// taken back.
    fn attempt(&mut self, held: &mut [&mut Keyspace], queued: &Queued) -> Attempt {
        let Queued { waiter, word } = queued;
        let &Origin { return_to, guest, row } = origin_of(waiter);
        let row = self.table.row(row);
        let Run::Data(command) = row.run else { unreachable!("{} runs on no shard", row.spec.name) };
        let mut caller = self.caller(guest);
        caller.patience = Patience::Woken { by_key: *word };
        let (mut reply, protocol) = (Vec::new(), Cell::new(guest.protocol));
        let mut wire = Wire::new(&mut reply, &protocol);
        let (hasher, now_ms) = (self.hasher, self.now_ms);
        let mut is_ours = false;
        let result = txn::transact(held, &mut wire, self.coordinator(), |held, reply| {
            let words: Vec<&[u8]> = waiter.words.iter().map(|word| &**word).collect();
            let mut args = Args::new(&words, &hasher).starting_at(usize::from(row.name_words));
            let outcome = (command.run)(&mut Exec::new(held, &caller, now_ms), &mut args, reply)?;
            if outcome == Outcome::Done {
                is_ours = waiter.ticket.claim();
                if !is_ours {
                    return Err(Error::Internal);
                }
            }
            Ok(outcome)
        });
        match result {
            Ok(Outcome::WaitFor(_)) => return Attempt::Waits,
            Ok(Outcome::Done) => {}
            Err(error) => {
                if !is_ours && !waiter.ticket.claim() {
                    return Attempt::Over;
                }
                self.note_failure(row, &error, &wire);
            }
        }
        self.woken.push(Woken { return_to, reply });
        Attempt::Over
    }
}

fn origin_of(waiter: &Waiter) -> &Origin {
    waiter.origin.downcast_ref().expect("only this module makes waiters")
}

fn next_ready(held: &mut [&mut Keyspace]) -> Option<(usize, WaitedKey)> {
    let mut numbered = held.iter_mut().enumerate();
    numbered.find_map(|(at, keyspace)| Some((at, keyspace.waiters_mut().next_ready()?)))
}

impl Worker {
    /// After commands have run: sends replies to those who were served, and serves those who need more shards.
    #[inline]
    pub(super) fn follow_up(&mut self) {
        if self.executor.has_followers() {
            self.follow_up_now();
        }
    }

    #[cold]
    fn follow_up_now(&mut self) {
        while let Some(service) = self.executor.deferred.pop() {
            let shards = self.shards_for(&service);
            let Worker { berths, executor, .. } = self;
            if berths.with_all(&shards, |held| serve(executor, held, &service)).is_none() {
                berths.refresh_reservations(&shards);
                let transaction = Transaction { work: Work::Service(Box::new(service)), shards };
                self.coordinate(Box::new(transaction));
            }
        }
        for woken in std::mem::take(&mut self.executor.woken) {
            self.wake(woken);
        }
    }

    fn shards_for(&self, service: &Service) -> Vec<ShardId> {
        let mut shards: Vec<_> = service.hashes.iter().map(|hash| self.placement.shard_of(*hash)).collect();
        shards.sort_unstable();
        shards.dedup();
        shards
    }

    /// Hands a reply to the session that has waited for it.
    pub(super) fn wake(&mut self, woken: Woken) {
        let ReturnTo { worker, session, seq } = woken.return_to;
        if worker != self.id {
            return self.links.send(worker, Message::Woken(Box::new(woken)));
        }
        self.end_wait(session, seq);
        self.answer_parked(session, seq, &woken.reply);
    }

    fn answer_parked(&mut self, key: SessionKey, seq: Seq, reply: &[u8]) {
        self.sessions.touch(key);
        let session = &mut self.sessions[key];
        session.out.lend_memory(|| self.spares.output());
        session.flight.answer(seq, reply, session.out.tail());
    }

    /// A session of this worker, or another's, begins to wait.
    pub(super) fn park(&mut self, parking: Parking) {
        let ReturnTo { worker, session: key, seq } = parking.return_to;
        if worker != self.id {
            return self.links.send(worker, Message::Parked(Box::new(parking)));
        }
        // The reply may have overtaken the news.
        if !parking.waiter.ticket.is_waiting() {
            return;
        }
        let session = &mut self.sessions[key];
        let wait = parking.waiter.wait;
        let client = session.client.id;
        session.parked = Some(Parked { waiter: parking.waiter, seq });
        session.client.is_blocked = true;
        self.executor.counters.clients_blocked.add(1);
        if session.link.as_ref().is_none_or(|link| link.hangup) {
            return self.close(key);
        }
        if let Some(until_ms) = wait.until_ms {
            self.timers.set(until_ms, Alarm::WaitOver { session: key, client, seq });
        }
    }

    /// The session waits no longer, whoever has ended it.
    fn end_wait(&mut self, key: SessionKey, seq: Seq) -> Option<Arc<Waiter>> {
        let session = &mut self.sessions[key];
        let parked = session.parked.take_if(|parked| parked.seq == seq)?;
        session.client.is_blocked = false;
        self.executor.counters.clients_blocked.subtract(1);
        Some(parked.waiter)
    }

    /// The time of a wait is over.
    pub(super) fn wait_is_over(&mut self, key: SessionKey, client: u64, seq: Seq) {
        let waits = self.sessions.with_client(key, client)
            && self.sessions[key].parked.as_ref().is_some_and(|parked| parked.seq == seq);
        if waits {
            self.give_up(key, None);
        }
    }

    /// Ends a session's wait with its timeout's reply, or an error. False if it does not wait, or its reply is on its way.
    pub(super) fn give_up(&mut self, key: SessionKey, error: Option<&'static [u8]>) -> bool {
        let Some(parked) = &self.sessions[key].parked else { return false };
        let (seq, nothing) = (parked.seq, parked.waiter.wait.nothing);
        if !parked.waiter.ticket.claim() {
            return false;
        }
        self.end_wait(key, seq);
        let (mut reply, protocol) = (Vec::new(), Cell::new(self.sessions[key].protocol.get()));
        let mut wire = Wire::new(&mut reply, &protocol);
        match error {
            Some(line) => {
                engine::command::Reply::error_line(&mut wire, line);
                self.executor.note_error_reply(&wire);
            }
            None => nothing.write(&mut wire),
        }
        self.answer_parked(key, seq, &reply);
        true
    }

    /// A session was closed; if it waits, so ends its wait.
    pub(super) fn abandon_wait(&mut self, key: SessionKey) {
        let Some(parked) = &self.sessions[key].parked else { return };
        let (seq, is_ours) = (parked.seq, parked.waiter.ticket.claim());
        self.end_wait(key, seq);
        if is_ours {
            // Nobody listens; but whatever is asked is answered.
            self.answer_parked(key, seq, &[]);
        }
    }
}

/// Serves a waiter whose shards are all in hand, and then who else waits for what has changed.
pub fn serve(executor: &mut Executor, held: &mut [&mut Keyspace], service: &Service) {
    let Service { queued, place, hashes } = service;
    if queued.waiter.ticket.is_waiting() {
        executor.attempt(held, queued);
    }
    let slot = hashes[0].slot();
    if let Some(keyspace) = held.iter_mut().find(|keyspace| keyspace.slots().contains(slot)) {
        // The others of its queue are looked at again; it stays the first of them unless it was served.
        keyspace.waiters_mut().go_on(place);
    }
    executor.serve_waiters(held);
}
