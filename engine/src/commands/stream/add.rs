//! New entries: XADD, XSETID.

use super::event;
use super::id::{self, NewId};
use super::trim::Trimming;
use crate::command::effect::words;
use crate::command::{
    Args, Arity, CommandResult, DataCommand, Error, Exec, Flags, Group, Key, KeyAccess, KeySpec, Keys,
    Outcome, Reply, Spec,
};
use crate::types::collection::Collection;
use crate::types::stream::{Stream, StreamId};

const ONE_ADDED_TO: Keys = Keys::new(&[KeySpec::one(1, KeyAccess::UPDATE)
    .notes("UPDATE instead of INSERT because of the optional trimming feature")]);

pub(super) const COMMANDS: &[DataCommand] = &[
    DataCommand {
        spec: Spec::write("XADD", Arity::AtLeast(5), ONE_ADDED_TO)
            .group(Group::Stream)
            .flags(Flags::DENYOOM.union(Flags::FAST))
            .syntax(
                "key [NOMKSTREAM] [KEEPREF | DELREF | ACKED] [<MAXLEN | MINID> [= | ~] threshold [LIMIT count]] \
                 <* | id> field value [field value ...]",
            )
            .doc(
                "5.0.0",
                "O(log(N)) with N entries in the stream.",
                "Appends a new entry to a stream. Creates the key if it doesn't exist.",
            )
            .tips(&["nondeterministic_output"]),
        run: xadd,
    },
    DataCommand {
        spec: Spec::write("XSETID", Arity::AtLeast(3), Keys::ONE_UPDATE)
            .group(Group::Stream)
            .flags(Flags::DENYOOM.union(Flags::FAST))
            .syntax("key last-id [ENTRIESADDED entries-added] [MAXDELETEDID max-deleted-id]")
            .doc("5.0.0", "O(1)", "An internal command for replicating stream values."),
        run: xsetid,
    },
];

fn xadd(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let key = args.key()?;
    let (mut trimming, mut make, mut new_id) = (Trimming::default(), true, None);
    while new_id.is_none() && !args.is_empty() {
        if args.take("NOMKSTREAM") {
            make = false;
        } else if !trimming.take(args)? {
            new_id = Some(NewId::parse(args.word()?)?);
        }
    }
    trimming.check_optional()?;
    let pairs = args.rest();
    let new_id = match new_id {
        Some(new_id) if pairs.len() >= 2 && pairs.len().is_multiple_of(2) => new_id,
        _ => return Err(Error::WrongArity("XADD".into())),
    };
    if new_id == NewId::Exact(StreamId::MIN) {
        return Err(Error::text("ERR The ID specified in XADD must be greater than 0-0"));
    }
    let mut opened = exec.collection_to_write::<Stream>(&key)?;
    if !opened.exists() && !make {
        reply.null();
        return Ok(Outcome::Done);
    }
    let stream = &mut opened.value;
    let id = id_of(new_id, stream, exec.now_ms())?;
    stream.add(exec.heap_mut(&key), id, pairs)?;
    exec.changed(&key, event("xadd"), || {
        let mut all = words(&[b"XADD", key.bytes, &id.text()]);
        all.extend(pairs.iter().map(|&word| word.into()));
        all
    });
    reply.bulk(&id.text());
    trimming.run(exec, &key, stream)?;
    exec.store(&key, opened)?;
    Ok(Outcome::Done)
}

/// The ID of an entry that is to be added.
fn id_of(new_id: NewId, stream: &Stream, now_ms: u64) -> Result<StreamId, Error> {
    const TOO_SMALL: Error =
        Error::text("ERR The ID specified in XADD is equal or smaller than the target stream top item");
    let last = stream.last_id;
    let Some(next) = last.next() else {
        return Err(Error::text(
            "ERR The stream has exhausted the last possible ID, unable to add more items",
        ));
    };
    let id = match new_id {
        NewId::Exact(id) => id,
        NewId::Auto if now_ms > last.ms => StreamId::new(now_ms, 0),
        NewId::Auto => next,
        // The next number must not be at the next millisecond.
        NewId::NextAt(ms) if ms == last.ms && next.ms != ms => return Err(TOO_SMALL),
        NewId::NextAt(ms) if ms == last.ms => next,
        NewId::NextAt(ms) => StreamId::new(ms, 0),
    };
    if id <= last { Err(TOO_SMALL) } else { Ok(id) }
}

