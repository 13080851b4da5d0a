//! Runs data commands on shards that are in hand, and counts what they cost.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Instant;

use engine::command::{Args, Caller, Error, Exec, KeyHash, KeyHasher, Next, Patience, Visitor};
use engine::keyspace::{Keyspace, Stats};
use engine::shard::ShardId;
use engine::txn::{self, Coordinator, Hands};
use engine::types::collection::Encodings;
use net::resp::Word;
use shm::rbtree::Hint;
use smallvec::SmallVec;

use super::batch::Guest;
use super::random::Random;
use super::waiting::{Service, Woken};
use crate::client::Protocol;
use crate::config::Settings;
use crate::dispatch::{Refusal, Row, Run, Table};
use crate::session::Wire;
use crate::telemetry::WorkerCounters;

/// What a worker runs commands with.
pub struct Executor {
    pub table: &'static Table,
    pub hasher: KeyHasher,
    /// Unix milliseconds; read once per batch.
    pub now_ms: u64,
    pub random: Random,
    /// The latest, for whom nothing but the settings is of use any more.
    caller: Caller,
    coordinator: Box<dyn Coordinator + Send>,
    pub counters: Arc<WorkerCounters>,
    /// What waiters that were served are to be told.
    pub woken: Vec<Woken>,
    /// Waiters whose turn it is, but who need shards that are not in hand.
    pub deferred: Vec<Service>,
    /// Rows called since the clock was last read, with the number of calls in a row.
    untimed: Vec<(u16, u32)>,
    clock: Instant,
    tracks_latency: bool,
}

impl Executor {
    pub fn new(
        hasher: KeyHasher,
        coordinator: Box<dyn Coordinator + Send>,
        counters: Arc<WorkerCounters>,
    ) -> Executor {
        Executor {
            table: Table::get(),
            hasher,
            now_ms: 0,
            random: Random::seeded(),
            caller: Caller {
                db: 0,
                db_count: 1,
                no_touch: false,
                string_len_max: u64::MAX,
                hll_sparse_len_max: 0,
                random: 0,
                patience: Patience::None,
                encodings: Encodings::default(),
                hint: None,
            },
            coordinator,
            counters,
            woken: Vec::new(),
            deferred: Vec::new(),
            untimed: Vec::new(),
            clock: Instant::now(),
            tracks_latency: true,
        }
    }

    /// Follows the settings.
    pub fn adopt(&mut self, settings: &Settings) {
        let caller = &mut self.caller;
        caller.db_count = settings.databases;
        caller.string_len_max = settings.bulk_bytes_max;
        caller.encodings = settings.encodings;
        caller.hll_sparse_len_max = settings.hll_sparse_len_max;
        self.tracks_latency = settings.latency_tracking;
    }

    /// Whether commands that have run have consequences for others, which come before the next command.
    #[inline]
    pub fn has_followers(&self) -> bool {
        !self.deferred.is_empty() || !self.woken.is_empty()
    }

    /// What a transaction of this worker's is decided by.
    pub fn coordinator(&mut self) -> &mut dyn Coordinator {
        &mut *self.coordinator
    }

    /// What a handler may know of a client.
    pub(super) fn caller(&mut self, guest: Guest) -> Caller {
        Caller {
            db: guest.db,
            no_touch: guest.no_touch,
            random: self.random.next(),
            hint: None,
            ..self.caller
        }
    }

    /// Runs a data command on the shards that it needs. `hashes` are those of its first keys, as far as they are known,
    /// `hint` of the element that it names first. The reply, an error too, is complete afterwards.
    #[inline]
    pub fn run(
        &mut self,
        held: &mut [&mut Keyspace],
        row: &Row,
        (text, words): (&[u8], &[Word]),
        (hashes, hint): (&[KeyHash], Option<Hint>),
        guest: Guest,
        wire: &mut Wire<'_>,
    ) {
        let Run::Data(command) = row.run else { unreachable!("{} runs on no shard", row.spec.name) };
        let Executor { caller, random, hasher, coordinator, now_ms, .. } = self;
        (caller.db, caller.no_touch) = (guest.db, guest.no_touch);
        (caller.random, caller.hint) = (random.next(), hint);
        let result = with_slices(text, words, |slices| {
            let mut args = Args::new(slices, hasher).starting_at(usize::from(row.name_words));
            if let Some(keys) = row.keys {
                args = args.with_key_hashes(keys, hashes);
            }
            txn::run(held, caller, *now_ms, command, &mut args, wire, &mut **coordinator)
        });
        self.note_call(row.id);
        if held.iter().any(|keyspace| keyspace.waiters().are_ready()) {
            self.serve_waiters(held);
        }
        if let Err(error) = result {
            self.note_failure(row, &error, wire);
        }
    }

