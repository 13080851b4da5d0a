//! Random members that stay: SRANDMEMBER.

use crate::command::{
    Args, Arity, CommandResult, DataCommand, Error, Exec, Group, Key, Keys, Outcome, Reply, Spec,
};
use crate::number;
use crate::random::Random;
use crate::types::collection::Collection;
use crate::types::set::Set;

pub(super) const COMMANDS: &[DataCommand] = &[DataCommand {
    spec: Spec::read("SRANDMEMBER", Arity::AtLeast(2), Keys::ONE)
        .group(Group::Set)
        .syntax("key [count]")
        .doc(
            "1.0.0",
            "O(log S) for each member, at most O(S + count), S being the size of the set.",
            "Returns random members of a set; with a negative count the same one may come several times.",
        )
        .tips(&["nondeterministic_output"]),
    run: srandmember,
}];

/// The counts that are counts, in Redis's words.
const OUT_OF_RANGE: Error =
    Error::text("ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807");
const REPLY_TOO_LONG: Error =
    Error::text("ERR the reply would exceed the maximum allowed size (proto-max-bulk-len)");

fn srandmember(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let key = args.key()?;
    match args.left() {
        0 => one(exec, &key, reply),
        1 => match number::parse_i64(args.word()?).ok_or(Error::NotInteger)? {
            i64::MIN => Err(OUT_OF_RANGE),
            count => many(exec, &key, count, reply),
        },
        _ => Err(Error::Syntax),
    }
}

fn one(exec: &mut Exec<'_, '_>, key: &Key<'_>, reply: &mut dyn Reply) -> CommandResult {
    let set = exec.read_collection::<Set>(key)?;
    let heap = exec.heap(key);
    let member = set.and_then(|set| set.at(heap, Random::new(exec.caller().random).below(set.len())));
    match member {
        Some(member) => reply.string(member.view(heap)),
        None => reply.null(),
    }
    Ok(Outcome::Done)
}

fn many(exec: &mut Exec<'_, '_>, key: &Key<'_>, count: i64, reply: &mut dyn Reply) -> CommandResult {
    let Some(set) = exec.read_collection::<Set>(key)?.filter(|_| count != 0) else {
        reply.array(0);
        return Ok(Outcome::Done);
    };
    let mut random = Random::new(exec.caller().random);
    let heap = exec.heap(key);
    let picks = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    if count > 0 {
        let ranks = random.distinct(set.len(), picks);
        reply.array(ranks.len());
        set.visit_ranks(heap, &ranks, |member| reply.string(member));
        return Ok(Outcome::Done);
    }
    // However few members there are, the reply may be as long as the client asks.
    let bytes_max = usize::try_from(exec.caller().string_len_max).unwrap_or(usize::MAX);
    let (mut left, mut fits) = (bytes_max, true);
    if picks > bytes_max {
        return Err(REPLY_TOO_LONG);
    }
    reply.array(picks);
    set.visit_drawn(
        heap,
        picks,
        || random.below(set.len()),
        |member| {
            fits = member.len() < left;
            left = left.saturating_sub(member.len() + 1);
            if fits {
                reply.string(member);
            }
            fits
        },
    );
    if fits { Ok(Outcome::Done) } else { Err(REPLY_TOO_LONG) }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use crate::testing::{Session, check};

    #[test]
    fn members_are_picked_and_stay() {
        check(
            "> SRANDMEMBER s
             (nil)
             > SRANDMEMBER s 3
             (empty array)
             > SRANDMEMBER s -3
             (empty array)
             > SADD s a
             (integer) 1
             > SRANDMEMBER s
             \"a\"
             ! none
             > SRANDMEMBER s 0
             (empty array)
             > SRANDMEMBER s 9223372036854775807
             1) \"a\"
             > SRANDMEMBER s -3
             1) \"a\"
             2) \"a\"
             3) \"a\"
             > SADD s b
             (integer) 1
             > SRANDMEMBER s 2
             1) \"a\"
             2) \"b\"",
        );
    }

    #[test]
    fn refusals() {
        check(
            "> SRANDMEMBER s ten
             (error) ERR value is not an integer or out of range
             > SRANDMEMBER s -9223372036854775808
             (error) ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807
             > SRANDMEMBER s 1 2
             (error) ERR syntax error
             > SET k v
             OK
             > SRANDMEMBER k
             (error) WRONGTYPE Operation against a key holding the wrong kind of value
             > SRANDMEMBER k 0
             (error) WRONGTYPE Operation against a key holding the wrong kind of value",
        );
    }

    #[test]
    fn replies_end_somewhere() {
        let mut session = Session::new(1);
        session.caller.string_len_max = 100;
        session.check(
            "> SADD s 123456789
             (integer) 1
             > SRANDMEMBER s -9223372036854775807
             (error) ERR the reply would exceed the maximum allowed size (proto-max-bulk-len)
             > SRANDMEMBER s -11
             (error) ERR the reply would exceed the maximum allowed size (proto-max-bulk-len)",
        );
        assert_eq!(session.run("SRANDMEMBER s -10").lines().count(), 10);
    }

    #[test]
    fn positive_counts_give_different_members_negative_ones_any() {
        for len in [3_usize, 100, 2000] {
            let mut session = Session::new(1);
            let all: HashSet<String> = (0..len).map(|number| format!("{number}")).collect();
            all.iter().for_each(|member| drop(session.run(&format!("SADD s {member}"))));
            for count in [1, len / 40, len / 2, len, len + 1] {
                let picked = members(&session.run(&format!("SRANDMEMBER s {count}")));
                assert_eq!(picked.len(), count.min(len));
                assert_eq!(picked.iter().collect::<HashSet<_>>().len(), picked.len());
                assert!(picked.iter().all(|member| all.contains(member)));
                let picked = members(&session.run(&format!("SRANDMEMBER s -{count}")));
                assert_eq!(picked.len(), count);
                assert!(picked.iter().all(|member| all.contains(member)));
            }
        }
    }

    fn members(reply: &str) -> Vec<String> {
        reply.split('"').skip(1).step_by(2).map(str::to_owned).collect()
    }

    /// Chi-square of so many picks of each member, which should be equally likely.
    fn chi_square(counts: &[u32]) -> f64 {
        let expected = f64::from(counts.iter().sum::<u32>()) / counts.len() as f64;
        counts.iter().map(|count| (f64::from(*count) - expected).powi(2) / expected).sum()
    }

    #[test]
    fn every_member_is_as_likely_as_any_other() {
        for len in [100_usize, 1000] {
            for picks in ["", " 5", " -5", " 90"] {
                let mut session = Session::new(1);
                // Members of very different lengths share nodes.
                let member = |number: usize| format!("{number}{}", "x".repeat(number % 10 * 8));
                (0..len).for_each(|number| drop(session.run(&format!("SADD s {}", member(number)))));
                let mut counts = vec![0; len];
                while counts.iter().sum::<u32>() < 20 * len as u32 {
                    for picked in members(&session.run(&format!("SRANDMEMBER s{picks}"))) {
                        let number: usize = picked.trim_end_matches('x').parse().expect("a number");
                        counts[number] += 1;
                    }
                }
                // Freedom of len - 1; five deviations above what is expected.
                let freedom = len as f64 - 1.0;
                let bound = freedom + 5.0 * (2.0 * freedom).sqrt();
                assert!(chi_square(&counts) < bound, "{len}, {picks}: {}", chi_square(&counts));
            }
        }
    }
}
