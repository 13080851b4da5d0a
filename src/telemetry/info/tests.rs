use super::*;
use crate::config::Settings;
use crate::telemetry::{CommandCounters, CommandTotals, ProcessMemory, Rate, Totals, WorkerCounters};
use std::sync::Arc;

fn report() -> Report {
    Report {
        settings: Arc::new(Settings::defaults()),
        server: ServerReport {
            run_id: "a".repeat(40),
            uptime_s: 90_000,
            workers: 2,
            shards: 8,
            ..Default::default()
        },
        clients: ClientsReport::default(),
        memory: MemoryReport::default(),
        persistence: PersistenceReport::default(),
        totals: Totals::default(),
        rate: Rate::default(),
        commands: Vec::new(),
        errors: Default::default(),
        databases: Vec::new(),
    }
}

fn sections(names: &str) -> Sections {
    Sections::parse(names.split_ascii_whitespace().map(str::as_bytes))
}

/// The value of a field in all of INFO.
fn field(report: &Report, name: &str) -> String {
    let text = render(report, sections("everything"));
    let prefix = format!("{name}:");
    text.lines().find_map(|line| line.strip_prefix(&prefix)).unwrap_or_else(|| panic!("no {name}")).to_owned()
}

#[test]
fn sections_are_asked_for_by_name_in_any_case() {
    for (names, titles) in [
        ("cpu", vec!["CPU"]),
        ("Keyspace SERVER nosuch", vec!["Server", "Keyspace"]),
        ("sentinel", vec![]),
        ("commandSTATS cpu cpu", vec!["CPU", "Commandstats"]),
        ("modules", vec!["Modules"]),
    ] {
        let text = render(&report(), sections(names));
        let shown: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("# ")).collect();
        assert_eq!(shown, titles, "{names}");
    }
}

#[test]
fn default_leaves_out_what_grows_with_the_command_table() {
    let default = sections("");
    assert_eq!(default, sections("default"));
    assert!(default.contains(Section::ErrorStats) && default.contains(Section::Modules));
    assert!(!default.contains(Section::CommandStats) && !default.contains(Section::LatencyStats));
    assert!(sections("all").contains(Section::CommandStats) && !sections("all").contains(Section::Modules));
    assert_eq!(sections("everything"), sections("all modules"));
    assert_eq!(sections("default all"), sections("everything"));
}

#[test]
fn sections_are_set_apart_by_blank_lines() {
    let text = render(&report(), sections("cluster modules keyspace"));
    assert_eq!(text, "# Modules\r\n\r\n# Cluster\r\ncluster_enabled:0\r\n\r\n# Keyspace\r\n");
}

/// Names that Redis 7.0.15 shows and this program does not.
const LEFT_OUT: [&str; 1] = ["gcc_version"];

#[test]
fn every_field_of_redis_is_there() {
    let text = render(&report(), sections("everything"));
    let recorded = include_str!("redis-7.0.15.txt");
    let missing: Vec<&str> = recorded
        .lines()
        .filter(|name| !name.starts_with('#') && !LEFT_OUT.contains(name))
        .filter(|name| !text.contains(&format!("\r\n{name}:")))
        .collect();
    assert_eq!(missing, Vec::<&str>::new());
    assert!(recorded.lines().count() > 180);
}

#[test]
fn no_field_is_there_twice() {
    let text = render(&report(), sections("everything"));
    let mut names: Vec<&str> =
        text.lines().filter_map(|line| line.split_once(':')).map(|(name, _)| name).collect();
    names.sort_unstable();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count);
}

#[test]
fn both_versions_are_shown() {
    let report = report();
    assert_eq!(field(&report, "redis_version"), "7.2.4");
    assert_eq!(field(&report, "hearth_version"), crate::config::VERSION);
    assert_eq!(field(&report, "uptime_in_days"), "1");
    assert_eq!(field(&report, "run_id").len(), 40);
    assert_eq!(field(&report, "tcp_port"), "6379");
    assert!(field(&report, "os").starts_with("Linux "));
}

