//! Which members: SISMEMBER, SMISMEMBER, SMEMBERS.

use crate::command::{
    Args, Arity, CommandResult, DataCommand, Exec, Flags, Group, Keys, Outcome, Reply, Spec,
};
use crate::types::collection::Collection;
use crate::types::set::Set;

pub(super) const COMMANDS: &[DataCommand] = &[
    DataCommand {
        spec: Spec::read("SISMEMBER", Arity::Exactly(3), Keys::ONE_LOOK)
            .element(2)
            .group(Group::Set)
            .flags(Flags::FAST)
            .syntax("key member")
            .doc("1.0.0", "O(log S), S being the size of the set.", "Tells whether a set has a member."),
        run: sismember,
    },
    DataCommand {
        spec: Spec::read("SMISMEMBER", Arity::AtLeast(3), Keys::ONE)
            .element(2)
            .group(Group::Set)
            .flags(Flags::FAST)
            .syntax("key member [member ...]")
            .doc(
                "6.2.0",
                "O(log S) for each member, S being the size of the set.",
                "Tells of several members whether a set has them.",
            ),
        run: smismember,
    },
    DataCommand {
        spec: Spec::read("SMEMBERS", Arity::Exactly(2), Keys::ONE)
            .group(Group::Set)
            .syntax("key")
            .doc("1.0.0", "O(S), S being the size of the set.", "Returns all members of a set.")
            .tips(&["nondeterministic_output_order"]),
        run: smembers,
    },
];

fn sismember(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let (key, member) = (args.key()?, args.word()?);
    let set = exec.read_collection::<Set>(&key)?;
    let has = set.is_some_and(|set| set.contains(exec.heap(&key), member, exec.hint()));
    reply.integer(i64::from(has));
    Ok(Outcome::Done)
}

fn smismember(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let key = args.key()?;
    let set = exec.read_collection::<Set>(&key)?;
    let heap = exec.heap(&key);
    reply.array(args.left());
    let mut hint = exec.hint();
    for member in args.rest() {
        reply.integer(i64::from(set.is_some_and(|set| set.contains(heap, member, hint.take()))));
    }
    Ok(Outcome::Done)
}

fn smembers(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let key = args.key()?;
    let Some(set) = exec.read_collection::<Set>(&key)? else {
        reply.set(0);
        return Ok(Outcome::Done);
    };
    let heap = exec.heap(&key);
    reply.set(set.len());
    set.iter(heap).for_each(|member| reply.string(member.view(heap)));
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use crate::testing::{Session, check};

    #[test]
    fn members_are_found() {
        check(
            "> SISMEMBER s a
             (integer) 0
             > SMISMEMBER s a b
             1) (integer) 0
             2) (integer) 0
             > SMEMBERS s
             (empty array)
             > SADD s a b
             (integer) 2
             > SISMEMBER s a
             (integer) 1
             > SISMEMBER s c
             (integer) 0
             > SMISMEMBER s b c b
             1) (integer) 1
             2) (integer) 0
             3) (integer) 1
             > SMEMBERS s
             1) \"a\"
             2) \"b\"
             ! none",
        );
    }

    #[test]
    fn refusals() {
        check(
            "> SET k v
             OK
             > SISMEMBER k a
             (error) WRONGTYPE Operation against a key holding the wrong kind of value
             > SMISMEMBER k a
             (error) WRONGTYPE Operation against a key holding the wrong kind of value
             > SMEMBERS k
             (error) WRONGTYPE Operation against a key holding the wrong kind of value
             > SISMEMBER s
             (error) ERR wrong number of arguments for 'sismember' command
             > SMISMEMBER s
             (error) ERR wrong number of arguments for 'smismember' command
             > SMEMBERS s t
             (error) ERR wrong number of arguments for 'smembers' command",
        );
    }

    #[test]
    fn a_set_where_there_are_sets() {
        let mut session = Session::new(1);
        session.resp3 = true;
        session.check(
            "> SMEMBERS s
             (empty set)
             > SADD s a b
             (integer) 2
             > SMEMBERS s
             1~ \"a\"
             2~ \"b\"",
        );
    }

    #[test]
    fn all_members_of_large_sets_are_found() {
        let mut session = Session::new(1);
        for number in 0..1000 {
            session.run(&format!("SADD s member:{number}"));
        }
        for number in 0..1000 {
            assert_eq!(session.run(&format!("SISMEMBER s member:{number}")), "(integer) 1");
        }
        assert_eq!(session.run("SISMEMBER s member:1000"), "(integer) 0");
        let mut members: Vec<String> = session.run("SMEMBERS s").lines().map(str::to_owned).collect();
        members.sort_by_key(|line| line.rsplit('"').nth(1).map(str::to_owned));
        members.dedup_by_key(|line| line.rsplit('"').nth(1).map(str::to_owned));
        assert_eq!(members.len(), 1000);
    }
}
