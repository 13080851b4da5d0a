//! Whole values in: SET, SETNX, SETEX, PSETEX, GETSET.

use crate::command::args::{Base, Condition, ExpireTime, Expiry, Unit};
use crate::command::effect::{Event, words};
use crate::command::{
    Args, Arity, CommandResult, DataCommand, Deadline, Error, Exec, Flags, Group, Key, KeyAccess, KeySpec,
    Keys, Outcome, Reply, Spec,
};
use crate::keyspace::{Kind, Place, del_words};

const ONE_INSERTED: Keys = Keys::new(&[KeySpec::one(1, KeyAccess::INSERT)]);
const ONE_OVERWRITTEN: Keys = Keys::new(&[KeySpec::one(1, KeyAccess::OVERWRITE)]);
const ONE_EXCHANGED: Keys = Keys::new(&[KeySpec::one(1, KeyAccess::READ_UPDATE)]);
const ONE_SET: Keys = Keys::new(&[KeySpec::one(1, KeyAccess::READ_UPDATE_VARIABLE)
    .notes("RW and ACCESS due to the optional `GET` argument")]);

pub(super) const COMMANDS: &[DataCommand] = &[
    DataCommand {
        spec: Spec::write("SET", Arity::AtLeast(3), ONE_SET)
            .group(Group::String)
            .flags(Flags::DENYOOM)
            .syntax(
                "key value [NX | XX | IFEQ ifeq-value | IFNE ifne-value | IFDEQ ifdeq-digest | \
                 IFDNE ifdne-digest] [GET] [EX seconds | PX milliseconds | EXAT unix-time-seconds | \
                 PXAT unix-time-milliseconds | KEEPTTL]",
            )
            .doc(
                "1.0.0",
                "O(1)",
                "Sets the string value of a key, ignoring its type. The key is created if it doesn't exist.",
            ),
        run: set,
    },
    DataCommand {
        spec: Spec::write("SETNX", Arity::Exactly(3), ONE_INSERTED)
            .group(Group::String)
            .flags(Flags::DENYOOM.union(Flags::FAST))
            .syntax("key value")
            .doc("1.0.0", "O(1)", "Set the string value of a key only when the key doesn't exist.")
            .deprecated("2.6.12", "`SET` with the `NX` argument"),
        run: setnx,
    },
    DataCommand {
        spec: Spec::write("SETEX", Arity::Exactly(4), ONE_OVERWRITTEN)
            .group(Group::String)
            .flags(Flags::DENYOOM)
            .syntax("key seconds value")
            .doc(
                "2.0.0",
                "O(1)",
                "Sets the string value and expiration time of a key. Creates the key if it doesn't exist.",
            )
            .deprecated("2.6.12", "`SET` with the `EX` argument"),
        run: |exec, args, reply| set_for(exec, args, reply, "SETEX", Unit::Seconds),
    },
    DataCommand {
        spec: Spec::write("PSETEX", Arity::Exactly(4), ONE_OVERWRITTEN)
            .group(Group::String)
            .flags(Flags::DENYOOM)
            .syntax("key milliseconds value")
            .doc(
                "2.6.0",
                "O(1)",
                "Sets both string value and expiration time in milliseconds of a key. The key is created if \
                 it doesn't exist.",
            )
            .deprecated("2.6.12", "`SET` with the `PX` argument"),
        run: |exec, args, reply| set_for(exec, args, reply, "PSETEX", Unit::Milliseconds),
    },
    DataCommand {
        spec: Spec::write("GETSET", Arity::Exactly(3), ONE_EXCHANGED)
            .group(Group::String)
            .flags(Flags::DENYOOM.union(Flags::FAST))
            .syntax("key value")
            .doc(
                "1.0.0",
                "O(1)",
                "Returns the previous string value of a key after setting it to a new value.",
            )
            .deprecated("6.2.0", "`SET` with the `GET` argument"),
        run: getset,
    },
];

/// The options of SET.
#[derive(Default)]
struct Options<'a> {
    expiry: Expiry<'a>,
    condition: Condition<'a>,
    get: bool,
}

