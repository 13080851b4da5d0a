//! One shard: its data, and what waits for it.

use crate::keyspace::Keyspace;

/// A shard's number within its data set, below the number of shards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShardId(pub u16);

/// Moves as a whole (in a `Box`) to whoever holds it.
pub struct Shard {
    pub id: ShardId,
    pub keyspace: Keyspace,
}
