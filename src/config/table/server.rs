//! The process: where its data lives, how many threads serve it, how it starts and stops.

use super::super::kinds::{CpuList, PipelineOrder, Supervision};
use super::super::setting::{Kind, Setting};
use super::super::value::Value;
use super::{COUNT, POSITIVE};

const ONE_PROCESS: &str = "there is no such helper process or thread";
const WORKERS: &str = "every worker does its own input and output; see threads";

pub(super) const ROWS: &[Setting] = &[
    Setting::integer("threads", (0, 1024), "0")
        .at_start_own()
        .sets(|s, v| s.threads = v.number())
        .doc("Workers, one thread each; 0: one per physical core that affinity and cgroup quota allow."),
    Setting::integer("shards", (0, 4096), "0")
        .at_start_own()
        .sets(|s, v| s.shards = v.number())
        .doc("Parts of the keyspace, fixed when the data is created; 0: two per core, at least 8."),
    Setting::text("shm-dir", "")
        .at_start_own()
        .sets(|s, v| s.shm_dir = v.path())
        .doc("Directory of the shared memory; empty: `/dev/shm/hearth-<id>-<port>`."),
    Setting::bool("warm-restart", "yes")
        .at_start_own()
        .sets(|s, v| s.warm_restart = v.is_yes())
        .doc("Attach to the data of the last run at start, and keep it at stop."),
    Setting::bytes("undo-log-max", (64 << 10, 1 << 40), "256mb")
        .at_start_own()
        .sets(|s, v| s.undo_log_bytes_max = v.number())
        .doc("How long a shard's undo log may grow; a command that needs more is taken back with an error."),
    Setting::choice("pipeline-order", PipelineOrder::WORDS, "per-shard")
        .sets(|s, v| s.pipeline_order = v.choice(PipelineOrder::ALL))
        .doc("`strict`: the commands of a connection take effect in the order sent, across all shards."),
    Setting::integer("databases", POSITIVE, "16")
        .at_start()
        .sets(|s, v| s.databases = v.number())
        .doc("Number of databases for SELECT."),
    Setting::text("dir", "")
        .protected()
        .check(is_directory)
        .adjust(absolute)
        .sets(|s, v| s.dir = v.path().unwrap_or_default())
        .doc("Working directory; the id of the data set is kept there."),
    Setting::text("pidfile", "")
        .at_start()
        .sets(|s, v| s.pid_file = v.path())
        .doc("Where to write the process id."),
    Setting::bool("daemonize", "no")
        .at_start()
        .unkept("the server stays in the foreground; use a service manager, or setsid to leave the terminal"),
    Setting::choice("supervised", Supervision::WORDS, "no")
        .at_start()
        .sets(|s, v| s.supervision = v.choice(Supervision::ALL))
        .doc("`systemd` or `auto`: tell systemd when clients are served."),
    Setting::integer("shutdown-timeout", COUNT, "10")
        .sets(|s, v| s.shutdown_s_max = v.number())
        .doc("Seconds that a stop may take."),
    Setting::special("shutdown-on-sigint", Kind::Shutdown, "default")
        .sets(|s, v| {
            if let Value::Shutdown(flags) = v {
                s.shutdown_on_sigint = *flags;
            }
        })
        .doc("Options of SHUTDOWN for SIGINT."),
    Setting::special("shutdown-on-sigterm", Kind::Shutdown, "default")
        .sets(|s, v| {
            if let Value::Shutdown(flags) = v {
                s.shutdown_on_sigterm = *flags;
            }
        })
        .doc("Options of SHUTDOWN for SIGTERM."),
    Setting::integer("hz", COUNT, "10")
        .adjust(|value| match value {
            Value::Integer(hz) => Value::Integer(hz.clamp(1, 500)),
            other => other,
        })
        .sets(|s, v| s.hz = v.number())
        .doc("Reported in INFO; work is driven by events, and what must tick ticks so often per second."),
    Setting::bool("dynamic-hz", "yes").idle("timers fire when something is due, not at a rate"),
    Setting::text("server_cpulist", "")
        .at_start()
        .check(is_cpu_list)
        .sets(|s, v| s.worker_cpus = cpu_list(v))
        .doc("Processors that workers are pinned to, such as `0-7:2`; empty: any, one each."),
    Setting::text("bio_cpulist", "").at_start().idle(ONE_PROCESS),
    Setting::text("aof_rewrite_cpulist", "").at_start().idle(ONE_PROCESS),
    Setting::text("bgsave_cpulist", "").at_start().idle(ONE_PROCESS),
    Setting::integer("io-threads", (1, 128), "1").at_start().idle(WORKERS),
    Setting::bool("io-threads-do-reads", "no").at_start().idle(WORKERS),
    Setting::bool("always-show-logo", "no").at_start().idle("there is no logo"),
    Setting::bool("set-proc-title", "yes").at_start().idle("the title of the process stays as it is"),
    Setting::text("proc-title-template", "{title} {listen-addr} {server-mode}")
        .check(is_title_template)
        .idle("the title of the process stays as it is"),
    Setting::text("locale-collate", "").idle("nothing sorts by locale yet"),
    Setting::choice("oom-score-adj", &["no", "yes", "relative", "absolute"], "no")
        .idle("the score is left to the service manager"),
    Setting::special("oom-score-adj-values", Kind::OomScores, "0 200 800")
        .idle("the score is left to the service manager"),
    Setting::bool("disable-thp", "yes").at_start().idle("segments ask for huge pages themselves"),
    Setting::text("ignore-warnings", "").idle("no warning needs to be silenced"),
    Setting::choice("propagation-error-behavior", &["ignore", "panic", "panic-on-replicas"], "ignore")
        .idle("an effect cannot fail on its way to replicas"),
];

fn is_directory(value: &Value) -> Result<(), String> {
    let path = value.path().unwrap_or_default();
    match std::fs::metadata(&path) {
        Ok(found) if found.is_dir() => Ok(()),
        Ok(_) => Err("Not a directory".into()),
        Err(error) => Err(reason(&error)),
    }
}

/// The system's words for an error, without the number that Rust adds.
fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}

fn absolute(value: Value) -> Value {
    use std::os::unix::ffi::OsStringExt;
    match value.path().and_then(|path| path.canonicalize().ok()) {
        Some(path) => Value::Text(path.into_os_string().into_vec()),
        None => value,
    }
}

fn cpu_list(value: &Value) -> CpuList {
    CpuList::parse(&value.to_string()).unwrap_or_default()
}

fn is_cpu_list(value: &Value) -> Result<(), String> {
    CpuList::parse(&value.to_string()).map(|_| ()).ok_or_else(|| "Invalid list of processors".into())
}

/// Redis's rule: not empty, and only known names in braces.
fn is_title_template(value: &Value) -> Result<(), String> {
    const KNOWN: [&str; 7] =
        ["title", "listen-addr", "server-mode", "port", "tls-port", "unixsocket", "config-file"];
    let text = value.to_string();
    let known = text
        .split('{')
        .skip(1)
        .all(|part| part.split_once('}').is_some_and(|(name, _)| KNOWN.contains(&name)));
    if known && !text.is_empty() {
        Ok(())
    } else {
        Err("template format is invalid or contains unknown variables".into())
    }
}
