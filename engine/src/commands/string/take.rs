//! Values out, and what becomes of their keys: GETEX, GETDEL, DELEX, DELIFEQ.

use crate::command::args::{Comparison, Expiry};
use crate::command::effect::{Event, words};
use crate::command::{
    Args, Arity, CommandResult, DataCommand, Deadline, Error, Exec, Flags, Group, Key, KeyAccess, KeySpec,
    Keys, Outcome, Reply, Spec,
};
use crate::keyspace::{Kind, Place, del_words};

const ONE_READ_UPDATED: Keys =
    Keys::new(&[KeySpec::one(1, KeyAccess::READ_UPDATE).notes("RW and UPDATE because it changes the TTL")]);
const ONE_READ_DELETED: Keys = Keys::new(&[KeySpec::one(1, KeyAccess::READ_DELETE)]);
const ONE_DELETED: Keys = Keys::new(&[KeySpec::one(1, KeyAccess::DELETE_VARIABLE)]);

pub(super) const COMMANDS: &[DataCommand] = &[
    DataCommand {
        spec: Spec::write("GETEX", Arity::AtLeast(2), ONE_READ_UPDATED)
            .group(Group::String)
            .flags(Flags::FAST)
            .syntax(
                "key [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | \
                 PERSIST]",
            )
            .doc("6.2.0", "O(1)", "Returns the string value of a key after setting its expiration time."),
        run: getex,
    },
    DataCommand {
        spec: Spec::write("GETDEL", Arity::Exactly(2), ONE_READ_DELETED)
            .group(Group::String)
            .flags(Flags::FAST)
            .syntax("key")
            .doc("6.2.0", "O(1)", "Returns the string value of a key after deleting the key."),
        run: getdel,
    },
    DataCommand {
        spec: Spec::write("DELEX", Arity::AtLeast(2), ONE_DELETED)
            .group(Group::String)
            .flags(Flags::FAST)
            .syntax("key [IFEQ ifeq-value | IFNE ifne-value | IFDEQ ifdeq-digest | IFDNE ifdne-digest]")
            .doc(
                "8.4.0",
                "O(1) for IFEQ/IFNE, O(N) for IFDEQ/IFDNE where N is the length of the string value.",
                "Conditionally removes the specified key based on value or digest comparison.",
            ),
        run: delex,
    },
    DataCommand {
        spec: Spec::write("DELIFEQ", Arity::Exactly(3), ONE_READ_DELETED)
            .group(Group::String)
            .flags(Flags::FAST)
            .syntax("key value")
            .doc("9.0.0", "O(1)", "Delete key if value matches string."),
        run: delifeq,
    },
];

fn getex(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let key = args.key()?;
    let mut expiry = Expiry::default();
    while !args.is_empty() {
        if !(expiry.take_time(args) || expiry.take_persist(args)) {
            return Err(Error::Syntax);
        }
    }
    // A key that does not exist hides a bad time, as in Redis.
    let Some(place) = exec.string_to_read(&key)? else {
        reply.null();
        return Ok(Outcome::Done);
    };
    let now_ms = exec.now_ms();
    let deadline = expiry.deadline(now_ms, "GETEX")?;
    let old = exec.view(&key, &place);
    let had_deadline = old.deadline_ms().is_some();
    reply.string(old.string());
    match (expiry, deadline) {
        (_, Deadline::At(deadline_ms)) if deadline_ms <= now_ms => delete(exec, &key, &place)?,
        (_, Deadline::At(deadline_ms)) => {
            exec.set_deadline(&key, &place, Some(deadline_ms))?;
            exec.changed(&key, Event::generic("expire"), || {
                words(&[b"PEXPIREAT", key.bytes, itoa::Buffer::new().format(deadline_ms).as_bytes()])
            });
        }
        (Expiry::Persist, _) if had_deadline => {
            exec.set_deadline(&key, &place, None)?;
            exec.changed(&key, Event::generic("persist"), || words(&[b"PERSIST", key.bytes]));
        }
        _ => {}
    }
    Ok(Outcome::Done)
}

fn getdel(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let key = args.key()?;
    match exec.string_to_read(&key)? {
        Some(place) => {
            reply.string(exec.view(&key, &place).string());
            delete(exec, &key, &place)?;
        }
        None => reply.null(),
    }
    Ok(Outcome::Done)
}

fn delex(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let key = args.key()?;
    let condition = match args.left() {
        0 => None,
        2 => Some(Comparison::take(args)),
        _ => return Err(Error::WrongArity("delex".into())),
    };
    let place = match &condition {
        None => exec.place(&key)?,
        Some(_) => exec.place_to_write(&key)?,
    };
    let Some(place) = place else {
        reply.integer(0);
        return Ok(Outcome::Done);
    };
    let admitted = match condition {
        None => true,
        Some(comparison) => {
            let entry = exec.view(&key, &place);
            if entry.kind() != Kind::String {
                return Err(Error::text("ERR Key should be of string type if conditions are specified"));
            }
            let unknown = Error::text("ERR Invalid condition. Use IFEQ, IFNE, IFDEQ, or IFDNE");
            comparison.ok_or(unknown)?.admits(entry.string())?
        }
    };
    if admitted {
        delete(exec, &key, &place)?;
    }
    reply.integer(i64::from(admitted));
    Ok(Outcome::Done)
}

