//! MEMORY: where memory goes, and advice. (MEMORY USAGE, about one key, is a command on data.)

use engine::command::{Args, Arity, CommandResult, Group, Outcome, Reply, Spec};
use engine::keyspace::Keyspace;
use engine::keyspace::census::DatabaseCensus;
use engine::shard::ShardId;

use super::context::{Context, Later};
use super::help;
use super::info::{Findings, collect};
use super::row::ServerCommand;
use super::survey::{Survey, WorkerView};
use crate::config::human_bytes;
use crate::telemetry::info::{MemoryReport, Sections};

pub(super) const COMMANDS: &[ServerCommand] = &[
    ServerCommand {
        spec: row("MEMORY|STATS")
            .doc("4.0.0", "O(S), S being the number of shards.", "Tells where memory goes.")
            .tips(VARYING),
        run: |context, _, _| {
            collect(context, Sections::parse([&b"memory"[..], b"keyspace", b"clients"]), Box::new(stats));
            Ok(Outcome::Done)
        },
    },
    ServerCommand {
        spec: row("MEMORY|DOCTOR")
            .doc("4.0.0", "O(S), S being the number of shards.", "Says what is wrong with the use of memory.")
            .tips(VARYING),
        run: |context, _, _| {
            collect(context, Sections::parse([&b"memory"[..], b"keyspace"]), Box::new(advise));
            Ok(Outcome::Done)
        },
    },
    ServerCommand {
        spec: row("MEMORY|PURGE")
            .doc("4.0.0", "O(N), N being the number of free pages.", "Gives free memory back to the system.")
            .tips(&["request_policy:all_shards", "response_policy:all_succeeded"]),
        run: purge,
    },
    ServerCommand {
        spec: row("MEMORY|MALLOC-STATS")
            .doc("4.0.0", "O(N), N being the number of pages.", "Shows the pages of shards by size of block.")
            .tips(VARYING),
        run: allocator_stats,
    },
    help::row("MEMORY|HELP", Group::Server, "4.0.0"),
];

const VARYING: &[&str] = &["nondeterministic_output", "request_policy:all_shards", "response_policy:special"];

const fn row(name: &'static str) -> Spec {
    Spec::plain(name, Arity::Exactly(2)).group(Group::Server)
}

// ---- STATS --------------------------------------------------------------------------------------

/// A field of the reply.
enum Field {
    Bytes(u64),
    Ratio(f64),
    /// How much memory one database costs besides keys and values.
    Database(DatabaseCensus),
}

fn stats(findings: Findings, reply: &mut dyn Reply) {
    let fields = fields(&findings);
    reply.map(fields.len());
    for (name, field) in fields {
        reply.bulk(name.as_bytes());
        match field {
            Field::Bytes(bytes) => reply.integer(i64::try_from(bytes).unwrap_or(i64::MAX)),
            Field::Ratio(ratio) => reply.double(ratio),
            Field::Database(database) => {
                reply.map(3);
                for (name, bytes) in [("main", database.index_bytes), ("expires", 0), ("slot-to-keys", 0)] {
                    reply.bulk(format!("overhead.hashtable.{name}").as_bytes());
                    reply.integer(bytes as i64);
                }
            }
        }
    }
}

