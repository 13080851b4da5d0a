//! MULTI, EXEC and WATCH over the shards of several workers.

use engine::shard::ShardId;

use super::super::random::Random;
use super::rig::{Peer, Rig};

impl Rig {
    /// Whether no shard knows of a watched key, and no client of one is counted.
    fn watches_nothing(&mut self) -> bool {
        let counted = self.workers.iter().any(|worker| {
            let counters = &worker.executor.counters;
            counters.clients_watching.get() + counters.watched_keys.get() > 0
        });
        !counted
            && self.placement.shards().all(|shard| {
                let owner = self.placement.owner(shard).index();
                let shard = self.workers[owner].berths.at_home(shard).expect("at home");
                shard.keyspace.watches_mut().is_empty()
            })
    }
}

/// Two keys of different workers.
fn keys_apart(rig: &Rig) -> (String, String) {
    (rig.key_on(0, 0), rig.key_on(rig.placement.shard_count() as u16 - 1, 0))
}

fn ask_all(rig: &mut Rig, peer: &mut Peer, requests: &[&str]) -> Vec<String> {
    requests.iter().map(|request| rig.ask(peer, request)).collect()
}

/// How many clients watch and how many keys they watch, as INFO has it.
fn watched(rig: &mut Rig, peer: &mut Peer) -> [u32; 2] {
    let info = rig.ask(peer, "INFO clients");
    ["watching_clients:", "total_watched_keys:"].map(|field| {
        let value = info.split(field).nth(1).and_then(|rest| rest.split(' ').next());
        value.and_then(|digits| digits.parse().ok()).expect("a number")
    })
}

/// [`Rig::ask`] with more than a socket takes at once.
fn ask_long(rig: &mut Rig, peer: &mut Peer, request: &str) -> String {
    peer.received.clear();
    peer.send(request);
    while !peer.is_sent() {
        rig.settle();
        peer.push();
    }
    rig.settle();
    peer.pump();
    peer.text().replace("\r\n", " ").trim_end().to_owned()
}

#[test]
fn a_transaction_reaches_every_worker() {
    for worker_count in [1, 2, 3] {
        let mut rig = Rig::new(worker_count, 6, 2, &[]);
        let keys: Vec<String> = (0..6).map(|shard| rig.key_on(shard, 0)).collect();
        let mut peer = rig.connect(0);
        assert_eq!(rig.ask(&mut peer, "MULTI"), "+OK");
        for (nth, key) in keys.iter().enumerate() {
            assert_eq!(rig.ask(&mut peer, &format!("SET {key} {nth}")), "+QUEUED");
        }
        rig.ask(&mut peer, "DBSIZE");
        rig.ask(&mut peer, &format!("MGET {}", keys.join(" ")));
        assert_eq!(
            rig.ask(&mut peer, "EXEC"),
            "*8 +OK +OK +OK +OK +OK +OK :6 *6 $1 0 $1 1 $1 2 $1 3 $1 4 $1 5"
        );
    }
}

#[test]
fn a_change_by_a_client_of_another_worker_breaks_the_watch() {
    let mut rig = Rig::new(3, 6, 2, &[]);
    let (near, far) = keys_apart(&rig);
    let (mut peer, mut other) = (rig.connect(0), rig.connect(1));
    for changed in [&near, &far] {
        let watch = format!("WATCH {near} {far}");
        let set = format!("SET {near} x");
        assert_eq!(ask_all(&mut rig, &mut peer, &[&watch, "MULTI", &set, "EXEC"])[3], "*1 +OK");
        assert!(rig.watches_nothing());
        rig.ask(&mut peer, &watch);
        assert!(!rig.watches_nothing());
        rig.ask(&mut other, &format!("SET {changed} y"));
        assert_eq!(ask_all(&mut rig, &mut peer, &["MULTI", &set, "EXEC"])[2], "*-1");
        assert!(rig.watches_nothing());
    }
    assert_eq!(watched(&mut rig, &mut peer), [0, 0]);
}

#[test]
fn no_watch_is_left_behind() {
    let mut rig = Rig::new(2, 4, 1, &[]);
    let (near, far) = keys_apart(&rig);
    let watch = format!("WATCH {near} {far} {near}");
    let mut peer = rig.connect(0);
    let ends: [&[&str]; 8] = [
        &["UNWATCH"],
        &["MULTI", "DISCARD"],
        &["MULTI", "EXEC"],
        &["MULTI", "NOSUCH", "EXEC"],
        &["MULTI", "EXEC x"],
        &["RESET"],
        &["MULTI", "RESET"],
        &["SELECT 1", &watch, "UNWATCH"],
    ];
    for end in ends {
        rig.ask(&mut peer, &watch);
        assert!(!rig.watches_nothing());
        ask_all(&mut rig, &mut peer, end);
        assert!(rig.watches_nothing(), "{end:?}");
    }
    rig.ask(&mut peer, &watch);
    assert_eq!(watched(&mut rig, &mut peer), [1, 2]);
    peer.finish();
    rig.settle();
    assert!(rig.watches_nothing());
}

