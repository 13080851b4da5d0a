//! Values as bytes, in the format of Redis's RDB files: for DUMP and RESTORE, and for values that move to another shard.
//!
//! A value is a type's number and what follows from it. [`mod@write`] makes forms that Redis 7.0 and later read (fields with
//! deadlines: 7.4); [`read_value`] takes all that Redis up to 7.4 writes, and trusts none of it. Between bytes and the types of
//! this server stands [`Value`], so that no type knows of the format and the format knows of no type: the two meet in
//! `stored` alone.

mod code;
mod crc64;
mod intset;
mod length;
mod listpack;
mod lzf;
mod payload;
mod read;
mod stored;
pub mod stream;
mod value;
pub mod write;
mod ziplist;
mod zipmap;

#[cfg(test)]
mod tests;

pub use self::length::Source;
pub use self::length::{put_plain, put_shortest};
pub use self::payload::{Refusal, VERSION_MAX, open, seal};
pub use self::read::read_value;
pub use self::stored::{
    Encoding, Made, Stored, collection_bytes, collection_from, dump, dumped_len, made_of, payload_of,
};
pub use self::value::{Fields, Items, Scored, Value};

/// The version of the format that dumps say they have: that of Redis 7.0.
pub const VERSION: u16 = 10;
/// The version of Redis 7.2, for streams with the times at which consumers were active.
pub const VERSION_ACTIVE: u16 = 11;
/// The version of Redis 7.4, for hashes whose fields have deadlines.
pub const VERSION_TIMED: u16 = 12;

/// Bytes that are not what they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed dump")]
pub struct Malformed;
