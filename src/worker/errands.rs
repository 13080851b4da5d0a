//! Visitors on tour through the shards, and questions on their way through the workers.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use engine::command::{Error, Next, Reply};
use engine::shard::ShardId;

use super::Worker;
use super::batch::{ReturnTo, SessionKey};
use super::berths::Waiting;
use super::message::{Inquiry, Message, Visit};
use super::sessions::Sessions;
use crate::client::{Asking, Protocol};
use crate::commands::{ClientView, Fate, Survey, WorkerView};
use crate::dispatch::WorkerId;
use crate::session::Wire;
use crate::telemetry::Rate;

/// What goes on after others have had their turn.
pub enum Errand {
    Visit(Box<Visit>),
}

impl Worker {
    /// Goes on with what was put off in the last turn.
    pub(super) fn continue_errands(&mut self) {
        for _ in 0..self.errands.len() {
            match self.errands.pop_front() {
                Some(Errand::Visit(visit)) => self.visit(visit),
                None => break,
            }
            self.serve_returned();
        }
    }

    // ---- visitors ---------------------------------------------------------------------------

    /// Lets a visitor look at its next shard, or sends it where that is.
    pub(super) fn visit(&mut self, mut visit: Box<Visit>) {
        let id = visit.shard;
        let owner = self.placement.owner(id);
        if owner != self.id {
            return self.links.send(owner, Message::Visit(visit));
        }
        let Some(shard) = self.berths.home(id) else {
            return self.berths.queue(id, Waiting::Visit(visit));
        };
        match self.executor.visit(&mut *visit.visitor, id, &mut shard.keyspace, visit.guest) {
            Ok(Next::Shard(next)) => {
                visit.shard = ShardId(next as u16);
                self.errands.push_back(Errand::Visit(visit));
            }
            Ok(Next::Finished) => self.send_home(visit),
            Err(error) => {
                visit.failure = Some(error);
                self.send_home(visit);
            }
        }
    }

    fn send_home(&mut self, visit: Box<Visit>) {
        if visit.return_to.worker == self.id {
            self.finish_visit(*visit);
        } else {
            self.links.send(visit.return_to.worker, Message::Visited(visit));
        }
    }

    /// A visitor is back: it answers.
    pub(super) fn finish_visit(&mut self, visit: Visit) {
        let Visit { visitor, row, return_to, failure, .. } = visit;
        let row = self.executor.table.row(row);
        self.answer(return_to, |worker, wire| match failure {
            None => visitor.finish(wire),
            Some(error) => {
                wire.error(&error);
                worker.executor.note_failure(row, &error, wire);
            }
        });
    }

    // ---- questions --------------------------------------------------------------------------

    /// Sends a question to all workers, from the first to the last.
    pub(super) fn ask_all(&mut self, row: u16, return_to: ReturnTo, asking: Asking, survey: Box<dyn Survey>) {
        let inquiry = Inquiry { survey, row, shards_left: Vec::new(), return_to, asking, failed: false };
        self.ask_at(WorkerId(0), Box::new(inquiry));
    }

    fn ask_at(&mut self, worker: WorkerId, mut inquiry: Box<Inquiry>) {
        if inquiry.survey.wants_shards() {
            inquiry.shards_left = self.placement.shards_of(worker).collect();
            inquiry.shards_left.reverse();
        }
        if worker == self.id {
            self.ask(inquiry);
        } else {
            self.links.send(worker, Message::Ask(inquiry));
        }
    }

