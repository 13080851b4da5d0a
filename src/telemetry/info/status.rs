//! Sections `persistence`, `replication`, `cluster` and `keyspace`.

use super::{Report, Text};

pub(super) fn persistence(report: &Report, text: &mut Text) {
    let persistence = &report.persistence;
    text.fields(
        &["loading", "async_loading", "current_cow_peak", "current_cow_size", "current_cow_size_age"],
        0,
    );
    text.field("current_fork_perc", "0.00");
    text.fields(&["current_save_keys_processed", "current_save_keys_total"], 0);
    text.field("rdb_changes_since_last_save", report.totals.changes);
    text.field("rdb_bgsave_in_progress", 0);
    text.field("rdb_last_save_time", persistence.last_save_s);
    text.field("rdb_last_bgsave_status", "ok");
    text.fields(&["rdb_last_bgsave_time_sec", "rdb_current_bgsave_time_sec"], -1);
    text.fields(
        &["rdb_saves", "rdb_last_cow_size", "rdb_last_load_keys_expired", "rdb_last_load_keys_loaded"],
        0,
    );
    text.fields(&["aof_enabled", "aof_rewrite_in_progress", "aof_rewrite_scheduled"], 0);
    text.fields(&["aof_last_rewrite_time_sec", "aof_current_rewrite_time_sec"], -1);
    text.field("aof_last_bgrewrite_status", "ok");
    text.fields(&["aof_rewrites", "aof_rewrites_consecutive_failures"], 0);
    text.field("aof_last_write_status", "ok");
    text.fields(&["aof_last_cow_size", "module_fork_in_progress", "module_fork_last_cow_size"], 0);
    text.flag("warm_restart", report.settings.warm_restart);
    text.field("shm_dir", persistence.shm_dir.display());
    text.field("shm_segments", report.server.shards);
    text.field("shm_segment_bytes", report.memory.segment_bytes);
    text.flag("shm_attached", persistence.attached);
    text.field("shm_attach_usec", persistence.attach_us);
    text.field("shm_recovered_transactions", persistence.recovered);
}

pub(super) fn replication(report: &Report, text: &mut Text) {
    text.field("role", "master");
    text.field("connected_slaves", 0);
    text.field("master_failover_state", "no-failover");
    text.field("master_replid", &report.server.replication_id);
    text.field("master_replid2", "0".repeat(40));
    text.field("master_repl_offset", 0);
    text.field("second_repl_offset", -1);
    text.fields(
        &[
            "repl_backlog_active",
            "repl_backlog_size",
            "repl_backlog_first_byte_offset",
            "repl_backlog_histlen",
        ],
        0,
    );
}

pub(super) fn cluster(_: &Report, text: &mut Text) {
    text.flag("cluster_enabled", false);
}

pub(super) fn keyspace(report: &Report, text: &mut Text) {
    for database in report.databases.iter().filter(|database| database.keys > 0) {
        text.line(format_args!(
            "db{}:keys={},expires={},avg_ttl={}",
            database.index, database.keys, database.expires, database.ttl_ms_mean
        ));
    }
}
