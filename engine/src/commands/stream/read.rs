//! What has come since: XREAD, XREADGROUP.

use std::ops::Range;

use super::claim::claim_words;
use super::range::{reply_entry, reply_id, reply_ranks};
use super::{consumer_seen, id, no_group};
use crate::command::args::timeout;
use crate::command::keys::{Begin, Find};
use crate::command::{
    Args, Arity, CommandResult, DataCommand, Error, Exec, Flags, Group, Key, KeyAccess, KeySpec, Keys,
    Nothing, Outcome, Reply, Spec, Wait, until_nul,
};
use crate::types::stream::{Consumer, Pending, Stream, StreamId};

const fn keys_of(from: i8) -> KeySpec {
    KeySpec {
        begin: Begin::Keyword { word: "STREAMS", from },
        find: Find::Range { last: -1, step: 1, limit: 2 },
        access: KeyAccess::READ,
        notes: "",
    }
}

pub(super) const COMMANDS: &[DataCommand] = &[
    DataCommand {
        spec: Spec::read("XREAD", Arity::AtLeast(4), Keys::new(&[keys_of(1)]))
            .group(Group::Stream)
            .flags(Flags::BLOCKING.union(Flags::MOVABLE_KEYS))
            .syntax("[COUNT count] [BLOCK milliseconds] STREAMS key [key ...] id [id ...]")
            .doc(
                "5.0.0",
                "O(log(N)+M) for each stream, with N entries in it and M returned.",
                "Returns the entries of several streams with IDs greater than those given. Blocks until there are any \
                 otherwise.",
            ),
        run: xread,
    },
    DataCommand {
        spec: Spec::write("XREADGROUP", Arity::AtLeast(7), Keys::new(&[keys_of(4)]))
            .group(Group::Stream)
            .flags(Flags::BLOCKING.union(Flags::MOVABLE_KEYS))
            .syntax(
                "GROUP group consumer [COUNT count] [BLOCK milliseconds] [NOACK] STREAMS key [key ...] \
                 id [id ...]",
            )
            .doc(
                "5.0.0",
                "O(log(N)+M*log(P)) for each stream, with N entries in it, M returned and P pending.",
                "Returns new entries of streams to a consumer of a group, or those that it has not acknowledged. \
                 Blocks until there are any otherwise.",
            ),
        run: xreadgroup,
    },
];

/// What is asked for.
struct Request<'a> {
    group: Option<(&'a [u8], &'a [u8])>,
    count: usize,
    /// Until when it would wait; the inner `None`: for ever.
    waits: Option<Option<u64>>,
    no_ack: bool,
    /// Where the first key stands among the words.
    first_key: usize,
    /// Keys, and what is wanted of each.
    keys: Args<'a>,
    ids: Args<'a>,
}

/// Which entries of a stream are wanted.
#[derive(Debug, Clone, Copy)]
enum Wanted {
    After(StreamId),
    /// Those that the group has not read.
    New,
}

/// A stream in hand.
struct Source<'a> {
    key: Key<'a>,
    wanted: Wanted,
    stream: Option<Stream>,
}

