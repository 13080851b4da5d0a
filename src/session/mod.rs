//! One client's dialogue: bytes come in, requests go out, replies leave in the order of the requests.
//!
//! A session is data and small steps; its worker drives it. Idle, it owns no buffers.

mod flight;
mod output;
mod parked;
mod wire;

use std::cell::Cell;

use engine::shard::ShardId;
use net::buffer::ReadBuffer;
use net::reactor::Token;
use net::resp::{Parser, ProtocolError};
use net::transport::Transport;

use crate::client::{Asking, Buffers, Client, Protocol};
use crate::dispatch::WorkerId;

pub use flight::{Flight, Seq};
pub use output::{Output, Verdict, Written};
pub use parked::Parked;
pub use wire::Wire;

/// A connection with its client.
#[derive(Debug)]
pub struct Session {
    pub client: Client,
    pub protocol: Cell<Protocol>,
    /// `None` once the connection is closed; the session stays until its commands under way are answered.
    pub link: Option<Link>,
    /// Bytes that came and are not understood or not run yet.
    pub input: ReadBuffer,
    pub parser: Parser,
    pub out: Output,
    pub flight: Flight,
    /// The shard of the last command under way.
    pub flight_shard: ShardId,
    /// Its last command, if that waits for a key.
    pub parked: Option<Parked>,
    /// Why nothing more is run for the moment.
    pub pause: Option<Pause>,
    /// The input cannot be understood from here on: told once everything before it is answered.
    pub broken: Option<ProtocolError>,
    /// Length of the longest reply from elsewhere lately: bounds how many commands may be under way.
    pub reply_len_lately: usize,
    /// The peer has sent its last byte.
    pub ends_with_input: bool,
    /// Bytes of replies that the client was found not to read.
    pub unread_len: usize,
    /// On the list of sessions to look after at the end of the turn.
    pub touched: bool,
    /// Its replies wait for those of the commands before this place, to leave together.
    pub gathers_until: Option<Seq>,
    /// On the list of sessions whose replies wait so, or did.
    pub gathers: bool,
    /// On the list of sessions to serve in the next turn.
    pub again: bool,
    /// Some of its requests are parsed and about to be run.
    pub in_chunk: bool,
}

/// An open connection and what the reactor knows about it.
#[derive(Debug)]
pub struct Link {
    pub transport: Box<dyn Transport>,
    pub token: Token,
    /// The socket may have something to read.
    pub readable: bool,
    /// The peer sends no more.
    pub hangup: bool,
}

/// What a session waits for before it goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pause {
    /// All its commands under way are answered.
    Landing,
    /// Fewer of them are under way.
    Room,
    /// Messages to this worker find room again.
    Ring(WorkerId),
    /// The client reads its replies.
    Reader,
    /// The server stops.
    Stop,
}

/// How many bytes of replies from elsewhere a session may expect at a time, going by the longest lately.
const EXPECTED_LEN_MAX: usize = 8 * 1024 * 1024;
/// Replies of so many bytes wait for no others.
const GATHERED_MAX: usize = 16 * 1024;
/// How many commands of a session may be under way, however short the replies.
const UNDER_WAY_MAX: usize = 4096;

impl Session {
    pub fn new(client: Client, link: Link) -> Session {
        Session {
            client,
            protocol: Cell::default(),
            link: Some(link),
            input: ReadBuffer::new(),
            parser: Parser::new(),
            out: Output::default(),
            flight: Flight::default(),
            flight_shard: ShardId(0),
            parked: None,
            pause: None,
            broken: None,
            reply_len_lately: 0,
            ends_with_input: false,
            unread_len: 0,
            touched: false,
            gathers_until: None,
            gathers: false,
            again: false,
            in_chunk: false,
        }
    }

    /// Whether one more command may be sent elsewhere.
    #[inline]
    pub fn has_room_under_way(&self) -> bool {
        self.flight.len() < self.under_way_max()
    }

    fn under_way_max(&self) -> usize {
        (EXPECTED_LEN_MAX / self.reply_len_lately.max(1)).clamp(1, UNDER_WAY_MAX)
    }

    /// Notes the length of a reply from elsewhere.
    #[inline]
    pub fn note_reply(&mut self, len: usize) {
        self.reply_len_lately = len.max(self.reply_len_lately - self.reply_len_lately / 8);
    }

    /// Whether what the session waits for has come (rings are the worker's to look at). `reader_pause` is the
    /// number of pending bytes from which on a slow reader is waited for.
    pub fn may_go_on(&self, reader_pause: usize) -> bool {
        match self.pause {
            None | Some(Pause::Ring(_)) => true,
            Some(Pause::Landing) => self.flight.is_landed(),
            Some(Pause::Room) => self.flight.len() <= self.under_way_max() / 2,
            Some(Pause::Stop) => false,
            Some(Pause::Reader) => self.out.pending_len() <= reader_pause / 2,
        }
    }

    /// Whether requests may be parsed and run now.
    #[inline]
    pub fn takes_requests(&self) -> bool {
        self.link.is_some() && self.pause.is_none() && self.broken.is_none() && !self.client.close_after_reply
    }

    /// Whether the replies that are complete should wait for those that were under way when the first of them was
    /// found here: what was asked together leaves in one system call, and nothing waits for later commands.
    pub fn should_gather(&mut self) -> bool {
        let waits = !self.flight.is_landed()
            && !self.out.is_blocked()
            && (1..GATHERED_MAX).contains(&self.out.pending_len())
            && self.gathers_until.is_none_or(|until| !self.flight.has_come_to(until));
        if waits {
            self.gathers_until.get_or_insert(self.flight.end());
        } else {
            self.gathers_until = None;
        }
        waits
    }

    /// Whether nothing more will be asked or can be understood.
    pub fn is_over(&self) -> bool {
        self.client.close_after_reply || self.ends_with_input && self.pause.is_none() && !self.again
    }

    /// What its buffers hold; `asking` if it is the one that asks.
    pub fn buffers(&self, asking: Option<&Asking>) -> Buffers {
        let asking = asking.copied().unwrap_or_default();
        let query_len = asking.query_len.max(asking.request_len + self.input.unread().len());
        let query_capacity = self.input.capacity().max(asking.query_capacity).max(query_len);
        let memory_bytes = size_of::<Session>()
            + query_capacity
            + self.out.capacity()
            + self.flight.capacity()
            + self.client.name.len()
            + self.client.multi_bytes()
            + self.client.ends.peer.capacity()
            + self.client.ends.local.capacity();
        Buffers {
            query_len,
            query_free: query_capacity - query_len,
            args_len: asking.args_len,
            reply_room: self.out.capacity(),
            output_blocked: self.out.is_blocked(),
            output_len: self.out.pending_len() + self.flight.stashed_len(),
            memory_bytes,
        }
    }
}
