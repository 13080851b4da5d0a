//! Conversations with the data commands, in process, for tests of this crate and of others (feature
//! `testing`): shards over ordinary memory, a clock that is moved by hand, and replies as text.
//!
//! ```text
//! > SET lock mine NX PX 5000        a command, its words quoted as redis-cli takes them
//! OK                                its reply, as redis-cli shows it on a terminal
//! ! set SET lock mine PXAT 1005000  its effects (event, canonical command), if any line speaks of them
//! ! expire
//! ... 5000 ms                       the clock moves on
//! > GET lock
//! (nil)
//! ! expired DEL lock
//! > APPEND lock ""
//! (integer) 0
//! > EXISTS nothing
//! (integer) 0
//! ! none                            it has no effects
//! > SELECT 1                        the session's own command; so are MULTI, EXEC, DISCARD, WATCH, UNWATCH
//! OK
//! # a comment; empty lines are skipped
//! ```
//!
//! After every command the session checks that the reply was one complete item and that no shard is
//! left inside a transaction; after a conversation, that the shards are sound ([`Keyspace::verify`]).

mod multi;
pub mod payload;
mod quote;
mod recorder;
pub mod value;

use shm::Heap;

pub use self::quote::{quoted, words_of};
pub use self::recorder::Recorder;
use crate::command::effect::Effect;
use crate::command::{
    Args, Caller, DataCommand, Error, Exec, KeyHasher, Next, Patience, Reply, Routing, Tour, VisitCommand,
};
use crate::commands::{data_commands, visit_commands};
use crate::keyspace::slot::{SLOT_COUNT, SlotRange};
use crate::keyspace::{Keyspace, Stats};
use crate::txn::{self, Coordinator};
use crate::types::collection::Encodings;

/// What the clock of a new session shows, unix milliseconds.
pub const START_MS: u64 = 1_000_000;

/// Memory of each shard, bytes.
const SHARD_BYTES: usize = 64 << 20;

/// Holds a conversation with one shard and, from the beginning, with several; see the module.
///
/// # Panics
/// When a reply or an effect is not the expected one.
#[track_caller]
pub fn check(conversation: &str) {
    for shards in [1, 3] {
        Session::new(shards).check(conversation);
    }
}

/// A client's session with shards of its own.
pub struct Session {
    shards: Vec<Keyspace>,
    hasher: KeyHasher,
    /// What the server would know of the caller. Tests change it as they like.
    pub caller: Caller,
    /// Whether replies are those of RESP3.
    pub resp3: bool,
    now_ms: u64,
    coordinator: Box<dyn Coordinator>,
    multi: multi::Multi,
}

impl Session {
    /// `count` shards that share the slots evenly. Effects are recorded.
    pub fn new(count: usize) -> Session {
        Session::over((0..count).map(|_| Heap::in_memory(SHARD_BYTES)).collect(), START_MS)
    }

    /// Shards over heaps that are empty, or that a session with as many shards left behind.
    pub fn over(heaps: Vec<Heap>, now_ms: u64) -> Session {
        let (hasher, count) = (KeyHasher::new([7; 16]), heaps.len());
        let first_slot = |shard: usize| (usize::from(SLOT_COUNT) * shard / count) as u16;
        let shards = heaps.into_iter().enumerate().map(|(shard, heap)| {
            let count = first_slot(shard + 1) - first_slot(shard);
            let slots = SlotRange::new(first_slot(shard), count).expect("every shard has slots");
            let mut keyspace = Keyspace::new(heap, hasher, slots);
            keyspace.effects_mut().listen(true);
            keyspace
        });
        let caller = Caller {
            db: 0,
            db_count: 16,
            no_touch: false,
            string_len_max: 512 << 20,
            patience: Patience::Waits,
            encodings: Encodings::default(),
            hll_sparse_len_max: 3000,
            random: 1,
            hint: None,
        };
        Session {
            shards: shards.collect(),
            hasher,
            caller,
            resp3: false,
            now_ms,
            coordinator: Box::new(Line(0)),
            multi: multi::Multi::default(),
        }
    }

