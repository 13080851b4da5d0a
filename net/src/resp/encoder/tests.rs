use super::*;

/// What `write` appends in RESP2 and in RESP3.
fn check(write: impl Fn(&mut Encoder<'_>), resp2: &str, resp3: &str) {
    for (protocol, expected) in [(Protocol::Resp2, resp2), (Protocol::Resp3, resp3)] {
        let mut out = b"before".to_vec();
        write(&mut Encoder::new(&mut out, protocol));
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.strip_prefix("before").unwrap().replace("\r\n", "|"), expected, "{protocol:?}");
    }
}

#[test]
fn what_both_versions_share() {
    check(|e| e.ok(), "+OK|", "+OK|");
    check(|e| e.status(b"PONG"), "+PONG|", "+PONG|");
    check(|e| e.error(b"ERR no"), "-ERR no|", "-ERR no|");
    check(|e| e.bulk(b""), "$0||", "$0||");
    check(|e| e.bulk(b"a\tb"), "$3|a\tb|", "$3|a\tb|");
    check(|e| e.bulk_chunks(5, [&b"ab"[..], b"", b"cde"]), "$5|abcde|", "$5|abcde|");
    check(|e| e.array(2), "*2|", "*2|");
    check(|e| e.encoded(b":7\r\n"), ":7|", ":7|");
}

#[test]
fn line_ends_cannot_break_a_line() {
    check(|e| e.error(b"ERR a\r\nb\r\n\n"), "-ERR a  b|", "-ERR a  b|");
    check(|e| e.status(b"\r"), "+ |", "+ |");
}

#[test]
fn integers_and_lengths_of_every_width() {
    for value in [0, 9, 10, 99, 100, 999, 1000, 9999, 123_456_789, i64::MAX, -1, -10, i64::MIN] {
        check(|e| e.integer(value), &format!(":{value}|"), &format!(":{value}|"));
    }
    for len in [0, 9, 10, 99, 100, 101, 110, 999, 1000, 1001, 65_536] {
        let text = "x".repeat(len);
        let expected = format!("${len}|{text}|");
        check(|e| e.bulk(text.as_bytes()), &expected, &expected);
        check(|e| e.array(len), &format!("*{len}|"), &format!("*{len}|"));
    }
}

#[test]
fn what_the_versions_say_differently() {
    check(|e| e.null(), "$-1|", "_|");
    check(|e| e.null_array(), "*-1|", "_|");
    check(|e| e.boolean(true), ":1|", "#t|");
    check(|e| e.boolean(false), ":0|", "#f|");
    check(|e| e.map(2), "*4|", "%2|");
    check(|e| e.set(3), "*3|", "~3|");
    check(|e| e.push(12), "*12|", ">12|");
    check(|e| e.double(b"1.5"), "$3|1.5|", ",1.5|");
    check(|e| e.double(b"-inf"), "$4|-inf|", ",-inf|");
    check(|e| e.double(b"10"), "$2|10|", ",10|");
    check(|e| e.big_number(b"-123"), "$4|-123|", "(-123|");
    check(|e| e.verbatim(*b"txt", b"hi"), "$2|hi|", "=6|txt:hi|");
    check(|e| assert_eq!(e.attribute(1), e.protocol() == Protocol::Resp3), "", "|1|");
}

#[test]
fn counts_can_follow_their_items() {
    for count in [0usize, 1, 4, 5, 9, 10, 99, 100, 1000] {
        let items = ":1|".repeat(count * 2);
        check(
            |e| {
                let deferred = e.defer(Aggregate::Map);
                (0..count * 2).for_each(|_| e.integer(1));
                e.resolve(deferred, count);
            },
            &format!("*{}|{items}", count * 2),
            &format!("%{count}|{items}"),
        );
    }
}

#[test]
fn deferred_aggregates_nest() {
    let inner = ":1|".repeat(11);
    let rest = ":2|".repeat(10);
    check(
        |e| {
            let outer = e.defer(Aggregate::Array);
            let set = e.defer(Aggregate::Set);
            (0..11).for_each(|_| e.integer(1));
            e.resolve(set, 11);
            (0..10).for_each(|_| e.integer(2));
            e.resolve(outer, 11);
        },
        &format!("*11|*11|{inner}{rest}"),
        &format!("*11|~11|{inner}{rest}"),
    );
}

#[test]
fn hello_switches_in_the_middle() {
    let mut out = Vec::new();
    let mut encoder = Encoder::new(&mut out, Protocol::default());
    encoder.null();
    encoder.set_protocol(Protocol::Resp3);
    encoder.null();
    assert_eq!(out, b"$-1\r\n_\r\n");
}

#[test]
fn headers_of_every_length() {
    for count in (0..1100).chain([9_999, 10_000, usize::MAX]) {
        let mut out = b"before".to_vec();
        Encoder::new(&mut out, Protocol::Resp2).array(count);
        assert_eq!(out, format!("before*{count}\r\n").into_bytes());
    }
}
