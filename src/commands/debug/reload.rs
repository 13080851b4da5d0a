//! DEBUG RELOAD and LOADAOF: to Redis they are ways to see whether data is the same after it was in a file. Here
//! there is no file: every value is taken through the format of dumps, shard by shard.

use std::panic::{AssertUnwindSafe, catch_unwind};

use engine::command::{Args, CommandResult, Error, Outcome, Reply};
use engine::keyspace::Keyspace;
use engine::shard::ShardId;
use engine::types::collection::Encodings;

use crate::commands::context::{Context, Later};
use crate::commands::survey::{Survey, WorkerView};

const BAD_OPTION: Error =
    Error::text("ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.");
const FAILED: Error = Error::text("ERR Error trying to load the RDB dump, check server logs.");

/// The options say what becomes of the file and of the data there is: the same here, whatever they say.
pub(super) fn reload(context: &mut Context<'_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    while !args.is_empty() {
        if !["MERGE", "NOFLUSH", "NOSAVE"].iter().any(|option| args.take(option)) {
            return Err(BAD_OPTION);
        }
    }
    load_log(context, args, reply)
}

pub(super) fn load_log(context: &mut Context<'_>, _: &mut Args<'_>, _: &mut dyn Reply) -> CommandResult {
    let survey =
        Reload { encodings: context.settings.encodings, now_ms: context.now_ms, keys: 0, failed: false };
    context.later(Later::Survey(Box::new(survey)));
    Ok(Outcome::Done)
}

struct Reload {
    encodings: Encodings,
    now_ms: u64,
    keys: u64,
    failed: bool,
}

impl Survey for Reload {
    fn wants_shards(&self) -> bool {
        true
    }

    fn shard(&mut self, id: ShardId, keyspace: &mut Keyspace) {
        if self.failed {
            return;
        }
        let result = catch_unwind(AssertUnwindSafe(|| keyspace.reload(&self.encodings, self.now_ms)));
        match result {
            Ok(Ok(keys)) => self.keys += keys,
            Ok(Err(error)) => {
                tracing::error!("DEBUG RELOAD, shard {}: {error}", id.0);
                self.failed = true;
            }
            // A defect costs only this command: the value it came upon is as it was.
            Err(_) => {
                keyspace.rollback();
                self.failed = true;
            }
        }
    }

    fn worker(&mut self, _: &mut dyn WorkerView) {}

    fn finish(self: Box<Self>, reply: &mut dyn Reply) {
        if self.failed {
            return reply.error(&FAILED);
        }
        tracing::warn!("DEBUG RELOAD: {} keys", self.keys);
        reply.ok();
    }
}

#[cfg(test)]
mod tests {
    use crate::commands::tests::check;

    #[test]
    fn data_is_the_same_after_a_reload() {
        check(
            r#"
            > SET k 12
            OK
            > SET t v PXAT 5000000
            OK
            > SELECT 3
            OK
            > APPEND k text
            (integer) 4
            > DEBUG DIGEST
            ~ f190ab5c
            > DEBUG RELOAD
            OK
            > DEBUG DIGEST
            ~ f190ab5c
            > DEBUG RELOAD NOSAVE noflush MERGE
            OK
            > DEBUG LOADAOF
            OK
            > DEBUG RELOAD FOO
            (error) ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.
            > OBJECT ENCODING k
            "embstr"
            > SELECT 0
            OK
            > PEXPIRETIME t
            (integer) 5000000
            "#,
        );
    }
}
