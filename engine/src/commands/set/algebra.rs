//! Several sets at once: SINTER, SUNION, SDIFF, SINTERCARD.

use std::ops::ControlFlow;

use crate::command::{
    Args, Arity, CommandResult, DataCommand, Error, Exec, Flags, Group, Key, KeyAccess, KeySpec, Keys,
    Outcome, Reply, Spec,
};
use crate::number;
use crate::types::set::{Set, Source, intersect, subtract, unite};
use crate::types::string::StringView;

const ALL_READ: Keys = Keys::new(&[KeySpec::range(1, -1, 1, KeyAccess::READ)]);
const COUNTED: Keys = Keys::new(&[KeySpec::counted(1, 1, KeyAccess::READ)]);
pub(super) const INTERSECTION_COST: &str =
    "O(N*M*log(S)), N being the size of the smallest of M sets and S that of the largest.";
pub(super) const UNION_COST: &str = "O(N*log(N)), N being the number of members of all sets.";
pub(super) const DIFFERENCE_COST: &str =
    "O(N*M*log(S)), N being the size of the first of M sets and S that of the largest.";

const fn row(name: &'static str, cost: &'static str, summary: &'static str) -> Spec {
    Spec::read(name, Arity::AtLeast(2), ALL_READ)
        .group(Group::Set)
        .syntax("key [key ...]")
        .doc("1.0.0", cost, summary)
        .tips(&["nondeterministic_output_order"])
}

pub(super) const COMMANDS: &[DataCommand] = &[
    DataCommand {
        spec: row("SINTER", INTERSECTION_COST, "Returns the members that all of several sets have."),
        run: |exec, args, reply| answer(exec, args, reply, Operation::Intersection),
    },
    DataCommand {
        spec: row("SUNION", UNION_COST, "Returns the members that any of several sets has."),
        run: |exec, args, reply| answer(exec, args, reply, Operation::Union),
    },
    DataCommand {
        spec: row(
            "SDIFF",
            DIFFERENCE_COST,
            "Returns the members of a set that no other of several sets has.",
        ),
        run: |exec, args, reply| answer(exec, args, reply, Operation::Difference),
    },
    DataCommand {
        spec: Spec::read("SINTERCARD", Arity::AtLeast(3), COUNTED)
            .group(Group::Set)
            .flags(Flags::MOVABLE_KEYS)
            .syntax("numkeys key [key ...] [LIMIT limit]")
            .doc("7.0.0", INTERSECTION_COST, "Returns the number of members that all of several sets have."),
        run: sintercard,
    },
];

/// What is made of several sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Intersection,
    Union,
    Difference,
}

impl Operation {
    /// The members of the result.
    pub(super) fn of<'h>(self, sources: &[Source<'h>]) -> Vec<StringView<'h>> {
        let mut found = Vec::new();
        match self {
            Operation::Intersection => intersect(sources, |member| {
                found.push(member);
                ControlFlow::Continue(())
            }),
            Operation::Union => unite(sources, |member| found.push(member)),
            Operation::Difference => subtract(sources, |member| found.push(member)),
        }
        found
    }
}

/// The sets of several keys, all looked up and of the right type before any of them is used.
pub(super) struct Operands<'a> {
    sets: Vec<(Key<'a>, Option<Set>)>,
}

impl<'a> Operands<'a> {
    /// Takes all words of `args` as keys.
    pub(super) fn read(exec: &mut Exec<'_, '_>, args: &mut Args<'a>) -> Result<Operands<'a>, Error> {
        let mut sets = Vec::with_capacity(args.left());
        while !args.is_empty() {
            let key = args.key()?;
            sets.push((key, exec.read_collection::<Set>(&key)?));
        }
        Ok(Operands { sets })
    }

    pub(super) fn sources<'x>(&self, exec: &'x Exec<'_, '_>) -> Vec<Source<'x>> {
        self.sets.iter().map(|(key, set)| Source { heap: exec.heap(key), set: *set }).collect()
    }
}

fn answer(
    exec: &mut Exec<'_, '_>,
    args: &mut Args<'_>,
    reply: &mut dyn Reply,
    operation: Operation,
) -> CommandResult {
    let operands = Operands::read(exec, args)?;
    let found = operation.of(&operands.sources(exec));
    reply.set(found.len());
    found.into_iter().for_each(|member| reply.string(member));
    Ok(Outcome::Done)
}

