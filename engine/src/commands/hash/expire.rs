//! Deadlines of fields set and dropped: HEXPIRE, HPEXPIRE, HEXPIREAT, HPEXPIREAT, HPERSIST.

use super::fields::{NOT_POSITIVE, counted_words, deadline_ms, deadline_words, hdel_words, named};
use crate::command::args::{Base, Unit};
use crate::command::effect::Event;
use crate::command::{
    Args, Arity, CommandResult, DataCommand, Error, Exec, Flags, Group, Keys, Outcome, Reply, Spec,
};
use crate::types::hash::Hash;

const COST: &str = "O(log N) for each field, N being the number of fields of the hash.";

const fn row(name: &'static str, syntax: &'static str, summary: &'static str) -> Spec {
    Spec::write(name, Arity::AtLeast(6), Keys::ONE_UPDATE)
        .group(Group::Hash)
        .flags(Flags::DENYOOM.union(Flags::FAST))
        .syntax(syntax)
        .doc("7.4.0", COST, summary)
}

pub(super) const COMMANDS: &[DataCommand] = &[
    DataCommand {
        spec: row(
            "HEXPIRE",
            "key seconds [NX | XX | GT | LT] FIELDS numfields field [field ...]",
            "Gives fields of a hash a time to live in seconds.",
        ),
        run: |exec, args, reply| expire(exec, args, reply, "HEXPIRE", (Unit::Seconds, Base::Now)),
    },
    DataCommand {
        spec: row(
            "HPEXPIRE",
            "key milliseconds [NX | XX | GT | LT] FIELDS numfields field [field ...]",
            "Gives fields of a hash a time to live in milliseconds.",
        ),
        run: |exec, args, reply| expire(exec, args, reply, "HPEXPIRE", (Unit::Milliseconds, Base::Now)),
    },
    DataCommand {
        spec: row(
            "HEXPIREAT",
            "key unix-time-seconds [NX | XX | GT | LT] FIELDS numfields field [field ...]",
            "Gives fields of a hash a deadline, a unix time in seconds.",
        ),
        run: |exec, args, reply| expire(exec, args, reply, "HEXPIREAT", (Unit::Seconds, Base::Epoch)),
    },
    DataCommand {
        spec: row(
            "HPEXPIREAT",
            "key unix-time-milliseconds [NX | XX | GT | LT] FIELDS numfields field [field ...]",
            "Gives fields of a hash a deadline, a unix time in milliseconds.",
        ),
        run: |exec, args, reply| expire(exec, args, reply, "HPEXPIREAT", (Unit::Milliseconds, Base::Epoch)),
    },
    DataCommand {
        spec: Spec::write("HPERSIST", Arity::AtLeast(5), Keys::ONE_UPDATE)
            .group(Group::Hash)
            .flags(Flags::FAST)
            .syntax("key FIELDS numfields field [field ...]")
            .doc("7.4.0", COST, "Drops the deadlines of fields of a hash."),
        run: persist,
    },
];

/// When to obey.
#[derive(Clone, Copy)]
enum When {
    Always,
    /// NX: the field has no deadline.
    None,
    /// XX: it has one.
    Some,
    /// GT: it has an earlier one; none is as good as infinity.
    Earlier,
    /// LT: it has a later one.
    Later,
}

impl When {
    fn take(args: &mut Args<'_>) -> When {
        let names = [("NX", When::None), ("XX", When::Some), ("GT", When::Earlier), ("LT", When::Later)];
        let said = names.into_iter().find(|(name, _)| args.take(name));
        said.map_or(When::Always, |(_, when)| when)
    }

    fn allows(self, current_ms: Option<u64>, wanted_ms: u64) -> bool {
        match self {
            When::Always => true,
            When::None => current_ms.is_none(),
            When::Some => current_ms.is_some(),
            When::Earlier => current_ms.is_some_and(|current_ms| current_ms < wanted_ms),
            When::Later => current_ms.is_none_or(|current_ms| current_ms > wanted_ms),
        }
    }
}

const NO_FIELD: i64 = -2;
const NO_DEADLINE: i64 = -1;
const NOT_ALLOWED: i64 = 0;
const DONE: i64 = 1;
const DELETED: i64 = 2;

