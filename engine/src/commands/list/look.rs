//! Looking without changing: LLEN, LINDEX, LRANGE.

use super::{index_of, range_of};
use crate::command::{
    Args, Arity, CommandResult, DataCommand, Exec, Flags, Group, Keys, Outcome, Reply, Spec,
};
use crate::types::collection::Collection;
use crate::types::list::List;

pub(super) const COMMANDS: &[DataCommand] = &[
    DataCommand {
        spec: Spec::read("LLEN", Arity::Exactly(2), Keys::ONE_LOOK)
            .group(Group::List)
            .flags(Flags::FAST)
            .syntax("key")
            .doc("1.0.0", "O(1)", "Returns the length of a list."),
        run: llen,
    },
    DataCommand {
        spec: Spec::read("LINDEX", Arity::Exactly(3), Keys::ONE).group(Group::List).syntax("key index").doc(
            "1.0.0",
            "O(log N)",
            "Returns an element from a list by its index.",
        ),
        run: lindex,
    },
    DataCommand {
        spec: Spec::read("LRANGE", Arity::Exactly(4), Keys::ONE)
            .group(Group::List)
            .syntax("key start stop")
            .doc(
                "1.0.0",
                "O(log N + M) where M is the number of elements in the specified range.",
                "Returns a range of elements from a list.",
            ),
        run: lrange,
    },
];

fn llen(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let list = exec.read_collection::<List>(&args.key()?)?;
    reply.count(list.map_or(0, |list| list.len()));
    Ok(Outcome::Done)
}

fn lindex(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let key = args.key()?;
    let Some(list) = exec.read_collection::<List>(&key)? else {
        reply.null();
        return Ok(Outcome::Done);
    };
    let index = index_of(args.integer()?, list.len());
    let heap = exec.heap(&key);
    match index.and_then(|index| list.at(heap, index)) {
        Some(text) => reply.string(text.view(heap)),
        None => reply.null(),
    }
    Ok(Outcome::Done)
}

fn lrange(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let key = args.key()?;
    let (start, stop) = (args.integer()?, args.integer()?);
    let Some(list) = exec.read_collection::<List>(&key)? else {
        reply.array(0);
        return Ok(Outcome::Done);
    };
    let range = range_of(start, stop, list.len());
    let heap = exec.heap(&key);
    reply.array(range.len());
    if !range.is_empty() {
        list.iter_from(heap, range.start).visit(range.len(), |text| reply.string(text.view(heap)));
    }
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use crate::testing::{Session, check};

    #[test]
    fn elements_by_index_and_range() {
        check(
            r#"
            > RPUSH l a b c d
            (integer) 4
            > LLEN l
            (integer) 4
            ! none
            > LINDEX l 0
            "a"
            > LINDEX l -1
            "d"
            > LINDEX l 4
            (nil)
            > LINDEX l -5
            (nil)
            > LRANGE l 1 2
            1) "b"
            2) "c"
            > LRANGE l -100 100
            1) "a"
            2) "b"
            3) "c"
            4) "d"
            > LRANGE l 3 1
            (empty array)
            > LLEN nothing
            (integer) 0
            > LINDEX nothing x
            (nil)
            > LINDEX l x
            (error) ERR value is not an integer or out of range
            > LRANGE nothing 0 x
            (error) ERR value is not an integer or out of range
            > LRANGE nothing 0 -1
            (empty array)
            > SET s v
            OK
            > LLEN s
            (error) WRONGTYPE Operation against a key holding the wrong kind of value
            > LINDEX s x
            (error) WRONGTYPE Operation against a key holding the wrong kind of value
            > LRANGE s 0 -1
            (error) WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }

    #[test]
    fn large_lists_and_long_elements() {
        let mut session = Session::new(1);
        let long = "x".repeat(1000);
        for number in 0..3000 {
            let element = if number % 100 == 7 { long.clone() } else { number.to_string() };
            session.run(&format!("RPUSH l {element}"));
        }
        assert_eq!(session.run("LINDEX l 1507"), format!("{long:?}"));
        assert_eq!(session.run("LINDEX l 2999"), "\"2999\"");
        assert_eq!(
            session.run("LRANGE l 1505 1508"),
            format!("1) \"1505\"\n2) \"1506\"\n3) {long:?}\n4) \"1508\"")
        );
        session.verify();
    }
}
