//! The values that keys hold. Plain interfaces over a heap: no argument parsing, no replies.
//!
//! A string is bytes ([`string`]). Everything else is a *collection*: one or more trees whose roots lie in a short
//! record in the key's entry ([`collection`]), and whose elements are packed byte strings ([`text`], [`element`]).

pub mod bitmap;
pub mod collection;
pub mod copies;
pub mod element;
pub mod geo;
pub mod hash;
pub mod hyperloglog;
mod kind;
pub mod lcs;
pub mod list;
pub mod set;
pub mod stream;
pub mod string;
pub mod text;
pub mod zset;

pub use kind::Kind;

/// The latest deadline that a key or a field can have: 2^48 - 1 ms, in the year 10889.
pub const DEADLINE_MS_MAX: u64 = (1 << 48) - 1;
