//! Bits of several strings together: BITOP.

use crate::command::effect::Event;
use crate::command::{
    Args, Arity, CommandResult, DataCommand, Error, Exec, Flags, Group, Key, KeyAccess, KeySpec, Keys,
    Outcome, Reply, Spec,
};
use crate::keyspace::{Place, del_words};
use crate::types::bitmap::{self, Operation};

const DESTINATION_AND_SOURCES: Keys =
    Keys::new(&[KeySpec::one(2, KeyAccess::OVERWRITE), KeySpec::range(3, -1, 1, KeyAccess::READ)]);

pub(super) const COMMANDS: &[DataCommand] = &[DataCommand {
    spec: Spec::write("BITOP", Arity::AtLeast(4), DESTINATION_AND_SOURCES)
        .group(Group::Bitmap)
        .flags(Flags::DENYOOM)
        .syntax("<AND | OR | XOR | NOT> destkey key [key ...]")
        .doc("2.6.0", "O(N)", "Performs bitwise operations on multiple strings, and stores the result."),
    run: bitop,
}];

/// A string that takes part.
struct Source<'a> {
    key: Key<'a>,
    /// `None` of a key that does not exist, which is as good as an empty string.
    place: Option<Place>,
}

fn bitop(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let operations =
        [("AND", Operation::And), ("OR", Operation::Or), ("XOR", Operation::Xor), ("NOT", Operation::Not)];
    let named = operations.into_iter().find(|(name, _)| args.take(name));
    let (_, operation) = named.ok_or(Error::Syntax)?;
    let to = args.key()?;
    if operation == Operation::Not && args.left() != 1 {
        return Err(Error::text("ERR BITOP NOT must be called with a single source key."));
    }
    let (mut sources, mut len) = (Vec::with_capacity(args.left()), 0);
    while !args.is_empty() {
        let key = args.key()?;
        let place = exec.string_to_read(&key)?;
        len = len.max(place.as_ref().map_or(0, |place| exec.view(&key, place).string().len()));
        sources.push(Source { key, place });
    }
    // Looking deletes what has expired; the places of sources serve only to read their entries.
    let place = exec.place_to_write(&to)?;
    if len > 0 {
        let db = exec.db();
        let entry = exec.put_computed(&to, place, len, |exec, start, out| {
            combine(exec, operation, &sources, start, out)
        })?;
        exec.arrived_in(db, &to, Event::string("set"), entry);
    } else if let Some(place) = place {
        exec.remove(&to, &place)?;
        exec.changed(&to, Event::DEL, || del_words(to.bytes));
    }
    reply.count(len);
    Ok(Outcome::Done)
}

/// The bytes of the result from `start` on.
fn combine(
    exec: &mut Exec<'_, '_>,
    operation: Operation,
    sources: &[Source<'_>],
    start: usize,
    out: &mut [u8],
) {
    for (nth, Source { key, place }) in sources.iter().enumerate() {
        let value = place.as_ref().map(|place| exec.view(key, place).string());
        match nth {
            0 => bitmap::load(operation, value, start, out),
            _ => bitmap::combine(operation, value, start, out),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{Session, check, quoted};

    #[test]
    fn strings_are_combined_as_if_zeros_followed() {
        check(
            r#"> MSET a abc b "\xff\xff" c "\x0f"
             OK
             > BITOP AND to a b
             (integer) 3
             ! set SET to "ab\x00"
             > GET to
             "ab\x00"
             > OBJECT ENCODING to
             "raw"
             > BITOP or to c a
             (integer) 3
             > GET to
             "obc"
             > BITOP XOR to a a b
             (integer) 3
             > GET to
             "\xff\xff\x00"
             > BITOP NOT to c
             (integer) 1
             ! set SET to "\xf0"
             > BITOP AND to a nothing
             (integer) 3
             > GET to
             "\x00\x00\x00"
             > BITOP OR a a b c
             (integer) 3
             > GET a
             "\xff\xffc"
             > BITOP NOT a a
             (integer) 3
             > GET a
             "\x00\x00\x9c""#,
        );
    }

    #[test]
    fn the_destination_is_replaced_with_its_deadline_or_deleted() {
        check(
            r#"> SET to x PX 50
             OK
             > SET a y
             OK
             > BITOP OR to a
             (integer) 1
             > GETEX to PERSIST
             "y"
             ! none
             > BITOP OR to nothing neither
             (integer) 0
             ! del DEL to
             > EXISTS to
             (integer) 0
             > BITOP NOT to nothing
             (integer) 0
             ! none
             > SET due z PX 10
             OK
             ... 10 ms
             > BITOP OR due due a
             (integer) 1
             ! expired DEL due
             ! set SET due y"#,
        );
    }

    #[test]
    fn what_is_no_operation() {
        check(
            "> BITOP NAND to a b
             (error) ERR syntax error
             > BITOP NOT to a b
             (error) ERR BITOP NOT must be called with a single source key.
             > BITOP AND to
             (error) ERR wrong number of arguments for 'bitop' command",
        );
    }

    /// Over many extents, on one shard and on several.
    #[test]
    fn long_strings() {
        for shards in [1, 3] {
            let mut session = Session::new(shards);
            let bytes =
                |len: usize, step: usize| -> Vec<u8> { (0..len).map(|at| (at * step / 8) as u8).collect() };
            let (one, other) = (bytes(300_000, 7), bytes(190_000, 5));
            session.call(&[b"SET", b"one", &one]);
            session.call(&[b"SET", b"other", &other]);
            session.run("SETBIT hollow 2500000 1");
            assert_eq!(session.run("BITOP XOR to one other hollow"), "(integer) 312501");
            let mut expected = one;
            expected.resize(312_501, 0);
            expected.iter_mut().zip(&other).for_each(|(byte, other)| *byte ^= other);
            expected[312_500] = 0x80;
            assert_eq!(session.run("GET to"), quoted(&expected));
            session.verify();
        }
    }
}
