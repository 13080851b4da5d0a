//! Random members: ZRANDMEMBER.

use std::collections::BTreeSet;

use super::{Listing, OUT_OF_RANGE};
use crate::command::{
    Args, Arity, CommandResult, DataCommand, Error, Exec, Group, Keys, Outcome, Reply, Spec,
};
use crate::types::collection::Collection;
use crate::types::zset::Zset;

pub(super) const COMMANDS: &[DataCommand] = &[DataCommand {
    spec: Spec::read("ZRANDMEMBER", Arity::AtLeast(2), Keys::ONE)
        .group(Group::SortedSet)
        .syntax("key [count [WITHSCORES]]")
        .doc(
            "6.2.0",
            "O(N) where N is the number of elements returned",
            "Returns one or more random members from a sorted set.",
        )
        .tips(&["nondeterministic_output"]),
    run: zrandmember,
}];

/// A sequence of random numbers: SplitMix64 (Steele, Lea, Flood 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ mixed >> 31
    }

    /// A number below `limit`, which is not 0; uniform but for less than one part in 2^32.
    fn below(&mut self, limit: usize) -> usize {
        ((u128::from(self.next()) * limit as u128) >> 64) as usize
    }
}

/// Different ranks below `len`, in ascending order; every choice of `count` is equally likely (Floyd's algorithm:
/// Bentley, "A sample of brilliance", 1987).
fn sample(random: &mut Random, count: usize, len: usize) -> BTreeSet<usize> {
    let mut ranks = BTreeSet::new();
    for last in len - count..len {
        let rank = random.below(last + 1);
        if !ranks.insert(rank) {
            ranks.insert(last);
        }
    }
    ranks
}

fn zrandmember(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let key = args.key()?;
    let mut random = Random(exec.caller().random);
    if args.is_empty() {
        let zset = exec.read_collection::<Zset>(&key)?;
        let heap = exec.heap(&key);
        match zset.and_then(|zset| zset.at(heap, random.below(zset.len()))) {
            Some(item) => reply.string(item.text.view(heap)),
            None => reply.null(),
        }
        return Ok(Outcome::Done);
    }
    let (count, listing) = parse_count(args)?;
    let Some(zset) = exec.read_collection::<Zset>(&key)?.filter(|_| count != 0) else {
        reply.array(0);
        return Ok(Outcome::Done);
    };
    let (heap, len) = (exec.heap(&key), zset.len());
    let wanted = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    if count < 0 {
        listing.open(reply, wanted);
        for item in (0..wanted).filter_map(|_| zset.at(heap, random.below(len))) {
            listing.item(reply, heap, item);
        }
    } else if wanted >= len {
        listing.open(reply, len);
        zset.iter_from(heap, 0).for_each(|item| listing.item(reply, heap, item));
    } else {
        listing.open(reply, wanted);
        for item in sample(&mut random, wanted, len).into_iter().filter_map(|rank| zset.at(heap, rank)) {
            listing.item(reply, heap, item);
        }
    }
    Ok(Outcome::Done)
}

fn parse_count(args: &mut Args<'_>) -> Result<(i64, Listing), Error> {
    let count = args.integer()?;
    if count == i64::MIN {
        return Err(Error::text(
            "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
        ));
    }
    if args.is_empty() {
        return Ok((count, Listing::Plain));
    }
    if args.left() > 1 || !args.take("WITHSCORES") {
        return Err(Error::Syntax);
    }
    if count.unsigned_abs() > i64::MAX as u64 / 2 {
        return Err(OUT_OF_RANGE);
    }
    Ok((count, Listing::Pairs))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use crate::testing::{Session, check};

    #[test]
    fn counts_say_how_many_and_whether_they_differ() {
        check(
            "> ZADD z 1 a
             (integer) 1
             > ZRANDMEMBER z
             \"a\"
             > ZRANDMEMBER z 5
             1) \"a\"
             > ZRANDMEMBER z -3
             1) \"a\"
             2) \"a\"
             3) \"a\"
             > ZRANDMEMBER z -2 WITHSCORES
             1) \"a\"
             2) \"1\"
             3) \"a\"
             4) \"1\"
             > ZRANDMEMBER z 0
             (empty array)
             > ZRANDMEMBER nothing
             (nil)
             > ZRANDMEMBER nothing 2
             (empty array)
             > ZRANDMEMBER z x
             (error) ERR value is not an integer or out of range
             > ZRANDMEMBER z 1 SCORES
             (error) ERR syntax error
             > ZRANDMEMBER z 9223372036854775807 WITHSCORES
             (error) ERR value is out of range
             > ZRANDMEMBER z -9223372036854775808
             (error) ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
        );
    }

    #[test]
    fn every_member_is_as_likely() {
        for members in [10, 300] {
            let mut session = Session::new(1);
            for nth in 0..members {
                session.run(&format!("ZADD z {} m{nth}", nth / 5));
            }
            for command in ["ZRANDMEMBER z", "ZRANDMEMBER z 3", "ZRANDMEMBER z -2"] {
                let mut seen = BTreeMap::<String, usize>::new();
                let mut drawn = 0;
                while drawn < 100 * members {
                    for member in session.run(command).split('"').skip(1).step_by(2) {
                        *seen.entry(member.to_owned()).or_default() += 1;
                        drawn += 1;
                    }
                }
                assert_eq!(seen.len(), members, "{command}");
                assert!(seen.values().all(|times| (40..190).contains(times)), "{command}: {seen:?}");
            }
        }
    }
}
