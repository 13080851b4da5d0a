//! The workers' threads: started, recovered, let loose, ended.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use engine::command::KeyHasher;
use engine::keyspace::Keyspace;
use engine::keyspace::slot::SlotRange;
use engine::shard::{Shard, ShardId};
use net::reactor::Reactor;
use net::ring::ring;
use shm::owner::WorkerLocks;
use shm::segment::{Segment, SegmentError};
use shm::{Control, HeapOptions};

use super::coordinator::Line;
use super::cores::{Plan, pin};
use super::data::Recovered;
use crate::commands::Node;
use crate::config::View;
use crate::dispatch::{Placement, WorkerId};
use crate::worker::{Letter, Mailbox, Message, Parts, Report, Worker};

/// How many messages a ring between two workers holds.
pub const RING_CAPACITY: usize = 256;

/// All workers.
pub struct Crew {
    members: Vec<Member>,
}

struct Member {
    thread: JoinHandle<()>,
    mailbox: Arc<Mailbox>,
    /// Dropped unsent, the worker ends before it has begun.
    go: Sender<()>,
    recovered: Receiver<Result<Recovered, SegmentError>>,
}

/// What every worker is given.
pub struct Common {
    pub node: Arc<Node>,
    pub placement: Arc<Placement>,
    pub control: Arc<Control>,
    pub locks: WorkerLocks,
    pub settings: View,
    pub ring_capacity: usize,
    pub report: Arc<dyn Fn(Report) + Send + Sync>,
}

impl Crew {
    /// Starts a thread per worker. Each makes or recovers its shards and then waits for [`Crew::go`].
    ///
    /// # Errors
    /// The system is short of threads or descriptors.
    pub fn start(common: &Common, plan: &Plan, segments: Vec<Segment>) -> io::Result<Crew> {
        let count = plan.worker_count();
        let reactors = (0..count).map(|_| Reactor::new()).collect::<io::Result<Vec<_>>>()?;
        let mut rings = Rings::new(&reactors, common.ring_capacity);
        let mut segments = segments.into_iter();
        let mut members = Vec::with_capacity(count);
        for (number, reactor) in reactors.into_iter().enumerate() {
            let id = WorkerId(number as u16);
            let mailbox = Arc::new(Mailbox::new(reactor.waker()));
            let own_count = common.placement.shards_of(id).count();
            let recruit = Recruit {
                id,
                pin: plan.pins[number],
                segments: segments.by_ref().take(own_count).collect(),
                node: common.node.clone(),
                placement: common.placement.clone(),
                control: common.control.clone(),
                locks: common.locks.clone(),
                settings: common.settings.clone(),
                reactor,
                rings: rings.take(number),
                mailbox: mailbox.clone(),
                report: common.report.clone(),
            };
            let (go, start) = channel();
            let (report, recovered) = channel();
            let thread = std::thread::Builder::new()
                .name(format!("worker-{number}"))
                .spawn(move || or_abort(|| recruit.work(&report, &start)))?;
            members.push(Member { thread, mailbox, go, recovered });
        }
        Ok(Crew { members })
    }

    /// Waits until all shards are made or recovered.
    ///
    /// # Errors
    /// That of the first worker that failed.
    pub fn recovered(&self) -> Result<Recovered, SegmentError> {
        let mut sum = Recovered::default();
        for member in &self.members {
            // A worker that panics aborts the process, so that each reports.
            let part = member.recovered.recv().expect("every worker reports")?;
            sum.add_all(&part);
        }
        Ok(sum)
    }

    /// All workers begin to serve.
    pub fn go(&self) {
        for member in &self.members {
            // One that has ended has reported why.
            let _ = member.go.send(());
        }
    }

    pub fn mailboxes(&self) -> Vec<Arc<Mailbox>> {
        self.members.iter().map(|member| member.mailbox.clone()).collect()
    }

    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// No worker takes more requests; each reports when it has finished what is under way.
    pub fn drain(&self) {
        self.members.iter().for_each(|member| member.mailbox.post(Letter::Drain));
    }

    /// Ends all workers, which are drained or have not begun.
    pub fn finish(self) {
        self.members.iter().for_each(|member| member.mailbox.post(Letter::Finish));
        for Member { thread, go, .. } in self.members {
            drop(go);
            if thread.join().is_err() {
                std::process::abort();
            }
        }
    }
}