fn expire(
    exec: &mut Exec<'_, '_>,
    args: &mut Args<'_>,
    reply: &mut dyn Reply,
    command: &'static str,
    time: (Unit, Base),
) -> CommandResult {
    let key = args.key()?;
    let mut opened = exec.collection_to_write::<Hash>(&key)?;
    let now_ms = exec.now_ms();
    let wanted_ms = deadline_ms(args.word()?, time, now_ms, command)?;
    let when = When::take(args);
    let not_positive = Error::text("ERR Parameter `numFields` should be greater than 0");
    let fields = named(args, command, not_positive)?;
    let (hash, heap) = (&mut opened.value, exec.heap_mut(&key));
    let mut changed = Vec::new();
    reply.array(fields.len());
    for &field in fields {
        let result = match hash.get(heap, field) {
            None => NO_FIELD,
            Some(found) if !when.allows(found.deadline_ms, wanted_ms) => NOT_ALLOWED,
            Some(_) if wanted_ms <= now_ms => {
                hash.remove(heap, field)?;
                DELETED
            }
            Some(_) => {
                hash.set_deadline(heap, field, Some(wanted_ms))?;
                DONE
            }
        };
        if result > NOT_ALLOWED {
            changed.push(field);
        }
        reply.integer(result);
    }
    if changed.is_empty() {
        return Ok(Outcome::Done);
    }
    if wanted_ms <= now_ms {
        exec.changed(&key, Event::hash("hdel"), || hdel_words(&key, &changed));
    } else {
        exec.changed(&key, Event::hash("hexpire"), || deadline_words(&key, wanted_ms, &changed));
    }
    exec.store(&key, opened)?;
    Ok(Outcome::Done)
}

