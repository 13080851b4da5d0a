//! Keys one by one, over all shards: SCAN, KEYS, RANDOMKEY, DBSIZE.
//!
//! Each visits shard after shard; what other clients change between two visits may or may not be seen,
//! but a key that stays throughout is seen exactly once.

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

/// How many due keys one visit deletes, or keys it looks at, before others have a turn.
const STEP: usize = 1024;

/// The visitor's only shard, once nothing is due there any more.
fn without_due<'a>(exec: &'a mut Exec<'_, '_>) -> Option<&'a mut Keyspace> {
    let now_ms = exec.now_ms();
    let keyspace = exec.keyspaces().next()?;
    (!keyspace.expire_due(now_ms, STEP)).then_some(keyspace)
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
        let cursor =
            std::str::from_utf8(args.word()?).ok().and_then(parse_cursor).ok_or(Error::InvalidCursor)?;
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

/// A cursor as clients send it back. Redis takes whatever `strtoul` does: signs, and nothing at all for 0.
fn parse_cursor(text: &str) -> Option<u64> {
    match text.strip_prefix('-') {
        Some(digits) if digits.starts_with('+') => None,
        Some(digits) => digits.parse::<u64>().ok().map(u64::wrapping_neg),
        None if text.is_empty() => Some(0),
        None => text.parse().ok(),
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
        let Some(keyspace) = without_due(exec) else { return Ok(Next::Shard(shard)) };
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
        let Some(keyspace) = without_due(exec) else { return Ok(Next::Shard(shard)) };
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
    random: u64,
    chosen: Option<Box<[u8]>>,
}

impl RandomKey {
    fn new(tour: Tour<'_>) -> RandomKey {
        RandomKey { shards: tour.first_slots.len(), seen: 0, random: tour.random, chosen: None }
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
        let db = exec.db();
        let Some(keyspace) = without_due(exec) else { return Ok(Next::Shard(shard)) };
        let keys = keyspace.keys(db);
        self.seen += keys;
        if keys > 0
            && self.next_random() % self.seen < keys
            && let Some(key) = keyspace.random_key(db, || self.next_random())
        {
            self.chosen = Some(key.into_boxed_slice());
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
        let db = exec.db();
        let Some(keyspace) = without_due(exec) else { return Ok(Next::Shard(shard)) };
        self.keys += keyspace.keys(db);
        Ok(after(shard, self.shards))
    }

    fn finish(self: Box<Self>, reply: &mut dyn Reply) {
        reply.integer(i64::try_from(self.keys).unwrap_or(i64::MAX));
    }
}
