use super::*;

/// Parses `input` with a buffer that grows by `chunk` bytes. Returns the requests and how it ended: an error,
/// or how many bytes are still missing.
fn parse(input: &[u8], chunk: usize, limits: &Limits) -> (Vec<Vec<Vec<u8>>>, Result<usize, ProtocolError>) {
    let mut parser = Parser::new();
    let mut requests = Vec::new();
    let (mut start, mut end) = (0, 0);
    loop {
        let mut words = Vec::new();
        let buffer = &input[start..end];
        let owned = |words: &[Word], bytes: &[u8]| words.iter().map(|word| word.of(bytes).to_vec()).collect();
        match parser.next(buffer, limits, &mut words) {
            Ok(Progress::Request { consumed, words: count }) => {
                assert_eq!(count, words.len());
                requests.push(owned(&words, &buffer[..consumed]));
                start += consumed;
            }
            Ok(Progress::Decoded { consumed, words: count, bytes }) => {
                assert_eq!(count, words.len());
                requests.push(owned(&words, &bytes));
                start += consumed;
            }
            Ok(Progress::Empty { consumed }) => {
                assert!(words.is_empty());
                start += consumed;
            }
            Ok(Progress::Incomplete { missing }) => {
                assert!(words.is_empty());
                assert!(missing > 0);
                if end == input.len() {
                    return (requests, Ok(missing));
                }
                end = (end + chunk).min(input.len());
            }
            Err(error) => {
                assert!(words.is_empty());
                let again = parser.next(buffer, limits, &mut words);
                assert_eq!(again, Err(error), "an error stays one");
                return (requests, Err(error));
            }
        }
    }
}

#[track_caller]
fn check_with(limits: &Limits, input: &[u8], requests: &[&[&[u8]]], end: Result<usize, ProtocolError>) {
    let requests: Vec<Vec<Vec<u8>>> =
        requests.iter().map(|words| words.iter().map(|word| word.to_vec()).collect()).collect();
    for chunk in [input.len().max(1), 1, 2, 3, 7] {
        let seen = parse(input, chunk, limits);
        assert_eq!(seen, (requests.clone(), end), "{} in chunks of {chunk}", input.escape_ascii());
    }
}

#[track_caller]
fn check(input: &[u8], requests: &[&[&[u8]]], end: Result<usize, ProtocolError>) {
    check_with(&Limits::default(), input, requests, end);
}

#[test]
fn arrays_of_bulks() {
    check(b"", &[], Ok(1));
    check(b"*1\r\n$4\r\nPING\r\n", &[&[b"PING"]], Ok(1));
    check(b"*2\r\n$3\r\nGET\r\n$0\r\n\r\n*1\r\n$1\r\nx\r\n", &[&[b"GET", b""], &[b"x"]], Ok(1));
    check(b"*1\r\n$12\r\n*1\r\n$4\r\nPING\r\n", &[&[b"*1\r\n$4\r\nPING"]], Ok(1));
    let mut long = b"*2\r\n$3\r\nSET\r\n$1000\r\n".to_vec();
    long.extend([b'v'; 1000]);
    long.extend(b"\r\n");
    check(&long, &[&[b"SET", &[b'v'; 1000]]], Ok(1));
}

#[test]
fn the_bytes_that_are_missing() {
    check(b"*2\r\n$3\r\nGET\r\n$10\r\nabc", &[], Ok(9));
    check(b"*2\r\n$3\r\nGET\r\n$10\r\nabcdefghij\r", &[], Ok(1));
    check(b"*2\r\n$3\r\nGET\r\n$1", &[], Ok(1));
    check(b"*2\r\n$3\r\nGET\r\n$1\r", &[], Ok(1));
    check(b"*", &[], Ok(1));
    check(b"*1\r", &[], Ok(1));
    check(b"GET a", &[], Ok(1));
}

#[test]
fn counts_and_lengths_at_the_edges() {
    use ProtocolError::*;
    for empty in ["*0", "*-1", "*-10", "*-9223372036854775808"] {
        check(format!("{empty}\r\nPING\r\n").as_bytes(), &[&[b"PING"]], Ok(1));
    }
    for bad in ["", "-", "-0", "00", "01", "+1", " 1", "1 ", "x", "1x", "2147483648", "9223372036854775808"] {
        check(format!("*{bad}\r\n").as_bytes(), &[], Err(InvalidMultibulkLength));
    }
    check(b"*2147483647\r\n", &[], Ok(1));
    for bad in ["", "-", "-1", "-0", "00", "01", "+1", " 1", "1 ", "x", "536870913", "99999999999999999999"] {
        check(format!("*1\r\n${bad}\r\n").as_bytes(), &[], Err(InvalidBulkLength));
    }
    check(b"*1\r\n$536870912\r\n", &[], Ok(536_870_914));
    check(b"*1\r\nx\r\n", &[], Err(ExpectedBulk(b'x')));
    check(b"*1\r\n\r\n$1\r\nx\r\n", &[], Err(ExpectedBulk(b'\r')));
    check(b"*2\r\n$1\r\nx\r\n:1\r\n", &[], Err(ExpectedBulk(b':')));
    check(b"*1\r\nxxxxxxxx", &[], Ok(1));
}