    /// A question to this worker.
    pub(super) fn ask(&mut self, mut inquiry: Box<Inquiry>) {
        while let Some(&id) = inquiry.shards_left.last() {
            let Some(shard) = self.berths.home(id) else {
                return self.berths.queue(id, Waiting::Inquiry(inquiry));
            };
            inquiry.shards_left.pop();
            let survey = &mut inquiry.survey;
            let look = AssertUnwindSafe(|| survey.shard(id, &mut shard.keyspace));
            inquiry.failed |= catch_unwind(look).is_err();
        }
        let asker =
            (inquiry.return_to.worker == self.id).then_some((inquiry.return_to.session, inquiry.asking));
        let rate = self.rates.rate(self.reading());
        let mut view = View {
            id: self.id,
            rate,
            sessions: &mut self.sessions,
            asker,
            killed: Vec::new(),
            woken: Vec::new(),
        };
        let survey = &mut inquiry.survey;
        inquiry.failed |= catch_unwind(AssertUnwindSafe(|| survey.worker(&mut view))).is_err();
        let View { killed, woken, .. } = view;
        for key in killed {
            self.close(key);
        }
        for (key, error) in woken {
            self.give_up(key, error);
        }
        let next = self.id.index() + 1;
        if next < self.placement.worker_count() {
            self.ask_at(WorkerId(next as u16), inquiry);
        } else if inquiry.return_to.worker == self.id {
            self.finish_inquiry(*inquiry);
        } else {
            self.links.send(inquiry.return_to.worker, Message::Asked(inquiry));
        }
    }

    /// A question of this worker's clients is answered by all.
    pub(super) fn finish_inquiry(&mut self, inquiry: Inquiry) {
        let Inquiry { survey, row, return_to, failed, .. } = inquiry;
        let row = self.executor.table.row(row);
        self.answer(return_to, |worker, wire| {
            if failed {
                wire.error(&Error::Internal);
                worker.executor.note_failure(row, &Error::Internal, wire);
            } else {
                survey.finish(wire);
                if wire.error_code().is_some() {
                    worker.executor.counters.commands.failed(usize::from(row.id));
                    worker.executor.note_error_reply(wire);
                }
            }
        });
    }

    /// Writes the answer to a command of a session of this worker.
    fn answer(&mut self, return_to: ReturnTo, write: impl FnOnce(&mut Worker, &mut Wire<'_>)) {
        let key = return_to.session;
        let protocol = Cell::new(self.sessions[key].protocol.get());
        let mut reply = self.spares.output();
        let mark = reply.len();
        let written = catch_unwind(AssertUnwindSafe(|| {
            write(self, &mut Wire::new(&mut reply, &protocol));
        }));
        if written.is_err() {
            reply.truncate(mark);
            Wire::new(&mut reply, &protocol).error(&Error::Internal);
        }
        self.sessions.touch(key);
        let session = &mut self.sessions[key];
        session.out.lend_memory(|| self.spares.output());
        session.flight.answer(return_to.seq, &reply, session.out.tail());
        if session.flight.is_landed() {
            session.client.exec_len = None;
        }
        reply.clear();
        self.spares.take_output(reply);
    }
}

/// What a survey sees.
struct View<'w> {
    id: WorkerId,
    rate: Rate,
    sessions: &'w mut Sessions,
    /// The session that asks, if it is this worker's, and its request.
    asker: Option<(SessionKey, Asking)>,
    killed: Vec<SessionKey>,
    woken: Vec<(SessionKey, Option<&'static [u8]>)>,
}

impl WorkerView for View<'_> {
    fn id(&self) -> usize {
        self.id.index()
    }

    fn rate(&self) -> Rate {
        self.rate
    }

    fn clients(&mut self, visit: &mut dyn FnMut(ClientView<'_>) -> Fate) {
        for (key, session) in self.sessions.iter_mut().filter(|(_, session)| session.link.is_some()) {
            let asking = self.asker.as_ref().filter(|(asker, _)| *asker == key).map(|(_, asking)| asking);
            let (buffers, protocol): (_, Protocol) = (session.buffers(asking), session.protocol.get());
            match visit(ClientView { client: &mut session.client, protocol, buffers }) {
                Fate::Spare => {}
                Fate::EndWait { error } => self.woken.push((key, error)),
                Fate::Kill if asking.is_some() => session.client.close_after_reply = true,
                Fate::Kill => self.killed.push(key),
            }
        }
    }
}
