//! A server without sockets and threads, to hold conversations with: two workers' worth of clients and shards,
//! one after the other.
//!
//! ```text
//! > CLIENT GETNAME       a command of the first client
//! (nil)                  its reply, as redis-cli shows it on a terminal, up to the next command or empty line
//! ~ part                 a line that contains this
//! # a comment
//! ```

use std::cell::Cell;
use std::ffi::OsString;
use std::sync::{Arc, Mutex};

use engine::command::{Args, Error, KeyHasher, Reply};
use engine::shard::ShardId;
use engine::testing::{Recorder, START_MS, Session, words_of};

use crate::client::{Buffers, Client, Ends, Protocol};
use crate::commands::node::Stop;
use crate::commands::{ClientView, Context, Fate, Later, Node, Survey, WorkerView};
use crate::config::{View, load};
use crate::dispatch::{Run, Table};
use crate::telemetry::{Rate, WorkerCounters};

const WORKERS: usize = 2;
const SHARDS: usize = 3;

/// See the module.
pub struct Rig {
    pub node: Arc<Node>,
    settings: View,
    /// Keys and their commands.
    pub data: Session,
    clients: Vec<(Client, Cell<Protocol>)>,
    gone: Vec<u64>,
    now_ms: u64,
    stopped: Arc<Mutex<Option<Stop>>>,
}

/// Holds a conversation with a new server; see the module.
#[track_caller]
pub fn check(conversation: &str) {
    Rig::new(&[]).check(conversation);
}

impl Rig {
    /// A server with these settings, and DEBUG allowed, and a client.
    pub fn new(flags: &[&str]) -> Rig {
        let flags = ["--enable-debug-command", "yes"].iter().chain(flags);
        let flags: Vec<OsString> = flags.map(OsString::from).collect();
        let config = load(&flags).expect("good flags").config;
        let counters = (0..=WORKERS).map(|_| Arc::new(WorkerCounters::new(Table::get().len()))).collect();
        let stopped = Arc::new(Mutex::new(None));
        let stop = {
            let stopped = Arc::clone(&stopped);
            Box::new(move |stop| *stopped.lock().unwrap() = Some(stop))
        };
        let memory = Arc::new(shm::Budget::new(u64::MAX));
        let mut rig = Rig {
            node: Arc::new(Node::new(Arc::clone(&config), WORKERS, counters, SHARDS, memory, stop)),
            settings: View::new(config),
            data: Session::new(SHARDS),
            clients: Vec::new(),
            gone: Vec::new(),
            now_ms: START_MS,
            stopped,
        };
        rig.connect();
        rig
    }

    /// One more client.
    pub fn connect(&mut self) {
        let id = self.node.next_client_id();
        let ends = Ends {
            peer: format!("127.0.0.1:{}", 50_000 + id),
            local: "127.0.0.1:6379".into(),
            is_local: true,
            ..Ends::default()
        };
        let client = Client::new(id, ends, self.settings.password.is_none(), self.now_ms);
        self.clients.push((client, Cell::default()));
    }

    /// A client, from 0.
    pub fn client(&mut self, nth: usize) -> &mut Client {
        &mut self.clients[nth].0
    }

    /// The numbers of those who were killed, ascending.
    pub fn gone(&mut self) -> Vec<u64> {
        self.gone.sort_unstable();
        self.gone.clone()
    }

    /// How the server was told to stop.
    pub fn stopped(&self) -> Option<Stop> {
        *self.stopped.lock().unwrap()
    }

    /// Time goes on.
    pub fn pass(&mut self, ms: u64) {
        self.now_ms += ms;
        self.data.advance(ms);
    }

    /// Holds a conversation; see the module.
    #[track_caller]
    pub fn check(&mut self, conversation: &str) {
        let mut lines = conversation.lines().map(str::trim_start).peekable();
        while let Some(line) = lines.next() {
            let Some(command) = line.strip_prefix("> ") else {
                assert!(line.is_empty() || line.starts_with('#'), "not a command: {line}");
                continue;
            };
            let mut expected = Vec::new();
            while let Some(line) = lines.next_if(|line| !line.is_empty() && !line.starts_with(['>', '#'])) {
                expected.push(line);
            }
            let reply = self.run(command);
            let reply: Vec<&str> = reply.lines().map(str::trim_start).collect();
            let is_alike = |(expected, line): (&&str, &&str)| match expected.strip_prefix('~') {
                Some(part) => line.contains(part.trim_start()),
                None => expected == line,
            };
            let alike = expected.len() == reply.len() && expected.iter().zip(&reply).all(is_alike);
            assert!(alike, "{command}\nexpected: {expected:#?}\nreply: {reply:#?}");
        }
    }

