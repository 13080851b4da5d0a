//! What holds of every payload of RESTORE, for random tests and the fuzzer: it is refused and nothing has changed, or
//! its value is there, whole, and stays the same whatever way it goes through the format.

use shm::Heap;

use super::value::{settled, value_of};
use super::{START_MS, Session, words_of};
use crate::codec::{self, VERSION_MAX, Value};
use crate::types::collection::Encodings;

/// Memory of each shard, bytes.
const SHARD_BYTES: usize = 16 << 20;

/// Keys of one shard and of the other of two.
const KEY: &[u8] = b"k";
const ELSEWHERE: &[u8] = b"other";

/// A session for [`check`].
pub fn session() -> Session {
    // Little memory, so that checking all of it takes little time.
    let mut session =
        Session::over(vec![Heap::in_memory(SHARD_BYTES), Heap::in_memory(SHARD_BYTES)], START_MS);
    assert_ne!(session.shard_of(KEY), session.shard_of(ELSEWHERE));
    for key in [KEY, ELSEWHERE] {
        // A database that has had a key stays.
        session.call(&[b"SET", key, b"v"]);
        session.call(&[b"DEL", key]);
    }
    session
}

/// Restores the payload with this body, under a sound seal, over a string; leaves the session empty. Returns whether it
/// was accepted.
///
/// # Panics
/// When something does not hold.
pub fn check(session: &mut Session, body: &[u8]) -> bool {
    session.call(&[b"SET", KEY, b"before"]);
    let used = used_bytes(session);
    let mut payload = body.to_vec();
    codec::seal(&mut payload, VERSION_MAX);
    let reply = session.call(&[b"RESTORE", KEY, b"0", &payload, b"REPLACE"]);
    session.verify();
    let is_accepted = match codec::open(&payload) {
        Ok(value) => {
            assert!(reply == "OK" || reply.starts_with("(error) OOM "), "{reply}");
            reply != "OK" || is_whole(session, &value)
        }
        Err(refusal) => {
            assert_eq!(reply, format!("(error) {refusal}"));
            false
        }
    };
    if reply != "OK" {
        assert_eq!(session.call(&[b"GET", KEY]), "\"before\"", "after {reply}");
    }
    session.call(&[b"SET", KEY, b"before"]);
    session.call(&[b"DEL", ELSEWHERE]);
    session.verify();
    assert_eq!(used_bytes(session), used, "nothing is left behind");
    session.call(&[b"DEL", KEY]);
    is_accepted
}

fn used_bytes(session: &mut Session) -> u64 {
    (0..2).map(|shard| session.heap_mut(shard).used_bytes()).sum()
}

/// Whether the key holds the value, also after it was dumped and read again in every way.
fn is_whole(session: &mut Session, value: &Value<'_>) -> bool {
    assert!(!value.is_empty() && value.is_distinct());
    let expected = settled(value, session.now_ms());
    if expected.is_empty() {
        assert_eq!(session.call(&[b"EXISTS", KEY]), "(integer) 0", "all its fields are gone");
        return true;
    }
    assert_eq!(stored(session, KEY), expected, "as it was stored");
    assert_eq!(dumped(session, KEY), as_of_redis(&expected), "as DUMP has it");
    let now_ms = session.now_ms();
    let shard = session.shard_of(KEY);
    session.shards()[shard].reload(&Encodings::default(), now_ms).expect("what was dumped can be read");
    assert_eq!(stored(session, KEY), expected, "after a reload");
    assert_eq!(session.call(&[b"RENAME", KEY, ELSEWHERE]), "OK");
    session.verify();
    assert_eq!(stored(session, ELSEWHERE), expected, "in another shard");
    let dump = dump_of(session, ELSEWHERE);
    assert_eq!(session.call(&[b"RESTORE", KEY, b"0", &dump]), "OK");
    assert_eq!(stored(session, KEY), as_of_redis(&expected), "restored from its own dump");
    true
}

/// The value of a key as it lies in its shard.
fn stored(session: &mut Session, key: &[u8]) -> Value<'static> {
    let (now_ms, shard) = (session.now_ms(), session.shard_of(key));
    let keyspace = &mut session.shards()[shard];
    let key = keyspace.hasher().key(key);
    let place = keyspace.find(0, &key, now_ms).expect("memory").expect("the key is there");
    value_of(keyspace.view(&place).stored(), keyspace.hasher().of_elements(), now_ms)
}

fn dumped(session: &mut Session, key: &[u8]) -> Value<'static> {
    let dump = dump_of(session, key);
    settled(&codec::open(&dump).expect("a dump can be read"), session.now_ms())
}

fn dump_of(session: &mut Session, key: &[u8]) -> Vec<u8> {
    let reply = session.call(&[b"DUMP", key]);
    words_of(&reply).and_then(|mut words| words.pop()).expect("one string")
}

/// What a dump keeps of a value: Redis 7.0 does not know when consumers were active.
fn as_of_redis(value: &Value<'static>) -> Value<'static> {
    let Value::Stream(image) = value else { return value.clone() };
    let mut image = image.clone();
    for consumer in image.groups.iter_mut().flat_map(|group| &mut group.consumers) {
        consumer.active_ms = Some(consumer.seen_ms);
    }
    settled(&Value::Stream(image), 0)
}
