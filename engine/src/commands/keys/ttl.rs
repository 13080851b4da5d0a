//! How long keys live: TTL, PTTL, EXPIRETIME, PEXPIRETIME.

use crate::command::{Args, Arity, CommandResult, DataCommand, Exec, Flags, Keys, Outcome, Reply, Spec};

const fn row(name: &'static str, since: &'static str, summary: &'static str) -> Spec {
    Spec::read(name, Arity::Exactly(2), Keys::ONE)
        .flags(Flags::FAST)
        .syntax("key")
        .doc(since, "O(1)", summary)
}

const CHANGES: &[&str] = &["nondeterministic_output"];

pub(super) const COMMANDS: &[DataCommand] = &[
    DataCommand {
        spec: row("TTL", "1.0.0", "Returns the time to live of a key, in seconds.").tips(CHANGES),
        run: |exec, args, reply| {
            answer(exec, args, reply, |deadline_ms, now_ms| to_seconds(deadline_ms.saturating_sub(now_ms)))
        },
    },
    DataCommand {
        spec: row("PTTL", "2.6.0", "Returns the time to live of a key, in milliseconds.").tips(CHANGES),
        run: |exec, args, reply| {
            answer(exec, args, reply, |deadline_ms, now_ms| deadline_ms.saturating_sub(now_ms))
        },
    },
    DataCommand {
        spec: row("EXPIRETIME", "7.0.0", "Returns when a key expires, as a unix time in seconds."),
        run: |exec, args, reply| answer(exec, args, reply, |deadline_ms, _| to_seconds(deadline_ms)),
    },
    DataCommand {
        spec: row("PEXPIRETIME", "7.0.0", "Returns when a key expires, as a unix time in milliseconds."),
        run: |exec, args, reply| answer(exec, args, reply, |deadline_ms, _| deadline_ms),
    },
];

/// To the nearest second.
fn to_seconds(time_ms: u64) -> u64 {
    (time_ms + 500) / 1000
}

const NO_KEY: i64 = -2;
const NO_DEADLINE: i64 = -1;

fn answer(
    exec: &mut Exec<'_, '_>,
    args: &mut Args<'_>,
    reply: &mut dyn Reply,
    show: fn(deadline_ms: u64, now_ms: u64) -> u64,
) -> CommandResult {
    let now_ms = exec.now_ms();
    let value = match exec.look(&args.key()?)? {
        None => NO_KEY,
        Some(entry) => match entry.deadline_ms() {
            None => NO_DEADLINE,
            Some(deadline_ms) => i64::try_from(show(deadline_ms, now_ms)).unwrap_or(i64::MAX),
        },
    };
    reply.integer(value);
    Ok(Outcome::Done)
}
