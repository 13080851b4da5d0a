//! What we understand and what a real Redis 7.0 understands, compared on streams of right and wrong requests.
//! Skipped, with a word about it, where there is no `redis-server` in the path.
#![cfg(not(loom))]

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use net::resp::{Encoder, Limits, Parser, Progress, Protocol, Word};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

/// A server of this test's own, on a unix socket in a directory of its own.
struct Redis {
    child: Child,
    dir: PathBuf,
}

impl Redis {
    /// `None` where it is not installed.
    fn start(name: &str, settings: &[&str]) -> Option<Self> {
        let dir = std::env::temp_dir().join(format!("hearth-oracle-{}-{name}", std::process::id()));
        std::fs::create_dir(&dir).unwrap();
        let spawned = Command::new("redis-server")
            .args(["--port", "0", "--save", "", "--dir"])
            .arg(&dir)
            .arg("--unixsocket")
            .arg(dir.join("s"))
            .args(settings)
            .stdout(Stdio::piped())
            .spawn();
        let mut child = match spawned {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                std::fs::remove_dir(&dir).unwrap();
                // Not by a macro: the word would be shown only of tests that fail.
                let _ = writeln!(std::io::stderr(), "skipped: redis-server is not installed");
                return None;
            }
            spawned => spawned.unwrap(),
        };
        let log = BufReader::new(child.stdout.take().unwrap());
        let redis = Redis { child, dir };
        let ready = log.lines().any(|line| line.unwrap().contains("eady to accept connections"));
        assert!(ready, "redis-server exited");
        Some(redis)
    }

    /// Everything it answers to `input` before it closes.
    fn answer(&self, input: &[u8]) -> Vec<u8> {
        let mut stream = UnixStream::connect(self.dir.join("s")).unwrap();
        // It may close in the middle of a refused stream.
        let _ = stream.write_all(input);
        let _ = stream.shutdown(Shutdown::Write);
        let mut answer = Vec::new();
        match stream.read_to_end(&mut answer) {
            Err(error) if error.kind() != ErrorKind::ConnectionReset => panic!("{error}"),
            _ => answer,
        }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        std::fs::remove_dir_all(&self.dir).unwrap();
    }
}

/// What we would answer to `input`, if all its requests are ones whose answer shows how they were parsed:
/// `COMMAND GETKEYS MGET …` returns its words, and an unknown command is quoted in the error.
fn our_answer(input: &[u8], limits: &Limits) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut parser = Parser::new();
    let mut start = 0;
    loop {
        let mut words = Vec::new();
        let rest = &input[start..];
        let decoded;
        let (consumed, bytes) = match parser.next(rest, limits, &mut words) {
            Ok(Progress::Request { consumed, .. }) => (consumed, &rest[..consumed]),
            Ok(Progress::Decoded { consumed, bytes, .. }) => {
                decoded = bytes;
                (consumed, &decoded[..])
            }
            Ok(Progress::Empty { consumed }) => (consumed, &[][..]),
            Ok(Progress::Incomplete { .. }) => return Some(out),
            Err(error) => {
                // Without a text both just close.
                if let Some(text) = error.reply() {
                    Encoder::new(&mut out, Protocol::Resp2).error(&text);
                }
                return Some(out);
            }
        };
        if !words.is_empty() {
            let words: Vec<&[u8]> = words.iter().map(|word: &Word| word.of(bytes)).collect();
            run(&words, &mut Encoder::new(&mut out, Protocol::Resp2))?;
        }
        start += consumed;
    }
}

fn run(words: &[&[u8]], encoder: &mut Encoder<'_>) -> Option<()> {
    match words {
        [b"COMMAND", b"GETKEYS", b"MGET", keys @ ..] if !keys.is_empty() => {
            encoder.array(keys.len());
            keys.iter().for_each(|key| encoder.bulk(key));
            return Some(());
        }
        _ => {}
    }
    // As C prints it: 128 bytes of the name, and of all arguments together.
    let known = ["COMMAND", "GETKEYS", "MGET", "POST", "HOST:"];
    let name = words[0];
    if known.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes())) || words.concat().contains(&0) {
        return None;
    }
    let mut text = b"ERR unknown command '".to_vec();
    text.extend_from_slice(&name[..name.len().min(128)]);
    text.extend_from_slice(b"', with args beginning with: ");
    let args = text.len();
    for word in &words[1..] {
        let used = text.len() - args;
        if used >= 128 {
            break;
        }
        text.push(b'\'');
        text.extend_from_slice(&word[..word.len().min(128 - used)]);
        text.extend_from_slice(b"' ");
    }
    encoder.error(&text);
    Some(())
}

fn runner(cases_min: u32) -> TestRunner {
    let cases = Config::default().cases.max(cases_min);
    TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() })
}