    /// Lets `coordinator` decide what spans several shards.
    pub fn coordinated_by(mut self, coordinator: impl Coordinator + 'static) -> Session {
        self.coordinator = Box::new(coordinator);
        self
    }

    pub fn now_ms(&self) -> u64 {
        self.now_ms
    }

    /// Moves the clock.
    pub fn advance(&mut self, by_ms: u64) {
        self.now_ms += by_ms;
    }

    pub fn shards(&mut self) -> &mut [Keyspace] {
        &mut self.shards
    }

    /// The memory of a shard.
    pub fn heap_mut(&mut self, shard: usize) -> &mut Heap {
        &mut self.shards[shard].heap
    }

    /// Which shard a key lives in.
    pub fn shard_of(&self, key: &[u8]) -> usize {
        let slot = self.hasher.hash(key).slot();
        let is_home = |keyspace: &Keyspace| keyspace.slots().contains(slot);
        self.shards.iter().position(is_home).expect("every slot has a shard")
    }

    /// Does what another session's shard of this number did, given its effects.
    ///
    /// # Panics
    /// When an effect is not a command that can be repeated there.
    pub fn repeat(&mut self, shard: usize, effects: &[Effect]) {
        for effect in effects.iter().filter(|effect| !effect.command.is_empty()) {
            let words: Vec<&[u8]> = effect.command.iter().map(AsRef::as_ref).collect();
            let command = row_of(&words).expect("effects are commands");
            let caller = Caller { db: effect.db, ..self.caller };
            let mut args = args_of(command.spec.name, &words, &self.hasher);
            let mut reply = Recorder::new(false);
            let (held, now_ms) = (&mut [&mut self.shards[shard]], self.now_ms);
            txn::run(held, &caller, now_ms, command, &mut args, &mut reply, &mut *self.coordinator)
                .unwrap_or_else(|error| panic!("{}: {error}", described(effect)));
        }
    }

    /// Lets every shard run out of memory after so many more allocations; `None`: never.
    pub fn fail_allocations_after(&mut self, count: Option<usize>) {
        for keyspace in &mut self.shards {
            keyspace.heap.fail_allocations_after(count);
        }
    }

    /// Takes the counters of all shards.
    pub fn take_stats(&mut self) -> Stats {
        let add = |sum: Stats, keyspace: &mut Keyspace| {
            let stats = keyspace.take_stats();
            Stats {
                hits: sum.hits + stats.hits,
                misses: sum.misses + stats.misses,
                expired: sum.expired + stats.expired,
                expired_fields: sum.expired_fields + stats.expired_fields,
            }
        };
        self.shards.iter_mut().fold(Stats::default(), add)
    }

    /// Takes the effects of everything since they were last taken, shard by shard.
    pub fn take_effects(&mut self) -> Vec<Effect> {
        self.shards.iter_mut().flat_map(|keyspace| keyspace.effects_mut().take().0).collect()
    }

    /// Holds a conversation; see the module.
    #[track_caller]
    pub fn check(&mut self, conversation: &str) {
        let mut lines = conversation.lines().map(str::trim_start).peekable();
        while let Some(line) = lines.next() {
            if let Some(pause) = line.strip_prefix("... ") {
                let pause_ms = pause.strip_suffix(" ms").and_then(|number| number.parse().ok());
                self.advance(pause_ms.unwrap_or_else(|| panic!("not a pause: {line}")));
            } else if let Some(command) = line.strip_prefix("> ") {
                let mut reply = Vec::new();
                while let Some(line) = lines.next_if(|line| !ends_reply(line)) {
                    reply.push(line);
                }
                let mut effects = Vec::new();
                while let Some(line) = lines.next_if(|line| line.starts_with("! ")) {
                    effects.push(&line[2..]);
                }
                self.check_exchange(command, &reply, &effects);
            } else {
                assert!(line.is_empty() || line.starts_with('#'), "neither command nor pause: {line}");
            }
        }
        self.verify();
    }

