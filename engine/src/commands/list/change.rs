//! Changes inside a list: LSET, LINSERT, LREM, LTRIM.

use super::{index_of, range_of};
use crate::command::effect::{Event, words};
use crate::command::{
    Args, Arity, CommandResult, DataCommand, Error, Exec, Flags, Group, KeyAccess, KeySpec, Keys, Outcome,
    Reply, Spec,
};
use crate::types::collection::Collection;
use crate::types::list::List;

const ONE_APPENDED: Keys = Keys::new(&[KeySpec::one(1, KeyAccess::APPEND)]);
const ONE_TRIMMED: Keys = Keys::new(&[KeySpec::one(1, KeyAccess::TRIM)]);

pub(super) const COMMANDS: &[DataCommand] = &[
    DataCommand {
        spec: Spec::write("LSET", Arity::Exactly(4), Keys::ONE_UPDATE)
            .group(Group::List)
            .flags(Flags::DENYOOM)
            .syntax("key index element")
            .doc("1.0.0", "O(log N)", "Sets the value of an element in a list by its index."),
        run: lset,
    },
    DataCommand {
        spec: Spec::write("LINSERT", Arity::Exactly(5), ONE_APPENDED)
            .group(Group::List)
            .flags(Flags::DENYOOM)
            .syntax("key <BEFORE | AFTER> pivot element")
            .doc(
                "2.2.0",
                "O(N) where N is the number of elements to traverse before seeing the value pivot.",
                "Inserts an element before or after another element in a list.",
            ),
        run: linsert,
    },
    DataCommand {
        spec: Spec::write("LREM", Arity::Exactly(4), ONE_TRIMMED)
            .group(Group::List)
            .syntax("key count element")
            .doc(
                "1.0.0",
                "O(N + M log N) where N is the length of the list and M is the number of elements removed.",
                "Removes elements from a list. Deletes the list if the last element was removed.",
            ),
        run: lrem,
    },
    DataCommand {
        spec: Spec::write("LTRIM", Arity::Exactly(4), ONE_TRIMMED)
            .group(Group::List)
            .syntax("key start stop")
            .doc(
                "1.0.0",
                "O(log N), whatever the number of elements removed.",
                "Removes elements from both ends a list. Deletes the list if all elements were trimmed.",
            ),
        run: ltrim,
    },
];

fn lset(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let key = args.key()?;
    let mut opened = exec.collection_to_write::<List>(&key)?;
    if !opened.exists() {
        return Err(Error::NoSuchKey);
    }
    let (index, element) = (args.integer()?, args.word()?);
    let index = index_of(index, opened.value.len()).ok_or(Error::IndexOutOfRange)?;
    opened.value.set(exec.heap_mut(&key), index, element)?;
    exec.changed(&key, Event::list("lset"), || words(args.words()));
    exec.store(&key, opened)?;
    reply.ok();
    Ok(Outcome::Done)
}

fn linsert(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let key = args.key()?;
    let after = match (args.take("BEFORE"), args.take("AFTER")) {
        (true, _) => 0,
        (_, true) => 1,
        _ => return Err(Error::Syntax),
    };
    let (pivot, element) = (args.word()?, args.word()?);
    let mut opened = exec.collection_to_write::<List>(&key)?;
    if !opened.exists() {
        reply.integer(0);
        return Ok(Outcome::Done);
    }
    let list = &mut opened.value;
    let heap = exec.heap_mut(&key);
    let Some(index) = list.iter_from(heap, 0).position(|text| text.equals(heap, pivot)) else {
        reply.integer(-1);
        return Ok(Outcome::Done);
    };
    list.insert(heap, index + after, element)?;
    reply.count(list.len());
    exec.changed(&key, Event::list("linsert"), || words(args.words()));
    exec.store(&key, opened)?;
    Ok(Outcome::Done)
}

