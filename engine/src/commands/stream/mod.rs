//! Streams.

mod ack;
mod add;
mod claim;
mod delete;
mod group;
mod id;
mod info;
mod pending;
mod range;
mod read;
mod trim;

use crate::command::effect::Event;
use crate::command::{DataCommand, Error, Exec, Key, KeyAccess, KeySpec, Keys, until_nul};
use crate::types::stream::{Consumer, Group, Stream};

pub(super) const FAMILY: &[&[DataCommand]] = &[
    ack::COMMANDS,
    add::COMMANDS,
    claim::COMMANDS,
    delete::COMMANDS,
    group::COMMANDS,
    info::COMMANDS,
    pending::COMMANDS,
    range::COMMANDS,
    read::COMMANDS,
    trim::COMMANDS,
];

const ONE_REMOVED: Keys = Keys::new(&[KeySpec::one(1, KeyAccess::TRIM)]);

/// The error about a key or a group that is not there.
fn no_group(key: &[u8], group: &[u8], after: &str) -> Error {
    let parts: [&[u8]; 6] = [
        b"NOGROUP No such key '",
        until_nul(key),
        b"' or consumer group '",
        until_nul(group),
        b"'",
        after.as_bytes(),
    ];
    Error::Repeating(parts.concat().into())
}

/// The error about a group that a stream does not have.
fn no_such_group(key: &[u8], group: &[u8]) -> Error {
    let parts: [&[u8]; 5] =
        [b"NOGROUP No such consumer group '", until_nul(group), b"' for key name '", until_nul(key), b"'"];
    Error::Repeating(parts.concat().into())
}

/// The consumer of this name, made if there is none, and seen just now.
fn consumer_seen(
    exec: &mut Exec<'_, '_>,
    key: &Key<'_>,
    stream: &mut Stream,
    (group_name, group): (&[u8], &Group),
    name: &[u8],
) -> Result<Consumer, Error> {
    let now_ms = exec.now_ms();
    let consumer = match stream.consumer(exec.heap(key), group.number, name) {
        Some(consumer) => consumer,
        None => {
            group::announce_consumer(exec, key, group_name, name);
            stream.create_consumer(exec.heap_mut(key), group.number, name, now_ms)?
        }
    };
    let consumer = Consumer { seen_ms: now_ms, ..consumer };
    stream.store_consumer(exec.heap_mut(key), group.number, name, consumer)?;
    Ok(consumer)
}

const fn event(name: &'static str) -> Event {
    Event { class: crate::command::effect::EventClass::Stream, name }
}