    /// Frees what was dropped and checks that the shards are sound.
    ///
    /// # Panics
    /// When they are not.
    pub fn verify(&mut self) {
        for keyspace in &mut self.shards {
            keyspace.verify().expect("a sound shard");
            while keyspace.reclaim(64) {}
            keyspace.verify().expect("a sound shard without garbage");
        }
    }

    #[track_caller]
    fn check_exchange(&mut self, command: &str, expected_reply: &[&str], expected_effects: &[&str]) {
        self.take_effects();
        let shards = self.shards.len();
        let reply = self.run(command);
        let reply: Vec<&str> = reply.lines().map(str::trim_start).collect();
        assert_eq!(reply, expected_reply, "\nreply to: {command} ({shards} shards)");
        let mut effects: Vec<String> = self.take_effects().iter().map(described).collect();
        if let [first, ..] = expected_effects {
            let mut expected: Vec<&str> = expected_effects.to_vec();
            if *first == "none" {
                expected.clear();
            }
            // Effects come shard by shard: their order is the writer's only within one shard.
            if shards > 1 {
                effects.sort();
                expected.sort();
            }
            assert_eq!(effects, expected, "\neffects of: {command} ({shards} shards)");
        }
    }

    /// Runs a command given as a line; the reply as text.
    ///
    /// # Panics
    /// When there is no such command, or when it broke a promise (see the module).
    #[track_caller]
    pub fn run(&mut self, line: &str) -> String {
        let words = words_of(line).unwrap_or_else(|| panic!("unbalanced quotes: {line}"));
        let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
        self.call(&words)
    }

    /// Runs a command given as words; the reply as text.
    ///
    /// # Panics
    /// As [`Session::run`].
    #[track_caller]
    pub fn call(&mut self, words: &[&[u8]]) -> String {
        if let Some(reply) = self.call_in_multi(words) {
            return reply;
        }
        let is_it = |name: &str| name_words(name, words).is_some();
        if let [command, db] = words
            && command.eq_ignore_ascii_case(b"SELECT")
        {
            self.caller.db = String::from_utf8_lossy(db).parse().expect("the number of a database");
            return "OK".to_owned();
        }
        let mut reply = Recorder::new(self.resp3);
        self.caller.random = self.caller.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        if let Some(command) = row_of(words) {
            match command.spec.arity.admits(words.len()) {
                true => self.run_data(command, words, &mut reply),
                false => reply.error(&wrong_arity(command.spec.name)),
            }
        } else if let Some(command) = visit_commands().find(|command| is_it(command.spec.name)) {
            match command.spec.arity.admits(words.len()) {
                true => self.run_visit(command, words, &mut reply),
                false => reply.error(&wrong_arity(command.spec.name)),
            }
        } else {
            panic!("no such command: {}", String::from_utf8_lossy(words[0]));
        }
        for keyspace in &self.shards {
            assert!(!keyspace.heap().in_transaction(), "a transaction was left open");
        }
        reply.render()
    }

    fn run_data(&mut self, command: &DataCommand, words: &[&[u8]], reply: &mut Recorder) {
        let mut slots = Vec::new();
        let walked =
            command.spec.keys.walk(words, |index, _| slots.push(self.hasher.hash(words[index]).slot()));
        if walked.is_err() {
            // The handler says what is wrong, without any shard.
            slots.clear();
        }
        let all = command.spec.routing == Routing::AllShards || command.spec.keys.reach_beyond(words);
        let is_held = |keyspace: &Keyspace| all || slots.iter().any(|&slot| keyspace.slots().contains(slot));
        let mut held: Vec<&mut Keyspace> =
            self.shards.iter_mut().filter(|keyspace| is_held(keyspace)).collect();
        assert!(command.spec.routing != Routing::OneShard || held.len() == 1, "one key, one shard");
        let mut args = args_of(command.spec.name, words, &self.hasher);
        // The outcome is in the reply.
        let _ =
            txn::run(&mut held, &self.caller, self.now_ms, command, &mut args, reply, &mut *self.coordinator);
    }

