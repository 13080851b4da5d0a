//! From one list to another: LMOVE, RPOPLPUSH, and BLMOVE, BRPOPLPUSH, which wait for an element.

use super::End;
use crate::command::args::timeout;
use crate::command::effect::words;
use crate::command::{
    Args, Arity, CommandResult, DataCommand, Error, Exec, Flags, Group, Key, KeyAccess, KeySpec, Keys,
    Nothing, Outcome, Reply, Spec, Wait,
};
use crate::types::collection::Collection;
use crate::types::list::List;

const FROM_TO: Keys =
    Keys::new(&[KeySpec::one(1, KeyAccess::READ_DELETE), KeySpec::one(2, KeyAccess::APPEND)]);

const fn move_spec(name: &'static str, arity: Arity) -> Spec {
    Spec::write(name, arity, FROM_TO).group(Group::List).flags(Flags::DENYOOM)
}

const WAITS: Flags = Flags::NOSCRIPT.union(Flags::BLOCKING);

pub(super) const COMMANDS: &[DataCommand] = &[
    DataCommand {
        spec: move_spec("LMOVE", Arity::Exactly(5))
            .syntax("source destination <LEFT | RIGHT> <LEFT | RIGHT>")
            .doc(
                "6.2.0",
                "O(log N)",
                "Returns an element after popping it from one list and pushing it to another. Deletes the list if \
                 the last element was moved.",
            ),
        run: |exec, args, reply| {
            let (from, to) = (args.key()?, args.key()?);
            let ends = (End::take(args)?, End::take(args)?);
            if !shift(exec, (&from, &to), ends, reply)? {
                reply.null();
            }
            Ok(Outcome::Done)
        },
    },
    DataCommand {
        spec: move_spec("RPOPLPUSH", Arity::Exactly(3))
            .syntax("source destination")
            .doc(
                "1.2.0",
                "O(log N)",
                "Returns the last element of a list after removing and pushing it to another list. Deletes the list \
                 if the last element was popped.",
            )
            .deprecated("6.2.0", "`LMOVE` with the `RIGHT` and `LEFT` arguments"),
        run: |exec, args, reply| {
            let (from, to) = (args.key()?, args.key()?);
            if !shift(exec, (&from, &to), (End::Right, End::Left), reply)? {
                reply.null();
            }
            Ok(Outcome::Done)
        },
    },
    DataCommand {
        spec: move_spec("BLMOVE", Arity::Exactly(6))
            .flags(WAITS)
            .syntax("source destination <LEFT | RIGHT> <LEFT | RIGHT> timeout")
            .doc(
                "6.2.0",
                "O(log N)",
                "Pops an element from a list, pushes it to another list and returns it. Blocks until an element is \
                 available otherwise. Deletes the list if the last element was moved.",
            ),
        run: |exec, args, reply| {
            let (from, to) = (args.key()?, args.key()?);
            let ends = (End::take(args)?, End::take(args)?);
            shift_or_wait(exec, (&from, &to), ends, args, reply)
        },
    },
    DataCommand {
        spec: move_spec("BRPOPLPUSH", Arity::Exactly(4))
            .flags(WAITS)
            .syntax("source destination timeout")
            .doc(
                "2.2.0",
                "O(log N)",
                "Pops an element from a list, pushes it to another list and returns it. Block until an element is \
                 available otherwise. Deletes the list if the last element was popped.",
            )
            .deprecated("6.2.0", "`BLMOVE` with the `RIGHT` and `LEFT` arguments"),
        run: |exec, args, reply| {
            let (from, to) = (args.key()?, args.key()?);
            shift_or_wait(exec, (&from, &to), (End::Right, End::Left), args, reply)
        },
    },
];

fn shift_or_wait(
    exec: &mut Exec<'_, '_>,
    keys: (&Key<'_>, &Key<'_>),
    ends: (End, End),
    args: &mut Args<'_>,
    reply: &mut dyn Reply,
) -> CommandResult {
    let until_ms = timeout::seconds(args.word()?, exec.now_ms())?;
    if exec.is_retry() && !exec.holds::<List>(keys.0)? {
        return exec.wait(
            Wait { first_key: 1, key_count: 1, until_ms, nothing: Nothing::Null, on_loss: false },
            reply,
        );
    }
    if shift(exec, keys, ends, reply)? {
        return Ok(Outcome::Done);
    }
    exec.wait(Wait { first_key: 1, key_count: 1, until_ms, nothing: Nothing::Null, on_loss: false }, reply)
}

