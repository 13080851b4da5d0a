//! Members in order: ZRANGE and the commands that it has replaced.

use std::ops::Range;

use super::Listing;
use super::interval::{By, Interval};
use crate::command::{
    Args, Arity, CommandResult, DataCommand, Error, Exec, Group, Keys, Outcome, Reply, Spec,
};
use crate::types::zset::Zset;

const fn row(name: &'static str) -> Spec {
    Spec::read(name, Arity::AtLeast(4), Keys::ONE).group(Group::SortedSet)
}

const COST: &str = "O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements \
                    returned.";
const COST_OF_PART: &str = "O(log(N)+M) with N being the number of elements in the sorted set and M the number of \
                            elements being returned. If M is constant (e.g. always asking for the first 10 elements \
                            with LIMIT), you can consider it O(log(N)).";

pub(super) const COMMANDS: &[DataCommand] = &[
    DataCommand {
        spec: row("ZRANGE")
            .syntax("key start stop [BYSCORE | BYLEX] [REV] [LIMIT offset count] [WITHSCORES]")
            .doc("1.2.0", COST, "Returns members in a sorted set within a range of indexes."),
        run: |exec, args, reply| range(exec, args, reply, Said::NOTHING),
    },
    DataCommand {
        spec: row("ZREVRANGE")
            .syntax("key start stop [WITHSCORES]")
            .doc("1.2.0", COST, "Returns members in a sorted set within a range of indexes in reverse order.")
            .deprecated("6.2.0", "`ZRANGE` with the `REV` argument"),
        run: |exec, args, reply| range(exec, args, reply, Said::by_name(By::Rank, true)),
    },
    DataCommand {
        spec: row("ZRANGEBYSCORE")
            .syntax("key min max [WITHSCORES] [LIMIT offset count]")
            .doc("1.0.5", COST_OF_PART, "Returns members in a sorted set within a range of scores.")
            .deprecated("6.2.0", "`ZRANGE` with the `BYSCORE` argument"),
        run: |exec, args, reply| range(exec, args, reply, Said::by_name(By::Score, false)),
    },
    DataCommand {
        spec: row("ZREVRANGEBYSCORE")
            .syntax("key max min [WITHSCORES] [LIMIT offset count]")
            .doc(
                "2.2.0",
                COST_OF_PART,
                "Returns members in a sorted set within a range of scores in reverse order.",
            )
            .deprecated("6.2.0", "`ZRANGE` with the `REV` and `BYSCORE` arguments"),
        run: |exec, args, reply| range(exec, args, reply, Said::by_name(By::Score, true)),
    },
    DataCommand {
        spec: row("ZRANGEBYLEX")
            .syntax("key min max [LIMIT offset count]")
            .doc("2.8.9", COST_OF_PART, "Returns members in a sorted set within a lexicographical range.")
            .deprecated("6.2.0", "`ZRANGE` with the `BYLEX` argument"),
        run: |exec, args, reply| range(exec, args, reply, Said::by_name(By::Lex, false)),
    },
    DataCommand {
        spec: row("ZREVRANGEBYLEX")
            .syntax("key max min [LIMIT offset count]")
            .doc(
                "2.8.9",
                COST_OF_PART,
                "Returns members in a sorted set within a lexicographical range in reverse order.",
            )
            .deprecated("6.2.0", "`ZRANGE` with the `REV` and `BYLEX` arguments"),
        run: |exec, args, reply| range(exec, args, reply, Said::by_name(By::Lex, true)),
    },
];

/// What the name of a command says already, so that no option can.
#[derive(Debug, Clone, Copy)]
pub(super) struct Said {
    by: Option<By>,
    from_end: Option<bool>,
    /// The command stores: then it lists no scores.
    stores: bool,
}

impl Said {
    const NOTHING: Said = Said { by: None, from_end: None, stores: false };
    /// That the result is stored.
    pub const STORES: Said = Said { stores: true, ..Said::NOTHING };

