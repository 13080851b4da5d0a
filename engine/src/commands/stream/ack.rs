//! Entries done with: XACK, XACKDEL.

use super::delete::{DELETED, NOT_FOUND, STILL_REFERENCED, del_words, references_and_ids};
use super::trim::References;
use super::{event, id};
use crate::command::effect::words;
use crate::command::{
    Args, Arity, CommandResult, DataCommand, Exec, Flags, Group, KeyAccess, KeySpec, Keys, Outcome, Reply,
    Spec,
};
use crate::types::stream::{Stream, StreamId};

const ONE_DELETED_FROM: Keys =
    Keys::new(&[KeySpec::one(1, KeyAccess { names: &["RW", "update", "delete"], variant: None })]);

pub(super) const COMMANDS: &[DataCommand] = &[
    DataCommand {
        spec: Spec::write("XACK", Arity::AtLeast(4), Keys::ONE_UPDATE)
            .group(Group::Stream)
            .flags(Flags::FAST)
            .syntax("key group id [id ...]")
            .doc(
                "5.0.0",
                "O(log(N)) for each ID, with N entries delivered to groups of the stream.",
                "Returns the number of messages that were successfully acknowledged by the consumer group member of a \
                 stream.",
            ),
        run: xack,
    },
    DataCommand {
        spec: Spec::write("XACKDEL", Arity::AtLeast(6), ONE_DELETED_FROM)
            .group(Group::Stream)
            .flags(Flags::FAST)
            .syntax("key group [KEEPREF | DELREF | ACKED] IDS numids id [id ...]")
            .doc(
                "8.2.0",
                "O(log(N)) for each ID, with N entries in the stream.",
                "Acknowledges entries for a consumer group and deletes them from the stream.",
            ),
        run: xackdel,
    },
];

/// The canonical command of entries that a group has done with.
pub(super) fn ack_words(key: &[u8], group: &[u8], ids: &[StreamId]) -> Vec<Box<[u8]>> {
    let mut all = words(&[b"XACK", key, group]);
    all.extend(ids.iter().map(|id| (*id.text()).into()));
    all
}

fn xack(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let (key, group_name) = (args.key()?, args.word()?);
    let mut opened = exec.collection_to_write::<Stream>(&key)?;
    let Some(group) = opened.value.group(exec.heap(&key), group_name) else {
        reply.integer(0);
        return Ok(Outcome::Done);
    };
    let ids = args.rest().iter().map(|word| id::exact(word)).collect::<Result<Vec<_>, _>>()?;
    let mut acknowledged = Vec::new();
    for id in ids {
        if opened.value.acknowledge(exec.heap_mut(&key), group.number, id)? {
            acknowledged.push(id);
        }
    }
    if !acknowledged.is_empty() {
        exec.repeat(&key, || ack_words(key.bytes, group_name, &acknowledged));
        exec.store(&key, opened)?;
    }
    reply.count(acknowledged.len());
    Ok(Outcome::Done)
}

