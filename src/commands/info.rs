//! INFO, and the findings that MEMORY STATS and MEMORY DOCTOR share with it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use engine::command::{Args, Arity, Categories, CommandResult, Flags, Group, Outcome, Reply, Spec};
use engine::keyspace::census::{DatabaseCensus, MemoryCensus};
use engine::keyspace::entry::clock_at;
use engine::keyspace::{Keyspace, Stats};
use engine::shard::ShardId;

use super::context::{Context, Later};
use super::node::Node;
use super::row::ServerCommand;
use super::survey::{Fate, Survey, WorkerView};
use crate::telemetry::info::{
    ClientsReport, CommandReport, DatabaseReport, MemoryReport, Report, Section, Sections, ServerReport,
    render,
};
use crate::telemetry::{CommandTotals, CpuTimes, ProcessMemory, Rate, WorkerCounters, system_memory_bytes};

pub(super) const COMMANDS: &[ServerCommand] = &[ServerCommand {
    spec: Spec::plain("INFO", Arity::AtLeast(1))
        .group(Group::Server)
        .categories(Categories::DANGEROUS)
        .flags(Flags::LOADING.union(Flags::STALE))
        .syntax("[section [section ...]]")
        .doc("1.0.0", "O(S), S being the number of shards.", "Tells about the server, in sections of fields.")
        .tips(&["nondeterministic_output", "request_policy:all_shards", "response_policy:special"]),
    run: info,
}];

fn info(context: &mut Context<'_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let sections = Sections::parse(args.rest().iter().copied());
    let show = move |findings: Findings, reply: &mut dyn Reply| {
        reply.verbatim("txt", render(&findings.report, sections).as_bytes());
    };
    if asks_workers(sections) {
        collect(context, sections, Box::new(show));
    } else {
        show(Findings::begin(context, sections), reply);
    }
    Ok(Outcome::Done)
}

/// Whether the sections need more than what the node knows.
fn asks_workers(sections: Sections) -> bool {
    sections.contains(Section::Clients) || asks_shards(sections)
}

fn asks_shards(sections: Sections) -> bool {
    let of_shards = [Section::Memory, Section::Persistence, Section::Stats, Section::Keyspace];
    of_shards.into_iter().any(|section| sections.contains(section))
}

/// What a survey has found out about the server.
pub(super) struct Findings {
    pub report: Report,
    /// Of all shards together.
    pub databases: BTreeMap<u32, DatabaseCensus>,
}

/// Asks all workers, and their shards if `sections` need them, and then has `show` write the reply.
pub(super) fn collect(context: &mut Context<'_>, sections: Sections, show: Show) {
    let survey = Census {
        findings: Findings::begin(context, sections),
        memory: MemoryCensus::default(),
        harvest: Harvest::default(),
        asks_shards: asks_shards(sections),
        now_ms: context.now_ms,
        node: Arc::clone(context.node),
        show,
    };
    context.later(Later::Survey(Box::new(survey)));
}

/// Writes the reply from the findings.
pub(super) type Show = Box<dyn FnOnce(Findings, &mut dyn Reply) + Send>;

struct Census {
    findings: Findings,
    memory: MemoryCensus,
    harvest: Harvest,
    asks_shards: bool,
    now_ms: u64,
    node: Arc<Node>,
    show: Show,
}

impl Survey for Census {
    fn wants_shards(&self) -> bool {
        self.asks_shards
    }

    fn shard(&mut self, _: ShardId, keyspace: &mut Keyspace) {
        self.harvest.take(keyspace);
        let memory = keyspace.memory_census();
        self.memory.blocks += memory.blocks;
        self.memory.pages += memory.pages;
        self.memory.mapped += memory.mapped;
        self.memory.own += memory.own;
        for database in keyspace.census(self.now_ms) {
            let sum = self.findings.databases.entry(database.number).or_default();
            sum.number = database.number;
            sum.keys += database.keys;
            sum.expires += database.expires;
            sum.ttl_ms_sum += database.ttl_ms_sum;
            sum.index_bytes += database.index_bytes;
        }
    }

    fn worker(&mut self, worker: &mut dyn WorkerView) {
        self.harvest.count(&self.node.counters[worker.id()]);
        let report = &mut self.findings.report;
        report.rate += worker.rate();
        let clients = &mut report.clients;
        worker.clients(&mut |view| {
            let buffers = &view.buffers;
            clients.buffer_bytes += buffers.memory_bytes as u64;
            clients.input_bytes_max = clients.input_bytes_max.max(buffers.query_len as u64);
            clients.output_bytes_max = clients.output_bytes_max.max(buffers.output_len as u64);
            Fate::Spare
        });
    }

