//! Integers of any width inside strings: BITFIELD, BITFIELD_RO.

use super::field_offset;
use crate::command::effect::{Event, words};
use crate::command::{
    Args, Arity, CommandResult, DataCommand, Error, Exec, Flags, Group, Key, KeyAccess, KeySpec, Keys,
    Outcome, Reply, Spec, until_nul,
};
use crate::keyspace::Place;
use crate::number;
use crate::types::bitmap::{Field, Overflow};

const ONE_CHANGED: Keys =
    Keys::new(&[KeySpec::one(1, KeyAccess::BITFIELD)
        .notes("This command allows both access and modification of the key")]);

pub(super) const COMMANDS: &[DataCommand] = &[
    DataCommand {
        spec: Spec::write("BITFIELD", Arity::AtLeast(2), ONE_CHANGED)
            .group(Group::Bitmap)
            .flags(Flags::DENYOOM)
            .syntax(
                "key [<GET encoding offset | [OVERFLOW <WRAP | SAT | FAIL>] \
                 <SET encoding offset value | INCRBY encoding offset increment>> \
                 [<GET encoding offset | [OVERFLOW <WRAP | SAT | FAIL>] \
                 <SET encoding offset value | INCRBY encoding offset increment>> ...]]",
            )
            .doc(
                "3.2.0",
                "O(1) for each subcommand specified",
                "Performs arbitrary bitfield integer operations on strings.",
            ),
        run: bitfield,
    },
    DataCommand {
        spec: Spec::read("BITFIELD_RO", Arity::AtLeast(2), Keys::ONE)
            .group(Group::Bitmap)
            .flags(Flags::FAST)
            .syntax("key [GET encoding offset [GET encoding offset ...]]")
            .doc(
                "6.0.0",
                "O(1) for each subcommand specified",
                "Performs arbitrary read-only bitfield integer operations on strings.",
            ),
        run: bitfield_ro,
    },
];

/// One operation on one field.
struct Step {
    field: Field,
    /// The number of its first bit.
    offset: u64,
    act: Act,
}

enum Act {
    Get,
    /// Answers what was there.
    Set {
        value: i64,
        overflow: Overflow,
    },
    /// Answers what is there now.
    Increment {
        by: i64,
        overflow: Overflow,
    },
}

impl Step {
    fn parse_all(exec: &Exec<'_, '_>, args: &mut Args<'_>) -> Result<Vec<Step>, Error> {
        let (mut steps, mut overflow) = (Vec::new(), Overflow::Wrap);
        while !args.is_empty() {
            if args.left() > 2 && args.take("GET") {
                let (field, offset) = parse_place(exec, args)?;
                steps.push(Step { field, offset, act: Act::Get });
            } else if args.left() > 3 && args.take("SET") {
                let (field, offset) = parse_place(exec, args)?;
                steps.push(Step { field, offset, act: Act::Set { value: args.integer()?, overflow } });
            } else if args.left() > 3 && args.take("INCRBY") {
                let (field, offset) = parse_place(exec, args)?;
                steps.push(Step { field, offset, act: Act::Increment { by: args.integer()?, overflow } });
            } else if args.left() > 1 && args.take("OVERFLOW") {
                overflow = parse_overflow(args)?;
            } else {
                return Err(Error::Syntax);
            }
        }
        Ok(steps)
    }

    fn is_write(&self) -> bool {
        !matches!(self.act, Act::Get)
    }

    /// The number of its last bit.
    fn last_bit(&self) -> u64 {
        self.offset + u64::from(self.field.bits()) - 1
    }

    fn first_byte(&self) -> usize {
        (self.offset / 8) as usize
    }

    /// Where it begins in its first byte.
    fn bit(&self) -> u32 {
        (self.offset % 8) as u32
    }

    /// The number to store where `old` is; `None` when it does not fit and must fail.
    fn new_value(&self, old: i64) -> Option<i64> {
        match self.act {
            Act::Get => None,
            // As in Redis, a negative number for an unsigned field is a very large one.
            Act::Set { value, overflow } if !self.field.is_signed() => {
                self.field.fit(value.cast_unsigned().into(), overflow)
            }
            Act::Set { value, overflow } => match (self.field.is_far_below(value), overflow) {
                // In Redis the distance to the greatest number wraps around.
                (true, Overflow::Saturate) => Some(self.field.greatest()),
                _ => self.field.fit(value.into(), overflow),
            },
            Act::Increment { by, overflow } => self.field.fit(i128::from(old) + i128::from(by), overflow),
        }
    }
}

fn parse_place(exec: &Exec<'_, '_>, args: &mut Args<'_>) -> Result<(Field, u64), Error> {
    let field = parse_field(args.word()?).ok_or(Error::text(
        "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.",
    ))?;
    let offset = field_offset(exec, args.word()?, field.bits())?;
    Ok((field, offset))
}