impl<'a> Request<'a> {
    fn parse(args: &mut Args<'a>, with_group: bool, now_ms: u64) -> Result<Request<'a>, Error> {
        let (mut group, mut count, mut waits, mut no_ack) = (None, usize::MAX, None, false);
        loop {
            if args.left() >= 2 && args.take("BLOCK") {
                waits = Some(timeout::milliseconds(args.word()?, now_ms)?);
            } else if args.left() >= 2 && args.take("COUNT") {
                let said = usize::try_from(args.integer()?).unwrap_or(0);
                count = if said == 0 { usize::MAX } else { said };
            } else if args.left() >= 2 && args.take("STREAMS") {
                break;
            } else if args.left() >= 3 && args.take("GROUP") {
                if !with_group {
                    return Err(Error::text(
                        "ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.",
                    ));
                }
                group = Some((args.word()?, args.word()?));
            } else if args.take("NOACK") {
                if !with_group {
                    return Err(Error::text(
                        "ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.",
                    ));
                }
                no_ack = true;
            } else {
                return Err(Error::Syntax);
            }
        }
        if !args.left().is_multiple_of(2) {
            return Err(Error::text(match with_group {
                false => {
                    "ERR Unbalanced 'xread' list of streams: for each stream key an ID or '$' must be specified."
                }
                true => {
                    "ERR Unbalanced 'xreadgroup' list of streams: for each stream key an ID or '>' must be \
                     specified."
                }
            }));
        }
        let first_key = args.words().len() - args.left();
        let (keys, ids) = args.split(args.left() / 2).ok_or(Error::Syntax)?;
        if with_group && group.is_none() {
            return Err(Error::text("ERR Missing GROUP option for XREADGROUP"));
        }
        Ok(Request { group, count, waits, no_ack, first_key, keys, ids })
    }

    /// Looks at every stream, or at the one that has changed, before anything is changed.
    fn sources(&mut self, exec: &mut Exec<'_, '_>) -> Result<Vec<Source<'a>>, Error> {
        let (mut keys, mut ids, count) = (self.keys, self.ids, self.ids.left());
        let mut sources = Vec::with_capacity(count);
        for nth in 0..count {
            let (key, id_word) = (keys.key()?, ids.word()?);
            if !exec.awaits(self.first_key + nth) {
                continue;
            }
            if exec.is_retry() && !exec.holds::<Stream>(&key)? {
                if self.group.is_some() {
                    return Err(Error::text("UNBLOCKED the stream key no longer exists"));
                }
                continue;
            }
            let stream = exec.read_collection::<Stream>(&key)?;
            if let Some((group, _)) = self.group
                && stream.is_none_or(|stream| stream.group(exec.heap(&key), group).is_none())
            {
                return Err(no_group(key.bytes, group, " in XREADGROUP with GROUP option"));
            }
            let wanted = match (until_nul(id_word), self.group) {
                (b"$", None) => {
                    let last_id = stream.map_or(StreamId::MIN, |stream| stream.last_id);
                    exec.rewrite(self.first_key + count + nth, last_id.to_string().as_bytes());
                    Wanted::After(last_id)
                }
                (b">", Some(_)) => Wanted::New,
                (b"$", Some(_)) => {
                    return Err(Error::text(
                        "ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history \
                         of this consumer by specifying a proper ID, or use the > ID to get new messages. The $ \
                         ID would just return an empty result set.",
                    ));
                }
                (b">", None) => {
                    return Err(Error::text(
                        "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> \
                         <consumer> option.",
                    ));
                }
                _ => match id::exact(id_word)? {
                    // Nothing comes behind it: Redis has it stand for new entries.
                    StreamId::MAX if self.group.is_some() => Wanted::New,
                    after => Wanted::After(after),
                },
            };
            sources.push(Source { key, wanted, stream });
        }
        Ok(sources)
    }
}

/// The one place where a read ends that has nothing to answer with.
fn nothing(exec: &mut Exec<'_, '_>, request: &Request<'_>, reply: &mut dyn Reply) -> CommandResult {
    let Some(until_ms) = request.waits else {
        reply.null_array();
        return Ok(Outcome::Done);
    };
    let wait = Wait {
        first_key: request.first_key,
        key_count: request.ids.left(),
        until_ms,
        nothing: Nothing::NullArray,
        on_loss: request.group.is_some(),
    };
    exec.wait(wait, reply)
}

/// Opens the reply about so many streams.
fn reply_streams(reply: &mut dyn Reply, count: usize) {
    if reply.is_resp3() { reply.map(count) } else { reply.array(count) }
}

/// Opens what is answered about a stream.
fn reply_key(reply: &mut dyn Reply, key: &Key<'_>) {
    if !reply.is_resp3() {
        reply.array(2);
    }
    reply.bulk(key.bytes);
}

/// The ranks of the entries behind an ID, at most `count`.
fn ranks_after(
    exec: &Exec<'_, '_>,
    key: &Key<'_>,
    stream: &Stream,
    id: StreamId,
    count: usize,
) -> Range<usize> {
    let Some(first) = id.next() else { return 0..0 };
    let ranks = stream.ranks(exec.heap(key), first, StreamId::MAX);
    ranks.start..ranks.start + ranks.len().min(count)
}

// ---- XREAD --------------------------------------------------------------------------------------

