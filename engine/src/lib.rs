//! Shards, data types and the data commands. Knows nothing of sockets, files or RESP; starts no thread.
#![forbid(unsafe_code)]

pub mod glob;
