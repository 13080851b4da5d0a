//! A conversation: read from a file, held with a server.

use std::path::Path;

use crate::support::Client;

struct Exchange {
    line: usize,
    words: Vec<Vec<u8>>,
    expected: Vec<String>,
    hearth_only: bool,
}

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
            if let Some(command) = line.strip_prefix("> ") {
                let words = words_of(command).unwrap_or_else(|| panic!("{name}:{number}: unbalanced quotes"));
                exchanges.push(Exchange { line: number, words, expected: Vec::new(), hearth_only });
                open = true;
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

    pub fn hold(&self, client: &mut Client, is_hearth: bool, complaints: &mut Vec<String>) {
        for exchange in &self.exchanges {
            if exchange.hearth_only && !is_hearth {
                continue;
            }
            let reply = client.call(&exchange.words).render();
            let lines: Vec<&str> = reply.split('\n').collect();
            let fits = lines.len() == exchange.expected.len()
                && lines.iter().zip(&exchange.expected).all(|(line, expected)| line_fits(line, expected));
            if !fits {
                let command = String::from_utf8_lossy(&exchange.words.join(&b' ')).into_owned();
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
