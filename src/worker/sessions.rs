//! The table of a worker's sessions: their beginning, their end, and what is seen to after each turn.

use std::ops::{Index, IndexMut};

use net::reactor::Token;
use net::resp::{Encoder, ProtocolError};
use net::transport::{Kind, Transport};
use slab::Slab;

use super::batch::SessionKey;
use super::{Alarm, Stage, Worker};
use crate::client::{Client, Ends};
use crate::session::{Link, Pause, Session, Verdict, Written};

/// See the module. A session stays in the table until its last command under way is answered, though its
/// connection may be closed long before.
#[derive(Debug, Default)]
pub struct Sessions {
    slots: Slab<Session>,
    /// By the token's index.
    by_token: Vec<Option<SessionKey>>,
    /// To be looked after at the end of the turn.
    touched: Vec<SessionKey>,
    /// To be served in the next turn without being asked by the system.
    again: Vec<SessionKey>,
    /// Paused until a ring has room.
    crowded_out: Vec<SessionKey>,
    /// With replies that wait for those still under way.
    gathering: Vec<SessionKey>,
    /// Bytes of replies that slow readers have not taken, all together.
    unread_len: usize,
}

impl Index<SessionKey> for Sessions {
    type Output = Session;

    #[inline]
    fn index(&self, key: SessionKey) -> &Session {
        &self.slots[key.0 as usize]
    }
}

impl IndexMut<SessionKey> for Sessions {
    #[inline]
    fn index_mut(&mut self, key: SessionKey) -> &mut Session {
        &mut self.slots[key.0 as usize]
    }
}

impl Sessions {
    #[inline]
    pub fn by_token(&self, token: Token) -> Option<SessionKey> {
        self.by_token.get(token.index()).copied().flatten()
    }

    /// Marks a session to be looked after at the end of the turn.
    #[inline]
    pub fn touch(&mut self, key: SessionKey) {
        if !std::mem::replace(&mut self[key].touched, true) {
            self.touched.push(key);
        }
    }

    /// Serves a session in the next turn, whether or not the system finds it ready.
    pub fn serve_again(&mut self, key: SessionKey) {
        if !std::mem::replace(&mut self[key].again, true) {
            self.again.push(key);
        }
    }

    /// A session is paused until a ring has room.
    pub fn crowd_out(&mut self, key: SessionKey) {
        self.crowded_out.push(key);
    }

    /// Rings may have room: looks at those that wait for it.
    pub fn call_crowded_out(&mut self) {
        for key in std::mem::take(&mut self.crowded_out) {
            if self.slots.contains(key.0 as usize) {
                self.touch(key);
            }
        }
    }

    /// Notes that a session's replies wait for others. True for the first since [`Sessions::end_gathering`]: the alarm
    /// is to be set.
    fn note_gathering(&mut self, key: SessionKey) -> bool {
        if std::mem::replace(&mut self[key].gathers, true) {
            return false;
        }
        self.gathering.push(key);
        self.gathering.len() == 1
    }

    /// What waits for other replies has waited long enough; returns it, to be written.
    pub fn end_gathering(&mut self) -> Vec<SessionKey> {
        let mut overdue = std::mem::take(&mut self.gathering);
        overdue.retain(|key| {
            let Some(session) = self.slots.get_mut(key.0 as usize) else { return false };
            session.gathers = false;
            session.gathers_until.take().is_some() && session.link.is_some()
        });
        overdue
    }

    /// Those to be served again. The list is to be given back by [`Sessions::end_again`].
    pub fn begin_again(&mut self) -> Vec<SessionKey> {
        std::mem::take(&mut self.again)
    }

    /// Keeps the emptied list's memory.
    pub fn end_again(&mut self, mut list: Vec<SessionKey>) {
        if self.again.is_empty() {
            list.clear();
            self.again = list;
        }
    }

