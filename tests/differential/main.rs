//! Random conversations, held with Hearth on one and on two threads and with the reference server: every reply must
//! be the same, byte for byte. `differences.rs` names what may differ, and why.
//!
//! A difference is shrunk to the few calls that show it, printed as redis-cli takes them. `PROPTEST_CASES` says how
//! many conversations to hold.

#[path = "../support/mod.rs"]
mod support;

mod commands;
mod differences;
mod dumps;
mod rows;
mod streams;
mod wire;
mod words;
mod zsets;

use std::fmt;
use std::io::Write;
use std::path::PathBuf;

use proptest::prelude::*;
use proptest::strategy::Union;
use proptest::test_runner::{Config, FileFailurePersistence, TestRunner};

use commands::{Call, THEMES, Theme};
use differences::{are_alike, are_alike_in_exec, companions, line, tame};
use support::TestServer;
use support::client::encode;
use wire::Wire;
use words::{BULK_LEN_MAX, Size};

/// How many calls a conversation has at most.
const CALLS_MAX: usize = 60;

/// Conversations in a usual run.
const CASES: u32 = 1000;

/// Requests are sent together up to so many bytes: what a server has not read yet must fit its socket.
const TOGETHER_MAX: usize = 32 * 1024;

/// The databases that calls come to.
const DATABASES: [&str; 4] = ["SELECT 0", "SELECT 1", "SELECT 2", "SELECT 15"];

#[derive(Clone)]
struct Conversation {
    is_resp3: bool,
    /// Whether each call is followed by a look at its key.
    is_watched: bool,
    calls: Vec<Call>,
}

impl Conversation {
    fn strategy() -> impl Strategy<Value = Conversation> {
        let of_theme = |(weight, theme): (u32, Theme)| {
            let count_max = if theme.size == Size::Large { CALLS_MAX / 2 } else { CALLS_MAX };
            (weight, commands::calls(theme, count_max).boxed())
        };
        let calls = Union::new_weighted(THEMES.map(of_theme).to_vec());
        (any::<bool>(), any::<bool>(), calls).prop_map(|(is_resp3, is_watched, calls)| Conversation {
            is_resp3,
            is_watched,
            calls,
        })
    }

    /// The words of all requests. The end shows what the others have left behind.
    fn requests(&self) -> Vec<Vec<Vec<u8>>> {
        let mut requests = vec![line("FLUSHALL")];
        if self.is_resp3 {
            requests.push(line("HELLO 3"));
        }
        for (place, call) in self.calls.iter().enumerate() {
            let mut words = call.words(place);
            tame(&mut words, place);
            let (before, after) = companions(&words);
            requests.extend(before);
            let key = words.get(1).filter(|_| self.is_watched).cloned();
            requests.push(words);
            requests.extend(after);
            if let Some(key) = key {
                requests.push(vec![b"OBJECT".to_vec(), b"ENCODING".to_vec(), key.clone()]);
                requests.push(vec![b"PEXPIRETIME".to_vec(), key]);
            }
        }
        requests.push(line("DISCARD"));
        for db in DATABASES {
            requests.push(line(db));
            requests.extend(["SCAN 0", "DBSIZE"].map(line));
        }
        requests.push(line("DEBUG DIGEST"));
        requests
    }
}

impl fmt::Debug for Conversation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{} calls in RESP{}:", self.calls.len(), if self.is_resp3 { 3 } else { 2 })?;
        for words in self.requests() {
            words::show(&words, out)?;
            writeln!(out)?;
        }
        Ok(())
    }
}

/// Sends all requests, many at a time, and returns their replies; where the server hangs up they end.
fn hold(server: &TestServer, requests: &[Vec<Vec<u8>>]) -> Vec<Vec<u8>> {
    let mut wire = Wire::connect(&server.socket()).expect("a live server");
    let mut replies = Vec::new();
    let mut together = Vec::new();
    let mut asked = 0;
    for request in requests {
        let bytes = encode(request);
        let is_iteration = begins_iteration(request);
        if is_iteration || together.len() + bytes.len() > TOGETHER_MAX {
            receive(&mut wire, &mut together, &mut asked, &mut replies);
        }
        together.extend_from_slice(&bytes);
        asked += 1;
        if is_iteration {
            receive(&mut wire, &mut together, &mut asked, &mut replies);
            if let Some(first) = replies.pop() {
                replies.push(iterate(&mut wire, request, first));
            }
        }
    }
    receive(&mut wire, &mut together, &mut asked, &mut replies);
    replies
}

fn receive(wire: &mut Wire, together: &mut Vec<u8>, asked: &mut usize, replies: &mut Vec<Vec<u8>>) {
    // A server that has hung up shows in the replies.
    let _ = wire.send(together);
    replies.extend((0..*asked).map_while(|_| wire.receive().ok()));
    together.clear();
    *asked = 0;
}

fn begins_iteration(request: &[Vec<u8>]) -> bool {
    cursor_at(request).is_some_and(|at| request.get(at).is_some_and(|cursor| cursor == b"0"))
}