    fn finish(self: Box<Self>, reply: &mut dyn Reply) {
        let Census { mut findings, memory, node, show, .. } = *self;
        findings.report.totals = node.totals();
        findings.add_memory(memory, &node);
        findings.add_databases();
        show(findings, reply);
    }
}

/// What shards have counted, on its way to the counters of their worker. They count for themselves, where it costs
/// nothing, until somebody asks.
#[derive(Debug, Default)]
pub(super) struct Harvest {
    stats: Stats,
    changes: u64,
}

impl Harvest {
    /// Takes what a shard has counted.
    pub fn take(&mut self, keyspace: &mut Keyspace) {
        let Stats { hits, misses, expired, expired_fields } = keyspace.take_stats();
        self.stats.hits += hits;
        self.stats.misses += misses;
        self.stats.expired += expired;
        self.stats.expired_fields += expired_fields;
        self.changes += keyspace.effects_mut().take_changes();
    }

    /// Adds it to the counters of the shards' worker, whose thread this is.
    pub fn count(&mut self, counters: &WorkerCounters) {
        let Harvest { stats, changes } = std::mem::take(self);
        counters.keyspace_hits.add(stats.hits);
        counters.keyspace_misses.add(stats.misses);
        counters.expired_keys.add(stats.expired);
        counters.expired_fields.add(stats.expired_fields);
        counters.changes.add(changes);
    }
}

impl Findings {
    /// What is known without asking anybody.
    fn begin(context: &Context<'_>, sections: Sections) -> Findings {
        let node = context.node;
        let counters = || node.counters.iter().map(|counters| &**counters);
        let mut commands = Vec::new();
        if sections.contains(Section::CommandStats) || sections.contains(Section::LatencyStats) {
            let rows = context.catalogue.rows().iter().enumerate();
            commands.extend(rows.map(|(row, spec)| {
                let mut totals = CommandTotals::default();
                counters().for_each(|counters| totals.add(&counters.commands, row));
                CommandReport { name: spec.name.to_ascii_lowercase(), totals }
            }));
        }
        let mut errors = BTreeMap::new();
        if sections.contains(Section::ErrorStats) {
            counters().for_each(|counters| counters.errors.add_to(&mut errors));
        }
        let report = Report {
            settings: node.config.settings(),
            server: server(node, context.now_ms, sections),
            clients: ClientsReport::default(),
            memory: MemoryReport::default(),
            persistence: node.start_report().persistence.clone(),
            totals: node.totals(),
            rate: Rate::default(),
            commands,
            errors,
            databases: Vec::new(),
        };
        Findings { report, databases: BTreeMap::new() }
    }

    fn add_memory(&mut self, shards: MemoryCensus, node: &Node) {
        let index_bytes = self.databases.values().map(|database| database.index_bytes).sum();
        let memory = MemoryReport {
            block_bytes: shards.blocks,
            index_bytes,
            page_bytes: shards.pages,
            segment_bytes: shards.mapped,
            huge_bytes: node.start_report().segments.iter().map(|segment| segment.huge_bytes()).sum(),
            undo_log_bytes: shards.own,
            peak: 0,
            at_start: node.start_report().used_bytes,
            process: ProcessMemory::now(),
            system: system_memory_bytes(),
        };
        let peak = node.note_used_bytes(memory.used());
        self.report.memory = MemoryReport { peak, ..memory };
    }

    fn add_databases(&mut self) {
        let report = |database: &DatabaseCensus| DatabaseReport {
            index: database.number,
            keys: database.keys,
            expires: database.expires,
            ttl_ms_mean: (database.ttl_ms_sum / database.expires.max(1) as f64) as u64,
        };
        self.report.databases = self.databases.values().map(report).collect();
    }
}

fn server(node: &Node, now_ms: u64, sections: Sections) -> ServerReport {
    let now_us = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_micros() as u64);
    let mut server = ServerReport {
        run_id: node.run_id.clone(),
        replication_id: node.run_id.clone(),
        config_file: node.config.file().map(std::path::Path::to_owned),
        uptime_s: now_ms.saturating_sub(node.started_ms) / 1000,
        now_us,
        lru_clock: clock_at(now_ms),
        workers: node.worker_count(),
        shards: node.shard_count,
        listeners: node.start_report().listeners.clone(),
        ..ServerReport::default()
    };
    if sections.contains(Section::Cpu) {
        (server.cpu, server.cpu_children) = CpuTimes::process();
        server.cpu_main_thread = CpuTimes::main_thread();
    }
    server
}

#[cfg(test)]
mod tests {
    use crate::commands::node::StartReport;
    use crate::commands::tests::Rig;
    use crate::telemetry::info::PersistenceReport;

