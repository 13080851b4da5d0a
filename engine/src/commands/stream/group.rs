//! Groups of consumers: XGROUP.

use super::{event, id, no_such_group};
use crate::command::effect::words;
use crate::command::{
    Args, Arity, CommandResult, DataCommand, Error, Exec, Flags, Group, Key, KeyAccess, KeySpec, Keys,
    Opened, Outcome, Reply, Spec, cut_short, until_nul,
};
use crate::types::stream::{self, Stream, StreamId};

const INSERTED: Keys = Keys::new(&[KeySpec::one(2, KeyAccess::APPEND)]);
const UPDATED: Keys = Keys::new(&[KeySpec::one(2, KeyAccess::UPDATE)]);
const REMOVED: Keys = Keys::new(&[KeySpec::one(2, KeyAccess::TRIM)]);

const fn row(name: &'static str, arity: Arity, keys: Keys) -> Spec {
    Spec::write(name, arity, keys).group(Group::Stream)
}

pub(super) const COMMANDS: &[DataCommand] = &[
    DataCommand {
        spec: row("XGROUP|CREATE", Arity::AtLeast(5), INSERTED)
            .flags(Flags::DENYOOM)
            .syntax("key group <id | $> [MKSTREAM] [ENTRIESREAD entries-read]")
            .doc("5.0.0", "O(log(N)) with N groups.", "Creates a consumer group."),
        run: create,
    },
    DataCommand {
        spec: row("XGROUP|SETID", Arity::AtLeast(5), UPDATED)
            .syntax("key group <id | $> [ENTRIESREAD entries-read]")
            .doc("5.0.0", "O(log(N)) with N groups.", "Sets the last-delivered ID of a consumer group."),
        run: set_id,
    },
    DataCommand {
        spec: row("XGROUP|DESTROY", Arity::Exactly(4), REMOVED).syntax("key group").doc(
            "5.0.0",
            "O(log(N)) with N groups, consumers and entries delivered to them.",
            "Destroys a consumer group.",
        ),
        run: destroy,
    },
    DataCommand {
        spec: row("XGROUP|CREATECONSUMER", Arity::Exactly(5), INSERTED)
            .flags(Flags::DENYOOM)
            .syntax("key group consumer")
            .doc("6.2.0", "O(log(N)) with N consumers.", "Creates a consumer in a consumer group."),
        run: create_consumer,
    },
    DataCommand {
        spec: row("XGROUP|DELCONSUMER", Arity::Exactly(5), REMOVED).syntax("key group consumer").doc(
            "5.0.0",
            "O(log(N)) with N consumers, and as much for each entry delivered to this one.",
            "Deletes a consumer from a consumer group.",
        ),
        run: delete_consumer,
    },
];

/// The options of CREATE and SETID.
#[derive(Default)]
struct Options {
    make_stream: bool,
    entries_read: Option<u64>,
    /// There are more words than all options together have.
    too_long: bool,
}

impl Options {
    fn parse(args: &mut Args<'_>, may_make: bool) -> Result<Options, Error> {
        let subcommand = args.words()[1];
        let words_max = if may_make { 3 } else { 2 };
        let mut options = Options { too_long: args.left() > words_max, ..Options::default() };
        while !args.is_empty() {
            if may_make && args.take("MKSTREAM") {
                options.make_stream = true;
            } else if args.left() >= 2 && args.take("ENTRIESREAD") {
                options.entries_read = match args.integer()? {
                    -1 => None,
                    count => Some(
                        u64::try_from(count)
                            .map_err(|_| Error::text("ERR value for ENTRIESREAD must be positive or -1"))?,
                    ),
                };
            } else {
                return Err(unknown_form(subcommand));
            }
        }
        Ok(options)
    }

    /// Options may come twice, but then there are too many words, which is found out when all else is right.
    fn check_length(&self, args: &Args<'_>) -> Result<(), Error> {
        if self.too_long { Err(unknown_form(args.words()[1])) } else { Ok(()) }
    }
}

fn unknown_form(subcommand: &[u8]) -> Error {
    let before = "ERR unknown subcommand or wrong number of arguments for '";
    Error::repeating(before, cut_short(subcommand), "'. Try XGROUP HELP.")
}

const NO_KEY: Error = Error::text(
    "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the \
     MKSTREAM option to create an empty stream automatically.",
);

/// The stream of a key that has to exist.
fn opened(exec: &mut Exec<'_, '_>, key: &Key<'_>) -> Result<Opened<Stream>, Error> {
    let opened = exec.collection_to_write::<Stream>(key)?;
    if opened.exists() { Ok(opened) } else { Err(NO_KEY) }
}

