//! Many values at once: MSET, MSETNX, MSETEX.

use super::set::store;
use crate::command::args::{Condition, Expiry};
use crate::command::{
    Args, Arity, CommandResult, DataCommand, Deadline, Error, Exec, Flags, Group, KeyAccess, KeySpec, Keys,
    Outcome, Reply, Spec,
};
use crate::number;

const PAIRS_OVERWRITTEN: Keys = Keys::new(&[KeySpec::range(1, -1, 2, KeyAccess::OVERWRITE)]);
const PAIRS_INSERTED: Keys = Keys::new(&[KeySpec::range(1, -1, 2, KeyAccess::INSERT)]);
const COUNTED_PAIRS: Keys = Keys::new(&[KeySpec::counted(1, 2, KeyAccess::OVERWRITE)]);
const COST: &str = "O(N) where N is the number of keys to set.";

pub(super) const COMMANDS: &[DataCommand] = &[
    DataCommand {
        spec: Spec::write("MSET", Arity::AtLeast(3), PAIRS_OVERWRITTEN)
            .group(Group::String)
            .flags(Flags::DENYOOM)
            .syntax("key value [key value ...]")
            .doc("1.0.1", COST, "Atomically creates or modifies the string values of one or more keys.")
            .tips(&["request_policy:multi_shard", "response_policy:all_succeeded"]),
        run: mset,
    },
    DataCommand {
        spec: Spec::write("MSETNX", Arity::AtLeast(3), PAIRS_INSERTED)
            .group(Group::String)
            .flags(Flags::DENYOOM)
            .syntax("key value [key value ...]")
            .doc(
                "1.0.1",
                COST,
                "Atomically modifies the string values of one or more keys only when all keys don't exist.",
            ),
        run: msetnx,
    },
    DataCommand {
        spec: Spec::write("MSETEX", Arity::AtLeast(4), COUNTED_PAIRS)
            .group(Group::String)
            .flags(Flags::DENYOOM)
            .syntax(
                "numkeys key value [key value ...] [NX | XX] [EX seconds | PX milliseconds | \
                 EXAT unix-time-seconds | PXAT unix-time-milliseconds | KEEPTTL]",
            )
            .doc(
                "8.4.0",
                COST,
                "Atomically sets multiple string keys with an optional shared expiration in a single operation.",
            ),
        run: msetex,
    },
];

fn mset(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    whole_pairs(args, "mset")?;
    store_all(exec, args, Deadline::None)?;
    reply.ok();
    Ok(Outcome::Done)
}

fn msetnx(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    whole_pairs(args, "msetnx")?;
    let admitted = admits_all(exec, *args, &Condition::Missing)?;
    if admitted {
        store_all(exec, args, Deadline::None)?;
    }
    reply.integer(i64::from(admitted));
    Ok(Outcome::Done)
}

fn msetex(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let (mut pairs, mut options) = counted_pairs(args)?;
    let (mut expiry, mut condition) = (Expiry::default(), Condition::default());
    while !options.is_empty() {
        let taken = expiry.take_time(&mut options)
            || expiry.take_keep(&mut options)
            || condition.take_existence(&mut options);
        if !taken {
            return Err(Error::Syntax);
        }
    }
    let deadline = expiry.deadline(exec.now_ms(), "MSETEX")?;
    let admitted = admits_all(exec, pairs, &condition)?;
    if admitted {
        store_all(exec, &mut pairs, deadline)?;
    }
    reply.integer(i64::from(admitted));
    Ok(Outcome::Done)
}

fn whole_pairs(args: &Args<'_>, command: &'static str) -> Result<(), Error> {
    if args.left().is_multiple_of(2) { Ok(()) } else { Err(Error::WrongArity(command.into())) }
}

/// Reads the number of pairs; the pairs, and what stands behind them.
fn counted_pairs<'a>(args: &mut Args<'a>) -> Result<(Args<'a>, Args<'a>), Error> {
    let count = number::parse_i64(args.word()?).and_then(|count| i32::try_from(count).ok());
    let Some(count) = count.and_then(|count| usize::try_from(count).ok()).filter(|&count| count > 0) else {
        return Err(Error::text("ERR invalid numkeys value"));
    };
    args.split(2 * count).ok_or(Error::text("ERR wrong number of key-value pairs"))
}