fn xsetid(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let key = args.key()?;
    let last_id = id::exact(args.word()?)?;
    let (mut added, mut max_deleted_id) = (None, StreamId::MIN);
    while !args.is_empty() {
        if args.left() < 2 {
            return Err(Error::Syntax);
        } else if args.take("ENTRIESADDED") {
            let number = u64::try_from(args.integer()?);
            added = Some(number.map_err(|_| Error::text("ERR entries_added must be positive"))?);
        } else if args.take("MAXDELETEDID") {
            max_deleted_id = id::exact(args.word()?)?;
            if last_id < max_deleted_id {
                return Err(Error::text(
                    "ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id",
                ));
            }
        } else {
            return Err(Error::Syntax);
        }
    }
    let mut opened = exec.collection_to_write::<Stream>(&key)?;
    if !opened.exists() {
        return Err(Error::NoSuchKey);
    }
    let stream = &mut opened.value;
    if last_id < stream.max_deleted_id {
        return Err(Error::text(
            "ERR The ID specified in XSETID is smaller than current max_deleted_entry_id",
        ));
    }
    if let Some(top) = stream.top_id(exec.heap(&key)) {
        if last_id < top {
            return Err(Error::text(
                "ERR The ID specified in XSETID is smaller than the target stream top item",
            ));
        }
        if added.is_some_and(|added| added < stream.len() as u64) {
            return Err(Error::text(
                "ERR The entries_added specified in XSETID is smaller than the target stream length",
            ));
        }
    }
    stream.last_id = last_id;
    stream.entries_added = added.unwrap_or(stream.entries_added);
    if max_deleted_id != StreamId::MIN {
        stream.max_deleted_id = max_deleted_id;
    }
    record_ids(exec, &key, stream);
    exec.store(&key, opened)?;
    reply.ok();
    Ok(Outcome::Done)
}

