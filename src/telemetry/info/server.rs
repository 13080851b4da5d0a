//! Sections `server`, `clients` and `cpu`.

use super::{Report, Text};
use crate::config::{REDIS_VERSION, VERSION};

pub(super) fn server(report: &Report, text: &mut Text) {
    let (server, settings) = (&report.server, &report.settings);
    text.field("redis_version", REDIS_VERSION);
    text.field("hearth_version", VERSION);
    text.field("redis_git_sha1", "00000000");
    text.field("redis_git_dirty", 0);
    text.field("redis_build_id", format_args!("hearth-{VERSION}"));
    text.field("redis_mode", "standalone");
    text.field("os", operating_system());
    text.field("arch_bits", usize::BITS);
    text.field("monotonic_clock", "POSIX clock_gettime");
    text.field("multiplexing_api", "epoll");
    text.field("atomicvar_api", "rust-atomics");
    text.field("process_id", std::process::id());
    text.field("process_supervised", settings.supervision.word());
    text.field("run_id", &server.run_id);
    text.field("tcp_port", settings.port);
    text.field("server_time_usec", server.now_us);
    text.field("uptime_in_seconds", server.uptime_s);
    text.field("uptime_in_days", server.uptime_s / 86_400);
    text.field("hz", settings.hz);
    text.field("configured_hz", settings.hz);
    text.field("lru_clock", server.lru_clock);
    let executable = std::env::current_exe().unwrap_or_default();
    text.field("executable", executable.display());
    text.field("config_file", server.config_file.as_deref().unwrap_or("".as_ref()).display());
    text.flag("io_threads_active", server.workers > 1);
    text.field("workers", server.workers);
    text.field("shards", server.shards);
    for (index, listener) in server.listeners.iter().enumerate() {
        text.line(format_args!("listener{index}:{listener}"));
    }
}

/// As `uname -srm` has it.
fn operating_system() -> String {
    let name = rustix::system::uname();
    let part = |text: &std::ffi::CStr| text.to_string_lossy().into_owned();
    format!("{} {} {}", part(name.sysname()), part(name.release()), part(name.machine()))
}

pub(super) fn clients(report: &Report, text: &mut Text) {
    let (clients, totals) = (&report.clients, &report.totals);
    text.field("connected_clients", totals.clients);
    text.field("cluster_connections", 0);
    text.field("maxclients", report.settings.clients_max);
    text.field("client_recent_max_input_buffer", clients.input_bytes_max);
    text.field("client_recent_max_output_buffer", clients.output_bytes_max);
    text.field("blocked_clients", totals.clients_blocked);
    text.field("tracking_clients", totals.clients_tracking);
    text.field("watching_clients", totals.clients_watching);
    text.field("clients_in_timeout_table", clients.in_timeout_table);
    text.field("total_watched_keys", totals.watched_keys);
    text.field("total_blocking_keys", 0);
    text.field("total_blocking_keys_on_nokey", 0);
}

pub(super) fn cpu(report: &Report, text: &mut Text) {
    let server = &report.server;
    text.seconds("used_cpu_sys", server.cpu.system_us);
    text.seconds("used_cpu_user", server.cpu.user_us);
    text.seconds("used_cpu_sys_children", server.cpu_children.system_us);
    text.seconds("used_cpu_user_children", server.cpu_children.user_us);
    text.seconds("used_cpu_sys_main_thread", server.cpu_main_thread.system_us);
    text.seconds("used_cpu_user_main_thread", server.cpu_main_thread.user_us);
}