fn xackdel(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let (key, group_name) = (args.key()?, args.word()?);
    let (references, ids) = references_and_ids(args)?;
    let mut opened = exec.collection_to_write::<Stream>(&key)?;
    let stream = &mut opened.value;
    reply.array(ids.len());
    let Some(group) = stream.group(exec.heap(&key), group_name) else {
        ids.iter().for_each(|_| reply.integer(NOT_FOUND));
        return Ok(Outcome::Done);
    };
    let (mut acknowledged, mut deleted, mut unreferenced) = (Vec::new(), Vec::new(), Vec::new());
    for id in ids {
        if !stream.acknowledge(exec.heap_mut(&key), group.number, id)? {
            reply.integer(NOT_FOUND);
            continue;
        }
        acknowledged.push(id);
        if references == References::Delete && stream.unreference(exec.heap_mut(&key), id)? {
            unreferenced.push(id);
        }
        if references == References::Acked && stream.is_referenced(exec.heap(&key), id) {
            reply.integer(STILL_REFERENCED);
            continue;
        }
        if stream.remove(exec.heap_mut(&key), id)? {
            deleted.push(id);
        }
        reply.integer(DELETED);
    }
    if acknowledged.is_empty() {
        return Ok(Outcome::Done);
    }
    exec.repeat(&key, || ack_words(key.bytes, group_name, &acknowledged));
    if !unreferenced.is_empty() {
        exec.repeat(&key, || super::delete::unreference_words(key.bytes, &unreferenced));
    }
    if !deleted.is_empty() {
        exec.changed(&key, event("xdel"), || del_words(key.bytes, &deleted));
    }
    exec.store(&key, opened)?;
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn entries_are_acknowledged() {
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
            > XGROUP CREATE s g 0
            OK
            ! xgroup-create XGROUP CREATE s g 0-0 MKSTREAM ENTRIESREAD -1
            > XGROUP CREATE s h 0
            OK
            ! xgroup-create XGROUP CREATE s h 0-0 MKSTREAM ENTRIESREAD -1
            > XREADGROUP GROUP g c STREAMS s >
            1) 1) "s"
            2) 1) 1) "1-0"
            2) 1) "a"
            2) "1"
            2) 1) "2-0"
            2) 1) "a"
            2) "1"
            3) 1) "3-0"
            2) 1) "a"
            2) "1"
            ! xgroup-createconsumer XGROUP CREATECONSUMER s g c
            ! - XCLAIM s g c 0 1-0 2-0 3-0 TIME 1000000 RETRYCOUNT 1 FORCE JUSTID LASTID 3-0
            ! - XGROUP SETID s g 3-0 ENTRIESREAD 3
            > XREADGROUP GROUP h c COUNT 2 STREAMS s >
            1) 1) "s"
            2) 1) 1) "1-0"
            2) 1) "a"
            2) "1"
            2) 1) "2-0"
            2) 1) "a"
            2) "1"
            ! xgroup-createconsumer XGROUP CREATECONSUMER s h c
            ! - XCLAIM s h c 0 1-0 2-0 TIME 1000000 RETRYCOUNT 1 FORCE JUSTID LASTID 2-0
            ! - XGROUP SETID s h 2-0 ENTRIESREAD 2
            > XACK s g 1-0 1-0 9
            (integer) 1
            ! - XACK s g 1-0
            > XACK s g x
            (error) ERR Invalid stream ID specified as stream command argument
            > XACK s none x
            (integer) 0
            > XACK none g x
            (integer) 0
            > XACKDEL s g IDS 2 1-0 9-9
            1) (integer) -1
            2) (integer) -1
            > XACKDEL s g ACKED IDS 2 2-0 3-0
            1) (integer) 2
            2) (integer) 2
            ! - XACK s g 2-0 3-0
            > XACKDEL s h ACKED IDS 2 1-0 2-0
            1) (integer) 1
            2) (integer) 1
            ! - XACK s h 1-0 2-0
            ! xdel XDEL s 1-0 2-0
            > XRANGE s - + COUNT 1
            1) 1) "3-0"
            2) 1) "a"
            2) "1"
            > XGROUP SETID s g 0
            OK
            ! xgroup-setid XGROUP SETID s g 0-0 ENTRIESREAD -1
            > XREADGROUP GROUP g d STREAMS s >
            1) 1) "s"
            2) 1) 1) "3-0"
            2) 1) "a"
            2) "1"
            ! xgroup-createconsumer XGROUP CREATECONSUMER s g d
            ! - XCLAIM s g d 0 3-0 TIME 1000000 RETRYCOUNT 1 FORCE JUSTID LASTID 3-0
            ! - XGROUP SETID s g 3-0 ENTRIESREAD 3
            > XREADGROUP GROUP h d STREAMS s >
            1) 1) "s"
            2) 1) 1) "3-0"
            2) 1) "a"
            2) "1"
            ! xgroup-createconsumer XGROUP CREATECONSUMER s h d
            ! - XCLAIM s h d 0 3-0 TIME 1000000 RETRYCOUNT 1 FORCE JUSTID LASTID 3-0
            ! - XGROUP SETID s h 3-0 ENTRIESREAD 3
            > XACKDEL s g DELREF IDS 1 3-0
            1) (integer) 1
            ! - XACK s g 3-0
            ! - XDELEX s DELREF IDS 1 3-0
            ! xdel XDEL s 3-0
            > XPENDING s h
            1) (integer) 0
            2) (nil)
            3) (nil)
            4) (nil)
            > XLEN s
            (integer) 0
            > XACKDEL s none IDS 1 1
            1) (integer) -1
            > XACKDEL none g IDS 2 1 2
            1) (integer) -1
            2) (integer) -1
            > XACKDEL s g ACKED DELREF IDS 1 1
            (error) ERR syntax error
            > XACKDEL s g IDS 3 1 2
            (error) ERR The `numids` parameter must match the number of arguments
            > XACKDEL s g
            (error) ERR wrong number of arguments for 'xackdel' command
            > SET string v
            OK
            ! set SET string v
            > XACK string g 1
            (error) WRONGTYPE Operation against a key holding the wrong kind of value
            > XACKDEL string g IDS 1 1
            (error) WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }
}
