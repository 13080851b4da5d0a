//! What do the parser and the encoder cost per small command, in a pipeline that is in the cache?
//! `cargo bench -p hearth-net --bench resp`: the fastest of many rounds, in nanoseconds per command.

use std::hint::black_box;
use std::time::Instant;

use net::resp::{Encoder, Limits, Parser, Progress, Protocol};

const COMMANDS: usize = 1000;
const ROUNDS: usize = 2000;

fn main() {
    let key = |n: usize| format!("key:{:0width$}", n, width = 6 + n % 20);
    parse("GET, keys of 10..30 bytes", |n| array(&["GET", &key(n)]));
    parse("SET, values of 100 bytes", |n| array(&["SET", &key(n), &"v".repeat(100)]));
    parse("SET, values of 20..100 bytes", |n| array(&["SET", &key(n), &"v".repeat(20 + n * 7 % 81)]));
    parse("MSET of 10", |n| array(&[&["MSET"][..], &[&key(n), "value"].repeat(10)].concat()));
    parse("inline GET", |n| format!("GET {}\r\n", key(n)).into_bytes());

    encode("+OK", |encoder, _| encoder.ok());
    encode(":1", |encoder, _| encoder.integer(1));
    encode("$100", |encoder, _| encoder.bulk(&[b'v'; 100]));
    encode("$20..100", |encoder, n| encoder.bulk(&[b'v'; 100][..20 + n * 7 % 81]));
    encode("$-1", |encoder, _| encoder.null());
    encode("double", |encoder, _| encoder.double(b"0.14285714285714285"));
}

fn array(words: &[&str]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    words.iter().for_each(|word| bytes.extend(format!("${}\r\n{word}\r\n", word.len()).into_bytes()));
    bytes
}

fn parse(what: &str, command: impl Fn(usize) -> Vec<u8>) {
    let input: Vec<u8> = (0..COMMANDS).flat_map(command).collect();
    let limits = Limits::default();
    let mut parser = Parser::new();
    let mut words = Vec::new();
    report("parse", what, || {
        words.clear();
        let mut rest = black_box(&input[..]);
        while let Ok(Progress::Request { consumed, .. }) = parser.next(rest, &limits, &mut words) {
            rest = &rest[consumed..];
        }
        assert!(rest.is_empty());
        black_box(&words);
    });
}

fn encode(what: &str, reply: impl Fn(&mut Encoder<'_>, usize)) {
    let mut out = Vec::new();
    report("encode", what, || {
        out.clear();
        let mut encoder = Encoder::new(&mut out, black_box(Protocol::Resp2));
        for n in 0..COMMANDS {
            reply(&mut encoder, black_box(n));
        }
        black_box(&out);
    });
}

fn report(kind: &str, what: &str, mut round: impl FnMut()) {
    let fastest = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            round();
            start.elapsed()
        })
        .min()
        .expect("at least one round");
    println!("{kind:7} {what:30} {:6.1} ns", fastest.as_secs_f64() * 1e9 / COMMANDS as f64);
}
