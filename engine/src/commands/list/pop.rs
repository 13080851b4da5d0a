//! Elements out of one list: LPOP, RPOP.

use super::{End, pop_into};
use crate::command::effect::words;
use crate::command::{
    Args, Arity, CommandResult, DataCommand, Error, Exec, Flags, Group, KeyAccess, KeySpec, Keys, Outcome,
    Reply, Spec,
};
use crate::types::list::List;

const ONE_READ_DELETED: Keys = Keys::new(&[KeySpec::one(1, KeyAccess::READ_DELETE)]);

const fn pop_spec(name: &'static str, summary: &'static str) -> Spec {
    Spec::write(name, Arity::AtLeast(2), ONE_READ_DELETED)
        .group(Group::List)
        .flags(Flags::FAST)
        .syntax("key [count]")
        .doc("1.0.0", "O(log N + M) where M is the number of elements returned", summary)
}

pub(super) const COMMANDS: &[DataCommand] = &[
    DataCommand {
        spec: pop_spec(
            "LPOP",
            "Returns the first elements in a list after removing it. Deletes the list if the last element was popped.",
        ),
        run: |exec, args, reply| pop(exec, args, reply, End::Left),
    },
    DataCommand {
        spec: pop_spec(
            "RPOP",
            "Returns and removes the last elements of a list. Deletes the list if the last element was popped.",
        ),
        run: |exec, args, reply| pop(exec, args, reply, End::Right),
    },
];

fn pop(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply, end: End) -> CommandResult {
    let key = args.key()?;
    let (command, event) = end.pop();
    let count = match args.left() {
        0 => None,
        1 => Some(
            usize::try_from(args.integer().map_err(|_| Error::NotPositive)?)
                .map_err(|_| Error::NotPositive)?,
        ),
        _ => return Err(Error::WrongArity(command.into())),
    };
    let mut opened = exec.collection_to_write::<List>(&key)?;
    if !opened.exists() {
        match count {
            Some(_) => reply.null_array(),
            None => reply.null(),
        }
        return Ok(Outcome::Done);
    }
    let popped = pop_into(exec, &key, &mut opened.value, (end, count.unwrap_or(1)), reply, count.is_some())?;
    if popped > 0 {
        exec.changed(&key, event, || match count {
            Some(_) => words(&[command.as_bytes(), key.bytes, itoa::Buffer::new().format(popped).as_bytes()]),
            None => words(&[command.as_bytes(), key.bytes]),
        });
        exec.store(&key, opened)?;
    }
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn elements_come_out_at_either_end() {
        check(
            r#"
            > RPUSH l a b c d e
            (integer) 5
            > LPOP l
            "a"
            ! lpop LPOP l
            > RPOP l 2
            1) "e"
            2) "d"
            ! rpop RPOP l 2
            > LPOP l 0
            (empty array)
            ! none
            > LPOP l 9
            1) "b"
            2) "c"
            ! lpop LPOP l 2
            ! del
            > EXISTS l
            (integer) 0
            > LPOP l
            (nil)
            > RPOP l 1
            (nil)
            "#,
        );
    }

    #[test]
    fn counts_are_looked_at_first() {
        check(
            r#"
            > LPOP l -1
            (error) ERR value is out of range, must be positive
            > LPOP l x
            (error) ERR value is out of range, must be positive
            > LPOP l 1 2
            (error) ERR wrong number of arguments for 'lpop' command
            > SET s v
            OK
            > RPOP s
            (error) WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }
}
