//! Keys one by one, over all shards: SCAN, KEYS, RANDOMKEY, DBSIZE.
//!
//! Each visits shard after shard; what other clients change between two visits may or may not be seen,
//! but a key that stays throughout is seen exactly once. Keys whose deadline has passed are not seen, and need not be
//! deleted for that.

use crate::command::{
    Args, Arity, Categories, Error, Exec, Flags, Group, Keys, Next, Reply, Routing, Spec, Tour, VisitCommand,
    Visitor,
};
use crate::glob;
use crate::keyspace::Keyspace;

const fn row(name: &'static str, arity: Arity) -> Spec {
    Spec::read(name, arity, Keys::NONE).routing(Routing::Visit).categories(Categories::KEYSPACE)
}

pub(super) const VISITS: &[VisitCommand] = &[
    VisitCommand {
        spec: row("SCAN", Arity::AtLeast(2))
            .syntax("cursor [MATCH pattern] [COUNT count] [TYPE type]")
            .doc("2.8.0", "O(count) for each call.", "Iterates over the keys of the database.")
            .tips(&["nondeterministic_output", "request_policy:special"]),
        start: |args, tour| Ok(Box::new(Scan::parse(args, tour)?)),
    },
    VisitCommand {
        spec: row("KEYS", Arity::Exactly(2))
            .categories(Categories::DANGEROUS)
            .syntax("pattern")
            .doc("1.0.0", "O(N), N being the number of keys.", "Returns all keys that match a pattern.")
            .tips(&["request_policy:all_shards", "nondeterministic_output_order"]),
        start: |args, tour| Ok(Box::new(AllKeys::new(args.word()?, tour))),
    },
    VisitCommand {
        spec: row("RANDOMKEY", Arity::Exactly(1))
            .doc("1.0.0", "O(S), S being the number of shards.", "Returns a random key.")
            .tips(&["request_policy:all_shards", "response_policy:special", "nondeterministic_output"]),
        start: |_, tour| Ok(Box::new(RandomKey::new(tour))),
    },
    VisitCommand {
        spec: row("DBSIZE", Arity::Exactly(1))
            .group(Group::Server)
            .flags(Flags::FAST)
            .doc(
                "1.0.0",
                "O(S), S being the number of shards.",
                "Returns the number of keys in the database.",
            )
            .tips(&["request_policy:all_shards", "response_policy:agg_sum"]),
        start: |_, tour| Ok(Box::new(Size { shards: tour.first_slots.len(), keys: 0 })),
    },
];

/// How many keys one visit looks at, or due ones it deletes, before others have a turn.
const STEP: usize = 1024;

/// The visitor's only shard.
fn shard_of<'a>(exec: &'a mut Exec<'_, '_>) -> &'a mut Keyspace {
    exec.keyspaces().next().expect("a visit is to a shard")
}

fn after(shard: usize, shards: usize) -> Next {
    if shard + 1 < shards { Next::Shard(shard + 1) } else { Next::Finished }
}

fn reply_keys(reply: &mut dyn Reply, keys: &[Box<[u8]>]) {
    reply.array(keys.len());
    keys.iter().for_each(|key| reply.bulk(key));
}

// ---- SCAN ---------------------------------------------------------------------------------------

struct Scan {
    first_slots: Box<[u16]>,
    /// Where to go on; 0 at the beginning and after the end.
    cursor: u64,
    count: usize,
    pattern: Option<Box<[u8]>>,
    kind: Option<Box<[u8]>>,
    looked_at: usize,
    keys: Vec<Box<[u8]>>,
}

impl Scan {
    fn parse(args: &mut Args<'_>, tour: Tour<'_>) -> Result<Scan, Error> {
        let cursor = args.cursor()?;
        let mut scan = Scan {
            first_slots: tour.first_slots.into(),
            cursor,
            count: 10,
            pattern: None,
            kind: None,
            looked_at: 0,
            keys: Vec::new(),
        };
        while !args.is_empty() {
            if args.left() < 2 {
                return Err(Error::Syntax);
            } else if args.take("COUNT") {
                let count = args.integer()?;
                scan.count = usize::try_from(count).ok().filter(|count| *count > 0).ok_or(Error::Syntax)?;
            } else if args.take("MATCH") {
                scan.pattern = Some(args.word()?).filter(|pattern| *pattern != b"*").map(Into::into);
            } else if args.take("TYPE") {
                scan.kind = Some(args.word()?.into());
            } else {
                return Err(Error::Syntax);
            }
        }
        Ok(scan)
    }

    fn wants(&self, key: &[u8], kind: &str) -> bool {
        self.pattern.as_ref().is_none_or(|pattern| glob::matches(pattern, key))
            && self.kind.as_ref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(kind.as_bytes()))
    }
}

