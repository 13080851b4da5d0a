//! How many bits are set, and where the first one is: BITCOUNT, BITPOS.

use std::ops::Range;

use crate::command::{
    Args, Arity, CommandResult, DataCommand, Error, Exec, Group, Keys, Outcome, Reply, Spec,
};
use crate::types::bitmap;

pub(super) const COMMANDS: &[DataCommand] = &[
    DataCommand {
        spec: Spec::read("BITCOUNT", Arity::AtLeast(2), Keys::ONE)
            .group(Group::Bitmap)
            .syntax("key [start end [BYTE | BIT]]")
            .doc("2.6.0", "O(N)", "Counts the number of set bits (population counting) in a string."),
        run: bitcount,
    },
    DataCommand {
        spec: Spec::read("BITPOS", Arity::AtLeast(3), Keys::ONE)
            .group(Group::Bitmap)
            .syntax("key bit [start [end [BYTE | BIT]]]")
            .doc("2.8.7", "O(N)", "Finds the first set (1) or clear (0) bit in a string."),
        run: bitpos,
    },
];

/// What the ends of a range count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Byte,
    Bit,
}

impl Unit {
    fn parse(args: &mut Args<'_>) -> Result<Unit, Error> {
        if args.take("BIT") {
            Ok(Unit::Bit)
        } else if args.take("BYTE") {
            Ok(Unit::Byte)
        } else {
            Err(Error::Syntax)
        }
    }

    const fn bits(self) -> i64 {
        match self {
            Unit::Byte => 8,
            Unit::Bit => 1,
        }
    }
}

/// The bits from `start` to `end`, both included and counted from the end when negative, of a string of
/// `len` bytes.
fn bits_within(start: i64, end: i64, unit: Unit, len: usize) -> Range<u64> {
    let units = i64::try_from(len).unwrap_or(i64::MAX).saturating_mul(8) / unit.bits();
    let from_start = |at: i64| if at < 0 { at.saturating_add(units).max(0) } else { at };
    let (start, end) = (from_start(start), from_start(end).min(units - 1));
    if start > end {
        return 0..0;
    }
    // Within the string, so none of this is negative or overflows.
    (start * unit.bits()).cast_unsigned()..((end + 1) * unit.bits()).cast_unsigned()
}

fn bitcount(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let key = args.key()?;
    // As in Redis, nobody looks at the range where there is no string, and at the unit when both ends
    // are before the beginning and crossed.
    let count = match exec.read_string(&key)? {
        None => 0,
        Some(value) => match args.left() {
            0 => bitmap::count(value, 0..8 * value.len() as u64),
            2 | 3 => {
                let (start, end) = (args.integer()?, args.integer()?);
                if start < 0 && end < 0 && start > end {
                    0
                } else {
                    let unit = if args.is_empty() { Unit::Byte } else { Unit::parse(args)? };
                    bitmap::count(value, bits_within(start, end, unit, value.len()))
                }
            }
            _ => return Err(Error::Syntax),
        },
    };
    reply.integer(count.cast_signed());
    Ok(Outcome::Done)
}

fn bitpos(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let key = args.key()?;
    let wanted = match args.integer()? {
        0 => false,
        1 => true,
        _ => return Err(Error::text("ERR The bit argument must be 1 or 0.")),
    };
    let Some(value) = exec.read_string(&key)? else {
        // Zeros without end.
        reply.integer(if wanted { -1 } else { 0 });
        return Ok(Outcome::Done);
    };
    if args.left() > 3 {
        return Err(Error::Syntax);
    }
    let start = if args.is_empty() { 0 } else { args.integer()? };
    let end_word = (!args.is_empty()).then(|| args.word()).transpose()?;
    let unit = if args.is_empty() { Unit::Byte } else { Unit::parse(args)? };
    let end = end_word.map(|word| crate::number::parse_i64(word).ok_or(Error::NotInteger)).transpose()?;
    let range = bits_within(start, end.unwrap_or(-1), unit, value.len());
    let position = bitmap::position(value, wanted, range.clone()).or(
        // Without an end of the client's the string goes on with zeros.
        (!wanted && end.is_none() && !range.is_empty()).then_some(range.end),
    );
    reply.integer(position.map_or(-1, u64::cast_signed));
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn bits_are_counted() {
        check(
            "> SET k foobar
             OK
             > BITCOUNT k
             (integer) 26
             > BITCOUNT k 0 0
             (integer) 4
             > BITCOUNT k 1 1 BYTE
             (integer) 6
             > BITCOUNT k 5 30 bit
             (integer) 17
             > BITCOUNT k -2 -1
             (integer) 7
             > BITCOUNT k -1000 1000
             (integer) 26
             > BITCOUNT k 9223372036854775807 9223372036854775807 BIT
             (integer) 0
             > BITCOUNT k -9223372036854775808 -9223372036854775808 BIT
             (integer) 0
             > BITCOUNT k -9223372036854775808 9223372036854775807 BIT
             (integer) 26
             > BITCOUNT k 3 2
             (integer) 0
             > BITCOUNT nothing
             (integer) 0",
        );
    }

    #[test]
    fn what_is_wrong_with_a_range_is_said_where_there_is_a_string() {
        check(
            "> SET k foobar
             OK
             > BITCOUNT k 1
             (error) ERR syntax error
             > BITCOUNT k 1 2 BITS
             (error) ERR syntax error
             > BITCOUNT k 1 2 BIT BIT
             (error) ERR syntax error
             > BITCOUNT k 1 x
             (error) ERR value is not an integer or out of range
             > BITCOUNT k -1 -2 BITS
             (integer) 0
             > BITCOUNT nothing 1
             (integer) 0
             > BITPOS k 2
             (error) ERR The bit argument must be 1 or 0.
             > BITPOS k x
             (error) ERR value is not an integer or out of range
             > BITPOS nothing 2
             (error) ERR The bit argument must be 1 or 0.
             > BITPOS k 1 x
             (error) ERR value is not an integer or out of range
             > BITPOS k 1 0 x BITS
             (error) ERR syntax error
             > BITPOS k 1 0 x BIT
             (error) ERR value is not an integer or out of range
             > BITPOS k 1 0 1 BIT x
             (error) ERR syntax error
             > BITPOS nothing 1 x
             (integer) -1",
        );
    }

    #[test]
    fn the_first_bit_is_found() {
        check(
            r#"> SET k "\xff\xf0\x00"
             OK
             > BITPOS k 0
             (integer) 12
             > BITPOS k 1
             (integer) 0
             > BITPOS k 1 2
             (integer) -1
             > BITPOS k 1 7 15 BIT
             (integer) 7
             > BITPOS k 0 9 11 BIT
             (integer) -1
             > BITPOS k 0 9 12 BIT
             (integer) 12
             > BITPOS k 0 -8 -1 BIT
             (integer) 16
             > BITPOS k 0 3
             (integer) -1
             > SET ones "\xff\xff"
             OK
             > BITPOS ones 0
             (integer) 16
             > BITPOS ones 0 1
             (integer) 16
             > BITPOS ones 0 0 -1
             (integer) -1
             > BITPOS ones 0 2
             (integer) -1
             > SET empty ""
             OK
             > BITPOS empty 0
             (integer) -1
             > BITPOS empty 1
             (integer) -1
             > BITPOS nothing 0
             (integer) 0
             > BITPOS nothing 1
             (integer) -1"#,
        );
    }
}