/// Redis skips two bytes after each length and each word without a look, so that is the protocol.
#[test]
fn the_second_byte_of_a_line_end_is_not_looked_at() {
    check(b"*1\rx$1\rxaxx", &[&[b"a"]], Ok(1));
    check(b"*01\rx", &[], Err(ProtocolError::InvalidMultibulkLength));
}

#[test]
fn blank_lines_ask_for_nothing() {
    check(b"\r\n\n \t \r\n\x0b\nPING\n\r\r\nPING\r\n", &[&[b"PING"], &[b"PING"]], Ok(1));
}

#[test]
fn inline_requests() {
    check(b"SET k v\r\nGET k\n", &[&[b"SET", b"k", b"v"], &[b"GET", b"k"]], Ok(1));
    check(b"SET k \"a\\x00b\" 'c d'\r\n", &[&[b"SET", b"k", b"a\0b", b"c d"]], Ok(1));
    check(b"a\0b\r\n", &[&[b"a\0b"]], Ok(1));
    check(b"$3\r\n", &[&[b"$3"]], Ok(1));
    check(b"PING\n\"x\ny\n", &[&[b"PING"]], Err(ProtocolError::UnbalancedQuotes));
}

#[test]
fn lines_are_bounded() {
    use ProtocolError::*;
    let all = vec![b'a'; LINE_LEN_MAX];
    let one_more = vec![b'a'; LINE_LEN_MAX + 1];
    let line = |head: &[u8], body: &[u8], end: &[u8]| [head, body, end].concat();
    for chunk in [1, 1000, 1 << 20] {
        let parse = |input: Vec<u8>| parse(&input, chunk, &Limits::default());
        assert_eq!(parse(line(b"", &all, b"\n")).0, [[all.clone()]]);
        assert_eq!(parse(line(b"", &all, b"")).1, Ok(1));
        for end in [&b""[..], b"\r\n", b"a\r\n"] {
            assert_eq!(parse(line(b"", &one_more, end)), (vec![], Err(InlineTooLong)));
            assert_eq!(parse(line(b"*", &all, b"")).1, Err(CountLineTooLong));
            assert_eq!(parse(line(b"*", &one_more, end)).1, Err(CountLineTooLong));
            assert_eq!(parse(line(b"*1\r\n$", &one_more, end)).1, Err(BulkLineTooLong));
        }
    }
}

#[test]
fn strangers_get_less() {
    use ProtocolError::*;
    let stranger = Limits::default().for_stranger(true);
    check_with(&stranger, b"*10\r\n", &[], Ok(1));
    check_with(&stranger, b"*11\r\n", &[], Err(UnauthenticatedMultibulkLength));
    check_with(&stranger, b"*2147483648\r\n", &[], Err(InvalidMultibulkLength));
    check_with(&stranger, b"*1\r\n$16384\r\n", &[], Ok(16_386));
    check_with(&stranger, b"*1\r\n$16385\r\n", &[], Err(UnauthenticatedBulkLength));
    check_with(&stranger, b"*1\r\n$536870913\r\n", &[], Err(InvalidBulkLength));
}

#[test]
fn settings_bound_words_and_requests() {
    use ProtocolError::*;
    let small = Limits { bulk_len_max: 30, word_count_max: 3, request_len_max: 40, stranger: false };
    check_with(&small, b"*4\r\n", &[], Err(InvalidMultibulkLength));
    check_with(&small, b"*1\r\n$31\r\n", &[], Err(InvalidBulkLength));
    let fits = b"*2\r\n$1\r\na\r\n$22\r\nxxxxxxxxxxxxxxxxxxxxxx\r\n";
    assert_eq!(fits.len(), 40);
    check_with(&small, fits, &[&[b"a", &[b'x'; 22]]], Ok(1));
    check_with(&small, b"*2\r\n$1\r\na\r\n$23\r\nxxxxxxxxxxxxxxxxxxxxxxx\r\n", &[], Err(RequestTooLong));

    let endless = Limits { bulk_len_max: usize::MAX, request_len_max: usize::MAX, ..Limits::default() };
    check_with(&endless, b"*1\r\n$4294967276\r\n", &[], Ok(4_294_967_278));
    check_with(&endless, b"*1\r\n$4294967277\r\n", &[], Err(RequestTooLong));
    check_with(&endless, b"*1\r\n$9223372036854775807\r\n", &[], Err(RequestTooLong));
}

