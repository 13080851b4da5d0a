//! Replies come in the order of the requests, wherever these run, and a client sees its own writes.

use std::collections::BTreeMap;

use super::super::random::Random;
use super::rig::{Peer, Rig};

#[test]
fn a_client_is_served_by_its_own_worker() {
    let mut rig = Rig::new(1, 4, 16, &[]);
    let mut peer = rig.connect(0);
    assert_eq!(rig.ask(&mut peer, "PING"), "+PONG");
    assert_eq!(rig.ask(&mut peer, "SET a 1"), "+OK");
    assert_eq!(rig.ask(&mut peer, "GET a"), "$1 1");
    assert_eq!(rig.ask(&mut peer, "MSET a 2 b 3 c 4"), "+OK");
    assert_eq!(rig.ask(&mut peer, "MGET a b c d"), "*4 $1 2 $1 3 $1 4 $-1");
    assert_eq!(rig.ask(&mut peer, "DBSIZE"), ":3");
    assert_eq!(rig.ask(&mut peer, "FLUSHALL"), "+OK");
    assert_eq!(rig.ask(&mut peer, "DBSIZE"), ":0");
    assert_eq!(rig.ask(&mut peer, "NOPE x"), "-ERR unknown command 'NOPE', with args beginning with: 'x'");
}

#[test]
fn every_worker_serves_every_key() {
    let mut rig = Rig::new(3, 9, 4, &[]);
    for asker in 0..3 {
        let mut peer = rig.connect(asker);
        for shard in 0..9 {
            let key = rig.key_on(shard, asker);
            assert_eq!(rig.ask(&mut peer, &format!("SET {key} {shard}")), "+OK");
            assert_eq!(rig.ask(&mut peer, &format!("INCR {key}")), format!(":{}", shard + 1));
        }
        assert_eq!(rig.ask(&mut peer, "DBSIZE"), format!(":{}", 9 * (asker + 1)));
    }
}

#[test]
fn a_command_that_is_under_way_uses_up_the_skip_of_a_reply() {
    let mut rig = Rig::new(2, 2, 4, &[]);
    let (here, there) = (rig.key_on(0, 0), rig.key_on(1, 0));
    let mut peer = rig.connect(0);
    peer.send_raw(format!("CLIENT REPLY SKIP\r\nMGET {here} {there}\r\nPING\r\n").as_bytes());
    assert_eq!(rig.ask(&mut peer, "ECHO x"), "+PONG $1 x");
}

#[test]
fn a_command_without_keys_waits_for_what_is_under_way() {
    let mut rig = Rig::new(2, 2, 4, &[]);
    let (here, there) = (rig.key_on(0, 0), rig.key_on(1, 0));
    let mut peer = rig.connect(0);
    for request in [
        format!("SET {here} 1"),
        format!("SET {there} 2"),
        "PING".into(),
        format!("GET {here}"),
        "SELECT 1".into(),
        format!("GET {there}"),
        "SELECT 0".into(),
        format!("GET {there}"),
        format!("MGET {there} {here}"),
        "ECHO end".into(),
    ] {
        peer.send(&request);
    }
    rig.settle();
    peer.pump();
    let expected = "+OK\r\n+OK\r\n+PONG\r\n$1\r\n1\r\n+OK\r\n$-1\r\n+OK\r\n$1\r\n2\r\n*2\r\n$1\r\n2\r\n$1\r\n1\r\n$3\r\nend\r\n";
    assert_eq!(peer.text(), expected);
}

#[test]
fn requests_that_begin_like_those_before_them_are_told_apart() {
    let lines = |requests: &[&str]| format!("{}\r\n", requests.join("\r\n"));
    let arrays = |requests: &[&str]| {
        let words =
            |request: &str| request.replace('"', "").split(' ').map(str::to_owned).collect::<Vec<_>>();
        let array = |words: Vec<String>| {
            let bulks: String = words.iter().map(|word| format!("${}\r\n{word}\r\n", word.len())).collect();
            format!("*{}\r\n{bulks}", words.len())
        };
        requests.iter().map(|request| array(words(request))).collect::<String>()
    };
    let mixed = |requests: &[&str]| {
        let (first, rest) = requests.split_at(requests.len() / 2);
        [arrays(&first[..3]), lines(&first[3..]), arrays(rest)].concat()
    };
    told_apart(&lines, usize::MAX);
    for cut in (1..700).step_by(9) {
        told_apart(&arrays, cut);
        told_apart(&mixed, cut);
    }
}

