//! Runs a chunk: each request where its shards are, replies in order.
//!
//! The order that clients see: commands of one connection to one shard run in order. Commands without keys
//! and commands on several shards start when all earlier ones of the connection are answered, and later ones wait
//! for them. With `pipeline-order strict` that holds for every change of shard as well.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use engine::command::{Args, Error, Flags, InMulti, KeyHash, Next, Reply, Routing, Tour, VisitCommand};
use engine::keyspace::{Ahead, Search, Wide};
use engine::shard::ShardId;
use net::buffer::ReadBuffer;
use net::resp::Word;
use shm::rbtree::{Hint, Seek, seek_together};
use smallvec::SmallVec;

use super::Worker;
use super::batch::{Errand, Guest, ReturnTo, SessionKey};
use super::chunk::{CHUNK_LEN, Call, Chunk, KEYS_AHEAD};
use super::executor::with_slices;
use super::message::{Transaction, Visit, Work};
use crate::client::{Asking, ReplyMode};
use crate::commands::{Context, Later, ServerCommand};
use crate::config::PipelineOrder;
use crate::dispatch::{GateSet, Refusal, Row, Run, Shards, Site, Standing, Stop, armed_gates, pass};
use crate::session::{Pause, Seq, Session, Wire};

/// The text of a request and its words in it.
type Text<'t> = (&'t [u8], &'t [Word]);

/// What became of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// It has run, or is on its way.
    Done,
    /// It is on its way, and what follows waits.
    Begun(Pause),
    /// It cannot start yet.
    NotYet(Pause),
}

impl Worker {
    /// Runs what has been gathered.
    pub(super) fn run_chunk(&mut self) {
        if self.chunk.parts.is_empty() {
            return;
        }
        let mut chunk = std::mem::take(&mut self.chunk);
        self.prefetch_entries(&chunk);
        self.search_ahead(&mut chunk);
        self.executor.start_clock();
        for nth in 0..chunk.parts.len() {
            let end = chunk.parts.get(nth + 1).map_or(chunk.calls.len(), |next| next.first_call);
            self.run_part(&chunk, nth, end);
        }
        self.executor.read_clock();
        chunk.clear();
        self.chunk = chunk;
    }

    /// The buckets have been asked for while parsing; by now they have arrived and say where the entries are.
    fn prefetch_entries(&mut self, chunk: &Chunk) {
        let mut latest = None;
        for (nth, part) in chunk.parts.iter().enumerate() {
            let end = chunk.parts.get(nth + 1).map_or(chunk.calls.len(), |next| next.first_call);
            let db = self.sessions[part.session].client.db;
            for call in &chunk.calls[part.first_call..end] {
                for hash in &chunk.hashes[call.first_hash..call.hashes_end.min(KEYS_AHEAD)] {
                    if latest.replace(*hash) != Some(*hash)
                        && let Some(shard) = self.berths.peek(self.placement.shard_of(*hash))
                    {
                        shard.keyspace.prefetch_entry(db, *hash);
                    }
                }
            }
        }
    }

