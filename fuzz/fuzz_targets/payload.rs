//! Payloads of RESTORE: whatever the bytes under a sound seal, they are refused or become a sound value, which is the same
//! after it was written and read again.
#![no_main]

use std::cell::RefCell;

use engine::codec::{self, Encoding, Items, Value, put_plain, stream, write};
use engine::types::collection::Encodings;
use libfuzzer_sys::fuzz_target;
use shm::Heap;
use shm::stored_hash::StoredHasher;

thread_local! {
    static HEAP: RefCell<Heap> = RefCell::new(Heap::in_memory(64 << 20));
}

fuzz_target!(|body: &[u8]| {
    let mut payload = body.to_vec();
    codec::seal(&mut payload, codec::VERSION);
    let Ok(value) = codec::open(&payload) else { return };
    assert!(!value.is_empty() && value.is_distinct());
    let again = written(&value);
    assert_eq!(codec::open(&again).as_ref(), Ok(&value));
    HEAP.with_borrow_mut(|heap| {
        // Running out of memory is an answer, too.
        let _ = codec::made_of(heap, StoredHasher::new([7; 16]), &value, Encoding::Fresh(&Encodings::default()));
        heap.rollback();
    });
});

fn written(value: &Value<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    let all = Items::iter;
    match value {
        Value::String(bytes) => write::string(&mut out, put_plain, bytes),
        Value::List(items) => write::list(&mut out, put_plain, items.len(), all(items)),
        Value::Set(members) => write::set(&mut out, put_plain, members.len(), all(members)),
        Value::Zset(scored) => write::zset(&mut out, put_plain, scored.scores.len(), scored.iter()),
        Value::Stream(image) => stream::write_whole(&mut out, put_plain, image),
        Value::Hash(fields) => match fields.deadlines_ms.iter().flatten().min() {
            Some(earliest_ms) => {
                write::hash_timed(&mut out, put_plain, fields.names.len(), *earliest_ms, fields.iter());
            }
            None => {
                let pairs = fields.iter().map(|(name, value, _)| (name, value));
                write::hash(&mut out, put_plain, fields.names.len(), pairs);
            }
        },
    }
    codec::seal(&mut out, codec::VERSION_TIMED);
    out
}