    /// Runs a command of the first client that has a reply.
    #[track_caller]
    pub fn run(&mut self, line: &str) -> String {
        self.try_run(line).unwrap_or_else(|| panic!("no reply to {line}"))
    }

    /// Runs a command of the first client. `None` if it is not answered.
    #[track_caller]
    pub fn try_run(&mut self, line: &str) -> Option<String> {
        let words = words_of(line).unwrap_or_else(|| panic!("unbalanced quotes: {line}"));
        let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
        self.settings.refresh();
        let is_resp3 = |rig: &Rig| rig.clients[0].1.get() == Protocol::Resp3;
        let mut reply = Recorder::new(is_resp3(self));
        match Table::get().find(words.len(), |nth| words[nth]) {
            Err(refusal) => reply.error_line(&refusal.line()),
            Ok(row) => match row.run {
                Run::Server(command) => {
                    self.clients[0].0.last_command = Some(row.spec);
                    let skip = usize::from(row.name_words);
                    let outcome = self.with_context(&words, |context, args| {
                        let mut args = args.starting_at(skip);
                        ((command.run)(context, &mut args, &mut reply).map(|_| ()), context.take_later())
                    });
                    match outcome {
                        (Err(error), _) => {
                            reply.cut(0);
                            reply.error(&error);
                        }
                        (Ok(()), Some(later)) => {
                            assert!(reply.is_empty(), "who leaves work writes no reply: {line}");
                            self.finish(later, &mut reply);
                        }
                        (Ok(()), None) => {}
                    }
                }
                Run::Parent => reply.error(&Error::WrongArity(row.spec.name.into())),
                Run::Data(_) | Run::Visit(_) => {
                    self.data.caller.db = self.clients[0].0.db;
                    self.data.resp3 = is_resp3(self);
                    return Some(self.data.call(&words));
                }
            },
        }
        reply.set_resp3(is_resp3(self));
        (!reply.is_empty()).then(|| reply.render())
    }

    /// Calls part of a handler for the first client, with all of these words to read.
    pub fn with_context<R>(
        &mut self,
        words: &[&[u8]],
        run: impl FnOnce(&mut Context<'_>, &mut Args<'_>) -> R,
    ) -> R {
        let hasher: KeyHasher = *self.data.shards()[0].hasher();
        let (client, protocol) = &mut self.clients[0];
        let catalogue = Table::get().catalogue();
        let mut context =
            Context::new(client, protocol, &self.node, &self.settings, catalogue, 0, self.now_ms);
        run(&mut context, &mut Args::new(words, &hasher).starting_at(0))
    }

    fn finish(&mut self, later: Later, reply: &mut Recorder) {
        match later {
            Later::Stop(stop) => self.node.stop(stop),
            Later::Tour(_) | Later::Watch(_) | Later::Exec => {
                unreachable!("a worker's affair: {:?}", reply.is_empty())
            }
            Later::Survey(mut survey) => {
                for worker in 0..WORKERS {
                    self.ask(worker, &mut *survey);
                }
                survey.finish(reply);
            }
        }
    }

    fn ask(&mut self, worker: usize, survey: &mut dyn Survey) {
        if survey.wants_shards() {
            for (shard, keyspace) in self.data.shards().iter_mut().enumerate() {
                if shard % WORKERS == worker {
                    survey.shard(ShardId(shard as u16), keyspace);
                }
            }
        }
        survey.worker(&mut Worker { id: worker, clients: &mut self.clients, gone: &mut self.gone });
    }
}

/// A worker as surveys see it.
struct Worker<'r> {
    id: usize,
    clients: &'r mut Vec<(Client, Cell<Protocol>)>,
    gone: &'r mut Vec<u64>,
}

impl WorkerView for Worker<'_> {
    fn id(&self) -> usize {
        self.id
    }

    fn rate(&self) -> Rate {
        Rate { commands: 21.0, ..Rate::default() }
    }

    fn clients(&mut self, visit: &mut dyn FnMut(ClientView<'_>) -> Fate) {
        // In no order that could be relied on.
        for (nth, (client, protocol)) in self.clients.iter_mut().enumerate().rev() {
            if nth % WORKERS != self.id || self.gone.contains(&client.id) {
                continue;
            }
            let buffers =
                Buffers { query_len: 26, query_free: 1000, memory_bytes: 2000, ..Buffers::default() };
            let id = client.id;
            let fate = visit(ClientView { client: &mut *client, protocol: protocol.get(), buffers });
            if fate == Fate::Kill {
                self.gone.push(id);
                client.close_after_reply |= nth == 0;
            }
        }
    }
}
