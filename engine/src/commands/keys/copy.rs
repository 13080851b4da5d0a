//! Values to other places: COPY, MOVE.

use crate::command::effect::{Event, words};
use crate::command::{
    Args, Arity, CommandResult, DataCommand, Error, Exec, Flags, KeyAccess, KeySpec, Keys, Outcome, Reply,
    Spec,
};

pub(super) const COMMANDS: &[DataCommand] = &[
    DataCommand {
        spec: Spec::write(
            "COPY",
            Arity::AtLeast(3),
            Keys::new(&[KeySpec::one(1, KeyAccess::READ), KeySpec::one(2, KeyAccess::OVERWRITE)]),
        )
        .flags(Flags::DENYOOM)
        .syntax("source destination [DB destination-db] [REPLACE]")
        .doc(
            "6.2.0",
            "O(N), N being the length of the value.",
            "Copies the value of a key to another key.",
        ),
        run: copy,
    },
    DataCommand {
        spec: Spec::write("MOVE", Arity::Exactly(3), Keys::new(&[KeySpec::one(1, KeyAccess::READ_UPDATE)]))
            .flags(Flags::FAST)
            .syntax("key db")
            .doc("1.0.0", "O(1)", "Moves a key to another database."),
        run: move_key,
    },
];

fn copy(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let (from, to) = (args.key()?, args.key()?);
    let (mut to_db, mut replace) = (exec.db(), false);
    while !args.is_empty() {
        if args.take("REPLACE") {
            replace = true;
        } else if args.take("DB") {
            to_db = args.database(exec.caller().db_count)?;
        } else {
            return Err(Error::Syntax);
        }
    }
    if to_db == exec.db() && from.bytes == to.bytes {
        return Err(Error::SameObject);
    }
    // The place of the source outlives the second look, which may delete what has expired: it serves only
    // to read the entry.
    let copied = match exec.place_to_read(&from)? {
        Some(place) if replace || exec.place_in(to_db, &to)?.is_none() => {
            let value = exec.copy_of(&from, &place);
            let entry = exec.put_in(to_db, &to, value)?;
            let event = Event::generic("copy_to");
            if exec.are_together(&from, &to) {
                exec.repeat(&from, || {
                    words(&[b"COPY", from.bytes, to.bytes, b"DB", to_db.to_string().as_bytes(), b"REPLACE"])
                });
                exec.announce_in(to_db, &to, event);
            } else {
                exec.arrived_in(to_db, &to, event, entry);
            }
            true
        }
        _ => false,
    };
    reply.integer(i64::from(copied));
    Ok(Outcome::Done)
}

fn move_key(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let key = args.key()?;
    let to_db = args.database(exec.caller().db_count)?;
    let db = exec.db();
    if to_db == db {
        return Err(Error::SameObject);
    }
    let moved = match exec.place_to_write(&key)? {
        Some(place) if exec.place_in(to_db, &key)?.is_none() => {
            let value = exec.take_out(&key, place)?;
            exec.put_in(to_db, &key, value)?;
            exec.changed(&key, Event::generic("move_from"), || {
                words(&[b"MOVE", key.bytes, to_db.to_string().as_bytes()])
            });
            exec.announce_in(to_db, &key, Event::generic("move_to"));
            true
        }
        _ => false,
    };
    reply.integer(i64::from(moved));
    Ok(Outcome::Done)
}