#[test]
fn memory_adds_up() {
    let mut report = report();
    report.memory = MemoryReport {
        block_bytes: 100 << 20,
        index_bytes: 20 << 20,
        page_bytes: 110 << 20,
        segment_bytes: 128 << 20,
        huge_bytes: 64 << 20,
        process: ProcessMemory { resident: 140 << 20, private: 10 << 20, shared: 128 << 20 },
        ..Default::default()
    };
    for (name, value) in [
        ("used_memory", "115343360"),
        ("used_memory_human", "110.00M"),
        ("used_memory_dataset", "83886080"),
        ("used_memory_peak", "115343360"),
        ("allocator_frag_ratio", "1.10"),
        ("mem_fragmentation_ratio", "1.27"),
        ("mem_fragmentation_bytes", "31457280"),
        ("rss_overhead_bytes", "12582912"),
        ("mem_segments_huge_perc", "50.00%"),
        ("mem_allocator", "hearth"),
    ] {
        assert_eq!(field(&report, name), value, "{name}");
    }
}

#[test]
fn an_empty_server_divides_by_nothing() {
    let text = render(&report(), sections("everything"));
    assert!(!text.contains("NaN") && !text.contains("inf"));
}

#[test]
fn commands_that_were_not_called_are_left_out() {
    let counters = CommandCounters::new(3);
    counters.called(0, 1_500);
    counters.called(0, 500);
    counters.took(0, 2, 1000);
    counters.rejected(1);
    let mut report = report();
    for (row, name) in ["set", "config|get", "del"].into_iter().enumerate() {
        let mut totals = CommandTotals::default();
        totals.add(&counters, row);
        report.commands.push(CommandReport { name: name.into(), totals });
    }
    let text = render(&report, sections("commandstats latencystats"));
    assert_eq!(
        text,
        "# Commandstats\r\n\
         cmdstat_set:calls=2,usec=2,usec_per_call=1.00,rejected_calls=0,failed_calls=0\r\n\
         cmdstat_config|get:calls=0,usec=0,usec_per_call=0.00,rejected_calls=1,failed_calls=0\r\n\
         \r\n# Latencystats\r\n\
         latency_percentiles_usec_set:p50=1.023,p99=1.023,p99.9=1.023\r\n"
    );
}

#[test]
fn errors_and_databases_are_listed() {
    let worker = WorkerCounters::new(0);
    worker.errors.record(b"ERR");
    worker.errors.record(b"WRONGTYPE");
    worker.errors.record(b"ERR");
    let mut report = report();
    worker.errors.add_to(&mut report.errors);
    report.databases = vec![
        DatabaseReport { index: 0, keys: 5, expires: 2, ttl_ms_mean: 99 },
        DatabaseReport { index: 3, ..Default::default() },
    ];
    assert_eq!(
        render(&report, sections("errorstats keyspace")),
        "# Errorstats\r\nerrorstat_ERR:count=2\r\nerrorstat_WRONGTYPE:count=1\r\n\
         \r\n# Keyspace\r\ndb0:keys=5,expires=2,avg_ttl=99\r\n"
    );
}

#[test]
fn counters_reach_their_fields() {
    let worker = WorkerCounters::new(0);
    worker.commands_processed.add(7);
    worker.clients.add(3);
    worker.rollbacks.add(1);
    let mut report = report();
    report.totals = Totals::of([&worker]);
    report.rate = Rate { commands: 1234.6, input_bytes: 2048.0, output_bytes: 512.0 };
    for (name, value) in [
        ("total_commands_processed", "7"),
        ("connected_clients", "3"),
        ("undo_rollbacks", "1"),
        ("instantaneous_ops_per_sec", "1235"),
        ("instantaneous_input_kbps", "2.00"),
        ("instantaneous_output_kbps", "0.50"),
    ] {
        assert_eq!(field(&report, name), value, "{name}");
    }
}
