//! The parser and the encoder against independent views of the protocol: random input in random chunks,
//! requests written by hand, and the `redis-protocol` crate as the reader of our replies.
#![cfg(not(loom))]

use net::resp::{Aggregate, Encoder, Limits, Parser, Progress, Protocol, ProtocolError, Word};
use proptest::collection::vec;
use proptest::prelude::*;
use redis_protocol::resp2::types::OwnedFrame as Frame2;
use redis_protocol::resp3::types::OwnedFrame as Frame3;

type Requests = Vec<Vec<Vec<u8>>>;

/// Everything the parser says about `input` when it arrives in pieces that end at `cuts`, as a session would
/// drive it.
fn parse(input: &[u8], cuts: &[usize], limits: &Limits) -> (Requests, Result<(), ProtocolError>) {
    let mut parser = Parser::new();
    let mut requests = Vec::new();
    let mut words = Vec::new();
    let mut buffer: Vec<u8> = Vec::new();
    let mut arrived = 0;
    for end in cuts.iter().copied().chain([input.len()]) {
        buffer.extend_from_slice(&input[arrived.min(end)..end]);
        arrived = arrived.max(end);
        loop {
            words.clear();
            let owned = |words: &[Word], bytes: &[u8]| words.iter().map(|w| w.of(bytes).to_vec()).collect();
            let consumed = match parser.next(&buffer, limits, &mut words) {
                Ok(Progress::Request { consumed, .. }) => {
                    requests.push(owned(&words, &buffer[..consumed]));
                    consumed
                }
                Ok(Progress::Decoded { consumed, bytes, .. }) => {
                    requests.push(owned(&words, &bytes));
                    consumed
                }
                Ok(Progress::Empty { consumed }) => consumed,
                Ok(Progress::Incomplete { missing }) => {
                    assert!(missing > 0 && words.is_empty());
                    break;
                }
                Err(error) => return (requests, Err(error)),
            };
            assert!(consumed > 0);
            // A fresh allocation each time: ranges and positions must not depend on where the bytes lie.
            buffer = buffer[consumed..].to_vec();
        }
    }
    (requests, Ok(()))
}

fn array(words: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        bytes.extend_from_slice(word);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

/// A line that means `words`, each quoted and escaped in a way that depends on its bytes.
fn quoted_line(words: &[Vec<u8>]) -> Vec<u8> {
    let mut line = Vec::new();
    for word in words {
        let plain = !word.is_empty() && word.iter().all(|b| b.is_ascii_alphanumeric());
        if plain {
            line.extend_from_slice(word);
        } else if word.iter().any(|b| b"\r\n\\".contains(b)) || word.len() % 2 == 0 {
            line.push(b'"');
            for byte in word {
                match byte {
                    b'\n' => line.extend_from_slice(b"\\n"),
                    b'\r' => line.extend_from_slice(b"\\r"),
                    b'"' | b'\\' => line.extend_from_slice(&[b'\\', *byte]),
                    0..32 | 127.. => line.extend_from_slice(format!("\\x{byte:02x}").as_bytes()),
                    _ => line.push(*byte),
                }
            }
            line.push(b'"');
        } else {
            line.push(b'\'');
            for byte in word {
                if *byte == b'\'' {
                    line.push(b'\\');
                }
                line.push(*byte);
            }
            line.push(b'\'');
        }
        line.push(b' ');
    }
    line.extend_from_slice(b"\r\n");
    line
}

/// Protocol-shaped noise: pieces of requests, right and wrong.
fn noise() -> impl Strategy<Value = Vec<u8>> {
    let token = prop_oneof![
        4 => Just(b"\r\n".to_vec()),
        2 => Just(b"\n".to_vec()),
        2 => (0u32..4).prop_map(|n| format!("*{n}\r\n").into_bytes()),
        4 => (0usize..6).prop_map(|n| format!("${n}\r\n{}\r\n", "abcdef".split_at(n).0).into_bytes()),
        1 => any::<i64>().prop_map(|n| format!("*{n}\r\n").into_bytes()),
        1 => any::<i64>().prop_map(|n| format!("${n}\r\n").into_bytes()),
        3 => "[ \"'\\\\xn0-9a-f*$\r\t:+-]{1,6}".prop_map(String::into_bytes),
        1 => vec(any::<u8>(), 1..8),
    ];
    vec(token, 0..12).prop_map(|tokens| tokens.concat())
}

fn cuts(len: usize) -> impl Strategy<Value = Vec<usize>> {
    vec(0..=len, 0..8).prop_map(|mut cuts| {
        cuts.sort_unstable();
        cuts
    })
}

fn input_and_cuts() -> impl Strategy<Value = (Vec<u8>, Vec<usize>)> {
    noise().prop_flat_map(|input| {
        let len = input.len();
        (Just(input), cuts(len))
    })
}

fn words() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let byte = prop_oneof![any::<u8>(), Just(b'"'), Just(b'\''), Just(b'\\'), Just(b'\n'), b'a'..b'f'];
    vec(vec(byte, 0..12), 1..6)
}

