//! CONFIG: settings read and changed while the server runs.

use std::sync::Arc;

use engine::command::{Args, Arity, CommandResult, Error, Flags, Group, Outcome, Reply, Spec};
use engine::keyspace::Keyspace;
use engine::shard::ShardId;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::context::{Context, Later};
use super::help;
use super::info::Harvest;
use super::node::Node;
use super::row::ServerCommand;
use super::survey::{Survey, WorkerView};
use crate::config::{Caller, Changes, Refused, SetError};
use crate::telemetry::log;

pub(super) const COMMANDS: &[ServerCommand] = &[
    ServerCommand {
        spec: row("CONFIG|GET", Arity::AtLeast(3)).syntax("parameter [parameter ...]").doc(
            "2.0.0",
            "O(N), N being the number of settings asked for.",
            "Returns the values of settings.",
        ),
        run: get,
    },
    ServerCommand {
        spec: row("CONFIG|SET", Arity::AtLeast(4))
            .syntax("parameter value [parameter value ...]")
            .doc("2.0.0", "O(N), N being the number of settings given.", "Changes settings.")
            .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"]),
        run: set,
    },
    ServerCommand {
        spec: row("CONFIG|RESETSTAT", Arity::Exactly(2)).doc(
            "2.0.0",
            "O(1)",
            "Sets the counters of INFO to zero.",
        ),
        run: reset_counters,
    },
    ServerCommand {
        spec: row("CONFIG|REWRITE", Arity::Exactly(2)).doc(
            "2.8.0",
            "O(N), N being the number of settings.",
            "Writes the settings in force to the configuration file.",
        ),
        run: rewrite,
    },
    help::row("CONFIG|HELP", Group::Server, "5.0.0"),
];

const fn row(name: &'static str, arity: Arity) -> Spec {
    Spec::plain(name, arity)
        .group(Group::Server)
        .flags(Flags::ADMIN.union(Flags::NOSCRIPT).union(Flags::LOADING).union(Flags::STALE))
}

fn get(context: &mut Context<'_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let found = context.node.config.get(args.rest());
    reply.map(found.len());
    for (name, value) in &found {
        reply.bulk(name);
        reply.bulk(value);
    }
    Ok(Outcome::Done)
}

fn set(context: &mut Context<'_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let (pairs, []) = args.rest().as_chunks::<2>() else { return Err(Error::Syntax) };
    let pairs: Vec<(&[u8], &[u8])> = pairs.iter().map(|[name, value]| (*name, *value)).collect();
    let caller = Caller { local: context.client.ends.is_local };
    let node = context.node;
    let warnings =
        node.config.set(&pairs, caller, |changes| apply(node, changes)).map_err(|refused| match refused {
            SetError::Unknown(name) => {
                Error::repeating("ERR Unknown option or number of arguments for CONFIG SET - '", &name, "'")
            }
            SetError::Refused { .. } => Error::Other(format!("ERR {refused}").into()),
        })?;
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    reply.ok();
    Ok(Outcome::Done)
}

/// Does what a change means outside the table of settings. What can fail comes first.
fn apply(node: &Node, changes: &Changes<'_>) -> Result<(), Refused> {
    let (before, after) = (changes.before, changes.after);
    let refuse = |setting, reason: String| Err(Refused { setting, reason });
    for (setting, differs) in [("port", before.port != after.port), ("bind", before.bind != after.bind)] {
        if differs {
            return refuse(setting, "the server listens where it was started; start it again".into());
        }
    }
    if after.clients_max > before.clients_max
        && let Err(possible) = make_room_for(u64::from(after.clients_max))
    {
        let reason = format!(
            "The operating system is not able to handle the specified number of clients, try with {possible}"
        );
        return refuse("maxclients", reason);
    }
    if before.dir != after.dir
        && let Err(error) = std::env::set_current_dir(&after.dir)
    {
        return refuse("dir", error.to_string());
    }
    if before.memory_bytes_max != after.memory_bytes_max {
        let limit = after.memory_bytes_max;
        node.memory.set_limit(if limit == 0 { u64::MAX } else { limit });
        if limit != 0 && node.memory.granted() > limit {
            tracing::warn!(
                "The new maxmemory value set via CONFIG SET ({limit}) is smaller than the memory in use ({}). \
                 Writes that need memory are refused until enough is freed.",
                node.memory.granted()
            );
        }
    }
    if before.log_level != after.log_level {
        log::set_level(after.log_level);
    }
    Ok(())
}

/// Descriptors that are not clients: segments, listeners, wakers, the log.
const OWN_DESCRIPTORS: u64 = 128;

/// Sees to it that so many clients can be connected; else returns how many can.
fn make_room_for(clients: u64) -> Result<(), u64> {
    let wanted = clients + OWN_DESCRIPTORS;
    let limit = getrlimit(Resource::Nofile);
    let Some(current) = limit.current.filter(|current| *current < wanted) else { return Ok(()) };
    let maximum = limit.maximum.map(|maximum| maximum.max(wanted));
    let raised = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum });
    raised.map_err(|_| current.saturating_sub(OWN_DESCRIPTORS))
}

