//! Deliveries to another consumer: XCLAIM, XAUTOCLAIM.

use shm::Heap;

use super::ack::ack_words;
use super::range::{reply_entry, reply_id};
use super::{consumer_seen, id, no_group};
use crate::command::effect::words;
use crate::command::{
    Args, Arity, CommandResult, DataCommand, Error, Exec, Flags, Group, Key, Keys, Opened, Outcome, Reply,
    Spec, until_nul,
};
use crate::number;
use crate::types::stream::{self, Consumer, Pending, Stream, StreamId};

pub(super) const COMMANDS: &[DataCommand] = &[
    DataCommand {
        spec: Spec::write("XCLAIM", Arity::AtLeast(6), Keys::ONE_UPDATE)
            .group(Group::Stream)
            .flags(Flags::FAST)
            .syntax(
                "key group consumer min-idle-time id [id ...] [IDLE ms] [TIME unix-time-milliseconds] \
                 [RETRYCOUNT count] [FORCE] [JUSTID] [LASTID lastid]",
            )
            .doc(
                "5.0.0",
                "O(log(N)) for each ID, with N entries pending.",
                "Delivers pending entries to another consumer of their group.",
            )
            .tips(&["nondeterministic_output"]),
        run: xclaim,
    },
    DataCommand {
        spec: Spec::write("XAUTOCLAIM", Arity::AtLeast(6), super::ONE_REMOVED)
            .group(Group::Stream)
            .flags(Flags::FAST)
            .syntax("key group consumer min-idle-time start [COUNT count] [JUSTID]")
            .doc(
                "6.2.0",
                "O(log(N)) for each entry looked at, at most ten times COUNT, with N entries pending.",
                "Delivers entries that have been pending for some time to another consumer of their group.",
            )
            .tips(&["nondeterministic_output"]),
        run: xautoclaim,
    },
];

/// A number of the client's that has an error of its own.
fn number_of(word: &[u8], error: &'static str) -> Result<i64, Error> {
    number::parse_i64(word).ok_or(Error::text(error))
}

/// Where the claimed entries lie and who gets them.
struct Claim<'a> {
    key: Key<'a>,
    group_name: &'a [u8],
    group: stream::Group,
    consumer_name: &'a [u8],
}

impl Claim<'_> {
    /// Gives a delivery to its consumer and records it.
    fn deliver(&self, exec: &mut Exec<'_, '_>, stream: &mut Stream, pending: Pending) -> Result<(), Error> {
        stream.deliver(exec.heap_mut(&self.key), pending)?;
        let (key, group) = (self.key.bytes, self.group_name);
        exec.repeat(&self.key, || {
            claim_words(key, (group, &self.group), self.consumer_name, &[pending.id], &pending)
        });
        Ok(())
    }

    /// Forgets deliveries of entries that are gone.
    fn forget(&self, exec: &mut Exec<'_, '_>, stream: &mut Stream, gone: &[StreamId]) -> Result<(), Error> {
        for id in gone {
            stream.acknowledge(exec.heap_mut(&self.key), self.group.number, *id)?;
        }
        if !gone.is_empty() {
            exec.repeat(&self.key, || ack_words(self.key.bytes, self.group_name, gone));
        }
        Ok(())
    }

    /// Ends the change. `active`: the consumer got something.
    fn end(
        &self,
        exec: &mut Exec<'_, '_>,
        mut opened: Opened<Stream>,
        consumer: Consumer,
        active: bool,
    ) -> Result<(), Error> {
        if active {
            let consumer = Consumer { active_ms: Some(exec.now_ms()), ..consumer };
            let heap = exec.heap_mut(&self.key);
            opened.value.store_consumer(heap, self.group.number, self.consumer_name, consumer)?;
        }
        exec.store(&self.key, opened)?;
        Ok(())
    }

    /// Answers with entries, or their IDs.
    fn reply(
        &self,
        exec: &Exec<'_, '_>,
        stream: &Stream,
        ids: &[StreamId],
        just_id: bool,
        reply: &mut dyn Reply,
    ) {
        let heap = exec.heap(&self.key);
        let reader = stream.reader(heap);
        reply.array(ids.len());
        for id in ids {
            match stream.get(heap, *id) {
                Some(entry) if !just_id => reply_entry(reply, &reader.view(entry)),
                _ => reply_id(reply, *id),
            }
        }
    }
}

