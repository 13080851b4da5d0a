//! What a server command works on.

use std::cell::Cell;
use std::sync::Arc;

use engine::command::Visitor;

use super::catalogue::Catalogue;
use super::node::{Node, Stop};
use super::survey::Survey;
use crate::client::{Client, Protocol, Watching};
use crate::config::Settings;

/// A server command's hands.
pub struct Context<'c> {
    /// The client that called.
    pub client: &'c mut Client,
    /// What all threads share about this server.
    pub node: &'c Arc<Node>,
    /// The settings as this worker last saw them.
    pub settings: &'c Settings,
    /// Every command there is.
    pub catalogue: &'c Catalogue,
    /// The worker that serves the client.
    pub worker: usize,
    /// Unix milliseconds, read at the beginning of the batch.
    pub now_ms: u64,
    protocol: &'c Cell<Protocol>,
    later: Option<Later>,
    unwatched: Option<Box<Watching>>,
}

/// Work that a handler leaves to its worker; the reply comes when it is done. Meanwhile the client's next
/// commands wait.
pub enum Later {
    /// Visits every worker (and its shards), then writes the reply.
    Survey(Box<dyn Survey>),
    /// Visits shards one after the other, then writes the reply.
    Tour(Box<dyn Visitor>),
    /// Stops the server. There is a reply only if that fails.
    Stop(Stop),
    /// Watches keys of the selected database, then replies OK.
    Watch(Vec<Box<[u8]>>),
    /// Runs what was queued since MULTI, if the keys watched are as they were. The reply is that of EXEC.
    Exec,
}

impl<'c> Context<'c> {
    pub fn new(
        client: &'c mut Client,
        protocol: &'c Cell<Protocol>,
        node: &'c Arc<Node>,
        settings: &'c Settings,
        catalogue: &'c Catalogue,
        worker: usize,
        now_ms: u64,
    ) -> Context<'c> {
        Context { client, node, settings, catalogue, worker, now_ms, protocol, later: None, unwatched: None }
    }

    pub fn protocol(&self) -> Protocol {
        self.protocol.get()
    }

    /// Changes the protocol: everything written to the reply from here on is in the new version.
    pub fn set_protocol(&mut self, protocol: Protocol) {
        self.protocol.set(protocol);
    }

    /// Leaves work to the worker. The handler writes no reply then.
    pub fn later(&mut self, later: Later) {
        self.later = Some(later);
    }

    /// The client watches nothing any more.
    pub fn unwatch(&mut self) {
        self.unwatched = self.client.watching.take().or(self.unwatched.take());
    }

    /// What the client has watched until now, to be told to the shards.
    pub fn take_unwatched(&mut self) -> Option<Box<Watching>> {
        self.unwatched.take()
    }

    /// What the handler left.
    pub fn take_later(&mut self) -> Option<Later> {
        self.later.take()
    }
}
