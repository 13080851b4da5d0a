//! Many nodes as one.

use super::super::setting::Setting;
use super::super::value::Value;
use super::{COUNT, LARGE, PORT};

const NO_CLUSTER: &str = "there is no cluster mode yet";

pub(super) const ROWS: &[Setting] = &[
    Setting::bool("cluster-enabled", "no").at_start().unkept(NO_CLUSTER),
    Setting::text("cluster-config-file", "nodes.conf").at_start().idle(NO_CLUSTER),
    Setting::integer("cluster-port", PORT, "0").at_start().idle(NO_CLUSTER),
    Setting::integer("cluster-node-timeout", LARGE, "15000").idle(NO_CLUSTER),
    Setting::bytes("cluster-link-sendbuf-limit", (0, u64::MAX), "0").idle(NO_CLUSTER),
    Setting::integer("cluster-migration-barrier", COUNT, "1").idle(NO_CLUSTER),
    Setting::integer("cluster-replica-validity-factor", COUNT, "10")
        .alias("cluster-slave-validity-factor")
        .idle(NO_CLUSTER),
    Setting::bool("cluster-replica-no-failover", "no").alias("cluster-slave-no-failover").idle(NO_CLUSTER),
    Setting::bool("cluster-require-full-coverage", "yes").idle(NO_CLUSTER),
    Setting::bool("cluster-allow-replica-migration", "yes").idle(NO_CLUSTER),
    Setting::bool("cluster-allow-reads-when-down", "no").idle(NO_CLUSTER),
    Setting::bool("cluster-allow-pubsubshard-when-down", "yes").idle(NO_CLUSTER),
    Setting::text("cluster-announce-ip", "").idle(NO_CLUSTER),
    Setting::text("cluster-announce-hostname", "").check(is_host_name).idle(NO_CLUSTER),
    Setting::text("cluster-announce-human-nodename", "").check(is_node_name).idle(NO_CLUSTER),
    Setting::integer("cluster-announce-port", PORT, "0").idle(NO_CLUSTER),
    Setting::integer("cluster-announce-tls-port", PORT, "0").idle(NO_CLUSTER),
    Setting::integer("cluster-announce-bus-port", PORT, "0").idle(NO_CLUSTER),
    Setting::choice("cluster-preferred-endpoint-type", &["ip", "hostname", "unknown-endpoint"], "ip")
        .idle(NO_CLUSTER),
];

fn is_host_name(value: &Value) -> Result<(), String> {
    let name = value.text();
    if name.len() >= 256 {
        return Err("Hostnames must be less than 256 characters".into());
    }
    if !name.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.')) {
        return Err("Hostnames may only contain alphanumeric characters, hyphens or dots".into());
    }
    Ok(())
}

fn is_node_name(value: &Value) -> Result<(), String> {
    if value.text().iter().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b',' | b'"' | b'\'')) {
        Ok(())
    } else {
        Err("Announced human node name contained invalid character".into())
    }
}