/// The canonical command of deliveries at one time, each the same time.
pub(super) fn claim_words(
    key: &[u8],
    (group_name, group): (&[u8], &stream::Group),
    consumer: &[u8],
    ids: &[StreamId],
    each: &Pending,
) -> Vec<Box<[u8]>> {
    let mut all = words(&[b"XCLAIM", key, group_name, consumer, b"0"]);
    all.extend(ids.iter().map(|id| (*id.text()).into()));
    let (time, count) = (each.delivered_ms.to_string(), each.deliveries.to_string());
    all.extend(words(&[b"TIME", time.as_bytes(), b"RETRYCOUNT", count.as_bytes(), b"FORCE", b"JUSTID"]));
    all.extend(words(&[b"LASTID", &group.last_id.text()]));
    all
}

/// The stream and the group of a claim.
fn open<'a>(
    exec: &mut Exec<'_, '_>,
    key: Key<'a>,
    group_name: &'a [u8],
    consumer_name: &'a [u8],
) -> Result<(Opened<Stream>, Claim<'a>), Error> {
    let opened = exec.collection_to_write::<Stream>(&key)?;
    let group = opened.value.group(exec.heap(&key), group_name);
    let group = group.ok_or_else(|| no_group(key.bytes, group_name, ""))?;
    Ok((opened, Claim { key, group_name, group, consumer_name }))
}

// ---- XCLAIM -------------------------------------------------------------------------------------

/// The options of XCLAIM.
#[derive(Default)]
struct Options {
    delivered_ms: Option<i64>,
    deliveries: Option<u64>,
    force: bool,
    just_id: bool,
    last_id: StreamId,
}

impl Options {
    fn parse(args: &mut Args<'_>, now_ms: u64) -> Result<Options, Error> {
        let mut options = Options::default();
        while !args.is_empty() {
            if args.take("FORCE") {
                options.force = true;
            } else if args.take("JUSTID") {
                options.just_id = true;
            } else if args.left() >= 2 && args.take("IDLE") {
                let idle = number_of(args.word()?, "ERR Invalid IDLE option argument for XCLAIM")?;
                options.delivered_ms = Some(now_ms.cast_signed().wrapping_sub(idle));
            } else if args.left() >= 2 && args.take("TIME") {
                let time = number_of(args.word()?, "ERR Invalid TIME option argument for XCLAIM")?;
                options.delivered_ms = Some(time);
            } else if args.left() >= 2 && args.take("RETRYCOUNT") {
                let count = number_of(args.word()?, "ERR Invalid RETRYCOUNT option argument for XCLAIM")?;
                // A negative one counts as none.
                options.deliveries = u64::try_from(count).ok();
            } else if args.left() >= 2 && args.take("LASTID") {
                options.last_id = id::exact(args.word()?)?;
            } else {
                let option = until_nul(args.word()?);
                return Err(Error::repeating("ERR Unrecognized XCLAIM option '", option, "'"));
            }
        }
        Ok(options)
    }

    /// The time of the deliveries. What cannot be is now: the client's clock may be another one.
    fn delivered_ms(&self, now_ms: u64) -> u64 {
        let given = self.delivered_ms.and_then(|time| u64::try_from(time).ok());
        given.filter(|time| *time <= now_ms).unwrap_or(now_ms)
    }
}

