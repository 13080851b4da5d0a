//! Payloads of RESTORE: whatever the bytes under a sound seal, they are refused and nothing has changed, or become a sound
//! value that stays the same when it is dumped and restored.
#![no_main]

use std::cell::RefCell;

use engine::testing::{Session, payload};
use libfuzzer_sys::fuzz_target;

thread_local! {
    static SESSION: RefCell<Session> = RefCell::new(payload::session());
}

fuzz_target!(|body: &[u8]| {
    SESSION.with_borrow_mut(|session| payload::check(session, body));
});