impl Visitor for Scan {
    fn first(&self) -> Next {
        match Keyspace::slot_of_cursor(self.cursor) {
            Some(slot) => {
                Next::Shard(self.first_slots.partition_point(|first| *first <= slot).saturating_sub(1))
            }
            // Not a cursor of ours: there is nothing behind it.
            None => Next::Finished,
        }
    }

    fn visit(&mut self, shard: usize, exec: &mut Exec<'_, '_>) -> Result<Next, Error> {
        let (db, now_ms) = (exec.db(), exec.now_ms());
        let keyspace = shard_of(exec);
        let wanted = (self.count - self.looked_at).min(STEP);
        let mut found = Vec::new();
        let (cursor, looked_at) = keyspace.scan(db, self.cursor, wanted, now_ms, |entry| {
            let key = entry.key();
            if self.wants(&key, entry.kind().name()) {
                found.push(key.into_owned().into_boxed_slice());
            }
        });
        self.keys.append(&mut found);
        self.looked_at += looked_at;
        self.cursor = cursor;
        let shard = if cursor == 0 { after(shard, self.first_slots.len()) } else { Next::Shard(shard) };
        if let (0, Next::Shard(next)) = (cursor, shard) {
            self.cursor = Keyspace::cursor_at_slot(self.first_slots[next]);
        }
        Ok(if self.looked_at >= self.count { Next::Finished } else { shard })
    }

    fn finish(self: Box<Self>, reply: &mut dyn Reply) {
        reply.array(2);
        let known = Keyspace::slot_of_cursor(self.cursor).is_some();
        reply.bulk(if known { self.cursor } else { 0 }.to_string().as_bytes());
        reply_keys(reply, &self.keys);
    }
}

// ---- KEYS ---------------------------------------------------------------------------------------

struct AllKeys {
    shards: usize,
    pattern: Box<[u8]>,
    everything: bool,
    cursor: u64,
    keys: Vec<Box<[u8]>>,
}

impl AllKeys {
    fn new(pattern: &[u8], tour: Tour<'_>) -> AllKeys {
        AllKeys {
            shards: tour.first_slots.len(),
            pattern: pattern.into(),
            everything: pattern == b"*",
            cursor: 0,
            keys: Vec::new(),
        }
    }
}

impl Visitor for AllKeys {
    fn first(&self) -> Next {
        Next::Shard(0)
    }

    fn visit(&mut self, shard: usize, exec: &mut Exec<'_, '_>) -> Result<Next, Error> {
        let (db, now_ms) = (exec.db(), exec.now_ms());
        let keyspace = shard_of(exec);
        let (pattern, everything, keys) = (&self.pattern, self.everything, &mut self.keys);
        let (cursor, _) = keyspace.scan(db, self.cursor, STEP, now_ms, |entry| {
            let key = entry.key();
            if everything || glob::matches(pattern, &key) {
                keys.push(key.into_owned().into_boxed_slice());
            }
        });
        self.cursor = cursor;
        Ok(if cursor == 0 { after(shard, self.shards) } else { Next::Shard(shard) })
    }

    fn finish(self: Box<Self>, reply: &mut dyn Reply) {
        reply_keys(reply, &self.keys);
    }
}

// ---- RANDOMKEY ----------------------------------------------------------------------------------

/// Passes all shards once; each may replace the key chosen so far with a probability that makes every
/// shard's share its number of keys.
struct RandomKey {
    shards: usize,
    seen: u64,
    /// It is decided that the shard being visited replaces the key.
    draws: bool,
    random: u64,
    chosen: Option<Box<[u8]>>,
}

impl RandomKey {
    fn new(tour: Tour<'_>) -> RandomKey {
        RandomKey { shards: tour.first_slots.len(), seen: 0, draws: false, random: tour.random, chosen: None }
    }

    /// SplitMix64 (Steele, Lea, Flood 2014).
    fn next_random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.random;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ mixed >> 31
    }
}

impl Visitor for RandomKey {
    fn first(&self) -> Next {
        Next::Shard(0)
    }

    fn visit(&mut self, shard: usize, exec: &mut Exec<'_, '_>) -> Result<Next, Error> {
        let (db, now_ms) = (exec.db(), exec.now_ms());
        let keyspace = shard_of(exec);
        if !self.draws {
            let keys = keyspace.live_keys(db, now_ms);
            self.seen += keys;
            self.draws = keys > 0 && self.next_random() % self.seen < keys;
        }
        if self.draws {
            match keyspace.random_key(db, now_ms, || self.next_random()) {
                Some(key) => self.chosen = Some(key.into_boxed_slice()),
                // Too many due ones are in the way.
                None if keyspace.expire_due(now_ms, STEP) => return Ok(Next::Shard(shard)),
                None => {
                    let key = keyspace.random_key(db, now_ms, || self.next_random());
                    self.chosen = key.map(Vec::into_boxed_slice).or(self.chosen.take());
                }
            }
            self.draws = false;
        }
        Ok(after(shard, self.shards))
    }