proptest! {
    #[test]
    fn cutting_the_input_changes_nothing((input, cuts) in input_and_cuts(), stranger: bool) {
        let limits = Limits { bulk_len_max: 100_000, request_len_max: 150_000, ..Limits::default() }
            .for_stranger(stranger);
        let whole = parse(&input, &[], &limits);
        prop_assert_eq!(parse(&input, &cuts, &limits), whole.clone());
        let bytewise: Vec<usize> = (0..input.len()).collect();
        prop_assert_eq!(parse(&input, &bytewise, &limits), whole);
    }

    #[test]
    fn what_was_meant_is_what_is_read(
        requests in vec((words(), any::<bool>()), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let bytes: Vec<u8> =
            requests.iter().flat_map(|(words, inline)| if *inline { quoted_line(words) } else { array(words) }).collect();
        let meant: Requests = requests.into_iter().map(|(words, _)| words).collect();
        prop_assert_eq!(parse(&bytes, &[cut.index(bytes.len())], &Limits::default()), (meant, Ok(())));
    }

    /// What a parser holds on to is bounded by what has arrived, whatever was announced.
    #[test]
    fn words_cost_no_more_than_their_bytes((input, _) in input_and_cuts()) {
        let mut words = Vec::new();
        let mut parser = Parser::new();
        if let Ok(Progress::Request { words: count, consumed }) = parser.next(&input, &Limits::default(), &mut words) {
            prop_assert_eq!(words.len(), count);
            prop_assert!(count <= consumed);
            for word in words {
                prop_assert!(word.of(&input[..consumed]).len() <= consumed);
            }
        }
    }

    #[test]
    fn replies_are_read_as_they_were_meant(reply in reply()) {
        let mut out = Vec::new();
        write(&reply, &mut Encoder::new(&mut out, Protocol::Resp2));
        let (frame, len) = redis_protocol::resp2::decode::decode(&out).unwrap().unwrap();
        prop_assert_eq!(len, out.len());
        prop_assert!(says2(&frame, &reply), "{:?} for {:?}", frame, reply);

        out.clear();
        write(&reply, &mut Encoder::new(&mut out, Protocol::Resp3));
        let (frame, len) = redis_protocol::resp3::decode::complete::decode(&out).unwrap().unwrap();
        prop_assert_eq!(len, out.len());
        prop_assert!(says3(&frame, &reply), "{:?} for {:?}", frame, reply);
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Reply {
    Status(String),
    Error(String),
    Integer(i64),
    Bulk(Vec<u8>),
    Null,
    Double(f64),
    Boolean(bool),
    BigNumber(String),
    Verbatim(String),
    /// The flag: with its length deferred.
    Array(Vec<Reply>, bool),
    Map(Vec<(Reply, Reply)>, bool),
}

fn reply() -> impl Strategy<Value = Reply> {
    let leaf = prop_oneof![
        "[a-zA-Z ]{0,20}".prop_map(Reply::Status),
        "ERR [a-z ]{0,20}".prop_map(Reply::Error),
        any::<i64>().prop_map(Reply::Integer),
        (-20i64..20).prop_map(Reply::Integer),
        vec(any::<u8>(), 0..40).prop_map(Reply::Bulk),
        (0usize..1200).prop_map(|len| Reply::Bulk(vec![b'x'; len])),
        Just(Reply::Null),
        any::<f64>().prop_filter("NaN differs from itself", |d| !d.is_nan()).prop_map(Reply::Double),
        (-1000i32..1000, 0u32..4).prop_map(|(n, e)| Reply::Double(f64::from(n) / 10f64.powi(e as i32))),
        any::<bool>().prop_map(Reply::Boolean),
        "-?[1-9][0-9]{0,40}".prop_map(Reply::BigNumber),
        "[a-z\r\n]{0,20}".prop_map(Reply::Verbatim),
    ];
    leaf.prop_recursive(3, 64, 16, |inner| {
        prop_oneof![
            (vec(inner.clone(), 0..16), any::<bool>()).prop_map(|(items, late)| Reply::Array(items, late)),
            // Keys of the oracle's maps must be hashable and different.
            (vec(inner, 0..12), any::<bool>()).prop_map(|(values, late)| {
                let pairs = values.into_iter().zip(0..).map(|(value, n)| (Reply::Integer(n), value));
                Reply::Map(pairs.collect(), late)
            }),
        ]
    })
}

fn write(reply: &Reply, encoder: &mut Encoder<'_>) {
    let aggregate = |encoder: &mut Encoder<'_>, kind, count, late, items: &[&Reply]| {
        let deferred = if late { Some(encoder.defer(kind)) } else { None };
        if !late {
            encoder.aggregate(kind, count);
        }
        items.iter().for_each(|item| write(item, encoder));
        if let Some(deferred) = deferred {
            encoder.resolve(deferred, count);
        }
    };
    match reply {
        Reply::Status(text) if text == "OK" => encoder.ok(),
        Reply::Status(text) => encoder.status(text.as_bytes()),
        Reply::Error(text) => encoder.error(text.as_bytes()),
        Reply::Integer(value) => encoder.integer(*value),
        Reply::Bulk(bytes) => encoder.bulk(bytes),
        Reply::Null => encoder.null(),
        Reply::Double(value) => encoder.double(value.to_string().as_bytes()),
        Reply::Boolean(value) => encoder.boolean(*value),
        Reply::BigNumber(digits) => encoder.big_number(digits.as_bytes()),
        Reply::Verbatim(text) => encoder.verbatim(*b"txt", text.as_bytes()),
        Reply::Array(items, late) => {
            let items: Vec<&Reply> = items.iter().collect();
            aggregate(encoder, Aggregate::Array, items.len(), *late, &items);
        }
        Reply::Map(pairs, late) => {
            let items: Vec<&Reply> = pairs.iter().flat_map(|(key, value)| [key, value]).collect();
            aggregate(encoder, Aggregate::Map, pairs.len(), *late, &items);
        }
    }
}

fn says2(frame: &Frame2, reply: &Reply) -> bool {
    let all = |frames: &[Frame2], replies: &[&Reply]| {
        frames.len() == replies.len() && frames.iter().zip(replies).all(|(frame, reply)| says2(frame, reply))
    };
    match (frame, reply) {
        (Frame2::SimpleString(bytes), Reply::Status(text)) => bytes == text.as_bytes(),
        (Frame2::Error(seen), Reply::Error(text)) => seen == text,
        (Frame2::Integer(seen), Reply::Integer(value)) => seen == value,
        (Frame2::Integer(seen), Reply::Boolean(value)) => *seen == i64::from(*value),
        (Frame2::BulkString(seen), Reply::Bulk(bytes)) => seen == bytes,
        (Frame2::BulkString(seen), Reply::Verbatim(text) | Reply::BigNumber(text)) => seen == text.as_bytes(),
        (Frame2::BulkString(seen), Reply::Double(value)) => {
            std::str::from_utf8(seen).unwrap().parse() == Ok(*value)
        }
        (Frame2::Null, Reply::Null) => true,
        (Frame2::Array(frames), Reply::Array(items, _)) => all(frames, &items.iter().collect::<Vec<_>>()),
        (Frame2::Array(frames), Reply::Map(pairs, _)) => {
            all(frames, &pairs.iter().flat_map(|(key, value)| [key, value]).collect::<Vec<_>>())
        }
        _ => false,
    }
}

fn says3(frame: &Frame3, reply: &Reply) -> bool {
    match (frame, reply) {
        (Frame3::SimpleString { data, .. }, Reply::Status(text)) => data == text.as_bytes(),
        (Frame3::SimpleError { data, .. }, Reply::Error(text)) => data == text,
        (Frame3::Number { data, .. }, Reply::Integer(value)) => data == value,
        (Frame3::Boolean { data, .. }, Reply::Boolean(value)) => data == value,
        (Frame3::BlobString { data, .. }, Reply::Bulk(bytes)) => data == bytes,
        (Frame3::VerbatimString { data, .. }, Reply::Verbatim(text)) => data == text.as_bytes(),
        (Frame3::BigNumber { data, .. }, Reply::BigNumber(digits)) => data == digits.as_bytes(),
        (Frame3::Double { data, .. }, Reply::Double(value)) => data == value,
        (Frame3::Null, Reply::Null) => true,
        (Frame3::Array { data, .. }, Reply::Array(items, _)) => {
            data.len() == items.len() && data.iter().zip(items).all(|(frame, item)| says3(frame, item))
        }
        (Frame3::Map { data, .. }, Reply::Map(pairs, _)) => {
            data.len() == pairs.len()
                && pairs.iter().all(|(key, value)| data.iter().any(|(k, v)| says3(k, key) && says3(v, value)))
        }
        _ => false,
    }
}

/// The fuzz target's seeds stay what their names say: requests, or `bad-` ones that end in an error.
#[test]
fn seeds_of_the_fuzz_target() {
    let seeds =
        std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz/corpus/resp_parser")).unwrap();
    let mut count = 0;
    for seed in seeds.map(|seed| seed.unwrap()) {
        let bytes = std::fs::read(seed.path()).unwrap();
        let name = seed.file_name().into_string().unwrap();
        let (requests, end) = parse(&bytes[2..], &[], &Limits::default());
        assert_eq!(end.is_err(), name.starts_with("bad-"), "{name}: {requests:?} {end:?}");
        count += 1;
    }
    assert!(count >= 10);
}
