//! Answers that a conversation cannot show, byte for byte: held with Hearth and, where it is installed, with the reference
//! server. What a client sent comes back in errors whatever bytes it has: as C prints it, up to a NUL, and with blanks
//! for line breaks.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;

use crate::support::TestServer;
use crate::support::client::encode;

/// Neither UTF-8 as a whole nor in its parts.
const ODD: &[u8] = b"\xff\x80a\xc3";
const LONG: &[u8] = &[0xe9; 300];
/// As much of [`LONG`] as is repeated.
const CUT: &[u8] = &[0xe9; 128];

fn answer(server: &TestServer, input: &[u8]) -> Vec<u8> {
    let mut stream = UnixStream::connect(server.socket()).expect("a live server");
    stream.write_all(input).expect("a live server");
    stream.shutdown(Shutdown::Write).expect("a live server");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer, then the end");
    answer
}

/// The words of a request, and what the error line consists of.
type Exchange<'e> = (&'e [&'e [u8]], &'e [&'e [u8]]);

fn check(server: &TestServer) {
    let exchanges: &[Exchange] = &[
        (&[ODD], &[b"ERR unknown command '", ODD, b"', with args beginning with: "]),
        (&[ODD, ODD], &[b"ERR unknown command '", ODD, b"', with args beginning with: '", ODD, b"' "]),
        (&[b"a\0b", b"c\0d"], &[b"ERR unknown command 'a', with args beginning with: 'c' "]),
        (&[b"a\r\nb", b"c\nd"], &[b"ERR unknown command 'a  b', with args beginning with: 'c d' "]),
        (&[b"\0"], &[b"ERR unknown command '', with args beginning with: "]),
        (&[LONG, b"", LONG], &[
            b"ERR unknown command '",
            CUT,
            b"', with args beginning with: '' '",
            &CUT[..125],
            b"' ",
        ]),
        (&[b"x", &CUT[..125], b"b"], &[
            b"ERR unknown command 'x', with args beginning with: '",
            &CUT[..125],
            b"' ",
        ]),
        (&[b"x", &CUT[..124], b"bc", b"d"], &[
            b"ERR unknown command 'x', with args beginning with: '",
            &CUT[..124],
            b"' 'b' ",
        ]),
        (&[b"config", ODD, b"x"], &[b"ERR unknown subcommand '", ODD, b"'. Try CONFIG HELP."]),
        (&[b"CLIENT", b"a\0b"], &[b"ERR unknown subcommand 'a'. Try CLIENT HELP."]),
        (&[b"OBJECT", LONG], &[b"ERR unknown subcommand '", CUT, b"'. Try OBJECT HELP."]),
        (&[b"DEBUG", ODD], &[
            b"ERR unknown subcommand or wrong number of arguments for '",
            ODD,
            b"'. Try DEBUG HELP.",
        ]),
        (&[b"DEBUG", LONG], &[
            b"ERR unknown subcommand or wrong number of arguments for '",
            CUT,
            b"'. Try DEBUG HELP.",
        ]),
        (&[b"DEBUG", b"ERROR", b"ODD \xff\0\xc3\r\nx"], &[b"ODD \xff\0\xc3  x"]),
        (&[b"CONFIG", b"SET", ODD, b"1"], &[
            b"ERR Unknown option or number of arguments for CONFIG SET - '",
            ODD,
            b"'",
        ]),
        (&[b"CONFIG", b"SET", b"maxmemory", b"0", b"a\0\xff", b"1"], &[
            b"ERR Unknown option or number of arguments for CONFIG SET - 'a'",
        ]),
        (&[b"CONFIG", b"SET", b"MaxMemory", ODD], &[
            b"ERR CONFIG SET failed (possibly related to argument 'maxmemory') - argument must be a memory value",
        ]),
        (&[b"HELLO", b"2", ODD], &[b"ERR Syntax error in HELLO option '", ODD, b"'"]),
        (&[b"HELLO", b"2", LONG], &[b"ERR Syntax error in HELLO option '", LONG, b"'"]),
        (&[b"HELLO", b"2", b"\xff\r\n\0b"], &[b"ERR Syntax error in HELLO option '\xff  '"]),
        (&[b"CLIENT", b"LIST", b"TYPE", ODD], &[b"ERR Unknown client type '", ODD, b"'"]),
        (&[b"CLIENT", b"KILL", b"TYPE", b"a\0b"], &[b"ERR Unknown client type 'a'"]),
        (&[b"CLIENT", b"KILL", b"USER", ODD], &[b"ERR No such user '", ODD, b"'"]),
        (&[b"EXPIRE", b"k", b"1", ODD], &[b"ERR Unsupported option ", ODD]),
        (&[b"EXPIRE", b"k", b"1", b"a\0b"], &[b"ERR Unsupported option a"]),
        (&[b"LATENCY", b"GRAPH", ODD], &[b"ERR No samples available for event '", ODD, b"'"]),
    ];
    for (words, expected) in exchanges {
        let expected = [&b"-"[..], &expected.concat(), b"\r\n"].concat();
        let answer = answer(server, &encode(words));
        let asked = words.join(&b' ');
        assert_eq!(
            answer.escape_ascii().to_string(),
            expected.escape_ascii().to_string(),
            "{}",
            asked.escape_ascii()
        );
    }
    let inline = answer(server, b"\"\\xff\xc3\" '\xe9'\r\n");
    let expected = b"-ERR unknown command '\xff\xc3', with args beginning with: '\xe9' \r\n";
    assert_eq!(inline.escape_ascii().to_string(), expected.escape_ascii().to_string());
}

fn check_nulls(server: &TestServer) {
    let answer = answer(server, &encode(&["COMMAND", "INFO", "nope"]));
    assert_eq!(answer.escape_ascii().to_string(), "*1\\r\\n$-1\\r\\n");
}

#[test]
fn hearth_answers_these_bytes() {
    let server = TestServer::hearth(&["--threads", "2"]);
    check(&server);
    check_nulls(&server);
}

#[test]
fn the_reference_server_answers_the_same_bytes() {
    match TestServer::redis(&[]) {
        Some(server) => {
            check(&server);
            check_nulls(&server);
        }
        None => eprintln!("skipped: redis-server is not installed"),
    }
}
