//! Requests that wait for keys are served: once, in the order of arrival, wherever keys, clients and destinations live.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::super::random::Random;
use super::replies;
use super::rig::{Peer, Rig};

/// How many clients wait, as INFO counts them.
fn blocked(rig: &Rig) -> u64 {
    rig.workers.iter().map(|worker| worker.executor.counters.clients_blocked.get()).sum()
}

/// A client that asks and has not been answered, or one that is free.
struct Asker {
    peer: Peer,
    asked: Option<Vec<String>>,
}

/// Values are made once, so that each one's way can be followed.
#[derive(Default)]
struct Ledger {
    made: u64,
    out: BTreeMap<String, u64>,
}

#[test]
fn no_wake_up_is_lost_and_no_value_is_given_twice() {
    for (worker_count, shard_count, ring_capacity) in [(1, 4, 4), (2, 4, 1), (3, 6, 2), (4, 8, 8)] {
        for _ in 0..3 {
            play(worker_count, shard_count, ring_capacity);
        }
    }
}

fn play(worker_count: usize, shard_count: usize, ring_capacity: usize) {
    let mut random = Random::seeded();
    let mut below = move |limit: usize| (random.next() % limit as u64) as usize;
    let mut rig = Rig::new(worker_count, shard_count, ring_capacity, &[]);
    let keys: Vec<String> = (0..4).map(|nth| rig.key_on((nth * shard_count / 4) as u16, nth)).collect();
    let mut askers: Vec<Asker> =
        (0..8).map(|nth| Asker { peer: rig.connect(nth % worker_count), asked: None }).collect();
    let mut looker = rig.connect(0);
    let mut ledger = Ledger::default();
    for round in 0..600 {
        let nth = below(askers.len());
        if askers[nth].asked.is_none() {
            let some: Vec<&str> = (0..=below(3)).map(|_| &*keys[below(keys.len())]).collect();
            let (one, other) = (some[0], &*keys[below(keys.len())]);
            ledger.made += 1;
            let value = format!("v{}", ledger.made);
            let request = match below(12) {
                0 | 1 => format!("BLPOP {} 0", some.join(" ")),
                2 => format!("BRPOP {} 0", some.join(" ")),
                3 => format!("BLMPOP 0 {} {} LEFT COUNT 1", some.len(), some.join(" ")),
                4 => format!("BLMOVE {one} {other} LEFT RIGHT 0"),
                5 => format!("LMOVE {one} {other} LEFT RIGHT"),
                6 => format!("LPOP {one}"),
                7 => format!("RENAME {one} {other}"),
                8 => format!("DEL {one}"),
                _ => format!("RPUSH {one} {value}"),
            };
            askers[nth].peer.send(&request);
            askers[nth].asked = Some(request.split(' ').map(str::to_owned).collect());
        }
        for _ in 0..1 + below(4) {
            rig.turn(below(worker_count));
        }
        if round % 15 == 0 {
            rig.settle();
        }
        askers.iter_mut().for_each(|asker| hear(asker, &mut ledger));
        if round % 15 == 0 {
            check_that_nobody_waits_in_vain(&mut rig, &askers, &keys, &mut looker);
        }
    }
    // Feeds those who still wait.
    for number in 0..1000 {
        rig.settle();
        askers.iter_mut().for_each(|asker| hear(asker, &mut ledger));
        if askers.iter().all(|asker| asker.asked.is_none()) {
            assert_eq!(blocked(&rig), 0);
            return;
        }
        let key = &keys[number % keys.len()];
        rig.ask(&mut looker, &format!("RPUSH {key} feed{number}"));
    }
    panic!("somebody waits for ever");
}

/// Takes a client's reply and follows the value in it.
fn hear(asker: &mut Asker, ledger: &mut Ledger) {
    asker.peer.pump();
    for reply in replies(&mut asker.peer) {
        let asked = asker.asked.take().expect("a reply that was asked for");
        let takes_out = matches!(&*asked[0], "BLPOP" | "BRPOP" | "BLMPOP" | "LPOP");
        let value = reply.split(' ').next_back().unwrap_or_default();
        if takes_out && value.starts_with('v') {
            let times = ledger.out.entry(value.to_owned()).or_default();
            *times += 1;
            assert_eq!(*times, 1, "{value} was given twice");
        }
        let fails = reply.starts_with('-') && !reply.starts_with("-ERR no such key");
        assert!(!fails, "{asked:?}: {reply}");
    }
}

