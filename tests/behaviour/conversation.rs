//! A conversation: read from a file, held with a server.

use std::collections::HashMap;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::support::{Client, TestServer};

struct Exchange {
    line: usize,
    act: Act,
    expected: Vec<String>,
    hearth_only: bool,
}

enum Act {
    /// The first client asks and is answered.
    Call(Vec<Vec<u8>>),
    /// Another client asks.
    Send(char, Vec<Vec<u8>>),
    /// Another client is answered.
    Receive(char),
    /// Until so many clients wait for keys.
    AwaitBlocked(u64),
}

/// How long anything is waited for.
const PATIENCE: Duration = Duration::from_secs(20);

pub struct Conversation {
    name: String,
    exchanges: Vec<Exchange>,
}

impl Conversation {
    pub fn read(path: &Path) -> Conversation {
        let text = std::fs::read_to_string(path).expect("a readable file");
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let mut exchanges: Vec<Exchange> = Vec::new();
        let (mut hearth_only, mut open) = (false, false);
        for (index, line) in text.lines().enumerate() {
            let number = index + 1;
            let words =
                |command| words_of(command).unwrap_or_else(|| panic!("{name}:{number}: unbalanced quotes"));
            let mut letters = line.chars();
            let (other, mark) = (letters.next(), letters.next());
            let act = match (other.filter(char::is_ascii_lowercase), mark) {
                _ if line.starts_with("> ") => Some(Act::Call(words(&line[2..]))),
                (Some(other), Some('>')) => Some(Act::Send(other, words(&line[2..]))),
                (Some(other), Some('<')) => Some(Act::Receive(other)),
                _ => line.strip_prefix("#? blocked ").map(|count| {
                    Act::AwaitBlocked(
                        count.parse().unwrap_or_else(|_| panic!("{name}:{number}: not a number")),
                    )
                }),
            };
            if let Some(act) = act {
                open = matches!(act, Act::Call(_) | Act::Receive(_));
                exchanges.push(Exchange { line: number, act, expected: Vec::new(), hearth_only });
            } else if let Some(directive) = line.strip_prefix("#!") {
                let directive = directive.trim();
                hearth_only = directive.starts_with("hearth");
                assert!(hearth_only || directive == "all", "{name}:{number}: unknown directive {directive}");
                assert!(
                    !hearth_only || directive.len() > "hearth ".len(),
                    "{name}:{number}: no reason given"
                );
                open = false;
            } else if line.is_empty() || line.starts_with('#') {
                open &= !line.is_empty();
            } else if open {
                exchanges.last_mut().expect("an open exchange").expected.push(line.to_owned());
            } else {
                panic!("{name}:{number}: a reply without a command");
            }
        }
        Conversation { name, exchanges }
    }

    pub fn hold(&self, server: &TestServer, is_hearth: bool, complaints: &mut Vec<String>) {
        let mut client = server.client();
        client.run("FLUSHALL");
        let mut others: HashMap<char, Client> = HashMap::new();
        for exchange in &self.exchanges {
            if exchange.hearth_only && !is_hearth {
                continue;
            }
            let (asked, reply) = match &exchange.act {
                Act::Call(words) => (words.join(&b' '), client.call(words)),
                Act::Send(other, words) => {
                    others
                        .entry(*other)
                        .or_insert_with(|| server.client())
                        .send(words)
                        .expect("an open connection");
                    continue;
                }
                Act::Receive(other) => {
                    let answered = others.get_mut(other).expect("it has asked before").receive();
                    (format!("{other}<").into_bytes(), answered.expect("an answer"))
                }
                Act::AwaitBlocked(count) => {
                    await_blocked(&mut client, *count, &self.name, exchange.line);
                    continue;
                }
            };
            let reply = reply.render();
            let lines: Vec<&str> = reply.split('\n').collect();
            let fits = lines.len() == exchange.expected.len()
                && lines.iter().zip(&exchange.expected).all(|(line, expected)| line_fits(line, expected));
            if !fits {
                let command = String::from_utf8_lossy(&asked).into_owned();
                complaints.push(format!(
                    "{}:{}: {command}\n  expected: {}\n  received: {}",
                    self.name,
                    exchange.line,
                    exchange.expected.join("\n            "),
                    lines.join("\n            ")
                ));
            }
        }
    }
}

/// Waits until so many clients wait for keys.
fn await_blocked(client: &mut Client, count: u64, name: &str, line: usize) {
    let (since, wanted) = (Instant::now(), format!("blocked_clients:{count}\r\n"));
    while !client.call(&[b"INFO".to_vec(), b"clients".to_vec()]).text().contains(&wanted) {
        assert!(since.elapsed() < PATIENCE, "{name}:{line}: not {count} clients are blocked");
        std::thread::yield_now();
    }
}

fn line_fits(line: &str, expected: &str) -> bool {
    match expected.strip_prefix('~') {
        Some(part) => line.contains(part.trim()),
        None => line == expected,
    }
}

/// Words of a command line, quoted as redis-cli takes them; `None` when quotes do not match.
fn words_of(line: &str) -> Option<Vec<Vec<u8>>> {
    let mut words = Vec::new();
    let mut rest = line.trim_start().as_bytes();
    while !rest.is_empty() {
        let (word, after) = match rest[0] {
            b'"' => double_quoted(&rest[1..])?,
            b'\'' => {
                let end = rest[1..].iter().position(|&byte| byte == b'\'')?;
                (rest[1..=end].to_vec(), &rest[end + 2..])
            }
            _ => {
                let end = rest.iter().position(|&byte| byte == b' ').unwrap_or(rest.len());
                (rest[..end].to_vec(), &rest[end..])
            }
        };
        words.push(word);
        rest = after.trim_ascii_start();
    }
    Some(words)
}

fn double_quoted(mut rest: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut word = Vec::new();
    loop {
        match rest {
            [b'"', after @ ..] => return Some((word, after)),
            [b'\\', b'x', high, low, after @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                let digits = [*high, *low];
                word.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
                rest = after;
            }
            [b'\\', escaped, after @ ..] => {
                word.push(match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'a' => 0x07,
                    b'b' => 0x08,
                    other => *other,
                });
                rest = after;
            }
            [byte, after @ ..] => {
                word.push(*byte);
                rest = after;
            }
            [] => return None,
        }
    }
}
