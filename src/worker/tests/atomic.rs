//! Commands on several shards happen at once or not at all, whoever looks.

use super::super::random::Random;
use super::replies;
use super::rig::{Peer, Rig};

#[test]
fn nobody_sees_half_of_an_mset() {
    for (worker_count, ring_capacity) in [(2, 1), (3, 1), (3, 8), (4, 2)] {
        let shard_count = 2 * worker_count;
        let mut random = Random::seeded();
        let mut rig = Rig::new(worker_count, shard_count, ring_capacity, &[]);
        let keys: Vec<String> = (0..shard_count as u16).map(|shard| rig.key_on(shard, 0)).collect();
        let mut peers: Vec<Peer> = (0..2 * worker_count).map(|nth| rig.connect(nth % worker_count)).collect();
        let (mut asked, mut answered, mut looked) = (0, 0, 0);
        let mut round = 0;
        while answered < asked || round < 1500 {
            round += 1;
            assert!(round < 100_000, "somebody waits for ever");
            let nth = (random.next() % peers.len() as u64) as usize;
            if round < 1500 {
                // Any of the keys, in any order: transactions want overlapping sets of shards.
                let offset = (random.next() % keys.len() as u64) as usize;
                let mut some: Vec<&str> = keys.iter().map(String::as_str).collect();
                some.rotate_left(offset);
                let request = match random.next() % 12 {
                    0..5 => {
                        let pairs: Vec<String> = some.iter().map(|key| format!("{key} {round}")).collect();
                        format!("MSET {}", pairs.join(" "))
                    }
                    5..10 => format!("MGET {}", some.join(" ")),
                    10 => "FLUSHALL".into(),
                    _ => format!("DEL {}", some.join(" ")),
                };
                peers[nth].send(&request);
                asked += 1;
            }
            for _ in 0..1 + random.next() % 4 {
                rig.turn((random.next() % worker_count as u64) as usize);
            }
            for peer in &mut peers {
                peer.pump();
                for reply in replies(peer) {
                    answered += 1;
                    assert!(!reply.starts_with('-'), "{reply}");
                    let values: Vec<&str> = reply.split(' ').collect();
                    if values.len() > 1 {
                        looked += 1;
                        assert!(values.iter().all(|value| *value == values[0]), "torn: {reply}");
                    }
                }
            }
        }
        assert!(looked > 100, "nobody looked");
    }
}

#[test]
fn a_transaction_is_done_though_its_client_has_gone() {
    let mut rig = Rig::new(3, 6, 4, &[]);
    let keys: Vec<String> = (0..6).map(|shard| rig.key_on(shard, 0)).collect();
    let pairs: Vec<String> = keys.iter().map(|key| format!("{key} x")).collect();
    let mut client = rig.connect(0);
    client.send(&format!("MSET {}", pairs.join(" ")));
    // The first shards are taken, the others asked for.
    rig.turn(0);
    drop(client);
    rig.settle();
    assert_eq!(rig.node.client_count(), 0);
    let mut other = rig.connect(1);
    assert_eq!(rig.ask(&mut other, &format!("MGET {}", keys.join(" "))), "*6 $1 x $1 x $1 x $1 x $1 x $1 x");
}

#[test]
fn requests_for_a_shard_on_loan_wait_and_all_others_go_on() {
    let mut rig = Rig::new(2, 4, 4, &[]);
    let keys: Vec<String> = (0..4).map(|shard| rig.key_on(shard, 0)).collect();
    let (mut borrower, mut owner) = (rig.connect(0), rig.connect(1));
    // Worker 0 takes its own shard 0 and asks worker 1 for shard 3.
    borrower.send(&format!("MSET {} new {} new", keys[0], keys[3]));
    rig.turn(0);
    // Worker 1 lends shard 3. Now its own client wants both of its shards.
    rig.turn(1);
    owner.send(&format!("SET {} old", keys[3]));
    owner.send(&format!("SET {} fine", keys[2]));
    rig.turn(1);
    owner.pump();
    assert_eq!(owner.text(), "", "the first waits for its shard, and the second behind it");
    // … but the second has run: another client sees it.
    let mut third = rig.connect(1);
    third.send(&format!("GET {}", keys[2]));
    rig.turn(1);
    rig.turn(1);
    third.pump();
    assert_eq!(third.text(), "$4\r\nfine\r\n");
    rig.settle();
    borrower.pump();
    owner.pump();
    assert_eq!((borrower.text().as_str(), owner.text().as_str()), ("+OK\r\n", "+OK\r\n+OK\r\n"));
    assert_eq!(rig.ask(&mut third, &format!("MGET {} {}", keys[0], keys[3])), "*2 $3 new $3 old");
}