/// Everything has settled: a list that has elements has nobody who waits for it.
fn check_that_nobody_waits_in_vain(rig: &mut Rig, askers: &[Asker], keys: &[String], looker: &mut Peer) {
    let waits = askers.iter().filter(|asker| asker.asked.is_some()).count() as u64;
    assert_eq!(blocked(rig), waits, "who has no answer waits for a key");
    for key in keys {
        let len = rig.ask(looker, &format!("LLEN {key}"));
        let waiting = askers.iter().filter_map(|asker| asker.asked.as_ref()).find(|asked| match &*asked[0] {
            "BLMOVE" => asked[1] == *key,
            _ => asked.contains(key),
        });
        assert!(len == ":0" || waiting.is_none(), "{waiting:?} waits while {key} has {len} elements");
    }
}

#[test]
fn first_come_first_served_from_every_worker() {
    let mut rig = Rig::new(3, 3, 4, &[]);
    let key = rig.key_on(1, 0);
    let mut peers: Vec<Peer> = (0..9).map(|nth| rig.connect(nth % 3)).collect();
    for peer in &mut peers {
        peer.send(&format!("BLPOP {key} 0"));
        rig.settle();
    }
    let mut pusher = rig.connect(2);
    for number in 0..9 {
        assert_eq!(rig.ask(&mut pusher, &format!("RPUSH {key} {number}")), ":1");
        assert_eq!(rig.ask(&mut pusher, &format!("LLEN {key}")), ":0");
    }
    for (number, peer) in peers.iter_mut().enumerate() {
        peer.pump();
        assert_eq!(replies(peer), [format!("{key} {number}")]);
    }
}

#[test]
fn whoever_pushes_finds_the_waiter_served() {
    // The destination is on another worker: the pusher's next command comes after the move.
    for (source, destination) in [(0, 1), (1, 0)] {
        let mut rig = Rig::new(2, 2, 4, &[]);
        let (from, to) = (rig.key_on(source, 0), rig.key_on(destination, 0));
        let (mut mover, mut pusher) = (rig.connect(0), rig.connect(1));
        for _ in 0..20 {
            mover.send(&format!("BLMOVE {from} {to} LEFT RIGHT 0"));
            rig.settle();
            pusher.send_raw(format!("RPUSH {from} x\r\nLLEN {from}\r\n").as_bytes());
            rig.settle();
            pusher.pump();
            mover.pump();
            assert_eq!(replies(&mut pusher), [":1", ":0"]);
            assert_eq!(replies(&mut mover), ["x"]);
        }
        assert_eq!(rig.ask(&mut pusher, &format!("LLEN {to}")), ":20");
    }
}

#[test]
fn a_client_that_leaves_takes_nothing_along() {
    let mut rig = Rig::new(2, 2, 4, &[]);
    for shard in 0..2 {
        let key = rig.key_on(shard, 0);
        let (leaver, mut pusher) = (rig.connect(0), rig.connect(1));
        let mut leaver = leaver;
        leaver.send(&format!("BLPOP {key} 0"));
        rig.settle();
        assert_eq!(blocked(&rig), 1);
        drop(leaver);
        rig.settle();
        assert_eq!(blocked(&rig), 0);
        assert_eq!(rig.ask(&mut pusher, &format!("RPUSH {key} x")), ":1");
        assert_eq!(rig.ask(&mut pusher, &format!("LRANGE {key} 0 -1")), "*1 $1 x");
    }
}

#[test]
fn a_wait_ends_in_its_millisecond() {
    let mut rig = Rig::new(2, 2, 4, &[]);
    let key = rig.key_on(1, 0);
    let mut peer = rig.connect(0);
    let begin = Instant::now();
    peer.send(&format!("BLPOP {key} 0.05"));
    while peer.received.is_empty() {
        assert!(begin.elapsed() < Duration::from_secs(30), "the wait does not end");
        rig.turn(0);
        rig.turn(1);
        peer.pump();
    }
    assert!(begin.elapsed() >= Duration::from_millis(49), "too early: {:?}", begin.elapsed());
    assert_eq!(peer.text(), "*-1\r\n");
    assert_eq!(blocked(&rig), 0);
}

#[test]
fn a_waiter_that_needs_another_shard_comes_before_the_next_call_of_a_pipeline() {
    let mut rig = Rig::new(1, 2, 4, &[]);
    let (from, to) = (rig.key_on(0, 0), rig.key_on(1, 0));
    let (mut waiter, mut pusher) = (rig.connect(0), rig.connect(0));
    waiter.send(&format!("BLMOVE {from} {to} LEFT RIGHT 0"));
    rig.settle();
    pusher.send_raw(format!("RPUSH {from} a\r\nRPUSH {from} b\r\nRPUSH {from} c\r\n").as_bytes());
    rig.settle();
    pusher.pump();
    waiter.pump();
    assert_eq!(pusher.text(), ":1\r\n:1\r\n:2\r\n");
    assert_eq!(waiter.text(), "$1\r\na\r\n");
}