    fn run_visit(&mut self, command: &VisitCommand, words: &[&[u8]], reply: &mut Recorder) {
        match self.visit(command, words) {
            Ok(visitor) => visitor.finish(reply),
            Err(error) => reply.error(&error),
        }
    }

    fn visit(
        &mut self,
        command: &VisitCommand,
        words: &[&[u8]],
    ) -> Result<Box<dyn crate::command::Visitor>, Error> {
        let first_slots: Vec<u16> = self.shards.iter().map(|keyspace| keyspace.slots().first()).collect();
        let tour = Tour { first_slots: &first_slots, random: self.caller.random };
        let mut visitor = (command.start)(&mut args_of(command.spec.name, words, &self.hasher), tour)?;
        let mut next = visitor.first();
        while let Next::Shard(shard) = next {
            let (caller, now_ms) = (self.caller, self.now_ms);
            let held = &mut [&mut self.shards[shard]];
            let nowhere = &mut Recorder::new(false);
            next = txn::transact(held, nowhere, &mut *self.coordinator, |held, _| {
                visitor.visit(shard, &mut Exec::new(held, &caller, now_ms))
            })?;
        }
        Ok(visitor)
    }
}

/// The row of the data command that these words call.
pub fn row_of(words: &[&[u8]]) -> Option<&'static DataCommand> {
    data_commands().find(|command| name_words(command.spec.name, words).is_some())
}

/// How many words say a command's name; `None` if these do not.
fn name_words(name: &str, words: &[&[u8]]) -> Option<usize> {
    let mut parts = name.split('|');
    let mut said = words.iter();
    let all_said =
        parts.all(|part| said.next().is_some_and(|word| word.eq_ignore_ascii_case(part.as_bytes())));
    all_said.then(|| words.len() - said.len())
}

fn args_of<'a>(name: &str, words: &'a [&'a [u8]], hasher: &'a KeyHasher) -> Args<'a> {
    Args::new(words, hasher).starting_at(name_words(name, words).unwrap_or(1))
}

fn wrong_arity(name: &'static str) -> Error {
    Error::WrongArity(name.into())
}

fn ends_reply(line: &str) -> bool {
    line.is_empty() || [">", "!", "#", "... "].iter().any(|mark| line.starts_with(mark))
}

/// An effect on one line: event, then the canonical command.
fn described(effect: &Effect) -> String {
    let event = effect.event.map_or("-", |event| event.name);
    let words = effect.command.iter().map(|word| quote::bare_or_quoted(word));
    std::iter::once(event.to_owned()).chain(words).collect::<Vec<_>>().join(" ")
}

/// A coordinator without a control segment: nothing dies here.
struct Line(u64);

impl Coordinator for Line {
    fn begin(&mut self) -> u64 {
        self.0 += 1;
        self.0
    }
    fn announce(&mut self, txid: u64) {
        assert_eq!(txid, self.0);
    }
    fn clear(&mut self) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversation_is_held() {
        check(
            "> SET k v
             OK
             ! set SET k v
             # read back
             > get k
             \"v\"
             ! none

             > GET
             (error) ERR wrong number of arguments for 'get' command",
        );
    }

    #[test]
    #[should_panic(expected = "reply to: GET k")]
    fn a_wrong_reply_is_noticed() {
        check("> GET k\n\"v\"");
    }

    #[test]
    #[should_panic(expected = "effects of: GET k")]
    fn a_missing_effect_is_noticed() {
        check("> GET k\n(nil)\n! set SET k v");
    }
}