fn persist(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let key = args.key()?;
    let mut opened = exec.collection_to_write::<Hash>(&key)?;
    let fields = named(args, "HPERSIST", NOT_POSITIVE)?;
    let (hash, heap) = (&mut opened.value, exec.heap_mut(&key));
    let mut changed = Vec::new();
    reply.array(fields.len());
    for &field in fields {
        let result = match hash.get(heap, field) {
            None => NO_FIELD,
            Some(found) if found.deadline_ms.is_none() => NO_DEADLINE,
            Some(_) => {
                hash.set_deadline(heap, field, None)?;
                changed.push(field);
                DONE
            }
        };
        reply.integer(result);
    }
    if !changed.is_empty() {
        exec.changed(&key, Event::hash("hpersist"), || counted_words("HPERSIST", &key, &[], &changed));
        exec.store(&key, opened)?;
    }
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn times_become_absolute() {
        check(
            "> HSET h a 1 b 2 c 3 d 4
             (integer) 4
             > HEXPIRE h 10 FIELDS 2 a none
             1) (integer) 1
             2) (integer) -2
             ! hexpire HPEXPIREAT h 1010000 FIELDS 1 a
             > HPEXPIRE h 10 FIELDS 1 b
             1) (integer) 1
             ! hexpire HPEXPIREAT h 1000010 FIELDS 1 b
             > HEXPIREAT h 1001 FIELDS 1 c
             1) (integer) 1
             ! hexpire HPEXPIREAT h 1001000 FIELDS 1 c
             > HPEXPIREAT h 1000020 FIELDS 2 d d
             1) (integer) 1
             2) (integer) 1
             ! hexpire HPEXPIREAT h 1000020 FIELDS 2 d d
             > HPEXPIRE nothing 10 FIELDS 2 a b
             1) (integer) -2
             2) (integer) -2
             ! none
             ... 10 ms
             > HKEYS h
             1) \"a\"
             2) \"c\"
             3) \"d\"
             ! hexpired HDEL h b
             ... 10 ms
             > HPEXPIRE h 1 FIELDS 2 b d
             1) (integer) -2
             2) (integer) -2
             ! hexpired HDEL h d",
        );
    }

    #[test]
    fn conditions() {
        check(
            "> HSET h none 1 early 2 late 3
             (integer) 3
             > HPEXPIRE h 10 FIELDS 1 early
             1) (integer) 1
             > HPEXPIRE h 30 FIELDS 1 late
             1) (integer) 1
             > HPEXPIRE h 20 GT FIELDS 3 none early late
             1) (integer) 0
             2) (integer) 1
             3) (integer) 0
             ! hexpire HPEXPIREAT h 1000020 FIELDS 1 early
             > HPEXPIRE h 20 gt FIELDS 1 early
             1) (integer) 0
             ! none
             > HPEXPIRE h 25 LT FIELDS 3 none early late
             1) (integer) 1
             2) (integer) 0
             3) (integer) 1
             > HPEXPIRE h 40 NX FIELDS 2 none early
             1) (integer) 0
             2) (integer) 0
             > HSET h new 4
             (integer) 1
             > HPEXPIRE h 40 XX FIELDS 2 new late
             1) (integer) 0
             2) (integer) 1
             > HPEXPIRE h 40 NX FIELDS 2 new new
             1) (integer) 1
             2) (integer) 0",
        );
    }

    #[test]
    fn a_time_that_has_passed_deletes() {
        check(
            "> HSET h a 1 b 2 c 3
             (integer) 3
             > HPEXPIRE h 0 FIELDS 3 a x a
             1) (integer) 2
             2) (integer) -2
             3) (integer) -2
             ! hdel HDEL h a
             > HEXPIRE h 10 FIELDS 1 b
             1) (integer) 1
             > HPEXPIREAT h 1 GT FIELDS 2 b c
             1) (integer) 0
             2) (integer) 0
             > HPEXPIREAT h 1000000 FIELDS 2 b c
             1) (integer) 2
             2) (integer) 2
             ! hdel HDEL h b c
             ! del
             > EXISTS h
             (integer) 0",
        );
    }

    #[test]
    fn dropping_deadlines() {
        check(
            "> HSET h a 1 b 2
             (integer) 2
             > HPEXPIRE h 10 FIELDS 1 a
             1) (integer) 1
             > HPERSIST h FIELDS 4 a b c a
             1) (integer) 1
             2) (integer) -1
             3) (integer) -2
             4) (integer) -1
             ! hpersist HPERSIST h FIELDS 1 a
             > HPERSIST h FIELDS 1 a
             1) (integer) -1
             ! none
             > HPERSIST nothing FIELDS 1 a
             1) (integer) -2
             ... 10 ms
             > HLEN h
             (integer) 2
             > HPERSIST h FIELDS 0 a
             (error) ERR Number of fields must be a positive integer
             > HPERSIST h FIELD 1 a
             (error) ERR Mandatory argument FIELDS is missing or not at the right position
             > HPERSIST h FIELDS 2 a
             (error) ERR The `numfields` parameter must match the number of arguments",
        );
    }

    #[test]
    fn what_is_refused() {
        check(
            "> HSET h a 1
             (integer) 1
             > HEXPIRE h 10 FIELDS 1
             (error) ERR wrong number of arguments for 'hexpire' command
             > HEXPIRE h x FIELDS 1 a
             (error) ERR value is not an integer or out of range
             > HEXPIRE h -1 FIELDS 1 a
             (error) ERR invalid expire time, must be >= 0
             > HEXPIREAT h -9223372036854775808 FIELDS 1 a
             (error) ERR invalid expire time, must be >= 0
             > HEXPIRE h 70368744177 FIELDS 1 a
             (error) ERR invalid expire time in 'hexpire' command
             > HEXPIREAT h 70368744178 FIELDS 1 a
             (error) ERR invalid expire time in 'hexpireat' command
             > HPEXPIRE h 70368743177664 FIELDS 1 a
             (error) ERR invalid expire time in 'hpexpire' command
             > HPEXPIREAT h 70368744177664 FIELDS 1 a
             (error) ERR invalid expire time in 'hpexpireat' command
             > HPEXPIRE h 9223372036854775807 FIELDS 1 a
             (error) ERR invalid expire time in 'hpexpire' command
             > HPEXPIREAT h 70368744177663 FIELDS 1 a
             1) (integer) 1
             > HPEXPIRE h 70368743177663 FIELDS 1 a
             1) (integer) 1
             > HEXPIRE h 10 NX XX FIELDS 1 a
             (error) ERR Mandatory argument FIELDS is missing or not at the right position
             > HEXPIRE h 10 BOGUS 1 a
             (error) ERR Mandatory argument FIELDS is missing or not at the right position
             > HEXPIRE h 10 FIELDS 0 a
             (error) ERR Parameter `numFields` should be greater than 0
             > HEXPIRE h 10 FIELDS x a
             (error) ERR Parameter `numFields` should be greater than 0
             > HEXPIRE h 10 FIELDS 2 a
             (error) ERR The `numfields` parameter must match the number of arguments
             > HEXPIRE h 10 NX FIELDS 1
             (error) ERR The `numfields` parameter must match the number of arguments
             > SET s v
             OK
             > HEXPIRE s x FIELDS 1 a
             (error) WRONGTYPE Operation against a key holding the wrong kind of value",
        );
    }
}
