//! What a shard holds, counted: for INFO and MEMORY STATS.

use std::ops::Range;

use super::database::{Database, Queue};
use super::space::Keyspace;

/// One database of a shard.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct DatabaseCensus {
    /// Its number, as SELECT takes it.
    pub number: u32,
    /// Keys whose deadline has not passed, here and below.
    pub keys: u64,
    /// Keys with a deadline.
    pub expires: u64,
    /// Milliseconds that these have left, added up; an estimate from a sample.
    pub ttl_ms_sum: f64,
    /// Bytes of the index.
    pub index_bytes: u64,
}

/// The memory of a shard, bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MemoryCensus {
    /// In blocks, class rounding included.
    pub blocks: u64,
    /// In pages that hold a block.
    pub pages: u64,
    /// Held from the system.
    pub mapped: u64,
    /// Page tables and the undo log, part of `mapped`.
    pub own: u64,
}

/// Deadlines looked at per database.
const SAMPLE: usize = 64;

impl Keyspace {
    /// The databases that have had a key, ascending. O(bytes of the indexes / 4096).
    pub fn census(&self, now_ms: u64) -> Vec<DatabaseCensus> {
        let count = |(number, database): (u32, Database)| DatabaseCensus {
            number,
            keys: self.live_keys(number, now_ms),
            expires: self.deadlines_ahead(&database, now_ms).len() as u64,
            ttl_ms_sum: self.ttl_ms_sum(&database, now_ms),
            index_bytes: database.index(&self.heap).stats(&self.heap).bytes,
        };
        self.databases().map(count).collect()
    }

    /// The ranks of the deadlines that have not passed.
    fn deadlines_ahead(&self, database: &Database, now_ms: u64) -> Range<usize> {
        self.due_keys(*database, now_ms)..database.deadlines(&self.heap, Queue::Keys).len()
    }

    /// From deadlines at equal distances in their order.
    fn ttl_ms_sum(&self, database: &Database, now_ms: u64) -> f64 {
        let deadlines = database.deadlines(&self.heap, Queue::Keys);
        let ahead = self.deadlines_ahead(database, now_ms);
        let looked_at = ahead.len().min(SAMPLE);
        let ttl_ms = |nth: usize| {
            let rank = ahead.start + (2 * nth + 1) * ahead.len() / (2 * looked_at);
            let (deadline_ms, _) = deadlines.at(&self.heap, rank).expect("a rank below the length");
            deadline_ms.saturating_sub(now_ms) as f64
        };
        let sum: f64 = (0..looked_at).map(ttl_ms).sum();
        if looked_at == 0 { 0.0 } else { sum / looked_at as f64 * ahead.len() as f64 }
    }

    /// The memory of the shard. O(pages).
    pub fn memory_census(&self) -> MemoryCensus {
        let stats = self.heap.page_stats();
        let page_len = shm::heap::PAGE_LEN as u64;
        let pages: usize = stats.classes.iter().map(|class| class.pages).sum();
        MemoryCensus {
            blocks: self.heap.used_bytes(),
            pages: pages as u64 * page_len,
            mapped: self.heap.mapped_bytes(),
            own: stats.own_pages as u64 * page_len,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Session;

    #[test]
    fn keys_and_deadlines_are_counted_by_database() {
        let mut session = Session::new(1);
        assert_eq!(session.shards()[0].census(0), []);
        for nth in 1..=1000 {
            session.run(&format!("SET k{nth} v PX {}", nth * 1000));
        }
        session.run("SET plain v");
        session.caller.db = 3;
        session.run("SET other v");
        let now_ms = session.now_ms();
        let keyspace = &session.shards()[0];
        let mut census = keyspace.census(now_ms);
        census.sort_by_key(|database| database.number);
        let [first, third] = census[..] else { panic!("two databases: {census:?}") };
        assert_eq!((first.number, first.keys, first.expires), (0, 1001, 1000));
        assert_eq!((third.number, third.keys, third.expires, third.ttl_ms_sum), (3, 1, 0, 0.0));
        let mean_s = first.ttl_ms_sum / 1000.0 / 1000.0;
        assert!((490.0..511.0).contains(&mean_s), "{mean_s}");
        assert!((8 * 1001 / 2..20 * 1001).contains(&first.index_bytes), "{}", first.index_bytes);
    }

    #[test]
    fn a_few_deadlines_are_all_looked_at() {
        let mut session = Session::new(1);
        for ttl_ms in [1000, 2000, 6000] {
            session.run(&format!("SET k{ttl_ms} v PX {ttl_ms}"));
        }
        let now_ms = session.now_ms();
        assert_eq!(session.shards()[0].census(now_ms)[0].ttl_ms_sum, 9000.0);
        let [later] = session.shards()[0].census(now_ms + 1500)[..] else { panic!("one database") };
        assert_eq!((later.keys, later.expires, later.ttl_ms_sum), (2, 2, 5000.0));
        let [end] = session.shards()[0].census(now_ms + 6000)[..] else { panic!("one database") };
        assert_eq!((end.keys, end.expires, end.ttl_ms_sum), (0, 0, 0.0), "due in this millisecond");
    }

    #[test]
    fn memory_adds_up() {
        let mut session = Session::new(1);
        for nth in 0..1000 {
            session.run(&format!("SET k{nth} {}", "v".repeat(100)));
        }
        let memory = session.shards()[0].memory_census();
        assert!(memory.blocks > 100_000, "{memory:?}");
        assert!(memory.blocks <= memory.pages && memory.pages + memory.own <= memory.mapped, "{memory:?}");
    }
}
