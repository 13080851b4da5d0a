//! MULTI, EXEC, DISCARD, WATCH and UNWATCH of a session: what a server does with them, as far as it is the engine's
//! affair.

use super::{Recorder, Session, args_of, name_words};
use crate::command::{Caller, CommandResult, Error, KeyHasher, Reply, Routing, Tour};
use crate::commands::{data_commands, visit_commands};
use crate::keyspace::Keyspace;
use crate::keyspace::watch::WatchTicket;
use crate::txn::{self, Hands};

/// A request, word by word.
type Words = Vec<Vec<u8>>;

/// What a session has asked for since MULTI, and what it watches.
#[derive(Default)]
pub(super) struct Multi {
    queue: Option<Vec<Words>>,
    ticket: WatchTicket,
    watched: Vec<(u32, Vec<u8>)>,
}

impl Session {
    /// The reply, if the request is one about transactions or is queued.
    pub(super) fn call_in_multi(&mut self, words: &[&[u8]]) -> Option<String> {
        let name = words[0].to_ascii_uppercase();
        let is_open = self.multi.queue.is_some();
        match &*name {
            b"MULTI" if !is_open => self.multi.queue = Some(Vec::new()),
            b"EXEC" => return Some(self.exec()),
            b"DISCARD" => self.multi.queue = self.unwatch().and(None),
            b"WATCH" => words[1..].iter().for_each(|key| self.watch(key)),
            _ if is_open => {
                self.multi.queue.as_mut()?.push(words.iter().map(|word| word.to_vec()).collect());
                return Some("QUEUED".to_owned());
            }
            b"UNWATCH" => drop(self.unwatch()),
            _ => return None,
        }
        Some("OK".to_owned())
    }

    fn watch(&mut self, bytes: &[u8]) {
        let (db, now_ms, shard) = (self.caller.db, self.now_ms, self.shard_of(bytes));
        let keyspace = &mut self.shards[shard];
        keyspace.find(db, &self.hasher.key(bytes), now_ms).expect("memory");
        keyspace.watches_mut().add(db, bytes, &self.multi.ticket);
        self.multi.watched.push((db, bytes.to_vec()));
    }

    /// Ends the watches. `None` if a watched key has changed.
    fn unwatch(&mut self) -> Option<()> {
        let (ticket, now_ms) = (std::mem::take(&mut self.multi.ticket), self.now_ms);
        for (db, bytes) in std::mem::take(&mut self.multi.watched) {
            let shard = self.shard_of(&bytes);
            let keyspace = &mut self.shards[shard];
            keyspace.find(db, &self.hasher.key(&bytes), now_ms).expect("memory");
            keyspace.watches_mut().remove(db, &bytes, &ticket);
        }
        (!ticket.is_broken()).then_some(())
    }

    fn exec(&mut self) -> String {
        let mut reply = Recorder::new(self.resp3);
        let queue = self.multi.queue.take();
        let unchanged = self.unwatch();
        match (queue, unchanged) {
            (None, _) => reply.error(&Error::text("ERR EXEC without MULTI")),
            (_, None) => reply.null_array(),
            (Some(queue), _) => self.run_queue(&queue, &mut reply),
        }
        reply.render()
    }

    fn run_queue(&mut self, queue: &[Words], reply: &mut Recorder) {
        let (mut slots, mut all) = (Vec::new(), false);
        for words in queue {
            let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
            match data_commands().find(|command| name_words(command.spec.name, &words).is_some()) {
                None => all = true,
                Some(command) if command.spec.routing == Routing::AllShards => all = true,
                Some(command) => {
                    let visit = |at: usize, _| slots.push(self.hasher.hash(words[at]).slot());
                    // Keys that cannot be told are no keys.
                    let _ = command.spec.keys.walk(&words, visit);
                }
            }
        }
        let first_slots: Vec<u16> = self.shards.iter().map(|keyspace| keyspace.slots().first()).collect();
        let is_held = |keyspace: &Keyspace| all || slots.iter().any(|&slot| keyspace.slots().contains(slot));
        let mut held: Vec<_> = self.shards.iter_mut().filter(|keyspace| is_held(keyspace)).collect();
        let (hasher, mut caller, now_ms) = (self.hasher, self.caller, self.now_ms);
        let run = |hands: &mut Hands<'_, '_>, reply: &mut Recorder| {
            reply.array(queue.len());
            for words in queue {
                let mark = reply.mark();
                caller.random = caller.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let result = run_one(hands, words, &hasher, &mut caller, &first_slots, reply);
                txn::settle(reply, mark, result)?;
            }
            Ok(())
        };
        if txn::run_many(&mut held, now_ms, reply, &mut *self.coordinator, run).is_ok() {
            self.caller = caller;
        }
    }
}