fn xread(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let mut request = Request::parse(args, false, exec.now_ms())?;
    let mut found = Vec::new();
    for source in request.sources(exec)? {
        if let (Some(stream), Wanted::After(id)) = (source.stream, source.wanted) {
            let ranks = ranks_after(exec, &source.key, &stream, id, request.count);
            if !ranks.is_empty() {
                found.push((source.key, stream, ranks));
            }
        }
    }
    if found.is_empty() {
        return nothing(exec, &request, reply);
    }
    reply_streams(reply, found.len());
    for (key, stream, ranks) in found {
        reply_key(reply, &key);
        reply_ranks(exec, &key, &stream, ranks, reply);
    }
    Ok(Outcome::Done)
}

// ---- XREADGROUP ---------------------------------------------------------------------------------

/// What a consumer gets of a stream.
enum Served {
    New(Range<usize>),
    /// What it has already.
    History(Vec<StreamId>),
}

fn xreadgroup(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let mut request = Request::parse(args, true, exec.now_ms())?;
    let mut found = Vec::new();
    for Source { key, wanted, .. } in request.sources(exec)? {
        // Opened again: a key may be named twice.
        if let Some((stream, served)) = serve(exec, &request, &key, wanted)? {
            found.push((key, stream, served));
        }
    }
    if found.is_empty() {
        return nothing(exec, &request, reply);
    }
    reply_streams(reply, found.len());
    for (key, stream, served) in found {
        reply_key(reply, &key);
        match served {
            Served::New(ranks) => reply_ranks(exec, &key, &stream, ranks, reply),
            Served::History(ids) => reply_history(exec, &key, &stream, &ids, reply),
        }
    }
    Ok(Outcome::Done)
}

/// Gives a consumer what it wants of a stream; `None` if that is nothing.
fn serve(
    exec: &mut Exec<'_, '_>,
    request: &Request<'_>,
    key: &Key<'_>,
    wanted: Wanted,
) -> Result<Option<(Stream, Served)>, Error> {
    let (group_name, name) = request.group.unwrap_or_default();
    let now_ms = exec.now_ms();
    let mut opened = exec.collection_to_write::<Stream>(key)?;
    let stream = &mut opened.value;
    let Some(mut group) = stream.group(exec.heap(key), group_name) else { return Ok(None) };
    let consumer = consumer_seen(exec, key, stream, (group_name, &group), name)?;
    let served = match wanted {
        Wanted::After(id) => {
            let (of, by) = (group.number, consumer.number);
            let first = id.next().unwrap_or(StreamId::MAX);
            let heap = exec.heap(key);
            let ids: Vec<_> = stream.owned_from(heap, of, by, first).take(request.count).collect();
            for id in &ids {
                let heap = exec.heap(key);
                // What is no longer there is not delivered again.
                let Some(before) = stream.pending(heap, of, *id).filter(|_| stream.contains(heap, *id))
                else {
                    continue;
                };
                let deliveries = before.deliveries.saturating_add(1);
                let pending = Pending { delivered_ms: now_ms, deliveries, ..before };
                stream.deliver(exec.heap_mut(key), pending)?;
                exec.repeat(key, || claim_words(key.bytes, (group_name, &group), name, &[*id], &pending));
            }
            Some(Served::History(ids))
        }
        Wanted::New => {
            let ranks = ranks_after(exec, key, stream, group.last_id, request.count);
            let heap = exec.heap(key);
            let new = stream.iter_from(heap, ranks.start).take(ranks.len());
            let ids: Vec<StreamId> = new.map(|entry| entry.id).collect();
            let mut each = Pending {
                group: group.number,
                consumer: consumer.number,
                id: StreamId::MIN,
                delivered_ms: now_ms,
                deliveries: 1,
            };
            for id in &ids {
                stream.advance(exec.heap(key), &mut group, *id);
                if !request.no_ack {
                    each.id = *id;
                    stream.deliver(exec.heap_mut(key), each)?;
                }
            }
            if !ids.is_empty() {
                stream.store_group(exec.heap_mut(key), group_name, group)?;
                if !request.no_ack {
                    let consumer = Consumer { active_ms: Some(now_ms), ..consumer };
                    stream.store_consumer(exec.heap_mut(key), group.number, name, consumer)?;
                    exec.repeat(key, || claim_words(key.bytes, (group_name, &group), name, &ids, &each));
                }
                exec.repeat(key, || super::group::set_id_words(key.bytes, group_name, &group));
            }
            Some(Served::New(ranks)).filter(|_| !ids.is_empty())
        }
    };
    let stream = opened.value;
    exec.store(key, opened)?;
    Ok(served.map(|served| (stream, served)))
}