    /// Whether the next turn has work.
    pub fn are_restless(&self) -> bool {
        !self.touched.is_empty() || !self.again.is_empty()
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = (SessionKey, &mut Session)> {
        self.slots.iter_mut().map(|(key, session)| (SessionKey(key as u32), session))
    }

    /// The session with this client, if it is still connected.
    pub fn with_client(&self, key: SessionKey, id: u64) -> bool {
        let session = self.slots.get(key.0 as usize);
        session.is_some_and(|session| session.client.id == id && session.link.is_some())
    }

    /// Whether no command is under way.
    pub fn are_landed(&self) -> bool {
        self.slots.iter().all(|(_, session)| session.flight.is_landed())
    }

    fn insert(&mut self, session: Session, token: Token) -> SessionKey {
        let key = SessionKey(self.slots.insert(session) as u32);
        if self.by_token.len() <= token.index() {
            self.by_token.resize(token.index() + 1, None);
        }
        self.by_token[token.index()] = Some(key);
        key
    }

    fn remove(&mut self, key: SessionKey) {
        if self.slots.remove(key.0 as usize).again {
            self.again.retain(|other| *other != key);
        }
    }

    /// From how many bytes of unread replies on a session waits for its reader.
    pub fn reader_pause(&self) -> usize {
        if self.unread_len < UNREAD_MANY { UNREAD_MAX } else { UNREAD_FEW }
    }
}

/// A client may send requests without reading replies up to this many bytes …
const UNREAD_MAX: usize = 256 * 1024 * 1024;
/// … but only up to this many while all slow readers of a worker together …
const UNREAD_FEW: usize = 1024 * 1024;
/// … leave this many unread.
const UNREAD_MANY: usize = 256 * 1024 * 1024;

/// Replies wait for others that are under way no longer than this, in case these take long.
const GATHERING_MS: u64 = 2;

impl Worker {
    /// A client has connected.
    pub(super) fn welcome(&mut self, mut transport: Box<dyn Transport>) {
        if self.stage != Stage::Serving {
            self.node.leave(self.id.index());
            return;
        }
        let Ok(token) = self.reactor.register(&mut *transport) else {
            self.node.leave(self.id.index());
            return;
        };
        let (peer, local) = (transport.peer(), transport.local());
        let ends = Ends {
            peer: peer.to_string(),
            local: local.to_string(),
            fd: transport.fd(),
            is_local: peer.is_local(),
            is_unix: transport.kind() == Kind::Unix,
        };
        let authenticated = self.settings.password.is_none();
        let client = Client::new(self.node.next_client_id(), ends, authenticated, self.executor.now_ms);
        let id = client.id;
        // Bytes may have come before the registration.
        let link = Link { transport, token, readable: true, hangup: false };
        let key = self.sessions.insert(Session::new(client, link), token);
        self.sessions.serve_again(key);
        self.executor.counters.clients.add(1);
        self.watch_idleness(key, id);
    }

    /// Closes a connection. What it has under way is still done, and answered to nobody.
    pub(super) fn close(&mut self, key: SessionKey) {
        let session = &mut self.sessions[key];
        let Some(Link { mut transport, token, .. }) = session.link.take() else { return };
        // Before the client can notice.
        self.node.leave(self.id.index());
        self.executor.counters.clients.subtract(1);
        // Fails only for a descriptor that is not registered.
        let _ = self.reactor.deregister(token, &mut *transport);
        let _ = transport.shutdown();
        session.input = Default::default();
        session.out.discard();
        let unread_len = std::mem::take(&mut session.unread_len);
        self.sessions.unread_len -= unread_len;
        self.sessions.by_token[token.index()] = None;
        self.sessions.touch(key);
        self.abandon_wait(key);
    }

    /// Looks after every session that had something to do in this turn.
    pub(super) fn look_after_touched(&mut self) {
        // Looking after one may touch another, for the next turn.
        let mut touched = std::mem::take(&mut self.sessions.touched);
        for key in touched.drain(..) {
            self.sessions[key].touched = false;
            self.look_after(key);
        }
        if self.sessions.touched.is_empty() {
            self.sessions.touched = touched;
        }
    }

