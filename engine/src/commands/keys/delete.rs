//! Keys out of existence, and whether they exist: DEL, UNLINK, EXISTS, TOUCH.

use crate::command::effect::Event;
use crate::command::{
    Args, Arity, CommandResult, DataCommand, Exec, Flags, KeyAccess, KeySpec, Keys, Outcome, Reply, Spec,
};
use crate::keyspace::del_words;

const ALL_DELETED: Keys = Keys::new(&[KeySpec::range(1, -1, 1, KeyAccess::DELETE)]);
const ALL_LOOKED_AT: Keys = Keys::new(&[KeySpec::range(1, -1, 1, KeyAccess::LOOK)]);
const SUMMED: &[&str] = &["request_policy:multi_shard", "response_policy:agg_sum"];

pub(super) const COMMANDS: &[DataCommand] = &[
    DataCommand {
        spec: Spec::write("DEL", Arity::AtLeast(2), ALL_DELETED)
            .syntax("key [key ...]")
            .doc("1.0.0", "O(N), N being the number of keys.", "Deletes one or more keys.")
            .tips(SUMMED),
        run: del,
    },
    DataCommand {
        spec: Spec::write("UNLINK", Arity::AtLeast(2), ALL_DELETED)
            .flags(Flags::FAST)
            .syntax("key [key ...]")
            .doc("4.0.0", "O(N), N being the number of keys.", "Deletes one or more keys.")
            .tips(SUMMED),
        run: del,
    },
    DataCommand {
        spec: Spec::read("EXISTS", Arity::AtLeast(2), ALL_LOOKED_AT)
            .flags(Flags::FAST)
            .syntax("key [key ...]")
            .doc("1.0.0", "O(N), N being the number of keys.", "Tells how many of the keys exist.")
            .tips(SUMMED),
        run: exists,
    },
    DataCommand {
        spec: Spec::read("TOUCH", Arity::AtLeast(2), ALL_LOOKED_AT)
            .flags(Flags::FAST)
            .syntax("key [key ...]")
            .doc("3.2.1", "O(N), N being the number of keys.", "Marks existing keys as just used.")
            .tips(SUMMED),
        run: touch,
    },
];

/// Both DEL and UNLINK: a long value is detached in constant time and its memory given back later.
fn del(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let mut deleted = 0;
    while !args.is_empty() {
        let key = args.key()?;
        if let Some(place) = exec.place(&key)? {
            exec.remove(&key, &place)?;
            exec.changed(&key, Event::DEL, || del_words(key.bytes));
            deleted += 1;
        }
    }
    reply.count(deleted);
    Ok(Outcome::Done)
}

fn exists(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let mut found = 0;
    while !args.is_empty() {
        found += usize::from(exec.look(&args.key()?)?.is_some());
    }
    reply.count(found);
    Ok(Outcome::Done)
}

fn touch(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let mut found = 0;
    while !args.is_empty() {
        found += usize::from(exec.touch(&args.key()?)?);
    }
    reply.count(found);
    Ok(Outcome::Done)
}
