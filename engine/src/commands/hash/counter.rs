//! Values that are numbers: HINCRBY, HINCRBYFLOAT.

use super::fields::{hset_words, repeat_deadline};
use crate::command::effect::Event;
use crate::command::exec::Opened;
use crate::command::{
    Args, Arity, CommandResult, DataCommand, Error, Exec, Flags, Group, Key, KeyAccess, KeySpec, Keys,
    Outcome, Reply, Spec,
};
use crate::number::Extended;
use crate::types::hash::{Hash, Lifetime};

const COUNTED: Keys = Keys::new(&[KeySpec::one(1, KeyAccess::READ_UPDATE)]);
const COST: &str = "O(log N), N being the number of fields of the hash.";

const fn row(name: &'static str) -> Spec {
    Spec::write(name, Arity::Exactly(4), COUNTED)
        .group(Group::Hash)
        .flags(Flags::DENYOOM.union(Flags::FAST))
        .syntax("key field increment")
}

pub(super) const COMMANDS: &[DataCommand] = &[
    DataCommand {
        spec: row("HINCRBY").element(2).doc(
            "2.0.0",
            COST,
            "Adds a number to the integer value of a field of a hash; a missing field counts as 0.",
        ),
        run: hincrby,
    },
    DataCommand {
        spec: row("HINCRBYFLOAT").element(2).doc(
            "2.6.0",
            COST,
            "Adds a number to the floating-point value of a field of a hash; a missing field counts as 0.",
        ),
        run: hincrbyfloat,
    },
];

fn hincrby(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let (key, field, by) = (args.key()?, args.word()?, args.integer()?);
    let opened = exec.collection_to_write::<Hash>(&key)?;
    let heap = exec.heap(&key);
    let old = match opened.value.get(heap, field) {
        Some(found) => {
            let integer = found.value.view(heap).integer();
            integer.ok_or(Error::text("ERR hash value is not an integer"))?
        }
        None => 0,
    };
    let new = old.checked_add(by).ok_or(Error::Overflow)?;
    let mut digits = itoa::Buffer::new();
    store(exec, &key, opened, Event::hash("hincrby"), &[field, digits.format(new).as_bytes()])?;
    reply.integer(new);
    Ok(Outcome::Done)
}

fn hincrbyfloat(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let (key, field) = (args.key()?, args.word()?);
    let by = Extended::parse(args.word()?).ok_or(Error::NotFloat)?;
    if Extended::ZERO.plus(by).is_none() {
        return Err(Error::text("ERR value is NaN or Infinity"));
    }
    let opened = exec.collection_to_write::<Hash>(&key)?;
    let heap = exec.heap(&key);
    let old = match opened.value.get(heap, field) {
        Some(found) => {
            let number = Extended::parse(&found.value.view(heap).contiguous());
            number.ok_or(Error::text("ERR hash value is not a float"))?
        }
        None => Extended::ZERO,
    };
    let new = old.plus(by).ok_or(Error::NanOrInfinity)?.to_decimal();
    store(exec, &key, opened, Event::hash("hincrbyfloat"), &[field, new.as_bytes()])?;
    reply.bulk(new.as_bytes());
    Ok(Outcome::Done)
}

/// Sets a field, which keeps its deadline.
fn store(
    exec: &mut Exec<'_, '_>,
    key: &Key<'_>,
    mut opened: Opened<Hash>,
    event: Event,
    pair: &[&[u8]; 2],
) -> Result<(), Error> {
    let deadline_ms = opened.value.get(exec.heap(key), pair[0]).and_then(|field| field.deadline_ms);
    opened.value.set(exec.heap_mut(key), pair[0], pair[1], Lifetime::Kept)?;
    exec.changed(key, event, || hset_words(key, pair));
    if let Some(deadline_ms) = deadline_ms {
        repeat_deadline(exec, key, deadline_ms, &pair[..1]);
    }
    exec.store(key, opened)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn integers() {
        check(
            "> HINCRBY h a 5
             (integer) 5
             ! hincrby HSET h a 5
             > HINCRBY h a -7
             (integer) -2
             > HSET h max 9223372036854775807 text x float 1.5 padded 01
             (integer) 4
             > HINCRBY h max 1
             (error) ERR increment or decrement would overflow
             > HINCRBY h text 1
             (error) ERR hash value is not an integer
             > HINCRBY h float 1
             (error) ERR hash value is not an integer
             > HINCRBY h padded 1
             (error) ERR hash value is not an integer
             > HINCRBY h a x
             (error) ERR value is not an integer or out of range
             > HINCRBY h a 9223372036854775808
             (error) ERR value is not an integer or out of range
             > SET s v
             OK
             > HINCRBY s a x
             (error) ERR value is not an integer or out of range
             > HINCRBY s a 1
             (error) WRONGTYPE Operation against a key holding the wrong kind of value",
        );
    }

    #[test]
    fn floats() {
        check(
            "> HINCRBYFLOAT h a 10.50
             \"10.5\"
             ! hincrbyfloat HSET h a 10.5
             > HINCRBYFLOAT h a 0.1
             \"10.6\"
             > HINCRBYFLOAT h a -10.6
             \"0\"
             > HSET h text x
             (integer) 1
             > HINCRBYFLOAT h text 1
             (error) ERR hash value is not a float
             > HINCRBYFLOAT h a x
             (error) ERR value is not a valid float
             > HINCRBYFLOAT h a inf
             (error) ERR value is NaN or Infinity",
        );
    }

    #[test]
    fn counted_fields_keep_their_deadline() {
        check(
            "> HSET h a 1 b 2 other v
             (integer) 3
             > HPEXPIRE h 10 FIELDS 2 a b
             1) (integer) 1
             2) (integer) 1
             > HINCRBY h a 1
             (integer) 2
             ! hincrby HSET h a 2
             ! - HPEXPIREAT h 1000010 FIELDS 1 a
             > HINCRBYFLOAT h b 1.5
             \"3.5\"
             ! hincrbyfloat HSET h b 3.5
             ! - HPEXPIREAT h 1000010 FIELDS 1 b
             > HPTTL h FIELDS 2 a b
             1) (integer) 10
             2) (integer) 10
             ... 10 ms
             > HINCRBY h a 1
             (integer) 1
             ! hexpired HDEL h b a
             ! hincrby HSET h a 1
             > HPTTL h FIELDS 2 a b
             1) (integer) -1
             2) (integer) -2",
        );
    }
}