fn xclaim(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let (key, group_name, consumer_name) = (args.key()?, args.word()?, args.word()?);
    let now_ms = exec.now_ms();
    let (mut opened, mut claim) = open(exec, key, group_name, consumer_name)?;
    let idle_ms = number_of(args.word()?, "ERR Invalid min-idle-time argument for XCLAIM")?.max(0);
    let mut ids = Vec::new();
    while let Some(id) = args.peek().and_then(|word| id::exact(word).ok()) {
        ids.push(id);
        args.word()?;
    }
    let options = Options::parse(args, now_ms)?;
    let delivered_ms = options.delivered_ms(now_ms);

    let stream = &mut opened.value;
    let moves_on = options.last_id > claim.group.last_id;
    if moves_on {
        claim.group.last_id = options.last_id;
        stream.store_group(exec.heap_mut(&claim.key), group_name, claim.group)?;
    }
    let consumer = consumer_seen(exec, &claim.key, stream, (group_name, &claim.group), consumer_name)?;
    let (mut claimed, mut gone) = (Vec::new(), Vec::new());
    for id in ids {
        let heap = exec.heap(&claim.key);
        let before = stream.pending(heap, claim.group.number, id);
        if !stream.contains(heap, id) {
            gone.extend(before.map(|_| id));
            continue;
        }
        let new =
            Pending { group: claim.group.number, consumer: consumer.number, id, delivered_ms, deliveries: 1 };
        let pending = match before {
            None if !options.force => continue,
            None => new,
            Some(before) if !has_waited(&before, idle_ms, now_ms) => continue,
            Some(before) => Pending { deliveries: before.deliveries, ..new },
        };
        let deliveries = match options.deliveries {
            Some(deliveries) => deliveries,
            None => pending.deliveries.saturating_add(u64::from(!options.just_id)),
        };
        claim.deliver(exec, stream, Pending { deliveries, ..pending })?;
        claimed.push(id);
    }
    claim.forget(exec, stream, &gone)?;
    if moves_on && claimed.is_empty() {
        exec.repeat(&claim.key, || super::group::set_id_words(claim.key.bytes, group_name, &claim.group));
    }
    claim.reply(exec, stream, &claimed, options.just_id, reply);
    claim.end(exec, opened, consumer, !claimed.is_empty())?;
    Ok(Outcome::Done)
}

/// Whether an entry was delivered so long ago.
fn has_waited(pending: &Pending, idle_ms: i64, now_ms: u64) -> bool {
    let idle = now_ms.saturating_sub(pending.delivered_ms);
    idle >= u64::try_from(idle_ms).unwrap_or(0)
}

// ---- XAUTOCLAIM ---------------------------------------------------------------------------------

/// How many deliveries are looked at for each that is asked for.
const ATTEMPTS: usize = 10;

/// What XAUTOCLAIM meets.
#[derive(Default)]
struct Found {
    claimed: Vec<Pending>,
    /// Their entries are no longer there.
    gone: Vec<StreamId>,
    /// Where to go on; the least ID at the end.
    next: StreamId,
}

impl Found {
    /// Up to `count` deliveries to a group, from an ID on.
    fn among(
        stream: &Stream,
        heap: &Heap,
        group: u32,
        start: StreamId,
        count: usize,
        is_claimed: impl Fn(&Pending) -> bool,
    ) -> Found {
        let mut all = stream.pending_from(heap, group, start);
        let mut found = Found::default();
        for pending in all.by_ref().take(count.saturating_mul(ATTEMPTS)) {
            if !stream.contains(heap, pending.id) {
                found.gone.push(pending.id);
            } else if is_claimed(&pending) {
                found.claimed.push(pending);
            }
            if found.claimed.len() + found.gone.len() == count {
                break;
            }
        }
        found.next = all.next().map_or(StreamId::MIN, |pending| pending.id);
        found
    }
}