fn admits_all(
    exec: &mut Exec<'_, '_>,
    mut pairs: Args<'_>,
    condition: &Condition<'_>,
) -> Result<bool, Error> {
    let wanted = match condition {
        Condition::Missing => false,
        Condition::Present => true,
        Condition::Always | Condition::Compares(_) => return Ok(true),
    };
    while !pairs.is_empty() {
        let key = pairs.key()?;
        pairs.word()?;
        if exec.place_to_write(&key)?.is_some() != wanted {
            return Ok(false);
        }
    }
    Ok(true)
}

fn store_all(exec: &mut Exec<'_, '_>, pairs: &mut Args<'_>, deadline: Deadline) -> Result<(), Error> {
    while !pairs.is_empty() {
        let key = pairs.key()?;
        let value = pairs.word()?;
        // Looked up one by one: storing a key moves others, and the same key may come twice.
        let place = exec.place_to_write(&key)?;
        store(exec, &key, place, value, deadline)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn mset_sets_all() {
        check(
            "> SET a 0 EX 10
             OK
             > MSET a 1 b 2 c 3 a 4
             OK
             ! set SET a 1
             ! set SET b 2
             ! set SET c 3
             ! set SET a 4
             > MGET a b c d
             1) \"4\"
             2) \"2\"
             3) \"3\"
             4) (nil)
             ... 10000 ms
             > GET a
             \"4\"
             > MSET a
             (error) ERR wrong number of arguments for 'mset' command
             > MSET a 1 b
             (error) ERR wrong number of arguments for 'mset' command",
        );
    }

    #[test]
    fn msetnx_sets_all_or_none() {
        check(
            "> MSETNX a 1 b 2 a 3
             (integer) 1
             > MSETNX x 1 b 3 y 1
             (integer) 0
             ! none
             > MGET a b x y
             1) \"3\"
             2) \"2\"
             3) (nil)
             4) (nil)
             > MSETNX a 1 b
             (error) ERR wrong number of arguments for 'msetnx' command",
        );
    }

    #[test]
    fn msetex_shares_an_expiry_and_a_condition() {
        check(
            "> MSETEX 2 a 1 b 2 EX 10 NX
             (integer) 1
             ! set SET a 1 PXAT 1010000
             ! expire
             ! set SET b 2 PXAT 1010000
             ! expire
             > MSETEX 2 b 3 c 4 nx
             (integer) 0
             > MSETEX 2 b 3 c 4 XX
             (integer) 0
             ! none
             > MSETEX 2 a 3 b 4 XX KEEPTTL
             (integer) 1
             ! set SET a 3 KEEPTTL
             ! set SET b 4 KEEPTTL
             ... 10000 ms
             > MGET a b
             1) (nil)
             2) (nil)
             > MSETEX 1 a 1
             (integer) 1
             ! set SET a 1
             > MSETEX 2 a 2 b 2 PXAT 1
             (integer) 1
             ! del DEL a
             > MGET a b
             1) (nil)
             2) (nil)",
        );
    }

    #[test]
    fn msetex_refuses_what_it_does_not_understand() {
        check(
            "> MSETEX
             (error) ERR wrong number of arguments for 'msetex' command
             > MSETEX a 1 EX 10
             (error) ERR invalid numkeys value
             > MSETEX 0 a 1
             (error) ERR invalid numkeys value
             > MSETEX -1 a 1
             (error) ERR invalid numkeys value
             > MSETEX 2147483648 a 1 EX 10
             (error) ERR invalid numkeys value
             > MSETEX 2147483647 a 1 EX 10
             (error) ERR wrong number of key-value pairs
             > MSETEX 2 a 1 b
             (error) ERR wrong number of key-value pairs
             > MSETEX 1 a 1 b 2
             (error) ERR syntax error
             > MSETEX 1 a 1 NX XX
             (error) ERR syntax error
             > MSETEX 1 a 1 EX 1 PX 1
             (error) ERR syntax error
             > MSETEX 1 a 1 KEEPTTL EX 1
             (error) ERR syntax error
             > MSETEX 1 a 1 IFEQ v
             (error) ERR syntax error
             > MSETEX 1 a 1 EX 0
             (error) ERR invalid expire time in 'msetex' command
             > MSETEX 1 a 1 EX ten
             (error) ERR value is not an integer or out of range
             > GET a
             (nil)",
        );
    }
}
