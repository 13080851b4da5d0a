//! A worker: one pinned thread with its connections and its shards.
//!
//! One turn of its loop:
//! ```text
//! wait ─▶ mail ─▶ inboxes: run peers' requests, ─▶ ready sessions: read, parse, prefetch, run ─▶ flush rings
//!  ▲              deliver replies to ours                                                              │
//!  └── due keys, alarms ◀── write each session's replies, see who may go on ◀──────────────────────────┘
//! ```
//! Data is touched only by the worker that has the shard in hand. Everything else is a message in a box:
//! batches of requests and their replies, shards on loan, visitors, questions. No worker ever waits for
//! another: what cannot go on is put aside and the loop turns.

mod alarms;
mod batch;
mod berths;
mod chunk;
mod errands;
mod exec;
mod executor;
mod gather;
mod holds;
mod inbox;
mod links;
mod mail;
mod message;
mod random;
mod reader;
mod run;
mod sessions;
mod spares;
mod turn;
mod upkeep;
mod waiting;
mod watch;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use engine::command::KeyHasher;
use engine::shard::Shard;
use engine::txn::Coordinator;
use net::reactor::{Reactor, Timers};
use net::ring::{Consumer, Producer};

use alarms::{Alarm, IdleLimit};
use berths::Berths;
use chunk::Chunk;
use errands::Errand;
use executor::Executor;
use gather::InputLimits;
use holds::Holds;
use links::Links;
use sessions::Sessions;
use spares::Spares;
use upkeep::Upkeep;

use crate::commands::Node;
use crate::config::View;
use crate::dispatch::{Placement, WorkerId};
use crate::telemetry::{Rates, WorkerCounters};

pub use mail::{Letter, Mailbox, Report};
pub use message::Message;

/// What a worker is made of.
pub struct Parts {
    pub id: WorkerId,
    pub node: Arc<Node>,
    pub placement: Arc<Placement>,
    pub hasher: KeyHasher,
    pub settings: View,
    pub reactor: Reactor,
    /// To each other worker; none to itself.
    pub rings_out: Vec<Option<Producer<Message>>>,
    /// From each other worker; none from itself.
    pub rings_in: Vec<Option<Consumer<Message>>>,
    /// The shards that the placement gives it.
    pub shards: Vec<Box<Shard>>,
    pub coordinator: Box<dyn Coordinator + Send>,
    pub counters: Arc<WorkerCounters>,
    pub mailbox: Arc<Mailbox>,
    pub report: Arc<dyn Fn(Report) + Send + Sync>,
}

/// See the module.
pub struct Worker {
    id: WorkerId,
    node: Arc<Node>,
    placement: Arc<Placement>,
    settings: View,
    reactor: Reactor,
    links: Links,
    berths: Berths,
    /// Shards that have come back and whose queues are still to be served.
    returned: VecDeque<Box<Shard>>,
    holds: Holds,
    /// What goes on here after others have had their turn.
    errands: VecDeque<Errand>,
    executor: Executor,
    upkeep: Upkeep,
    sessions: Sessions,
    chunk: Chunk,
    spares: Spares,
    input_limits: InputLimits,
    timers: Timers<Alarm>,
    idle_limit: IdleLimit,
    rates: Rates,
    /// Spare memory will be given back before long.
    tidies: bool,
    mailbox: Arc<Mailbox>,
    report: Arc<dyn Fn(Report) + Send + Sync>,
    stage: Stage,
}

/// How far a worker is from its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Serving,
    /// Takes no more requests from its clients, finishes what is under way, goes on serving its peers.
    Draining {
        reported: bool,
    },
    /// All workers are drained.
    Finished,
}

impl Worker {
    pub fn new(parts: Parts) -> Worker {
        let Parts { id, node, placement, settings, reactor, mailbox, report, .. } = parts;
        let mut executor = Executor::new(parts.hasher, parts.coordinator, parts.counters);
        executor.adopt(&settings);
        let idle_limit = IdleLimit { limit_s: settings.client_idle_s_max, version: 0 };
        Worker {
            id,
            berths: Berths::new(placement.shard_count(), parts.shards),
            links: Links::new(id, parts.rings_out, parts.rings_in),
            node,
            placement,
            reactor,
            returned: VecDeque::new(),
            holds: Holds::default(),
            errands: VecDeque::new(),
            executor,
            upkeep: Upkeep::default(),
            sessions: Sessions::default(),
            chunk: Chunk::default(),
            spares: Spares::default(),
            input_limits: InputLimits::of(&settings),
            settings,
            timers: Timers::new(),
            idle_limit,
            rates: Rates::default(),
            tidies: false,
            mailbox,
            report,
            stage: Stage::Serving,
        }
    }

    /// Serves until it is told to finish. Gives the shards back.
    ///
    /// # Errors
    /// The system's selector failed.
    pub fn run(mut self) -> io::Result<Vec<Box<Shard>>> {
        while self.stage != Stage::Finished {
            self.turn(None)?;
        }
        Ok(self.berths.into_shards())
    }

    /// The longest that the next wait may last.
    fn sleep_max(&self) -> Option<Duration> {
        if !self.errands.is_empty() || self.sessions.are_restless() {
            return Some(Duration::ZERO);
        }
        self.time_to_alarm()
    }
}
