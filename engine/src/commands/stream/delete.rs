//! Entries out: XDEL, XDELEX.

use super::trim::References;
use super::{ONE_REMOVED, event, id};
use crate::command::effect::words;
use crate::command::{
    Args, Arity, CommandResult, DataCommand, Error, Exec, Flags, Group, Outcome, Reply, Spec,
};
use crate::types::stream::{Stream, StreamId};

pub(super) const COMMANDS: &[DataCommand] = &[
    DataCommand {
        spec: Spec::write("XDEL", Arity::AtLeast(3), ONE_REMOVED)
            .group(Group::Stream)
            .flags(Flags::FAST)
            .syntax("key id [id ...]")
            .doc(
                "5.0.0",
                "O(log(N)) for each ID, with N entries in the stream.",
                "Deletes entries from a stream.",
            ),
        run: xdel,
    },
    DataCommand {
        spec: Spec::write("XDELEX", Arity::AtLeast(5), ONE_REMOVED)
            .group(Group::Stream)
            .flags(Flags::FAST)
            .syntax("key [KEEPREF | DELREF | ACKED] IDS numids id [id ...]")
            .doc(
                "8.2.0",
                "O(log(N)) for each ID, with N entries in the stream.",
                "Deletes entries from a stream, with or without what groups know of them.",
            ),
        run: xdelex,
    },
];

/// The canonical command of deleted entries.
pub(super) fn del_words(key: &[u8], ids: &[StreamId]) -> Vec<Box<[u8]>> {
    let mut all = words(&[b"XDEL", key]);
    all.extend(ids.iter().map(|id| (*id.text()).into()));
    all
}

/// The canonical command of entries whose deliveries are forgotten, and which are gone.
pub(super) fn unreference_words(key: &[u8], ids: &[StreamId]) -> Vec<Box<[u8]>> {
    let mut all = words(&[b"XDELEX", key, b"DELREF", b"IDS", ids.len().to_string().as_bytes()]);
    all.extend(ids.iter().map(|id| (*id.text()).into()));
    all
}

fn xdel(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let key = args.key()?;
    let mut opened = exec.collection_to_write::<Stream>(&key)?;
    if !opened.exists() {
        reply.integer(0);
        return Ok(Outcome::Done);
    }
    let ids = args.rest().iter().map(|word| id::exact(word)).collect::<Result<Vec<_>, _>>()?;
    let mut deleted = Vec::new();
    for id in ids {
        if opened.value.remove(exec.heap_mut(&key), id)? {
            deleted.push(id);
        }
    }
    if !deleted.is_empty() {
        exec.changed(&key, event("xdel"), || del_words(key.bytes, &deleted));
        exec.store(&key, opened)?;
    }
    reply.count(deleted.len());
    Ok(Outcome::Done)
}

/// `[KEEPREF | DELREF | ACKED] IDS numids id [id ...]`, in any order.
pub(super) fn references_and_ids(args: &mut Args<'_>) -> Result<(References, Vec<StreamId>), Error> {
    let (mut references, mut ids) = (None, None);
    while !args.is_empty() {
        if args.left() >= 2 && ids.is_none() && args.take("IDS") {
            let count = crate::number::parse_i64(args.word()?).and_then(|count| usize::try_from(count).ok());
            let count = count
                .filter(|count| *count > 0)
                .ok_or(Error::text("ERR Number of IDs must be a positive integer"))?;
            if count > args.left() {
                return Err(Error::text("ERR The `numids` parameter must match the number of arguments"));
            }
            let words = (0..count).map(|_| id::exact(args.word()?));
            ids = Some(words.collect::<Result<Vec<_>, _>>()?);
        } else if let (None, Some(said)) = (references, References::take(args)) {
            references = Some(said);
        } else {
            return Err(Error::Syntax);
        }
    }
    Ok((references.unwrap_or_default(), ids.ok_or(Error::Syntax)?))
}

/// What an ID is answered with.
pub(super) const NOT_FOUND: i64 = -1;
pub(super) const DELETED: i64 = 1;
pub(super) const STILL_REFERENCED: i64 = 2;