    /// By now the entries have arrived and say where the nodes of collections are. The first elements that the calls
    /// name are searched for in the large ones, all at the same pace: so the calls know the way, or find it in the
    /// processor's cache.
    fn search_ahead(&mut self, chunk: &mut Chunk) {
        let mut seeks: SmallVec<[Seek<'_>; CHUNK_LEN]> = SmallVec::new();
        const { assert!(CHUNK_LEN <= 1 << u8::BITS) };
        // The calls that these are for.
        let mut sought: SmallVec<[u8; CHUNK_LEN]> = SmallVec::new();
        let mut aheads: SmallVec<[(ShardId, Ahead); CHUNK_LEN]> = SmallVec::new();
        let mut latest: Option<(KeyHash, Option<Wide>)> = None;
        for (nth, part) in chunk.parts.iter().enumerate() {
            let end = chunk.parts.get(nth + 1).map_or(chunk.calls.len(), |next| next.first_call);
            let session = &self.sessions[part.session];
            for (nth, call) in chunk.calls[part.first_call..end].iter().enumerate() {
                if let Some(row) = call.row
                    && row.spec.element != 0
                    && call.word_count > usize::from(row.spec.element)
                    && let Some(shard) = self.berths.peek(call.shard)
                    && let [hash] = chunk.hashes(call)
                {
                    let keyspace = &shard.keyspace;
                    let wide = match latest {
                        Some((same, wide)) if same == *hash => wide,
                        _ => keyspace.wide(session.client.db, *hash),
                    };
                    latest = Some((*hash, wide));
                    let Some(wide) = wide else { continue };
                    let (text, words) = chunk.text(call, session.input.unread());
                    let element = words[usize::from(row.spec.element)].of(text);
                    match keyspace.search(&wide, element) {
                        Some(Search::ByHash(seek)) => {
                            seeks.push(seek);
                            sought.push((part.first_call + nth) as u8);
                        }
                        Some(Search::Member(ahead)) => aheads.push((call.shard, ahead)),
                        None => {}
                    }
                }
            }
        }
        if seeks.len() > 1 {
            seek_together(&mut seeks);
            for (nth, seek) in sought.iter().zip(&seeks) {
                chunk.calls[usize::from(*nth)].hint = Some(seek.hint());
            }
        }
        while aheads.len() > 1 {
            aheads.retain(|(shard, ahead)| {
                self.berths.peek(*shard).is_some_and(|shard| shard.keyspace.go_on(ahead))
            });
        }
    }

    fn run_part(&mut self, chunk: &Chunk, nth: usize, end: usize) {
        let part = &chunk.parts[nth];
        let key = part.session;
        let session = &mut self.sessions[key];
        session.in_chunk = false;
        if session.link.is_none() {
            // Closed since its requests were parsed.
            return;
        }
        session.out.lend_memory(|| self.spares.output());
        // The input is lent to the calls; nothing else reads it meanwhile.
        let mut input = std::mem::take(&mut session.input);
        let mut armed = self.armed(key);
        let (mut consumed, mut pause) = (part.parsed_len, None);
        let mut calls = &chunk.calls[part.first_call..end];
        while let Some((call, rest)) = calls.split_first() {
            let alike = self.run_alike(key, chunk, calls, &input, armed);
            if alike > 0 {
                calls = &calls[alike..];
                continue;
            }
            calls = rest;
            let text = chunk.text(call, input.unread());
            match self.step(key, call, text, chunk.hashes(call), &input, armed) {
                Step::Done => {}
                Step::Begun(until) => {
                    let client = &mut self.sessions[key].client;
                    client.reply_mode = client.reply_mode.after_command();
                    (consumed, pause) = (call.end, Some(until));
                    break;
                }
                Step::NotYet(why) => {
                    (consumed, pause) = (call.start, Some(why));
                    break;
                }
            }
            let session = &mut self.sessions[key];
            session.client.reply_mode = session.client.reply_mode.after_command();
            if session.client.close_after_reply {
                consumed = call.end;
                break;
            }
            if matches!(call.row, None | Some(Row { run: Run::Server(_), .. })) {
                // It may have changed what its client may do, also by being refused.
                armed = self.armed(key);
            }
        }
        input.consume(consumed);
        let session = &mut self.sessions[key];
        if consumed < part.parsed_len || pause.is_some() {
            // What was parsed ahead is parsed again later.
            session.parser = Default::default();
            session.broken = None;
        }
        session.input = input;
        session.pause = pause;
    }

    /// Runs calls of one command on shards at home, from the first on: what these have in common is looked at once.
    /// Returns how many; those that need a closer look are left to [`Worker::step`].
    fn run_alike(
        &mut self,
        key: SessionKey,
        chunk: &Chunk,
        calls: &[Call],
        input: &ReadBuffer,
        armed: GateSet,
    ) -> usize {
        let Some(row) = calls[0].row else { return 0 };
        let session = &self.sessions[key];
        let is_answered = session.flight.is_landed() && session.client.reply_mode == ReplyMode::On;
        if row.spec.routing != Routing::OneShard || !is_answered {
            return 0;
        }
        if pass(row, armed, || self.standing(session)).is_err() {
            return 0;
        }
        let guest = guest(session);
        let Worker { sessions, berths, executor, .. } = self;
        let session = &mut sessions[key];
        let mut done = 0;
        for call in calls {
            if !call.row.is_some_and(|other| std::ptr::eq(other, row))
                || session.out.pending_len() >= UNREAD_CHECKED
                || executor.has_followers()
            {
                break;
            }
            let Some(home) = berths.home(call.shard) else { break };
            let text = chunk.text(call, input.unread());
            let mut wire = Wire::new(session.out.tail(), &session.protocol);
            let known = (chunk.hashes(call), call.hint);
            executor.run(&mut [&mut home.keyspace], row, text, known, guest, &mut wire);
            done += 1;
        }
        session.client.last_command = Some(row.spec);
        session.client.traffic.commands += done as u64;
        self.follow_up();
        done
    }

    fn armed(&self, key: SessionKey) -> GateSet {
        armed_gates(&self.standing(&self.sessions[key]))
    }

    fn standing<'s>(&self, session: &'s Session) -> Standing<'s> {
        Standing {
            client: &session.client,
            asks_password: self.settings.password.is_some(),
            memory_full: self.node.is_memory_full(),
            loading: false,
        }
    }

    /// Takes one call as far as it goes.
    #[inline]
    fn step(
        &mut self,
        key: SessionKey,
        call: &Call,
        text: Text<'_>,
        hashes: &[KeyHash],
        input: &ReadBuffer,
        armed: GateSet,
    ) -> Step {
        let Some(row) = call.row else { return self.refuse_unfit(key, text) };
        if let Err(stop) = pass(row, armed, || self.standing(&self.sessions[key])) {
            return self.stop(key, row, text, &stop);
        }
        let session = &mut self.sessions[key];
        session.client.last_command = Some(row.spec);
        session.client.traffic.commands += 1;
        if session.out.pending_len() >= UNREAD_CHECKED
            && session.out.pending_len() >= self.sessions.reader_pause()
        {
            return Step::NotYet(Pause::Reader);
        }
        match (row.run, row.spec.routing) {
            (_, Routing::OneShard) => self.on_one_shard(key, row, text, call.shard, hashes, call.hint),
            (Run::Data(_), Routing::ManyShards) => self.on_shards_of_keys(key, row, text, hashes),
            (Run::Data(_), Routing::AllShards) => {
                let shards = self.placement.shards().collect();
                self.on_many_shards(key, row, text, &[], shards)
            }
            (Run::Visit(command), _) => self.begin_visit(key, row, text, command),
            (Run::Server(command), _) => {
                let asking = || asking(call, text, input);
                self.serve_command(key, row, text, asking, command)
            }
            (Run::Data(_), Routing::Keyless | Routing::Visit) => self.on_no_shard(key, row, text),
            (Run::Parent, _) => self.refuse(key, Some(row), &Refusal::WrongArity(row.spec.name)),
        }
    }

    // ---- data commands ----------------------------------------------------------------------

    /// Runs a command on the one shard that it needs, here or at its owner.
    #[inline]
    fn on_one_shard(
        &mut self,
        key: SessionKey,
        row: &'static Row,
        text: Text<'_>,
        shard: ShardId,
        hashes: &[KeyHash],
        hint: Option<Hint>,
    ) -> Step {
        let Worker { sessions, berths, executor, links, placement, settings, id, .. } = self;
        let session = &mut sessions[key];
        let guest = guest(session);
        let muted = session.client.reply_mode.is_muted();
        let strict = settings.pipeline_order == PipelineOrder::Strict;
        if strict && !session.flight.is_landed() && session.flight_shard != shard {
            return Step::NotYet(Pause::Landing);
        }
        if let Some(home) = berths.home(shard) {
            answer_here(session, |protocol, out| {
                let held = &mut [&mut home.keyspace];
                executor.run(held, row, text, (hashes, hint), guest, &mut Wire::new(out, protocol));
            });
            self.follow_up();
            return Step::Done;
        }
        if !session.has_room_under_way() {
            return Step::NotYet(Pause::Room);
        }
        let owner = placement.owner(shard);
        if owner != *id && !links.has_room(owner) {
            return Step::NotYet(Pause::Ring(owner));
        }
        let seq = session.flight.expect(muted);
        session.flight_shard = shard;
        let hash = if let [hash] = hashes { Some(*hash) } else { None };
        let errand = Errand { session: key, seq, row: row.id, shard, hash, guest };
        if owner == *id {
            berths.queue_request(owner, errand, text, || links.fresh_batch());
        } else {
            links.post(owner, errand, text.0, text.1);
            executor.counters.hops_sent.add(1);
        }
        Step::Done
    }

    fn on_shards_of_keys(
        &mut self,
        key: SessionKey,
        row: &'static Row,
        text: Text<'_>,
        hashes: &[KeyHash],
    ) -> Step {
        if let Some(site) = self.placement.site(hashes.iter().copied()) {
            return self.on_site(key, row, text, hashes, site);
        }
        let mut hashes = Vec::new();
        let hasher = self.executor.hasher;
        let (beyond, known) = with_slices(text.0, text.1, |words| {
            let known = row.spec.keys.walk(words, |at, _| hashes.push(hasher.hash(words[at])));
            (row.spec.keys.reach_beyond(words), known)
        });
        if beyond {
            let shards = self.placement.shards().collect();
            return self.on_many_shards(key, row, text, &[], shards);
        }
        // Where the keys cannot be told the handler says what is wrong, without any shard to spoil.
        let site = known.ok().and_then(|()| self.placement.site(hashes));
        match site {
            None => self.on_no_shard(key, row, text),
            Some(site) => self.on_site(key, row, text, &[], site),
        }
    }

    fn on_site(
        &mut self,
        key: SessionKey,
        row: &'static Row,
        text: Text<'_>,
        hashes: &[KeyHash],
        site: Site,
    ) -> Step {
        match site {
            site if row.spec.flags.contains(Flags::BLOCKING) => {
                self.on_shards_patiently(key, row, text, site)
            }
            Site::One(shard) => self.on_one_shard(key, row, text, shard, hashes, None),
            Site::Many(shards) => self.on_many_shards(key, row, text, hashes, shards),
        }
    }

    fn on_no_shard(&mut self, key: SessionKey, row: &'static Row, text: Text<'_>) -> Step {
        let Worker { sessions, executor, .. } = self;
        let session = &mut sessions[key];
        let guest = guest(session);
        answer_here(session, |protocol, out| {
            executor.run(&mut [], row, text, (&[], None), guest, &mut Wire::new(out, protocol));
        });
        Step::Done
    }

    /// Runs a command on several shards: here and now if all are at home, else as a transaction that
    /// borrows them.
    fn on_many_shards(
        &mut self,
        key: SessionKey,
        row: &'static Row,
        text: Text<'_>,
        hashes: &[KeyHash],
        shards: Shards,
    ) -> Step {
        let Worker { sessions, berths, executor, links, placement, id, .. } = self;
        let session = &mut sessions[key];
        if !session.flight.is_landed() {
            return Step::NotYet(Pause::Landing);
        }
        let guest = guest(session);
        let done = berths.with_all(&shards, |held| {
            answer_here(session, |protocol, out| {
                executor.run(held, row, text, (hashes, None), guest, &mut Wire::new(out, protocol));
            });
        });
        if done.is_some() {
            self.follow_up();
            return Step::Done;
        }
        let first_owner = placement.owner(shards[0]);
        let of_one_owner = shards.iter().all(|shard| placement.owner(*shard) == first_owner);
        let coordinator = if of_one_owner { first_owner } else { *id };
        if coordinator != *id && !links.has_room(coordinator) {
            return Step::NotYet(Pause::Ring(coordinator));
        }
        let seq = session.flight.expect(session.client.reply_mode.is_muted());
        let mut batch = links.fresh_batch();
        let errand = Errand { session: key, seq, row: row.id, shard: shards[0], hash: None, guest };
        batch.push(errand, text.0, text.1);
        self.coordinate_at(
            coordinator,
            Box::new(Transaction { work: Work::Request(batch), shards: shards.into_vec() }),
        );
        Step::Begun(Pause::Landing)
    }

    /// Runs a command that may wait for keys: its reply always comes as if from elsewhere.
    fn on_shards_patiently(
        &mut self,
        key: SessionKey,
        row: &'static Row,
        text: Text<'_>,
        site: Site,
    ) -> Step {
        let shards = match site {
            Site::One(shard) => Shards::from_slice(&[shard]),
            Site::Many(shards) => shards,
        };
        if !self.sessions[key].flight.is_landed() {
            return Step::NotYet(Pause::Landing);
        }
        let guest = guest(&self.sessions[key]);
        let Worker { berths, executor, sessions, spares, id, .. } = self;
        let session = &mut sessions[key];
        let tried = berths.with_all(&shards, |held| {
            let (mut reply, protocol) = (spares.output(), Cell::new(guest.protocol));
            let seq = session.flight.expect(session.client.reply_mode.is_muted());
            let return_to = ReturnTo { worker: *id, session: key, seq };
            let mut wire = Wire::new(&mut reply, &protocol);
            let parking = executor.run_patiently(held, row, text, (guest, return_to), &mut wire);
            (reply, seq, parking)
        });
        if let Some((mut reply, seq, parking)) = tried {
            match parking {
                Some(parking) => self.park(parking),
                None => session.flight.answer(seq, &reply, session.out.tail()),
            }
            reply.clear();
            self.spares.take_output(reply);
            self.follow_up();
            return self.begun(key);
        }
        let owner = self.placement.owner(shards[0]);
        if shards.len() > 1 || owner == self.id {
            return self.on_many_shards(key, row, text, &[], shards);
        }
        if !self.links.has_room(owner) {
            return Step::NotYet(Pause::Ring(owner));
        }
        let ReturnTo { seq, .. } = self.expect(key);
        let errand = Errand { session: key, seq, row: row.id, shard: shards[0], hash: None, guest };
        self.links.post(owner, errand, text.0, text.1);
        self.executor.counters.hops_sent.add(1);
        Step::Begun(Pause::Landing)
    }

    // ---- visits -----------------------------------------------------------------------------

    /// Sends a visitor on tour, as far as it comes at once.
    fn begin_visit(
        &mut self,
        key: SessionKey,
        row: &'static Row,
        (text, words): Text<'_>,
        command: &VisitCommand,
    ) -> Step {
        let session = &mut self.sessions[key];
        if !session.flight.is_landed() {
            return Step::NotYet(Pause::Landing);
        }
        let tour = Tour { first_slots: self.placement.first_slots(), random: self.executor.random.next() };
        let hasher = self.executor.hasher;
        let started = with_slices(text, words, |slices| {
            let mut args = Args::new(slices, &hasher).starting_at(usize::from(row.name_words));
            (command.start)(&mut args, tour)
        });
        self.executor.note_call(row.id);
        let visitor = match started {
            Ok(visitor) => visitor,
            Err(error) => {
                answer_here(session, |protocol, out| {
                    let mut wire = Wire::new(out, protocol);
                    wire.error(&error);
                    self.executor.note_failure(row, &error, &wire);
                });
                return Step::Done;
            }
        };
        let return_to = self.expect(key);
        let guest = guest(&self.sessions[key]);
        self.tour(row.id, guest, return_to, visitor);
        self.begun(key)
    }

    /// Starts a tour.
    pub(super) fn tour(
        &mut self,
        row: u16,
        guest: Guest,
        return_to: ReturnTo,
        visitor: Box<dyn engine::command::Visitor>,
    ) {
        let first = visitor.first();
        let mut visit = Box::new(Visit { visitor, row, shard: ShardId(0), guest, return_to, failure: None });
        match first {
            Next::Shard(shard) => {
                visit.shard = ShardId(shard as u16);
                self.visit(visit);
            }
            Next::Finished => self.finish_visit(*visit),
        }
    }

    // ---- server commands --------------------------------------------------------------------

    fn serve_command(
        &mut self,
        key: SessionKey,
        row: &'static Row,
        (text, words): Text<'_>,
        asking: impl FnOnce() -> Asking,
        command: &ServerCommand,
    ) -> Step {
        let Worker { sessions, executor, node, settings, .. } = self;
        let session = &mut sessions[key];
        if !session.flight.is_landed() {
            return Step::NotYet(Pause::Landing);
        }
        let mut wire = Wire::new(session.out.tail(), &session.protocol);
        let mark = wire.mark();
        let mut context = Context::new(
            &mut session.client,
            &session.protocol,
            node,
            settings,
            executor.table.catalogue(),
            self.id.index(),
            executor.now_ms,
        );
        let result = with_slices(text, words, |slices| {
            let mut args = Args::new(slices, &executor.hasher).starting_at(usize::from(row.name_words));
            let run = || (command.run)(&mut context, &mut args, &mut wire);
            catch_unwind(AssertUnwindSafe(run)).unwrap_or(Err(Error::Internal))
        });
        let (later, unwatched) = (context.take_later(), context.take_unwatched());
        executor.note_call(row.id);
        if let Err(error) = result {
            wire.cut(mark);
            wire.error(&error);
            executor.note_failure(row, &error, &wire);
        } else if wire.error_code().is_some() {
            executor.counters.commands.failed(usize::from(row.id));
            executor.note_error_reply(&wire);
        }
        if session.client.reply_mode.is_muted() {
            session.out.tail().truncate(mark);
        }
        if let Some(watching) = unwatched {
            self.unwatch(watching);
        }
        let Some(later) = later else { return Step::Done };
        let stops = matches!(later, Later::Stop(_));
        self.serve_later(key, row, later, asking());
        if stops { Step::Begun(Pause::Stop) } else { self.begun(key) }
    }

    /// Does what a server command has left.
    pub(super) fn serve_later(&mut self, key: SessionKey, row: &'static Row, later: Later, asking: Asking) {
        match later {
            Later::Survey(survey) => {
                let return_to = self.expect(key);
                self.ask_all(row.id, return_to, asking, survey);
            }
            Later::Tour(visitor) => {
                let return_to = self.expect(key);
                self.tour(row.id, guest(&self.sessions[key]), return_to, visitor);
            }
            Later::Stop(stop) => {
                self.node.stop(stop);
            }
            Later::Watch(keys) => self.begin_watch(key, row.id, &keys),
            Later::Exec => self.begin_exec(key, row, asking),
        }
    }

    // ---- MULTI ------------------------------------------------------------------------------

    /// A gate is in the way.
    #[cold]
    fn stop(&mut self, key: SessionKey, row: &'static Row, text: Text<'_>, stop: &Stop) -> Step {
        match stop {
            Stop::Refused(refusal) => self.refuse(key, Some(row), refusal),
            Stop::Queued => self.enqueue(key, row, text),
        }
    }

    /// Keeps a call for EXEC.
    fn enqueue(&mut self, key: SessionKey, row: &'static Row, (text, words): Text<'_>) -> Step {
        let session = &mut self.sessions[key];
        if session.out.pending_len() >= self.sessions.reader_pause() {
            return Step::NotYet(Pause::Reader);
        }
        let session = &mut self.sessions[key];
        session.client.last_command = Some(row.spec);
        let Some(multi) = &mut session.client.multi else { unreachable!("the gate was up") };
        multi.push(row.id, row.spec.flags, words.iter().map(|word| word.of(text)));
        if multi.words_len() as u64 > self.settings.query_buffer_bytes_max {
            // As if the queue were still in the input.
            session.client.close_after_reply = true;
            self.executor.counters.query_limit_disconnections.add(1);
            tracing::warn!(
                client = session.client.id,
                address = session.client.ends.peer,
                "closed: a transaction over client-query-buffer-limit"
            );
            return Step::Done;
        }
        answer_here(session, |protocol, out| Wire::new(out, protocol).status("QUEUED"));
        Step::Done
    }

    // ---- refusals ---------------------------------------------------------------------------

    #[cold]
    fn refuse_unfit(&mut self, key: SessionKey, (text, words): Text<'_>) -> Step {
        let (table, count) = (self.executor.table, words.len());
        let word = |nth: usize| words[nth].of(text);
        match table.find(count, word) {
            // Too few or too many words are counted for the command that they were meant for.
            Err(refusal) => self.refuse(key, table.named(count, word).ok(), &refusal),
            Ok(_) => unreachable!("refused while parsing"),
        }
    }

    #[cold]
    fn refuse(&mut self, key: SessionKey, row: Option<&Row>, refusal: &Refusal) -> Step {
        let client = &mut self.sessions[key].client;
        let discarding;
        let mut refusal = refusal;
        if row.is_some_and(|row| row.spec.in_multi == InMulti::Ends) {
            client.multi = None;
            if let Some(watching) = client.watching.take() {
                self.unwatch(watching);
            }
            discarding = refusal.discarding();
            refusal = &discarding;
        } else if let Some(multi) = &mut client.multi {
            multi.is_dirty = true;
        }
        let Worker { sessions, executor, .. } = self;
        answer_here(&mut sessions[key], |protocol, out| {
            executor.refuse(row, refusal, &mut Wire::new(out, protocol));
        });
        Step::Done
    }

    // ---- small things -----------------------------------------------------------------------

    /// A place for an answer that comes later.
    pub(super) fn expect(&mut self, key: SessionKey) -> ReturnTo {
        let session = &mut self.sessions[key];
        let seq: Seq = session.flight.expect(session.client.reply_mode.is_muted());
        ReturnTo { worker: self.id, session: key, seq }
    }

    /// Whether what was begun is still going on.
    fn begun(&self, key: SessionKey) -> Step {
        if self.sessions[key].flight.is_landed() { Step::Done } else { Step::Begun(Pause::Landing) }
    }
}

