//! `kill -9` under pipelined load, round after round: every acknowledged write is there afterwards, no
//! multi-key write is torn, no transaction is there in part (`transfers.rs`), and the segments pass their check.
//!
//! Each connection writes keys of its own and keeps a journal of what it sent and what was
//! acknowledged. After each kill the same shards are served again, and for every key the value found
//! must be one that was sent, and not older than the last one acknowledged.
//!
//! `HEARTH_SOAK_ROUNDS` sets the number of rounds.

#[path = "../support/mod.rs"]
mod support;

mod transfers;

use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use support::client::encode;
use support::{Client, TestServer, Value};

const CONNECTIONS: usize = 4;
const KEYS: usize = 32;
/// Requests in flight of one connection.
const PIPELINE: usize = 16;

fn rounds() -> usize {
    std::env::var("HEARTH_SOAK_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(8)
}

/// What one connection has sent and seen acknowledged, by key: numbers that only grow.
#[derive(Clone)]
struct Journal {
    connection: usize,
    sent: Vec<u64>,
    acknowledged: Vec<u64>,
    next: u64,
}

/// The shapes of writes; each key of a connection always has the same one.
#[derive(Clone, Copy)]
enum Shape {
    /// A short value, overwritten in place.
    Short,
    /// Values whose length changes, so that blocks are replaced.
    Varying,
    /// A value of several blocks.
    Long,
    /// Two keys of different shards in one MSET: never one without the other.
    Pair,
    /// With a deadline far away.
    Timed,
    /// Deleted and set again in one pipeline; only the order counts.
    Reborn,
}

fn shape_of(key: usize) -> Shape {
    [
        Shape::Short,
        Shape::Varying,
        Shape::Pair,
        Shape::Timed,
        Shape::Reborn,
        Shape::Short,
        Shape::Pair,
        Shape::Long,
    ][key % 8]
}

impl Journal {
    fn new(connection: usize) -> Journal {
        Journal { connection, sent: vec![0; KEYS], acknowledged: vec![0; KEYS], next: 0 }
    }

    fn name(&self, key: usize) -> String {
        format!("soak:{}:{key}", self.connection)
    }

    fn twin(&self, key: usize) -> String {
        format!("twin:{}:{key}", self.connection)
    }

    /// The value that spells `number` in the shape of its key.
    fn value(key: usize, number: u64) -> String {
        let padding = match shape_of(key) {
            Shape::Varying => (number * 37 % 700) as usize,
            Shape::Long => 20_000 + (number * 1009 % 50_000) as usize,
            _ => 0,
        };
        format!("{number}.{}", "x".repeat(padding))
    }

    /// The next request and how many replies it has.
    fn request(&mut self) -> (usize, u64, Vec<u8>, usize) {
        self.next += 1;
        let (key, number) = ((self.next * 7 % KEYS as u64) as usize, self.next);
        self.sent[key] = number;
        let (name, value) = (self.name(key), Journal::value(key, number));
        match shape_of(key) {
            Shape::Pair => (key, number, encode(&["MSET", &name, &value, &self.twin(key), &value]), 1),
            Shape::Timed => (key, number, encode(&["SET", &name, &value, "EX", "1000000"]), 1),
            Shape::Reborn => {
                let mut both = encode(&["DEL", &name]);
                both.extend(encode(&["SET", &name, &value]));
                (key, number, both, 2)
            }
            _ => (key, number, encode(&["SET", &name, &value]), 1),
        }
    }

    /// Writes until the connection breaks.
    fn write_until_the_end(&mut self, mut client: Client, total: &AtomicU64) {
        loop {
            let mut batch = Vec::new();
            let mut expected = Vec::new();
            for _ in 0..PIPELINE {
                let (key, number, bytes, replies) = self.request();
                batch.extend(bytes);
                expected.push((key, number, replies));
            }
            if client.send_raw(&batch).is_err() {
                return;
            }
            for (key, number, replies) in expected {
                for _ in 0..replies {
                    match client.receive() {
                        Ok(Value::Error(text)) => panic!("the server refused a write: {text}"),
                        Ok(_) => {}
                        Err(_) => return,
                    }
                }
                self.acknowledged[key] = number;
                total.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Compares what the server has with the journal, and goes on from what it has.
    fn check(&mut self, client: &mut Client) {
        for key in 0..KEYS {
            let name = self.name(key);
            let found = match client.call(&["GET", &name]) {
                Value::Null => 0,
                Value::Bulk(bytes) => {
                    let text = String::from_utf8(bytes).expect("a value of ours");
                    let number = text.split('.').next().and_then(|digits| digits.parse().ok());
                    let number = number.unwrap_or_else(|| panic!("{name}: torn value {text:.40}"));
                    assert_eq!(text, Journal::value(key, number), "{name} is whole");
                    number
                }
                other => panic!("{name}: {other:?}"),
            };
            let deleted_on_the_way = matches!(shape_of(key), Shape::Reborn)
                && found == 0
                && self.sent[key] > self.acknowledged[key];
            assert!(
                found >= self.acknowledged[key] || deleted_on_the_way,
                "{name}: {} was acknowledged and {found} is there",
                self.acknowledged[key]
            );
            assert!(found <= self.sent[key], "{name}: {found} was never sent");
            match shape_of(key) {
                Shape::Pair => {
                    assert_eq!(
                        client.call(&["GET", &self.twin(key)]),
                        client.call(&["GET", &name]),
                        "{name} and its twin"
                    );
                }
                Shape::Timed if found > 0 => {
                    assert!(client.call(&["TTL", &name]).integer() > 0, "{name} has its deadline")
                }
                _ => {}
            }
            self.acknowledged[key] = found;
            self.sent[key] = found;
        }
    }
}

fn verify_segments(server: &TestServer) {
    let output = Command::new(env!("CARGO_BIN_EXE_hearth"))
        .args(["segments", "verify", "--shm-dir"])
        .arg(server.shm_dir())
        .output()
        .expect("the program runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "segments verify: {said}{}", String::from_utf8_lossy(&output.stderr));
}

fn soak(threads: &str) {
    let mut server = TestServer::hearth(&["--threads", threads]);
    let mut journals: Vec<Journal> = (0..CONNECTIONS).map(Journal::new).collect();
    for round in 0..rounds() {
        let total = AtomicU64::new(0);
        thread::scope(|scope| {
            for journal in &mut journals {
                let client = server.client();
                scope.spawn(|| journal.write_until_the_end(client, &total));
            }
            // A different number of acknowledged writes each round, so that the kill falls anywhere.
            let enough = 500 + (round as u64 * 911) % 3000;
            while total.load(Ordering::Relaxed) < enough {
                thread::yield_now();
            }
            server.kill();
        });
        verify_segments(&server);
        server.start();
        assert!(server.log().contains("recovered") || server.log().contains("attached"), "the log says so");
        let mut client = server.client();
        journals.iter_mut().for_each(|journal| journal.check(&mut client));
    }
}

#[test]
fn acknowledged_writes_survive_kill_9_on_one_thread() {
    soak("1");
}

#[test]
fn acknowledged_writes_survive_kill_9_on_several_threads() {
    soak("3");
}
