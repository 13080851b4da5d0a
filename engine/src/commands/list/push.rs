//! Elements in: LPUSH, RPUSH, LPUSHX, RPUSHX.

use super::End;
use crate::command::effect::words;
use crate::command::{
    Args, Arity, CommandResult, DataCommand, Exec, Flags, Group, KeyAccess, KeySpec, Keys, Outcome, Reply,
    Spec,
};
use crate::types::collection::Collection;
use crate::types::list::List;

const ONE_APPENDED: Keys = Keys::new(&[KeySpec::one(1, KeyAccess::APPEND)]);

const fn push_spec(name: &'static str, since: &'static str, summary: &'static str) -> Spec {
    Spec::write(name, Arity::AtLeast(3), ONE_APPENDED)
        .group(Group::List)
        .flags(Flags::DENYOOM.union(Flags::FAST))
        .syntax("key element [element ...]")
        .doc(since, "O(log N) for each element added.", summary)
}

pub(super) const COMMANDS: &[DataCommand] = &[
    DataCommand {
        spec: push_spec(
            "LPUSH",
            "1.0.0",
            "Prepends one or more elements to a list. Creates the key if it doesn't exist.",
        ),
        run: |exec, args, reply| push(exec, args, reply, End::Left, Missing::Created),
    },
    DataCommand {
        spec: push_spec(
            "RPUSH",
            "1.0.0",
            "Appends one or more elements to a list. Creates the key if it doesn't exist.",
        ),
        run: |exec, args, reply| push(exec, args, reply, End::Right, Missing::Created),
    },
    DataCommand {
        spec: push_spec(
            "LPUSHX",
            "2.2.0",
            "Prepends one or more elements to a list only when the list exists.",
        ),
        run: |exec, args, reply| push(exec, args, reply, End::Left, Missing::Left),
    },
    DataCommand {
        spec: push_spec(
            "RPUSHX",
            "2.2.0",
            "Appends one or more elements to a list only when the list exists.",
        ),
        run: |exec, args, reply| push(exec, args, reply, End::Right, Missing::Left),
    },
];

/// What becomes of a key that does not exist.
#[derive(PartialEq, Eq)]
enum Missing {
    Created,
    Left,
}

fn push(
    exec: &mut Exec<'_, '_>,
    args: &mut Args<'_>,
    reply: &mut dyn Reply,
    end: End,
    missing: Missing,
) -> CommandResult {
    let key = args.key()?;
    let mut opened = exec.collection_to_write::<List>(&key)?;
    if !opened.exists() && missing == Missing::Left {
        reply.integer(0);
        return Ok(Outcome::Done);
    }
    let list = &mut opened.value;
    let heap = exec.heap_mut(&key);
    for element in args.rest() {
        let index = if end == End::Left { 0 } else { list.len() };
        list.insert(heap, index, element)?;
    }
    reply.count(list.len());
    let (command, event) = end.push();
    exec.changed(&key, event, || words(&[&[command.as_bytes(), key.bytes], args.rest()].concat()));
    exec.store(&key, opened)?;
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn elements_go_in_at_either_end() {
        check(
            r#"
            > LPUSH l a b
            (integer) 2
            ! lpush LPUSH l a b
            > RPUSH l c
            (integer) 3
            ! rpush RPUSH l c
            > LRANGE l 0 -1
            1) "b"
            2) "a"
            3) "c"
            > TYPE l
            list
            > OBJECT ENCODING l
            "quicklist"
            "#,
        );
    }

    #[test]
    fn only_where_there_is_a_list() {
        check(
            r#"
            > LPUSHX l a
            (integer) 0
            ! none
            > RPUSHX l a
            (integer) 0
            > RPUSH l m
            (integer) 1
            > LPUSHX l a
            (integer) 2
            ! lpush LPUSH l a
            > RPUSHX l z y
            (integer) 4
            > LRANGE l 0 -1
            1) "a"
            2) "m"
            3) "z"
            4) "y"
            > SET s v
            OK
            > RPUSH s x
            (error) WRONGTYPE Operation against a key holding the wrong kind of value
            ! none
            > LPUSHX s x
            (error) WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }
}
