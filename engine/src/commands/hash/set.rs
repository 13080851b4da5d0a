//! Fields set: HSET, HMSET, HSETNX.

use super::fields::hset_words;
use crate::command::effect::Event;
use crate::command::{
    Args, Arity, CommandResult, DataCommand, Error, Exec, Flags, Group, KeyAccess, KeySpec, Keys, Outcome,
    Reply, Spec,
};
use crate::types::hash::{Hash, Lifetime};

const INSERTED: Keys = Keys::new(&[KeySpec::one(1, KeyAccess::APPEND)]);

pub(super) const COMMANDS: &[DataCommand] = &[
    DataCommand {
        spec: Spec::write("HSET", Arity::AtLeast(4), Keys::ONE_UPDATE)
            .element(2)
            .group(Group::Hash)
            .flags(Flags::DENYOOM.union(Flags::FAST))
            .syntax("key field value [field value ...]")
            .doc(
                "2.0.0",
                "O(log N) for each field, N being the number of fields of the hash.",
                "Sets fields of a hash to values.",
            ),
        run: |exec, args, reply| {
            let created = set_all(exec, args, "HSET")?;
            reply.count(created);
            Ok(Outcome::Done)
        },
    },
    DataCommand {
        spec: Spec::write("HMSET", Arity::AtLeast(4), Keys::ONE_UPDATE)
            .element(2)
            .group(Group::Hash)
            .flags(Flags::DENYOOM.union(Flags::FAST))
            .syntax("key field value [field value ...]")
            .doc(
                "2.0.0",
                "O(log N) for each field, N being the number of fields of the hash.",
                "Sets fields of a hash to values.",
            )
            .deprecated("4.0.0", "`HSET` with multiple field-value pairs"),
        run: |exec, args, reply| {
            set_all(exec, args, "HMSET")?;
            reply.ok();
            Ok(Outcome::Done)
        },
    },
    DataCommand {
        spec: Spec::write("HSETNX", Arity::Exactly(4), INSERTED)
            .element(2)
            .group(Group::Hash)
            .flags(Flags::DENYOOM.union(Flags::FAST))
            .syntax("key field value")
            .doc(
                "2.0.0",
                "O(log N), N being the number of fields of the hash.",
                "Sets a field of a hash to a value unless it exists.",
            ),
        run: hsetnx,
    },
];

/// Returns how many fields are new.
fn set_all(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, command: &'static str) -> Result<usize, Error> {
    let key = args.key()?;
    let pairs = args.rest();
    if !pairs.len().is_multiple_of(2) {
        return Err(Error::WrongArity(command.into()));
    }
    let mut opened = exec.collection_to_write::<Hash>(&key)?;
    let mut hint = exec.hint();
    let heap = exec.heap_mut(&key);
    let mut created = 0;
    for pair in pairs.chunks_exact(2) {
        let (hash, hint) = (&mut opened.value, hint.take());
        created += usize::from(hash.set_hinted(heap, pair[0], pair[1], Lifetime::Unlimited, hint)?);
    }
    exec.changed(&key, Event::hash("hset"), || hset_words(&key, pairs));
    exec.store(&key, opened)?;
    Ok(created)
}

