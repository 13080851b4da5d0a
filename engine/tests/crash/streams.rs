//! Commands on streams: before or after, with all that groups know.

use engine::testing::Session;
use engine::types::collection::Collection;
use engine::types::stream::{Stream, StreamImage};
use shm::fault::{Recording, copy_of, some_panics};
use shm::stored_hash::StoredHasher;

use crate::common::{Bytes, line, of_len, word, words};
use crate::world::{INTERNAL, effort, ends_of, panic_every};

/// The streams in a session's only shard, by key.
fn images(session: &mut Session) -> Vec<(Bytes, StreamImage)> {
    let now_ms = session.now_ms();
    let mut found = Vec::new();
    session.shards()[0].scan(0, 0, 100, now_ms, |entry| {
        let stream = Stream::open(entry.record(), StoredHasher::new([0; 16]));
        found.push((entry.key().into_owned(), stream.image(entry.heap())));
    });
    found
}

/// One shard that holds streams.
struct Streams(Session);

impl Streams {
    /// A stream `s` of so many entries, half of which group `g` has delivered to two consumers, and a group with a long
    /// name.
    fn of(len: usize) -> Streams {
        let mut session = Session::new(1);
        let mut run = |text: &str| drop(session.call(&words(&line(text))));
        let long = "n".repeat(300);
        run(&format!("XGROUP CREATE s {long} 0 MKSTREAM"));
        run("XGROUP CREATE s g 0");
        for nth in 1..=len {
            run(&format!("XADD s {nth}-1 temperature {nth} place here"));
        }
        run(&format!("XREADGROUP GROUP g ann COUNT {} STREAMS s >", len / 4));
        run(&format!("XREADGROUP GROUP g {long} COUNT {} STREAMS s >", len / 4));
        run(&format!("XREADGROUP GROUP {long} ann COUNT {} STREAMS s >", len / 4));
        Streams(session)
    }

    fn copy(&mut self) -> Session {
        Session::over(vec![copy_of(self.0.heap_mut(0))], self.0.now_ms())
    }

    /// A request, cut off at its stores.
    fn cut_off(&mut self, request: &[Bytes]) {
        let before = images(&mut self.0);
        let mut session = self.copy();
        let recording = Recording::start(session.heap_mut(0));
        let reply = session.call(&words(request));
        let crashes = recording.finish(session.heap_mut(0));
        assert!(!crashes.is_empty() && !reply.starts_with("(error)"), "{request:?}: {reply}");
        let after = images(&mut session);
        let ends = ends_of(&crashes);
        let now_ms = self.0.now_ms();
        crashes.explore(effort(&crashes), |heap, commits| {
            let heap = std::mem::replace(heap, shm::Heap::in_memory(1 << 17));
            let mut session = Session::over(vec![heap], now_ms);
            assert!(images(&mut session) == if commits == ends { after.clone() } else { before.clone() });
            session.verify();
        });
        some_panics(
            panic_every(&crashes),
            || (self.copy(), String::new()),
            |(session, _)| session.heap_mut(0),
            |(session, reply)| *reply = session.call(&words(request)),
            |(session, found), commits| {
                let is_done = commits == ends;
                assert_eq!(found, if is_done { &reply } else { INTERNAL });
                assert!(images(session) == if is_done { after.clone() } else { before.clone() });
                session.verify();
            },
        );
    }
}

fn cut_off_all(len: usize, requests: &[&str]) {
    let mut streams = Streams::of(len);
    for request in requests {
        streams.cut_off(&line(request));
    }
}

/// One block, a few nodes, many.
const LENGTHS: [usize; 3] = [8, 200, 1_500];

#[test]
fn adding() {
    for len in LENGTHS {
        cut_off_all(
            len,
            &["XADD s 9000-0 temperature 1 place there", "XADD s 9000-0 a b", "XADD s MAXLEN 3 9000-0 a b"],
        );
        for value in [100, 600, 40_000] {
            let request = [word("XADD"), word("s"), word("9000-0"), word("field"), of_len(value, b'v')];
            Streams::of(len).cut_off(&request);
        }
    }
    cut_off_all(
        8,
        &["XADD new 1-1 a b", "XGROUP CREATE new g $ MKSTREAM", "XSETID s 9000-0 MAXDELETEDID 8000-0"],
    );
}

#[test]
fn deleting() {
    for len in LENGTHS {
        let half = len / 2;
        let requests =
            [&format!("XDEL s 1-1 {half}-1 {len}-1"), "XTRIM s MAXLEN 3", "XTRIM s MINID 5 DELREF", "DEL s"];
        cut_off_all(len, &requests.map(|request| request as &str));
        cut_off_all(len, &[&format!("XDELEX s DELREF IDS 2 1-1 {half}-1")]);
    }
}

#[test]
fn reading_in_groups() {
    for len in LENGTHS {
        cut_off_all(
            len,
            &[
                "XREADGROUP GROUP g ann COUNT 3 STREAMS s >",
                "XREADGROUP GROUP g new STREAMS s >",
                "XREADGROUP GROUP g ann NOACK STREAMS s >",
                "XREADGROUP GROUP g ann COUNT 5 STREAMS s 0",
                "XACK s g 1-1 2-1",
                "XACKDEL s g DELREF IDS 2 1-1 2-1",
                "XCLAIM s g new 0 1-1 2-1",
                "XAUTOCLAIM s g ann 0 0 COUNT 1000",
            ],
        );
    }
}

#[test]
fn groups() {
    for len in LENGTHS {
        cut_off_all(
            len,
            &[
                "XGROUP CREATE s another $",
                "XGROUP SETID s g 0",
                "XGROUP CREATECONSUMER s g new",
                "XGROUP DELCONSUMER s g ann",
                "XGROUP DESTROY s g",
                "COPY s t",
            ],
        );
    }
}

#[test]
fn long_entries() {
    let mut streams = Streams::of(8);
    for nth in 0..4 {
        let id = format!("{}-0", 9_000 + nth);
        streams.0.call(&words(&[word("XADD"), word("s"), word(id), word("field"), of_len(90_000, b'v')]));
    }
    for request in ["XDEL s 9001-0", "XTRIM s MAXLEN 2", "DEL s", "RENAME s t"] {
        streams.cut_off(&line(request));
    }
}
