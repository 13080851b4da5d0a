//! Elements that are searched for ahead of their commands are found, or not, as if they were not.

use std::collections::BTreeMap;

use super::super::random::Random;
use super::replies;
use super::rig::{Peer, Rig};

/// Fields of keys, as they should be: a set's have no values.
type Plain = BTreeMap<String, BTreeMap<String, String>>;

/// Sends requests together; their replies.
fn ask_together(rig: &mut Rig, peer: &mut Peer, requests: &[String]) -> Vec<String> {
    requests.iter().for_each(|request| peer.send(request));
    rig.settle();
    peer.pump();
    replies(peer)
}

/// A request about one of 900 elements of a hash or a set, and the reply that it should get.
fn request(random: &mut Random, plain: &mut Plain, hash: &str, set: &str) -> (String, String) {
    let mut below = |limit: u64| random.next() % limit;
    let name = format!("element:{}", below(900));
    let value = format!("{:0width$}", below(1000), width = if below(9) == 0 { 30 } else { 6 });
    let counted = |yes: bool| format!(":{}", u8::from(yes));
    let kind = below(20);
    let key = if kind < 11 { hash } else { set };
    let elements = plain.entry(key.to_owned()).or_default();
    let own = elements.get(&name).cloned();
    match kind {
        0..4 => {
            elements.insert(name.clone(), value.clone());
            (format!("HSET {hash} {name} {value}"), counted(own.is_none()))
        }
        4..7 => (format!("HGET {hash} {name}"), own.unwrap_or_else(|| "$-1".into())),
        7 => (format!("HEXISTS {hash} {name}"), counted(own.is_some())),
        8 => (format!("HSTRLEN {hash} {name}"), format!(":{}", own.map_or(0, |own| own.len()))),
        9 => (format!("HMGET {hash} {name} none"), format!("{} $-1", own.unwrap_or_else(|| "$-1".into()))),
        10 => {
            elements.remove(&name);
            (format!("HDEL {hash} {name}"), counted(own.is_some()))
        }
        11..15 => {
            elements.insert(name.clone(), String::new());
            (format!("SADD {set} {name}"), counted(own.is_none()))
        }
        15..18 => (format!("SISMEMBER {set} {name}"), counted(own.is_some())),
        18 => (format!("SMISMEMBER {set} {name} none"), format!("{} :0", counted(own.is_some()))),
        _ => {
            elements.remove(&name);
            (format!("SREM {set} {name}"), counted(own.is_some()))
        }
    }
}

#[test]
fn what_is_searched_for_ahead_is_what_is_there() {
    let mut rig = Rig::new(1, 2, 4, &[]);
    // Both kinds on one shard, and on two.
    let (near, far) = ([rig.key_on(0, 0), rig.key_on(0, 1)], [rig.key_on(0, 2), rig.key_on(1, 0)]);
    let mut peer = rig.connect(0);
    let (mut random, mut plain, mut other_plain) = (Random::seeded(), Plain::new(), Plain::new());
    for round in 0..400 {
        let [hash, set] = if round % 3 == 0 { &far } else { &near };
        let (mut requests, mut expected) = (Vec::new(), Vec::new());
        // At first nearly all are new, then nearly all are there.
        for _ in 0..(1 + random.next() % 90) {
            // What the requests behind it find is not what was searched in.
            if random.next() % 100 == 0 {
                std::mem::swap(&mut plain, &mut other_plain);
                requests.push("SWAPDB 0 1".into());
                expected.push("+OK".into());
            }
            let (request, reply) = request(&mut random, &mut plain, hash, set);
            requests.push(request);
            expected.push(reply);
        }
        if round % 50 == 49 {
            requests.push(format!("RENAME {hash} {hash}:old"));
            expected.push("+OK".into());
            requests.push(format!("COPY {hash}:old {hash}"));
            expected.push(":1".into());
            requests.push(format!("DEL {hash}:old"));
            expected.push(":1".into());
        }
        let found = ask_together(&mut rig, &mut peer, &requests);
        for ((request, reply), expected) in requests.iter().zip(&found).zip(&expected) {
            assert_eq!(reply, expected, "{request}");
        }
        assert_eq!(found.len(), expected.len());
    }
}
