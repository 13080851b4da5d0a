//! Deadlines set and dropped: EXPIRE, PEXPIRE, EXPIREAT, PEXPIREAT, PERSIST.

use crate::command::args::{Base, ExpireTime, Unit};
use crate::command::effect::{Event, words};
use crate::command::{
    Args, Arity, CommandResult, DataCommand, Error, Exec, Flags, Keys, Outcome, Reply, Spec,
};
use crate::keyspace::del_words;
use crate::keyspace::entry::DEADLINE_MS_MAX;

const SYNTAX_SECONDS: &str = "key seconds [NX | XX | GT | LT]";
const SYNTAX_MILLISECONDS: &str = "key milliseconds [NX | XX | GT | LT]";
const SYNTAX_AT_SECONDS: &str = "key unix-time-seconds [NX | XX | GT | LT]";
const SYNTAX_AT_MILLISECONDS: &str = "key unix-time-milliseconds [NX | XX | GT | LT]";

const fn row(name: &'static str, syntax: &'static str, since: &'static str, summary: &'static str) -> Spec {
    Spec::write(name, Arity::AtLeast(3), Keys::ONE_UPDATE).flags(Flags::FAST).syntax(syntax).doc(
        since,
        "O(log N), N being the number of keys with a deadline in the shard.",
        summary,
    )
}

pub(super) const COMMANDS: &[DataCommand] = &[
    DataCommand {
        spec: row("EXPIRE", SYNTAX_SECONDS, "1.0.0", "Sets the time to live of a key, in seconds."),
        run: |exec, args, reply| expire(exec, args, reply, "EXPIRE", Unit::Seconds, Base::Now),
    },
    DataCommand {
        spec: row(
            "PEXPIRE",
            SYNTAX_MILLISECONDS,
            "2.6.0",
            "Sets the time to live of a key, in milliseconds.",
        ),
        run: |exec, args, reply| expire(exec, args, reply, "PEXPIRE", Unit::Milliseconds, Base::Now),
    },
    DataCommand {
        spec: row(
            "EXPIREAT",
            SYNTAX_AT_SECONDS,
            "1.2.0",
            "Sets when a key expires, as a unix time in seconds.",
        ),
        run: |exec, args, reply| expire(exec, args, reply, "EXPIREAT", Unit::Seconds, Base::Epoch),
    },
    DataCommand {
        spec: row(
            "PEXPIREAT",
            SYNTAX_AT_MILLISECONDS,
            "2.6.0",
            "Sets when a key expires, as a unix time in milliseconds.",
        ),
        run: |exec, args, reply| expire(exec, args, reply, "PEXPIREAT", Unit::Milliseconds, Base::Epoch),
    },
    DataCommand {
        spec: Spec::write("PERSIST", Arity::Exactly(2), Keys::ONE_UPDATE)
            .flags(Flags::FAST)
            .syntax("key")
            .doc("2.2.0", "O(log N)", "Drops the deadline of a key."),
        run: persist,
    },
];

/// When to obey.
#[derive(Default)]
struct Conditions {
    nx: bool,
    xx: bool,
    gt: bool,
    lt: bool,
}

impl Conditions {
    fn parse(args: &mut Args<'_>) -> Result<Conditions, Error> {
        let mut conditions = Conditions::default();
        while let Some(word) = args.peek() {
            let flag = match () {
                () if args.take("NX") => &mut conditions.nx,
                () if args.take("XX") => &mut conditions.xx,
                () if args.take("GT") => &mut conditions.gt,
                () if args.take("LT") => &mut conditions.lt,
                () => return Err(Error::repeating("ERR Unsupported option ", word, "")),
            };
            *flag = true;
        }
        if conditions.nx && (conditions.xx || conditions.gt || conditions.lt) {
            return Err(Error::text("ERR NX and XX, GT or LT options at the same time are not compatible"));
        }
        if conditions.gt && conditions.lt {
            return Err(Error::text("ERR GT and LT options at the same time are not compatible"));
        }
        Ok(conditions)
    }

    /// A key without a deadline counts as living for ever.
    fn allow(&self, current_ms: Option<u64>, wanted_ms: u64) -> bool {
        let current = current_ms;
        !(self.nx && current.is_some()
            || self.xx && current.is_none()
            || self.gt && current.is_none_or(|current| wanted_ms <= current)
            || self.lt && current.is_some_and(|current| wanted_ms >= current))
    }
}

fn expire(
    exec: &mut Exec<'_, '_>,
    args: &mut Args<'_>,
    reply: &mut dyn Reply,
    name: &'static str,
    unit: Unit,
    base: Base,
) -> CommandResult {
    let key = args.key()?;
    let time = ExpireTime { number: args.word()?, unit, base };
    let conditions = Conditions::parse(args)?;
    let now_ms = exec.now_ms();
    let wanted_ms = time.signed_unix_ms(now_ms, name)?;
    // Before the epoch is as good as at the epoch: long gone.
    let wanted_ms = u64::try_from(wanted_ms).unwrap_or(0).min(DEADLINE_MS_MAX);
    let place = exec.place_to_write(&key)?;
    let Some(place) = place.filter(|place| conditions.allow(exec.view(&key, place).deadline_ms(), wanted_ms))
    else {
        reply.integer(0);
        return Ok(Outcome::Done);
    };
    if wanted_ms > now_ms {
        exec.set_deadline(&key, &place, Some(wanted_ms))?;
        exec.changed(&key, Event::generic("expire"), || {
            words(&[b"PEXPIREAT", key.bytes, itoa::Buffer::new().format(wanted_ms).as_bytes()])
        });
    } else {
        exec.remove(&key, &place)?;
        exec.changed(&key, Event::DEL, || del_words(key.bytes));
    }
    reply.integer(1);
    Ok(Outcome::Done)
}

fn persist(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let key = args.key()?;
    let place = exec.place_to_write(&key)?;
    let timed = place.filter(|place| exec.view(&key, place).deadline_ms().is_some());
    if let Some(place) = &timed {
        exec.set_deadline(&key, place, None)?;
        exec.changed(&key, Event::generic("persist"), || words(&[b"PERSIST", key.bytes]));
    }
    reply.integer(i64::from(timed.is_some()));
    Ok(Outcome::Done)
}
