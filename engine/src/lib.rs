//! Shards, data types and the data commands. Knows nothing of sockets, files or RESP; starts no thread.
#![forbid(unsafe_code)]

pub mod command;
pub mod commands;
pub mod glob;
pub mod keyspace;
pub mod number;
pub mod shard;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod txn;
pub mod types;