/// The group of a stream, which has to exist.
fn group_of(
    exec: &Exec<'_, '_>,
    key: &Key<'_>,
    stream: &Stream,
    name: &[u8],
) -> Result<stream::Group, Error> {
    stream.group(exec.heap(key), name).ok_or_else(|| no_such_group(key.bytes, name))
}

/// The count in the canonical form of CREATE and SETID.
fn count_text(entries_read: Option<u64>) -> String {
    entries_read.map_or("-1".to_owned(), |count| count.to_string())
}

fn create(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let (key, name, id_word) = (args.key()?, args.word()?, args.word()?);
    let options = Options::parse(args, true)?;
    let mut opened = exec.collection_to_write::<Stream>(&key)?;
    if !opened.exists() && !options.make_stream {
        return Err(NO_KEY);
    }
    options.check_length(args)?;
    let stream = &mut opened.value;
    let last_id = match until_nul(id_word) {
        b"$" => stream.last_id,
        _ => id::exact(id_word)?,
    };
    if stream.group(exec.heap(&key), name).is_some() {
        return Err(Error::text("BUSYGROUP Consumer Group name already exists"));
    }
    stream.create_group(exec.heap_mut(&key), name, last_id, options.entries_read)?;
    exec.changed(&key, event("xgroup-create"), || {
        let read = count_text(options.entries_read);
        let id = last_id.text();
        words(&[b"XGROUP", b"CREATE", key.bytes, name, &id, b"MKSTREAM", b"ENTRIESREAD", read.as_bytes()])
    });
    exec.store(&key, opened)?;
    reply.ok();
    Ok(Outcome::Done)
}

fn set_id(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let (key, name, id_word) = (args.key()?, args.word()?, args.word()?);
    let options = Options::parse(args, false)?;
    let mut opened = opened(exec, &key)?;
    let stream = &mut opened.value;
    let group = group_of(exec, &key, stream, name)?;
    options.check_length(args)?;
    let last_id = match until_nul(id_word) {
        b"$" => stream.last_id,
        _ => id::any(id_word, 0)?,
    };
    let group = stream::Group { last_id, entries_read: options.entries_read, ..group };
    stream.store_group(exec.heap_mut(&key), name, group)?;
    exec.changed(&key, event("xgroup-setid"), || set_id_words(key.bytes, name, &group));
    exec.store(&key, opened)?;
    reply.ok();
    Ok(Outcome::Done)
}

/// The canonical command of how far a group has come.
pub(super) fn set_id_words(key: &[u8], name: &[u8], group: &stream::Group) -> Vec<Box<[u8]>> {
    let read = count_text(group.entries_read);
    let id: StreamId = group.last_id;
    words(&[b"XGROUP", b"SETID", key, name, &id.text(), b"ENTRIESREAD", read.as_bytes()])
}

fn destroy(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let (key, name) = (args.key()?, args.word()?);
    let mut opened = opened(exec, &key)?;
    let destroyed = opened.value.destroy_group(exec.heap_mut(&key), name)?;
    if destroyed {
        exec.changed(&key, event("xgroup-destroy"), || words(&[b"XGROUP", b"DESTROY", key.bytes, name]));
        exec.store(&key, opened)?;
    }
    reply.integer(i64::from(destroyed));
    Ok(Outcome::Done)
}

/// Records that there is a new consumer.
pub(super) fn announce_consumer(exec: &mut Exec<'_, '_>, key: &Key<'_>, group: &[u8], name: &[u8]) {
    exec.changed(key, event("xgroup-createconsumer"), || {
        words(&[b"XGROUP", b"CREATECONSUMER", key.bytes, group, name])
    });
}

fn create_consumer(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let (key, group_name, name) = (args.key()?, args.word()?, args.word()?);
    let mut opened = opened(exec, &key)?;
    let stream = &mut opened.value;
    let group = group_of(exec, &key, stream, group_name)?.number;
    let is_new = stream.consumer(exec.heap(&key), group, name).is_none();
    if is_new {
        let now_ms = exec.now_ms();
        stream.create_consumer(exec.heap_mut(&key), group, name, now_ms)?;
        announce_consumer(exec, &key, group_name, name);
        exec.store(&key, opened)?;
    }
    reply.integer(i64::from(is_new));
    Ok(Outcome::Done)
}

