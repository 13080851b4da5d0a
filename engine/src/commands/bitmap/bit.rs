//! Single bits: SETBIT, GETBIT.

use super::bit_offset;
use crate::command::effect::{Event, words};
use crate::command::{
    Args, Arity, CommandResult, DataCommand, Error, Exec, Flags, Group, KeyAccess, KeySpec, Keys, Outcome,
    Reply, Spec,
};
use crate::number;

const ONE_CHANGED: Keys = Keys::new(&[KeySpec::one(1, KeyAccess::READ_UPDATE)]);

pub(super) const COMMANDS: &[DataCommand] = &[
    DataCommand {
        spec: Spec::write("SETBIT", Arity::Exactly(4), ONE_CHANGED)
            .group(Group::Bitmap)
            .flags(Flags::DENYOOM)
            .syntax("key offset value")
            .doc(
                "2.2.0",
                "O(1)",
                "Sets or clears the bit at offset of the string value. Creates the key if it doesn't exist.",
            ),
        run: setbit,
    },
    DataCommand {
        spec: Spec::read("GETBIT", Arity::Exactly(3), Keys::ONE)
            .group(Group::Bitmap)
            .flags(Flags::FAST)
            .syntax("key offset")
            .doc("2.2.0", "O(1)", "Returns a bit value by offset."),
        run: getbit,
    },
];

/// The mask of a bit in its byte.
fn mask(offset: u64) -> u8 {
    0x80 >> (offset % 8)
}

fn setbit(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let key = args.key()?;
    let offset = bit_offset(exec, args.word()?)?;
    let is_set = match number::parse_i64(args.word()?) {
        Some(0) => false,
        Some(1) => true,
        _ => return Err(Error::text("ERR bit is not an integer or out of range")),
    };
    let place = exec.string_to_write(&key)?;
    let (at, mask) = ((offset / 8) as usize, mask(offset));
    let (old, old_len) = match &place {
        Some(place) => {
            let value = exec.view(&key, place).string();
            (value.read::<1>(at)[0], value.len())
        }
        None => (0, 0),
    };
    let was_set = old & mask != 0;
    match place {
        // Redis makes any string that it may write to a `raw` one, but only a change is one to others.
        Some(place) if was_set == is_set && at < old_len => exec.mark_raw(&key, &place)?,
        place => {
            let new = if is_set { old | mask } else { old & !mask };
            exec.write_string(&key, place, at, &[new])?;
            exec.changed(&key, Event::string("setbit"), || {
                let value: &[u8] = if is_set { b"1" } else { b"0" };
                words(&[b"SETBIT", key.bytes, itoa::Buffer::new().format(offset).as_bytes(), value])
            });
        }
    }
    reply.integer(i64::from(was_set));
    Ok(Outcome::Done)
}

fn getbit(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let key = args.key()?;
    let offset = bit_offset(exec, args.word()?)?;
    let byte = exec.read_string(&key)?.map_or(0, |value| value.read::<1>((offset / 8) as usize)[0]);
    reply.integer(i64::from(byte & mask(offset) != 0));
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use crate::testing::{Session, check};

    #[test]
    fn bits_are_set_and_strings_grow() {
        check(
            r#"> SETBIT k 7 1
             (integer) 0
             ! setbit SETBIT k 7 1
             > GET k
             "\x01"
             > SETBIT k 7 1
             (integer) 1
             ! none
             > SETBIT k 7 0
             (integer) 1
             ! setbit SETBIT k 7 0
             > SETBIT k 23 0
             (integer) 0
             ! setbit SETBIT k 23 0
             > GET k
             "\x00\x00\x00"
             > GETBIT k 100
             (integer) 0
             > GETBIT nothing 0
             (integer) 0
             > SET k 1 PX 50
             OK
             > SETBIT k 6 1
             (integer) 0
             > SETBIT k 7 0
             (integer) 1
             > GETEX k PERSIST
             "2"
             ! persist PERSIST k
             > GETBIT k 2
             (integer) 1"#,
        );
    }

    #[test]
    fn a_string_that_may_be_written_to_is_raw() {
        check(
            "> SET k 1
             OK
             > SETBIT k 7 1
             (integer) 1
             ! none
             > OBJECT ENCODING k
             \"raw\"",
        );
    }

    #[test]
    fn offsets_and_bits_are_checked() {
        check(
            "> SETBIT k -1 1
             (error) ERR bit offset is not an integer or out of range
             > SETBIT k 4294967296 1
             (error) ERR bit offset is not an integer or out of range
             > SETBIT k first 1
             (error) ERR bit offset is not an integer or out of range
             > SETBIT k #0 1
             (error) ERR bit offset is not an integer or out of range
             > SETBIT k 0 2
             (error) ERR bit is not an integer or out of range
             > SETBIT k 0 -1
             (error) ERR bit is not an integer or out of range
             > SETBIT k x x
             (error) ERR bit offset is not an integer or out of range
             > GETBIT k -1
             (error) ERR bit offset is not an integer or out of range
             > EXISTS k
             (integer) 0",
        );
        let mut session = Session::new(1);
        session.caller.string_len_max = 10;
        session.check(
            "> SETBIT k 79 1
             (integer) 0
             > SETBIT k 80 1
             (error) ERR bit offset is not an integer or out of range
             > GETBIT k 80
             (error) ERR bit offset is not an integer or out of range
             > STRLEN k
             (integer) 10",
        );
    }

    #[test]
    fn a_bit_far_out_takes_no_memory() {
        let mut session = Session::new(1);
        session.check(
            "> SETBIT far 4294967295 1
             (integer) 0
             > STRLEN far
             (integer) 536870912
             > GETBIT far 4294967295
             (integer) 1
             > SETBIT far 4294967295 1
             (integer) 1
             ! none
             > SETBIT far 123456789 1
             (integer) 0
             > BITCOUNT far
             (integer) 2
             > BITPOS far 1
             (integer) 123456789
             > DEL far
             (integer) 1",
        );
    }
}