fn reply_history(
    exec: &Exec<'_, '_>,
    key: &Key<'_>,
    stream: &Stream,
    ids: &[StreamId],
    reply: &mut dyn Reply,
) {
    let heap = exec.heap(key);
    let reader = stream.reader(heap);
    reply.array(ids.len());
    for id in ids {
        match stream.get(heap, *id) {
            Some(entry) => reply_entry(reply, &reader.view(entry)),
            None => {
                reply.array(2);
                reply_id(reply, *id);
                reply.null_array();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn entries_after_an_id() {
        check(
            r#"
            > XADD s 1-0 a 1
            "1-0"
            ! xadd XADD s 1-0 a 1
            > XADD s 2-0 a 2
            "2-0"
            ! xadd XADD s 2-0 a 2
            > XADD r 1-0 b 1
            "1-0"
            ! xadd XADD r 1-0 b 1
            > XREAD STREAMS s 1
            1) 1) "s"
            2) 1) 1) "2-0"
            2) 1) "a"
            2) "2"
            > XREAD COUNT 1 STREAMS s r none 0 0-9 0
            1) 1) "s"
            2) 1) 1) "1-0"
            2) 1) "a"
            2) "1"
            2) 1) "r"
            2) 1) 1) "1-0"
            2) 1) "b"
            2) "1"
            > XREAD COUNT 0 STREAMS s 1-0
            1) 1) "s"
            2) 1) 1) "2-0"
            2) 1) "a"
            2) "2"
            > XREAD COUNT -5 STREAMS s s 1 1
            1) 1) "s"
            2) 1) 1) "2-0"
            2) 1) "a"
            2) "2"
            2) 1) "s"
            2) 1) 1) "2-0"
            2) 1) "a"
            2) "2"
            > XREAD STREAMS s $
            (nil)
            > XREAD STREAMS s 18446744073709551615-18446744073709551615
            (nil)
            > XREAD STREAMS s
            (error) ERR wrong number of arguments for 'xread' command
            > XREAD COUNT 1 STREAMS s r 0
            (error) ERR Unbalanced 'xread' list of streams: for each stream key an ID or '$' must be specified.
            > XREAD STREAMS s >
            (error) ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.
            > XREAD STREAMS s x
            (error) ERR Invalid stream ID specified as stream command argument
            > XREAD COUNT x STREAMS s 0
            (error) ERR value is not an integer or out of range
            > XREAD BLOCK x STREAMS s 0
            (error) ERR timeout is not an integer or out of range
            > XREAD BLOCK -1 STREAMS s 0
            (error) ERR timeout is negative
            > XREAD NOACK STREAMS s 0
            (error) ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.
            > XREAD GROUP g c STREAMS s 0
            (error) ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.
            > XREAD COUNT 1 COUNT 1
            (error) ERR syntax error
            > XREAD FOO STREAMS s 0
            (error) ERR syntax error
            > SET string v
            OK
            ! set SET string v
            > XREAD STREAMS s string 0 0
            (error) WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }

    #[test]
    fn entries_for_a_group() {
        check(
            r#"
            > XADD s 1-0 a 1
            "1-0"
            ! xadd XADD s 1-0 a 1
            > XADD s 2-0 a 2
            "2-0"
            ! xadd XADD s 2-0 a 2
            > XADD s 3-0 a 3
            "3-0"
            ! xadd XADD s 3-0 a 3
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
            ! - XGROUP SETID s g 1-0 ENTRIESREAD 1
            ... 10 ms
            > XREADGROUP GROUP g d NOACK COUNT 1 STREAMS s >
            1) 1) "s"
            2) 1) 1) "2-0"
            2) 1) "a"
            2) "2"
            ! xgroup-createconsumer XGROUP CREATECONSUMER s g d
            ! - XGROUP SETID s g 2-0 ENTRIESREAD 2
            > XREADGROUP GROUP g c STREAMS s s > >
            1) 1) "s"
            2) 1) 1) "3-0"
            2) 1) "a"
            2) "3"
            ! - XCLAIM s g c 0 3-0 TIME 1000010 RETRYCOUNT 1 FORCE JUSTID LASTID 3-0
            ! - XGROUP SETID s g 3-0 ENTRIESREAD 3
            > XREADGROUP GROUP g c STREAMS s >
            (nil)
            > XREADGROUP GROUP g e STREAMS s 0
            1) 1) "s"
            2) (empty array)
            ! xgroup-createconsumer XGROUP CREATECONSUMER s g e
            > XDEL s 1-0
            (integer) 1
            ! xdel XDEL s 1-0
            > XREADGROUP GROUP g c COUNT 5 STREAMS s 0
            1) 1) "s"
            2) 1) 1) "1-0"
            2) (nil)
            2) 1) "3-0"
            2) 1) "a"
            2) "3"
            ! - XCLAIM s g c 0 3-0 TIME 1000010 RETRYCOUNT 2 FORCE JUSTID LASTID 3-0
            > XREADGROUP GROUP g c STREAMS s 1
            1) 1) "s"
            2) 1) 1) "3-0"
            2) 1) "a"
            2) "3"
            ! - XCLAIM s g c 0 3-0 TIME 1000010 RETRYCOUNT 3 FORCE JUSTID LASTID 3-0
            > XREADGROUP GROUP g c STREAMS s 18446744073709551615-18446744073709551615
            (nil)
            > XGROUP SETID s g 0
            OK
            ! xgroup-setid XGROUP SETID s g 0-0 ENTRIESREAD -1
            > XREADGROUP GROUP g e STREAMS s >
            1) 1) "s"
            2) 1) 1) "2-0"
            2) 1) "a"
            2) "2"
            2) 1) "3-0"
            2) 1) "a"
            2) "3"
            ! - XCLAIM s g e 0 2-0 3-0 TIME 1000010 RETRYCOUNT 1 FORCE JUSTID LASTID 3-0
            ! - XGROUP SETID s g 3-0 ENTRIESREAD 3
            > XPENDING s g - + 10
            1) 1) "1-0"
            2) "c"
            3) (integer) 10
            4) (integer) 1
            2) 1) "2-0"
            2) "e"
            3) (integer) 0
            4) (integer) 1
            3) 1) "3-0"
            2) "e"
            3) (integer) 0
            4) (integer) 1
            "#,
        );
    }

    #[test]
    fn requests_that_make_no_sense() {
        check(
            r#"
            > XADD s 1-0 a 1
            "1-0"
            ! xadd XADD s 1-0 a 1
            > XGROUP CREATE s g 0
            OK
            ! xgroup-create XGROUP CREATE s g 0-0 MKSTREAM ENTRIESREAD -1
            > XREADGROUP GROUP g c STREAMS s $
            (error) ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by specifying a proper ID, or use the > ID to get new messages. The $ ID would just return an empty result set.
            > XREADGROUP GROUP g c STREAMS s x
            (error) ERR Invalid stream ID specified as stream command argument
            > XREADGROUP GROUP g c STREAMS s none > >
            (error) NOGROUP No such key 'none' or consumer group 'g' in XREADGROUP with GROUP option
            > XREADGROUP GROUP none c STREAMS s >
            (error) NOGROUP No such key 's' or consumer group 'none' in XREADGROUP with GROUP option
            > XREADGROUP GROUP g c STREAMS s s >
            (error) ERR Unbalanced 'xreadgroup' list of streams: for each stream key an ID or '>' must be specified.
            > XREADGROUP NOACK COUNT 1 STREAMS s >
            (error) ERR Missing GROUP option for XREADGROUP
            > XREADGROUP GROUP g c COUNT 1 BLOCK 0
            (error) ERR syntax error
            > XREADGROUP GROUP g c FOO STREAMS s >
            (error) ERR syntax error
            > SET string v
            OK
            ! set SET string v
            > XREADGROUP GROUP g c STREAMS s string > >
            (error) WRONGTYPE Operation against a key holding the wrong kind of value
            > XINFO CONSUMERS s g
            (empty array)
            "#,
        );
    }
}
