//! Parts of values: APPEND, GETRANGE, SUBSTR, SETRANGE.

use super::set::set_words;
use crate::command::effect::{Event, words};
use crate::command::{
    Args, Arity, CommandResult, DataCommand, Deadline, Error, Exec, Flags, Group, KeyAccess, KeySpec, Keys,
    Outcome, Reply, Spec,
};

const ONE_APPENDED: Keys = Keys::new(&[KeySpec::one(1, KeyAccess::APPEND)]);
const COST_OF_READ: &str = "O(N) where N is the length of the returned string.";

pub(super) const COMMANDS: &[DataCommand] = &[
    DataCommand {
        spec: Spec::write("APPEND", Arity::Exactly(3), ONE_APPENDED)
            .group(Group::String)
            .flags(Flags::DENYOOM.union(Flags::FAST))
            .syntax("key value")
            .doc(
                "2.0.0",
                "O(N) amortized, where N is the length of the appended value.",
                "Appends a string to the value of a key. Creates the key if it doesn't exist.",
            ),
        run: append,
    },
    DataCommand {
        spec: Spec::read("GETRANGE", Arity::Exactly(4), Keys::ONE)
            .group(Group::String)
            .syntax("key start end")
            .doc("2.4.0", COST_OF_READ, "Returns a substring of the string stored at a key."),
        run: getrange,
    },
    DataCommand {
        spec: Spec::read("SUBSTR", Arity::Exactly(4), Keys::ONE)
            .group(Group::String)
            .syntax("key start end")
            .doc("1.0.0", COST_OF_READ, "Returns a substring from a string value.")
            .deprecated("2.0.0", "`GETRANGE`"),
        run: getrange,
    },
    DataCommand {
        spec: Spec::write("SETRANGE", Arity::Exactly(4), Keys::ONE_UPDATE)
            .group(Group::String)
            .flags(Flags::DENYOOM)
            .syntax("key offset value")
            .doc(
                "2.2.0",
                "O(M) where M is the length of the value argument and of the padding.",
                "Overwrites a part of a string value with another by an offset. Creates the key if it \
                 doesn't exist.",
            ),
        run: setrange,
    },
];

fn append(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let key = args.key()?;
    let tail = args.word()?;
    let event = Event::string("append");
    let Some(place) = exec.string_to_write(&key)? else {
        exec.put_string(&key, None, &[tail], Deadline::None)?;
        exec.changed(&key, event, || set_words(key.bytes, tail, Deadline::None));
        reply.count(tail.len());
        return Ok(Outcome::Done);
    };
    let offset = exec.view(&key, &place).string().len();
    check_len(exec, offset, tail.len())?;
    exec.write_string(&key, Some(place), offset, tail)?;
    exec.changed(&key, event, || setrange_words(key.bytes, offset, tail));
    reply.count(offset + tail.len());
    Ok(Outcome::Done)
}

fn setrange(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let key = args.key()?;
    let offset = usize::try_from(args.integer()?).map_err(|_| Error::OffsetOutOfRange)?;
    let bytes = args.word()?;
    let place = exec.string_to_write(&key)?;
    let old_len = place.as_ref().map_or(0, |place| exec.view(&key, place).string().len());
    if bytes.is_empty() {
        reply.count(old_len);
        return Ok(Outcome::Done);
    }
    check_len(exec, offset, bytes.len())?;
    exec.write_string(&key, place, offset, bytes)?;
    exec.changed(&key, Event::string("setrange"), || setrange_words(key.bytes, offset, bytes));
    reply.count(old_len.max(offset + bytes.len()));
    Ok(Outcome::Done)
}

fn getrange(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let key = args.key()?;
    let (start, end) = (args.integer()?, args.integer()?);
    match exec.read_string(&key)? {
        Some(value) => {
            let (start, len) = range_within(start, end, value.len());
            reply.bulk_header(len);
            value.for_each_piece(start, len, |piece| reply.bulk_piece(piece));
        }
        None => reply.bulk(b""),
    }
    Ok(Outcome::Done)
}

/// Start and length of the bytes from `start` to `end`, both included and counted from the end when
/// negative, within a string of `len` bytes.
fn range_within(start: i64, end: i64, len: usize) -> (usize, usize) {
    // As in Redis, two positions before the beginning are both moved to it, unless they are crossed.
    if start < 0 && end < 0 && start > end {
        return (0, 0);
    }
    let signed_len = i64::try_from(len).unwrap_or(i64::MAX);
    let from_start =
        |at: i64| usize::try_from(if at < 0 { at.saturating_add(signed_len) } else { at }).unwrap_or(0);
    let (start, end) = (from_start(start), from_start(end).min(len.saturating_sub(1)));
    if start > end || len == 0 { (0, 0) } else { (start, end - start + 1) }
}

/// Refuses a string of `len + more` bytes if that is more than the longest one allowed.
fn check_len(exec: &Exec<'_, '_>, len: usize, more: usize) -> Result<(), Error> {
    let total = len.checked_add(more).and_then(|total| u64::try_from(total).ok());
    match total {
        Some(total) if total <= exec.caller().string_len_max => Ok(()),
        _ => Err(Error::StringTooLong),
    }
}

/// The canonical command of a changed part: harmless when repeated.
fn setrange_words(key: &[u8], offset: usize, bytes: &[u8]) -> Vec<Box<[u8]>> {
    words(&[b"SETRANGE", key, itoa::Buffer::new().format(offset).as_bytes(), bytes])
}

