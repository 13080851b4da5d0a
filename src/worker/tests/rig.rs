//! Several workers on one thread, turned by hand in any order, with clients on socket pairs.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use engine::command::KeyHasher;
use engine::keyspace::Keyspace;
use engine::keyspace::slot::SlotRange;
use engine::shard::Shard;
use engine::txn::Coordinator;
use net::reactor::Reactor;
use net::ring::ring;
use net::unix::UnixTransport;
use shm::{Budget, Heap};

use super::super::{Letter, Mailbox, Parts, Report, Worker};
use crate::commands::Node;
use crate::config::View;
use crate::dispatch::{Placement, Table, WorkerId};
use crate::telemetry::WorkerCounters;

pub struct Rig {
    pub workers: Vec<Worker>,
    pub placement: Arc<Placement>,
    pub node: Arc<Node>,
    pub hasher: KeyHasher,
    mailboxes: Vec<Arc<Mailbox>>,
    pub reports: Receiver<Report>,
}

/// Decides nothing durably: these shards die with the test.
struct NoLine(u64);

impl Coordinator for NoLine {
    fn begin(&mut self) -> u64 {
        self.0 += 1;
        self.0
    }
    fn announce(&mut self, _: u64) {}
    fn clear(&mut self) {}
}

const HEAP_LEN: usize = 16 << 20;

impl Rig {
    pub fn new(worker_count: usize, shard_count: usize, ring_capacity: usize, flags: &[&str]) -> Rig {
        let flags: Vec<_> = flags.iter().map(Into::into).collect();
        let config = crate::config::load(&flags).expect("a sound configuration").config;
        let hasher = KeyHasher::new(*b"the same for all");
        let placement = Arc::new(Placement::new(Placement::equal_slots(shard_count), worker_count));
        let counters: Vec<_> =
            (0..worker_count).map(|_| Arc::new(WorkerCounters::new(Table::get().len()))).collect();
        let node = Arc::new(Node::new(
            config.clone(),
            worker_count,
            counters.clone(),
            shard_count,
            Arc::new(Budget::new(u64::MAX)),
            Box::new(|_| ()),
        ));
        let reactors: Vec<_> = (0..worker_count).map(|_| Reactor::new().expect("a reactor")).collect();
        let wakers: Vec<_> = reactors.iter().map(Reactor::waker).collect();
        let mailboxes: Vec<_> = wakers.iter().map(|waker| Arc::new(Mailbox::new(waker.clone()))).collect();
        let mut outs: Vec<Vec<_>> = (0..worker_count).map(|_| Vec::new()).collect();
        let mut ins: Vec<Vec<_>> = (0..worker_count).map(|_| Vec::new()).collect();
        for from in 0..worker_count {
            for to in 0..worker_count {
                let (out, inbox) = if from == to {
                    (None, None)
                } else {
                    let (out, inbox) = ring(ring_capacity, wakers[from].clone(), wakers[to].clone());
                    (Some(out), Some(inbox))
                };
                outs[from].push(out);
                ins[to].push(inbox);
            }
        }
        let (sender, reports) = channel();
        let report = Arc::new(move |report| sender.send(report).expect("the test listens"));
        let mut workers = Vec::new();
        for (number, reactor) in reactors.into_iter().enumerate() {
            let id = WorkerId(number as u16);
            let shard = |id| {
                let (first, count) = placement.slots(id);
                let slots = SlotRange::new(first, count).expect("slots of a shard");
                Box::new(Shard { id, keyspace: Keyspace::new(Heap::in_memory(HEAP_LEN), hasher, slots) })
            };
            workers.push(Worker::new(Parts {
                id,
                node: node.clone(),
                placement: placement.clone(),
                hasher,
                settings: View::new(config.clone()),
                reactor,
                rings_out: std::mem::take(&mut outs[number]),
                rings_in: std::mem::take(&mut ins[number]),
                shards: placement.shards_of(id).map(shard).collect(),
                coordinator: Box::new(NoLine(0)),
                counters: counters[number].clone(),
                mailbox: mailboxes[number].clone(),
                report: report.clone(),
            }));
        }
        Rig { workers, placement, node, hasher, mailboxes, reports }
    }

