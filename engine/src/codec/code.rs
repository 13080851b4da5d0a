//! The types of values in dumps, by their numbers.

pub const STRING: u8 = 0;
pub const LIST: u8 = 1;
pub const SET: u8 = 2;
/// Scores as text.
pub const ZSET: u8 = 3;
pub const HASH: u8 = 4;
/// Scores as bytes.
pub const ZSET_2: u8 = 5;
pub const HASH_ZIPMAP: u8 = 9;
pub const LIST_ZIPLIST: u8 = 10;
pub const SET_INTSET: u8 = 11;
pub const ZSET_ZIPLIST: u8 = 12;
pub const HASH_ZIPLIST: u8 = 13;
/// A list of ziplists.
pub const LIST_QUICKLIST: u8 = 14;
pub const STREAM_LISTPACKS: u8 = 15;
pub const HASH_LISTPACK: u8 = 16;
pub const ZSET_LISTPACK: u8 = 17;
/// A list of listpacks and single elements.
pub const LIST_QUICKLIST_2: u8 = 18;
/// From Redis 7.0 on.
pub const STREAM_LISTPACKS_2: u8 = 19;
/// From Redis 7.2 on, like the next.
pub const SET_LISTPACK: u8 = 20;
pub const STREAM_LISTPACKS_3: u8 = 21;
/// A hash whose fields have deadlines; from Redis 7.4 on, like the next.
pub const HASH_METADATA: u8 = 24;
pub const HASH_LISTPACK_EX: u8 = 25;

/// What stands before each node of a [`LIST_QUICKLIST_2`].
pub const NODE_PLAIN: u64 = 1;
pub const NODE_PACKED: u64 = 2;