fn xdelex(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let key = args.key()?;
    let (references, ids) = references_and_ids(args)?;
    let mut opened = exec.collection_to_write::<Stream>(&key)?;
    let stream = &mut opened.value;
    reply.array(ids.len());
    let (mut deleted, mut unreferenced) = (Vec::new(), Vec::new());
    for id in ids {
        // References may be all that is left of an entry.
        if references == References::Delete && stream.unreference(exec.heap_mut(&key), id)? {
            unreferenced.push(id);
        }
        let heap = exec.heap(&key);
        let outcome = if !stream.contains(heap, id) {
            NOT_FOUND
        } else if references == References::Acked && stream.is_referenced(heap, id) {
            STILL_REFERENCED
        } else {
            stream.remove(exec.heap_mut(&key), id)?;
            deleted.push(id);
            DELETED
        };
        reply.integer(outcome);
    }
    if !unreferenced.is_empty() {
        exec.repeat(&key, || unreference_words(key.bytes, &unreferenced));
    }
    if !deleted.is_empty() {
        exec.changed(&key, event("xdel"), || del_words(key.bytes, &deleted));
    }
    if !deleted.is_empty() || !unreferenced.is_empty() {
        exec.store(&key, opened)?;
    }
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn entries_are_deleted() {
        check(
            r#"
            > XADD s 1-0 a 1
            "1-0"
            ! xadd XADD s 1-0 a 1
            > XADD s 2-0 a 1
            "2-0"
            ! xadd XADD s 2-0 a 1
            > XADD s 3-0 a 1
            "3-0"
            ! xadd XADD s 3-0 a 1
            > XDEL s 2 2-0 9
            (integer) 1
            ! xdel XDEL s 2-0
            > XDEL s 2
            (integer) 0
            > XDEL s 1 a
            (error) ERR Invalid stream ID specified as stream command argument
            > XDEL none a
            (integer) 0
            > XGROUP CREATE s g 0
            OK
            ! xgroup-create XGROUP CREATE s g 0-0 MKSTREAM ENTRIESREAD -1
            > XREADGROUP GROUP g c COUNT 1 STREAMS s >
            1) 1) "s"
            2) 1) 1) "1-0"
            2) 1) "a"
            2) "1"
            ! xgroup-createconsumer XGROUP CREATECONSUMER s g c
            ! - XCLAIM s g c 0 1-0 TIME 1000000 RETRYCOUNT 1 FORCE JUSTID LASTID 1-0
            ! - XGROUP SETID s g 1-0 ENTRIESREAD -1
            > XDELEX s ACKED IDS 3 1-0 2-0 3-0
            1) (integer) 2
            2) (integer) -1
            3) (integer) 2
            > XDELEX s IDS 1 1-0
            1) (integer) 1
            ! xdel XDEL s 1-0
            > XPENDING s g
            1) (integer) 1
            2) "1-0"
            3) "1-0"
            4) 1) 1) "c"
            2) "1"
            > XDELEX s DELREF IDS 2 1-0 3-0
            1) (integer) -1
            2) (integer) 1
            ! - XDELEX s DELREF IDS 1 1-0
            ! xdel XDEL s 3-0
            > XPENDING s g
            1) (integer) 0
            2) (nil)
            3) (nil)
            4) (nil)
            > XLEN s
            (integer) 0
            > XDELEX none IDS 1 1
            1) (integer) -1
            > XDELEX s IDS 0 1
            (error) ERR Number of IDs must be a positive integer
            > XDELEX s IDS a 1
            (error) ERR Number of IDs must be a positive integer
            > XDELEX s IDS 2 1
            (error) ERR The `numids` parameter must match the number of arguments
            > XDELEX s IDS 1 1 2
            (error) ERR syntax error
            > XDELEX s KEEPREF DELREF IDS 1 1
            (error) ERR syntax error
            > XDELEX s KEEPREF ACKED 1 1
            (error) ERR syntax error
            > XDELEX s IDS 1 a
            (error) ERR Invalid stream ID specified as stream command argument
            > XDELEX s IDS
            (error) ERR wrong number of arguments for 'xdelex' command
            > SET string v
            OK
            ! set SET string v
            > XDEL string 1
            (error) WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }
}