/// Sends requests of the same beginnings in two parts, in the form that `encoded` gives them.
fn told_apart(encoded: &dyn Fn(&[&str]) -> String, cut: usize) {
    let mut rig = Rig::new(2, 2, 4, &[]);
    let (key, other) = (rig.key_on(0, 0), rig.key_on(1, 0));
    let mut peer = rig.connect(0);
    let conversation = [
        (format!("SET {key} 1"), "+OK"),
        (format!("SET {key}"), "-ERR wrong number of arguments for 'set' command"),
        (format!("SET {key} 2"), "+OK"),
        (format!("set {key} 3 XX"), "+OK"),
        (format!("SETEX {key} 100"), "-ERR wrong number of arguments for 'setex' command"),
        (format!("GET {key}"), "$1\r\n3"),
        (format!("GET {key}"), "$1\r\n3"),
        (format!("GET {key}"), "$1\r\n3"),
        (format!("GET {other}"), "$-1"),
        (format!("GET {key}"), "$1\r\n3"),
        (format!("GET \"{key}\""), "$1\r\n3"),
        (format!("GET {key}x"), "$-1"),
        (format!("APPEND {key} 4"), ":2"),
        (format!("APPEND {key} 5"), ":3"),
        (format!("APPEND {key} 6"), ":4"),
        (format!("APPEND {other} 7"), ":1"),
        (format!("DEL {key} {other}"), ":2"),
        (format!("DEL {key} {other}"), ":0"),
        (format!("SET {key} 3"), "+OK"),
        ("CONFIG NOPE".into(), "-ERR unknown subcommand 'NOPE'. Try CONFIG HELP."),
        ("CONFIG GET no-such-setting".into(), "*0"),
        ("COMMAND COUNT x".into(), "-ERR wrong number of arguments for 'command|count' command"),
        ("SELECT 1".into(), "+OK"),
        (format!("GET {key}"), "$-1"),
        ("PING".into(), "+PONG"),
        ("PING".into(), "+PONG"),
        ("PING x".into(), "$1\r\nx"),
    ];
    let requests: Vec<&str> = conversation.iter().map(|(request, _)| request.as_str()).collect();
    let bytes = encoded(&requests).into_bytes();
    let (first, rest) = bytes.split_at(cut.min(bytes.len()));
    for part in [first, rest] {
        peer.send_raw(part);
        rig.settle();
        peer.pump();
    }
    let expected: String = conversation.iter().map(|(_, reply)| format!("{reply}\r\n")).collect();
    assert_eq!(peer.text(), expected, "cut at {cut}");
}

#[test]
fn what_was_asked_together_is_answered_in_one_write() {
    let mut rig = Rig::new(2, 2, 4, &[]);
    let (here, there) = (rig.key_on(0, 0), rig.key_on(1, 0));
    let mut peer = rig.connect(0);
    rig.settle();
    let writes = rig.writes(0);
    peer.send_raw(format!("SET {here} 1\r\nSET {there} 2\r\nGET {here}\r\n").as_bytes());
    rig.settle();
    peer.pump();
    assert_eq!(peer.text(), "+OK\r\n+OK\r\n$1\r\n1\r\n");
    assert_eq!(rig.writes(0), writes + 1);
}

#[test]
fn a_reply_does_not_wait_long_for_one_that_takes_long() {
    let mut rig = Rig::new(2, 2, 4, &[]);
    let (here, there) = (rig.key_on(0, 0), rig.key_on(1, 0));
    let mut peer = rig.connect(0);
    peer.send_raw(format!("SET {here} 1\r\nSET {there} 2\r\n").as_bytes());
    let begin = std::time::Instant::now();
    // The other worker does nothing at all.
    while peer.text().is_empty() {
        assert!(begin.elapsed().as_secs() < 30, "the first reply waits for the second");
        rig.turn(0);
        peer.pump();
    }
    assert_eq!(peer.text(), "+OK\r\n");
    rig.settle();
    peer.pump();
    assert_eq!(peer.text(), "+OK\r\n+OK\r\n");
}

/// What one client has done to its keys, and what it must be told.
struct Story {
    worker: usize,
    peer: Peer,
    keys: Vec<String>,
    values: BTreeMap<String, String>,
    expected: String,
    left: usize,
}

