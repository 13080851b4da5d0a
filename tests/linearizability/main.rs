//! Strict serialisability, seen from outside: several clients at once make transactions over keys of all shards, and
//! `checker.rs` looks for an order of them. Strings are the lists: APPEND adds a token, GET shows all of them.
//!
//! Beside that, money goes from account to account under WATCH, and pairs of keys are written with MSET; whoever
//! looks must find the sums right.
//!
//! Clients that wait are in `waits.rs`, and what they saw is looked at by `queues.rs`.
//!
//! `HEARTH_SEED` repeats a run's requests, `HEARTH_HISTORY` sets how many transactions each client makes. A client
//! can be told to cheat (see [`Cheat`]): then the checker must notice, or it would prove nothing.

#[path = "../support/mod.rs"]
mod support;

mod checker;
mod history;
mod queues;
mod waits;

use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use history::{Clock, Op, Token, Transaction};
use support::client::encode;
use support::{Client, TestServer, Value};

const CLIENTS: usize = 6;
/// Few keys, so that transactions meet; on all shards of a small server.
const LISTS: usize = 8;
const ACCOUNTS: usize = 5;
const BALANCE: i64 = 1000;

/// What a server that does wrong would look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cheat {
    None,
    /// The commands of a transaction are sent one by one: as if its shards were let go between them.
    NoMulti,
    /// Nothing is watched: as if broken tickets were not looked at.
    NoWatch,
}

/// xorshift64* (Vigna 2016).
struct Random(u64);

impl Random {
    /// That of one client of a run.
    fn of_client(seed: u64, number: usize) -> Random {
        Random(seed.wrapping_mul(2 * number as u64 + 1) | 1)
    }

    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % bound
    }
}

struct Worker<'w> {
    client: Client,
    number: usize,
    random: Random,
    cheat: Cheat,
    clock: &'w Clock,
    next_token: Token,
    history: Vec<Transaction>,
    complaints: Vec<String>,
}

fn list(key: usize) -> String {
    format!("list:{key}")
}

fn account(number: usize) -> String {
    format!("account:{number}")
}

fn tokens_of(value: &Value) -> Vec<Token> {
    match value {
        Value::Null => Vec::new(),
        Value::Bulk(bytes) => {
            let text = std::str::from_utf8(bytes).expect("tokens");
            text.split_terminator(',').map(|token| token.parse().expect("a token")).collect()
        }
        other => panic!("not a list: {other:?}"),
    }
}

fn number_of(value: &Value) -> i64 {
    value.text().parse().expect("a number")
}

