//! Clients that wait, beside others that push and move: BLPOP, BLMOVE and BZPOPMIN with timeouts, alone and beside
//! MULTI. `queues.rs` looks at what they saw.

use std::time::Instant;

use crate::history::Token;
use crate::queues::{self, Act, Order, Step};
use crate::support::{Client, TestServer, Value};
use crate::{Random, at_once, hold, length, seed};

/// Two lists, a sorted set whose scores are the tokens, and the list that tokens are moved to.
const QUEUES: [(&str, Order); 4] = [
    ("queue:0", Order::Arrival),
    ("queue:1", Order::Arrival),
    ("board", Order::Number),
    ("gone", Order::Arrival),
];
const BOARD: usize = 2;
const GONE: usize = 3;
/// Short, so that many expire.
const TIMEOUT_MS: u64 = 20;
/// A server may look at its clock so long before it reads the request.
const CLOCK_SLACK_MS: u64 = 10;

/// What a server that does wrong would look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cheat {
    None,
    /// Waits for another key: as if nobody were woken.
    Deaf,
    /// Looks at the first token instead of taking it: as if it were given twice.
    Greedy,
}

struct Waiter {
    client: Client,
    number: usize,
    random: Random,
    cheat: Cheat,
    clock: Instant,
    next_token: Token,
    history: Vec<Step>,
}

impl Waiter {
    fn now(&self) -> u64 {
        u64::try_from(self.clock.elapsed().as_nanos()).expect("a short test")
    }

    fn work(&mut self, count: usize) {
        for _ in 0..count {
            let start = self.now();
            let acts = match self.random.below(8) {
                0 | 1 => self.push(),
                2 => self.push_together(),
                3 | 4 => self.pop(start),
                5 => self.pop_move(start),
                6 => self.pop_least(start),
                _ => self.pop_at_once(start),
            };
            let end = self.now();
            self.history.push(Step { start, end, acts });
        }
    }

    fn fresh_token(&mut self) -> Token {
        self.next_token += 1;
        // Great and small in turn, so that scores are not in the order of arrival.
        self.next_token * 7919 % 100_000 * 10 + self.number as Token
    }

    fn add(&mut self, queue: usize) -> (Vec<String>, Act) {
        let token = self.fresh_token();
        let (name, text) = (QUEUES[queue].0.to_owned(), token.to_string());
        let request = match queue {
            BOARD => vec!["ZADD".to_owned(), name, text.clone(), text],
            _ => vec!["RPUSH".to_owned(), name, text],
        };
        (request, Act::Push { queue, token })
    }

    fn push(&mut self) -> Vec<Act> {
        let queue = self.random.below(GONE);
        let (request, act) = self.add(queue);
        self.client.call(&request).integer();
        vec![act]
    }

    fn push_together(&mut self) -> Vec<Act> {
        self.client.run("MULTI");
        let adds: Vec<_> = (0..GONE).map(|queue| self.add(queue)).collect();
        adds.iter().for_each(|(request, _)| drop(self.client.call(request)));
        assert_eq!(self.client.run("EXEC").items().len(), adds.len());
        adds.into_iter().map(|(_, act)| act).collect()
    }

    /// Waits for one of two lists.
    fn pop(&mut self, start: u64) -> Vec<Act> {
        let queues = if self.random.below(2) == 0 { vec![0, 1] } else { vec![1, 0] };
        if self.cheat == Cheat::Greedy {
            let found = self.client.run("LINDEX queue:0 0");
            return if found == Value::Null { Vec::new() } else { vec![popped(0, &found)] };
        }
        let names: Vec<&str> = match self.cheat {
            Cheat::Deaf => vec!["nothing"],
            _ => queues.iter().map(|queue| QUEUES[*queue].0).collect(),
        };
        let seconds = seconds();
        match self.client.call(&[&["BLPOP"], &names[..], &[&seconds]].concat()) {
            Value::Null => vec![expired(queues, start)],
            reply => {
                let items = reply.items();
                let queue = QUEUES.iter().position(|(name, _)| *name == items[0].text());
                vec![popped(queue.expect("a queue"), &items[1])]
            }
        }
    }

    fn pop_move(&mut self, start: u64) -> Vec<Act> {
        let from = self.random.below(2);
        match self.client.call(&["BLMOVE", QUEUES[from].0, QUEUES[GONE].0, "LEFT", "RIGHT", &seconds()]) {
            Value::Null => vec![expired(vec![from], start)],
            reply => {
                let token = reply.text().parse().expect("a token");
                vec![Act::Pop { queue: from, token }, Act::Push { queue: GONE, token }]
            }
        }
    }

    fn pop_least(&mut self, start: u64) -> Vec<Act> {
        match self.client.call(&["BZPOPMIN", QUEUES[BOARD].0, &seconds()]) {
            Value::Null => vec![expired(vec![BOARD], start)],
            reply => vec![popped(BOARD, &reply.items()[1])],
        }
    }

    /// In a transaction nobody waits.
    fn pop_at_once(&mut self, start: u64) -> Vec<Act> {
        self.client.run("MULTI");
        self.client.run("BLPOP queue:0 0");
        self.client.run("BZPOPMIN board 0");
        let replies = self.client.run("EXEC").items();
        let act = |(queue, reply): (usize, Value)| match reply {
            Value::Null => Act::Expired { queues: vec![queue], not_before: start },
            reply => popped(queue, &reply.items()[1]),
        };
        [0, BOARD].into_iter().zip(replies).map(act).collect()
    }
}

fn seconds() -> String {
    format!("0.{TIMEOUT_MS:03}")
}

fn popped(queue: usize, token: &Value) -> Act {
    Act::Pop { queue, token: token.text().parse().expect("a token") }
}

fn expired(queues: Vec<usize>, start: u64) -> Act {
    Act::Expired { queues, not_before: start + (TIMEOUT_MS - CLOCK_SLACK_MS) * 1_000_000 }
}

/// Lets clients work and looks at what they saw.
fn run(server: &TestServer, cheat: Cheat, seed: u64) -> Result<(), String> {
    let mut setup = server.client();
    setup.run("FLUSHALL");
    let clock = Instant::now();
    let work = |number: usize| {
        let mut waiter = Waiter {
            client: server.client(),
            number,
            random: Random::of_client(seed, number),
            cheat,
            clock,
            next_token: 0,
            history: Vec::new(),
        };
        waiter.work(length() / 2);
        waiter.history
    };
    let history: Vec<Step> = at_once(work).into_iter().flatten().collect();
    let left = QUEUES.map(|(name, order)| {
        let command = if order == Order::Number { "ZRANGE" } else { "LRANGE" };
        let all = setup.call(&[command, name, "0", "-1"]).items();
        all.iter().map(|token| token.text().parse().expect("a token")).collect()
    });
    queues::check(&history, &QUEUES.map(|(_, order)| order), &left)
}

fn hold_honest(server: &TestServer) {
    hold(|seed| run(server, Cheat::None, seed));
}

#[test]
fn waits_end_at_one_moment() {
    hold_honest(&TestServer::hearth(&["--threads", "1"]));
}

#[test]
fn so_they_do_with_several_workers() {
    hold_honest(&TestServer::hearth(&["--threads", "3"]));
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
    for (cheat, complaint) in [(Cheat::Deaf, "expired beside"), (Cheat::Greedy, "twice")] {
        let found =
            (0..20).any(|_| run(&server, cheat, seed()).is_err_and(|found| found.contains(complaint)));
        assert!(found, "{cheat:?}");
    }
}