/// A request, then perhaps one byte of it changed.
fn request() -> impl Strategy<Value = Vec<u8>> {
    let word = vec(prop_oneof![Just(b'~'), Just(b'"'), Just(b'\\'), Just(b'\''), 1u8..], 0..8);
    let array = vec(word, 1..5).prop_map(|keys| {
        let mut bytes = format!("*{}\r\n", keys.len() + 3).into_bytes();
        for word in [&b"COMMAND"[..], b"GETKEYS", b"MGET"].into_iter().chain(keys.iter().map(Vec::as_slice)) {
            bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
            bytes.extend_from_slice(word);
            bytes.extend_from_slice(b"\r\n");
        }
        bytes
    });
    let line = ("[ \t\u{b}~\"'\\\\xnrtba0-9é]{0,30}", "\r?\n")
        .prop_map(|(text, end)| format!("COMMAND GETKEYS MGET ~{text}{end}").into_bytes());
    let blank = prop_oneof![Just("\r\n"), Just("\n"), Just("*0\r\n"), Just("*-1\r\n"), Just(" \r\n")]
        .prop_map(|text| text.as_bytes().to_vec());
    let whole = prop_oneof![4 => array, 4 => line, 1 => blank];
    let change = (any::<prop::sample::Index>(), prop_oneof![Just(b'0'), Just(b'-'), b'1'..=b'9', 1u8..]);
    (whole, proptest::option::weighted(0.15, change)).prop_map(|(mut bytes, change)| {
        if let Some((place, byte)) = change {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        bytes
    })
}

fn check(redis: &Redis, input: &[u8], limits: &Limits) -> Result<(), TestCaseError> {
    let Some(ours) = our_answer(input, limits) else {
        return Err(TestCaseError::reject("its answer shows more than the parser's work"));
    };
    let theirs = redis.answer(input);
    prop_assert_eq!(ours.escape_ascii().to_string(), theirs.escape_ascii().to_string());
    Ok(())
}

#[test]
fn odd_requests() {
    let Some(redis) = Redis::start("odd", &[]) else { return };
    let limits = Limits::default();
    let too_long = "1".repeat(64 * 1024 + 1);
    for input in [
        "*2147483648\r\n",
        "*9223372036854775807\r\n",
        "*-9223372036854775808\r\nx\r\n",
        "*-9223372036854775809\r\n",
        "*99999999999999999999999\r\n",
        "*0\r\n*-1\r\n*-5\r\nx\r\n",
        "*-0\r\n",
        "*00\r\n",
        "*01\r\n",
        "*+1\r\n",
        "* 1\r\n",
        "*1 \r\n",
        "*\r\n",
        "*-\r\n",
        "*x\r\n",
        "*1\n$1\r\n",
        "*1\r\n\r\n",
        "*1\r\nx\r\n",
        "*1\r\nx",
        "*1\r\n\u{fffd}\r\n",
        "*1\r\n$\r\n",
        "*1\r\n$-1\r\n",
        "*1\r\n$-0\r\n",
        "*1\r\n$01\r\n",
        "*1\r\n$+1\r\n",
        "*1\r\n$ 1\r\n",
        "*1\r\n$1x\r\n",
        "*1\r\n$536870913\r\n",
        "*1\r\n$99999999999999999999\r\n",
        "*1\rx$1\rxqxxq\r\n",
        "*2\r\n$1\r\nq\r\n:1\r\n",
        "\r\n\n \t\r\n\u{b}\r\nq\n\r\r\nq\r\n",
        "q \"\r\n",
        "q \"a\"b\r\n",
        "q 'a'b\r\n",
        "q 'a\\'\r\n",
        "q \"a\\\"\r\n",
        "q a\"b c\"\r\n",
        "q \"\\x41\\xfF\\x4g\\n\\r\\t\\b\\a\\\"\\\\\\q\" 'it\\'s\\n' \"\" ''\r\n",
        "$3\r\nq\r\n",
        "POST / HTTP/1.1\r\nHost: localhost\r\n\r\nq\r\n",
        "hOsT: localhost\r\nq\r\n",
        "\"post\" x\r\n",
        "Host localhost\r\n",
        &too_long,
        &format!("*{too_long}"),
        &format!("*1\r\n${too_long}"),
    ] {
        check(&redis, input.as_bytes(), &limits).unwrap();
    }
}

#[test]
fn strangers() {
    let Some(redis) = Redis::start("strangers", &["--requirepass", "secret"]) else { return };
    let limits = Limits::default().for_stranger(true);
    for input in [
        "*11\r\n",
        "*2147483648\r\n",
        "*10\r\n$16385\r\n",
        "*1\r\n$16384\r\n",
        "*1\r\n$536870913\r\n",
        "*10\r\n",
    ] {
        check(&redis, input.as_bytes(), &limits).unwrap();
    }
}

#[test]
fn random_streams() {
    let Some(redis) = Redis::start("random", &[]) else { return };
    let limits = Limits::default();
    runner(2000).run(&vec(request(), 1..6), |requests| check(&redis, &requests.concat(), &limits)).unwrap();
}