fn xautoclaim(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let (key, group_name, consumer_name) = (args.key()?, args.word()?, args.word()?);
    let idle_ms = number_of(args.word()?, "ERR Invalid min-idle-time argument for XAUTOCLAIM")?.max(0);
    let start = id::start(args.word()?)?;
    let (mut count, mut just_id) = (100, false);
    while !args.is_empty() {
        if args.left() >= 2 && args.take("COUNT") {
            const COUNT: Error = Error::text("ERR COUNT must be > 0");
            let number = number::parse_i64(args.word()?).filter(|count| (1..=i64::MAX / 16).contains(count));
            count = number.ok_or(COUNT)? as usize;
        } else if args.take("JUSTID") {
            just_id = true;
        } else {
            return Err(Error::Syntax);
        }
    }
    let now_ms = exec.now_ms();
    let (mut opened, claim) = open(exec, key, group_name, consumer_name)?;
    let stream = &mut opened.value;
    let consumer = consumer_seen(exec, &claim.key, stream, (group_name, &claim.group), consumer_name)?;

    let heap = exec.heap(&claim.key);
    let is_claimed = |pending: &Pending| has_waited(pending, idle_ms, now_ms);
    let Found { claimed, gone, next } =
        Found::among(stream, heap, claim.group.number, start, count, is_claimed);
    for pending in &claimed {
        let deliveries = pending.deliveries.saturating_add(u64::from(!just_id));
        let pending = Pending { consumer: consumer.number, delivered_ms: now_ms, deliveries, ..*pending };
        claim.deliver(exec, stream, pending)?;
    }
    claim.forget(exec, stream, &gone)?;
    let claimed: Vec<StreamId> = claimed.iter().map(|pending| pending.id).collect();
    reply.array(3);
    reply_id(reply, next);
    claim.reply(exec, stream, &claimed, just_id, reply);
    reply.array(gone.len());
    gone.iter().for_each(|id| reply_id(reply, *id));
    claim.end(exec, opened, consumer, !claimed.is_empty())?;
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn deliveries_are_claimed() {
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
            ... 100 ms
            > XCLAIM s g d 101 1-0
            (empty array)
            ! xgroup-createconsumer XGROUP CREATECONSUMER s g d
            > XCLAIM s g d 100 1-0
            1) 1) "1-0"
            2) 1) "a"
            2) "1"
            ! - XCLAIM s g d 0 1-0 TIME 1000100 RETRYCOUNT 2 FORCE JUSTID LASTID 2-0
            > XCLAIM s g d 0 1-0 2-0 JUSTID
            1) "1-0"
            2) "2-0"
            ! - XCLAIM s g d 0 1-0 TIME 1000100 RETRYCOUNT 2 FORCE JUSTID LASTID 2-0
            ! - XCLAIM s g d 0 2-0 TIME 1000100 RETRYCOUNT 1 FORCE JUSTID LASTID 2-0
            > XCLAIM s g d 0 3-0
            (empty array)
            > XCLAIM s g d 0 3-0 FORCE IDLE 50
            1) 1) "3-0"
            2) 1) "a"
            2) "3"
            ! - XCLAIM s g d 0 3-0 TIME 1000050 RETRYCOUNT 2 FORCE JUSTID LASTID 2-0
            > XCLAIM s g d 0 9-0 FORCE
            (empty array)
            > XCLAIM s g e 0 3-0 TIME 5 RETRYCOUNT 9 JUSTID LASTID 4-0
            1) "3-0"
            ! xgroup-createconsumer XGROUP CREATECONSUMER s g e
            ! - XCLAIM s g e 0 3-0 TIME 5 RETRYCOUNT 9 FORCE JUSTID LASTID 4-0
            > XCLAIM s g e 0 3-0 TIME 5000000 RETRYCOUNT -1
            1) 1) "3-0"
            2) 1) "a"
            2) "3"
            ! - XCLAIM s g e 0 3-0 TIME 1000100 RETRYCOUNT 10 FORCE JUSTID LASTID 4-0
            > XPENDING s g - + 10
            1) 1) "1-0"
            2) "d"
            3) (integer) 0
            4) (integer) 2
            2) 1) "2-0"
            2) "d"
            3) (integer) 0
            4) (integer) 1
            3) 1) "3-0"
            2) "e"
            3) (integer) 0
            4) (integer) 10
            > XDEL s 2-0
            (integer) 1
            ! xdel XDEL s 2-0
            > XCLAIM s g e 0 2-0 77
            (empty array)
            ! - XACK s g 2-0
            > XCLAIM s g e 0 77 LASTID 5
            (empty array)
            ! - XGROUP SETID s g 5-0 ENTRIESREAD 2
            > XPENDING s g
            1) (integer) 2
            2) "1-0"
            3) "3-0"
            4) 1) 1) "d"
            2) "1"
            2) 1) "e"
            2) "1"
            > XCLAIM s g e x 1-0
            (error) ERR Invalid min-idle-time argument for XCLAIM
            > XCLAIM s g e 0 1-0 x
            (error) ERR Unrecognized XCLAIM option 'x'
            > XCLAIM s g e 0 1-0 IDLE x
            (error) ERR Invalid IDLE option argument for XCLAIM
            > XCLAIM s g e 0 1-0 TIME x
            (error) ERR Invalid TIME option argument for XCLAIM
            > XCLAIM s g e 0 1-0 RETRYCOUNT x
            (error) ERR Invalid RETRYCOUNT option argument for XCLAIM
            > XCLAIM s g e 0 1-0 LASTID x
            (error) ERR Invalid stream ID specified as stream command argument
            > XCLAIM s none e 0 1-0
            (error) NOGROUP No such key 's' or consumer group 'none'
            > XCLAIM none g e 0 1-0
            (error) NOGROUP No such key 'none' or consumer group 'g'
            "#,
        );
    }

    #[test]
    fn deliveries_are_claimed_by_age() {
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
            > XADD s 4-0 a 3
            "4-0"
            ! xadd XADD s 4-0 a 3
            > XGROUP CREATE s g 0
            OK
            ! xgroup-create XGROUP CREATE s g 0-0 MKSTREAM ENTRIESREAD -1
            > XREADGROUP GROUP g c STREAMS s >
            1) 1) "s"
            2) 1) 1) "1-0"
            2) 1) "a"
            2) "1"
            2) 1) "2-0"
            2) 1) "a"
            2) "2"
            3) 1) "3-0"
            2) 1) "a"
            2) "3"
            4) 1) "4-0"
            2) 1) "a"
            2) "3"
            ! xgroup-createconsumer XGROUP CREATECONSUMER s g c
            ! - XCLAIM s g c 0 1-0 2-0 3-0 4-0 TIME 1000000 RETRYCOUNT 1 FORCE JUSTID LASTID 4-0
            ! - XGROUP SETID s g 4-0 ENTRIESREAD 4
            ... 100 ms
            > XDEL s 2-0
            (integer) 1
            ! xdel XDEL s 2-0
            > XAUTOCLAIM s g d 101 0
            1) "0-0"
            2) (empty array)
            3) 1) "2-0"
            ! xgroup-createconsumer XGROUP CREATECONSUMER s g d
            ! - XACK s g 2-0
            > XAUTOCLAIM s g d 50 - COUNT 1
            1) "3-0"
            2) 1) 1) "1-0"
            2) 1) "a"
            2) "1"
            3) (empty array)
            ! - XCLAIM s g d 0 1-0 TIME 1000100 RETRYCOUNT 2 FORCE JUSTID LASTID 4-0
            > XAUTOCLAIM s g d 50 (1-0 COUNT 2
            1) "0-0"
            2) 1) 1) "3-0"
            2) 1) "a"
            2) "3"
            2) 1) "4-0"
            2) 1) "a"
            2) "3"
            3) (empty array)
            ! - XCLAIM s g d 0 3-0 TIME 1000100 RETRYCOUNT 2 FORCE JUSTID LASTID 4-0
            ! - XCLAIM s g d 0 4-0 TIME 1000100 RETRYCOUNT 2 FORCE JUSTID LASTID 4-0
            > XAUTOCLAIM s g d 50 4-0 JUSTID
            1) "0-0"
            2) (empty array)
            3) (empty array)
            > XPENDING s g - + 10
            1) 1) "1-0"
            2) "d"
            3) (integer) 0
            4) (integer) 2
            2) 1) "3-0"
            2) "d"
            3) (integer) 0
            4) (integer) 2
            3) 1) "4-0"
            2) "d"
            3) (integer) 0
            4) (integer) 2
            > XAUTOCLAIM s g d x 0
            (error) ERR Invalid min-idle-time argument for XAUTOCLAIM
            > XAUTOCLAIM s g d 0 x
            (error) ERR Invalid stream ID specified as stream command argument
            > XAUTOCLAIM s g d 0 0 COUNT 0
            (error) ERR COUNT must be > 0
            > XAUTOCLAIM s g d 0 0 COUNT x
            (error) ERR COUNT must be > 0
            > XAUTOCLAIM s g d 0 0 FOO
            (error) ERR syntax error
            > XAUTOCLAIM s none d 0 0
            (error) NOGROUP No such key 's' or consumer group 'none'
            > XAUTOCLAIM none g d 0 0
            (error) NOGROUP No such key 'none' or consumer group 'g'
            "#,
        );
    }
}