    /// Does `work` as one transaction on the shards that it needs; see [`txn::run_many`].
    ///
    /// # Errors
    /// That of a call that failed in the middle; it is the reply.
    pub fn run_many<'w>(
        &mut self,
        held: &mut [&mut Keyspace],
        wire: &mut Wire<'w>,
        work: impl FnOnce(&mut Executor, &mut Hands<'_, '_>, &mut Wire<'w>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        // It decides about the whole; the calls in it have no commit of their own.
        let mut coordinator = std::mem::replace(&mut self.coordinator, Box::new(Lent));
        let now_ms = self.now_ms;
        let result =
            txn::run_many(held, now_ms, wire, &mut *coordinator, |hands, wire| work(self, hands, wire));
        self.coordinator = coordinator;
        if held.iter().any(|keyspace| keyspace.waiters().are_ready()) {
            self.serve_waiters(held);
        }
        result
    }

    /// Lets a visitor look at one shard.
    ///
    /// # Errors
    /// The visitor's, or that it panicked; what it did at this shard is taken back.
    pub fn visit(
        &mut self,
        visitor: &mut dyn Visitor,
        shard: ShardId,
        keyspace: &mut Keyspace,
        guest: Guest,
    ) -> Result<Next, Error> {
        let caller = self.caller(guest);
        let (mut nowhere, protocol) = (Vec::new(), Cell::new(Protocol::Resp2));
        let mut wire = Wire::new(&mut nowhere, &protocol);
        let now_ms = self.now_ms;
        txn::transact(&mut [keyspace], &mut wire, &mut *self.coordinator, |held, _| {
            visitor.visit(usize::from(shard.0), &mut Exec::new(held, &caller, now_ms))
        })
    }

    /// A request was turned away: writes why.
    #[cold]
    pub fn refuse(&mut self, row: Option<&Row>, refusal: &Refusal, wire: &mut Wire<'_>) {
        engine::command::Reply::error_line(wire, &refusal.line());
        if let Some(row) = row {
            self.counters.commands.rejected(usize::from(row.id));
        }
        self.note_error_reply(wire);
    }

    /// Counts a call; its time is settled with the next [`Executor::read_clock`].
    #[inline]
    pub fn note_call(&mut self, row: u16) {
        match self.untimed.last_mut() {
            Some((last, calls)) if *last == row => *calls += 1,
            _ => self.untimed.push((row, 1)),
        }
    }

    /// A handler has failed; its error is on the wire.
    #[cold]
    pub fn note_failure(&mut self, row: &Row, error: &Error, wire: &Wire<'_>) {
        self.counters.commands.failed(usize::from(row.id));
        if *error == Error::Internal {
            self.counters.panics.add(1);
        }
        self.note_error_reply(wire);
    }

    /// Adds what a shard has counted.
    #[inline]
    pub fn count(&self, stats: &Stats) {
        self.counters.keyspace_hits.add(stats.hits);
        self.counters.keyspace_misses.add(stats.misses);
        self.counters.expired_keys.add(stats.expired);
        self.counters.expired_fields.add(stats.expired_fields);
    }

    /// Counts the error that was just written.
    #[cold]
    pub fn note_error_reply(&mut self, wire: &Wire<'_>) {
        if let Some(code) = wire.error_code() {
            self.counters.errors.record(code);
            self.counters.error_replies.add(1);
        }
    }

    /// What follows is timed from here on.
    pub fn start_clock(&mut self) {
        self.clock = Instant::now();
    }

    /// Charges the time since the clock was last read or started to the commands called since, in equal parts.
    pub fn read_clock(&mut self) {
        if self.untimed.is_empty() {
            return;
        }
        let now = Instant::now();
        let calls: u64 = self.untimed.iter().map(|(_, calls)| u64::from(*calls)).sum();
        let each_ns = (now - self.clock).as_nanos() as u64 / calls;
        self.clock = now;
        for (row, calls) in self.untimed.drain(..) {
            let (row, calls) = (usize::from(row), u64::from(calls));
            self.counters.commands.called_often(row, calls, each_ns * calls);
            if self.tracks_latency {
                self.counters.commands.took(row, calls, each_ns);
            }
        }
        self.counters.commands_processed.add(calls);
    }
}

/// Stands in for a coordinator that is at work.
struct Lent;

impl Coordinator for Lent {
    fn begin(&mut self) -> u64 {
        unreachable!("a transaction in a transaction")
    }
    fn announce(&mut self, _: u64) {
        unreachable!("a transaction in a transaction")
    }
    fn clear(&mut self) {
        unreachable!("a transaction in a transaction")
    }
}

/// Words that fit on the stack: at no cost, and at that of reserving room.
const FEW: usize = 8;
const SOME: usize = 32;

/// The words of a request as slices.
#[inline]
pub fn with_slices<R>(text: &[u8], words: &[Word], run: impl FnOnce(&[&[u8]]) -> R) -> R {
    if let [name, key] = words {
        run(&[name.of(text), key.of(text)])
    } else if let [name, key, value] = words {
        run(&[name.of(text), key.of(text), value.of(text)])
    } else if let [name, key, field, value] = words {
        run(&[name.of(text), key.of(text), field.of(text), value.of(text)])
    } else if words.len() <= FEW {
        let mut slices: [&[u8]; FEW] = [&[]; FEW];
        for (slice, word) in slices.iter_mut().zip(words) {
            *slice = word.of(text);
        }
        run(&slices[..words.len()])
    } else {
        let slices: SmallVec<[&[u8]; SOME]> = words.iter().map(|word| word.of(text)).collect();
        run(&slices)
    }
}