#[cfg(test)]
mod tests {
    use crate::testing::{Session, check, quoted};

    #[test]
    fn append_creates_and_extends() {
        check(
            "> APPEND k Hello
             (integer) 5
             ! append SET k Hello
             > APPEND k \" World\"
             (integer) 11
             ! append SETRANGE k 5 \" World\"
             > APPEND k \"\"
             (integer) 11
             > GET k
             \"Hello World\"
             > APPEND empty \"\"
             (integer) 0
             ! append SET empty \"\"
             > GET empty
             \"\"
             > SET k 1 EX 10
             OK
             > APPEND k 2
             (integer) 2
             > GETEX k PERSIST
             \"12\"
             ! persist PERSIST k",
        );
    }

    #[test]
    fn getrange_counts_from_both_ends() {
        check(
            "> SET k \"Hello World\"
             OK
             > GETRANGE k 0 3
             \"Hell\"
             > GETRANGE k 0 -1
             \"Hello World\"
             > GETRANGE k -4 -1
             \"orld\"
             > GETRANGE k 5 3
             \"\"
             > GETRANGE k 5 5000
             \" World\"
             > GETRANGE k -5000 10000
             \"Hello World\"
             > GETRANGE k 11 20
             \"\"
             > GETRANGE k 0 -100
             \"H\"
             > GETRANGE k 1 -100
             \"\"
             > GETRANGE k -1 -100
             \"\"
             > GETRANGE k -100 -99
             \"H\"
             > GETRANGE k -100 -101
             \"\"
             > GETRANGE k -9223372036854775808 9223372036854775807
             \"Hello World\"
             > GETRANGE k 9223372036854775807 9223372036854775807
             \"\"
             > SUBSTR k -4 -3
             \"or\"
             > GETRANGE nothing 0 -1
             \"\"
             > SET k \"\"
             OK
             > GETRANGE k 0 0
             \"\"
             > GETRANGE k -1 0
             \"\"
             > GETRANGE k a 1
             (error) ERR value is not an integer or out of range
             > GETRANGE k 1 b
             (error) ERR value is not an integer or out of range",
        );
    }

    #[test]
    fn setrange_overwrites_and_pads() {
        check(
            "> SETRANGE k 2 ab
             (integer) 4
             ! setrange SETRANGE k 2 ab
             > GET k
             \"\\x00\\x00ab\"
             > SETRANGE k 0 X
             (integer) 4
             > SETRANGE k 6 end
             (integer) 9
             > GET k
             \"X\\x00ab\\x00\\x00end\"
             > SETRANGE k 7 \"\"
             (integer) 9
             ! none
             > SETRANGE nothing 7 \"\"
             (integer) 0
             > GET nothing
             (nil)
             > SETRANGE k -1 x
             (error) ERR offset is out of range
             > SETRANGE k -1 \"\"
             (error) ERR offset is out of range
             > SETRANGE k first x
             (error) ERR value is not an integer or out of range
             > SETRANGE k 536870911 xy
             (error) ERR string exceeds maximum allowed size (proto-max-bulk-len)
             > SETRANGE k 9223372036854775807 x
             (error) ERR string exceeds maximum allowed size (proto-max-bulk-len)
             > STRLEN k
             (integer) 9",
        );
    }

    #[test]
    fn strings_do_not_outgrow_the_limit() {
        let mut session = Session::new(1);
        session.caller.string_len_max = 10;
        session.check(
            "> SET k 123456789
             OK
             > APPEND k 0
             (integer) 10
             > APPEND k 1
             (error) ERR string exceeds maximum allowed size (proto-max-bulk-len)
             > SETRANGE k 10 x
             (error) ERR string exceeds maximum allowed size (proto-max-bulk-len)
             > SETRANGE nothing 10 x
             (error) ERR string exceeds maximum allowed size (proto-max-bulk-len)
             > SETRANGE k 9 x
             (integer) 10
             > GET k
             \"123456789x\"",
        );
    }

    /// Grows one value through every block class, the lengths of length fields, and into extents.
    #[test]
    fn values_grow_piece_by_piece() {
        let mut session = Session::new(1);
        let mut expected = Vec::new();
        let mut step = 1;
        while expected.len() < 100_000 {
            let piece: Vec<u8> = (0..step).map(|at| (expected.len() + at) as u8).collect();
            expected.extend_from_slice(&piece);
            let reply = session.call(&[b"APPEND", b"k", &piece]);
            assert_eq!(reply, format!("(integer) {}", expected.len()));
            step = step % 300 + 7;
        }
        assert_eq!(session.run("GET k"), quoted(&expected));
        let gap = expected.len() + 70_000;
        expected.resize(gap, 0);
        expected.extend_from_slice(b"end");
        session.call(&[b"SETRANGE", b"k", gap.to_string().as_bytes(), b"end"]);
        expected[50_000..50_300].fill(b'-');
        session.call(&[b"SETRANGE", b"k", b"50000", &[b'-'; 300]]);
        let last = expected.len() - 1;
        expected.truncate(last);
        expected.extend_from_slice(b"over the end");
        session.call(&[b"SETRANGE", b"k", last.to_string().as_bytes(), b"over the end"]);
        assert_eq!(session.run("GET k"), quoted(&expected));
        assert_eq!(session.run("GETRANGE k 49998 50002"), quoted(&expected[49_998..=50_002]));
        assert_eq!(session.run("GETRANGE k -14 -1"), quoted(&expected[expected.len() - 14..]));
    }
}
