//! How long fields live: HTTL, HPTTL, HEXPIRETIME, HPEXPIRETIME.

use super::fields::{NOT_POSITIVE, named};
use crate::command::{
    Args, Arity, CommandResult, DataCommand, Exec, Flags, Group, Keys, Outcome, Reply, Spec,
};
use crate::types::hash::Hash;

const fn row(name: &'static str, summary: &'static str) -> Spec {
    Spec::read(name, Arity::AtLeast(5), Keys::ONE)
        .group(Group::Hash)
        .flags(Flags::FAST)
        .syntax("key FIELDS numfields field [field ...]")
        .doc("7.4.0", "O(log N) for each field, N being the number of fields of the hash.", summary)
}

pub(super) const COMMANDS: &[DataCommand] = &[
    DataCommand {
        spec: row("HTTL", "Returns the time to live of fields of a hash, in seconds."),
        run: |exec, args, reply| {
            answer(exec, args, reply, "HTTL", |deadline_ms, now_ms| (deadline_ms - now_ms).div_ceil(1000))
        },
    },
    DataCommand {
        spec: row("HPTTL", "Returns the time to live of fields of a hash, in milliseconds."),
        run: |exec, args, reply| {
            answer(exec, args, reply, "HPTTL", |deadline_ms, now_ms| deadline_ms - now_ms)
        },
    },
    DataCommand {
        spec: row("HEXPIRETIME", "Returns when fields of a hash expire, as a unix time in seconds."),
        run: |exec, args, reply| {
            answer(exec, args, reply, "HEXPIRETIME", |deadline_ms, _| deadline_ms.div_ceil(1000))
        },
    },
    DataCommand {
        spec: row("HPEXPIRETIME", "Returns when fields of a hash expire, as a unix time in milliseconds."),
        run: |exec, args, reply| answer(exec, args, reply, "HPEXPIRETIME", |deadline_ms, _| deadline_ms),
    },
];

const NO_FIELD: i64 = -2;
const NO_DEADLINE: i64 = -1;

/// `show` is given deadlines that have not passed.
fn answer(
    exec: &mut Exec<'_, '_>,
    args: &mut Args<'_>,
    reply: &mut dyn Reply,
    command: &'static str,
    show: fn(deadline_ms: u64, now_ms: u64) -> u64,
) -> CommandResult {
    let (key, now_ms) = (args.key()?, exec.now_ms());
    let hash = exec.read_collection::<Hash>(&key)?;
    let fields = named(args, command, NOT_POSITIVE)?;
    let heap = exec.heap(&key);
    reply.array(fields.len());
    for field in fields {
        reply.integer(match hash.and_then(|hash| hash.get(heap, field)) {
            None => NO_FIELD,
            Some(found) => match found.deadline_ms {
                None => NO_DEADLINE,
                Some(deadline_ms) => i64::try_from(show(deadline_ms, now_ms)).unwrap_or(i64::MAX),
            },
        });
    }
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn times_are_rounded_up_to_seconds() {
        check(
            "> HSET h a 1 b 2
             (integer) 2
             > HPEXPIRE h 1001 FIELDS 1 a
             1) (integer) 1
             > HTTL h FIELDS 3 a b c
             1) (integer) 2
             2) (integer) -1
             3) (integer) -2
             ! none
             > HPTTL h FIELDS 3 a b c
             1) (integer) 1001
             2) (integer) -1
             3) (integer) -2
             > HEXPIRETIME h FIELDS 3 a b c
             1) (integer) 1002
             2) (integer) -1
             3) (integer) -2
             > HPEXPIRETIME h FIELDS 3 a b c
             1) (integer) 1001001
             2) (integer) -1
             3) (integer) -2
             ... 1000 ms
             > HTTL h FIELDS 1 a
             1) (integer) 1
             > HPTTL h FIELDS 1 a
             1) (integer) 1
             ... 1 ms
             > HTTL h FIELDS 1 a
             1) (integer) -2
             ! hexpired HDEL h a
             > HTTL nothing FIELDS 2 a b
             1) (integer) -2
             2) (integer) -2",
        );
    }

    #[test]
    fn what_is_refused() {
        for command in ["HTTL", "HPTTL", "HEXPIRETIME", "HPEXPIRETIME"] {
            check(&format!(
                "> HSET h a 1
                 (integer) 1
                 > {command} h FIELDS 1
                 (error) ERR wrong number of arguments for '{}' command
                 > {command} h 1 a b
                 (error) ERR Mandatory argument FIELDS is missing or not at the right position
                 > {command} h FIELDS 0 a
                 (error) ERR Number of fields must be a positive integer
                 > {command} h FIELDS x a
                 (error) ERR Number of fields must be a positive integer
                 > {command} h FIELDS 2 a
                 (error) ERR The `numfields` parameter must match the number of arguments
                 > {command} h FIELDS 1 a b
                 (error) ERR The `numfields` parameter must match the number of arguments
                 > SET s v
                 OK
                 > {command} s FIELDS 1 a
                 (error) WRONGTYPE Operation against a key holding the wrong kind of value",
                command.to_ascii_lowercase()
            ));
        }
    }
}