    fn look_after(&mut self, key: SessionKey) {
        let session = &mut self.sessions[key];
        if session.link.is_none() {
            session.out.discard();
            if session.flight.is_landed() {
                // Not before: WATCH may have been under way.
                if let Some(watching) = session.client.watching.take() {
                    self.unwatch(watching);
                }
                self.sessions.remove(key);
            }
            return;
        }
        if session.pause.is_none() && session.flight.is_landed() {
            self.tell_what_is_broken(key);
        }
        let session = &mut self.sessions[key];
        if session.should_gather() {
            if self.sessions.note_gathering(key) {
                self.timers.set(self.executor.now_ms + GATHERING_MS, Alarm::Gathered);
            }
        } else if !self.write(key) {
            self.close(key);
            return;
        }
        let reader_pause = self.sessions.reader_pause();
        let session = &mut self.sessions[key];
        let (landed, written) = (session.flight.is_landed(), session.out.is_empty());
        if landed && written && session.is_over() {
            self.close(key);
            return;
        }
        match session.pause {
            None => {}
            Some(Pause::Ring(worker)) if !self.links.has_room(worker) => self.sessions.crowd_out(key),
            Some(_) if !session.may_go_on(reader_pause) => {}
            Some(_) => {
                session.pause = None;
                self.sessions.serve_again(key);
            }
        }
        self.collect_buffers(key);
    }

    /// Writes the replies that have waited for others.
    pub(super) fn write_gathered(&mut self) {
        for key in self.sessions.end_gathering() {
            if !self.write(key) {
                self.close(key);
            }
        }
    }

    /// Writes a session's replies. False: the connection is of no use any more.
    fn write(&mut self, key: SessionKey) -> bool {
        let session = &mut self.sessions[key];
        let Some(link) = &mut session.link else { return false };
        if !session.out.is_empty() && !session.out.is_blocked() {
            let Ok((written, len)) = session.out.write(&mut *link.transport) else { return false };
            session.client.traffic.written_bytes += len as u64;
            self.executor.counters.net_output_bytes.add(len as u64);
            self.executor.counters.writes.add(1);
            let wants_room = written == Written::Some;
            if self.reactor.want_write(link.token, &mut *link.transport, wants_room).is_err() {
                return false;
            }
        }
        let unread_len = if session.out.is_blocked() { session.out.pending_len() } else { 0 };
        if unread_len == 0 && session.unread_len == 0 {
            return true;
        }
        let unread_before = std::mem::replace(&mut session.unread_len, unread_len);
        let verdict = session.out.judge(&self.settings.output_limits.normal, self.executor.now_ms);
        let id = session.client.id;
        self.sessions.unread_len = self.sessions.unread_len - unread_before + unread_len;
        match verdict {
            Verdict::Fine => true,
            Verdict::FineUntil(time_ms) => {
                self.timers.set(time_ms, Alarm::SlowReader { session: key, client: id });
                true
            }
            Verdict::TooMuch => {
                self.executor.counters.output_limit_disconnections.add(1);
                let client = &self.sessions[key].client;
                tracing::warn!(
                    client = client.id,
                    address = client.ends.peer,
                    unread_bytes = unread_len,
                    "closed for overcoming of output buffer limits"
                );
                false
            }
        }
    }

    /// The input could not be understood: now that everything before is answered, says so and ends.
    fn tell_what_is_broken(&mut self, key: SessionKey) {
        let session = &mut self.sessions[key];
        let Some(error) = session.broken.take() else { return };
        session.client.close_after_reply = true;
        match error.reply() {
            Some(text) => {
                session.out.lend_memory(|| self.spares.output());
                Encoder::new(session.out.tail(), net::resp::Protocol::Resp2).error(&text);
                self.executor.counters.errors.record(b"ERR");
                self.executor.counters.error_replies.add(1);
            }
            None if error == ProtocolError::Http => tracing::warn!(
                client = session.client.id,
                address = session.client.ends.peer,
                "closed: {error}. Somebody may be using a browser to reach the server from outside (cross-protocol \
                 scripting)"
            ),
            None => self.executor.counters.query_limit_disconnections.add(1),
        }
    }

    /// Takes back buffers that a session does not need any more.
    fn collect_buffers(&mut self, key: SessionKey) {
        let session = &mut self.sessions[key];
        if session.input.unread().is_empty() {
            self.spares.take_input(std::mem::take(&mut session.input));
        }
        if session.out.is_empty() {
            self.spares.take_output(session.out.take_memory());
        }
    }

    /// The worker ends: closes all connections, after one more attempt to write what is pending.
    pub(super) fn say_goodbye(&mut self) {
        let keys: Vec<SessionKey> = self.sessions.iter_mut().map(|(key, _)| key).collect();
        for key in keys {
            self.write(key);
            self.close(key);
        }
    }
}