fn run_one(
    hands: &mut Hands<'_, '_>,
    words: &[Vec<u8>],
    hasher: &KeyHasher,
    caller: &mut Caller,
    first_slots: &[u16],
    reply: &mut Recorder,
) -> CommandResult {
    let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
    let is_it = |name: &str| name_words(name, &words).is_some();
    if is_it("SELECT") {
        caller.db = args_of("SELECT", &words, hasher).database(caller.db_count)?;
        reply.ok();
        return Ok(crate::command::Outcome::Done);
    }
    if let Some(command) = data_commands().find(|command| is_it(command.spec.name)) {
        return hands.call(*caller, command, &mut args_of(command.spec.name, &words, hasher), reply);
    }
    let command = visit_commands().find(|command| is_it(command.spec.name)).expect("a command");
    let tour = Tour { first_slots, random: caller.random };
    hands.visit(*caller, command, &mut args_of(command.spec.name, &words, hasher), tour, reply)
}

#[cfg(test)]
mod tests {
    use super::super::{Session, check};
    use crate::command::effect::Effect;

    #[test]
    fn a_transaction_has_its_effects_and_nothing_of_what_failed() {
        check(
            r#"> MULTI
               OK
               ! none
               > SET k x
               QUEUED
               ! none
               > INCR k
               QUEUED
               > SELECT 2
               QUEUED
               > APPEND k y
               QUEUED
               > DBSIZE
               QUEUED
               > SCAN 0
               QUEUED
               > SELECT 99
               QUEUED
               > MSETEX 5 a
               QUEUED
               > EXEC
               1) OK
               2) (error) ERR value is not an integer or out of range
               3) OK
               4) (integer) 1
               5) (integer) 1
               6) 1) "0"
                  2) 1) "k"
               7) (error) ERR DB index is out of range
               8) (error) ERR wrong number of key-value pairs
               ! set SET k x
               ! append SET k y
               > GET k
               "y"
               > EXEC
               (error) ERR EXEC without MULTI"#,
        );
    }

    #[test]
    fn a_watched_key_that_changes_stops_it() {
        check(
            "> SET k 1 PX 100
             OK
             > WATCH k other
             OK
             > MULTI
             OK
             > SET k 2
             QUEUED
             > EXEC
             1) OK
             > WATCH k other
             OK
             > SET other x
             OK
             > MULTI
             OK
             > SET k 3
             QUEUED
             > EXEC
             (nil)
             ! none
             > SET k 1 PX 100
             OK
             > WATCH k
             OK
             ... 100 ms
             > MULTI
             OK
             > EXEC
             (nil)
             ! expired DEL k
             > WATCH k
             OK
             > MULTI
             OK
             > DISCARD
             OK",
        );
    }

    #[test]
    fn effects_of_one_transaction_are_one_unit() {
        let mut session = Session::new(1);
        for line in
            ["SET a 1", "MULTI", "SET b 1", "INCR b", "EXPIRE b 10", "EXEC", "MSET c 1 d 1", "DEL a b"]
        {
            session.run(line);
        }
        let units: Vec<u64> = session.take_effects().iter().map(|effect: &Effect| effect.unit).collect();
        let runs: Vec<usize> = units.chunk_by(|one, next| one == next).map(<[u64]>::len).collect();
        assert_eq!(runs, [1, 3, 2, 2]);
    }

    #[test]
    fn a_call_that_runs_out_of_memory_takes_all_of_them_back() {
        for shards in [1, 3] {
            let mut session = Session::new(shards);
            session.run("MSET a old b old c old");
            session.take_effects();
            let long = "x".repeat(5000);
            let mut failures = 0;
            for allocations in 0.. {
                let lines = [
                    "MULTI",
                    "APPEND a 1",
                    "GET a",
                    "SELECT 1",
                    "DEL b",
                    &format!("SET d {long}"),
                    "SET e 1",
                ];
                for line in lines {
                    session.run(line);
                }
                session.fail_allocations_after(Some(allocations));
                let reply = session.run("EXEC");
                session.fail_allocations_after(None);
                if !reply.starts_with("(error) OOM") {
                    assert_eq!(session.caller.db, 1);
                    break;
                }
                failures += 1;
                assert_eq!(session.take_effects(), [], "nothing has happened");
                assert_eq!(session.caller.db, 0, "nor was another database selected");
                assert_eq!(session.run("MGET a b c d"), "1) \"old\"\n2) \"old\"\n3) \"old\"\n4) (nil)");
                session.verify();
            }
            assert!(failures > 2, "{failures}");
        }
    }
}
