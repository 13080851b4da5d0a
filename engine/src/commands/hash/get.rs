//! Fields and values out: HGET, HMGET, HGETALL, HKEYS, HVALS.

use crate::command::{
    Args, Arity, CommandResult, DataCommand, Exec, Flags, Group, Keys, Outcome, Reply, Spec,
};
use crate::types::collection::Collection;
use crate::types::hash::{Field, Hash};

const fn row(name: &'static str, words: u8) -> Spec {
    Spec::read(name, Arity::Exactly(words), Keys::ONE).group(Group::Hash)
}

const COST: &str = "O(N), N being the number of fields.";
const ANY_ORDER: &[&str] = &["nondeterministic_output_order"];

pub(super) const COMMANDS: &[DataCommand] = &[
    DataCommand {
        spec: row("HGET", 3).element(2).flags(Flags::FAST).syntax("key field").doc(
            "2.0.0",
            "O(log N), N being the number of fields of the hash.",
            "Returns the value of a field of a hash.",
        ),
        run: hget,
    },
    DataCommand {
        spec: Spec::read("HMGET", Arity::AtLeast(3), Keys::ONE)
            .element(2)
            .group(Group::Hash)
            .flags(Flags::FAST)
            .syntax("key field [field ...]")
            .doc(
                "2.0.0",
                "O(log N) for each field, N being the number of fields of the hash.",
                "Returns the values of fields of a hash.",
            ),
        run: hmget,
    },
    DataCommand {
        spec: row("HGETALL", 2)
            .syntax("key")
            .doc("2.0.0", COST, "Returns all fields and values of a hash.")
            .tips(ANY_ORDER),
        run: hgetall,
    },
    DataCommand {
        spec: row("HKEYS", 2)
            .syntax("key")
            .doc("2.0.0", COST, "Returns all fields of a hash.")
            .tips(ANY_ORDER),
        run: |exec, args, reply| {
            list(exec, args, reply, |field, heap, reply| reply.string(field.name.text.view(heap)))
        },
    },
    DataCommand {
        spec: row("HVALS", 2)
            .syntax("key")
            .doc("2.0.0", COST, "Returns all values of a hash.")
            .tips(ANY_ORDER),
        run: |exec, args, reply| {
            list(exec, args, reply, |field, heap, reply| reply.string(field.value.view(heap)))
        },
    },
];

fn hget(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let (key, field) = (args.key()?, args.word()?);
    let hash = exec.read_collection::<Hash>(&key)?;
    let heap = exec.heap(&key);
    match hash.and_then(|hash| hash.get_hinted(heap, field, exec.hint())) {
        Some(found) => reply.string(found.value.view(heap)),
        None => reply.null(),
    }
    Ok(Outcome::Done)
}

fn hmget(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let key = args.key()?;
    let hash = exec.read_collection::<Hash>(&key)?;
    let heap = exec.heap(&key);
    reply.array(args.left());
    let mut hint = exec.hint();
    for field in args.rest() {
        match hash.and_then(|hash| hash.get_hinted(heap, field, hint.take())) {
            Some(found) => reply.string(found.value.view(heap)),
            None => reply.null(),
        }
    }
    Ok(Outcome::Done)
}

fn hgetall(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let key = args.key()?;
    let hash = exec.read_collection::<Hash>(&key)?;
    let heap = exec.heap(&key);
    reply.map(hash.map_or(0, |hash| hash.len()));
    for field in hash.iter().flat_map(|hash| hash.iter(heap)) {
        reply.string(field.name.text.view(heap));
        reply.string(field.value.view(heap));
    }
    Ok(Outcome::Done)
}

fn list(
    exec: &mut Exec<'_, '_>,
    args: &mut Args<'_>,
    reply: &mut dyn Reply,
    show: fn(Field<'_>, &shm::Heap, &mut dyn Reply),
) -> CommandResult {
    let key = args.key()?;
    let hash = exec.read_collection::<Hash>(&key)?;
    let heap = exec.heap(&key);
    reply.array(hash.map_or(0, |hash| hash.len()));
    hash.iter().flat_map(|hash| hash.iter(heap)).for_each(|field| show(field, heap, reply));
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use crate::testing::{Session, check};

    #[test]
    fn fields_and_values() {
        check(
            "> HSET h a 1 b 2
             (integer) 2
             > HGET h a
             \"1\"
             ! none
             > HGET h c
             (nil)
             > HGET nothing a
             (nil)
             > HMGET h b c a b
             1) \"2\"
             2) (nil)
             3) \"1\"
             4) \"2\"
             > HMGET nothing a b
             1) (nil)
             2) (nil)
             > HGETALL h
             1) \"a\"
             2) \"1\"
             3) \"b\"
             4) \"2\"
             > HKEYS h
             1) \"a\"
             2) \"b\"
             > HVALS h
             1) \"1\"
             2) \"2\"
             > HGETALL nothing
             (empty array)
             > HKEYS nothing
             (empty array)
             > HVALS nothing
             (empty array)
             > SET s v
             OK
             > HGET s a
             (error) WRONGTYPE Operation against a key holding the wrong kind of value
             > HMGET s a
             (error) WRONGTYPE Operation against a key holding the wrong kind of value
             > HGETALL s
             (error) WRONGTYPE Operation against a key holding the wrong kind of value
             > HKEYS s
             (error) WRONGTYPE Operation against a key holding the wrong kind of value
             > GET h
             (error) WRONGTYPE Operation against a key holding the wrong kind of value",
        );
    }

    #[test]
    fn all_fields_are_a_map_in_resp3() {
        let mut session = Session::new(1);
        session.resp3 = true;
        session.check(
            "> HSET h a 1
             (integer) 1
             > HGETALL h
             1# \"a\" => \"1\"
             > HGETALL nothing
             (empty hash)
             > HKEYS nothing
             (empty array)",
        );
    }

    #[test]
    fn a_field_is_gone_in_its_millisecond() {
        check(
            "> HSET h a 1 b 2 c 3
             (integer) 3
             > HPEXPIRE h 5 FIELDS 2 a b
             1) (integer) 1
             2) (integer) 1
             ... 4 ms
             > HMGET h a b c
             1) \"1\"
             2) \"2\"
             3) \"3\"
             ! none
             ... 1 ms
             > HMGET h a b c
             1) (nil)
             2) (nil)
             3) \"3\"
             ! hexpired HDEL h b a
             > HGETALL h
             1) \"c\"
             2) \"3\"
             ! none
             > HPEXPIRE h 5 FIELDS 1 c
             1) (integer) 1
             ... 5 ms
             > HVALS h
             (empty array)
             ! hexpired DEL h
             ! del
             > EXISTS h
             (integer) 0",
        );
    }
}