impl Worker<'_> {
    fn work(&mut self, count: usize) {
        for _ in 0..count {
            match self.random.below(10) {
                0..=3 => self.transaction(),
                4 => self.append(),
                5 | 6 => self.look(),
                7 => self.watched_transaction(),
                8 => self.transfer(),
                _ => self.pair(),
            }
        }
    }

    fn fresh_token(&mut self) -> Token {
        self.next_token += 1;
        self.number as Token * 100_000 + self.next_token
    }

    fn some_key(&mut self) -> usize {
        self.random.below(LISTS)
    }

    /// Sends requests in one write, or each after the reply to the one before. Returns all replies.
    fn ask_all(&mut self, requests: &[Vec<String>]) -> Vec<Value> {
        if self.random.below(2) == 0 {
            return requests.iter().map(|request| self.client.call(request)).collect();
        }
        let bytes: Vec<u8> = requests.iter().flat_map(|request| encode(request)).collect();
        self.client.send_raw(&bytes).expect("a live server");
        requests.iter().map(|_| self.client.receive().expect("a live server")).collect()
    }

    /// Runs requests as one transaction. `None` if it was aborted.
    fn exec(&mut self, requests: Vec<Vec<String>>) -> Option<Vec<Value>> {
        if self.cheat == Cheat::NoMulti {
            return Some(requests.iter().map(|request| self.client.call(request)).collect());
        }
        let word = |name: &str| vec![name.to_owned()];
        let framed = [vec![word("MULTI")], requests, vec![word("EXEC")]].concat();
        match self.ask_all(&framed).pop() {
            Some(Value::Array(replies)) => Some(replies),
            Some(Value::Null) => None,
            other => panic!("EXEC answered {other:?}"),
        }
    }

    fn watch(&mut self, keys: &[String]) {
        if self.cheat != Cheat::NoWatch {
            let request = [&["WATCH".to_owned()], keys].concat();
            assert_eq!(self.client.call(&request), Value::ok());
        }
    }

    fn note(&mut self, start: u64, ops: Vec<Op>, is_aborted: bool) {
        let end = self.clock.tick();
        self.history.push(Transaction { start, end, ops, is_aborted });
    }

    /// Some operations with their requests; readings are still empty.
    fn some_ops(&mut self) -> (Vec<Op>, Vec<Vec<String>>) {
        let count = 1 + self.random.below(5);
        let mut ops = Vec::new();
        for _ in 0..count {
            let key = self.some_key();
            ops.push(match self.random.below(2) {
                0 => Op::Append { key, token: self.fresh_token() },
                _ => Op::Read { key, tokens: Vec::new() },
            });
        }
        let request = |op: &Op| match op {
            Op::Append { key, token } => vec!["APPEND".into(), list(*key), format!("{token},")],
            Op::Read { key, .. } => vec!["GET".into(), list(*key)],
        };
        let requests = ops.iter().map(request).collect();
        (ops, requests)
    }

    fn fill(ops: &mut [Op], replies: &[Value]) {
        for (op, reply) in ops.iter_mut().zip(replies) {
            if let Op::Read { tokens, .. } = op {
                *tokens = tokens_of(reply);
            }
        }
    }

    fn transaction(&mut self) {
        let (mut ops, requests) = self.some_ops();
        let start = self.clock.tick();
        let replies = self.exec(requests).expect("nothing is watched");
        Self::fill(&mut ops, &replies);
        self.note(start, ops, false);
    }

    /// What was read under WATCH is part of the transaction, if that runs.
    fn watched_transaction(&mut self) {
        let keys = [self.some_key(), self.some_key()];
        let (mut ops, requests) = self.some_ops();
        let start = self.clock.tick();
        self.watch(&keys.map(list));
        let mut readings = Vec::new();
        for key in keys {
            let tokens = tokens_of(&self.client.call(&["GET".to_owned(), list(key)]));
            readings.push(Op::Read { key, tokens });
        }
        match self.exec(requests) {
            Some(replies) => {
                Self::fill(&mut ops, &replies);
                self.note(start, [readings, ops].concat(), false);
            }
            None => {
                ops.retain(|op| matches!(op, Op::Append { .. }));
                self.note(start, ops, true);
                let end = self.history.last().expect("just noted").end;
                let each = |op| Transaction { start, end, ops: vec![op], is_aborted: false };
                self.history.extend(readings.into_iter().map(each));
            }
        }
    }

    fn append(&mut self) {
        let (key, token) = (self.some_key(), self.fresh_token());
        let start = self.clock.tick();
        self.client.call(&["APPEND".to_owned(), list(key), format!("{token},")]);
        self.note(start, vec![Op::Append { key, token }], false);
    }

    fn look(&mut self) {
        let keys: Vec<usize> = (0..1 + self.random.below(LISTS)).map(|_| self.some_key()).collect();
        let start = self.clock.tick();
        let request: Vec<String> =
            std::iter::once("MGET".to_owned()).chain(keys.iter().map(|key| list(*key))).collect();
        let replies = self.client.call(&request).items();
        let readings = keys.iter().zip(&replies);
        let ops = readings.map(|(key, reply)| Op::Read { key: *key, tokens: tokens_of(reply) }).collect();
        self.note(start, ops, false);
    }

    fn transfer(&mut self) {
        let (from, to) = (self.random.below(ACCOUNTS), self.random.below(ACCOUNTS));
        let amount = self.random.below(50) as i64;
        if from != to {
            let names = [account(from), account(to)];
            self.watch(&names);
            let balances = self.client.call(&["MGET", &names[0], &names[1]]).items();
            let set = |nth: usize, by: i64| {
                vec!["SET".to_owned(), names[nth].clone(), (number_of(&balances[nth]) + by).to_string()]
            };
            let _ = self.exec(vec![set(0, -amount), set(1, amount)]);
        }
        let names: Vec<String> = (0..ACCOUNTS).map(account).collect();
        let sum = |values: &[Value]| values.iter().map(number_of).sum::<i64>();
        let found = if self.random.below(2) == 0 {
            sum(&self.client.call(&[vec!["MGET".to_owned()], names].concat()).items())
        } else {
            let gets = names.into_iter().map(|name| vec!["GET".to_owned(), name]).collect();
            sum(&self.exec(gets).expect("nothing is watched"))
        };
        if found != BALANCE * ACCOUNTS as i64 {
            self.complaints.push(format!("the accounts hold {found}"));
        }
    }

    fn pair(&mut self) {
        if self.random.below(2) == 0 {
            let share = self.random.below(1000);
            let request =
                ["MSET", "pair:left", &share.to_string(), "pair:right", &(1000 - share).to_string()];
            assert_eq!(self.client.call(&request), Value::ok());
        } else {
            let shares = self.client.run("MGET pair:left pair:right").items();
            let sum: i64 = shares.iter().map(number_of).sum();
            if sum != 1000 {
                self.complaints.push(format!("the pair holds {sum}"));
            }
        }
    }
}

