//! Many clients at once, on threads of their own.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::{Reply, TestServer};

/// Keys on every shard, however these are dealt.
const KEYS: [&str; 12] = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"];

/// Writers set all keys to one value at a time; nobody must ever see two values.
fn nobody_sees_two_values(threads: &str, ring_capacity: usize) {
    let server = TestServer::start_with(&["--threads", threads], ring_capacity);
    let ended = AtomicBool::new(false);
    let looks = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for writer in 0..3 {
            let mut client = server.connect();
            scope.spawn(move || {
                for round in 0..300 {
                    let value = format!("{writer}:{round}");
                    let mut words = vec!["MSET"];
                    // Every writer has its own order, so that transactions meet from all sides.
                    let (left, right) = KEYS.split_at(writer * 4);
                    for key in right.iter().chain(left) {
                        words.extend([*key, &value]);
                    }
                    assert_eq!(client.ask(&words), Reply::ok());
                }
            });
        }
        let readers: Vec<_> = (0..3)
            .map(|_| {
                let (mut client, ended, looks) = (server.connect(), &ended, &looks);
                scope.spawn(move || {
                    while !ended.load(Ordering::Relaxed) {
                        let mut words = vec!["MGET"];
                        words.extend(KEYS);
                        let Reply::Array(values) = client.ask(&words) else { panic!("no array") };
                        assert!(values.iter().all(|value| *value == values[0]), "torn: {values:?}");
                        looks.fetch_add(1, Ordering::Relaxed);
                    }
                })
            })
            .collect();
        let mut flusher = server.connect();
        for _ in 0..50 {
            assert_eq!(flusher.ask(&["FLUSHALL"]), Reply::ok());
            // As many looks as it takes for the readers to have seen something in between.
            let seen = looks.load(Ordering::Relaxed);
            while looks.load(Ordering::Relaxed) < seen + 2 {
                std::thread::yield_now();
            }
        }
        ended.store(true, Ordering::Relaxed);
        readers.into_iter().for_each(|reader| reader.join().expect("nothing torn"));
    });
}

#[test]
fn msets_are_atomic_across_workers() {
    nobody_sees_two_values("1", 16);
    nobody_sees_two_values("2", 16);
    nobody_sees_two_values("3", 16);
}

#[test]
fn msets_are_atomic_through_tiny_rings() {
    nobody_sees_two_values("3", 1);
}

#[test]
fn renames_lose_and_double_nothing() {
    let server = TestServer::start_with(&["--threads", "3"], 2);
    let mut setup = server.connect();
    assert_eq!(setup.ask(&["SET", "token", "x"]), Reply::ok());
    std::thread::scope(|scope| {
        for mover in 0..3_usize {
            let mut client = server.connect();
            scope.spawn(move || {
                for round in 0..300 {
                    // Whoever finds the token moves it.
                    let places = ["token", KEYS[(mover + round) % 12], KEYS[(mover + round + 5) % 12]];
                    let (from, to) = (places[round % 3], places[(round + 1) % 3]);
                    match client.ask(&["RENAME", from, to]) {
                        Reply::Status(_) => {}
                        Reply::Error(text) => assert_eq!(text, "ERR no such key"),
                        other => panic!("{other:?}"),
                    }
                }
            });
        }
        let mut client = server.connect();
        scope.spawn(move || {
            let mut words = vec!["EXISTS", "token"];
            words.extend(KEYS);
            for _ in 0..300 {
                assert_eq!(client.ask(&words), Reply::Integer(1), "the token is somewhere, once");
            }
        });
    });
}

#[test]
fn clients_that_leave_in_the_middle_disturb_nobody() {
    let server = TestServer::start_with(&["--threads", "3"], 1);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for round in 0..100 {
                    let mut client = server.connect();
                    let value = round.to_string();
                    let mut words = vec!["MSET"];
                    KEYS.iter().for_each(|key| words.extend([*key, &value]));
                    let get = ["GET", "a"];
                    let requests: Vec<&[&str]> =
                        (0..20).map(|nth| if nth % 3 == 0 { &words[..] } else { &get[..] }).collect();
                    client.send(&requests);
                    if round % 2 == 0 {
                        client.send_raw(b"*3\r\n$3\r\nSET\r\n$1\r\n");
                    }
                }
            });
        }
        let mut client = server.connect();
        scope.spawn(move || {
            for _ in 0..300 {
                let mut words = vec!["MGET"];
                words.extend(KEYS);
                let Reply::Array(values) = client.ask(&words) else { panic!("no array") };
                assert!(values.iter().all(|value| *value == values[0]), "torn: {values:?}");
            }
        });
    });
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while server.node.client_count() > 0 {
        assert!(std::time::Instant::now() < deadline, "clients that left are still counted");
        std::thread::yield_now();
    }
}

#[test]
fn deep_pipelines_from_many_clients_come_out_right() {
    let server = TestServer::start_with(&["--threads", "3"], 2);
    std::thread::scope(|scope| {
        for number in 0..4 {
            let mut client = server.connect();
            scope.spawn(move || {
                for round in 0..20 {
                    let keys: Vec<String> = (0..300).map(|nth| format!("{number}:{nth}")).collect();
                    let value = format!("{number}:{round}");
                    let mut bytes = Vec::new();
                    for key in &keys {
                        use std::io::Write;
                        write!(bytes, "SET {key} {value}\r\nGET {key}\r\n").unwrap();
                    }
                    client.send_raw(&bytes);
                    for _ in &keys {
                        assert_eq!(client.reply(), Some(Reply::ok()));
                        assert_eq!(client.reply(), Some(Reply::bulk(&value)));
                    }
                }
            });
        }
    });
}
