//! Commands on two shards: their stores, and the decision between them, happen in one order, and after a
//! crash at any point of it either both shards have the change or neither.

use std::cell::Cell;
use std::rc::Rc;

use engine::testing::Session;
use engine::txn::Coordinator;
use shm::fault::{Crashes, Effort, Recording, explore_together, tick};

use crate::common::{Bytes, Model, ask, data_of, line, of_len, word};
use crate::coverage;
use crate::world::{is_full, large_keys};

coverage::scenarios![storing_in_both, renaming_across, emptying_both, transactions_of_many_calls,];

/// A control segment's line, and when it said that the transaction is committed.
#[derive(Clone, Default)]
pub struct Line(pub Rc<Cell<Option<u64>>>, pub Rc<Cell<Option<u64>>>);

impl Line {
    pub fn is_decided(&self, moment: u64) -> bool {
        self.0.get().is_some_and(|at| at <= moment) && self.1.get().is_none_or(|at| at > moment)
    }
}

impl Coordinator for Line {
    fn begin(&mut self) -> u64 {
        7
    }
    fn announce(&mut self, txid: u64) {
        assert_eq!(txid, 7);
        self.0.set(Some(tick()));
    }
    fn clear(&mut self) {
        self.1.set(Some(tick()));
    }
}

/// Keys of shard 0 and of shard 1.
pub fn keys() -> [Bytes; 4] {
    let session = Session::new(2);
    let of_shard = |shard: usize, skip: usize| {
        let mut keys = (0..).map(|number| word(format!("key:{number}")));
        keys.by_ref().filter(|key| session.shard_of(key) == shard).nth(skip).expect("every shard has keys")
    };
    [of_shard(0, 0), of_shard(1, 0), of_shard(0, 1), of_shard(1, 1)]
}

fn cut_off(setup: &[Vec<Bytes>], wait_ms: u64, request: &[Bytes]) {
    let decision = Line::default();
    let mut session = Session::new(2).coordinated_by(decision.clone());
    let mut model = Model::new(session.now_ms());
    for request in setup {
        assert_eq!(ask(&mut session, request), model.ask(request));
    }
    session.advance(wait_ms);
    model.now_ms += wait_ms;
    decision.0.set(None);
    decision.1.set(None);

    let before = model.live().clone();
    let recordings = [0, 1].map(|shard| Recording::start(session.heap_mut(shard)));
    assert_eq!(ask(&mut session, request), model.ask(request));
    let [first, second] = recordings;
    let runs: [Crashes; 2] = [first.finish(session.heap_mut(0)), second.finish(session.heap_mut(1))];
    let after = model.live().clone();
    assert_eq!(data_of(&mut session), after);
    assert!(decision.0.get().is_some(), "the request changes both shards");
    if coverage::is_only_noted(request, &large_keys([&before, &after])) {
        return;
    }

    let now_ms = session.now_ms();
    let effort = if is_full() { Effort::FULL } else { Effort { every: 5, recovery_every: 7 } };
    let mut seen = [0, 0];
    explore_together(
        &runs,
        effort,
        |moment| decision.is_decided(moment),
        |heaps, moment| {
            let is_done = decision.0.get().is_some_and(|at| at <= moment);
            seen[usize::from(is_done)] += 1;
            let mut session = Session::over(heaps, now_ms);
            assert!(data_of(&mut session) == *if is_done { &after } else { &before });
            session.verify();
        },
    );
    assert!(seen[0] > 3 && seen[1] > 3, "crashes before and after the decision: {seen:?}");
}

fn storing_in_both() {
    let [a, b, c, d] = keys();
    let pairs = [&a, &b, &c, &d].map(|key| [key.clone(), of_len(30, b'x')]).concat();
    cut_off(&[], 0, &[vec![word("MSET")], pairs.clone()].concat());
    cut_off(&[], 0, &[vec![word("MSETNX")], pairs.clone()].concat());
    let old = [a.clone(), of_len(20_000, b'o'), b.clone(), of_len(30, b'o')];
    let setup = [vec![word("MSETEX"), word(2)], old.to_vec(), line("PX 50")].concat();
    for wait_ms in [0, 50] {
        cut_off(std::slice::from_ref(&setup), wait_ms, &[vec![word("MSET")], pairs.clone()].concat());
        let timed = [vec![word("MSETEX"), word(4)], pairs.clone(), line("PX 70")].concat();
        cut_off(std::slice::from_ref(&setup), wait_ms, &timed);
    }
    cut_off(&[setup], 0, &[word("DEL"), a, b]);
}

fn renaming_across() {
    let [a, b, c, d] = keys();
    for len in [5, 40_000] {
        let source = [word("SET"), a.clone(), of_len(len, b'a'), word("PX"), word(900)].to_vec();
        let beside = [vec![word("MSET"), c.clone(), word("1"), d.clone(), word("2")]].concat();
        let target = [word("SET"), b.clone(), of_len(50_000 - len, b'b'), word("PX"), word(40)].to_vec();
        let setup = [source, beside, target];
        for (wait_ms, requests) in [(0, ["RENAME", "RENAME"]), (40, ["RENAME", "RENAMENX"])] {
            for name in requests {
                cut_off(&setup, wait_ms, &[word(name), a.clone(), b.clone()]);
            }
        }
        cut_off(&setup[..2], 0, &[word("RENAMENX"), a.clone(), b.clone()]);
    }
}

fn emptying_both() {
    let setup: Vec<Vec<Bytes>> = keys().map(|key| vec![word("SET"), key, of_len(20_000, 1)]).to_vec();
    cut_off(&setup, 0, &line("FLUSHALL"));
    cut_off(&setup, 0, &line("SWAPDB 0 2"));
}

fn transactions_of_many_calls() {
    let [a, b, c, d] = keys().map(|key| String::from_utf8(key).expect("text"));
    let setup = ["SET", "MSET"].map(|name| match name {
        "SET" => line(&format!("SET {a} 100 PX 900")),
        _ => line(&format!("MSET {b} 100 {c} short {d} short")),
    });
    let long = "x".repeat(20_000);
    let transfer = format!("MULTI ; INCRBY {a} -30 ; INCRBY {b} 30 ; EXEC");
    let mixed = format!(
        "MULTI ; APPEND {c} {long} ; RENAME {c} {d} ; INCRBY {d} 1 ; GET {b} ; SET {b} {long} ; DEL {a} ; COPY {d} {a} ; \
         EXEC"
    );
    let everything = format!("MULTI ; SET {a} 1 ; FLUSHALL ; SWAPDB 0 1 ; MSET {a} 2 {b} 3 ; EXEC");
    for wait_ms in [0, 900] {
        cut_off(&setup, wait_ms, &line(&transfer));
    }
    cut_off(&setup, 0, &line(&mixed));
    cut_off(&setup, 0, &line(&everything));
}
