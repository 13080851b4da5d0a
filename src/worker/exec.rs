//! EXEC: what was queued since MULTI, as one transaction.
//!
//! ```text
//! MULTI  SET a 1  PING  DBSIZE  CLIENT LIST  GET b  EXEC           watched: w
//!        shard of a     all                  shard of b
//! all shards that the calls need, and that of w, are held ─▶ is w as it was? ─▶ the calls run, one after the
//! other, on this worker ─▶ one commit ─▶ the shards go back ─▶ questions to all workers ─▶ the reply is whole
//! ```
//! The watched keys' shards are held too, so that the look at the ticket and the commit are one moment. Commands of
//! the server run at their place among the others. Those that ask all workers leave a gap in the reply, filled when
//! the shards are back: workers that are asked may want them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use engine::command::{Args, Error, Reply, Routing, Tour};
use engine::keyspace::Keyspace;
use engine::shard::ShardId;
use engine::txn::{Hands, settle};

use super::Worker;
use super::batch::{Guest, SessionKey};
use super::executor::Executor;
use super::message::{Transaction, Work};
use crate::client::{Asking, Client, Multi, Protocol, ReplyMode, Watching};
use crate::commands::{Context, Later, Node, discarded_because_of};
use crate::config::Settings;
use crate::dispatch::{Placement, Row, Run};
use crate::session::{Seq, Session, Wire};

/// The calls of one EXEC.
pub struct Bundle {
    pub session: SessionKey,
    /// The row of EXEC itself.
    row: &'static Row,
    multi: Box<Multi>,
    watching: Option<Box<Watching>>,
    asking: Asking,
    /// The place of its reply, if it did not run at once, and how it was to be answered when it began.
    begun: Option<(Seq, ReplyMode)>,
}

/// The reply to EXEC.
pub struct Answer {
    bytes: Vec<u8>,
    gaps: Vec<Gap>,
}

/// A reply that comes later.
struct Gap {
    /// Before this byte of the answer.
    at: usize,
    row: &'static Row,
    later: Later,
    is_muted: bool,
}

/// What calls work with besides shards.
struct Desk<'w> {
    node: &'w Arc<Node>,
    settings: &'w Settings,
    placement: &'w Placement,
    worker: usize,
}

impl Worker {
    /// Runs what a client has queued, as soon as all shards for it are in hand.
    pub(super) fn begin_exec(&mut self, key: SessionKey, row: &'static Row, asking: Asking) {
        let client = &mut self.sessions[key].client;
        let Some(multi) = client.multi.take() else { unreachable!("EXEC was checked") };
        let watching = client.watching.take();
        let shards = self.shards_of(&multi, watching.as_deref());
        let mut bundle = Bundle { session: key, row, multi, watching, asking, begun: None };
        // The calls work on the rest of the worker meanwhile.
        let mut berths = std::mem::take(&mut self.berths);
        let answer = berths.with_all(&shards, |held| self.run_bundle(&bundle, held));
        self.berths = berths;
        if let Some(answer) = answer {
            self.deliver_bundle(bundle, answer);
            self.follow_up();
        } else {
            // Muted call by call.
            let Session { flight, client, .. } = &mut self.sessions[key];
            bundle.begun = Some((flight.expect(false), client.reply_mode));
            self.coordinate(Box::new(Transaction { work: Work::Bundle(Box::new(bundle)), shards }));
        }
    }

    /// The shards of all keys, ascending.
    fn shards_of(&self, multi: &Multi, watching: Option<&Watching>) -> Vec<ShardId> {
        let Worker { executor, placement, .. } = self;
        let shard_of = |key: &[u8]| placement.shard_of(executor.hasher.hash(key));
        let watched = watching.into_iter().flat_map(Watching::keys);
        let mut shards: Vec<ShardId> = watched.map(|(_, key)| shard_of(key)).collect();
        let all = multi.each(|row, words| {
            let row = executor.table.row(row);
            match (row.run, row.spec.routing) {
                (Run::Visit(_), _) | (Run::Data(_), Routing::AllShards) => return Err(()),
                (Run::Data(_), _) if row.spec.keys.reach_beyond(words) => return Err(()),
                (Run::Data(_), _) => {
                    let known = shards.len();
                    let walked = row.spec.keys.walk(words, |at, _| shards.push(shard_of(words[at])));
                    if walked.is_err() {
                        // It will run without any shard.
                        shards.truncate(known);
                    }
                }
                (Run::Server(_) | Run::Parent, _) => {}
            }
            Ok(())
        });
        if all.is_err() {
            return placement.shards().collect();
        }
        shards.sort_unstable();
        shards.dedup();
        shards
    }