/// A worker before its first turn.
struct Recruit {
    id: WorkerId,
    pin: Option<usize>,
    segments: Vec<Segment>,
    node: Arc<Node>,
    placement: Arc<Placement>,
    control: Arc<Control>,
    locks: WorkerLocks,
    settings: View,
    reactor: Reactor,
    rings: RingsOfOne,
    mailbox: Arc<Mailbox>,
    report: Arc<dyn Fn(Report) + Send + Sync>,
}

impl Recruit {
    fn work(mut self, recovered: &Sender<Result<Recovered, SegmentError>>, start: &Receiver<()>) {
        if let Some(processor) = self.pin
            && let Err(error) = pin(processor)
        {
            tracing::warn!("{:?} cannot be pinned to processor {processor}: {error}", self.id);
        }
        // Held until the last store to a segment is done: who waits for it may take the data over.
        let (lock, shards) = match self.take_over() {
            Ok((lock, shards, sum)) => {
                // The starter waits for it, unless it has failed.
                let _ = recovered.send(Ok(sum));
                (lock, shards)
            }
            Err(error) => {
                let _ = recovered.send(Err(error));
                return;
            }
        };
        if start.recv().is_err() {
            return;
        }
        let number = self.id.index();
        let worker = Worker::new(Parts {
            id: self.id,
            coordinator: Box::new(Line::new(self.control.clone(), self.id)),
            counters: self.node.counters[number].clone(),
            hasher: KeyHasher::new(self.control.hash_key()),
            node: self.node,
            placement: self.placement,
            settings: self.settings,
            reactor: self.reactor,
            rings_out: self.rings.out,
            rings_in: self.rings.inbox,
            shards,
            mailbox: self.mailbox,
            report: self.report,
        });
        match worker.run() {
            Ok(shards) => drop(shards),
            Err(error) => {
                tracing::error!("worker {number} cannot wait for its connections: {error}");
                std::process::abort();
            }
        }
        drop(lock);
    }

    /// Takes this thread's lock and turns the segments into shards.
    fn take_over(&mut self) -> Result<(shm::owner::WorkerLock, Vec<Box<Shard>>, Recovered), SegmentError> {
        let lock = self.locks.lock(self.id.index())?;
        let hasher = KeyHasher::new(self.control.hash_key());
        let options = HeapOptions {
            undo_bound: usize::try_from(self.settings.undo_log_bytes_max).unwrap_or(usize::MAX),
            budget: Some(self.node.memory.clone()),
            ..HeapOptions::default()
        };
        let (mut shards, mut sum) = (Vec::new(), Recovered::default());
        for segment in std::mem::take(&mut self.segments) {
            let id = ShardId(segment.shard() as u16);
            let (first, count) = self.placement.slots(id);
            let (heap, report) = segment.into_heap(&lock, &self.control, options.clone())?;
            let slots = SlotRange::new(first, count).expect("a shard has slots");
            let keyspace = Keyspace::new(heap, hasher, slots);
            sum.add(&report, keyspace.keys_in_all());
            shards.push(Box::new(Shard { id, keyspace }));
        }
        Ok((lock, shards, sum))
    }
}

/// The rings between all pairs of workers.
struct Rings {
    of_worker: Vec<RingsOfOne>,
}

#[derive(Default)]
struct RingsOfOne {
    out: Vec<Option<net::ring::Producer<Message>>>,
    inbox: Vec<Option<net::ring::Consumer<Message>>>,
}

impl Rings {
    fn new(reactors: &[Reactor], capacity: usize) -> Rings {
        let wakers: Vec<_> = reactors.iter().map(Reactor::waker).collect();
        let mut of_worker: Vec<RingsOfOne> = wakers.iter().map(|_| RingsOfOne::default()).collect();
        for from in 0..wakers.len() {
            for to in 0..wakers.len() {
                let (out, inbox) = if from == to {
                    (None, None)
                } else {
                    let (out, inbox) = ring(capacity, wakers[from].clone(), wakers[to].clone());
                    (Some(out), Some(inbox))
                };
                of_worker[from].out.push(out);
                of_worker[to].inbox.push(inbox);
            }
        }
        Rings { of_worker }
    }

    fn take(&mut self, worker: usize) -> RingsOfOne {
        std::mem::take(&mut self.of_worker[worker])
    }
}

/// A worker that panics outside of a command has shards in a state unknown: the process ends at once, and the next one
/// recovers them. The panic is in the log.
fn or_abort(work: impl FnOnce()) {
    if catch_unwind(AssertUnwindSafe(work)).is_err() {
        tracing::error!(
            "A worker has panicked outside of a command; the process ends so that the data is recovered"
        );
        std::process::abort();
    }
}