/// A reply buffer below this length needs no closer look.
const UNREAD_CHECKED: usize = 1024 * 1024;

/// What a request takes of its client's input, for those who ask.
fn asking(call: &Call, (_, words): Text<'_>, input: &ReadBuffer) -> Asking {
    Asking {
        request_len: call.end - call.start,
        args_len: words.iter().map(|word| word.len as usize).sum(),
        query_len: input.unread().len(),
        query_capacity: input.capacity(),
    }
}

#[inline]
pub(super) fn guest(session: &Session) -> Guest {
    Guest { db: session.client.db, protocol: session.protocol.get(), no_touch: session.client.no_touch }
}

/// Answers a command at once: to the output if it is next in line, behind what is under way otherwise.
/// `write` appends the reply.
fn answer_here(
    session: &mut Session,
    write: impl FnOnce(&std::cell::Cell<crate::client::Protocol>, &mut Vec<u8>),
) {
    let muted = session.client.reply_mode.is_muted();
    let protocol = &session.protocol;
    let write_unless_muted = |out: &mut Vec<u8>| {
        let mark = out.len();
        write(protocol, out);
        if muted {
            out.truncate(mark);
        }
    };
    if session.flight.is_landed() {
        write_unless_muted(session.out.tail());
    } else {
        session.flight.stash(write_unless_muted);
    }
}