    /// The value of a field in what INFO answers to `sections`.
    #[track_caller]
    fn field(rig: &mut Rig, sections: &str, name: &str) -> String {
        let text = rig.run(&format!("INFO {sections}"));
        let prefix = format!("{name}:");
        let mut fields = text.trim_matches('"').split("\\r\\n");
        fields
            .find_map(|line| line.strip_prefix(&prefix))
            .unwrap_or_else(|| panic!("no {name}: {text}"))
            .to_owned()
    }

    #[test]
    fn sections_are_those_asked_for() {
        let mut rig = Rig::new(&[]);
        assert_eq!(rig.run("INFO cluster"), r##""# Cluster\r\ncluster_enabled:0\r\n""##);
        assert_eq!(rig.run("INFO nosuch"), "\"\"");
        let text = rig.run("INFO");
        assert!(text.contains("# Server") && text.contains("# Keyspace") && !text.contains("# Commandstats"));
    }

    #[test]
    fn keys_of_all_shards_are_counted() {
        let mut rig = Rig::new(&[]);
        assert_eq!(rig.run("INFO keyspace"), r##""# Keyspace\r\n""##);
        for nth in 0..50 {
            rig.run(&format!("SET k{nth} v"));
        }
        for nth in 0..10 {
            rig.run(&format!("PEXPIRE k{nth} 60000"));
        }
        rig.run("SELECT 5");
        rig.run("SET k v");
        rig.run("GET k");
        rig.run("GET nosuch");
        assert_eq!(field(&mut rig, "keyspace", "db0"), "keys=50,expires=10,avg_ttl=60000");
        assert_eq!(field(&mut rig, "keyspace", "db5"), "keys=1,expires=0,avg_ttl=0");
        assert_eq!(field(&mut rig, "stats", "keyspace_hits"), "1");
        assert_eq!(field(&mut rig, "stats", "keyspace_misses"), "1");
        assert_eq!(field(&mut rig, "persistence", "rdb_changes_since_last_save"), "61");
        rig.run("SELECT 0");
        rig.pass(60_000);
        for nth in 0..10 {
            rig.run(&format!("GET k{nth}"));
        }
        assert_eq!(field(&mut rig, "stats", "expired_keys"), "10");
        rig.run("CONFIG RESETSTAT");
        rig.run("GET k40");
        assert_eq!(field(&mut rig, "stats", "keyspace_hits"), "1");
        assert_eq!(field(&mut rig, "stats", "expired_keys"), "0");
        assert_eq!(field(&mut rig, "stats", "instantaneous_ops_per_sec"), "42");
    }

    #[test]
    fn memory_of_all_shards_is_added_up() {
        let mut rig = Rig::new(&[]);
        let number = |rig: &mut Rig, name: &str| field(rig, "memory", name).parse::<u64>().unwrap();
        let before = number(&mut rig, "allocator_allocated");
        for nth in 0..300 {
            rig.run(&format!("SET k{nth} {}", "v".repeat(1000)));
        }
        let after = number(&mut rig, "allocator_allocated");
        assert!((300_000..400_000).contains(&(after - before)), "{before} {after}");
        assert!(number(&mut rig, "used_memory") > after);
        let peak = number(&mut rig, "used_memory_peak");
        rig.run("FLUSHALL");
        assert!(number(&mut rig, "used_memory_peak") >= peak);
        assert!(number(&mut rig, "mem_clients_normal") > 0);
    }

    #[test]
    fn the_start_is_remembered() {
        let mut rig = Rig::new(&[]);
        assert_eq!(field(&mut rig, "persistence", "shm_attached"), "0");
        rig.node.note_start(StartReport {
            persistence: PersistenceReport { attached: true, attach_us: 77, ..Default::default() },
            listeners: vec!["name=tcp,bind=*,port=6379".into()],
            segments: Vec::new(),
            used_bytes: 123,
        });
        for (section, name, value) in [
            ("persistence", "shm_attached", "1"),
            ("persistence", "shm_attach_usec", "77"),
            ("server", "listener0", "name=tcp,bind=*,port=6379"),
            ("memory", "used_memory_startup", "123"),
        ] {
            assert_eq!(field(&mut rig, section, name), value);
        }
    }

    #[test]
    fn commands_and_errors_are_summed_over_workers() {
        let mut rig = Rig::new(&[]);
        let row = crate::dispatch::Table::get().find(2, |_| b"GET").unwrap().id;
        for counters in &rig.node.counters[..2] {
            counters.commands.called(usize::from(row), 3000);
            counters.errors.record(b"WRONGTYPE");
        }
        let expected = "calls=2,usec=6,usec_per_call=3.00,rejected_calls=0,failed_calls=0";
        assert_eq!(field(&mut rig, "commandstats", "cmdstat_get"), expected);
        assert_eq!(field(&mut rig, "errorstats", "errorstat_WRONGTYPE"), "count=2");
    }
}
