//! Values that are numbers: INCR, DECR, INCRBY, DECRBY, INCRBYFLOAT.

use super::set::set_words;
use crate::command::effect::Event;
use crate::command::{
    Args, Arity, CommandResult, DataCommand, Deadline, Error, Exec, Flags, Group, Key, KeyAccess, KeySpec,
    Keys, Outcome, Reply, Spec,
};
use crate::number::Extended;
use crate::types::Kind;

const ONE_COUNTED: Keys = Keys::new(&[KeySpec::one(1, KeyAccess::READ_UPDATE)]);

const fn row(name: &'static str, words: u8, syntax: &'static str) -> Spec {
    Spec::write(name, Arity::Exactly(words), ONE_COUNTED)
        .group(Group::String)
        .flags(Flags::DENYOOM.union(Flags::FAST))
        .syntax(syntax)
}

pub(super) const COMMANDS: &[DataCommand] = &[
    DataCommand {
        spec: row("INCR", 2, "key").doc(
            "1.0.0",
            "O(1)",
            "Increments the integer value of a key by one. Uses 0 as initial value if the key doesn't exist.",
        ),
        run: |exec, args, reply| add(exec, &args.key()?, 1, reply),
    },
    DataCommand {
        spec: row("DECR", 2, "key").doc(
            "1.0.0",
            "O(1)",
            "Decrements the integer value of a key by one. Uses 0 as initial value if the key doesn't exist.",
        ),
        run: |exec, args, reply| add(exec, &args.key()?, -1, reply),
    },
    DataCommand {
        spec: row("INCRBY", 3, "key increment").doc(
            "1.0.0",
            "O(1)",
            "Increments the integer value of a key by a number. Uses 0 as initial value if the key doesn't \
             exist.",
        ),
        run: |exec, args, reply| {
            let (key, by) = (args.key()?, args.integer()?);
            add(exec, &key, by, reply)
        },
    },
    DataCommand {
        spec: row("DECRBY", 3, "key decrement").doc(
            "1.0.0",
            "O(1)",
            "Decrements a number from the integer value of a key. Uses 0 as initial value if the key doesn't \
             exist.",
        ),
        run: |exec, args, reply| {
            let (key, by) = (args.key()?, args.integer()?);
            add(exec, &key, by.checked_neg().ok_or(Error::DecrementOverflow)?, reply)
        },
    },
    DataCommand {
        spec: row("INCRBYFLOAT", 3, "key increment").doc(
            "2.6.0",
            "O(1)",
            "Increment the floating point value of a key by a number. Uses 0 as initial value if the key \
             doesn't exist.",
        ),
        run: add_float,
    },
];

fn add(exec: &mut Exec<'_, '_>, key: &Key<'_>, by: i64, reply: &mut dyn Reply) -> CommandResult {
    let place = exec.place_to_write(key)?;
    let (old, spot) = match &place {
        Some(place) => {
            let view = exec.view(key, place);
            if view.kind() != Kind::String {
                return Err(Error::WrongType);
            }
            (view.string().integer().ok_or(Error::NotInteger)?, view.spot())
        }
        None => (0, None),
    };
    let new = old.checked_add(by).ok_or(Error::Overflow)?;
    let mut digits = itoa::Buffer::new();
    let digits = digits.format(new).as_bytes();
    match (&place, spot) {
        (Some(place), Some(spot)) if spot.value_len() == digits.len() => {
            exec.overwrite(key, place, spot, digits)?
        }
        _ => exec.put_string(key, place, &[digits], Deadline::Keep)?,
    }
    exec.changed(key, Event::string("incrby"), || set_words(key.bytes, digits, Deadline::Keep));
    reply.integer(new);
    Ok(Outcome::Done)
}

fn add_float(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let key = args.key()?;
    let place = exec.string_to_write(&key)?;
    let old = match &place {
        Some(place) => {
            let text = exec.view(&key, place).string().contiguous();
            Extended::parse(&text).ok_or(Error::NotFloat)?
        }
        None => Extended::ZERO,
    };
    let by = Extended::parse(args.word()?).ok_or(Error::NotFloat)?;
    let sum = old.plus(by).ok_or(Error::NanOrInfinity)?.to_decimal();
    exec.put_string(&key, place, &[sum.as_bytes()], Deadline::Keep)?;
    let event = Event::string("incrbyfloat");
    exec.changed(&key, event, || set_words(key.bytes, sum.as_bytes(), Deadline::Keep));
    reply.bulk(sum.as_bytes());
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn integers_are_counted() {
        check(
            "> INCR k
             (integer) 1
             ! incrby SET k 1 KEEPTTL
             > INCRBY k 41
             (integer) 42
             > DECR k
             (integer) 41
             ! incrby SET k 41 KEEPTTL
             > DECRBY k 50
             (integer) -9
             > DECRBY k -9
             (integer) 0
             > GET k
             \"0\"
             > SET k 9 PX 10
             OK
             > INCR k
             (integer) 10
             ... 10 ms
             > INCR k
             (integer) 1",
        );
    }

    #[test]
    fn what_is_no_integer_is_not_counted() {
        check(
            "> SET k 9223372036854775807
             OK
             > INCR k
             (error) ERR increment or decrement would overflow
             > DECRBY k -9223372036854775808
             (error) ERR decrement would overflow
             > DECRBY k 9223372036854775808
             (error) ERR value is not an integer or out of range
             > SET k -9223372036854775808
             OK
             > DECR k
             (error) ERR increment or decrement would overflow
             > INCRBY k 9223372036854775807
             (integer) -1
             > SET k \" 1\"
             OK
             > INCR k
             (error) ERR value is not an integer or out of range
             > SET k 01
             OK
             > INCR k
             (error) ERR value is not an integer or out of range
             > INCRBY k 1.5
             (error) ERR value is not an integer or out of range
             > GET k
             \"01\"",
        );
    }

    #[test]
    fn floating_point_numbers_are_added() {
        check(
            "> INCRBYFLOAT k 10.50
             \"10.5\"
             ! incrbyfloat SET k 10.5 KEEPTTL
             > INCRBYFLOAT k 0.1
             \"10.6\"
             > INCRBYFLOAT k -5
             \"5.6\"
             > SET k 5.0e3 PX 10
             OK
             > INCRBYFLOAT k 2.0e2
             \"5200\"
             ! incrbyfloat SET k 5200 KEEPTTL
             > INCRBYFLOAT k -5200
             \"0\"
             ... 10 ms
             > INCRBYFLOAT k 0x1p-1
             \"0.5\"
             > SET k 3
             OK
             > INCRBYFLOAT k 1.1
             \"4.1\"",
        );
    }

    #[test]
    fn what_is_no_number_is_not_added() {
        check(
            "> SET k abc
             OK
             > INCRBYFLOAT k 1
             (error) ERR value is not a valid float
             > SET k \"1 \"
             OK
             > INCRBYFLOAT k 1
             (error) ERR value is not a valid float
             > SET k 1
             OK
             > INCRBYFLOAT k abc
             (error) ERR value is not a valid float
             > INCRBYFLOAT k nan
             (error) ERR value is not a valid float
             > INCRBYFLOAT k -inf
             (error) ERR increment would produce NaN or Infinity
             > GET k
             \"1\"
             ! none",
        );
    }
}