fn seed() -> u64 {
    let given = std::env::var("HEARTH_SEED").ok().and_then(|seed| seed.parse().ok());
    let clock = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |time| time.as_nanos() as u64);
    given.unwrap_or_else(clock) | 1
}

fn length() -> usize {
    std::env::var("HEARTH_HISTORY").ok().and_then(|length| length.parse().ok()).unwrap_or(400)
}

/// Lets clients work and looks at what they saw.
fn run(server: &TestServer, cheat: Cheat, seed: u64) -> Result<(), String> {
    let clock = Clock::default();
    let mut setup = server.client();
    setup.run("FLUSHALL");
    setup.run("MSET pair:left 400 pair:right 600");
    (0..ACCOUNTS).for_each(|number| drop(setup.call(&["SET", &account(number), &BALANCE.to_string()])));
    let work = |number: usize| {
        let mut worker = Worker {
            client: server.client(),
            number,
            random: Random::of_client(seed, number),
            cheat,
            clock: &clock,
            next_token: 0,
            history: Vec::new(),
            complaints: Vec::new(),
        };
        worker.work(length());
        (worker.history, worker.complaints)
    };
    let mut history = Vec::new();
    for (part, complaints) in at_once(work) {
        history.extend(part);
        if let Some(complaint) = complaints.into_iter().next() {
            return Err(complaint);
        }
    }
    let start = clock.tick();
    let read = |key| Op::Read { key, tokens: tokens_of(&setup.call(&["GET".to_owned(), list(key)])) };
    let ops = (0..LISTS).map(read).collect();
    history.push(Transaction { start, end: clock.tick(), ops, is_aborted: false });
    checker::check(&history, LISTS)
}

/// What each client brings back from work that all do at once.
fn at_once<T: Send>(work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let work = &work;
    thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS).map(|number| scope.spawn(move || work(number))).collect();
        clients.into_iter().map(|client| client.join().expect("a client at work")).collect()
    })
}

/// A run about which there must be no complaint.
fn hold(run: impl FnOnce(u64) -> Result<(), String>) {
    let seed = seed();
    run(seed).unwrap_or_else(|complaint| panic!("HEARTH_SEED={seed}: {complaint}"));
}

fn hold_honest(server: &TestServer) {
    hold(|seed| run(server, Cheat::None, seed));
}

#[test]
fn transactions_happen_one_at_a_time() {
    hold_honest(&TestServer::hearth(&["--threads", "1"]));
}

#[test]
fn transactions_of_several_workers_happen_one_at_a_time() {
    hold_honest(&TestServer::hearth(&["--threads", "3"]));
}

#[test]
fn so_they_do_in_program_order() {
    hold_honest(&TestServer::hearth(&["--threads", "2", "--pipeline-order", "strict"]));
}

#[test]
fn so_they_do_with_the_reference_server() {
    match TestServer::redis(&[]) {
        Some(server) => hold_honest(&server),
        None => eprintln!("skipped: redis-server is not installed"),
    }
}

#[test]
fn cheats_are_found_out() {
    let server = TestServer::hearth(&["--threads", "3"]);
    for cheat in [Cheat::NoMulti, Cheat::NoWatch] {
        let found = (0..20).any(|_| run(&server, cheat, seed()).is_err());
        assert!(found, "{cheat:?}");
    }
}
