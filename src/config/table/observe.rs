//! Logs, measurements, events.

use super::super::kinds::LogLevel;
use super::super::setting::{Kind, Setting};
use super::super::value::Value;
use super::LARGE;

pub(super) const ROWS: &[Setting] = &[
    Setting::choice("loglevel", LogLevel::WORDS, "notice")
        .sets(|s, v| s.log_level = v.choice(LogLevel::ALL))
        .doc("How much is logged."),
    Setting::text("logfile", "")
        .at_start()
        .sets(|s, v| s.log_file = v.path())
        .doc("File to log to; empty: standard output."),
    Setting::bool("syslog-enabled", "no")
        .at_start()
        .unkept("set logfile, or let the service manager collect the output"),
    Setting::text("syslog-ident", "redis").at_start().idle("the log goes to logfile"),
    Setting::choice(
        "syslog-facility",
        &["user", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"],
        "local0",
    )
    .at_start()
    .idle("the log goes to logfile"),
    Setting::bool("crash-log-enabled", "yes").idle("a panic is always logged with its backtrace"),
    Setting::bool("crash-memcheck-enabled", "yes").idle("memory is not tested in a crash"),
    Setting::integer("slowlog-log-slower-than", (-1, i64::MAX as i128), "10000")
        .idle("there is no slow log yet"),
    Setting::integer("slowlog-max-len", LARGE, "128").idle("there is no slow log yet"),
    Setting::integer("latency-monitor-threshold", LARGE, "0").idle("there is no latency monitor yet"),
    Setting::bool("latency-tracking", "yes")
        .sets(|s, v| s.latency_tracking = v.is_yes())
        .doc("Keep latency histograms by command."),
    Setting::special("latency-tracking-info-percentiles", Kind::Percentiles, "50 99 99.9")
        .sets(|s, v| {
            if let Value::Percentiles(percentiles) = v {
                s.latency_percentiles.clone_from(percentiles);
            }
        })
        .doc("Percentiles that INFO shows."),
    Setting::special("notify-keyspace-events", Kind::Events, "").idle("events are not published yet").sets(
        |s, v| {
            if let Value::Events(events) = v {
                s.events = *events;
            }
        },
    ),
];
