//! Taking members from the first sorted set that has any, or waiting for one: BZPOPMIN, BZPOPMAX, BZMPOP.

use super::Listing;
use super::pop::{End, Many, key_and_rest, pop_first};
use crate::command::args::timeout;
use crate::command::{
    Args, Arity, CommandResult, DataCommand, Error, Exec, Flags, Group, Key, KeyAccess, KeySpec, Keys,
    Nothing, Outcome, Reply, Spec, Wait,
};

const ALL_BUT_LAST: Keys = Keys::new(&[KeySpec::range(1, -2, 1, KeyAccess::READ_DELETE)]);
const COUNTED_AFTER_TIMEOUT: Keys = Keys::new(&[KeySpec::counted(2, 1, KeyAccess::READ_DELETE)]);

const fn row(name: &'static str, summary: &'static str) -> Spec {
    Spec::write(name, Arity::AtLeast(3), ALL_BUT_LAST)
        .group(Group::SortedSet)
        .flags(Flags::NOSCRIPT.union(Flags::BLOCKING).union(Flags::FAST))
        .syntax("key [key ...] timeout")
        .doc("5.0.0", "O(log(N)) with N being the number of elements in the sorted set.", summary)
}

pub(super) const COMMANDS: &[DataCommand] = &[
    DataCommand {
        spec: row(
            "BZPOPMIN",
            "Removes and returns the member with the lowest score from one or more sorted sets. Blocks until a member \
             is available otherwise. Deletes the sorted set if the last element was popped.",
        ),
        run: |exec, args, reply| pop_one(exec, args, reply, End::Min),
    },
    DataCommand {
        spec: row(
            "BZPOPMAX",
            "Removes and returns the member with the highest score from one or more sorted sets. Blocks until a member \
             is available otherwise. Deletes the sorted set if the last element was popped.",
        ),
        run: |exec, args, reply| pop_one(exec, args, reply, End::Max),
    },
    DataCommand {
        spec: Spec::write("BZMPOP", Arity::AtLeast(5), COUNTED_AFTER_TIMEOUT)
            .group(Group::SortedSet)
            .flags(Flags::BLOCKING.union(Flags::MOVABLE_KEYS))
            .syntax("timeout numkeys key [key ...] <MIN | MAX> [COUNT count]")
            .doc(
                "7.0.0",
                "O(K) + O(M*log(N)) where K is the number of provided keys, N being the number of elements in \
                 the sorted set, and M being the number of elements popped.",
                "Removes and returns a member by score from one or more sorted sets. Blocks until a member is \
                 available otherwise. Deletes the sorted set if the last element was popped.",
            ),
        run: pop_many,
    },
];

fn pop_one(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply, end: End) -> CommandResult {
    let Some((last, names)) = args.rest().split_last() else { return Err(Error::Syntax) };
    let until_ms = timeout::seconds(last, exec.now_ms())?;
    let mut keys = Vec::with_capacity(names.len());
    for word in 1..=names.len() {
        let key = args.key()?;
        if exec.awaits(word) {
            keys.push(key);
        }
    }
    let head = |reply: &mut dyn Reply, key: &Key<'_>| {
        reply.array(3);
        reply.bulk(key.bytes);
    };
    if pop_first(exec, keys, (end, 1, Listing::Bare), reply, head)? {
        return Ok(Outcome::Done);
    }
    let (first_key, key_count, nothing) = (1, names.len(), Nothing::NullArray);
    exec.wait(Wait { first_key, key_count, until_ms, nothing, on_loss: false }, reply)
}

fn pop_many(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let until_ms = timeout::seconds(args.word()?, exec.now_ms())?;
    let Many { first_key, keys, end, count } = Many::take(args)?;
    let key_count = keys.len();
    let mut awaited = Vec::with_capacity(key_count);
    awaited.extend(
        keys.into_iter().enumerate().filter(|(nth, _)| exec.awaits(first_key + nth)).map(|(_, key)| key),
    );
    if pop_first(exec, awaited, (end, count, Listing::Nested), reply, key_and_rest)? {
        return Ok(Outcome::Done);
    }
    exec.wait(Wait { first_key, key_count, until_ms, nothing: Nothing::NullArray, on_loss: false }, reply)
}

#[cfg(test)]
mod tests {
    use crate::testing::{Session, check};

    #[test]
    fn the_first_set_with_members_gives() {
        check(
            "> ZADD b 1 one 2 two 3 three 4 four
             (integer) 4
             > BZPOPMIN a b 0
             1) \"b\"
             2) \"one\"
             3) \"1\"
             ! zpopmin ZREM b one
             > BZPOPMAX a b 0.5
             1) \"b\"
             2) \"four\"
             3) \"4\"
             > BZMPOP 0 2 a b MIN COUNT 9
             1) \"b\"
             2) 1) 1) \"two\"
                   2) \"2\"
                2) 1) \"three\"
                   2) \"3\"
             ! zpopmin ZREM b two three
             ! del
             > SET s v
             OK
             > BZPOPMIN a s 0
             (error) WRONGTYPE Operation against a key holding the wrong kind of value
             > BZPOPMIN a x
             (error) ERR timeout is not a float or out of range
             > BZMPOP 0 0 a MIN
             (error) ERR numkeys should be greater than 0
             > BZMPOP -1 1 a MIN
             (error) ERR timeout is negative",
        );
    }

    #[test]
    fn scores_are_numbers_in_resp3() {
        let mut session = Session::new(1);
        session.resp3 = true;
        session.check(
            "> ZADD z 1.5 a
             (integer) 1
             > BZPOPMIN z 0
             1) \"z\"
             2) \"a\"
             3) (double) 1.5",
        );
    }
}
