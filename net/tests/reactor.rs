//! The reactor over real sockets: what is reported when, and what is not.

use std::io::{ErrorKind, IoSlice, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use net::buffer::{FillEnd, ReadBuffer};
use net::reactor::{Reactor, Ready, Token, Wake};
use net::tcp::{self, TcpSettings};
use net::transport::{Address, Kind, ListenError, Listener, Transport};
use net::unix::UnixListener;

/// Long enough never to be reached by a test that passes.
const FOREVER: Option<Duration> = Some(Duration::from_secs(60));
const NOW: Option<Duration> = Some(Duration::ZERO);

/// A path in a directory of this test's own, removed with everything in it.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("hearth-net-{}-{name}", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        Scratch(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join("s")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

/// What is ready in one turn.
fn turn(reactor: &mut Reactor, timeout: Option<Duration>) -> Vec<Ready> {
    reactor.wait(timeout, || true).unwrap();
    std::iter::from_fn(|| reactor.next_ready()).collect()
}

fn wait_for(reactor: &mut Reactor, token: Token) -> Ready {
    loop {
        if let Some(ready) = turn(reactor, FOREVER).into_iter().find(|ready| ready.token == token) {
            return ready;
        }
    }
}

/// A registered connection and its peer.
fn connected_unix(reactor: &mut Reactor) -> (Box<dyn Transport>, UnixStream, Token) {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let scratch = Scratch::new(&format!("pair{}", COUNT.fetch_add(1, Ordering::Relaxed)));
    let mut listener = UnixListener::bind(&scratch.file(), None, 1).unwrap();
    let peer = UnixStream::connect(scratch.file()).unwrap();
    let mut transport = listener.accept().unwrap();
    let token = reactor.register(&mut *transport).unwrap();
    (transport, peer, token)
}

#[test]
fn a_tcp_connection_from_accept_to_end() {
    let mut reactor = Reactor::new().unwrap();
    let bound = tcp::bind(&["127.0.0.1".parse().unwrap()], 0, TcpSettings::default()).unwrap();
    let mut listener = bound.listeners.into_iter().next().unwrap();
    let port = listener.port().unwrap();
    let listening = reactor.register(&mut listener).unwrap();
    assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
    assert!(turn(&mut reactor, NOW).is_empty());

    let mut client = TcpStream::connect(("127.0.0.1", port)).unwrap();
    assert!(wait_for(&mut reactor, listening).readable);
    let mut transport = listener.accept().unwrap();
    assert_eq!(transport.kind(), Kind::Tcp);
    assert_eq!(transport.peer(), Address::Tcp(client.local_addr().unwrap()));
    assert_eq!(transport.local(), Address::Tcp(client.peer_addr().unwrap()));

    let token = reactor.register(&mut *transport).unwrap();
    client.write_all(b"hello").unwrap();
    assert!(wait_for(&mut reactor, token).readable);
    let mut buffer = ReadBuffer::new();
    assert_eq!(buffer.fill(&mut *transport, 1 << 20, false).unwrap(), (5, FillEnd::Drained));
    assert_eq!(buffer.unread(), b"hello");
    assert_eq!(transport.write(&[IoSlice::new(b"good"), IoSlice::new(b"bye")]).unwrap(), 7);
    transport.shutdown().unwrap();
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).unwrap();
    assert_eq!(answer, b"goodbye");

    drop(client);
    let ready = wait_for(&mut reactor, token);
    assert!(ready.readable && ready.hangup);
    assert_eq!(buffer.fill(&mut *transport, 1 << 20, ready.hangup).unwrap(), (0, FillEnd::Closed));
    transport.shutdown().unwrap();
    reactor.deregister(token, &mut *transport).unwrap();
}

#[test]
fn edges_are_reported_once_and_undrained_sources_are_kept() {
    let mut reactor = Reactor::new().unwrap();
    let (mut transport, mut peer, token) = connected_unix(&mut reactor);
    assert!(turn(&mut reactor, NOW).is_empty());

    peer.write_all(&[1; 50_000]).unwrap();
    let expected = Ready { token, readable: true, writable: false, hangup: false };
    assert_eq!(wait_for(&mut reactor, token), expected);
    assert!(turn(&mut reactor, NOW).is_empty(), "no new edge");

    let mut buffer = ReadBuffer::new();
    let (first, end) = buffer.fill(&mut *transport, 20_000, false).unwrap();
    assert_eq!(end, FillEnd::Budget);
    reactor.keep_ready(token);
    reactor.keep_ready(token);
    assert_eq!(turn(&mut reactor, FOREVER), [expected], "at once, and once");
    let (rest, end) = buffer.fill(&mut *transport, 1 << 20, false).unwrap();
    assert_eq!((first + rest, end), (50_000, FillEnd::Drained));
    assert!(turn(&mut reactor, NOW).is_empty());
}

#[test]
fn what_is_kept_ready_in_a_turn_belongs_to_the_next() {
    let mut reactor = Reactor::new().unwrap();
    let pairs = [connected_unix(&mut reactor), connected_unix(&mut reactor)];
    for (_, _, token) in &pairs {
        reactor.keep_ready(*token);
    }
    for _ in 0..3 {
        reactor.wait(FOREVER, || true).unwrap();
        let mut seen = Vec::new();
        while let Some(ready) = reactor.next_ready() {
            reactor.keep_ready(ready.token);
            seen.push(ready.token);
        }
        assert_eq!(seen, [pairs[0].2, pairs[1].2]);
    }
}