/// Moves an element and writes it. False, and nothing happens, if there is none.
fn shift(
    exec: &mut Exec<'_, '_>,
    (from, to): (&Key<'_>, &Key<'_>),
    (out, into): (End, End),
    reply: &mut dyn Reply,
) -> Result<bool, Error> {
    // First: looking deletes what has expired, and then places from before are no good.
    let is_same = from.bytes == to.bytes;
    let target = if is_same { None } else { Some(exec.collection_to_write::<List>(to)) };
    let mut source = exec.collection_to_write::<List>(from)?;
    if !source.exists() {
        return Ok(false);
    }
    let target = target.transpose()?;
    let list = &mut source.value;
    let heap = exec.heap_mut(from);
    let index = if out == End::Left { 0 } else { list.len() - 1 };
    // Not empty: it exists.
    let Some(text) = list.at(heap, index) else { return Ok(false) };
    let element = text.view(heap).contiguous().into_owned();
    reply.bulk(&element);
    list.remove(heap, index)?;
    let (popped, pushed) = (out.pop(), into.push());
    let Some(mut target) = target else {
        let index = if into == End::Left { 0 } else { list.len() };
        list.insert(heap, index, &element)?;
        exec.changed(from, pushed.1, || move_words(from, to, (out, into)));
        exec.announce(from, popped.1);
        exec.store(from, source)?;
        return Ok(true);
    };
    let index = if into == End::Left { 0 } else { target.value.len() };
    target.value.insert(exec.heap_mut(to), index, &element)?;
    if exec.are_together(from, to) {
        exec.changed(to, pushed.1, || move_words(from, to, (out, into)));
        exec.announce(from, popped.1);
    } else {
        exec.changed(to, pushed.1, || words(&[pushed.0.as_bytes(), to.bytes, &element]));
        exec.changed(from, popped.1, || words(&[popped.0.as_bytes(), from.bytes]));
    }
    // The target first: making its key may move nothing of the source, whose place is still good.
    exec.store(to, target)?;
    let source = exec.refreshed(from, source)?;
    exec.store(from, source)?;
    Ok(true)
}

fn move_words(from: &Key<'_>, to: &Key<'_>, (out, into): (End, End)) -> Vec<Box<[u8]>> {
    words(&[b"LMOVE", from.bytes, to.bytes, out.name().as_bytes(), into.name().as_bytes()])
}

#[cfg(test)]
mod tests {
    use crate::testing::{Session, check};

    #[test]
    fn elements_move_between_lists() {
        check(
            r#"
            > RPUSH a 1 2 3
            (integer) 3
            > LMOVE a b LEFT RIGHT
            "1"
            > RPOPLPUSH a b
            "3"
            > LRANGE b 0 -1
            1) "3"
            2) "1"
            > LMOVE a b left right
            "2"
            > EXISTS a
            (integer) 0
            > LMOVE a b LEFT LEFT
            (nil)
            ! none
            > LMOVE b b LEFT RIGHT
            "3"
            ! rpush LMOVE b b LEFT RIGHT
            ! lpop
            > LRANGE b 0 -1
            1) "1"
            2) "2"
            3) "3"
            > RPUSH one x
            (integer) 1
            > LMOVE one one RIGHT LEFT
            "x"
            > LRANGE one 0 -1
            1) "x"
            > SET s v
            OK
            > LMOVE b s LEFT LEFT
            (error) WRONGTYPE Operation against a key holding the wrong kind of value
            > LMOVE s b LEFT LEFT
            (error) WRONGTYPE Operation against a key holding the wrong kind of value
            > LMOVE nothing s LEFT LEFT
            (nil)
            > LMOVE a b UP LEFT
            (error) ERR syntax error
            "#,
        );
    }

    #[test]
    fn within_a_shard_one_effect_says_it_all() {
        Session::new(1).check(
            r#"
            > RPUSH a 1
            (integer) 1
            > LMOVE a b LEFT RIGHT
            "1"
            ! rpush LMOVE a b LEFT RIGHT
            ! lpop
            ! del
            > BLMOVE b c LEFT RIGHT 0
            "1"
            ! rpush LMOVE b c LEFT RIGHT
            ! lpop
            ! del
            "#,
        );
    }

    #[test]
    fn waiting_forms_refuse_bad_words() {
        check(
            r#"
            > BLMOVE a b LEFT UP x
            (error) ERR syntax error
            > BLMOVE a b LEFT LEFT x
            (error) ERR timeout is not a float or out of range
            > BRPOPLPUSH a b -1
            (error) ERR timeout is negative
            > RPUSH a 1
            (integer) 1
            > BRPOPLPUSH a b 0
            "1"
            "#,
        );
    }
}
