//! Other names: RENAME, RENAMENX.

use crate::command::effect::{Event, words};
use crate::command::{
    Args, Arity, CommandResult, DataCommand, Error, Exec, Flags, KeyAccess, KeySpec, Keys, Outcome, Reply,
    Spec,
};
use crate::keyspace::del_words;

pub(super) const COMMANDS: &[DataCommand] = &[
    DataCommand {
        spec: Spec::write(
            "RENAME",
            Arity::Exactly(3),
            Keys::new(&[KeySpec::one(1, KeyAccess::READ_DELETE), KeySpec::one(2, KeyAccess::OVERWRITE)]),
        )
        .syntax("key newkey")
        .doc(
            "1.0.0",
            "O(1) within a shard, O(N) with the value's length between shards.",
            "Renames a key, overwriting the new name.",
        ),
        run: |exec, args, reply| rename(exec, args, reply, Existing::Replaced),
    },
    DataCommand {
        spec: Spec::write(
            "RENAMENX",
            Arity::Exactly(3),
            Keys::new(&[KeySpec::one(1, KeyAccess::READ_DELETE), KeySpec::one(2, KeyAccess::INSERT)]),
        )
        .flags(Flags::FAST)
        .syntax("key newkey")
        .doc(
            "1.0.0",
            "O(1) within a shard, O(N) with the value's length between shards.",
            "Renames a key unless the new name exists.",
        ),
        run: |exec, args, reply| rename(exec, args, reply, Existing::Kept),
    },
];

#[derive(PartialEq, Eq)]
enum Existing {
    Replaced,
    Kept,
}

fn rename(
    exec: &mut Exec<'_, '_>,
    args: &mut Args<'_>,
    reply: &mut dyn Reply,
    existing: Existing,
) -> CommandResult {
    let (from, to) = (args.key()?, args.key()?);
    let same = from.bytes == to.bytes;
    // First: looking deletes what has expired, and then places from before are no good.
    let refused = existing == Existing::Kept && (same || exec.place_to_write(&to)?.is_some());
    let place = exec.place_to_write(&from)?.ok_or(Error::NoSuchKey)?;
    if !refused && !same {
        let db = exec.db();
        let moved = exec.take_out(&from, place)?;
        let entry = exec.put_in(db, &to, moved)?;
        let (left, arrived) = (Event::generic("rename_from"), Event::generic("rename_to"));
        if exec.are_together(&from, &to) {
            exec.changed(&from, left, || words(&[b"RENAME", from.bytes, to.bytes]));
            exec.announce(&to, arrived);
        } else {
            exec.changed(&from, left, || del_words(from.bytes));
            exec.arrived_in(db, &to, arrived, entry);
        }
    }
    match existing {
        Existing::Replaced => reply.ok(),
        Existing::Kept => reply.integer(i64::from(!refused)),
    }
    Ok(Outcome::Done)
}
