//! Taking members from an end: ZPOPMIN, ZPOPMAX, ZMPOP.

use super::{Listing, owned};
use crate::command::args::count;
use crate::command::effect::{Event, words};
use crate::command::{
    Args, Arity, CommandResult, DataCommand, Error, Exec, Flags, Group, Key, KeyAccess, KeySpec, Keys,
    Outcome, Reply, Spec,
};
use crate::number;
use crate::types::collection::Collection;
use crate::types::zset::Zset;

const ONE_TAKEN: Keys = Keys::new(&[KeySpec::one(1, KeyAccess::READ_DELETE)]);
const COUNTED_TAKEN: Keys = Keys::new(&[KeySpec::counted(1, 1, KeyAccess::READ_DELETE)]);

const fn row(name: &'static str) -> Spec {
    Spec::write(name, Arity::AtLeast(2), ONE_TAKEN).group(Group::SortedSet).flags(Flags::FAST)
}

const COST: &str = "O(log(N)*M) with N being the number of elements in the sorted set, and M being the number of \
                    elements popped.";

pub(super) const COMMANDS: &[DataCommand] = &[
    DataCommand {
        spec: row("ZPOPMIN").syntax("key [count]").doc(
            "5.0.0",
            COST,
            "Returns the lowest-scoring members from a sorted set after removing them. Deletes the sorted set \
             if the last member was popped.",
        ),
        run: |exec, args, reply| zpop(exec, args, reply, End::Min),
    },
    DataCommand {
        spec: row("ZPOPMAX").syntax("key [count]").doc(
            "5.0.0",
            COST,
            "Returns the highest-scoring members from a sorted set after removing them. Deletes the sorted \
             set if the last member was popped.",
        ),
        run: |exec, args, reply| zpop(exec, args, reply, End::Max),
    },
    DataCommand {
        spec: Spec::write("ZMPOP", Arity::AtLeast(4), COUNTED_TAKEN)
            .group(Group::SortedSet)
            .flags(Flags::MOVABLE_KEYS)
            .syntax("numkeys key [key ...] <MIN | MAX> [COUNT count]")
            .doc(
                "7.0.0",
                "O(K) + O(M*log(N)) where K is the number of provided keys, N being the number of elements in \
                 the sorted set, and M being the number of elements popped.",
                "Returns the highest- or lowest-scoring members from one or more sorted sets after removing \
                 them. Deletes the sorted set if the last member was popped.",
            ),
        run: zmpop,
    },
];

/// Where members are taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Min,
    Max,
}

impl End {
    fn event(self) -> Event {
        Event::sorted_set(match self {
            End::Min => "zpopmin",
            End::Max => "zpopmax",
        })
    }
}

/// Takes up to `count` members from the first of these keys that has any: lists them after `head` has been written.
/// Returns whether there was one.
pub(super) fn pop_first<'k>(
    exec: &mut Exec<'_, '_>,
    keys: impl IntoIterator<Item = Key<'k>>,
    (end, count, listing): (End, usize, Listing),
    reply: &mut dyn Reply,
    head: impl FnOnce(&mut dyn Reply, &Key<'k>),
) -> Result<bool, Error> {
    for key in keys {
        if exec.is_retry() && !exec.holds::<Zset>(&key)? {
            continue;
        }
        let mut opened = exec.collection_to_write::<Zset>(&key)?;
        if !opened.exists() {
            continue;
        }
        let is_heard = exec.is_heard(&key);
        let heap = exec.heap_mut(&key);
        let len = opened.value.len();
        let taken = count.min(len);
        head(reply, &key);
        listing.open(reply, taken);
        let mut told = if is_heard { words(&[b"ZREM", key.bytes]) } else { Vec::new() };
        let mut tell = |item| {
            listing.item(reply, heap, item);
            if is_heard {
                told.push(owned(heap, item.text));
            }
        };
        let ranks = match end {
            End::Min => {
                opened.value.iter_from(heap, 0).take(taken).for_each(&mut tell);
                0..taken
            }
            End::Max => {
                opened.value.back_from(heap, len).take(taken).for_each(&mut tell);
                len - taken..len
            }
        };
        if taken > 0 {
            opened.value.remove_range(exec.heap_mut(&key), ranks)?;
            exec.changed(&key, end.event(), || told);
            exec.store(&key, opened)?;
        }
        return Ok(true);
    }
    Ok(false)
}