#[test]
fn a_client_that_leaves_while_its_watch_begins_leaves_nothing() {
    for turns in 0..8 {
        let mut rig = Rig::new(2, 4, 1, &[]);
        let (near, far) = keys_apart(&rig);
        // The far shard is away while the watch is on its way.
        let mut other = rig.connect(0);
        other.send(&format!("MSET {near} 1 {far} 1"));
        let mut peer = rig.connect(0);
        peer.send(&format!("WATCH {far} {near}"));
        (0..turns).for_each(|turn| rig.turn(turn % 2));
        drop(peer);
        rig.settle();
        assert!(rig.watches_nothing(), "after {turns} turns");
    }
}

#[test]
fn replies_keep_their_order_around_a_transaction() {
    let mut rig = Rig::new(3, 6, 1, &[]);
    let (near, far) = keys_apart(&rig);
    let mut peer = rig.connect(0);
    rig.ask(&mut peer, &format!("MSET {near} n {far} f"));
    let requests = [
        format!("GET {far}"),
        "MULTI".into(),
        format!("APPEND {far} 1"),
        "CLIENT LIST".into(),
        format!("APPEND {near} 1"),
        "ECHO x".into(),
        "INFO clients".into(),
        "EXEC".into(),
        format!("GET {far}"),
        "PING".into(),
        format!("GET {near}"),
    ];
    let together: Vec<u8> =
        requests.iter().flat_map(|request| format!("{request}\r\n").into_bytes()).collect();
    peer.received.clear();
    peer.send_raw(&together);
    rig.settle();
    peer.pump();
    let text = peer.text().replace("\r\n", " ");
    let mut from = 0;
    for part in [
        "$1 f +OK +QUEUED +QUEUED +QUEUED +QUEUED +QUEUED *5 :2 $",
        "id=1 ",
        "flags=xU ",
        "multi=5 ",
        " :2 $1 x $",
        "# Clients",
        "$2 f1 +PONG $2 n1 ",
    ] {
        from += text[from..].find(part).unwrap_or_else(|| panic!("{part} after {} in {text}", &text[..from]));
    }
    assert!(text.ends_with("$2 f1 +PONG $2 n1 "), "{text}");
    assert!(rig.ask(&mut peer, "CLIENT INFO").contains("multi=-1"));
}

#[test]
fn what_follows_a_refused_exec_in_a_pipeline_is_not_queued() {
    let mut rig = Rig::new(1, 2, 1, &[]);
    let mut peer = rig.connect(0);
    peer.send_raw(
        b"MULTI\r\nPING\r\nEXEC x\r\nPING\r\nMULTI\r\nGET\r\nPING\r\nRESET\r\nPING\r\nMULTI\r\nEXEC\r\n",
    );
    assert_eq!(
        rig.ask(&mut peer, "PING"),
        "+OK +QUEUED -EXECABORT Transaction discarded because of: wrong number of arguments for 'exec' command +PONG \
         +OK -ERR wrong number of arguments for 'get' command +QUEUED +RESET +PONG +OK *0 +PONG"
    );
}

#[test]
fn a_muted_transaction_runs() {
    let mut rig = Rig::new(2, 4, 1, &[]);
    let (near, far) = keys_apart(&rig);
    let mut peer = rig.connect(0);
    for key in [&near, &far] {
        let append = format!("APPEND {key} x");
        // The reply to EXEC alone is left out, and all of it.
        let replies = ask_all(
            &mut rig,
            &mut peer,
            &["MULTI", &append, "CLIENT INFO", "CLIENT REPLY SKIP", "ECHO 1", "EXEC", "ECHO 2", "ECHO 3"],
        );
        assert_eq!(replies[4], "+QUEUED", "SKIP waits for EXEC");
        assert!(replies[5].starts_with("*4 :1 $") && replies[5].ends_with(" $1 1"), "{}", replies[5]);
        assert_eq!(replies[6..], ["", "$1 3"], "and then concerns the next command");
        let replies = ask_all(
            &mut rig,
            &mut peer,
            &[
                "CLIENT REPLY OFF",
                "MULTI",
                &append,
                "CLIENT INFO",
                "EXEC",
                "CLIENT REPLY ON",
                &format!("GET {key}"),
            ],
        );
        assert_eq!(replies, ["", "", "", "", "", "+OK", "$2 xx"]);
        let replies = ask_all(&mut rig, &mut peer, &["CLIENT REPLY SKIP", "MULTI", &append, "EXEC", "PING"]);
        assert_eq!(replies, ["", "", "+QUEUED", "*1 :3", "+PONG"]);
        ask_all(&mut rig, &mut peer, &["MULTI", &append]);
        peer.send_raw(b"CLIENT REPLY SKIP\r\n");
        assert_eq!(rig.ask(&mut peer, "EXEC"), "+QUEUED *1 :4".replace("*1 :4", "*2 :4"));
        assert_eq!(ask_all(&mut rig, &mut peer, &["PING", "PING"]), ["", "+PONG"]);
    }
}