fn fields(findings: &Findings) -> Vec<(String, Field)> {
    let (memory, clients) = (&findings.report.memory, &findings.report.clients);
    let used = memory.used();
    let keys: u64 = findings.databases.values().map(|database| database.keys).sum();
    let overhead = memory.index_bytes + memory.process.private;
    let dataset = used.saturating_sub(overhead);
    let net_used = used.saturating_sub(memory.at_start);
    let (blocks, pages, segments) = (memory.block_bytes, memory.page_bytes, memory.segment_bytes);
    let (resident, shared) = (memory.process.resident, memory.process.shared);
    let ratio = |part: u64, whole: u64| if whole == 0 { 0.0 } else { part as f64 / whole as f64 };
    let percent = |part: u64, whole: u64| (ratio(part, whole) * 100.0).min(100.0);
    let mut fields = Vec::new();
    let mut add = |name: &str, field: Field| fields.push((name.to_owned(), field));
    add("peak.allocated", Field::Bytes(memory.peak));
    add("total.allocated", Field::Bytes(used));
    add("startup.allocated", Field::Bytes(memory.at_start));
    add("replication.backlog", Field::Bytes(0));
    add("clients.slaves", Field::Bytes(0));
    add("clients.normal", Field::Bytes(clients.buffer_bytes));
    for name in ["cluster.links", "aof.buffer", "lua.caches", "functions.caches"] {
        add(name, Field::Bytes(0));
    }
    for (number, database) in findings.databases.iter().filter(|(_, database)| database.keys > 0) {
        add(&format!("db.{number}"), Field::Database(*database));
    }
    add("overhead.total", Field::Bytes(overhead));
    add("keys.count", Field::Bytes(keys));
    add("keys.bytes-per-key", Field::Bytes(net_used.checked_div(keys).unwrap_or(0)));
    add("dataset.bytes", Field::Bytes(dataset));
    add("dataset.percentage", Field::Ratio(percent(dataset, net_used.max(dataset))));
    add("peak.percentage", Field::Ratio(percent(used, memory.peak)));
    add("allocator.allocated", Field::Bytes(blocks));
    add("allocator.active", Field::Bytes(pages));
    add("allocator.resident", Field::Bytes(segments));
    add("allocator-fragmentation.ratio", Field::Ratio(ratio(pages, blocks)));
    add("allocator-fragmentation.bytes", Field::Bytes(pages.saturating_sub(blocks)));
    add("allocator-rss.ratio", Field::Ratio(ratio(segments, pages)));
    add("allocator-rss.bytes", Field::Bytes(segments.saturating_sub(pages)));
    add("rss-overhead.ratio", Field::Ratio(ratio(resident, shared)));
    add("rss-overhead.bytes", Field::Bytes(resident.saturating_sub(shared)));
    add("fragmentation", Field::Ratio(ratio(resident, used)));
    add("fragmentation.bytes", Field::Bytes(resident.saturating_sub(used)));
    fields
}

// ---- DOCTOR -------------------------------------------------------------------------------------

fn advise(findings: Findings, reply: &mut dyn Reply) {
    let advice = advice(&findings.report.memory, findings.report.settings.memory_bytes_max);
    reply.verbatim("txt", advice.as_bytes());
}

/// Below this much data, shares and ratios mean nothing.
const WORTH_A_LOOK: u64 = 5 << 20;

fn advice(memory: &MemoryReport, limit: u64) -> String {
    if memory.block_bytes < WORTH_A_LOOK {
        return "There is too little data here to say anything about its use of memory.\n".into();
    }
    let mut found = Vec::new();
    if memory.page_bytes > memory.block_bytes * 3 / 2 {
        found.push(format!(
            "Sparse pages: {} of blocks lie in {} of pages. Much was deleted; shards compact themselves, and MEMORY \
             PURGE gives back what is free.",
            human_bytes(memory.block_bytes),
            human_bytes(memory.page_bytes)
        ));
    }
    if memory.peak > memory.used() * 3 / 2 {
        found.push(format!(
            "High peak: {} were in use at some time, {} are now.",
            human_bytes(memory.peak),
            human_bytes(memory.used())
        ));
    }
    if limit != 0 && memory.block_bytes > limit / 10 * 9 {
        found.push(format!(
            "Nearly full: {} of maxmemory {} are in use. Writes are refused once it is reached.",
            human_bytes(memory.block_bytes),
            human_bytes(limit)
        ));
    }
    if memory.process.private > memory.block_bytes / 2 {
        found.push(format!(
            "Large buffers: the process itself takes {}. Look for clients with large buffers in CLIENT LIST.",
            human_bytes(memory.process.private)
        ));
    }
    if found.is_empty() {
        return "Nothing is wrong with the use of memory.\n".into();
    }
    found.iter().map(|line| format!(" * {line}\n")).collect()
}

// ---- PURGE --------------------------------------------------------------------------------------

fn purge(context: &mut Context<'_>, _: &mut Args<'_>, _: &mut dyn Reply) -> CommandResult {
    context.later(Later::Survey(Box::new(Purge)));
    Ok(Outcome::Done)
}

struct Purge;

impl Survey for Purge {
    fn wants_shards(&self) -> bool {
        true
    }

    fn shard(&mut self, _: ShardId, keyspace: &mut Keyspace) {
        keyspace.give_back(usize::MAX);
    }

    fn worker(&mut self, _: &mut dyn WorkerView) {}

    fn finish(self: Box<Self>, reply: &mut dyn Reply) {
        reply.ok();
    }
}

// ---- MALLOC-STATS -------------------------------------------------------------------------------

fn allocator_stats(context: &mut Context<'_>, _: &mut Args<'_>, _: &mut dyn Reply) -> CommandResult {
    context.later(Later::Survey(Box::new(Pages::default())));
    Ok(Outcome::Done)
}

