//! Streams cut short: XTRIM, and the options that XADD shares with it.

use shm::Heap;

use super::{ONE_REMOVED, event, id};
use crate::command::effect::words;
use crate::command::{
    Args, Arity, CommandResult, DataCommand, Error, Exec, Group, Key, Outcome, Reply, Spec,
};
use crate::types::collection::Collection;
use crate::types::stream::{Stream, StreamId};

pub(super) const COMMANDS: &[DataCommand] = &[DataCommand {
    spec: Spec::write("XTRIM", Arity::AtLeast(4), ONE_REMOVED)
        .group(Group::Stream)
        .syntax("key <MAXLEN | MINID> [= | ~] threshold [LIMIT count] [KEEPREF | DELREF | ACKED]")
        .doc(
            "5.0.0",
            "O(log(N)) with N entries in the stream, however many go. With DELREF and ACKED O(M) with M entries \
             that go or are looked at.",
            "Deletes the first entries of a stream.",
        )
        .tips(&["nondeterministic_output"]),
    run: xtrim,
}];

/// What becomes of deliveries of entries that are deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum References {
    /// They stay.
    #[default]
    Keep,
    /// They go, too.
    Delete,
    /// Only entries go that every group has read and acknowledged.
    Acked,
}

impl References {
    /// Takes KEEPREF, DELREF or ACKED. `None` if the next word is another one.
    pub fn take(args: &mut Args<'_>) -> Option<References> {
        let all =
            [("KEEPREF", References::Keep), ("DELREF", References::Delete), ("ACKED", References::Acked)];
        all.into_iter().find(|(keyword, _)| args.take(keyword)).map(|(_, references)| references)
    }
}

/// What is to stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Threshold {
    /// So many entries.
    MaxLen(u64),
    /// Entries from this ID on.
    MinId(StreamId),
}

/// The options about trimming.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Trimming {
    threshold: Option<Threshold>,
    approximate: bool,
    limit: Option<u64>,
    references: Option<References>,
}

const TOGETHER: Error =
    Error::text("ERR syntax error, MAXLEN and MINID options at the same time are not compatible");