fn delete_consumer(exec: &mut Exec<'_, '_>, args: &mut Args<'_>, reply: &mut dyn Reply) -> CommandResult {
    let (key, group_name, name) = (args.key()?, args.word()?, args.word()?);
    let mut opened = opened(exec, &key)?;
    let group = group_of(exec, &key, &opened.value, group_name)?.number;
    let pending = opened.value.delete_consumer(exec.heap_mut(&key), group, name)?;
    if pending.is_some() {
        exec.changed(&key, event("xgroup-delconsumer"), || {
            words(&[b"XGROUP", b"DELCONSUMER", key.bytes, group_name, name])
        });
        exec.store(&key, opened)?;
    }
    reply.count(pending.unwrap_or(0));
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn groups_come_and_go() {
        check(
            r#"
            > XGROUP CREATE s g $
            (error) ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option to create an empty stream automatically.
            > XGROUP CREATE s g x MKSTREAM
            (error) ERR Invalid stream ID specified as stream command argument
            > XGROUP CREATE s g $ MKSTREAM
            OK
            ! xgroup-create XGROUP CREATE s g 0-0 MKSTREAM ENTRIESREAD -1
            > XGROUP CREATE s g 0
            (error) BUSYGROUP Consumer Group name already exists
            > XGROUP CREATE s other 5 ENTRIESREAD 3
            OK
            ! xgroup-create XGROUP CREATE s other 5-0 MKSTREAM ENTRIESREAD 3
            > XGROUP CREATE s third $ ENTRIESREAD -2
            (error) ERR value for ENTRIESREAD must be positive or -1
            > XGROUP CREATE s third $ ENTRIESREAD
            (error) ERR unknown subcommand or wrong number of arguments for 'CREATE'. Try XGROUP HELP.
            > XGROUP CREATE s third $ FOO
            (error) ERR unknown subcommand or wrong number of arguments for 'CREATE'. Try XGROUP HELP.
            > XGROUP CREATE s third $ MKSTREAM MKSTREAM ENTRIESREAD 1
            (error) ERR unknown subcommand or wrong number of arguments for 'CREATE'. Try XGROUP HELP.
            > XGROUP SETID s g 0 ENTRIESREAD 1 ENTRIESREAD 1
            (error) ERR unknown subcommand or wrong number of arguments for 'SETID'. Try XGROUP HELP.
            > XLEN s
            (integer) 0
            > XGROUP SETID s g 7-1 ENTRIESREAD 2
            OK
            ! xgroup-setid XGROUP SETID s g 7-1 ENTRIESREAD 2
            > XGROUP SETID s g -
            OK
            ! xgroup-setid XGROUP SETID s g 0-0 ENTRIESREAD -1
            > XGROUP SETID s g 0 MKSTREAM
            (error) ERR unknown subcommand or wrong number of arguments for 'SETID'. Try XGROUP HELP.
            > XGROUP SETID s none 0
            (error) NOGROUP No such consumer group 'none' for key name 's'
            > XGROUP SETID none g 0
            (error) ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option to create an empty stream automatically.
            > XGROUP DESTROY s other
            (integer) 1
            ! xgroup-destroy XGROUP DESTROY s other
            > XGROUP DESTROY s other
            (integer) 0
            > XGROUP DESTROY none other
            (error) ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option to create an empty stream automatically.
            > SET string v
            OK
            ! set SET string v
            > XGROUP CREATE string g $ MKSTREAM
            (error) WRONGTYPE Operation against a key holding the wrong kind of value
            > XGROUP DESTROY string g
            (error) WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }

    #[test]
    fn consumers_come_and_go() {
        check(
            r#"
            > XADD s 1-0 a 1
            "1-0"
            ! xadd XADD s 1-0 a 1
            > XGROUP CREATE s g 0
            OK
            ! xgroup-create XGROUP CREATE s g 0-0 MKSTREAM ENTRIESREAD -1
            > XGROUP CREATECONSUMER s g c
            (integer) 1
            ! xgroup-createconsumer XGROUP CREATECONSUMER s g c
            > XGROUP CREATECONSUMER s g c
            (integer) 0
            > XGROUP CREATECONSUMER s none c
            (error) NOGROUP No such consumer group 'none' for key name 's'
            > XGROUP CREATECONSUMER none g c
            (error) ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option to create an empty stream automatically.
            > XREADGROUP GROUP g c STREAMS s >
            1) 1) "s"
            2) 1) 1) "1-0"
            2) 1) "a"
            2) "1"
            ! - XCLAIM s g c 0 1-0 TIME 1000000 RETRYCOUNT 1 FORCE JUSTID LASTID 1-0
            ! - XGROUP SETID s g 1-0 ENTRIESREAD 1
            > XGROUP DELCONSUMER s g c
            (integer) 1
            ! xgroup-delconsumer XGROUP DELCONSUMER s g c
            > XGROUP DELCONSUMER s g c
            (integer) 0
            > XGROUP DELCONSUMER s none c
            (error) NOGROUP No such consumer group 'none' for key name 's'
            > XPENDING s g
            1) (integer) 0
            2) (nil)
            3) (nil)
            4) (nil)
            "#,
        );
    }
}
