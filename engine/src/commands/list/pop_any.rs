//! Elements out of the first list that has any: LMPOP, and BLPOP, BRPOP, BLMPOP, which wait for one.

use super::{End, pop_into};
use crate::command::args::{count, timeout};
use crate::command::effect::words;
use crate::command::{
    Args, Arity, CommandResult, DataCommand, Error, Exec, Flags, Group, Key, KeyAccess, KeySpec, Keys,
    Nothing, Outcome, Reply, Spec, Wait,
};
use crate::types::list::List;

const ALL_BUT_LAST: Keys = Keys::new(&[KeySpec::range(1, -2, 1, KeyAccess::READ_DELETE)]);
const COUNTED: Keys = Keys::new(&[KeySpec::counted(1, 1, KeyAccess::READ_DELETE)]);
const COUNTED_AFTER_TIMEOUT: Keys = Keys::new(&[KeySpec::counted(2, 1, KeyAccess::READ_DELETE)]);

const fn wait_spec(name: &'static str, summary: &'static str) -> Spec {
    Spec::write(name, Arity::AtLeast(3), ALL_BUT_LAST)
        .group(Group::List)
        .flags(Flags::NOSCRIPT.union(Flags::BLOCKING))
        .syntax("key [key ...] timeout")
        .doc("2.0.0", "O(N) where N is the number of provided keys.", summary)
}

pub(super) const COMMANDS: &[DataCommand] = &[
    DataCommand {
        spec: wait_spec(
            "BLPOP",
            "Removes and returns the first element in a list. Blocks until an element is available otherwise. Deletes \
             the list if the last element was popped.",
        ),
        run: |exec, args, reply| pop_one(exec, args, reply, End::Left),
    },
    DataCommand {
        spec: wait_spec(
            "BRPOP",
            "Removes and returns the last element in a list. Blocks until an element is available otherwise. Deletes \
             the list if the last element was popped.",
        ),
        run: |exec, args, reply| pop_one(exec, args, reply, End::Right),
    },
    DataCommand {
        spec: Spec::write("LMPOP", Arity::AtLeast(4), COUNTED)
            .group(Group::List)
            .flags(Flags::MOVABLE_KEYS)
            .syntax("numkeys key [key ...] <LEFT | RIGHT> [COUNT count]")
            .doc(
                "7.0.0",
                "O(N+M) where N is the number of provided keys and M is the number of elements returned.",
                "Returns multiple elements from a list after removing them. Deletes the list if the last element was \
                 popped.",
            ),
        run: |exec, args, reply| {
            let request = Many::take(args)?;
            if !pop_many(exec, &request, reply)? {
                reply.null_array();
            }
            Ok(Outcome::Done)
        },
    },
    DataCommand {
        spec: Spec::write("BLMPOP", Arity::AtLeast(5), COUNTED_AFTER_TIMEOUT)
            .group(Group::List)
            .flags(Flags::BLOCKING.union(Flags::MOVABLE_KEYS))
            .syntax("timeout numkeys key [key ...] <LEFT | RIGHT> [COUNT count]")
            .doc(
                "7.0.0",
                "O(N+M) where N is the number of provided keys and M is the number of elements returned.",
                "Pops the first element from one of multiple lists. Blocks until an element is available otherwise. \
                 Deletes the list if the last element was popped.",
            ),
        run: |exec, args, reply| {
            let until_ms = timeout::seconds(args.word()?, exec.now_ms())?;
            let request = Many::take(args)?;
            if pop_many(exec, &request, reply)? {
                return Ok(Outcome::Done);
            }
            let key_count = request.keys.len();
            exec.wait(Wait { first_key: 3, key_count, until_ms, nothing: Nothing::NullArray, on_loss: false }, reply)
        },
    },
];

/// BLPOP, BRPOP.
fn pop_one(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply, end: End) -> CommandResult {
    let words = args.rest();
    let Some((last, keys)) = words.split_last() else { return Err(Error::Syntax) };
    let until_ms = timeout::seconds(last, exec.now_ms())?;
    for (nth, _) in keys.iter().enumerate() {
        let key = args.key()?;
        if exec.awaits(1 + nth) && pop_from(exec, &key, (end, 1), reply, Shape::Pair)? {
            return Ok(Outcome::Done);
        }
    }
    exec.wait(
        Wait { first_key: 1, key_count: keys.len(), until_ms, nothing: Nothing::NullArray, on_loss: false },
        reply,
    )
}