    fn finish(self: Box<Self>, reply: &mut dyn Reply) {
        reply.bulk_or_null(self.chosen.as_deref());
    }
}

// ---- DBSIZE -------------------------------------------------------------------------------------

struct Size {
    shards: usize,
    keys: u64,
}

impl Visitor for Size {
    fn first(&self) -> Next {
        Next::Shard(0)
    }

    fn visit(&mut self, shard: usize, exec: &mut Exec<'_, '_>) -> Result<Next, Error> {
        let (db, now_ms) = (exec.db(), exec.now_ms());
        self.keys += shard_of(exec).live_keys(db, now_ms);
        Ok(after(shard, self.shards))
    }

    fn finish(self: Box<Self>, reply: &mut dyn Reply) {
        reply.integer(i64::try_from(self.keys).unwrap_or(i64::MAX));
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Session;

    /// A session with keys that are all due at one moment, a few that stay and a few that are due a millisecond later,
    /// on several shards.
    fn session(due: usize) -> Session {
        let mut session = Session::new(3);
        let due_ms = session.now_ms() + 1000;
        for nth in 0..due {
            session.run(&format!("SET due:{nth} v PXAT {due_ms}"));
        }
        for nth in 0..5 {
            session.run(&format!("SET stay:{nth} v"));
            session.run(&format!("SET late:{nth} v PXAT {}", due_ms + 1));
        }
        session.run("SELECT 1");
        session.run(&format!("SET due:elsewhere v PXAT {due_ms}"));
        session.run("SELECT 0");
        session
    }

    fn in_all(session: &mut Session) -> u64 {
        session.shards().iter().map(|keyspace| keyspace.keys_in_all()).sum()
    }

    /// The keys that SCAN returns until its cursor is 0 again, sorted.
    fn scanned(session: &mut Session) -> Vec<String> {
        let (mut cursor, mut keys) = ("0".to_owned(), Vec::new());
        loop {
            let reply = session.run(&format!("SCAN {cursor}"));
            let mut texts = reply.split('"').skip(1).step_by(2).map(str::to_owned);
            cursor = texts.next().expect("a cursor");
            keys.extend(texts);
            if cursor == "0" {
                keys.sort();
                return keys;
            }
        }
    }

    fn expected(names: &[&str]) -> Vec<String> {
        names.iter().flat_map(|name| (0..5).map(move |nth| format!("{name}:{nth}"))).collect()
    }

    #[test]
    fn due_keys_are_not_counted_from_their_millisecond_on_and_need_not_be_deleted_for_it() {
        let mut session = session(3000);
        session.advance(999);
        assert_eq!(session.run("DBSIZE"), "(integer) 3010");
        session.advance(1);
        let there = in_all(&mut session);
        assert_eq!(session.run("DBSIZE"), "(integer) 10");
        assert_eq!(scanned(&mut session), expected(&["late", "stay"]));
        let mut keys: Vec<String> =
            session.run("KEYS *").split('"').skip(1).step_by(2).map(str::to_owned).collect();
        keys.sort();
        assert_eq!(keys, expected(&["late", "stay"]));
        session.run("SELECT 1");
        assert_eq!(session.run("DBSIZE"), "(integer) 0");
        session.run("SELECT 0");
        assert_eq!(in_all(&mut session), there, "nothing was deleted to find out");
        session.advance(1);
        assert_eq!(session.run("DBSIZE"), "(integer) 5");
        assert_eq!(scanned(&mut session), expected(&["stay"]));
        for keyspace in session.shards() {
            while keyspace.expire_due(u64::MAX, 7) {}
        }
        assert_eq!(in_all(&mut session), 5);
        assert_eq!(session.run("DBSIZE"), "(integer) 5");
    }

    #[test]
    fn a_random_key_is_live_and_any_of_them() {
        for due in [0, 20, 3000] {
            let mut session = session(due);
            session.advance(1000);
            let mut seen = std::collections::BTreeMap::<String, usize>::new();
            for _ in 0..2000 {
                *seen.entry(session.run("RANDOMKEY").replace('"', "")).or_default() += 1;
            }
            assert_eq!(seen.keys().cloned().collect::<Vec<_>>(), expected(&["late", "stay"]), "{due} due");
            assert!(seen.values().all(|times| (100..400).contains(times)), "{due} due: {seen:?}");
        }
        let mut session = session(3000);
        session.run("DEL stay:0 stay:1 stay:2 stay:3 stay:4");
        session.advance(1001);
        assert_eq!(session.run("RANDOMKEY"), "(nil)");
        assert_eq!(session.run("DBSIZE"), "(integer) 0");
    }
}