fn zpop(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply, end: End) -> CommandResult {
    let key = args.key()?;
    if args.left() > 1 {
        return Err(Error::Syntax);
    }
    let (count, listing) = match args.word() {
        Ok(count) => {
            let count = number::parse_i64(count).and_then(|count| usize::try_from(count).ok());
            (count.ok_or(Error::NotPositive)?, Listing::Pairs)
        }
        Err(_) => (1, Listing::Flat),
    };
    if !pop_first(exec, [key], (end, count, listing), reply, |_, _| ())? {
        reply.array(0);
    }
    Ok(Outcome::Done)
}

/// Writes an array of two, of which the key is the first.
pub(super) fn key_and_rest(reply: &mut dyn Reply, key: &Key<'_>) {
    reply.array(2);
    reply.bulk(key.bytes);
}

/// What ZMPOP and BZMPOP are asked.
pub(super) struct Many<'a> {
    /// Where the first key stands among the request's words.
    pub first_key: usize,
    pub keys: Vec<Key<'a>>,
    pub end: End,
    pub count: usize,
}

impl<'a> Many<'a> {
    pub(super) fn take(args: &mut Args<'a>) -> Result<Many<'a>, Error> {
        let numkeys = count::positive(args, "ERR numkeys should be greater than 0")?;
        let first_key = args.words().len() - args.left();
        let (mut keys, mut options) = args.split(numkeys).ok_or(Error::Syntax)?;
        let end = match () {
            () if options.take("MIN") => End::Min,
            () if options.take("MAX") => End::Max,
            () => return Err(Error::Syntax),
        };
        let mut count = None;
        while !options.is_empty() {
            if count.is_some() || options.left() < 2 || !options.take("COUNT") {
                return Err(Error::Syntax);
            }
            count = Some(count::positive(&mut options, "ERR count should be greater than 0")?);
        }
        let keys = std::iter::from_fn(|| keys.key().ok()).collect();
        Ok(Many { first_key, keys, end, count: count.unwrap_or(1) })
    }
}

fn zmpop(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let Many { keys, end, count, .. } = Many::take(args)?;
    if !pop_first(exec, keys, (end, count, Listing::Nested), reply, key_and_rest)? {
        reply.null_array();
    }
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use crate::testing::{Session, check};

    #[test]
    fn members_are_taken_from_either_end() {
        check(
            "> ZADD z 1 a 2 b 3 c 4 d 5 e
             (integer) 5
             > ZPOPMIN z
             1) \"a\"
             2) \"1\"
             ! zpopmin ZREM z a
             > ZPOPMAX z 2
             1) \"e\"
             2) \"5\"
             3) \"d\"
             4) \"4\"
             ! zpopmax ZREM z e d
             > ZPOPMIN z 0
             (empty array)
             ! none
             > ZPOPMIN z 9
             1) \"b\"
             2) \"2\"
             3) \"c\"
             4) \"3\"
             ! zpopmin ZREM z b c
             ! del
             > ZPOPMIN z
             (empty array)
             > ZPOPMIN z -1
             (error) ERR value is out of range, must be positive
             > ZPOPMIN z x
             (error) ERR value is out of range, must be positive
             > ZPOPMIN z 1 2
             (error) ERR syntax error
             > SET s v
             OK
             > ZPOPMIN s 0
             (error) WRONGTYPE Operation against a key holding the wrong kind of value",
        );
        let mut session = Session::new(1);
        session.resp3 = true;
        session.check(
            "> ZADD z 1 a 2 b
             (integer) 2
             > ZPOPMIN z
             1) \"a\"
             2) (double) 1
             > ZPOPMIN z 1
             1) 1) \"b\"
                2) (double) 2",
        );
    }

    #[test]
    fn members_are_taken_from_the_first_key_that_has_any() {
        check(
            "> ZADD b 1 x 2 y 3 z
             (integer) 3
             > ZMPOP 2 a b MIN
             1) \"b\"
             2) 1) 1) \"x\"
                   2) \"1\"
             ! zpopmin ZREM b x
             > ZMPOP 3 a b c MAX COUNT 5
             1) \"b\"
             2) 1) 1) \"z\"
                   2) \"3\"
                2) 1) \"y\"
                   2) \"2\"
             ! zpopmax ZREM b z y
             ! del
             > ZMPOP 2 a b MIN
             (nil)
             > ZMPOP 0 a MIN
             (error) ERR numkeys should be greater than 0
             > ZMPOP x a MIN
             (error) ERR numkeys should be greater than 0
             > ZMPOP 1 a MIN COUNT 0
             (error) ERR count should be greater than 0
             > ZMPOP 1 a MIN COUNT 1 COUNT 1
             (error) ERR syntax error
             > ZMPOP 1 a MID
             (error) ERR syntax error
             > ZMPOP 2 a MIN
             (error) ERR syntax error
             > ZMPOP 5 a MIN COUNT
             (error) ERR syntax error",
        );
    }
}
