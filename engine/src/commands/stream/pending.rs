//! What was delivered and not acknowledged: XPENDING.

use std::collections::HashMap;

use super::range::reply_id;
use super::{id, no_group};
use crate::command::{
    Args, Arity, CommandResult, DataCommand, Error, Exec, Group, Key, Keys, Outcome, Reply, Spec,
};
use crate::types::stream::{self, Pending, Stream, StreamId};

pub(super) const COMMANDS: &[DataCommand] = &[DataCommand {
    spec: Spec::read("XPENDING", Arity::AtLeast(3), Keys::ONE)
        .group(Group::Stream)
        .syntax("key group [[IDLE min-idle-time] start end count [consumer]]")
        .doc(
            "5.0.0",
            "O(log(N)+M) with N entries pending and M returned, or looked at with IDLE; O(C*log(N)) with C consumers \
             for the summary.",
            "Returns the entries that were delivered to a consumer group and not acknowledged.",
        )
        .tips(&["nondeterministic_output"]),
    run: xpending,
}];

/// What of them is asked for.
struct Range<'a> {
    first: StreamId,
    last: StreamId,
    count: usize,
    idle_ms: i64,
    consumer: Option<&'a [u8]>,
}

impl<'a> Range<'a> {
    /// `None` for the summary.
    fn parse(args: &mut Args<'a>) -> Result<Option<Range<'a>>, Error> {
        match args.left() {
            0 => return Ok(None),
            3..=6 => {}
            _ => return Err(Error::Syntax),
        }
        let mut idle_ms = 0;
        if args.take("IDLE") {
            idle_ms = args.integer()?;
            if args.left() < 3 {
                return Err(Error::Syntax);
            }
        }
        let (first, last) = (args.word()?, args.word()?);
        let count = usize::try_from(args.integer()?).unwrap_or(0);
        let (first, last) = (id::start(first)?, id::end(last)?);
        // What follows is not looked at, as in Redis.
        Ok(Some(Range { first, last, count, idle_ms, consumer: args.word().ok() }))
    }
}

fn xpending(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let (key, group_name) = (args.key()?, args.word()?);
    let range = Range::parse(args)?;
    let stream = exec.read_collection::<Stream>(&key)?;
    let group = stream.and_then(|stream| Some((stream, stream.group(exec.heap(&key), group_name)?)));
    let (stream, group) = group.ok_or_else(|| no_group(key.bytes, group_name, ""))?;
    match range {
        None => summary(exec, &key, &stream, &group, reply),
        Some(range) => list(exec, &key, &stream, &group, &range, reply),
    }
    Ok(Outcome::Done)
}

fn summary(
    exec: &Exec<'_, '_>,
    key: &Key<'_>,
    stream: &Stream,
    group: &stream::Group,
    reply: &mut dyn Reply,
) {
    let heap = exec.heap(key);
    reply.array(4);
    reply.count(stream.pending_count(heap, group.number));
    let first = stream.pending_from(heap, group.number, StreamId::MIN).next();
    let (Some(first), Some(last)) = (first, stream.last_pending(heap, group.number)) else {
        reply.null();
        reply.null();
        reply.null_array();
        return;
    };
    reply_id(reply, first.id);
    reply_id(reply, last.id);
    let of_consumer = |(name, consumer): (_, stream::Consumer)| {
        (name, stream.owned_count(heap, group.number, consumer.number))
    };
    let have_any = || {
        let consumers = stream.consumers(heap, group.number).map(of_consumer);
        consumers.filter(|(_, count): &(crate::types::text::Text<'_>, usize)| *count > 0)
    };
    reply.array(have_any().count());
    for (name, count) in have_any() {
        reply.array(2);
        reply.string(name.view(heap));
        reply.bulk(itoa::Buffer::new().format(count).as_bytes());
    }
}

fn list(
    exec: &Exec<'_, '_>,
    key: &Key<'_>,
    stream: &Stream,
    group: &stream::Group,
    range: &Range<'_>,
    reply: &mut dyn Reply,
) {
    let (heap, number, now_ms) = (exec.heap(key), group.number, exec.now_ms());
    let idle = |pending: &Pending| now_ms.saturating_sub(pending.delivered_ms);
    let is_wanted = |pending: &Pending| range.idle_ms == 0 || idle(pending).cast_signed() >= range.idle_ms;
    let is_inside = |id: &StreamId| *id <= range.last;
    let found: Vec<Pending> = match range.consumer {
        Some(name) => {
            let Some(consumer) = stream.consumer(heap, number, name) else {
                reply.array(0);
                return;
            };
            let ids = stream.owned_from(heap, number, consumer.number, range.first).take_while(is_inside);
            let all = ids.filter_map(|id| stream.pending(heap, number, id));
            all.filter(is_wanted).take(range.count).collect()
        }
        None => {
            let all = stream.pending_from(heap, number, range.first);
            all.take_while(|pending| is_inside(&pending.id)).filter(is_wanted).take(range.count).collect()
        }
    };
    // Deliveries name consumers by number.
    let mut names = HashMap::new();
    if range.consumer.is_none() {
        names.extend(stream.consumers(heap, number).map(|(name, consumer)| (consumer.number, name)));
    }
    reply.array(found.len());
    for pending in found {
        reply.array(4);
        reply_id(reply, pending.id);
        match (range.consumer, names.get(&pending.consumer)) {
            (Some(name), _) => reply.bulk(name),
            (None, Some(name)) => reply.string(name.view(heap)),
            (None, None) => reply.bulk(&[]),
        }
        reply.integer(idle(&pending).cast_signed());
        reply.integer(pending.deliveries.cast_signed());
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn deliveries_are_listed() {
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
            > XPENDING s g
            1) (integer) 0
            2) (nil)
            3) (nil)
            4) (nil)
            > XREADGROUP GROUP g bob COUNT 1 STREAMS s >
            1) 1) "s"
            2) 1) 1) "1-0"
            2) 1) "a"
            2) "1"
            ! xgroup-createconsumer XGROUP CREATECONSUMER s g bob
            ! - XCLAIM s g bob 0 1-0 TIME 1000000 RETRYCOUNT 1 FORCE JUSTID LASTID 1-0
            ! - XGROUP SETID s g 1-0 ENTRIESREAD 1
            ... 100 ms
            > XREADGROUP GROUP g ann STREAMS s >
            1) 1) "s"
            2) 1) 1) "2-0"
            2) 1) "a"
            2) "1"
            2) 1) "3-0"
            2) 1) "a"
            2) "1"
            ! xgroup-createconsumer XGROUP CREATECONSUMER s g ann
            ! - XCLAIM s g ann 0 2-0 3-0 TIME 1000100 RETRYCOUNT 1 FORCE JUSTID LASTID 3-0
            ! - XGROUP SETID s g 3-0 ENTRIESREAD 3
            > XGROUP CREATECONSUMER s g idle
            (integer) 1
            ! xgroup-createconsumer XGROUP CREATECONSUMER s g idle
            > XPENDING s g
            1) (integer) 3
            2) "1-0"
            3) "3-0"
            4) 1) 1) "ann"
            2) "2"
            2) 1) "bob"
            2) "1"
            > XPENDING s g - + 10
            1) 1) "1-0"
            2) "bob"
            3) (integer) 100
            4) (integer) 1
            2) 1) "2-0"
            2) "ann"
            3) (integer) 0
            4) (integer) 1
            3) 1) "3-0"
            2) "ann"
            3) (integer) 0
            4) (integer) 1
            > XPENDING s g (1-0 + 1
            1) 1) "2-0"
            2) "ann"
            3) (integer) 0
            4) (integer) 1
            > XPENDING s g - + 10 ann
            1) 1) "2-0"
            2) "ann"
            3) (integer) 0
            4) (integer) 1
            2) 1) "3-0"
            2) "ann"
            3) (integer) 0
            4) (integer) 1
            > XPENDING s g - + 10 nobody
            (empty array)
            > XPENDING s g IDLE 100 - + 10
            1) 1) "1-0"
            2) "bob"
            3) (integer) 100
            4) (integer) 1
            > XPENDING s g IDLE 1 - + 10 ann
            (empty array)
            > XPENDING s g - + -1
            (empty array)
            > XPENDING s g - +
            (error) ERR syntax error
            > XPENDING s g IDLE 1 - +
            (error) ERR syntax error
            > XPENDING s g IDLE x - + 1
            (error) ERR value is not an integer or out of range
            > XPENDING s g - + x
            (error) ERR value is not an integer or out of range
            > XPENDING s g x + 1
            (error) ERR Invalid stream ID specified as stream command argument
            > XPENDING s g - (0-0 1
            (error) ERR invalid end ID for the interval
            > XPENDING s none
            (error) NOGROUP No such key 's' or consumer group 'none'
            > XPENDING none g - + 1
            (error) NOGROUP No such key 'none' or consumer group 'g'
            > SET string v
            OK
            ! set SET string v
            > XPENDING string g
            (error) WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }
}
