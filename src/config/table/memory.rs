//! How much memory, and what gives way when it is full.

use super::super::kinds::EvictionPolicy;
use super::super::setting::Setting;
use super::{BYTES, COUNT, POSITIVE};

const COMPACTS: &str = "shards compact themselves in small steps";
const LAZY: &str = "large values are always reclaimed in small steps, never at once";

pub(super) const ROWS: &[Setting] = &[
    Setting::bytes("maxmemory", (0, u64::MAX), "0")
        .sets(|s, v| s.memory_bytes_max = v.number())
        .doc("Limit on the data; 0: none."),
    Setting::choice("maxmemory-policy", EvictionPolicy::WORDS, "noeviction")
        .unkept("keys are not evicted yet; writes past maxmemory get an OOM error")
        .sets(|s, v| s.eviction_policy = v.choice(EvictionPolicy::ALL)),
    Setting::integer("maxmemory-samples", POSITIVE, "5").idle("eviction is exact, nothing is sampled"),
    Setting::integer("maxmemory-eviction-tenacity", (0, 100), "10")
        .idle("eviction is exact and never behind"),
    Setting::integer("lfu-log-factor", COUNT, "10")
        .sets(|s, v| s.lfu_log_factor = v.number())
        .doc("How slowly the access counter of LFU saturates."),
    Setting::integer("lfu-decay-time", COUNT, "1")
        .sets(|s, v| s.lfu_decay_minutes = v.number())
        .doc("Minutes after which the access counter of LFU is lowered; 0: at every look."),
    Setting::integer("active-expire-effort", (1, 10), "1")
        .idle("keys are gone in the millisecond they are due"),
    Setting::bool("lazyfree-lazy-eviction", "no").idle(LAZY),
    Setting::bool("lazyfree-lazy-expire", "no").idle(LAZY),
    Setting::bool("lazyfree-lazy-server-del", "no").idle(LAZY),
    Setting::bool("lazyfree-lazy-user-del", "no")
        .sets(|s, v| s.lazy_user_delete = v.is_yes())
        .doc("DEL means UNLINK."),
    Setting::bool("lazyfree-lazy-user-flush", "no")
        .sets(|s, v| s.lazy_user_flush = v.is_yes())
        .doc("FLUSHALL and FLUSHDB without a word mean ASYNC."),
    Setting::bool("activerehashing", "yes").idle("the index grows in small steps and is never rehashed"),
    Setting::bool("activedefrag", "no").idle(COMPACTS),
    Setting::integer("active-defrag-cycle-min", (1, 99), "1").idle(COMPACTS),
    Setting::integer("active-defrag-cycle-max", (1, 99), "25").idle(COMPACTS),
    Setting::integer("active-defrag-threshold-lower", (0, 1000), "10").idle(COMPACTS),
    Setting::integer("active-defrag-threshold-upper", (0, 1000), "100").idle(COMPACTS),
    Setting::bytes("active-defrag-ignore-bytes", (1, i64::MAX as u64), "100mb").idle(COMPACTS),
    Setting::integer("active-defrag-max-scan-fields", (1, i64::MAX as i128), "1000").idle(COMPACTS),
    Setting::bool("jemalloc-bg-thread", "yes").idle("the data does not live in jemalloc's memory"),
    Setting::bytes("auto-aof-rewrite-min-size", BYTES, "64mb").idle("there is no log file to rewrite"),
    Setting::integer("auto-aof-rewrite-percentage", COUNT, "100").idle("there is no log file to rewrite"),
];
