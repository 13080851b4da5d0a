//! What is known of a stream besides its entries: XINFO.

use std::collections::HashMap;

use shm::Heap;

use super::no_such_group;
use super::range::{reply_entry, reply_id, reply_ranks};
use crate::command::{
    Args, Arity, CommandResult, DataCommand, Error, Exec, Group, Key, KeyAccess, KeySpec, Keys, Outcome,
    Reply, Spec, cut_short,
};
use crate::types::collection::Collection;
use crate::types::stream::{self, Stream, StreamId};
use crate::types::text::Text;

const KEY_AFTER_SUBCOMMAND: Keys = Keys::new(&[KeySpec::one(2, KeyAccess::READ)]);

const fn row(name: &'static str, arity: Arity) -> Spec {
    Spec::read(name, arity, KEY_AFTER_SUBCOMMAND).group(Group::Stream)
}

pub(super) const COMMANDS: &[DataCommand] = &[
    DataCommand {
        spec: row("XINFO|STREAM", Arity::AtLeast(3)).syntax("key [FULL [COUNT count]]").doc(
            "5.0.0",
            "O(log(N)) with N entries; O(G+C+M) with FULL, with G groups, C consumers and M entries returned.",
            "Returns information about a stream.",
        ),
        run: xinfo_stream,
    },
    DataCommand {
        spec: row("XINFO|GROUPS", Arity::Exactly(3)).syntax("key").doc(
            "5.0.0",
            "O(G*log(N)) with G groups and N entries pending.",
            "Returns a list of the consumer groups of a stream.",
        ),
        run: xinfo_groups,
    },
    DataCommand {
        spec: row("XINFO|CONSUMERS", Arity::Exactly(4))
            .syntax("key group")
            .doc(
                "5.0.0",
                "O(C*log(N)) with C consumers and N entries pending.",
                "Returns a list of the consumers of a consumer group.",
            )
            .tips(&["nondeterministic_output"]),
        run: xinfo_consumers,
    },
];

fn stream_of(exec: &mut Exec<'_, '_>, key: &Key<'_>) -> Result<Stream, Error> {
    exec.read_collection::<Stream>(key)?.ok_or(Error::NoSuchKey)
}

/// A number that may be unknown.
fn integer_or_null(reply: &mut dyn Reply, value: Option<i64>) {
    match value {
        Some(value) => reply.integer(value),
        None => reply.null(),
    }
}

fn reply_times(reply: &mut dyn Reply, times: &[(&str, Option<u64>)]) {
    for (name, value) in times {
        reply.bulk(name.as_bytes());
        reply.integer(value.map_or(-1, u64::cast_signed));
    }
}

fn reply_counts(reply: &mut dyn Reply, counts: &[(&str, usize)]) {
    for (name, count) in counts {
        reply.bulk(name.as_bytes());
        reply.count(*count);
    }
}

fn reply_progress(reply: &mut dyn Reply, heap: &Heap, stream: &Stream, group: &stream::Group) {
    reply.bulk(b"entries-read");
    integer_or_null(reply, group.entries_read.map(u64::cast_signed));
    reply.bulk(b"lag");
    integer_or_null(reply, stream.lag(heap, group));
}

fn xinfo_consumers(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let (key, group_name) = (args.key()?, args.word()?);
    let stream = stream_of(exec, &key)?;
    let (heap, now_ms) = (exec.heap(&key), exec.now_ms());
    let group = stream.group(heap, group_name).ok_or_else(|| no_such_group(key.bytes, group_name))?;
    reply.array(stream.consumer_count(heap, group.number));
    for (name, consumer) in stream.consumers(heap, group.number) {
        reply.map(4);
        reply.bulk(b"name");
        reply.string(name.view(heap));
        reply_counts(reply, &[("pending", stream.owned_count(heap, group.number, consumer.number))]);
        let since = |time: u64| now_ms.saturating_sub(time);
        let idle = Some(since(consumer.seen_ms));
        reply_times(reply, &[("idle", idle), ("inactive", consumer.active_ms.map(since))]);
    }
    Ok(Outcome::Done)
}

fn xinfo_groups(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let key = args.key()?;
    let stream = stream_of(exec, &key)?;
    let heap = exec.heap(&key);
    reply.array(stream.group_count());
    for (name, group) in stream.groups(heap) {
        reply.map(6);
        reply.bulk(b"name");
        reply.string(name.view(heap));
        let (consumers, pending) =
            (stream.consumer_count(heap, group.number), stream.pending_count(heap, group.number));
        reply_counts(reply, &[("consumers", consumers), ("pending", pending)]);
        reply.bulk(b"last-delivered-id");
        reply_id(reply, group.last_id);
        reply_progress(reply, heap, &stream, &group);
    }
    Ok(Outcome::Done)
}

// ---- XINFO STREAM -------------------------------------------------------------------------------