fn rewrite(context: &mut Context<'_>, _: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    context.node.config.rewrite(false).map_err(|error| {
        tracing::warn!("CONFIG REWRITE failed: {error}");
        Error::Other(format!("ERR {error}").into())
    })?;
    tracing::info!("CONFIG REWRITE executed with success.");
    reply.ok();
    Ok(Outcome::Done)
}

fn reset_counters(context: &mut Context<'_>, _: &mut Args<'_>, _: &mut dyn Reply) -> CommandResult {
    let node = Arc::clone(context.node);
    context.later(Later::Survey(Box::new(Reset { node, harvest: Harvest::default() })));
    Ok(Outcome::Done)
}

/// Counters are set to zero by the thread that counts.
struct Reset {
    node: Arc<Node>,
    harvest: Harvest,
}

impl Survey for Reset {
    fn wants_shards(&self) -> bool {
        true
    }

    fn shard(&mut self, _: ShardId, keyspace: &mut Keyspace) {
        self.harvest.take(keyspace);
    }

    fn worker(&mut self, worker: &mut dyn WorkerView) {
        let counters = &self.node.counters[worker.id()];
        self.harvest.count(counters);
        counters.reset();
    }

    fn finish(self: Box<Self>, reply: &mut dyn Reply) {
        self.node.reset_other_totals();
        reply.ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::tests::{Rig, check};

    #[test]
    fn settings_are_read_and_changed() {
        check(
            r#"
            > CONFIG GET port
            1) "port"
            2) "6379"
            > CONFIG GET PORT nosuch lfu-*
            1) "PORT"
            2) "6379"
            3) "lfu-log-factor"
            4) "10"
            5) "lfu-decay-time"
            6) "1"
            > CONFIG GET nosuch
            (empty array)
            > CONFIG SET lfu-log-factor 11 lfu-decay-time 2
            OK
            > CONFIG GET lfu-*
            1) "lfu-log-factor"
            2) "11"
            3) "lfu-decay-time"
            4) "2"
            > CONFIG SET
            (error) ERR wrong number of arguments for 'config|set' command
            > CONFIG SET a
            (error) ERR wrong number of arguments for 'config|set' command
            > CONFIG SET a b c
            (error) ERR syntax error
            > CONFIG SET nope 1
            (error) ERR Unknown option or number of arguments for CONFIG SET - 'nope'
            > CONFIG SET lfu-log-factor 12 daemonize yes
            (error) ERR CONFIG SET failed (possibly related to argument 'daemonize') - can't set immutable config
            > CONFIG GET lfu-log-factor
            1) "lfu-log-factor"
            2) "11"
            > CONFIG SET Port 1
            (error) ERR CONFIG SET failed (possibly related to argument 'port') - the server listens where it was started; start it again
            > CONFIG SET port 6379
            OK
            > CONFIG REWRITE
            (error) ERR The server is running without a config file
            "#,
        );
    }

    #[test]
    fn a_change_is_made_outside_too() {
        let mut rig = Rig::new(&[]);
        assert_eq!(rig.node.memory.limit(), u64::MAX);
        for (value, limit) in [("100mb", 100 << 20), ("0", u64::MAX), ("1", 1)] {
            assert_eq!(rig.run(&format!("CONFIG SET maxmemory {value}")), "OK");
            assert_eq!(rig.node.memory.limit(), limit);
        }
    }

    #[test]
    fn protected_settings_are_for_those_who_may() {
        let mut rig = Rig::new(&["--enable-protected-configs", "local"]);
        let dir = std::env::current_dir().unwrap();
        let set = format!("CONFIG SET dir {}", dir.display());
        assert_eq!(rig.run(&set), "OK");
        rig.client(0).ends.is_local = false;
        assert!(rig.run(&set).ends_with("can't set protected config"));
    }

    #[test]
    fn counters_begin_again_and_levels_stay() {
        let mut rig = Rig::new(&[]);
        // Of two workers and another thread.
        for counters in &rig.node.counters {
            counters.connections_received.add(5);
            counters.clients.add(1);
        }
        let totals = |rig: &Rig| (rig.node.totals().connections_received, rig.node.totals().clients);
        assert_eq!(totals(&rig), (15, 3));
        assert_eq!(rig.run("CONFIG RESETSTAT"), "OK");
        assert_eq!(totals(&rig), (0, 3));
        rig.node.counters[2].connections_received.add(1);
        assert_eq!(totals(&rig), (1, 3));
    }

    #[test]
    fn room_is_made_up_to_what_the_system_allows() {
        assert_eq!(make_room_for(1), Ok(()));
        assert!(make_room_for(u64::from(u32::MAX)).is_err_and(|possible| possible < u64::from(u32::MAX)));
    }
}