#[test]
fn a_batch_shares_one_vector_and_interrupted_words_stay_out_of_it() {
    let mut parser = Parser::new();
    let mut words = Vec::new();
    let input = b"*1\r\n$1\r\na\r\n*3\r\n$1\r\nb\r\n$1\r\nc\r\n$1\r\nd\r\n";
    let limits = Limits::default();
    let first = parser.next(input, &limits, &mut words).unwrap();
    assert_eq!(first, Progress::Request { consumed: 11, words: 1 });
    let cut = parser.next(&input[11..30], &limits, &mut words).unwrap();
    assert_eq!(cut, Progress::Incomplete { missing: 1 });
    assert_eq!(words.len(), 1);
    words.clear();
    let second = parser.next(&input[11..], &limits, &mut words).unwrap();
    assert_eq!(second, Progress::Request { consumed: 25, words: 3 });
    assert_eq!(words.iter().map(|word| word.of(&input[11..])).collect::<Vec<_>>(), [b"b", b"c", b"d"]);
}

/// A client that announces two thousand million words has announced nothing yet.
#[test]
fn announcements_cost_no_memory() {
    let mut parser = Parser::new();
    let mut words = Vec::new();
    let mut input = b"*2147483647\r\n".to_vec();
    for _ in 0..1000 {
        input.extend_from_slice(b"$0\r\n\r\n");
        parser.next(&input, &Limits::default(), &mut words).unwrap();
        assert!(parser.partial.capacity() * size_of::<Word>() <= 3 * input.len());
        assert!(words.capacity() <= 4);
    }
}

#[test]
fn http_ends_the_connection_before_its_body() {
    use ProtocolError::Http;
    check(b"POST / HTTP/1.1\r\nHost: localhost\r\n\r\nSET a b\r\n", &[], Err(Http));
    check(b"PING\nhost: x\nPING\n", &[&[b"PING"]], Err(Http));
    check(b"\"post\" x\n", &[], Err(Http));
    // Neither is the first word of a line.
    check(b"ECHO POST\nPOSTAL 1\n", &[&[b"ECHO", b"POST"], &[b"POSTAL", b"1"]], Ok(1));
}

/// Requests that begin with the same bytes up to behind each of their words.
#[test]
fn what_begins_alike_is_read_alike() {
    let requests: [&[u8]; 6] = [
        b"*1\r\n$4\r\nPING\r\n",
        b"*3\r\n$3\r\nSET\r\n$0\r\n\r\n$5\r\nvalue\r\n",
        b"*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$012\r\n",
        b"*3\r\n$3\r\nSET\r\n$3\r\nkey\r\nvalue",
        b"*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$20000\r\n",
        b"*4\r\n$4\r\nMGET\r\n$1\r\na\r\n$10\r\nbbbbbbbbbb\r\n$1\r\nc\r\n",
    ];
    let stranger = Limits::default().for_stranger(true);
    for (request, limits) in
        requests.iter().flat_map(|request| [(request, Limits::default()), (request, stranger.clone())])
    {
        let (mut all, mut parser) = (Vec::new(), Parser::new());
        let whole = parser.next(request, &limits, &mut all);
        // The words that such a request begins with, whether or not it is sound beyond them.
        let count = usize::from(request[1] - b'0');
        let mut first = Vec::new();
        let mut cursor = Cursor { at: 4, searched: 0, left: count, bulk_len: None };
        let _ = cursor.read_words(request, &limits, &mut first);
        for known in 1..=first.len() {
            let start = (first[known - 1].start + first[known - 1].len) as usize + 2;
            for end in start..=request.len() {
                let (mut words, mut parser) = (Vec::new(), Parser::new());
                let mut found =
                    parser.next_like((&first[..known], count), &request[..end], &limits, &mut words);
                if end < request.len()
                    && let Ok(Progress::Incomplete { .. }) = found
                {
                    assert!(words.is_empty(), "nothing before the whole");
                    found = parser.next(request, &limits, &mut words);
                }
                let (mut plain_words, mut plain) = (Vec::new(), Parser::new());
                let mut expected = plain.next(&request[..end], &limits, &mut plain_words);
                if end < request.len()
                    && let Ok(Progress::Incomplete { .. }) = expected
                {
                    expected = plain.next(request, &limits, &mut plain_words);
                }
                let text = request.escape_ascii();
                assert_eq!((&found, &words), (&expected, &plain_words), "{known} words of {text} to {end}");
                if end == request.len() {
                    assert_eq!((&found, &words), (&whole, &all));
                }
                assert_eq!(parser.is_between(), plain.is_between());
            }
        }
    }
}
