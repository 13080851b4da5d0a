//! Sections `stats`, `commandstats`, `errorstats` and `latencystats`.

use super::{Report, Text};

pub(super) fn stats(report: &Report, text: &mut Text) {
    let (totals, rate) = (&report.totals, &report.rate);
    text.field("total_connections_received", totals.connections_received);
    text.field("total_commands_processed", totals.commands_processed);
    text.field("instantaneous_ops_per_sec", format_args!("{:.0}", rate.commands));
    text.field("total_net_input_bytes", totals.net_input_bytes);
    text.field("total_net_output_bytes", totals.net_output_bytes);
    text.fields(&["total_net_repl_input_bytes", "total_net_repl_output_bytes"], 0);
    text.field("instantaneous_input_kbps", format_args!("{:.2}", rate.input_bytes / 1024.0));
    text.field("instantaneous_output_kbps", format_args!("{:.2}", rate.output_bytes / 1024.0));
    text.fields(&["instantaneous_input_repl_kbps", "instantaneous_output_repl_kbps"], "0.00");
    text.field("rejected_connections", totals.connections_rejected);
    text.fields(&["sync_full", "sync_partial_ok", "sync_partial_err"], 0);
    text.field("expired_keys", totals.expired_keys);
    text.field("expired_subkeys", totals.expired_fields);
    text.field("expired_stale_perc", "0.00");
    text.fields(&["expired_time_cap_reached_count", "expire_cycle_cpu_milliseconds"], 0);
    text.field("evicted_keys", totals.evicted_keys);
    text.fields(&["evicted_clients", "total_eviction_exceeded_time", "current_eviction_exceeded_time"], 0);
    text.field("keyspace_hits", totals.keyspace_hits);
    text.field("keyspace_misses", totals.keyspace_misses);
    text.fields(
        &[
            "pubsub_channels",
            "pubsub_patterns",
            "pubsubshard_channels",
            "latest_fork_usec",
            "total_forks",
            "migrate_cached_sockets",
            "slave_expires_tracked_keys",
            "active_defrag_hits",
            "active_defrag_misses",
            "active_defrag_key_hits",
            "active_defrag_key_misses",
            "total_active_defrag_time",
            "current_active_defrag_time",
            "tracking_total_keys",
            "tracking_total_items",
            "tracking_total_prefixes",
        ],
        0,
    );
    text.field("unexpected_error_replies", 0);
    text.field("total_error_replies", totals.error_replies);
    text.field("dump_payload_sanitizations", 0);
    text.field("total_reads_processed", totals.reads);
    text.field("total_writes_processed", totals.writes);
    text.fields(
        &[
            "io_threaded_reads_processed",
            "io_threaded_writes_processed",
            "reply_buffer_shrinks",
            "reply_buffer_expands",
        ],
        0,
    );
    text.field("client_query_buffer_limit_disconnections", totals.query_limit_disconnections);
    text.field("client_output_buffer_limit_disconnections", totals.output_limit_disconnections);
    text.fields(&["acl_access_denied_auth", "acl_access_denied_cmd", "acl_access_denied_key"], 0);
    text.field("acl_access_denied_channel", 0);
    text.field("command_panics", totals.panics);
    text.field("undo_rollbacks", totals.rollbacks);
    text.field("hops_sent", totals.hops_sent);
    text.field("hops_received", totals.hops_received);
    text.field("shard_holds", totals.holds);
}

pub(super) fn commands(report: &Report, text: &mut Text) {
    for command in report.commands.iter().filter(|command| !command.totals.is_empty()) {
        let (name, totals) = (&command.name, &command.totals);
        let microseconds = totals.nanoseconds / 1000;
        let each =
            if totals.calls == 0 { 0.0 } else { totals.nanoseconds as f64 / 1000.0 / totals.calls as f64 };
        text.line(format_args!(
            "cmdstat_{name}:calls={},usec={microseconds},usec_per_call={each:.2},rejected_calls={},failed_calls={}",
            totals.calls, totals.rejected, totals.failed
        ));
    }
}

pub(super) fn errors(report: &Report, text: &mut Text) {
    for (kind, count) in &report.errors {
        text.line(format_args!("errorstat_{kind}:count={count}"));
    }
}

pub(super) fn latencies(report: &Report, text: &mut Text) {
    for command in report.commands.iter().filter(|command| command.totals.latency.count() > 0) {
        let percentiles = &report.settings.latency_percentiles.0;
        let shown: Vec<String> = percentiles
            .iter()
            .map(|&percent| {
                let nanoseconds = command.totals.latency.percentile(percent);
                format!("p{percent}={}.{:03}", nanoseconds / 1000, nanoseconds % 1000)
            })
            .collect();
        text.line(format_args!("latency_percentiles_usec_{}:{}", command.name, shown.join(",")));
    }
}
