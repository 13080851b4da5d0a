//! Section `memory`.
//!
//! Redis's terms, read for memory that is shared: *used* is blocks in use plus the process's own memory; the
//! *allocator* is the segments: allocated are blocks, active are pages with a block in them, resident is the length of
//! the segments. *Fragmentation* compares what the kernel gave with what is used.

use super::{Report, Text};
use crate::config::human_bytes;

pub(super) fn memory(report: &Report, text: &mut Text) {
    let (memory, settings) = (&report.memory, &report.settings);
    let used = memory.used();
    let overhead = memory.index_bytes + memory.process.private;
    text.bytes("used_memory", used);
    text.bytes("used_memory_rss", memory.process.resident);
    text.bytes("used_memory_peak", memory.peak.max(used));
    text.percent("used_memory_peak_perc", used, memory.peak.max(used));
    text.field("used_memory_overhead", overhead);
    text.field("used_memory_startup", memory.at_start);
    let dataset = used.saturating_sub(overhead);
    text.field("used_memory_dataset", dataset);
    text.percent("used_memory_dataset_perc", dataset, used.saturating_sub(memory.at_start).max(dataset));
    text.field("allocator_allocated", memory.block_bytes);
    text.field("allocator_active", memory.page_bytes);
    text.field("allocator_resident", memory.segment_bytes);
    text.bytes("total_system_memory", memory.system);
    text.bytes("used_memory_lua", 0);
    text.fields(
        &[
            "used_memory_vm_eval",
            "used_memory_scripts_eval",
            "number_of_cached_scripts",
            "number_of_functions",
            "number_of_libraries",
            "used_memory_vm_functions",
        ],
        0,
    );
    text.bytes("used_memory_vm_total", 0);
    text.field("used_memory_functions", 0);
    text.bytes("used_memory_scripts", 0);
    text.bytes("maxmemory", settings.memory_bytes_max);
    text.field("maxmemory_policy", settings.eviction_policy.word());
    let (allocated, active, resident) =
        (memory.block_bytes as f64, memory.page_bytes as f64, memory.segment_bytes as f64);
    text.ratio("allocator_frag_ratio", active, allocated);
    text.field("allocator_frag_bytes", memory.page_bytes.saturating_sub(memory.block_bytes));
    text.ratio("allocator_rss_ratio", resident, active);
    text.field("allocator_rss_bytes", memory.segment_bytes.saturating_sub(memory.page_bytes));
    let rss = memory.process.resident;
    let of_segments = memory.process.shared;
    text.ratio("rss_overhead_ratio", rss as f64, of_segments as f64);
    text.field("rss_overhead_bytes", rss.saturating_sub(of_segments));
    text.ratio("mem_fragmentation_ratio", rss as f64, used as f64);
    text.field("mem_fragmentation_bytes", rss as i64 - used as i64);
    text.fields(
        &[
            "mem_not_counted_for_evict",
            "mem_replication_backlog",
            "mem_total_replication_buffers",
            "mem_clients_slaves",
        ],
        0,
    );
    text.field("mem_clients_normal", report.clients.buffer_bytes);
    text.fields(&["mem_cluster_links", "mem_aof_buffer"], 0);
    text.field("mem_allocator", "hearth");
    text.field("mem_undo_log", memory.undo_log_bytes);
    text.field("mem_private", memory.process.private);
    text.field("mem_segments", memory.segment_bytes);
    text.field("mem_segments_human", human_bytes(memory.segment_bytes));
    text.field("mem_segments_huge", memory.huge_bytes);
    text.percent("mem_segments_huge_perc", memory.huge_bytes, memory.segment_bytes);
    text.field("active_defrag_running", 0);
    text.field("lazyfree_pending_objects", report.totals.lazy_free_pending);
    text.field("lazyfreed_objects", report.totals.lazy_freed);
}