/// What LMPOP and BLMPOP are asked.
struct Many<'a> {
    /// Where the first key stands among the request's words.
    first: usize,
    keys: Vec<Key<'a>>,
    end: End,
    count: usize,
}

impl<'a> Many<'a> {
    fn take(args: &mut Args<'a>) -> Result<Many<'a>, Error> {
        let keys = count::keys(args, "ERR numkeys should be greater than 0")?;
        let first = args.words().len() - args.left();
        let (mut of_keys, rest) = args.split(keys).ok_or(Error::Syntax)?;
        let mut taken = Vec::with_capacity(keys.min(of_keys.left()));
        while !of_keys.is_empty() {
            taken.push(of_keys.key()?);
        }
        *args = rest;
        let end = End::take(args)?;
        let mut count = None;
        while !args.is_empty() {
            if count.is_some() || !args.take("COUNT") || args.is_empty() {
                return Err(Error::Syntax);
            }
            count = Some(count::positive(args, "ERR count should be greater than 0")?);
        }
        Ok(Many { first, keys: taken, end, count: count.unwrap_or(1) })
    }
}

fn pop_many(exec: &mut Exec<'_, '_>, request: &Many<'_>, reply: &mut dyn Reply) -> Result<bool, Error> {
    for (nth, key) in request.keys.iter().enumerate() {
        let what = (request.end, request.count);
        if exec.awaits(request.first + nth) && pop_from(exec, key, what, reply, Shape::Nested)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// How the elements follow the key in a reply.
#[derive(PartialEq, Eq)]
enum Shape {
    Pair,
    Nested,
}

/// Pops from one list and writes the key and the elements. False, and nothing happens, if there is no list.
fn pop_from(
    exec: &mut Exec<'_, '_>,
    key: &Key<'_>,
    (end, count): (End, usize),
    reply: &mut dyn Reply,
    shape: Shape,
) -> Result<bool, Error> {
    if exec.is_retry() && !exec.holds::<List>(key)? {
        return Ok(false);
    }
    let mut opened = exec.collection_to_write::<List>(key)?;
    if !opened.exists() {
        return Ok(false);
    }
    reply.array(2);
    reply.bulk(key.bytes);
    let popped = pop_into(exec, key, &mut opened.value, (end, count), reply, shape == Shape::Nested)?;
    let (command, event) = end.pop();
    exec.changed(key, event, || match shape {
        Shape::Pair => words(&[command.as_bytes(), key.bytes]),
        Shape::Nested => {
            words(&[command.as_bytes(), key.bytes, itoa::Buffer::new().format(popped).as_bytes()])
        }
    });
    exec.store(key, opened)?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn the_first_list_with_elements_gives() {
        check(
            r#"
            > RPUSH b 1 2 3
            (integer) 3
            > LMPOP 2 a b LEFT
            1) "b"
            2) 1) "1"
            ! lpop LPOP b 1
            > BLPOP a b 0
            1) "b"
            2) "2"
            ! lpop LPOP b
            > RPUSH b 4 5
            (integer) 3
            > LMPOP 2 b a right count 2
            1) "b"
            2) 1) "5"
               2) "4"
            ! rpop RPOP b 2
            > BLMPOP 0 2 a b LEFT COUNT 10
            1) "b"
            2) 1) "3"
            ! lpop LPOP b 1
            ! del
            > LMPOP 1 b LEFT
            (nil)
            ! none
            > SET s v
            OK
            > BLPOP a s 0
            (error) WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }

    #[test]
    fn counts_and_timeouts_are_looked_at_first() {
        check(
            r#"
            > LMPOP 0 a LEFT
            (error) ERR numkeys should be greater than 0
            > LMPOP x a LEFT
            (error) ERR numkeys should be greater than 0
            > LMPOP 1 a UP
            (error) ERR syntax error
            > LMPOP 1 a LEFT COUNT 0
            (error) ERR count should be greater than 0
            > LMPOP 1 a LEFT COUNT x
            (error) ERR count should be greater than 0
            > LMPOP 1 a LEFT COUNT 1 COUNT 1
            (error) ERR syntax error
            > LMPOP 3 a b LEFT
            (error) ERR syntax error
            > BLPOP a x
            (error) ERR timeout is not a float or out of range
            > BLPOP a -1
            (error) ERR timeout is negative
            > BLPOP a nan
            (error) ERR timeout is not a float or out of range
            > BLPOP a 9223372036854775807
            (error) ERR timeout is out of range
            > BLMPOP x 1 a LEFT
            (error) ERR timeout is not a float or out of range
            "#,
        );
    }
}