impl Trimming {
    /// Takes an option with its words; false if the next word is none.
    ///
    /// # Errors
    /// Words that do not fit.
    pub fn take(&mut self, args: &mut Args<'_>) -> Result<bool, Error> {
        if args.left() >= 2 && args.take("MAXLEN") {
            self.begin(args)?;
            let len = u64::try_from(args.integer()?)
                .map_err(|_| Error::text("ERR The MAXLEN argument must be >= 0."))?;
            self.threshold = Some(Threshold::MaxLen(len));
        } else if args.left() >= 2 && args.take("MINID") {
            self.begin(args)?;
            self.threshold = Some(Threshold::MinId(id::exact(args.word()?)?));
        } else if args.left() >= 2 && args.take("LIMIT") {
            let limit = u64::try_from(args.integer()?)
                .map_err(|_| Error::text("ERR The LIMIT argument must be >= 0."))?;
            self.limit = Some(limit);
        } else if let Some(references) = References::take(args) {
            if self.references.replace(references).is_some() {
                return Err(Error::Syntax);
            }
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    /// What follows MAXLEN and MINID alike.
    fn begin(&mut self, args: &mut Args<'_>) -> Result<(), Error> {
        if self.threshold.is_some() {
            return Err(TOGETHER);
        }
        self.approximate = args.left() >= 2 && args.take("~");
        if !self.approximate && args.left() >= 2 {
            args.take("=");
        }
        Ok(())
    }

    /// Checks what only all options together show.
    ///
    /// # Errors
    /// Options that do not fit together.
    pub fn check(&self) -> Result<(), Error> {
        let is_limited = self.limit.is_some_and(|limit| limit > 0);
        if is_limited && self.threshold.is_none() {
            return Err(Error::text(
                "ERR syntax error, LIMIT cannot be used without specifying a trimming strategy",
            ));
        }
        Ok(())
    }

    fn check_limit(&self) -> Result<(), Error> {
        if self.limit.is_some() && !self.approximate {
            return Err(Error::text("ERR syntax error, LIMIT cannot be used without the special ~ option"));
        }
        Ok(())
    }

    /// [`Trimming::check`] for XADD, which need not trim.
    ///
    /// # Errors
    /// Options that do not fit together.
    pub fn check_optional(&self) -> Result<(), Error> {
        self.check()?;
        self.check_limit()
    }

    /// Deletes what these options say and records it. Returns how many entries that are.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn run(&self, exec: &mut Exec<'_, '_>, key: &Key<'_>, stream: &mut Stream) -> Result<usize, Error> {
        let node = exec.caller().encodings.stream_node_max_entries;
        let references = self.references.unwrap_or_default();
        let count = self.surplus(stream, exec.heap(key), node);
        if count == 0 {
            return Ok(0);
        }
        if references == References::Acked {
            return self.run_acked(exec, key, stream, count);
        }
        if references == References::Delete && stream.group_count() > 0 {
            let heap = exec.heap(key);
            let ids: Vec<StreamId> = stream.iter_from(heap, 0).take(count).map(|entry| entry.id).collect();
            for id in ids {
                stream.unreference(exec.heap_mut(key), id)?;
            }
        }
        stream.trim(exec.heap_mut(key), count)?;
        record(exec, key, stream.len(), references);
        Ok(count)
    }

    /// How many entries are beyond the threshold, as far as they may go.
    fn surplus(&self, stream: &Stream, heap: &Heap, node: u64) -> usize {
        let surplus = match self.threshold {
            None => 0,
            Some(Threshold::MaxLen(len)) => (stream.len() as u64).saturating_sub(len) as usize,
            Some(Threshold::MinId(id)) => {
                id.previous().map_or(0, |last| stream.ranks(heap, StreamId::MIN, last).end)
            }
        };
        if !self.approximate {
            return surplus;
        }
        /// Stands for nodes whose number of entries has no limit.
        const NODE: u64 = 100;
        const LIMIT_MAX: u64 = 1_000_000;
        let limit = match self.limit {
            Some(0) => u64::MAX,
            Some(limit) => limit,
            None if node == 0 => 100 * NODE,
            None => node.saturating_mul(100).min(LIMIT_MAX),
        };
        let node = if node == 0 { NODE } else { node };
        whole_nodes(stream, (surplus as u64).min(limit), node) as usize
    }

    /// ACKED: of the entries that may go, those that nobody waits for.
    fn run_acked(
        &self,
        exec: &mut Exec<'_, '_>,
        key: &Key<'_>,
        stream: &mut Stream,
        count: usize,
    ) -> Result<usize, Error> {
        let heap = exec.heap(key);
        // Behind it, there is a group that has not read so far.
        let read_by_all = stream.groups(heap).map(|(_, group)| group.last_id).min().unwrap_or(StreamId::MAX);
        // With a length to reach, those that stay make room for others to go.
        let looked_at = match self.threshold {
            Some(Threshold::MaxLen(_)) if !self.approximate => stream.len(),
            _ => count,
        };
        let free: Vec<(usize, StreamId)> = stream
            .iter_from(heap, 0)
            .take(looked_at)
            .map(|entry| entry.id)
            .take_while(|id| *id <= read_by_all)
            .enumerate()
            .filter(|(_, id)| !stream.is_referenced(heap, *id))
            .take(count)
            .collect();
        // The first ones go as if trimmed, the others leave holes.
        let first = free.iter().zip(0..).take_while(|((rank, _), nth)| rank == nth).count();
        if first > 0 {
            stream.trim(exec.heap_mut(key), first)?;
            record(exec, key, stream.len(), References::Keep);
        }
        let holes: Vec<StreamId> = free[first..].iter().map(|(_, id)| *id).collect();
        for id in &holes {
            stream.remove(exec.heap_mut(key), *id)?;
        }
        if !holes.is_empty() {
            exec.changed(key, event("xtrim"), || super::delete::del_words(key.bytes, &holes));
        }
        Ok(free.len())
    }
}

/// The greatest number of entries up to `count` that is one of whole nodes: each holds `node` entries, counted from the
/// first that was ever added; the last may hold fewer.
fn whole_nodes(stream: &Stream, count: u64, node: u64) -> u64 {
    let len = stream.len() as u64;
    if count >= len {
        return len;
    }
    let gone = stream.entries_added.saturating_sub(len);
    let first = node - gone % node;
    match count.checked_sub(first) {
        Some(more) => first + more / node * node,
        None => 0,
    }
}

/// Records that the first entries went.
fn record(exec: &mut Exec<'_, '_>, key: &Key<'_>, len: usize, references: References) {
    exec.changed(key, event("xtrim"), || {
        let mut all = words(&[b"XTRIM", key.bytes, b"MAXLEN", b"=", len.to_string().as_bytes()]);
        if references == References::Delete {
            all.push((*b"DELREF").into());
        }
        all
    });
}

fn xtrim(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let key = args.key()?;
    let mut trimming = Trimming::default();
    while !args.is_empty() {
        if !trimming.take(args)? {
            return Err(Error::Syntax);
        }
    }
    trimming.check()?;
    if trimming.threshold.is_none() {
        return Err(Error::text("ERR syntax error, XTRIM must be called with a trimming strategy"));
    }
    trimming.check_limit()?;
    let mut opened = exec.collection_to_write::<Stream>(&key)?;
    let mut count = 0;
    if opened.exists() {
        count = trimming.run(exec, &key, &mut opened.value)?;
        if count > 0 {
            exec.store(&key, opened)?;
        }
    }
    reply.count(count);
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn the_first_entries_go() {
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
            > XADD s 4-0 a 1
            "4-0"
            ! xadd XADD s 4-0 a 1
            > XTRIM s MAXLEN 3
            (integer) 1
            ! xtrim XTRIM s MAXLEN = 3
            > XTRIM s MINID = 3
            (integer) 1
            ! xtrim XTRIM s MAXLEN = 2
            > XTRIM s MINID 3
            (integer) 0
            > XTRIM s MAXLEN ~ 1
            (integer) 0
            > XTRIM s MAXLEN
            (error) ERR wrong number of arguments for 'xtrim' command
            > XTRIM s MAXLEN 1 COUNT 1
            (error) ERR syntax error
            > XTRIM s LIMIT 1 LIMIT 2
            (error) ERR syntax error, LIMIT cannot be used without specifying a trimming strategy
            > XTRIM s MAXLEN 1 LIMIT 0
            (error) ERR syntax error, LIMIT cannot be used without the special ~ option
            > XTRIM s NOMKSTREAM MAXLEN 1
            (error) ERR syntax error
            > XTRIM s MAXLEN 1 MAXLEN 2
            (error) ERR syntax error, MAXLEN and MINID options at the same time are not compatible
            > XTRIM s LIMIT 0
            (error) ERR syntax error, XTRIM must be called with a trimming strategy
            > XTRIM s MAXLEN ~ 0
            (integer) 2
            ! xtrim XTRIM s MAXLEN = 0
            > XTRIM s MAXLEN 0
            (integer) 0
            > TYPE s
            stream
            > XLEN s
            (integer) 0
            > XTRIM none MAXLEN 0
            (integer) 0
            > SET string v
            OK
            ! set SET string v
            > XTRIM string MAXLEN 0
            (error) WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }

    #[test]
    fn what_groups_know_of_entries_that_go() {
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
            > XADD s 4-0 a 1
            "4-0"
            ! xadd XADD s 4-0 a 1
            > XADD s 5-0 a 1
            "5-0"
            ! xadd XADD s 5-0 a 1
            > XGROUP CREATE s g 0
            OK
            ! xgroup-create XGROUP CREATE s g 0-0 MKSTREAM ENTRIESREAD -1
            > XTRIM s MAXLEN 1 ACKED
            (integer) 0
            > XREADGROUP GROUP g c COUNT 4 STREAMS s >
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
            4) 1) "4-0"
            2) 1) "a"
            2) "1"
            ! xgroup-createconsumer XGROUP CREATECONSUMER s g c
            ! - XCLAIM s g c 0 1-0 2-0 3-0 4-0 TIME 1000000 RETRYCOUNT 1 FORCE JUSTID LASTID 4-0
            ! - XGROUP SETID s g 4-0 ENTRIESREAD 4
            > XACK s g 1-0 3-0
            (integer) 2
            ! - XACK s g 1-0 3-0
            > XTRIM s MAXLEN 1 ACKED
            (integer) 2
            ! xtrim XTRIM s MAXLEN = 4
            ! xtrim XDEL s 3-0
            > XRANGE s - + COUNT 1
            1) 1) "2-0"
            2) 1) "a"
            2) "1"
            > XTRIM s MINID 5 KEEPREF
            (integer) 2
            ! xtrim XTRIM s MAXLEN = 1
            > XPENDING s g - + 10
            1) 1) "2-0"
            2) "c"
            3) (integer) 0
            4) (integer) 1
            2) 1) "4-0"
            2) "c"
            3) (integer) 0
            4) (integer) 1
            > XADD s MAXLEN 0 DELREF 6-0 a 1
            "6-0"
            ! xadd XADD s 6-0 a 1
            ! xtrim XTRIM s MAXLEN = 0 DELREF
            > XTRIM s MINID 9 DELREF ACKED
            (error) ERR syntax error
            > XREADGROUP GROUP g c STREAMS s >
            (nil)
            > XADD s 7-0 a 1
            "7-0"
            ! xadd XADD s 7-0 a 1
            > XREADGROUP GROUP g c STREAMS s >
            1) 1) "s"
            2) 1) 1) "7-0"
            2) 1) "a"
            2) "1"
            ! - XCLAIM s g c 0 7-0 TIME 1000000 RETRYCOUNT 1 FORCE JUSTID LASTID 7-0
            ! - XGROUP SETID s g 7-0 ENTRIESREAD 5
            > XTRIM s MAXLEN = 0 DELREF
            (integer) 1
            ! xtrim XTRIM s MAXLEN = 0 DELREF
            > XPENDING s g - + 10
            1) 1) "2-0"
            2) "c"
            3) (integer) 0
            4) (integer) 1
            2) 1) "4-0"
            2) "c"
            3) (integer) 0
            4) (integer) 1
            "#,
        );
    }
}
