//! Requests as a client may send them: whatever the bytes and however they are cut, parsing ends with the
//! same requests and the same error, words lie inside their requests, and a request written out again is read
//! again.
//!
//! The first byte of the input picks limits, the second the size of the pieces the rest arrives in.
#![no_main]

use libfuzzer_sys::fuzz_target;
use net::resp::{Limits, Parser, Progress, ProtocolError, Word};

type Request = Vec<Vec<u8>>;

fuzz_target!(|bytes: &[u8]| {
    let [flags, piece, stream @ ..] = bytes else { return };
    let limits = if flags & 1 == 0 {
        Limits::default()
    } else {
        Limits { bulk_len_max: 64, word_count_max: 8, request_len_max: 200, stranger: false }
    };
    let limits = limits.for_stranger(flags & 2 != 0);
    let whole = parse(stream, stream.len(), &limits);
    assert_eq!(parse(stream, usize::from(*piece).max(1), &limits), whole);
    assert_eq!(parse(stream, 1, &limits), whole);

    let again: Vec<u8> = whole.0.iter().flat_map(|request| written(request)).collect();
    assert_eq!(parse(&again, again.len(), &Limits::default()), (whole.0, Ok(())));
});

fn parse(stream: &[u8], piece: usize, limits: &Limits) -> (Vec<Request>, Result<(), ProtocolError>) {
    let mut parser = Parser::new();
    let mut requests = Vec::new();
    let mut words = Vec::new();
    let (mut start, mut end) = (0, 0);
    loop {
        words.clear();
        let input = &stream[start..end];
        let owned = |words: &[Word], bytes: &[u8]| words.iter().map(|word| word.of(bytes).to_vec()).collect();
        match parser.next(input, limits, &mut words) {
            Ok(Progress::Request { consumed, words: count }) => {
                assert_eq!(words.len(), count);
                requests.push(owned(&words, &input[..consumed]));
                start += consumed;
            }
            Ok(Progress::Decoded { consumed, words: count, bytes }) => {
                assert_eq!(words.len(), count);
                assert!(bytes.len() <= consumed);
                requests.push(owned(&words, &bytes));
                start += consumed;
            }
            Ok(Progress::Empty { consumed }) => {
                assert!(consumed > 0);
                start += consumed;
            }
            Ok(Progress::Incomplete { missing }) => {
                assert!(missing > 0);
                if end == stream.len() {
                    return (requests, Ok(()));
                }
                end = stream.len().min(end + piece.max(1));
            }
            Err(error) => return (requests, Err(error)),
        }
    }
}

fn written(request: &Request) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", request.len()).into_bytes();
    for word in request {
        bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        bytes.extend_from_slice(word);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}
