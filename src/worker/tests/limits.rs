//! What a client may cost: buffers, bad input, idleness; and how it ends.

use super::super::Letter;
use super::super::mail::Report;
use super::rig::Rig;
use crate::dispatch::WorkerId;

#[test]
fn bad_input_is_answered_in_its_turn_and_ends_the_connection() {
    let mut rig = Rig::new(2, 2, 4, &[]);
    let there = rig.key_on(1, 0);
    let mut peer = rig.connect(0);
    peer.send(&format!("SET {there} 1"));
    peer.send_raw(b"*1\r\n:5\r\n");
    rig.settle();
    peer.pump();
    assert_eq!(peer.text(), "+OK\r\n-ERR Protocol error: expected '$', got ':'\r\n");
    assert!(peer.closed);
    assert_eq!(rig.node.client_count(), 0);
}

#[test]
fn inline_requests_and_blank_lines_are_understood() {
    let mut rig = Rig::new(1, 1, 4, &[]);
    let mut peer = rig.connect(0);
    peer.send_raw(b"\r\nSET k \"a b\"\r\n\r\n*0\r\nGET k\r\n");
    rig.settle();
    peer.pump();
    assert_eq!(peer.text(), "+OK\r\n$3\r\na b\r\n");
}

#[test]
fn requests_may_come_byte_by_byte() {
    let mut rig = Rig::new(2, 2, 4, &[]);
    let there = rig.key_on(1, 0);
    let mut peer = rig.connect(0);
    let request =
        format!("*3\r\n$3\r\nSET\r\n${}\r\n{there}\r\n$2\r\nxy\r\nGET {there}\r\nPING\r\n", there.len());
    for byte in request.bytes() {
        peer.send_raw(&[byte]);
        rig.turn(0);
    }
    rig.settle();
    peer.pump();
    assert_eq!(peer.text(), "+OK\r\n$2\r\nxy\r\n+PONG\r\n");
}

#[test]
fn a_client_that_sends_its_end_gets_its_answers_first() {
    let mut rig = Rig::new(2, 2, 4, &[]);
    let there = rig.key_on(1, 0);
    let mut peer = rig.connect(0);
    peer.send(&format!("SET {there} 1"));
    peer.send(&format!("GET {there}"));
    peer.send("DBSIZE");
    peer.finish();
    rig.settle();
    peer.pump();
    assert_eq!(peer.text(), "+OK\r\n$1\r\n1\r\n:1\r\n");
    assert!(peer.closed);
}

#[test]
fn quit_ends_the_connection_after_its_reply() {
    let mut rig = Rig::new(1, 1, 4, &[]);
    let mut peer = rig.connect(0);
    peer.send("QUIT");
    peer.send("PING");
    rig.settle();
    peer.pump();
    assert_eq!((peer.text().as_str(), peer.closed), ("+OK\r\n", true));
}

#[test]
fn long_values_come_and_go_whole() {
    let mut rig = Rig::new(2, 2, 4, &[]);
    let value: Vec<u8> = (0..3_000_000_u32).map(|nth| (nth % 251) as u8).collect();
    for shard in 0..2 {
        let key = rig.key_on(shard, 0);
        let mut peer = rig.connect(0);
        peer.send_words(&[b"SET", key.as_bytes(), &value]);
        while !peer.is_sent() {
            rig.settle();
            peer.pump();
        }
        rig.settle();
        peer.pump();
        assert_eq!(peer.text(), "+OK\r\n");
        peer.received.clear();
        peer.send(&format!("GET {key}"));
        let head = format!("${}\r\n", value.len());
        while peer.received.len() < head.len() + value.len() + 2 {
            rig.settle();
            let before = peer.received.len();
            peer.pump();
            assert!(peer.received.len() > before, "nothing comes any more");
        }
        assert!(peer.received.starts_with(head.as_bytes()));
        assert!(peer.received[head.len()..].starts_with(&value), "shard {shard}");
    }
}