/// FULL, and how many of each list; `None` without it.
fn full_of(args: &mut Args<'_>) -> Result<Option<usize>, Error> {
    const COUNT: usize = 10;
    let subcommand = args.words()[1];
    let unknown = || {
        let before = "ERR unknown subcommand or wrong number of arguments for '";
        Error::repeating(before, cut_short(subcommand), "'. Try XINFO HELP.")
    };
    match args.left() {
        0 => return Ok(None),
        1 | 3 if args.take("FULL") => {}
        _ => return Err(unknown()),
    }
    if args.is_empty() {
        return Ok(Some(COUNT));
    }
    if !args.take("COUNT") {
        return Err(unknown());
    }
    Ok(Some(match args.integer()? {
        0 => usize::MAX,
        count => usize::try_from(count).unwrap_or(COUNT),
    }))
}

fn xinfo_stream(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let key = args.key()?;
    // The key is looked at before the options, as in Redis.
    let stream = stream_of(exec, &key)?;
    let full = full_of(args)?;
    let heap = exec.heap(&key);
    reply.map(if full.is_some() { 9 } else { 10 });
    // The root is not in a block of its own.
    let (blocks, root) = (stream.blocks(heap), 1);
    reply_counts(
        reply,
        &[("length", stream.len()), ("radix-tree-keys", blocks), ("radix-tree-nodes", root + blocks)],
    );
    reply.bulk(b"last-generated-id");
    reply_id(reply, stream.last_id);
    reply.bulk(b"max-deleted-entry-id");
    reply_id(reply, stream.max_deleted_id);
    reply.bulk(b"entries-added");
    reply.integer(stream.entries_added.cast_signed());
    reply.bulk(b"recorded-first-entry-id");
    reply_id(reply, stream.first_id(heap));
    match full {
        None => {
            reply_counts(reply, &[("groups", stream.group_count())]);
            let reader = stream.reader(heap);
            let ends = [
                ("first-entry", stream.iter_from(heap, 0).next()),
                ("last-entry", stream.back_from(heap, stream.len()).next()),
            ];
            for (name, entry) in ends {
                reply.bulk(name.as_bytes());
                match entry {
                    Some(entry) => reply_entry(reply, &reader.view(entry)),
                    None => reply.null(),
                }
            }
        }
        Some(count) => {
            reply.bulk(b"entries");
            reply_ranks(exec, &key, &stream, 0..stream.len().min(count), reply);
            reply.bulk(b"groups");
            reply.array(stream.group_count());
            for (name, group) in stream.groups(heap) {
                reply_group(reply, heap, &stream, (name, &group), count);
            }
        }
    }
    Ok(Outcome::Done)
}

