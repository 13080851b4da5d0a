//! A session whose command waits for a key.

use std::sync::Arc;

use engine::keyspace::waiters::Waiter;

use super::Seq;

/// What a session knows of its request that waits.
#[derive(Debug)]
pub struct Parked {
    pub waiter: Arc<Waiter>,
    /// The place of its reply.
    pub seq: Seq,
}
