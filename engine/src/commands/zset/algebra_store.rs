//! Unions, intersections and differences as values of keys: ZUNIONSTORE, ZINTERSTORE, ZDIFFSTORE.

use std::borrow::Cow;

use super::algebra::{COST_OF_DIFF, COST_OF_INTER, COST_OF_UNION, Operation, Purpose, Request};
use super::store::{Members, store};
use crate::command::{
    Args, Arity, CommandResult, DataCommand, Exec, Flags, Group, KeyAccess, KeySpec, Keys, Outcome, Reply,
    Spec,
};

const TO_AND_COUNTED: Keys =
    Keys::new(&[KeySpec::one(1, KeyAccess::OVERWRITE), KeySpec::counted(2, 1, KeyAccess::READ)]);

const fn row(name: &'static str) -> Spec {
    Spec::write(name, Arity::AtLeast(4), TO_AND_COUNTED)
        .group(Group::SortedSet)
        .flags(Flags::DENYOOM.union(Flags::MOVABLE_KEYS))
}

const SYNTAX: &str =
    "destination numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN | MAX>]";

pub(super) const COMMANDS: &[DataCommand] = &[
    DataCommand {
        spec: row("ZUNIONSTORE").syntax(SYNTAX).doc(
            "2.0.0",
            COST_OF_UNION,
            "Stores the union of multiple sorted sets in a key.",
        ),
        run: |exec, args, reply| run(exec, args, reply, Operation::Union, "zunionstore"),
    },
    DataCommand {
        spec: row("ZINTERSTORE").syntax(SYNTAX).doc(
            "2.0.0",
            COST_OF_INTER,
            "Stores the intersect of multiple sorted sets in a key.",
        ),
        run: |exec, args, reply| run(exec, args, reply, Operation::Inter, "zinterstore"),
    },
    DataCommand {
        spec: row("ZDIFFSTORE").syntax("destination numkeys key [key ...]").doc(
            "6.2.0",
            COST_OF_DIFF,
            "Stores the difference of multiple sorted sets in a key.",
        ),
        run: |exec, args, reply| run(exec, args, reply, Operation::Diff, "zdiffstore"),
    },
];

/// `name`: of the command and of its event.
fn run(
    exec: &mut Exec<'_, '_>,
    args: &mut Args<'_>,
    reply: &mut dyn Reply,
    operation: Operation,
    name: &'static str,
) -> CommandResult {
    let to = args.key()?;
    let request = Request::parse(exec, args, operation, Purpose::Store, name)?;
    // Copied: the heap that they lie in may be the one that is about to change.
    let owned = |(score, member): (f64, Cow<'_, [u8]>)| (score, Cow::Owned(member.into_owned()));
    let members: Members<'static> = request.members(exec).into_iter().map(owned).collect();
    reply.count(store(exec, &to, members, name)?);
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn results_are_stored_over_what_is_there() {
        check(
            "> ZADD a 1 x 2 y 3 z
             (integer) 3
             > ZADD b 10 y 20 z 30 w
             (integer) 3
             > SET to v EX 100
             OK
             > ZUNIONSTORE to 2 a b WEIGHTS 2 1
             (integer) 4
             > ZRANGE to 0 -1 WITHSCORES
             1) \"x\"
             2) \"2\"
             3) \"y\"
             4) \"14\"
             5) \"z\"
             6) \"26\"
             7) \"w\"
             8) \"30\"
             > TTL to
             (integer) -1
             > ZINTERSTORE a 2 a b AGGREGATE MAX
             (integer) 2
             > ZRANGE a 0 -1 WITHSCORES
             1) \"y\"
             2) \"10\"
             3) \"z\"
             4) \"20\"
             > ZDIFFSTORE to 2 b a
             (integer) 1
             > ZRANGE to 0 -1
             1) \"w\"
             > ZDIFFSTORE to 2 b b
             (integer) 0
             ! del DEL to
             > EXISTS to
             (integer) 0
             > ZUNIONSTORE to 1 nothing
             (integer) 0
             ! none
             > ZUNIONSTORE to 1 a WITHSCORES
             (error) ERR syntax error
             > ZUNIONSTORE to 0 a
             (error) ERR at least 1 input key is needed for 'zunionstore' command",
        );
    }
}