#[test]
fn a_transaction_that_runs_out_of_memory_has_not_happened() {
    let mut rig = Rig::new(2, 4, 1, &[]);
    let (near, far) = keys_apart(&rig);
    let mut peer = rig.connect(0);
    let long = "x".repeat(6 << 20);
    let set = format!("SET {near} 1");
    ask_all(&mut rig, &mut peer, &["MULTI", &set, "SELECT 2"]);
    for request in
        [format!("SET {far} {long}"), format!("SET {{{far}}} {long}"), format!("APPEND {far} {long}")]
    {
        assert_eq!(ask_long(&mut rig, &mut peer, &request), "+QUEUED");
    }
    let exists = format!("EXISTS {near} {far}");
    let replies = ask_all(&mut rig, &mut peer, &["CLIENT LIST", "EXEC", &exists, "CLIENT INFO"]);
    assert_eq!(
        replies[1],
        "-EXECABORT Transaction discarded because of: OOM command not allowed when used memory > 'maxmemory'."
    );
    assert_eq!(replies[2], ":0");
    assert!(replies[3].contains(" db=0 ") && replies[3].contains(" multi=-1 "), "{}", replies[3]);
}

#[test]
fn a_queue_counts_as_input() {
    let mut rig = Rig::new(1, 1, 1, &["--client-query-buffer-limit", "1mb"]);
    let mut peer = rig.connect(0);
    let part = format!("SET k {}", "x".repeat(400_000));
    rig.ask(&mut peer, "MULTI");
    assert_eq!(ask_long(&mut rig, &mut peer, &part), "+QUEUED");
    assert_eq!(ask_long(&mut rig, &mut peer, &part), "+QUEUED");
    assert_eq!(rig.ask(&mut peer, "PING"), "+QUEUED");
    assert_eq!(ask_long(&mut rig, &mut peer, &part), "");
    assert!(peer.closed);
}

#[test]
fn money_is_neither_made_nor_lost() {
    for (worker_count, ring_capacity) in [(1, 4), (2, 1), (3, 2)] {
        let shard_count = 2 * worker_count;
        let mut random = Random::seeded();
        let mut rig = Rig::new(worker_count, shard_count, ring_capacity, &[]);
        let keys: Vec<String> = (0..shard_count as u16).map(|shard| rig.key_on(shard, 0)).collect();
        let mut peers: Vec<Peer> = (0..2 * worker_count).map(|nth| rig.connect(nth % worker_count)).collect();
        let (mut sent, mut looks) = (0, 0);
        for round in 0.. {
            assert!(round < 100_000, "somebody waits for ever");
            let nth = (random.next() % peers.len() as u64) as usize;
            if round < 2000 {
                let mut key = || &keys[(random.next() % keys.len() as u64) as usize];
                let (from, to) = (key().clone(), key().clone());
                let request = if round % 3 == 0 {
                    format!("MULTI\r\nMGET {}\r\nEXEC\r\n", keys.join(" "))
                } else {
                    format!("WATCH {from}\r\nMULTI\r\nINCRBY {from} -7\r\nINCRBY {to} 7\r\nEXEC\r\n")
                };
                peers[nth].send_raw(request.as_bytes());
                sent += 1;
            }
            for _ in 0..1 + random.next() % 4 {
                rig.turn((random.next() % worker_count as u64) as usize);
            }
            peers.iter_mut().for_each(Peer::pump);
            if round >= 2000 {
                let ends = |peer: &Peer| peer.text().matches("+QUEUED\r\n*").count();
                if peers.iter().map(ends).sum::<usize>() == sent {
                    break;
                }
            }
        }
        for peer in &peers {
            for look in peer.text().split(&format!("*1\r\n*{}\r\n", keys.len())).skip(1) {
                let values = look.split("\r\n").filter(|line| !line.starts_with("$") || *line == "$-1");
                let number = |line: &str| if line == "$-1" { 0 } else { line.parse().expect("a number") };
                assert_eq!(values.take(keys.len()).map(number).sum::<i64>(), 0, "{look}");
                looks += 1;
            }
        }
        assert!(looks > 300, "{looks}");
        rig.settle();
        assert!(rig.watches_nothing());
        assert!(rig.placement.shards().all(|shard: ShardId| {
            let owner = rig.placement.owner(shard).index();
            rig.workers[owner].berths.is_home(shard)
        }));
    }
}