fn hsetnx(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let (key, field, value) = (args.key()?, args.word()?, args.word()?);
    let mut opened = exec.collection_to_write::<Hash>(&key)?;
    let is_new = opened.value.get(exec.heap(&key), field).is_none();
    if is_new {
        opened.value.set(exec.heap_mut(&key), field, value, Lifetime::Unlimited)?;
        exec.changed(&key, Event::hash("hset"), || hset_words(&key, &[field, value]));
        exec.store(&key, opened)?;
    }
    reply.integer(i64::from(is_new));
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use crate::testing::{Session, check};

    #[test]
    fn fields_are_set_and_new_ones_counted() {
        check(
            "> HSET h a 1 b 2 a 3
             (integer) 2
             ! hset HSET h a 1 b 2 a 3
             > HSET h b 4 c 5
             (integer) 1
             > HMGET h a b c
             1) \"3\"
             2) \"4\"
             3) \"5\"
             > HMSET h d 6
             OK
             ! hset HSET h d 6
             > HSETNX h d 7
             (integer) 0
             ! none
             > HSETNX h e \"\"
             (integer) 1
             ! hset HSET h e \"\"
             > HGET h e
             \"\"
             > HLEN h
             (integer) 5
             > HSET h a
             (error) ERR wrong number of arguments for 'hset' command
             > HSET h a 1 b
             (error) ERR wrong number of arguments for 'hset' command
             > HMSET h a 1 b
             (error) ERR wrong number of arguments for 'hmset' command
             > SET s v
             OK
             > HSET s a 1
             (error) WRONGTYPE Operation against a key holding the wrong kind of value
             > HSETNX s a 1
             (error) WRONGTYPE Operation against a key holding the wrong kind of value
             > HSET s a 1 b
             (error) ERR wrong number of arguments for 'hset' command",
        );
    }

    #[test]
    fn setting_a_field_takes_its_deadline_away() {
        check(
            "> HSET h a 1 b 2
             (integer) 2
             > HPEXPIRE h 10 FIELDS 2 a b
             1) (integer) 1
             2) (integer) 1
             > HSET h a 3
             (integer) 0
             > HPTTL h FIELDS 2 a b
             1) (integer) -1
             2) (integer) 10
             ... 10 ms
             > HGETALL h
             1) \"a\"
             2) \"3\"
             ! hexpired HDEL h b
             > HSETNX h b 5
             (integer) 1",
        );
    }

    #[test]
    fn texts_of_every_length() {
        let mut session = Session::new(1);
        let of_len = |len: usize, seed: usize| -> Vec<u8> {
            (0..len).map(|at| ((at + seed) * 31 % 251) as u8).collect()
        };
        let lens = [0, 1, 64, 65, 247, 248, 249, 300, 1000, 16_384, 100_000];
        for round in 0..2 {
            for (nth, len) in lens.into_iter().enumerate() {
                for other in lens {
                    let (field, value) = (of_len(len, nth), of_len(other, round));
                    session.call(&[b"HSET", b"h", &field, &value]);
                    assert_eq!(session.call(&[b"HGET", b"h", &field]), crate::testing::quoted(&value));
                    assert_eq!(session.call(&[b"HSTRLEN", b"h", &field]), format!("(integer) {other}"));
                }
            }
        }
        assert_eq!(session.run("HLEN h"), format!("(integer) {}", lens.len()));
        session.verify();
        assert_eq!(session.run("DEL h"), "(integer) 1");
        session.verify();
    }

    #[test]
    fn encodings_are_those_of_redis() {
        check(
            "> HSET h a 1
             (integer) 1
             > OBJECT ENCODING h
             \"listpack\"
             > HEXPIRE h 100 FIELDS 1 a
             1) (integer) 1
             > OBJECT ENCODING h
             \"listpackex\"
             > HPERSIST h FIELDS 1 a
             1) (integer) 1
             > OBJECT ENCODING h
             \"listpackex\"
             > COPY h copy
             (integer) 1
             > OBJECT ENCODING copy
             \"listpackex\"
             > HSET h b aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
             (integer) 1
             > OBJECT ENCODING h
             \"hashtable\"
             > HDEL h b
             (integer) 1
             > OBJECT ENCODING h
             \"hashtable\"
             > COPY h copy REPLACE
             (integer) 1
             > OBJECT ENCODING copy
             \"hashtable\"
             > TYPE copy
             hash",
        );
        let mut session = Session::new(1);
        for nth in 1..=512 {
            session.run(&format!("HSET h {nth} v"));
        }
        assert_eq!(session.run("OBJECT ENCODING h"), "\"listpack\"");
        session.run("HSET h 513 v");
        assert_eq!(session.run("OBJECT ENCODING h"), "\"hashtable\"");
    }
}