fn parse_field(word: &[u8]) -> Option<Field> {
    let (sign, bits) = word.split_first()?;
    let is_signed = match sign {
        b'i' => true,
        b'u' => false,
        _ => return None,
    };
    Field::new(is_signed, number::parse_i64(until_nul(bits))?)
}

fn parse_overflow(args: &mut Args<'_>) -> Result<Overflow, Error> {
    let known = [("WRAP", Overflow::Wrap), ("SAT", Overflow::Saturate), ("FAIL", Overflow::Fail)];
    let named = known.into_iter().find(|(name, _)| args.take(name));
    named.map(|(_, overflow)| overflow).ok_or(Error::text("ERR Invalid OVERFLOW type specified"))
}

fn bitfield(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let key = args.key()?;
    let steps = Step::parse_all(exec, args)?;
    match steps.iter().filter(|step| step.is_write()).map(Step::last_bit).max() {
        Some(last_bit) => change(exec, &key, &steps, last_bit, reply),
        None => read(exec, &key, &steps, reply),
    }
}

fn bitfield_ro(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let key = args.key()?;
    let steps = Step::parse_all(exec, args)?;
    if steps.iter().any(Step::is_write) {
        return Err(Error::text("ERR BITFIELD_RO only supports the GET subcommand"));
    }
    read(exec, &key, &steps, reply)
}

fn read(exec: &mut Exec<'_, '_>, key: &Key<'_>, steps: &[Step], reply: &mut dyn Reply) -> CommandResult {
    let value = exec.read_string(key)?;
    reply.array(steps.len());
    for step in steps {
        let bytes = value.map_or([0; Field::SPAN_MAX], |value| value.read(step.first_byte()));
        reply.integer(step.field.read(bytes, step.bit()));
    }
    Ok(Outcome::Done)
}

/// Runs steps of which some write. First the string is made so long that the last bit that any of them may
/// write is there.
fn change(
    exec: &mut Exec<'_, '_>,
    key: &Key<'_>,
    steps: &[Step],
    last_bit: u64,
    reply: &mut dyn Reply,
) -> CommandResult {
    let place = exec.string_to_write(key)?;
    let old_len = place.as_ref().map_or(0, |place| exec.view(key, place).string().len());
    let last_byte = (last_bit / 8) as usize;
    let grows = last_byte >= old_len;
    match place {
        Some(place) if !grows => exec.mark_raw(key, &place)?,
        place => exec.write_string(key, place, last_byte, &[0])?,
    }
    let place = exec.place(key)?.ok_or(Error::Internal)?;
    let (mut stored, mut is_changed) = (Vec::new(), false);
    reply.array(steps.len());
    for step in steps {
        let mut bytes = exec.view(key, &place).string().read(step.first_byte());
        let old = step.field.read(bytes, step.bit());
        if !step.is_write() {
            reply.integer(old);
            continue;
        }
        let Some(new) = step.new_value(old) else {
            reply.null();
            continue;
        };
        reply.integer(if matches!(step.act, Act::Set { .. }) { old } else { new });
        is_changed |= grows || new != old;
        if new != old {
            step.field.write(&mut bytes, step.bit(), new);
            let span = step.field.span(step.bit());
            exec.write_string(key, Some(place), step.first_byte(), &bytes[..span])?;
        }
        stored.push((step, new));
    }
    record(exec, key, &place, &stored, grows.then_some(last_bit), is_changed);
    Ok(Outcome::Done)
}