    /// Runs a client's calls on the shards that they need.
    pub(super) fn run_bundle(&mut self, bundle: &Bundle, held: &mut [&mut Keyspace]) -> Answer {
        if let Some(watching) = &bundle.watching {
            self.note_unwatched(watching);
        }
        let Worker { sessions, executor, node, settings, placement, id, spares, .. } = self;
        let Session { client, protocol, .. } = &mut sessions[bundle.session];
        let mut answer = Answer { bytes: spares.output(), gaps: Vec::new() };
        let mut wire = Wire::new(&mut answer.bytes, protocol);
        if let Some((_, mode)) = bundle.begun {
            client.reply_mode = mode;
        }
        let desk = Desk { node, settings, placement, worker: id.index() };
        let db = client.db;
        client.exec_len = Some(bundle.multi.len());
        let gaps = &mut answer.gaps;
        let hasher = executor.hasher;
        let result = executor.run_many(held, &mut wire, |executor, hands, wire| {
            let is_changed = match &bundle.watching {
                Some(watching) => hands.end_watch(&watching.ticket, watching.keys(), &hasher)?,
                None => false,
            };
            if is_changed {
                wire.null_array();
            } else {
                wire.array(bundle.multi.len());
            }
            if client.reply_mode.is_muted() {
                wire.cut(0);
            }
            if is_changed {
                return Ok(());
            }
            bundle.multi.each(|row, words| {
                let row = executor.table.row(row);
                let mark = wire.mark();
                wire.begin_reply();
                let later = desk.call(row, words, executor, hands, client, protocol, wire)?;
                let is_muted = client.reply_mode.is_muted();
                if is_muted {
                    wire.cut(mark);
                }
                gaps.extend(later.map(|later| Gap { at: wire.mark(), row, later, is_muted }));
                Ok(())
            })
        });
        if let Err(error) = result {
            gaps.clear();
            client.db = db;
            wire.cut(0);
            wire.error(&discarded_because_of(&error));
            executor.note_failure(bundle.row, &error, &wire);
            if client.reply_mode.is_muted() {
                wire.cut(0);
            }
        }
        answer
    }

    /// Answers EXEC, and does what its calls have left.
    pub(super) fn deliver_bundle(&mut self, bundle: Bundle, answer: Answer) {
        let Answer { mut bytes, gaps } = answer;
        let (key, mut from) = (bundle.session, 0);
        let mut seq = bundle.begun.map(|(seq, _)| seq);
        let exec_len = self.sessions[key].client.exec_len;
        self.sessions.touch(key);
        self.sessions[key].out.lend_memory(|| self.spares.output());
        for Gap { at, row, later, is_muted } in gaps {
            put(&mut self.sessions[key], seq.take(), &bytes[from..at]);
            from = at;
            let client = &mut self.sessions[key].client;
            // The reply is muted as it was at its place.
            let mode = client.reply_mode;
            client.reply_mode = if is_muted { ReplyMode::Off } else { ReplyMode::On };
            client.exec_len = exec_len;
            self.serve_later(key, row, later, bundle.asking);
            self.sessions[key].client.reply_mode = mode;
        }
        put(&mut self.sessions[key], seq.take(), &bytes[from..]);
        let Session { flight, client, .. } = &mut self.sessions[key];
        if bundle.begun.is_some() {
            client.reply_mode = client.reply_mode.after_command();
        }
        if flight.is_landed() {
            client.exec_len = None;
        }
        bytes.clear();
        self.spares.take_output(bytes);
    }
}

/// Hands over the next part of a reply.
fn put(session: &mut Session, seq: Option<Seq>, bytes: &[u8]) {
    let Session { flight, out, .. } = session;
    match seq {
        Some(seq) => flight.answer(seq, bytes, out.tail()),
        None if flight.is_landed() => out.tail().extend_from_slice(bytes),
        None => flight.stash(|stash| stash.extend_from_slice(bytes)),
    }
}

impl Desk<'_> {
    /// Makes one call: its reply, an error too, is on the wire, unless it left work for later.
    ///
    /// # Errors
    /// The call failed in the middle.
    #[expect(clippy::too_many_arguments, reason = "a call touches all of a client's affairs")]
    fn call(
        &self,
        row: &'static Row,
        words: &[&[u8]],
        executor: &mut Executor,
        hands: &mut Hands<'_, '_>,
        client: &mut Client,
        protocol: &std::cell::Cell<Protocol>,
        wire: &mut Wire<'_>,
    ) -> Result<Option<Later>, Error> {
        let hasher = executor.hasher;
        let mut args = Args::new(words, &hasher).starting_at(usize::from(row.name_words));
        let caller =
            executor.caller(Guest { db: client.db, protocol: protocol.get(), no_touch: client.no_touch });
        executor.note_call(row.id);
        let mark = wire.mark();
        let mut later = None;
        let result = match row.run {
            Run::Data(command) => hands.call(caller, command, &mut args, wire),
            Run::Visit(command) => {
                let tour = Tour { first_slots: self.placement.first_slots(), random: caller.random };
                hands.visit(caller, command, &mut args, tour, wire)
            }
            Run::Server(command) => {
                let catalogue = executor.table.catalogue();
                let (node, settings, now_ms) = (self.node, self.settings, executor.now_ms);
                let mut context =
                    Context::new(client, protocol, node, settings, catalogue, self.worker, now_ms);
                let run = || (command.run)(&mut context, &mut args, wire);
                let result = catch_unwind(AssertUnwindSafe(run)).unwrap_or(Err(Error::Internal));
                later = context.take_later();
                result
            }
            Run::Parent => Err(Error::WrongArity(row.spec.name.into())),
        };
        match settle(wire, mark, result)? {
            Some(error) => {
                executor.note_failure(row, &error, wire);
                later = None;
            }
            None if wire.error_code().is_some() => {
                executor.counters.commands.failed(usize::from(row.id));
                executor.note_error_reply(wire);
            }
            None => {}
        }
        Ok(later)
    }
}