    const fn by_name(by: By, from_end: bool) -> Said {
        Said { by: Some(by), from_end: Some(from_end), stores: false }
    }
}

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Query<'a> {
    interval: Interval<'a>,
    pub from_end: bool,
    with_scores: bool,
    /// How many to leave out, and how many to take then.
    limit: (i64, i64),
}

impl<'a> Query<'a> {
    /// Reads the ends of the range and all options.
    pub fn parse(args: &mut Args<'a>, said: Said) -> Result<Query<'a>, Error> {
        let (one, other) = (args.word()?, args.word()?);
        let (mut by, mut from_end) = (said.by, said.from_end);
        let (mut with_scores, mut limit) = (false, (0, -1));
        while !args.is_empty() {
            if !said.stores && args.take("WITHSCORES") {
                with_scores = true;
            } else if args.left() > 2 && args.take("LIMIT") {
                limit = (args.integer()?, args.integer()?);
            } else if from_end.is_none() && args.take("REV") {
                from_end = Some(true);
            } else if by.is_none() && args.take("BYLEX") {
                by = Some(By::Lex);
            } else if by.is_none() && args.take("BYSCORE") {
                by = Some(By::Score);
            } else {
                return Err(Error::Syntax);
            }
        }
        let (by, from_end) = (by.unwrap_or(By::Rank), from_end.unwrap_or(false));
        if limit.1 != -1 && by == By::Rank {
            return Err(Error::text(
                "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX",
            ));
        }
        if with_scores && by == By::Lex {
            return Err(Error::text("ERR syntax error, WITHSCORES not supported in combination with BYLEX"));
        }
        let is_upper_first = from_end && by != By::Rank;
        let (from, to) = if is_upper_first { (other, one) } else { (one, other) };
        Ok(Query { interval: Interval::parse(by, from, to)?, from_end, with_scores, limit })
    }

    /// The ranks that are asked for.
    pub fn ranks(&self, zset: &Zset, heap: &shm::Heap) -> Range<usize> {
        let Range { start, end } = self.interval.ranks(zset, heap, self.from_end);
        if matches!(self.interval, Interval::Rank(..)) {
            return start..end;
        }
        // A negative offset leaves out everything, a negative count takes all.
        let skipped = usize::try_from(self.limit.0).unwrap_or(usize::MAX).min(end - start);
        let taken = usize::try_from(self.limit.1).unwrap_or(usize::MAX).min(end - start - skipped);
        match self.from_end {
            false => start + skipped..start + skipped + taken,
            true => end - skipped - taken..end - skipped,
        }
    }
}

fn range(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply, said: Said) -> CommandResult {
    let key = args.key()?;
    let query = Query::parse(args, said)?;
    let Some(zset) = exec.read_collection::<Zset>(&key)? else {
        reply.array(0);
        return Ok(Outcome::Done);
    };
    let heap = exec.heap(&key);
    let ranks = query.ranks(&zset, heap);
    let listing = Listing::with_scores(query.with_scores);
    listing.open(reply, ranks.len());
    if query.from_end {
        zset.back_from(heap, ranks.end).take(ranks.len()).for_each(|item| listing.item(reply, heap, item));
    } else {
        zset.iter_from(heap, ranks.start).take(ranks.len()).for_each(|item| listing.item(reply, heap, item));
    }
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use crate::testing::{Session, check};

    #[test]
    fn ranges_of_ranks() {
        check(
            "> ZADD z 1 a 2 b 3 c
             (integer) 3
             > ZRANGE z 0 -1
             1) \"a\"
             2) \"b\"
             3) \"c\"
             > ZRANGE z 1 1 WITHSCORES
             1) \"b\"
             2) \"2\"
             > ZRANGE z -2 9
             1) \"b\"
             2) \"c\"
             > ZRANGE z 0 1 REV
             1) \"c\"
             2) \"b\"
             > ZREVRANGE z 2 -1 withscores
             1) \"a\"
             2) \"1\"
             > ZRANGE z 2 1
             (empty array)
             > ZRANGE z 5 9
             (empty array)
             > ZRANGE z -9223372036854775808 9223372036854775807 REV
             1) \"c\"
             2) \"b\"
             3) \"a\"
             > ZRANGE nothing 0 -1
             (empty array)
             > ZRANGE z 0 x
             (error) ERR value is not an integer or out of range
             > ZRANGE z 0 -1 BYRANK
             (error) ERR syntax error
             > ZREVRANGE z 0 -1 REV
             (error) ERR syntax error
             > ZRANGE z 0 -1 REV REV
             (error) ERR syntax error
             > ZRANGE z 0 -1 BYSCORE BYLEX
             (error) ERR syntax error
             > ZRANGE z 0 -1 LIMIT 0 1
             (error) ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX
             > ZRANGE z 0 0 LIMIT 5 -1
             1) \"a\"
             > SET s v
             OK
             > ZRANGE s 0 -1
             (error) WRONGTYPE Operation against a key holding the wrong kind of value",
        );
        let mut session = Session::new(1);
        session.resp3 = true;
        session.check(
            "> ZADD z 1 a 2.5 b
             (integer) 2
             > ZRANGE z 0 -1 WITHSCORES
             1) 1) \"a\"
                2) (double) 1
             2) 1) \"b\"
                2) (double) 2.5",
        );
    }

    #[test]
    fn ranges_of_scores() {
        check(
            "> ZADD z 1 a 2 b 2 c 3 d
             (integer) 4
             > ZRANGEBYSCORE z (1 +inf
             1) \"b\"
             2) \"c\"
             3) \"d\"
             > ZRANGE z 2 3 BYSCORE LIMIT 1 1 WITHSCORES
             1) \"c\"
             2) \"2\"
             > ZREVRANGEBYSCORE z 2 (1
             1) \"c\"
             2) \"b\"
             > ZRANGE z 3 1 BYSCORE REV LIMIT 1 2
             1) \"c\"
             2) \"b\"
             > ZRANGE z 1 3 BYSCORE REV
             (empty array)
             > ZRANGEBYSCORE z 1 3 LIMIT -1 2
             (empty array)
             > ZRANGEBYSCORE z 1 3 LIMIT 3 -5
             1) \"d\"
             > ZRANGEBYSCORE z 1 3 LIMIT 9 1
             (empty array)
             > ZRANGEBYSCORE z 1 3 LIMIT 0 0
             (empty array)
             > ZRANGEBYSCORE z 1 3 LIMIT 0
             (error) ERR syntax error
             > ZRANGEBYSCORE z 1 3 LIMIT a 1
             (error) ERR value is not an integer or out of range
             > ZRANGEBYSCORE z 1 3 REV
             (error) ERR syntax error
             > ZRANGEBYSCORE z 1 x
             (error) ERR min or max is not a float",
        );
    }

    #[test]
    fn ranges_of_members() {
        check(
            "> ZADD z 0 a 0 b 0 c
             (integer) 3
             > ZRANGEBYLEX z - (c
             1) \"a\"
             2) \"b\"
             > ZREVRANGEBYLEX z + [b LIMIT 1 1
             1) \"b\"
             > ZRANGE z (a + BYLEX
             1) \"b\"
             2) \"c\"
             > ZRANGE z + - BYLEX REV LIMIT 0 2
             1) \"c\"
             2) \"b\"
             > ZRANGE z - + BYLEX REV
             (empty array)
             > ZRANGEBYLEX z - + WITHSCORES
             (error) ERR syntax error, WITHSCORES not supported in combination with BYLEX
             > ZRANGEBYLEX z a +
             (error) ERR min or max not valid string range item",
        );
    }

    /// What Redis 7.0 answers when scores differ, from the list of a small set.
    #[test]
    fn ranges_of_members_with_different_scores_are_what_is_met_on_the_way() {
        check(
            "> ZADD z 1 c 2 a 3 d 4 b
             (integer) 4
             > ZRANGEBYLEX z [b [c
             1) \"c\"
             2) \"a\"
             > ZREVRANGEBYLEX z [c [b
             1) \"b\"
             2) \"d\"
             > ZLEXCOUNT z [b [c
             (integer) 2
             > ZRANGEBYLEX z [c [d
             (empty array)",
        );
    }
}
