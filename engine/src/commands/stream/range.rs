//! Entries in order: XLEN, XRANGE, XREVRANGE.

use std::ops::Range;

use super::id;
use crate::command::{
    Args, Arity, CommandResult, DataCommand, Error, Exec, Flags, Group, Key, Keys, Outcome, Reply, Spec,
};
use crate::types::collection::Collection;
use crate::types::stream::{EntryView, Stream, StreamId};

pub(super) const COMMANDS: &[DataCommand] = &[
    DataCommand {
        spec: Spec::read("XLEN", Arity::Exactly(2), Keys::ONE_LOOK)
            .group(Group::Stream)
            .flags(Flags::FAST)
            .syntax("key")
            .doc("5.0.0", "O(1)", "Returns the number of entries in a stream."),
        run: xlen,
    },
    DataCommand {
        spec: Spec::read("XRANGE", Arity::AtLeast(4), Keys::ONE)
            .group(Group::Stream)
            .syntax("key start end [COUNT count]")
            .doc(
                "5.0.0",
                "O(log(N)+M) with N entries in the stream and M returned.",
                "Returns the entries of a stream whose IDs are in a range.",
            ),
        run: |exec, args, reply| range(exec, args, reply, false),
    },
    DataCommand {
        spec: Spec::read("XREVRANGE", Arity::AtLeast(4), Keys::ONE)
            .group(Group::Stream)
            .syntax("key end start [COUNT count]")
            .doc(
                "5.0.0",
                "O(log(N)+M) with N entries in the stream and M returned.",
                "Returns the entries of a stream whose IDs are in a range, the last first.",
            ),
        run: |exec, args, reply| range(exec, args, reply, true),
    },
];

fn xlen(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let key = args.key()?;
    reply.count(exec.read_collection::<Stream>(&key)?.map_or(0, |stream| stream.len()));
    Ok(Outcome::Done)
}

fn range(
    exec: &mut Exec<'_, '_>,
    args: &mut Args<'_>,
    reply: &mut dyn Reply,
    reversed: bool,
) -> CommandResult {
    let key = args.key()?;
    let (one, other) = (args.word()?, args.word()?);
    let (first, last) = if reversed { (other, one) } else { (one, other) };
    let (first, last) = (id::start(first)?, id::end(last)?);
    let mut count = None;
    while !args.is_empty() {
        if args.left() < 2 || !args.take("COUNT") {
            return Err(Error::Syntax);
        }
        count = Some(args.integer()?.max(0));
    }
    let Some(stream) = exec.read_collection::<Stream>(&key)? else {
        reply.array(0);
        return Ok(Outcome::Done);
    };
    if count == Some(0) {
        reply.null_array();
        return Ok(Outcome::Done);
    }
    let ranks = stream.ranks(exec.heap(&key), first, last);
    let count = count.map_or(usize::MAX, |count| count as usize).min(ranks.len());
    if reversed {
        let reader = stream.reader(exec.heap(&key));
        reply.array(count);
        for entry in stream.back_from(exec.heap(&key), ranks.end).take(count) {
            reply_entry(reply, &reader.view(entry));
        }
    } else {
        reply_ranks(exec, &key, &stream, ranks.start..ranks.start + count, reply);
    }
    Ok(Outcome::Done)
}

/// Answers with the entries of these ranks.
pub(super) fn reply_ranks(
    exec: &Exec<'_, '_>,
    key: &Key<'_>,
    stream: &Stream,
    ranks: Range<usize>,
    reply: &mut dyn Reply,
) {
    let reader = stream.reader(exec.heap(key));
    reply.array(ranks.len());
    for entry in stream.iter_from(exec.heap(key), ranks.start).take(ranks.len()) {
        reply_entry(reply, &reader.view(entry));
    }
}

/// Answers with an entry.
pub(super) fn reply_entry(reply: &mut dyn Reply, entry: &EntryView<'_>) {
    reply.array(2);
    reply_id(reply, entry.id);
    reply.array(2 * entry.field_count());
    for (name, value) in entry.fields() {
        reply.bulk(name);
        reply.bulk(value);
    }
}

/// Answers with an ID.
pub(super) fn reply_id(reply: &mut dyn Reply, id: StreamId) {
    reply.bulk(&id.text());
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn entries_are_read_in_order() {
        check(
            r#"
            > XADD s 1-1 a 1 b 2
            "1-1"
            ! xadd XADD s 1-1 a 1 b 2
            > XADD s 1-2 a 3
            "1-2"
            ! xadd XADD s 1-2 a 3
            > XADD s 2-0 c 4
            "2-0"
            ! xadd XADD s 2-0 c 4
            > XLEN s
            (integer) 3
            > XRANGE s (1-1 2 COUNT 1
            1) 1) "1-2"
            2) 1) "a"
            2) "3"
            > XREVRANGE s + (1-1
            1) 1) "2-0"
            2) 1) "c"
            2) "4"
            2) 1) "1-2"
            2) 1) "a"
            2) "3"
            > XREVRANGE s + - COUNT 1
            1) 1) "2-0"
            2) 1) "c"
            2) "4"
            > XRANGE s 3 +
            (empty array)
            > XRANGE s 2 1
            (empty array)
            > XRANGE s - + COUNT 0
            (nil)
            > XRANGE s - + COUNT -3
            (nil)
            > XRANGE s - + COUNT
            (error) ERR syntax error
            > XRANGE s - + COUNT a
            (error) ERR value is not an integer or out of range
            > XRANGE s - + LIMIT 1
            (error) ERR syntax error
            > XRANGE s - (0-0
            (error) ERR invalid end ID for the interval
            > XRANGE s (- +
            (error) ERR Invalid stream ID specified as stream command argument
            > XRANGE none - + COUNT 0
            (empty array)
            > XLEN none
            (integer) 0
            > SET string v
            OK
            ! set SET string v
            > XLEN string
            (error) WRONGTYPE Operation against a key holding the wrong kind of value
            > XRANGE string - +
            (error) WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }
}