#[test]
fn a_client_over_the_hard_output_limit_is_disconnected() {
    let mut rig = Rig::new(2, 2, 4, &["--client-output-buffer-limit", "normal 1000000 0 0"]);
    let (here, there) = (rig.key_on(0, 0), rig.key_on(1, 0));
    let value = "x".repeat(100_000);
    for key in [&here, &there] {
        let mut greedy = rig.connect(0);
        assert_eq!(rig.ask(&mut greedy, &format!("SET {key} {value}")), "+OK");
        for _ in 0..100 {
            greedy.send(&format!("GET {key}"));
        }
        rig.settle();
        assert_eq!(rig.node.client_count(), 0, "nobody reads the replies");
        greedy.pump();
        assert!(greedy.closed && greedy.received.len() < 10_000_000);
    }
}

#[test]
fn a_client_may_send_all_before_it_reads() {
    let mut rig = Rig::new(2, 2, 4, &[]);
    let (here, there) = (rig.key_on(0, 0), rig.key_on(1, 0));
    let mut peer = rig.connect(0);
    let value = "x".repeat(50_000);
    assert_eq!(rig.ask(&mut peer, &format!("MSET {here} {value} {there} {value}")), "+OK");
    peer.received.clear();
    for nth in 0..400 {
        peer.send(&format!("GET {}", if nth % 2 == 0 { &here } else { &there }));
        rig.turn(nth % 2);
        peer.push();
    }
    while !peer.is_sent() {
        rig.settle();
        peer.push();
    }
    let reply_len = 50_000 + "$50000\r\n\r\n".len();
    while peer.received.len() < 400 * reply_len {
        rig.settle();
        let before = peer.received.len();
        peer.pump();
        assert!(peer.received.len() > before, "nothing comes any more");
    }
    assert_eq!(peer.received.len(), 400 * reply_len);
}

#[test]
fn idle_sessions_own_no_buffers() {
    let mut rig = Rig::new(2, 2, 4, &[]);
    let there = rig.key_on(1, 0);
    let mut peer = rig.connect(0);
    rig.ask(&mut peer, &format!("SET {there} 1"));
    rig.ask(&mut peer, "PING");
    let buffers: Vec<_> =
        rig.workers[0].sessions.iter_mut().map(|(_, session)| session.buffers(None)).collect();
    assert_eq!((buffers[0].query_len, buffers[0].query_free, buffers[0].output_len), (0, 0, 0));
    assert!(buffers[0].memory_bytes < 1500, "{buffers:?}");
}

/// The value of a field in the line of CLIENT LIST that contains `mark`.
fn field(list: &str, mark: &str, field: &str) -> String {
    let line = list.lines().find(|line| line.contains(mark)).expect("such a client");
    let values = line.split(' ').filter_map(|part| part.split_once('='));
    let mut values = values.filter(|(name, _)| *name == field).map(|(_, value)| value.to_owned());
    values.next().expect("such a field")
}