fn sintercard(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let count = number::parse_i64(args.word()?).and_then(|count| usize::try_from(count).ok());
    let count =
        count.filter(|count| *count > 0).ok_or(Error::text("ERR numkeys should be greater than 0"))?;
    let too_many = Error::text("ERR Number of keys can't be greater than number of args");
    let (mut keys, mut options) = args.split(count).ok_or(too_many)?;
    // None: 0, which is no limit either.
    let mut limit = None;
    while !options.is_empty() {
        if options.left() < 2 || !options.take("LIMIT") {
            return Err(Error::Syntax);
        }
        let word = number::parse_i64(options.word()?).and_then(|limit| usize::try_from(limit).ok());
        let word = word.ok_or(Error::text("ERR LIMIT can't be negative"))?;
        limit = Some(word).filter(|limit| *limit > 0);
    }
    let operands = Operands::read(exec, &mut keys)?;
    let mut found = 0;
    intersect(&operands.sources(exec), |_| {
        found += 1;
        if Some(found) == limit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    reply.count(found);
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::testing::{Session, check};

    #[test]
    fn sets_meet() {
        check(
            "> SADD a 1 2 3
             (integer) 3
             > SADD b 2 3 4 5
             (integer) 4
             > SADD c 3
             (integer) 1
             > SINTER a b
             1) \"2\"
             2) \"3\"
             ! none
             > SINTER a b c
             1) \"3\"
             > SINTER a
             1) \"1\"
             2) \"2\"
             3) \"3\"
             > SINTER a nothing
             (empty array)
             > SUNION c c nothing
             1) \"3\"
             > SUNION nothing
             (empty array)
             > SDIFF a b
             1) \"1\"
             > SDIFF a c nothing
             1) \"1\"
             2) \"2\"
             > SDIFF nothing a
             (empty array)
             > SDIFF a a
             (empty array)
             > SINTERCARD 2 a b
             (integer) 2
             > SINTERCARD 2 a b LIMIT 1
             (integer) 1
             > SINTERCARD 2 a b LIMIT 0
             (integer) 2
             > SINTERCARD 2 a b LIMIT 1 limit 5
             (integer) 2
             > SINTERCARD 1 nothing
             (integer) 0",
        );
    }

    #[test]
    fn every_key_is_of_the_right_type() {
        check(
            "> SET k v
             OK
             > SADD s a
             (integer) 1
             > SINTER nothing k
             (error) WRONGTYPE Operation against a key holding the wrong kind of value
             > SINTER k
             (error) WRONGTYPE Operation against a key holding the wrong kind of value
             > SUNION s k
             (error) WRONGTYPE Operation against a key holding the wrong kind of value
             > SDIFF nothing k
             (error) WRONGTYPE Operation against a key holding the wrong kind of value
             > SDIFF k s
             (error) WRONGTYPE Operation against a key holding the wrong kind of value
             > SINTERCARD 2 nothing k
             (error) WRONGTYPE Operation against a key holding the wrong kind of value
             > SINTER
             (error) ERR wrong number of arguments for 'sinter' command",
        );
    }

    #[test]
    fn counts_that_do_not_fit() {
        check(
            "> SINTERCARD 0 a
             (error) ERR numkeys should be greater than 0
             > SINTERCARD x a
             (error) ERR numkeys should be greater than 0
             > SINTERCARD -1 a
             (error) ERR numkeys should be greater than 0
             > SINTERCARD 2 a
             (error) ERR Number of keys can't be greater than number of args
             > SINTERCARD 1 a b
             (error) ERR syntax error
             > SINTERCARD 1 a LIMIT
             (error) ERR syntax error
             > SINTERCARD 1 a LIMIT -1
             (error) ERR LIMIT can't be negative
             > SINTERCARD 1 a LIMIT x
             (error) ERR LIMIT can't be negative
             > SINTERCARD 1
             (error) ERR wrong number of arguments for 'sintercard' command",
        );
    }

    #[test]
    fn a_set_where_there_are_sets() {
        let mut session = Session::new(3);
        session.resp3 = true;
        session.check(
            "> SINTER a b
             (empty set)
             > SADD a 1
             (integer) 1
             > SUNION a b
             1~ \"1\"
             > SDIFF a b
             1~ \"1\"",
        );
    }

    /// Members that are short, long enough to lie apart, or very long.
    fn member(number: usize) -> String {
        format!("{number}:{}", "m".repeat([0, 3, 290, 20_000][number % 31 % 4]))
    }

    #[test]
    fn small_and_large_sets_in_all_shards_give_what_plain_sets_give() {
        for shards in [1, 3] {
            let mut session = Session::new(shards);
            let (lens, keys) = ([3, 90, 400, 900], ["a", "b", "c", "d"]);
            let plain: Vec<BTreeSet<String>> = lens
                .iter()
                .enumerate()
                .map(|(nth, len)| (0..*len).map(|number| member(number * (nth + 1))).collect())
                .collect();
            for (key, members) in keys.iter().zip(&plain) {
                for member in members {
                    session.call(&[b"SADD", key.as_bytes(), member.as_bytes()]);
                }
            }
            for (one, other) in (0..4).flat_map(|one| (0..4).map(move |other| (one, other))) {
                let mut found = |command: &str| -> BTreeSet<String> {
                    let reply = session.run(&format!("{command} {} {}", keys[one], keys[other]));
                    let members = reply.split('"').skip(1).step_by(2).map(str::to_owned);
                    let count = reply.lines().filter(|line| line.contains('"')).count();
                    let members: BTreeSet<String> = members.collect();
                    assert_eq!(members.len(), count, "{command}: a member comes once");
                    members
                };
                let (one, other) = (&plain[one], &plain[other]);
                assert_eq!(found("SINTER"), one & other);
                assert_eq!(found("SUNION"), one | other);
                assert_eq!(found("SDIFF"), one - other);
            }
        }
    }
}
