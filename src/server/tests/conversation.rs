//! What single clients see of a whole server.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::super::data;
use super::{Reply, TestServer};
use crate::telemetry::WorkerCounters;

#[test]
fn a_pipeline_over_all_shards_is_answered_in_order() {
    for threads in ["1", "2", "3"] {
        let server = TestServer::start(&["--threads", threads]);
        let mut client = server.connect();
        let keys: Vec<String> = (0..500).map(|nth| format!("key:{nth}")).collect();
        let sets: Vec<[&str; 3]> = keys.iter().map(|key| ["SET", key, key]).collect();
        client.send(&sets.iter().map(|set| &set[..]).collect::<Vec<_>>());
        for _ in &keys {
            assert_eq!(client.reply(), Some(Reply::ok()));
        }
        let gets: Vec<[&str; 2]> = keys.iter().map(|key| ["GET", key]).collect();
        client.send(&gets.iter().map(|get| &get[..]).collect::<Vec<_>>());
        for key in &keys {
            assert_eq!(client.reply(), Some(Reply::bulk(key)));
        }
        assert_eq!(client.ask(&["DBSIZE"]), Reply::Integer(500));
        let mut all = vec!["MGET"];
        all.extend(keys.iter().map(String::as_str));
        assert_eq!(client.ask(&all), Reply::Array(keys.iter().map(|key| Reply::bulk(key)).collect()));
        all[0] = "DEL";
        assert_eq!(client.ask(&all), Reply::Integer(500));
        assert_eq!(client.ask(&["DBSIZE"]), Reply::Integer(0));
    }
}

#[test]
fn data_outlives_the_server_whatever_the_number_of_workers() {
    let server = TestServer::start(&["--threads", "2"]);
    let mut client = server.connect();
    let keys: Vec<String> = (0..300).map(|nth| format!("key:{nth}")).collect();
    for key in &keys {
        assert_eq!(client.ask(&["SET", key, key]), Reply::ok());
    }
    assert_eq!(client.ask(&["RENAME", "key:0", "other"]), Reply::ok());
    let mut directory = server.stop();
    for threads in ["3", "1"] {
        let server = TestServer::start_in(directory, &["--threads", threads], 16);
        let mut client = server.connect();
        assert_eq!(client.ask(&["DBSIZE"]), Reply::Integer(300));
        assert_eq!(client.ask(&["GET", "other"]), Reply::bulk("key:0"));
        for key in &keys[1..] {
            assert_eq!(client.ask(&["GET", key]), Reply::bulk(key));
        }
        directory = server.stop();
    }
    drop(TestServer::start_in(directory, &["--warm-restart", "no"], 16));
}

#[test]
fn without_warm_restart_nothing_is_found() {
    let server = TestServer::start(&["--threads", "1"]);
    assert_eq!(server.connect().ask(&["SET", "a", "1"]), Reply::ok());
    let directory = server.stop();
    let server = TestServer::start_in(directory, &["--threads", "1", "--warm-restart", "no"], 16);
    assert_eq!(server.connect().ask(&["DBSIZE"]), Reply::Integer(0));
    let shm_dir = format!("/dev/shm/{}", server.directory.file_name().unwrap().to_str().unwrap());
    assert!(std::path::Path::new(&shm_dir).exists());
    drop(server);
    assert!(!std::path::Path::new(&shm_dir).exists(), "nothing is left");
}

#[test]
fn one_client_too_many_is_told_so() {
    let server = TestServer::start(&["--threads", "2", "--maxclients", "3"]);
    let mut clients: Vec<_> = (0..3).map(|_| server.connect()).collect();
    for client in &mut clients {
        assert_eq!(client.ask(&["PING"]), Reply::Status("PONG".into()));
    }
    let mut refused = server.connect();
    assert_eq!(refused.reply(), Some(Reply::Error("ERR max number of clients reached".into())));
    assert_eq!(refused.reply(), None);
    // One leaves, and as soon as that is noticed there is room again.
    assert_eq!(clients[0].ask(&["QUIT"]), Reply::ok());
    assert_eq!(clients[0].reply(), None);
    assert_eq!(server.connect().ask(&["PING"]), Reply::Status("PONG".into()));
}

#[test]
fn a_second_server_on_the_same_data_is_refused() {
    let server = TestServer::start(&["--threads", "1"]);
    let directory = server.directory.clone();
    let shm_dir = format!("/dev/shm/{}", directory.file_name().unwrap().to_str().unwrap());
    let words = ["--shm-dir", &shm_dir, "--dir", directory.to_str().unwrap()];
    let words: Vec<_> = words.into_iter().map(Into::into).collect();
    let config = crate::config::load(&words).unwrap().config;
    let refused = data::open(&config.settings(), 1, Duration::from_millis(1)).err();
    let text = refused.expect("the data has an owner").to_string();
    assert!(text.contains("is owned by process"), "{text}");
    assert_eq!(server.connect().ask(&["PING"]), Reply::Status("PONG".into()));
}

#[test]
fn a_server_with_a_full_maxmemory_reads_on() {
    let server = TestServer::start(&["--threads", "2", "--maxmemory", "3mb"]);
    let mut client = server.connect();
    let value = "x".repeat(10_000);
    let mut refused = None;
    for nth in 0..1000 {
        match client.ask(&["SET", &format!("key:{nth}"), &value]) {
            Reply::Error(text) => {
                refused = Some((nth, text));
                break;
            }
            reply => assert_eq!(reply, Reply::ok()),
        }
    }
    let (nth, text) = refused.expect("memory has an end");
    assert_eq!(text, "OOM command not allowed when used memory > 'maxmemory'.");
    assert!((100..320).contains(&nth), "{nth} values of 10 kB in 3 MB");
    assert_eq!(client.ask(&["GET", "key:0"]), Reply::bulk(&value));
    assert_eq!(client.ask(&["DEL", "key:0", "key:1", "key:2", "key:3", "key:4"]), Reply::Integer(5));
    assert_eq!(client.ask(&["SET", "key:0", "short"]), Reply::ok());
}

#[test]
fn keys_go_in_their_millisecond_without_being_asked_for() {
    let server = TestServer::start(&["--threads", "2"]);
    let mut client = server.connect();
    for nth in 0..100 {
        assert_eq!(client.ask(&["SET", &format!("key:{nth}"), "x", "PX", "60"]), Reply::ok());
    }
    // The counters change by themselves; nobody sends anything meanwhile.
    let expired = || server_counters(&server).iter().map(|it| it.expired_keys.get()).sum::<u64>();
    let deadline = Instant::now() + Duration::from_secs(20);
    while expired() < 100 {
        assert!(Instant::now() < deadline, "{} keys have gone", expired());
        std::thread::yield_now();
    }
    assert_eq!(client.ask(&["DBSIZE"]), Reply::Integer(0));
}

fn server_counters(server: &TestServer) -> &[Arc<WorkerCounters>] {
    &server.node.counters
}