fn delifeq(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let key = args.key()?;
    let value = args.word()?;
    let matching = match exec.string_to_write(&key)? {
        Some(place) if exec.view(&key, &place).string().equals(value) => Some(place),
        _ => None,
    };
    if let Some(place) = &matching {
        delete(exec, &key, place)?;
    }
    reply.integer(i64::from(matching.is_some()));
    Ok(Outcome::Done)
}

fn delete(exec: &mut Exec<'_, '_>, key: &Key<'_>, place: &Place) -> Result<(), Error> {
    exec.remove(key, place)?;
    exec.changed(key, Event::DEL, || del_words(key.bytes));
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::{Session, check};

    #[test]
    fn getex_moves_the_deadline() {
        check(
            "> SET k v
             OK
             > GETEX k
             \"v\"
             ! none
             > GETEX k EX 10
             \"v\"
             ! expire PEXPIREAT k 1010000
             > GETEX k px 20
             \"v\"
             ! expire PEXPIREAT k 1000020
             > GETEX k EXAT 2000
             \"v\"
             ! expire PEXPIREAT k 2000000
             > GETEX k PXAT 1000100
             \"v\"
             ! expire PEXPIREAT k 1000100
             > GETEX k PERSIST
             \"v\"
             ! persist PERSIST k
             > GETEX k PERSIST
             \"v\"
             ! none
             ... 5000 ms
             > GETEX k PXAT 1000000
             \"v\"
             ! del DEL k
             > GETEX k EX 10
             (nil)
             ! none",
        );
    }

    #[test]
    fn getex_refuses_what_it_does_not_understand() {
        check(
            "> GETEX k EX
             (error) ERR syntax error
             > GETEX k EX 1 PERSIST
             (error) ERR syntax error
             > GETEX k KEEPTTL
             (error) ERR syntax error
             # a key that does not exist hides a bad time
             > GETEX k EX ten
             (nil)
             > SET k v
             OK
             > GETEX k EX ten
             (error) ERR value is not an integer or out of range
             > GETEX k EX 0
             (error) ERR invalid expire time in 'getex' command
             > GETEX
             (error) ERR wrong number of arguments for 'getex' command",
        );
    }

    #[test]
    fn getdel_takes_the_key() {
        check(
            "> GETDEL k
             (nil)
             ! none
             > SET k v EX 10
             OK
             > GETDEL k
             \"v\"
             ! del DEL k
             > GET k
             (nil)",
        );
    }

    #[test]
    fn long_values_are_taken_whole() {
        let mut session = Session::new(1);
        let value = vec![b'x'; 100_000];
        for command in ["GETDEL k", "GETEX k PXAT 1", "SET k v GET", "GETSET k v"] {
            session.call(&[b"SET", b"k", &value]);
            assert_eq!(session.run(command), crate::testing::quoted(&value), "{command}");
        }
    }

    #[test]
    fn keys_are_deleted_under_a_condition() {
        check(
            "> SET k v
             OK
             > DELIFEQ k w
             (integer) 0
             ! none
             > DELIFEQ k v
             (integer) 1
             ! del DEL k
             > DELIFEQ k v
             (integer) 0
             > SET k v
             OK
             > DELEX k IFEQ w
             (integer) 0
             > DELEX k IFNE v
             (integer) 0
             > DELEX k IFDNE aceee8f5de193e29
             (integer) 1
             ! del DEL k
             > DELEX k IFNE v
             (integer) 0
             > DELEX k IFDEQ short
             (integer) 0
             > SET k v
             OK
             > DELEX k ifeq v
             (integer) 1
             > SET k v
             OK
             > DELEX k
             (integer) 1
             ! del DEL k
             > DELEX k
             (integer) 0
             ! none",
        );
    }

    #[test]
    fn delex_refuses_what_it_does_not_understand() {
        check(
            "> DELEX k IFEQ
             (error) ERR wrong number of arguments for 'delex' command
             > DELEX k IFEQ v w
             (error) ERR wrong number of arguments for 'delex' command
             > DELEX k NX v
             (integer) 0
             > SET k v
             OK
             > DELEX k NX v
             (error) ERR Invalid condition. Use IFEQ, IFNE, IFDEQ, or IFDNE
             > DELEX k IFDEQ short
             (error) ERR must be exactly 16 hexadecimal characters
             > GET k
             \"v\"",
        );
    }
}
