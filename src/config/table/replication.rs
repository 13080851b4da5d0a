//! Following and being followed.

use super::super::setting::{Kind, Setting};
use super::super::value::Value;
use super::{BYTES, COUNT, LARGE, PORT, POSITIVE};

const NO_REPLICAS: &str = "there is no replication yet";

pub(super) const ROWS: &[Setting] = &[
    Setting::special("replicaof", Kind::Primary, "").alias("slaveof").at_start().unkept(NO_REPLICAS),
    Setting::text("masterauth", "").sensitive().idle(NO_REPLICAS),
    Setting::text("masteruser", "").sensitive().idle(NO_REPLICAS),
    Setting::integer("min-replicas-to-write", COUNT, "0").alias("min-slaves-to-write").unkept(NO_REPLICAS),
    Setting::integer("min-replicas-max-lag", COUNT, "10").alias("min-slaves-max-lag").idle(NO_REPLICAS),
    Setting::bool("replica-serve-stale-data", "yes").alias("slave-serve-stale-data").idle(NO_REPLICAS),
    Setting::bool("replica-read-only", "yes").alias("slave-read-only").idle(NO_REPLICAS),
    Setting::bool("replica-ignore-maxmemory", "yes").alias("slave-ignore-maxmemory").idle(NO_REPLICAS),
    Setting::bool("replica-ignore-disk-write-errors", "no").idle(NO_REPLICAS),
    Setting::bool("replica-lazy-flush", "no").alias("slave-lazy-flush").idle(NO_REPLICAS),
    Setting::integer("replica-priority", COUNT, "100").alias("slave-priority").idle(NO_REPLICAS),
    Setting::bool("replica-announced", "yes").idle(NO_REPLICAS),
    Setting::text("replica-announce-ip", "").alias("slave-announce-ip").idle(NO_REPLICAS),
    Setting::integer("replica-announce-port", PORT, "0").alias("slave-announce-port").idle(NO_REPLICAS),
    Setting::integer("repl-ping-replica-period", POSITIVE, "10")
        .alias("repl-ping-slave-period")
        .idle(NO_REPLICAS),
    Setting::integer("repl-timeout", POSITIVE, "60").idle(NO_REPLICAS),
    Setting::bytes("repl-backlog-size", (1, BYTES.1), "1mb")
        .adjust(|value| match value {
            Value::Bytes(bytes) => Value::Bytes(bytes.max(16 << 10)),
            other => other,
        })
        .idle(NO_REPLICAS),
    Setting::integer("repl-backlog-ttl", LARGE, "3600").idle(NO_REPLICAS),
    Setting::bool("repl-disable-tcp-nodelay", "no").idle(NO_REPLICAS),
    Setting::bool("repl-diskless-sync", "yes").idle(NO_REPLICAS),
    Setting::integer("repl-diskless-sync-delay", COUNT, "5").idle(NO_REPLICAS),
    Setting::integer("repl-diskless-sync-max-replicas", COUNT, "0").idle(NO_REPLICAS),
    Setting::choice("repl-diskless-load", &["disabled", "on-empty-db", "swapdb"], "disabled")
        .idle(NO_REPLICAS),
];
