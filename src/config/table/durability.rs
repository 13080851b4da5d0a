//! Files that outlive the machine: snapshots and the log of writes.

use super::super::setting::{Kind, Setting};
use super::super::value::Value;
use super::COUNT;

const NO_SNAPSHOT: &str =
    "no snapshot files are written yet; the data survives in shared memory, not a reboot";
const NO_LOG: &str = "no log of writes is kept yet";

pub(super) const ROWS: &[Setting] = &[
    Setting::special("save", Kind::Save, "3600 1 300 100 60 10000").idle(NO_SNAPSHOT),
    Setting::text("dbfilename", "dump.rdb").protected().check(|value| is_name(value, "dbfilename", "filename")).idle(NO_SNAPSHOT),
    Setting::bool("rdbcompression", "yes").idle(NO_SNAPSHOT),
    Setting::bool("rdbchecksum", "yes").at_start().idle(NO_SNAPSHOT),
    Setting::bool("rdb-del-sync-files", "no").idle(NO_SNAPSHOT),
    Setting::bool("rdb-save-incremental-fsync", "yes").idle(NO_SNAPSHOT),
    Setting::bool("stop-writes-on-bgsave-error", "yes").idle(NO_SNAPSHOT),
    Setting::integer("rdb-key-save-delay", (i32::MIN as i128, i32::MAX as i128), "0").hidden().idle(NO_SNAPSHOT),
    Setting::integer("key-load-delay", (i32::MIN as i128, i32::MAX as i128), "0").hidden().idle(NO_SNAPSHOT),
    Setting::integer("loading-process-events-interval-bytes", (1024, i32::MAX as i128), "2097152")
        .hidden()
        .idle(NO_SNAPSHOT),
    Setting::bool("appendonly", "no").unkept(
        "no log of writes is kept yet. The data lives in shared memory and survives a crash or restart of the server, \
         but not of the machine; remove the setting to go on",
    ),
    Setting::text("appendfilename", "appendonly.aof")
        .at_start()
        .check(|value| is_name(value, "appendfilename", "filename"))
        .idle(NO_LOG),
    Setting::text("appenddirname", "appendonlydir")
        .at_start()
        .check(|value| is_name(value, "appenddirname", "dirname"))
        .idle(NO_LOG),
    Setting::choice("appendfsync", &["everysec", "always", "no"], "everysec").idle(NO_LOG),
    Setting::bool("no-appendfsync-on-rewrite", "no").idle(NO_LOG),
    Setting::bool("aof-load-truncated", "yes").idle(NO_LOG),
    Setting::bool("aof-use-rdb-preamble", "yes").idle(NO_LOG),
    Setting::bool("aof-timestamp-enabled", "no").idle(NO_LOG),
    Setting::bool("aof-rewrite-incremental-fsync", "yes").idle(NO_LOG),
    Setting::bool("aof-disable-auto-gc", "no").idle(NO_LOG),
    Setting::integer("watchdog-period", COUNT, "0").hidden().idle("there is no watchdog"),
    Setting::bool("use-exit-on-panic", "no").hidden().idle("a panic is rolled back"),
];

/// A name within the working directory, not a path.
fn is_name(value: &Value, setting: &str, what: &str) -> Result<(), String> {
    let text = value.text();
    if text.contains(&b'/') {
        return Err(format!("{setting} can't be a path, just a {what}"));
    }
    if text.is_empty() && setting != "dbfilename" {
        return Err(format!("{setting} can't be empty"));
    }
    Ok(())
}
