//! Shards, data types and the data commands. Knows nothing of sockets, files or RESP; starts no thread.
#![forbid(unsafe_code)]

pub mod codec;
pub mod command;
pub mod commands;
pub mod glob;
pub mod keyspace;
pub mod number;
pub mod random;
pub mod shard;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod txn;
pub mod types;

/// Everything this crate stores in segments: programs in which this text differs do not read each other's.
/// It changes whenever a stored form does.
pub const STORED: &str = "root 0: first database; database 64: number u32, next u32, index u64*2 @8, deadlines u64 @24, \
     deadlines of fields u64 @32; \
     entry: flags u8 (type 4 bits, deadline, links, value apart, key apart), clock u24, links u32*2?, deadline u48?, \
     key varint+bytes | extent u32, value varint+bytes | extent u32; types: string 0, list 1, set 2, zset 3, hash 4, stream 5; \
     records: flags u8, roots u64*; text: length u8 up to 247, bytes | 255, extent u32; list: tree of texts, its head reversed, its tail | tail, head; set: text, hash u64 \
     if apart, by hash; zset: score f64, text, by score; if of nodes: hash >> 32 u32, score f64, by hash; hash: (254, deadline u48)?, set, text; its deadlines: u48, hash u64, the earliest u64 in the record; stream: words last id, deleted, added, numbers; \
     entry: ms low u32, seq varint, content varint+bytes | 0, extent u32, base ms high; \
     content: shape u8 | 255, words varint+bytes; shape: names; group: text, number u32, id u64*2, read u64; \
     consumer: group u32, text, number u32, seen u48, active u48; pending: ms low u32, seq varint, consumer varint, \
     time u48, deliveries varint, base group u32, ms high u32; owned: ms varint, seq varint, base group u32, consumer u32; \
     garbage: extent 1, index 2, deadlines 3, list 4, set 5, zset scores 6, hashes 7, hash 8, its deadlines 9, stream 10-14; slots crc16/xmodem, hash tags";