impl Story {
    /// Sends a random command; notes the reply that it must get.
    fn go_on(&mut self, random: &mut Random) {
        let mut pick = |below: usize| (random.next() % below as u64) as usize;
        let key = self.keys[pick(self.keys.len())].clone();
        let other = self.keys[pick(self.keys.len())].clone();
        let bulk = |value: Option<&String>| match value {
            Some(value) => format!("${}\r\n{value}\r\n", value.len()),
            None => "$-1\r\n".into(),
        };
        let (request, reply) = match pick(12) {
            0..3 => {
                let value = format!("v{}", pick(1000));
                self.values.insert(key.clone(), value.clone());
                (format!("SET {key} {value}"), "+OK\r\n".into())
            }
            3..6 => (format!("GET {key}"), bulk(self.values.get(&key))),
            6 => {
                let (one, two) = (format!("m{}", pick(1000)), format!("n{}", pick(1000)));
                self.values.insert(key.clone(), one.clone());
                self.values.insert(other.clone(), two.clone());
                (format!("MSET {key} {one} {other} {two}"), "+OK\r\n".into())
            }
            7 => {
                let values = [&key, &other].map(|key| bulk(self.values.get(key)));
                (format!("MGET {key} {other}"), format!("*2\r\n{}{}", values[0], values[1]))
            }
            8 => {
                let gone = [&key, &other].iter().filter(|key| self.values.remove(**key).is_some()).count();
                (format!("DEL {key} {other}"), format!(":{gone}\r\n"))
            }
            9 => {
                // More keys than memory is asked for in advance, the same ones often.
                let keys: Vec<&str> =
                    (0..1 + pick(300)).map(|_| &*self.keys[pick(self.keys.len())]).collect();
                let there = keys.iter().filter(|key| self.values.contains_key(**key)).count();
                (format!("EXISTS {}", keys.join(" ")), format!(":{there}\r\n"))
            }
            10 => {
                let mut request = "MSET".to_owned();
                for nth in 0..1 + pick(300) {
                    let key = &self.keys[pick(self.keys.len())];
                    self.values.insert(key.clone(), format!("w{nth}"));
                    request.push_str(&format!(" {key} w{nth}"));
                }
                (request, "+OK\r\n".into())
            }
            _ => ("PING".into(), "+PONG\r\n".into()),
        };
        self.peer.send(&request);
        self.expected.push_str(&reply);
        self.left -= 1;
    }
}

/// Clients with keys of their own play random stories while the workers turn in random order.
fn play(worker_count: usize, ring_capacity: usize, flags: &[&str], commands: usize) {
    let mut random = Random::seeded();
    let mut rig = Rig::new(worker_count, 2 * worker_count + 1, ring_capacity, flags);
    let mut stories: Vec<Story> = (0..4)
        .map(|nth| Story {
            worker: nth % worker_count,
            peer: rig.connect(nth % worker_count),
            keys: (0..12).map(|key| format!("{nth}:{key}")).collect(),
            values: BTreeMap::new(),
            expected: String::new(),
            left: commands,
        })
        .collect();
    while stories.iter().any(|story| story.left > 0) {
        let story = &mut stories[(random.next() % 4) as usize];
        for _ in 0..(random.next() % 40).min(story.left as u64) {
            story.go_on(&mut random);
        }
        for _ in 0..random.next() % 6 {
            rig.turn((random.next() % worker_count as u64) as usize);
        }
        stories.iter_mut().for_each(|story| story.peer.pump());
    }
    while stories.iter().any(|story| story.peer.received.len() < story.expected.len()) {
        rig.settle();
        let received =
            |stories: &[Story]| stories.iter().map(|story| story.peer.received.len()).sum::<usize>();
        let before = received(&stories);
        stories.iter_mut().for_each(|story| story.peer.pump());
        assert!(received(&stories) > before, "somebody waits for ever");
    }
    for story in stories {
        let text = story.peer.text();
        let same = text.bytes().zip(story.expected.bytes()).take_while(|(is, should)| is == should).count();
        let end = |text: &str| text[same..].chars().take(80).collect::<String>();
        assert!(
            text == story.expected,
            "client of worker {} is told {:?} instead of {:?}",
            story.worker,
            end(&text),
            end(&story.expected)
        );
    }
}

#[test]
fn random_stories_come_out_right_on_any_number_of_workers() {
    for worker_count in 1..=4 {
        play(worker_count, 64, &[], 1500);
    }
}

#[test]
fn full_rings_delay_and_lose_nothing() {
    play(2, 1, &[], 1500);
    play(3, 1, &[], 1500);
    play(3, 2, &[], 1500);
}

#[test]
fn strict_order_gives_the_same_answers() {
    play(3, 4, &["--pipeline-order", "strict"], 1000);
}