#[test]
fn the_end_of_a_peer_that_wrote_last_is_not_lost() {
    let mut reactor = Reactor::new().unwrap();
    let (mut transport, mut peer, token) = connected_unix(&mut reactor);
    peer.write_all(b"last words").unwrap();
    drop(peer);
    let ready = wait_for(&mut reactor, token);
    assert!(ready.hangup);
    let mut buffer = ReadBuffer::new();
    assert_eq!(buffer.fill(&mut *transport, 1 << 20, ready.hangup).unwrap(), (10, FillEnd::Closed));

    reactor.keep_ready(token);
    assert!(wait_for(&mut reactor, token).hangup, "stays set");
}

#[test]
fn room_to_write_is_reported_only_on_request() {
    let mut reactor = Reactor::new().unwrap();
    let (mut transport, mut peer, token) = connected_unix(&mut reactor);
    peer.set_nonblocking(true).unwrap();
    let block = [7u8; 64 * 1024];
    let mut written = 0;
    loop {
        match transport.write(&[IoSlice::new(&block)]) {
            Ok(len) => written += len,
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => panic!("{error}"),
        }
    }
    reactor.want_write(token, &mut *transport, true).unwrap();
    assert!(turn(&mut reactor, NOW).is_empty());

    let mut read = 0;
    let mut drain = || {
        let mut sink = [0u8; 64 * 1024];
        while let Ok(len @ 1..) = peer.read(&mut sink) {
            read += len;
        }
        read
    };
    assert_eq!(drain(), written);
    assert_eq!(
        wait_for(&mut reactor, token),
        Ready { token, readable: false, writable: true, hangup: false }
    );
    reactor.want_write(token, &mut *transport, false).unwrap();
    transport.write(&[IoSlice::new(b"more")]).unwrap();
    assert_eq!(drain(), written + 4);
    assert!(turn(&mut reactor, NOW).is_empty());

    reactor.want_write(token, &mut *transport, true).unwrap();
    assert!(wait_for(&mut reactor, token).writable, "room that is there already counts");
}

#[test]
fn a_dead_token_is_never_reported_though_its_place_is_taken() {
    let mut reactor = Reactor::new().unwrap();
    let (mut first, mut first_peer, first_token) = connected_unix(&mut reactor);
    first_peer.write_all(b"x").unwrap();
    reactor.wait(FOREVER, || true).unwrap();
    reactor.deregister(first_token, &mut *first).unwrap();
    reactor.keep_ready(first_token);

    let (mut second, _second_peer, second_token) = connected_unix(&mut reactor);
    assert_eq!(first_token.index(), second_token.index());
    assert_ne!(first_token, second_token);
    assert_eq!(reactor.next_ready(), None);
    assert!(turn(&mut reactor, NOW).is_empty());

    // The source is free to go elsewhere, and what was not read is reported there.
    let mut other = Reactor::new().unwrap();
    let moved = other.register(&mut *first).unwrap();
    assert!(wait_for(&mut other, moved).readable);
    reactor.deregister(second_token, &mut *second).unwrap();
}

#[test]
fn work_found_at_the_last_look_prevents_sleep() {
    let mut reactor = Reactor::new().unwrap();
    reactor.wait(None, || false).unwrap();
    assert_eq!(reactor.next_ready(), None);
}

#[test]
fn another_thread_ends_a_sleep_without_end() {
    let mut reactor = Reactor::new().unwrap();
    let waker = reactor.waker();
    let work = Arc::new(AtomicBool::new(false));
    let other = {
        let work = work.clone();
        std::thread::spawn(move || {
            work.store(true, Ordering::Release);
            waker.wake_if_asleep();
        })
    };
    while !work.load(Ordering::Acquire) {
        reactor.wait(None, || !work.load(Ordering::Acquire)).unwrap();
    }
    other.join().unwrap();

    let waker = reactor.waker();
    waker.wake().unwrap();
    reactor.wait(None, || true).unwrap();
}

#[test]
fn a_unix_listener_owns_its_file() {
    let scratch = Scratch::new("file");
    let path = scratch.file();
    let listener = UnixListener::bind(&path, Some(0o640), 16).unwrap();
    let metadata = std::fs::symlink_metadata(&path).unwrap();
    assert!(metadata.file_type().is_socket());
    assert_eq!(metadata.permissions().mode() & 0o777, 0o640);
    assert_eq!(listener.address().to_string(), format!("{}:0", path.display()));

    // As after a kill: the file stays, and the next process replaces it.
    drop(listener);
    let second = UnixListener::bind(&path, None, 16).unwrap();
    let third = UnixListener::bind(&path, None, 16).unwrap();
    Box::new(second).close().unwrap();
    assert!(path.exists(), "the successor's file is left alone");
    let peer = UnixStream::connect(&path).unwrap();
    drop(peer);
    Box::new(third).close().unwrap();
    assert!(!path.exists());
}

#[test]
fn a_unix_listener_replaces_nothing_but_sockets() {
    let scratch = Scratch::new("precious");
    let path = scratch.file();
    std::fs::write(&path, "precious").unwrap();
    let error = UnixListener::bind(&path, None, 16).unwrap_err();
    assert!(matches!(error, ListenError::NotASocket { .. }));
    assert_eq!(std::fs::read(&path).unwrap(), b"precious");

    let missing = scratch.0.join("no/such/dir");
    let text = UnixListener::bind(&missing, None, 16).unwrap_err().to_string();
    assert!(text.starts_with(&format!("cannot listen on {}: No such file", missing.display())), "{text}");
    let long = scratch.0.join("x".repeat(200));
    assert!(UnixListener::bind(&long, None, 16).is_err());
}