fn record_ids(exec: &mut Exec<'_, '_>, key: &Key<'_>, stream: &Stream) {
    let added = stream.entries_added.to_string();
    exec.changed(key, event("xsetid"), || {
        let mut all =
            words(&[b"XSETID", key.bytes, &stream.last_id.text(), b"ENTRIESADDED", added.as_bytes()]);
        if stream.max_deleted_id != StreamId::MIN {
            all.extend(words(&[b"MAXDELETEDID", &stream.max_deleted_id.text()]));
        }
        all
    });
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn entries_get_ids_that_ascend() {
        check(
            r#"
            > XADD s 1-1 a 1
            "1-1"
            ! xadd XADD s 1-1 a 1
            > XADD s 1-* b 2
            "1-2"
            ! xadd XADD s 1-2 b 2
            > XADD s 7-* b 2
            "7-0"
            ! xadd XADD s 7-0 b 2
            > XADD s * c 3 d 4
            "1000000-0"
            ! xadd XADD s 1000000-0 c 3 d 4
            ... 5 ms
            > XADD s * c 3
            "1000005-0"
            ! xadd XADD s 1000005-0 c 3
            > XADD s 1000005 c 3
            (error) ERR The ID specified in XADD is equal or smaller than the target stream top item
            > XADD s 1000006 c
            (error) ERR wrong number of arguments for 'xadd' command
            > XADD s 0-0 c 3
            (error) ERR The ID specified in XADD must be greater than 0-0
            > XADD s + c 3
            (error) ERR Invalid stream ID specified as stream command argument
            > XADD s NOMKSTREAM MAXLEN 2 2000000-0 "long name" ""
            "2000000-0"
            ! xadd XADD s 2000000-0 "long name" ""
            ! xtrim XTRIM s MAXLEN = 2
            > XRANGE s - +
            1) 1) "1000005-0"
            2) 1) "c"
            2) "3"
            2) 1) "2000000-0"
            2) 1) "long name"
            2) ""
            > XADD s MINID = 3000000 2999999 a b
            "2999999-0"
            ! xadd XADD s 2999999-0 a b
            ! xtrim XTRIM s MAXLEN = 0
            > XADD new NOMKSTREAM * a b
            (nil)
            > XADD new 5-18446744073709551615 a b
            "5-18446744073709551615"
            ! xadd XADD new 5-18446744073709551615 a b
            > XADD new 5-* a b
            (error) ERR The ID specified in XADD is equal or smaller than the target stream top item
            > XADD new 18446744073709551615-18446744073709551615 a b
            "18446744073709551615-18446744073709551615"
            ! xadd XADD new 18446744073709551615-18446744073709551615 a b
            > XADD new * a b
            (error) ERR The stream has exhausted the last possible ID, unable to add more items
            "#,
        );
    }

    #[test]
    fn options_that_do_not_fit() {
        check(
            r#"
            > XADD s MAXLEN 5 LIMIT 3 5 a b
            (error) ERR syntax error, LIMIT cannot be used without the special ~ option
            > XADD s LIMIT 3 5 a b
            (error) ERR syntax error, LIMIT cannot be used without specifying a trimming strategy
            > XADD s LIMIT 0 5 a b
            (error) ERR syntax error, LIMIT cannot be used without the special ~ option
            > XADD s MAXLEN ~ 5 MINID 3 5 a b
            (error) ERR syntax error, MAXLEN and MINID options at the same time are not compatible
            > XADD s MAXLEN -1 5 a b
            (error) ERR The MAXLEN argument must be >= 0.
            > XADD s MAXLEN ~ 5 LIMIT -1 5 a b
            (error) ERR The LIMIT argument must be >= 0.
            > XADD s MINID 5-* 5 a b
            (error) ERR Invalid stream ID specified as stream command argument
            > XADD s KEEPREF ACKED 5 a b
            (error) ERR syntax error
            > XADD s MAXLEN ~ 5 LIMIT 3
            (error) ERR wrong number of arguments for 'xadd' command
            > SET string v
            OK
            ! set SET string v
            > XADD string * a b
            (error) WRONGTYPE Operation against a key holding the wrong kind of value
            > EXISTS s
            (integer) 0
            "#,
        );
    }

    #[test]
    fn ids_are_set() {
        check(
            r#"
            > XSETID s 1
            (error) ERR no such key
            > XADD s 1-1 a 1
            "1-1"
            ! xadd XADD s 1-1 a 1
            > XADD s 1-2 a 1
            "1-2"
            ! xadd XADD s 1-2 a 1
            > XDEL s 1-2
            (integer) 1
            ! xdel XDEL s 1-2
            > XSETID s 1-1
            (error) ERR The ID specified in XSETID is smaller than current max_deleted_entry_id
            > XSETID s 5-0 ENTRIESADDED 0
            (error) ERR The entries_added specified in XSETID is smaller than the target stream length
            > XSETID s 5-0 ENTRIESADDED -1
            (error) ERR entries_added must be positive
            > XSETID s 5-0 MAXDELETEDID 6-0
            (error) ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id
            > XSETID s 5-0 ENTRIESADDED
            (error) ERR syntax error
            > XSETID s 5-0
            OK
            ! xsetid XSETID s 5-0 ENTRIESADDED 2 MAXDELETEDID 1-2
            > XSETID s 5-0 ENTRIESADDED 7 MAXDELETEDID 4-4
            OK
            ! xsetid XSETID s 5-0 ENTRIESADDED 7 MAXDELETEDID 4-4
            > XADD s 5-* b 2
            "5-1"
            ! xadd XADD s 5-1 b 2
            > XINFO STREAM s
            1) "length"
            2) (integer) 2
            3) "radix-tree-keys"
            4) (integer) 1
            5) "radix-tree-nodes"
            6) (integer) 2
            7) "last-generated-id"
            8) "5-1"
            9) "max-deleted-entry-id"
            10) "4-4"
            11) "entries-added"
            12) (integer) 8
            13) "recorded-first-entry-id"
            14) "1-1"
            15) "groups"
            16) (integer) 0
            17) "first-entry"
            18) 1) "1-1"
            2) 1) "a"
            2) "1"
            19) "last-entry"
            20) 1) "5-1"
            2) 1) "b"
            2) "2"
            "#,
        );
    }
}