    /// A client of one worker.
    pub fn connect(&mut self, worker: usize) -> Peer {
        let (ours, theirs) = UnixStream::pair().expect("a socket pair");
        ours.set_nonblocking(true).expect("a socket");
        let transport = UnixTransport::from_std(theirs, Path::new("/rig").into()).expect("a socket");
        self.node.enter(worker);
        self.post(worker, Letter::Serve(Box::new(transport)));
        Peer { stream: ours, sent: Vec::new(), received: Vec::new(), closed: false }
    }

    pub fn post(&self, worker: usize, letter: Letter) {
        self.mailboxes[worker].post(letter);
    }

    /// One turn of one worker.
    pub fn turn(&mut self, worker: usize) {
        self.workers[worker].turn(Some(Duration::ZERO)).expect("the selector works");
    }

    /// Turns all workers in turn, often enough for everything that was begun to end.
    pub fn settle(&mut self) {
        let rounds = 12 + 6 * self.workers.len();
        for _ in 0..rounds {
            (0..self.workers.len()).for_each(|worker| self.turn(worker));
        }
    }

    /// Sends a request and waits for its reply.
    pub fn ask(&mut self, peer: &mut Peer, request: &str) -> String {
        let start = peer.received.len();
        peer.send(request);
        self.settle();
        peer.pump();
        String::from_utf8_lossy(&peer.received[start..]).replace("\r\n", " ").trim_end().to_owned()
    }

    /// System calls by which a worker has written to its clients.
    pub fn writes(&self, worker: usize) -> u64 {
        self.workers[worker].executor.counters.writes.get()
    }

    /// A key that lives on a shard.
    pub fn key_on(&self, shard: u16, nth: usize) -> String {
        let keys = (0..).map(|number| format!("key:{number}"));
        let mut fitting = keys.filter(|key| {
            self.placement.shard_of(self.hasher.hash(key.as_bytes())) == engine::shard::ShardId(shard)
        });
        fitting.nth(nth).expect("keys without end")
    }
}

/// The other end of a client's connection.
pub struct Peer {
    stream: UnixStream,
    /// Not yet taken by the socket.
    sent: Vec<u8>,
    pub received: Vec<u8>,
    pub closed: bool,
}

impl Peer {
    /// Sends a request of words separated by blanks.
    pub fn send(&mut self, request: &str) {
        let words: Vec<&[u8]> = request.split(' ').map(str::as_bytes).collect();
        self.send_words(&words);
    }

    pub fn send_words(&mut self, words: &[&[u8]]) {
        write!(self.sent, "*{}\r\n", words.len()).expect("memory");
        for word in words {
            write!(self.sent, "${}\r\n", word.len()).expect("memory");
            self.sent.extend_from_slice(word);
            self.sent.extend_from_slice(b"\r\n");
        }
        self.push();
    }

    pub fn send_raw(&mut self, bytes: &[u8]) {
        self.sent.extend_from_slice(bytes);
        self.push();
    }

    /// Moves bytes in both directions, as far as they go.
    pub fn pump(&mut self) {
        self.push();
        let mut buffer = [0; 65536];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => return self.closed = true,
                Ok(len) => self.received.extend_from_slice(&buffer[..len]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(_) => return self.closed = true,
            }
        }
    }

    pub fn push(&mut self) {
        while !self.sent.is_empty() {
            match self.stream.write(&self.sent) {
                Ok(len) => drop(self.sent.drain(..len)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(_) => return self.closed = true,
            }
        }
    }

    /// Sends nothing more.
    pub fn finish(&mut self) {
        assert!(self.is_sent());
        self.stream.shutdown(std::net::Shutdown::Write).expect("a socket");
    }

    /// Whether everything sent is with the system.
    pub fn is_sent(&self) -> bool {
        self.sent.is_empty()
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.received).into_owned()
    }
}
