//! How many members: ZCARD, ZCOUNT, ZLEXCOUNT.

use super::interval::{By, Interval};
use crate::command::{
    Args, Arity, CommandResult, DataCommand, Exec, Flags, Group, Keys, Outcome, Reply, Spec,
};
use crate::types::collection::Collection;
use crate::types::zset::Zset;

const fn row(name: &'static str, words: u8, keys: Keys) -> Spec {
    Spec::read(name, Arity::Exactly(words), keys).group(Group::SortedSet).flags(Flags::FAST)
}

const COST: &str = "O(log(N)) with N being the number of elements in the sorted set.";

pub(super) const COMMANDS: &[DataCommand] = &[
    DataCommand {
        spec: row("ZCARD", 2, Keys::ONE_LOOK).syntax("key").doc(
            "1.2.0",
            "O(1)",
            "Returns the number of members in a sorted set.",
        ),
        run: zcard,
    },
    DataCommand {
        spec: row("ZCOUNT", 4, Keys::ONE).syntax("key min max").doc(
            "2.0.0",
            COST,
            "Returns the count of members in a sorted set that have scores within a range.",
        ),
        run: |exec, args, reply| count(exec, args, reply, By::Score),
    },
    DataCommand {
        spec: row("ZLEXCOUNT", 4, Keys::ONE).syntax("key min max").doc(
            "2.8.9",
            COST,
            "Returns the number of members in a sorted set within a lexicographical range.",
        ),
        run: |exec, args, reply| count(exec, args, reply, By::Lex),
    },
];

fn zcard(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let zset = exec.read_collection::<Zset>(&args.key()?)?;
    reply.count(zset.map_or(0, |zset| zset.len()));
    Ok(Outcome::Done)
}

fn count(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply, by: By) -> CommandResult {
    let key = args.key()?;
    let interval = Interval::parse(by, args.word()?, args.word()?)?;
    let zset = exec.read_collection::<Zset>(&key)?;
    reply.count(zset.map_or(0, |zset| interval.ranks(&zset, exec.heap(&key), false).len()));
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn members_are_counted() {
        check(
            "> ZADD z 1 a 2 b 2 c 3 d
             (integer) 4
             > ZCARD z
             (integer) 4
             > ZCARD nothing
             (integer) 0
             > ZCOUNT z 2 3
             (integer) 3
             > ZCOUNT z (2 +inf
             (integer) 1
             > ZCOUNT z -inf (2
             (integer) 1
             > ZCOUNT z 3 1
             (integer) 0
             > ZCOUNT z (2 (2
             (integer) 0
             > ZCOUNT z \"\" \" 1\"
             (integer) 1
             > ZCOUNT z a 1
             (error) ERR min or max is not a float
             > ZCOUNT z 1 (nan
             (error) ERR min or max is not a float
             > ZCOUNT nothing 1 2
             (integer) 0
             > SET s v
             OK
             > ZCOUNT s x 1
             (error) ERR min or max is not a float
             > ZCOUNT s 1 1
             (error) WRONGTYPE Operation against a key holding the wrong kind of value
             > ZCARD s
             (error) WRONGTYPE Operation against a key holding the wrong kind of value",
        );
    }

    #[test]
    fn members_are_counted_in_the_order_of_their_bytes() {
        check(
            "> ZADD z 0 a 0 b 0 c 0 \"\"
             (integer) 4
             > ZLEXCOUNT z - +
             (integer) 4
             > ZLEXCOUNT z [a (c
             (integer) 2
             > ZLEXCOUNT z [ (a
             (integer) 1
             > ZLEXCOUNT z + -
             (integer) 0
             > ZLEXCOUNT z [c [a
             (integer) 0
             > ZLEXCOUNT z a [b
             (error) ERR min or max not valid string range item
             > ZLEXCOUNT z -x +
             (error) ERR min or max not valid string range item",
        );
    }
}