/// Which word is the cursor of a walk.
fn cursor_at(request: &[Vec<u8>]) -> Option<usize> {
    match request[0].to_ascii_uppercase().as_slice() {
        b"SCAN" => Some(1),
        b"HSCAN" | b"SSCAN" => Some(2),
        _ => None,
    }
}

/// Goes on until the cursor is 0 again. The result is all that was found, sorted, without a cursor.
fn iterate(wire: &mut Wire, request: &[Vec<u8>], mut reply: Vec<u8>) -> Vec<u8> {
    let mut request = request.to_vec();
    let Some(at) = cursor_at(&request) else { return reply };
    let is_of_pairs = request[0].eq_ignore_ascii_case(b"HSCAN");
    let mut found = Vec::new();
    loop {
        let mut bulks = wire::bulks(&reply);
        if wire::is_error(&reply) || bulks.is_empty() {
            return reply;
        }
        let items = bulks.split_off(1);
        let width = if is_of_pairs { 2 } else { 1 };
        found.extend(items.chunks(width).map(<[Vec<u8>]>::concat));
        request[at] = bulks.remove(0);
        if request[at] == b"0" {
            found.sort();
            return encode(&found);
        }
        let next = wire.send(&encode(&request)).and_then(|()| wire.receive());
        reply = next.unwrap_or_default();
    }
}

fn compare(
    redis: &TestServer,
    hearths: &[TestServer],
    conversation: &Conversation,
) -> Result<(), TestCaseError> {
    let requests = conversation.requests();
    let theirs = hold(redis, &requests);
    for (hearth, threads) in hearths.iter().zip(1..) {
        let ours = hold(hearth, &requests);
        let mut queue = Vec::new();
        for (nth, request) in requests.iter().enumerate() {
            let (theirs, ours) = (theirs.get(nth), ours.get(nth));
            let is_greeting = request[0] == b"HELLO";
            let fits = theirs.zip(ours).is_some_and(|(theirs, ours)| {
                is_greeting
                    || are_alike(request, theirs, ours)
                    || request[0].eq_ignore_ascii_case(b"EXEC") && are_alike_in_exec(&queue, theirs, ours)
            });
            match ours {
                Some(reply) if reply == b"+QUEUED\r\n" => queue.push(request),
                Some(reply) if reply == b"+OK\r\n" && request[0].eq_ignore_ascii_case(b"MULTI") => {
                    queue.clear()
                }
                _ => {}
            }
            if !fits {
                let mut text = String::new();
                let _ = words::show(request, &mut text);
                let shown = |reply: Option<&Vec<u8>>| match reply {
                    Some(reply) => reply.escape_ascii().to_string(),
                    None => "nothing".to_owned(),
                };
                return Err(TestCaseError::fail(format!(
                    "\nrequest {nth}: {text}\n  Redis:  {}\n  Hearth: {} (threads: {threads})\n",
                    shown(theirs),
                    shown(ours)
                )));
            }
        }
    }
    Ok(())
}

/// As many conversations as `PROPTEST_CASES` says.
fn runner() -> TestRunner {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(CASES);
    let seeds = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("proptest-regressions/differential.txt");
    let seeds = Box::leak(seeds.to_string_lossy().into_owned().into_boxed_str());
    TestRunner::new(Config {
        cases,
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(seeds))),
        max_shrink_iters: 2_000,
        ..Config::default()
    })
}

/// The reference server, or a word that it is missing. Not by a macro: that would be shown only of tests that fail.
fn reference(arguments: &[&str]) -> Option<TestServer> {
    let server = TestServer::redis(arguments);
    if server.is_none() {
        let _ = writeln!(std::io::stderr(), "skipped: redis-server is not installed");
    }
    server
}

#[test]
fn hearth_answers_as_the_reference_server_does() {
    let limit = BULK_LEN_MAX.to_string();
    let strict = ["--proto-max-bulk-len", &limit, "--sanitize-dump-payload", "yes"];
    let Some(redis) = reference(&strict) else { return };
    let hearths =
        ["1", "2"].map(|threads| TestServer::hearth(&["--threads", threads, "--proto-max-bulk-len", &limit]));
    runner()
        .run(&Conversation::strategy(), |conversation| compare(&redis, &hearths, &conversation))
        .unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn rows_are_those_of_the_reference_server() {
    let Some(redis) = reference(&[]) else { return };
    let hearth = TestServer::hearth(&["--threads", "1"]);
    let found = rows::differences(&mut redis.client(), &mut hearth.client());
    assert!(found.is_empty(), "{} differences:\n{}", found.len(), found.join("\n"));
}

#[test]
fn dumps_are_restored_by_the_other_server() {
    let Some(redis) = reference(&[]) else { return };
    let hearth = TestServer::hearth(&["--threads", "2"]);
    let found = dumps::differences(&mut redis.client(), &mut hearth.client());
    assert!(found.is_empty(), "{} differences:\n{}", found.len(), found.join("\n"));
}