impl<'a> Options<'a> {
    #[inline]
    fn parse(args: &mut Args<'a>) -> Result<Options<'a>, Error> {
        let mut options = Options::default();
        while !args.is_empty() {
            let taken = options.expiry.take_time(args)
                || options.expiry.take_keep(args)
                || options.condition.take(args)
                || options.take_get(args);
            if !taken {
                return Err(Error::Syntax);
            }
        }
        Ok(options)
    }

    fn take_get(&mut self, args: &mut Args<'a>) -> bool {
        let taken = args.take("GET");
        self.get |= taken;
        taken
    }
}

fn set(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let key = args.key()?;
    let value = args.word()?;
    let options = Options::parse(args)?;
    let deadline = options.expiry.deadline(exec.now_ms(), "SET")?;
    // GET makes it a read as well, which counts as one and accepts only strings.
    let place = if options.get { exec.string_to_read(&key)? } else { exec.place_to_write(&key)? };
    let admitted = admits(exec, &key, place.as_ref(), &options.condition)?;
    match (options.get, admitted) {
        (true, _) => reply_old_value(exec, &key, place.as_ref(), reply),
        (false, true) => reply.ok(),
        (false, false) => reply.null(),
    }
    if admitted {
        store(exec, &key, place, value, deadline)?;
    }
    Ok(Outcome::Done)
}

fn setnx(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let key = args.key()?;
    let value = args.word()?;
    let place = exec.place_to_write(&key)?;
    let is_new = place.is_none();
    if is_new {
        store(exec, &key, place, value, Deadline::None)?;
    }
    reply.integer(i64::from(is_new));
    Ok(Outcome::Done)
}

/// SETEX, PSETEX.
fn set_for(
    exec: &mut Exec<'_, '_>,
    args: &mut Args<'_>,
    reply: &mut dyn Reply,
    command: &'static str,
    unit: Unit,
) -> CommandResult {
    let key = args.key()?;
    let time = ExpireTime { number: args.word()?, unit, base: Base::Now };
    let value = args.word()?;
    let deadline = Deadline::At(time.unix_ms(exec.now_ms(), command)?);
    let place = exec.place_to_write(&key)?;
    store(exec, &key, place, value, deadline)?;
    reply.ok();
    Ok(Outcome::Done)
}

fn getset(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let key = args.key()?;
    let value = args.word()?;
    let place = exec.string_to_read(&key)?;
    reply_old_value(exec, &key, place.as_ref(), reply);
    store(exec, &key, place, value, Deadline::None)?;
    Ok(Outcome::Done)
}

/// Answers with the string that is about to be replaced.
fn reply_old_value(exec: &mut Exec<'_, '_>, key: &Key<'_>, place: Option<&Place>, reply: &mut dyn Reply) {
    match place {
        Some(place) => reply.string(exec.view(key, place).string()),
        None => reply.null(),
    }
}

fn admits(
    exec: &mut Exec<'_, '_>,
    key: &Key<'_>,
    place: Option<&Place>,
    condition: &Condition<'_>,
) -> Result<bool, Error> {
    match (condition, place) {
        (Condition::Always, _) => Ok(true),
        (Condition::Missing, place) => Ok(place.is_none()),
        (Condition::Present, place) => Ok(place.is_some()),
        (Condition::Compares(comparison), None) => Ok(comparison.admits_missing()),
        (Condition::Compares(comparison), Some(place)) => {
            let entry = exec.view(key, place);
            if entry.kind() != Kind::String {
                return Err(Error::WrongType);
            }
            comparison.admits(entry.string())
        }
    }
}

/// Stores a string with its effects. A deadline that has passed already deletes what is there.
#[inline]
pub(super) fn store(
    exec: &mut Exec<'_, '_>,
    key: &Key<'_>,
    place: Option<Place>,
    value: &[u8],
    deadline: Deadline,
) -> Result<(), Error> {
    if let Deadline::At(deadline_ms) = deadline
        && deadline_ms <= exec.now_ms()
    {
        if let Some(place) = place {
            exec.remove(key, &place)?;
            exec.changed(key, Event::DEL, || del_words(key.bytes));
        }
        return Ok(());
    }
    exec.put_string(key, place, &[value], deadline)?;
    exec.changed(key, Event::string("set"), || set_words(key.bytes, value, deadline));
    if matches!(deadline, Deadline::At(_)) {
        exec.announce(key, Event::generic("expire"));
    }
    Ok(())
}

/// The canonical command of a stored string.
pub(super) fn set_words(key: &[u8], value: &[u8], deadline: Deadline) -> Vec<Box<[u8]>> {
    match deadline {
        Deadline::None => words(&[b"SET", key, value]),
        Deadline::Keep => words(&[b"SET", key, value, b"KEEPTTL"]),
        Deadline::At(deadline_ms) => {
            words(&[b"SET", key, value, b"PXAT", itoa::Buffer::new().format(deadline_ms).as_bytes()])
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{Session, check};

    #[test]
    fn set_stores_and_forgets_the_deadline_unless_told_otherwise() {
        check(
            "> SET k v
             OK
             ! set SET k v
             > SET k w EX 10
             OK
             ! set SET k w PXAT 1010000
             ! expire
             > SET k x KEEPTTL
             OK
             ! set SET k x KEEPTTL
             ... 9999 ms
             > GET k
             \"x\"
             ... 1 ms
             > GET k
             (nil)
             ! expired DEL k
             > SET k v PX 5
             OK
             ! set SET k v PXAT 1010005
             ! expire
             > SET k v
             OK
             ... 5 ms
             > GET k
             \"v\"",
        );
    }

    #[test]
    fn set_at_a_time() {
        check(
            "> SET k v EXAT 1001
             OK
             ! set SET k v PXAT 1001000
             ! expire
             > SET k v PXAT 1000500 GET
             \"v\"
             ! set SET k v PXAT 1000500
             ! expire
             # a time that has passed deletes
             > SET k w PXAT 1000000 GET
             \"v\"
             ! del DEL k
             > SET k w EXAT 1
             OK
             ! none
             > GET k
             (nil)",
        );
    }

    #[test]
    fn set_under_a_condition() {
        check(
            "> SET k v XX
             (nil)
             ! none
             > SET k v NX
             OK
             > SET k w NX
             (nil)
             > SET k w XX
             OK
             > SET k x NX GET
             \"w\"
             ! none
             > SET k x GET XX
             \"w\"
             ! set SET k x
             > SET new 1 GET NX
             (nil)
             ! set SET new 1
             > SET other 1 GET XX
             (nil)
             ! none
             > SET k y nx px 100 get
             \"x\"
             ! none",
        );
    }

    #[test]
    fn set_compared_with_the_old_value() {
        check(
            "> SET k v IFEQ v
             (nil)
             > SET k v IFDEQ anything
             (nil)
             > SET k v IFNE v
             OK
             > SET k w IFEQ v EX 10
             OK
             ! set SET k w PXAT 1010000
             ! expire
             > SET k x IFEQ v GET
             \"w\"
             ! none
             > SET k x IFNE w
             (nil)
             > DIGEST k
             \"aceee8f5de193e29\"
             > SET k x IFDNE aceee8f5de193e29
             (nil)
             > SET k x IFDEQ ACEEE8F5DE193E29
             OK
             > SET k y IFDEQ 33de GET
             (error) ERR must be exactly 16 hexadecimal characters
             > SET new v IFDNE nonsense
             OK
             > GET k
             \"x\"",
        );
    }

    #[test]
    fn options_that_do_not_fit() {
        check(
            "> SET k v EX
             (error) ERR syntax error
             > SET k v NX XX
             (error) ERR syntax error
             > SET k v IFEQ v NX
             (error) ERR syntax error
             > SET k v EX 1 PX 1
             (error) ERR syntax error
             > SET k v KEEPTTL EX 1
             (error) ERR syntax error
             > SET k v PERSIST
             (error) ERR syntax error
             # the words are checked before the number
             > SET k v EX ten NX XX
             (error) ERR syntax error
             > SET k v EX ten
             (error) ERR value is not an integer or out of range
             > SET k v EX 0
             (error) ERR invalid expire time in 'set' command
             > SET k v PX -5
             (error) ERR invalid expire time in 'set' command
             > SET k v EX 9223372036854775807
             (error) ERR invalid expire time in 'set' command
             # the last of the same option counts
             > SET k v EX ten EX 10 NX NX
             OK
             ! set SET k v PXAT 1010000
             ! expire
             > SET
             (error) ERR wrong number of arguments for 'set' command",
        );
    }

    #[test]
    fn older_ways_to_set() {
        check(
            "> SETNX k v
             (integer) 1
             ! set SET k v
             > SETNX k w
             (integer) 0
             ! none
             > SETEX k 10 w
             OK
             ! set SET k w PXAT 1010000
             ! expire
             > PSETEX k 10 x
             OK
             ! set SET k x PXAT 1000010
             ! expire
             > SETEX k 0 y
             (error) ERR invalid expire time in 'setex' command
             > PSETEX k -1 y
             (error) ERR invalid expire time in 'psetex' command
             > SETEX k ten y
             (error) ERR value is not an integer or out of range
             > GETSET k y
             \"x\"
             ! set SET k y
             > GETSET new y
             (nil)
             ! set SET new y
             ... 10 ms
             > GET k
             \"y\"",
        );
    }

    #[test]
    fn only_reads_count_hits_and_misses() {
        let mut session = Session::new(1);
        let mut counted = |command: &str| {
            session.run(command);
            let stats = session.take_stats();
            (stats.hits, stats.misses)
        };
        assert_eq!(counted("SET k v"), (0, 0));
        assert_eq!(counted("SET k v NX"), (0, 0));
        assert_eq!(counted("SET k v GET"), (1, 0));
        assert_eq!(counted("SET new v GET"), (0, 1));
        assert_eq!(counted("GETSET other v"), (0, 1));
        assert_eq!(counted("SETNX k v"), (0, 0));
    }
}
