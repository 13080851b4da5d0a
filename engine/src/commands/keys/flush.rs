//! Whole databases emptied: FLUSHDB, FLUSHALL.

use crate::command::{
    Args, Arity, Categories, CommandResult, DataCommand, Error, Exec, Group, Keys, Outcome, Reply, Routing,
    Spec,
};

const fn row(name: &'static str, summary: &'static str) -> Spec {
    Spec::write(name, Arity::AtLeast(1), Keys::NONE)
        .group(Group::Server)
        .routing(Routing::AllShards)
        .categories(Categories::KEYSPACE.union(Categories::DANGEROUS))
        .syntax("[ASYNC | SYNC]")
        .doc("1.0.0", "O(1); the memory comes back in small steps.", summary)
        .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
}

pub(super) const COMMANDS: &[DataCommand] = &[
    DataCommand {
        spec: row("FLUSHDB", "Removes all keys of the selected database."),
        run: |exec, args, reply| {
            let db = exec.db();
            flush(exec, args, reply, db..db + 1)
        },
    },
    DataCommand {
        spec: row("FLUSHALL", "Removes all keys of all databases."),
        run: |exec, args, reply| {
            let dbs = 0..exec.caller().db_count;
            flush(exec, args, reply, dbs)
        },
    },
];

/// ASYNC and SYNC are the same here: a database is detached in constant time either way.
fn flush(
    exec: &mut Exec<'_, '_>,
    args: &mut Args<'_>,
    reply: &mut dyn Reply,
    dbs: std::ops::Range<u32>,
) -> CommandResult {
    if !args.is_empty() && !((args.take("ASYNC") || args.take("SYNC")) && args.is_empty()) {
        return Err(Error::Syntax);
    }
    let now_ms = exec.now_ms();
    for keyspace in exec.keyspaces() {
        for db in dbs.clone() {
            keyspace.flush(db, now_ms)?;
        }
    }
    reply.ok();
    Ok(Outcome::Done)
}