/// Says what has been stored: the numbers, and how long the string has become even if the last one failed.
fn record(
    exec: &mut Exec<'_, '_>,
    key: &Key<'_>,
    place: &Place,
    stored: &[(&Step, i64)],
    grown_to: Option<u64>,
    is_changed: bool,
) {
    let reached = stored.iter().map(|(step, _)| step.last_bit()).max();
    let further = grown_to.filter(|last_bit| reached < Some(*last_bit));
    let last_bit = further.map(|last_bit| {
        let byte = exec.view(key, place).string().read::<1>((last_bit / 8) as usize)[0];
        (last_bit, byte >> (7 - last_bit % 8) & 1)
    });
    let command = || {
        let mut command = words(&[b"BITFIELD", key.bytes]);
        for (step, value) in stored {
            let sign = if step.field.is_signed() { 'i' } else { 'u' };
            let kind = format!("{sign}{}", step.field.bits());
            let (offset, value) = (step.offset.to_string(), value.to_string());
            command.extend(words(&[b"SET", kind.as_bytes(), offset.as_bytes(), value.as_bytes()]));
        }
        if let Some((offset, value)) = last_bit {
            let (offset, value) = (offset.to_string(), value.to_string());
            command.extend(words(&[b"SET", b"u1", offset.as_bytes(), value.as_bytes()]));
        }
        command
    };
    if is_changed {
        exec.changed(key, Event::string("setbit"), command);
    } else if last_bit.is_some() {
        // As in Redis, nobody is told of zeros that a number which failed has left.
        exec.repeat(key, command);
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{Session, check};

    #[test]
    fn fields_are_read_and_written_in_order() {
        check(
            r#"> BITFIELD k SET u8 0 200 INCRBY i5 #3 1 GET u8 0 GET i8 0
             1) (integer) 0
             2) (integer) 1
             3) (integer) 200
             4) (integer) -56
             ! setbit BITFIELD k SET u8 0 200 SET i5 15 1
             > GET k
             "\xc8\x00\x10"
             > BITFIELD k SET u8 0 200
             1) (integer) 200
             ! none
             > BITFIELD k SET i64 3 -1 GET i64 3 GET u63 4
             1) (integer) 4611826755915743232
             2) (integer) -1
             3) (integer) 9223372036854775807
             > BITFIELD k GET u4 64 GET u4 1000
             1) (integer) 14
             2) (integer) 0
             ! none
             > BITFIELD k
             (empty array)
             > BITFIELD_RO k GET u8 #1 GET i1 0
             1) (integer) 255
             2) (integer) -1"#,
        );
    }

    #[test]
    fn what_does_not_fit_wraps_saturates_or_fails() {
        check(
            r#"> BITFIELD k SET u2 0 5 OVERFLOW SAT SET u2 2 5 INCRBY u2 4 -1 OVERFLOW FAIL INCRBY u2 6 4
             1) (integer) 0
             2) (integer) 0
             3) (integer) 0
             4) (nil)
             ! setbit BITFIELD k SET u2 0 1 SET u2 2 3 SET u2 4 0 SET u1 7 0
             > GET k
             "p"
             > BITFIELD k OVERFLOW SAT SET u4 0 -1 OVERFLOW WRAP SET i4 4 -9
             1) (integer) 7
             2) (integer) 0
             > GET k
             "\xf7"
             > BITFIELD n SET i64 0 9223372036854775807 INCRBY i64 0 1 OVERFLOW SAT INCRBY i64 0 -1
             1) (integer) 0
             2) (integer) -9223372036854775808
             3) (integer) -9223372036854775808
             > BITFIELD n OVERFLOW SAT SET i8 0 -9223372036854775681 SET i8 0 -9223372036854775680 GET i8 0
             1) (integer) -128
             2) (integer) 127
             3) (integer) -128
             > BITFIELD fresh OVERFLOW FAIL SET u8 9 256
             1) (nil)
             ! - BITFIELD fresh SET u1 16 0
             > STRLEN fresh
             (integer) 3
             > BITFIELD fresh OVERFLOW FAIL SET u8 9 256
             1) (nil)
             ! none"#,
        );
    }

    #[test]
    fn reading_makes_nothing() {
        check(
            "> BITFIELD k GET u8 0
             1) (integer) 0
             > BITFIELD_RO k GET i64 4294967295
             1) (integer) 0
             > EXISTS k
             (integer) 0
             > SET n 1
             OK
             > BITFIELD n GET u8 0
             1) (integer) 49
             > OBJECT ENCODING n
             \"int\"
             > BITFIELD n INCRBY u8 0 0
             1) (integer) 49
             ! none
             > OBJECT ENCODING n
             \"raw\"",
        );
    }

    #[test]
    fn words_that_do_not_fit() {
        check(
            "> BITFIELD k GET u64 0
             (error) ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.
             > BITFIELD k GET i65 0
             (error) ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.
             > BITFIELD k GET i0 0
             (error) ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.
             > BITFIELD k GET I8 0
             (error) ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.
             > BITFIELD k GET u8
             (error) ERR syntax error
             > BITFIELD k SET u8 0
             (error) ERR syntax error
             > BITFIELD k SET u8 0 x
             (error) ERR value is not an integer or out of range
             > BITFIELD k SET u8 -1 0
             (error) ERR bit offset is not an integer or out of range
             > BITFIELD k SET u8 #-1 0
             (error) ERR bit offset is not an integer or out of range
             > BITFIELD k SET u8 #9223372036854775807 0
             (error) ERR bit offset is not an integer or out of range
             > BITFIELD k SET u8 4294967296 0
             (error) ERR bit offset is not an integer or out of range
             > BITFIELD k SET u8 ##1 0
             (error) ERR bit offset is not an integer or out of range
             > BITFIELD k OVERFLOW NEVER
             (error) ERR Invalid OVERFLOW type specified
             > BITFIELD k OVERFLOW
             (error) ERR syntax error
             > BITFIELD_RO k GET u8 0 SET u8 0 1
             (error) ERR BITFIELD_RO only supports the GET subcommand
             > BITFIELD_RO k OVERFLOW SAT GET u8 0
             1) (integer) 0
             > EXISTS k
             (integer) 0",
        );
    }

    #[test]
    fn a_field_may_end_past_the_longest_string() {
        let mut session = Session::new(1);
        session.caller.string_len_max = 10;
        session.check(
            "> BITFIELD k SET u8 79 255
             1) (integer) 0
             > STRLEN k
             (integer) 11
             > BITFIELD k SET u8 80 255
             (error) ERR bit offset is not an integer or out of range",
        );
    }
}