#[test]
fn a_list_of_clients_tells_what_their_buffers_hold_while_it_is_asked_for() {
    // Asked for here, and with the question on its way through other workers.
    for (workers, home) in [(1, 0), (2, 0), (2, 1)] {
        let mut rig = Rig::new(workers, 2, 4, &[]);
        let (mut asker, mut other) = (rig.connect(home), rig.connect(0));
        rig.ask(&mut other, "CLIENT SETNAME other");
        let check = |list: &str, mark: &str, expected: [&str; 4]| {
            let found = ["qbuf", "argv-mem", "obl", "events"].map(|name| field(list, mark, name));
            assert_eq!(found, expected, "{mark} at {home} of {workers} in {list}");
            let room: usize = field(list, mark, "qbuf-free").parse().unwrap();
            let memory: usize = field(list, mark, "tot-mem").parse().unwrap();
            let len: usize = field(list, mark, "qbuf").parse().unwrap();
            assert!(memory > room + len && (room > 0) == (len > 0), "{list}");
        };
        let ask = |rig: &mut Rig, asker: &mut super::rig::Peer, request: &[u8]| {
            let start = asker.received.len();
            asker.send_raw(request);
            rig.settle();
            asker.pump();
            asker.text().split_off(start)
        };
        const LIST: &[u8] = b"*2\r\n$6\r\nclient\r\n$4\r\nlist\r\n";
        let list = ask(&mut rig, &mut asker, LIST);
        check(&list, "cmd=client|list", ["26", "10", "0", "r"]);
        check(&list, "name=other", ["0", "0", "0", "r"]);
        let info = ask(&mut rig, &mut asker, b"client \"info\"\r\n");
        check(&info, "cmd=client|info", ["15", "10", "0", "r"]);
        let behind_and_before = [b"PING\r\n", LIST, b"PING\r\n"].concat();
        let list = ask(&mut rig, &mut asker, &behind_and_before);
        check(&list, "cmd=client|list", ["38", "10", "7", "r"]);
        other.send_raw(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$100000\r\n");
        other.send_raw(&[b'x'; 50_000]);
        let list = ask(&mut rig, &mut asker, LIST);
        check(&list, "name=other", ["50029", "0", "0", "r"]);
        other.send_raw(&[b'x'; 50_000]);
        other.send_raw(b"\r\n");
        rig.settle();
        let list = ask(&mut rig, &mut asker, LIST);
        check(&list, "name=other", ["0", "0", "0", "r"]);
    }
}

#[test]
fn a_list_of_clients_tells_who_does_not_read() {
    let mut rig = Rig::new(1, 1, 4, &[]);
    let (mut asker, mut other) = (rig.connect(0), rig.connect(0));
    rig.ask(&mut other, "CLIENT SETNAME other");
    other.send_words(&[b"SET", b"k", &[b'x'; 4000]]);
    (0..400).for_each(|_| other.send("GET k"));
    rig.settle();
    let list = rig.ask(&mut asker, "CLIENT LIST");
    let list = list.replace("id=", "\nid=");
    assert_eq!(field(&list, "name=other", "events"), "rw");
    let number = |name: &str| field(&list, "name=other", name).parse::<usize>().unwrap();
    assert!(number("obl") > 100_000 && number("omem") == number("obl"), "{list}");
    assert!(number("rbs") >= number("obl") && number("tot-mem") > number("rbs"), "{list}");
}

#[test]
fn a_stop_waits_for_what_is_under_way() {
    let mut rig = Rig::new(2, 4, 4, &[]);
    let keys: Vec<String> = (0..4).map(|shard| rig.key_on(shard, 0)).collect();
    let mut peer = rig.connect(0);
    let pairs: Vec<String> = keys.iter().map(|key| format!("{key} x")).collect();
    peer.send(&format!("MSET {}", pairs.join(" ")));
    peer.send("PING");
    rig.turn(0);
    (0..2).for_each(|worker| rig.post(worker, Letter::Drain));
    rig.turn(0);
    assert!(rig.reports.try_recv().is_err(), "its transaction is under way");
    rig.settle();
    let mut reports: Vec<_> = rig.reports.try_iter().collect();
    reports.sort_by_key(|Report::Drained(worker)| *worker);
    assert_eq!(reports, [Report::Drained(WorkerId(0)), Report::Drained(WorkerId(1))]);
    peer.pump();
    assert_eq!(peer.text(), "+OK\r\n", "what had not begun is not begun");
    (0..2).for_each(|worker| rig.post(worker, Letter::Finish));
    (0..2).for_each(|worker| rig.turn(worker));
    peer.pump();
    assert!(peer.closed);
    let shards = rig.workers.drain(..).map(|worker| worker.berths.into_shards().len());
    assert_eq!(shards.collect::<Vec<_>>(), [2, 2]);
}
