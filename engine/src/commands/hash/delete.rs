//! Fields out of existence: HDEL, HGETDEL.

use super::fields::{NOT_POSITIVE, hdel_words, named};
use crate::command::effect::Event;
use crate::command::{
    Args, Arity, CommandResult, DataCommand, Exec, Flags, Group, KeyAccess, KeySpec, Keys, Outcome, Reply,
    Spec,
};
use crate::types::hash::Hash;

pub(super) const COMMANDS: &[DataCommand] = &[
    DataCommand {
        spec: Spec::write("HDEL", Arity::AtLeast(3), Keys::new(&[KeySpec::one(1, KeyAccess::UPDATE_DELETE)]))
            .element(2)
            .group(Group::Hash)
            .flags(Flags::FAST)
            .syntax("key field [field ...]")
            .doc(
                "2.0.0",
                "O(log N) for each field, N being the number of fields of the hash.",
                "Deletes fields of a hash, and the hash when no field is left.",
            ),
        run: hdel,
    },
    DataCommand {
        spec: Spec::write(
            "HGETDEL",
            Arity::AtLeast(5),
            Keys::new(&[KeySpec::one(1, KeyAccess::READ_DELETE)]),
        )
        .group(Group::Hash)
        .flags(Flags::FAST)
        .syntax("key FIELDS numfields field [field ...]")
        .doc(
            "8.0.0",
            "O(log N) for each field, N being the number of fields of the hash.",
            "Returns the values of fields of a hash and deletes them.",
        ),
        run: hgetdel,
    },
];

fn hdel(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let key = args.key()?;
    let mut opened = exec.collection_to_write::<Hash>(&key)?;
    let heap = exec.heap_mut(&key);
    let mut gone = Vec::new();
    for &field in args.rest() {
        if opened.value.remove(heap, field)? {
            gone.push(field);
        }
    }
    if !gone.is_empty() {
        exec.changed(&key, Event::hash("hdel"), || hdel_words(&key, &gone));
        exec.store(&key, opened)?;
    }
    reply.count(gone.len());
    Ok(Outcome::Done)
}

fn hgetdel(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let key = args.key()?;
    let mut opened = exec.collection_to_write::<Hash>(&key)?;
    let fields = named(args, "HGETDEL", NOT_POSITIVE)?;
    let heap = exec.heap_mut(&key);
    let mut gone = Vec::new();
    reply.array(fields.len());
    for &field in fields {
        match opened.value.get(heap, field) {
            Some(found) => reply.string(found.value.view(heap)),
            None => reply.null(),
        }
        if opened.value.remove(heap, field)? {
            gone.push(field);
        }
    }
    if !gone.is_empty() {
        exec.changed(&key, Event::hash("hdel"), || hdel_words(&key, &gone));
        exec.store(&key, opened)?;
    }
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn deleting_fields() {
        check(
            "> HSET h a 1 b 2 c 3
             (integer) 3
             > HDEL h a x a
             (integer) 1
             ! hdel HDEL h a
             > HDEL h x
             (integer) 0
             ! none
             > HDEL nothing a
             (integer) 0
             > HDEL h c b
             (integer) 2
             ! hdel HDEL h c b
             ! del
             > EXISTS h
             (integer) 0
             > SET s v
             OK
             > HDEL s a
             (error) WRONGTYPE Operation against a key holding the wrong kind of value",
        );
    }

    #[test]
    fn a_deleted_field_is_due_no_more() {
        check(
            "> HSET h a 1 b 2
             (integer) 2
             > HPEXPIRE h 5 FIELDS 2 a b
             1) (integer) 1
             2) (integer) 1
             > HDEL h a
             (integer) 1
             > HSET h a 3
             (integer) 1
             ... 5 ms
             > HGETALL h
             1) \"a\"
             2) \"3\"
             ! hexpired HDEL h b
             > HPEXPIRE h 5 FIELDS 1 a
             1) (integer) 1
             ... 5 ms
             > HDEL h a
             (integer) 0
             ! hexpired DEL h
             ! del",
        );
    }

    #[test]
    fn hgetdel_returns_what_it_deletes() {
        check(
            "> HSET h a 1 b 2
             (integer) 2
             > HGETDEL h FIELDS 3 a x a
             1) \"1\"
             2) (nil)
             3) (nil)
             ! hdel HDEL h a
             > HGETDEL h fields 1 a
             1) (nil)
             ! none
             > HGETDEL nothing FIELDS 2 a b
             1) (nil)
             2) (nil)
             > HPEXPIRE h 5 FIELDS 1 b
             1) (integer) 1
             > HGETDEL h FIELDS 1 b
             1) \"2\"
             ! hdel HDEL h b
             ! del
             > HGETDEL h FIELDS
             (error) ERR wrong number of arguments for 'hgetdel' command
             > HGETDEL h FIELD 1 a
             (error) ERR Mandatory argument FIELDS is missing or not at the right position
             > HGETDEL h FIELDS 0 a
             (error) ERR Number of fields must be a positive integer
             > HGETDEL h FIELDS x a
             (error) ERR Number of fields must be a positive integer
             > HGETDEL h FIELDS 2 a
             (error) ERR The `numfields` parameter must match the number of arguments
             > SET s v
             OK
             > HGETDEL s FIELDS 1 a
             (error) WRONGTYPE Operation against a key holding the wrong kind of value",
        );
    }
}
