//! Two databases in each other's place: SWAPDB.

use crate::command::{
    Args, Arity, Categories, CommandResult, DataCommand, Error, Exec, Flags, Group, Keys, Outcome, Reply,
    Routing, Spec,
};

pub(super) const COMMANDS: &[DataCommand] = &[DataCommand {
    spec: Spec::write("SWAPDB", Arity::Exactly(3), Keys::NONE)
        .group(Group::Server)
        .flags(Flags::FAST)
        .routing(Routing::AllShards)
        .categories(Categories::KEYSPACE.union(Categories::DANGEROUS))
        .syntax("index1 index2")
        .doc("4.0.0", "O(S), S being the number of shards.", "Swaps two databases."),
    run: swapdb,
}];

fn swapdb(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let one = number(args.word()?, "ERR invalid first DB index")?;
    let other = number(args.word()?, "ERR invalid second DB index")?;
    let count = exec.caller().db_count;
    let exists = |db: i32| u32::try_from(db).ok().filter(|db| *db < count).ok_or(Error::DbOutOfRange);
    let (one, other) = (exists(one)?, exists(other)?);
    let now_ms = exec.now_ms();
    for keyspace in exec.keyspaces() {
        keyspace.swap(one, other, now_ms)?;
    }
    reply.ok();
    Ok(Outcome::Done)
}

fn number(word: &[u8], complaint: &'static str) -> Result<i32, Error> {
    let number = crate::number::parse_i64(word).and_then(|number| i32::try_from(number).ok());
    number.ok_or(Error::text(complaint))
}
