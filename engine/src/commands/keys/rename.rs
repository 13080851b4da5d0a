//! Other names: RENAME, RENAMENX.

use crate::command::effect::{Event, words};
use crate::command::{
    Args, Arity, CommandResult, DataCommand, Error, Exec, Flags, KeyAccess, KeySpec, Keys, Outcome, Reply,
    Spec,
};

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
    let place = exec.place(&from)?.ok_or(Error::NoSuchKey)?;
    let same = from.bytes == to.bytes;
    let refused = existing == Existing::Kept && (same || exec.place(&to)?.is_some());
    if !refused && !same {
        let db = exec.db();
        let moved = exec.take_out(&from, place)?;
        exec.put_in(db, &to, moved)?;
        exec.changed(&from, Event::generic("rename_from"), || words(&[b"RENAME", from.bytes, to.bytes]));
        exec.changed(&to, Event::generic("rename_to"), Vec::new);
    }
    match existing {
        Existing::Replaced => reply.ok(),
        Existing::Kept => reply.integer(i64::from(!refused)),
    }
    Ok(Outcome::Done)
}