/// Lines of a table, shard by shard.
#[derive(Default)]
struct Pages {
    shards: Vec<(ShardId, String)>,
}

impl Survey for Pages {
    fn wants_shards(&self) -> bool {
        true
    }

    fn shard(&mut self, id: ShardId, keyspace: &mut Keyspace) {
        let stats = keyspace.heap().page_stats();
        let mut text = format!(
            "shard {}: {} in blocks, {} mapped, pages: {} own, {} free, {} returned, {} being emptied\n",
            id.0,
            human_bytes(keyspace.heap().used_bytes()),
            human_bytes(keyspace.heap().mapped_bytes()),
            stats.own_pages,
            stats.free_pages,
            stats.holes,
            stats.evacuating_pages,
        );
        for class in &stats.classes {
            text += &format!(
                "  block {:>6} B: {:>8} pages {:>10} used {:>10} free\n",
                class.block_len, class.pages, class.blocks_used, class.blocks_free
            );
        }
        self.shards.push((id, text));
    }

    fn worker(&mut self, _: &mut dyn WorkerView) {}

    fn finish(mut self: Box<Self>, reply: &mut dyn Reply) {
        self.shards.sort_by_key(|(id, _)| *id);
        let text: String = self.shards.iter().map(|(_, text)| text.as_str()).collect();
        reply.verbatim("txt", text.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::tests::Rig;
    use crate::telemetry::ProcessMemory;

    #[test]
    fn stats_have_the_fields_that_redis_has() {
        let mut rig = Rig::new(&[]);
        for nth in 0..100 {
            rig.run(&format!("SET k{nth} v"));
        }
        let text = rig.run("MEMORY STATS");
        for part in [
            "\"keys.count\"\n48) (integer) 100",
            "\"db.0\"",
            "\"overhead.hashtable.main\"",
            "\"allocator-fragmentation.ratio\"",
            "\"dataset.percentage\"",
        ] {
            let parts: Vec<&str> = part.split('\n').collect();
            assert!(text.contains(parts[0]), "{part} in {text}");
        }
        let lines: Vec<&str> = text.lines().collect();
        let at = lines.iter().position(|line| line.contains("\"keys.count\"")).unwrap();
        assert!(lines[at + 1].ends_with("(integer) 100"), "{}", lines[at + 1]);
    }

    #[test]
    fn free_memory_is_given_back() {
        let mut rig = Rig::new(&[]);
        for nth in 0..200 {
            rig.run(&format!("SET k{nth} {}", "v".repeat(100_000)));
        }
        let mapped = |rig: &mut Rig| -> u64 {
            rig.data.shards().iter().map(|keyspace| keyspace.heap().mapped_bytes()).sum()
        };
        let full = mapped(&mut rig);
        for nth in 0..200 {
            rig.run(&format!("DEL k{nth}"));
        }
        rig.data.verify();
        assert_eq!(rig.run("MEMORY PURGE"), "OK");
        assert!(mapped(&mut rig) < full * 2 / 3, "{} of {full}", mapped(&mut rig));
    }

    #[test]
    fn pages_are_shown_shard_by_shard() {
        let text = Rig::new(&[]).run("MEMORY MALLOC-STATS");
        let shards: Vec<usize> = (0..3).filter_map(|id| text.find(&format!("shard {id}: "))).collect();
        assert!(shards.len() == 3 && shards.is_sorted(), "{text}");
    }

    #[test]
    fn the_doctor_names_what_is_wrong() {
        let sound = MemoryReport {
            block_bytes: 100 << 20,
            page_bytes: 110 << 20,
            peak: 100 << 20,
            process: ProcessMemory { private: 10 << 20, ..Default::default() },
            ..Default::default()
        };
        assert!(advice(&MemoryReport::default(), 0).contains("too little data"));
        assert!(advice(&sound, 0).contains("Nothing is wrong"));
        assert!(
            advice(&MemoryReport { page_bytes: 200 << 20, ..sound.clone() }, 0)
                .contains("Sparse pages: 100.00M")
        );
        assert!(advice(&MemoryReport { peak: 300 << 20, ..sound.clone() }, 0).contains("High peak"));
        assert!(advice(&sound, 105 << 20).contains("Nearly full"));
        let process = ProcessMemory { private: 80 << 20, ..Default::default() };
        let two = advice(&MemoryReport { process, page_bytes: 200 << 20, ..sound }, 0);
        assert!(two.contains("Large buffers") && two.lines().count() == 2);
    }
}