fn reply_group(
    reply: &mut dyn Reply,
    heap: &Heap,
    stream: &Stream,
    (name, group): (Text<'_>, &stream::Group),
    count: usize,
) {
    let number = group.number;
    reply.map(7);
    reply.bulk(b"name");
    reply.string(name.view(heap));
    reply.bulk(b"last-delivered-id");
    reply_id(reply, group.last_id);
    reply_progress(reply, heap, stream, group);
    let pending = stream.pending_count(heap, number);
    reply_counts(reply, &[("pel-count", pending)]);
    reply.bulk(b"pending");
    let names: HashMap<u32, Text<'_>> =
        stream.consumers(heap, number).map(|(name, consumer)| (consumer.number, name)).collect();
    reply.array(pending.min(count));
    for pending in stream.pending_from(heap, number, StreamId::MIN).take(count) {
        reply.array(4);
        reply_id(reply, pending.id);
        match names.get(&pending.consumer) {
            Some(name) => reply.string(name.view(heap)),
            None => reply.bulk(&[]),
        }
        reply.integer(pending.delivered_ms.cast_signed());
        reply.integer(pending.deliveries.cast_signed());
    }
    reply.bulk(b"consumers");
    reply.array(names.len());
    for (name, consumer) in stream.consumers(heap, number) {
        reply.map(5);
        reply.bulk(b"name");
        reply.string(name.view(heap));
        let times = [("seen-time", Some(consumer.seen_ms)), ("active-time", consumer.active_ms)];
        reply_times(reply, &times);
        let owned = stream.owned_count(heap, number, consumer.number);
        reply_counts(reply, &[("pel-count", owned)]);
        reply.bulk(b"pending");
        reply.array(owned.min(count));
        let ids = stream.owned_from(heap, number, consumer.number, StreamId::MIN).take(count);
        for pending in ids.filter_map(|id| stream.pending(heap, number, id)) {
            reply.array(3);
            reply_id(reply, pending.id);
            reply.integer(pending.delivered_ms.cast_signed());
            reply.integer(pending.deliveries.cast_signed());
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn streams_are_described() {
        check(
            r#"
            > XINFO STREAM none
            (error) ERR no such key
            > XGROUP CREATE s g 0 MKSTREAM
            OK
            ! xgroup-create XGROUP CREATE s g 0-0 MKSTREAM ENTRIESREAD -1
            > XINFO STREAM s
            1) "length"
            2) (integer) 0
            3) "radix-tree-keys"
            4) (integer) 0
            5) "radix-tree-nodes"
            6) (integer) 1
            7) "last-generated-id"
            8) "0-0"
            9) "max-deleted-entry-id"
            10) "0-0"
            11) "entries-added"
            12) (integer) 0
            13) "recorded-first-entry-id"
            14) "0-0"
            15) "groups"
            16) (integer) 1
            17) "first-entry"
            18) (nil)
            19) "last-entry"
            20) (nil)
            > XADD s 1-0 a 1
            "1-0"
            ! xadd XADD s 1-0 a 1
            > XADD s 2-0 a 2
            "2-0"
            ! xadd XADD s 2-0 a 2
            > XADD s 3-0 a 3
            "3-0"
            ! xadd XADD s 3-0 a 3
            > XREADGROUP GROUP g c COUNT 2 STREAMS s >
            1) 1) "s"
            2) 1) 1) "1-0"
            2) 1) "a"
            2) "1"
            2) 1) "2-0"
            2) 1) "a"
            2) "2"
            ! xgroup-createconsumer XGROUP CREATECONSUMER s g c
            ! - XCLAIM s g c 0 1-0 2-0 TIME 1000000 RETRYCOUNT 1 FORCE JUSTID LASTID 2-0
            ! - XGROUP SETID s g 2-0 ENTRIESREAD 2
            ... 50 ms
            > XREADGROUP GROUP g d STREAMS s 0
            1) 1) "s"
            2) (empty array)
            ! xgroup-createconsumer XGROUP CREATECONSUMER s g d
            > XINFO STREAM s FULL COUNT 1
            1) "length"
            2) (integer) 3
            3) "radix-tree-keys"
            4) (integer) 1
            5) "radix-tree-nodes"
            6) (integer) 2
            7) "last-generated-id"
            8) "3-0"
            9) "max-deleted-entry-id"
            10) "0-0"
            11) "entries-added"
            12) (integer) 3
            13) "recorded-first-entry-id"
            14) "1-0"
            15) "entries"
            16) 1) 1) "1-0"
            2) 1) "a"
            2) "1"
            17) "groups"
            18) 1)  1) "name"
            2) "g"
            3) "last-delivered-id"
            4) "2-0"
            5) "entries-read"
            6) (integer) 2
            7) "lag"
            8) (integer) 1
            9) "pel-count"
            10) (integer) 2
            11) "pending"
            12) 1) 1) "1-0"
            2) "c"
            3) (integer) 1000000
            4) (integer) 1
            13) "consumers"
            14) 1)  1) "name"
            2) "c"
            3) "seen-time"
            4) (integer) 1000000
            5) "active-time"
            6) (integer) 1000000
            7) "pel-count"
            8) (integer) 2
            9) "pending"
            10) 1) 1) "1-0"
            2) (integer) 1000000
            3) (integer) 1
            2)  1) "name"
            2) "d"
            3) "seen-time"
            4) (integer) 1000050
            5) "active-time"
            6) (integer) -1
            7) "pel-count"
            8) (integer) 0
            9) "pending"
            10) (empty array)
            > XINFO GROUPS s
            1)  1) "name"
            2) "g"
            3) "consumers"
            4) (integer) 2
            5) "pending"
            6) (integer) 2
            7) "last-delivered-id"
            8) "2-0"
            9) "entries-read"
            10) (integer) 2
            11) "lag"
            12) (integer) 1
            > XINFO CONSUMERS s g
            1) 1) "name"
            2) "c"
            3) "pending"
            4) (integer) 2
            5) "idle"
            6) (integer) 50
            7) "inactive"
            8) (integer) 50
            2) 1) "name"
            2) "d"
            3) "pending"
            4) (integer) 0
            5) "idle"
            6) (integer) 0
            7) "inactive"
            8) (integer) -1
            > XDEL s 3-0
            (integer) 1
            ! xdel XDEL s 3-0
            > XINFO GROUPS s
            1)  1) "name"
            2) "g"
            3) "consumers"
            4) (integer) 2
            5) "pending"
            6) (integer) 2
            7) "last-delivered-id"
            8) "2-0"
            9) "entries-read"
            10) (integer) 2
            11) "lag"
            12) (nil)
            > XINFO CONSUMERS s none
            (error) NOGROUP No such consumer group 'none' for key name 's'
            > XINFO STREAM s FULL COUNT
            (error) ERR unknown subcommand or wrong number of arguments for 'STREAM'. Try XINFO HELP.
            > XINFO STREAM s COUNT 1 FULL
            (error) ERR unknown subcommand or wrong number of arguments for 'STREAM'. Try XINFO HELP.
            > XINFO STREAM s FULL COUNT x
            (error) ERR value is not an integer or out of range
            > XINFO GROUPS none
            (error) ERR no such key
            > XINFO CONSUMERS none g
            (error) ERR no such key
            > SET string v
            OK
            ! set SET string v
            > XINFO STREAM string
            (error) WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }
}