fn lrem(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let key = args.key()?;
    let (count, element) = (args.integer()?, args.word()?);
    let mut opened = exec.collection_to_write::<List>(&key)?;
    let list = &mut opened.value;
    let heap = exec.heap_mut(&key);
    let limit = match count {
        0 => usize::MAX,
        count => usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX),
    };
    let len = list.len();
    // From the last to the first, so that those before keep their indexes.
    let found: Vec<usize> = if count < 0 {
        let back = list.back_from(heap, len).enumerate().filter(|(_, text)| text.equals(heap, element));
        back.map(|(nth, _)| len - 1 - nth).take(limit).collect()
    } else {
        let forth = list.iter_from(heap, 0).enumerate().filter(|(_, text)| text.equals(heap, element));
        let mut found: Vec<usize> = forth.map(|(index, _)| index).take(limit).collect();
        found.reverse();
        found
    };
    for index in &found {
        list.remove(heap, *index)?;
    }
    if !found.is_empty() {
        exec.changed(&key, Event::list("lrem"), || words(args.words()));
        exec.store(&key, opened)?;
    }
    reply.count(found.len());
    Ok(Outcome::Done)
}

fn ltrim(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let key = args.key()?;
    let (start, stop) = (args.integer()?, args.integer()?);
    let mut opened = exec.collection_to_write::<List>(&key)?;
    if opened.exists() {
        let list = &mut opened.value;
        let range = range_of(start, stop, list.len());
        let heap = exec.heap_mut(&key);
        list.remove_range(heap, range.end..list.len())?;
        list.remove_range(heap, 0..range.start)?;
        exec.changed(&key, Event::list("ltrim"), || words(args.words()));
        exec.store(&key, opened)?;
    }
    reply.ok();
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use crate::testing::{Session, check};

    #[test]
    fn elements_are_set_and_inserted() {
        check(
            r#"
            > RPUSH l a b c
            (integer) 3
            > LSET l 1 B
            OK
            ! lset LSET l 1 B
            > LSET l -1 C
            OK
            > LSET l 3 x
            (error) ERR index out of range
            ! none
            > LSET l x y
            (error) ERR value is not an integer or out of range
            > LSET nothing x y
            (error) ERR no such key
            > LINSERT l before B x
            (integer) 4
            ! linsert LINSERT l before B x
            > LINSERT l AFTER C y
            (integer) 5
            > LINSERT l AFTER nothing y
            (integer) -1
            ! none
            > LINSERT nothing AFTER a y
            (integer) 0
            > LINSERT l BESIDE a y
            (error) ERR syntax error
            > LRANGE l 0 -1
            1) "a"
            2) "x"
            3) "B"
            4) "C"
            5) "y"
            "#,
        );
    }

    #[test]
    fn elements_are_removed_by_value_and_by_range() {
        check(
            r#"
            > RPUSH l a b a c a
            (integer) 5
            > LREM l 1 a
            (integer) 1
            ! lrem LREM l 1 a
            > LREM l -1 a
            (integer) 1
            > LRANGE l 0 -1
            1) "b"
            2) "a"
            3) "c"
            > LREM l 0 z
            (integer) 0
            ! none
            > LREM l -9223372036854775808 a
            (integer) 1
            > LREM nothing 0 a
            (integer) 0
            > LTRIM l 1 -1
            OK
            ! ltrim LTRIM l 1 -1
            > LRANGE l 0 -1
            1) "c"
            > LTRIM l 1 0
            OK
            ! ltrim LTRIM l 1 0
            ! del
            > EXISTS l
            (integer) 0
            > LTRIM l 0 -1
            OK
            ! none
            > RPUSH l a a
            (integer) 2
            > LREM l 0 a
            (integer) 2
            ! lrem LREM l 0 a
            ! del
            > SET s v
            OK
            > LTRIM s 0 1
            (error) WRONGTYPE Operation against a key holding the wrong kind of value
            > LREM s x a
            (error) ERR value is not an integer or out of range
            "#,
        );
    }

    #[test]
    fn long_elements_are_freed() {
        let mut session = Session::new(1);
        let long = "x".repeat(700);
        for _ in 0..300 {
            session.run(&format!("RPUSH l a {long} {long}"));
        }
        session.run("LSET l 1 short");
        session.run(&format!("LREM l 100 {long}"));
        session.run("LTRIM l 50 -50");
        session.verify();
        session.run("DEL l");
        session.verify();
        assert_eq!(session.run("EXISTS l"), "(integer) 0");
    }
}
