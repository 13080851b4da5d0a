//! The values that keys hold. Plain interfaces over a heap: no argument parsing, no replies.
//!
//! A string is bytes ([`string`]). Everything else is a *collection*: one or more trees whose roots lie in a short
//! record in the key's entry ([`collection`]), and whose elements are packed byte strings ([`text`], [`element`]).

pub mod bitmap;
pub mod collection;
pub mod copies;
pub mod element;
pub mod hyperloglog;
mod kind;
pub mod lcs;
pub mod list;
pub mod set;
pub mod stream;
pub mod string;
pub mod text;

pub use kind::Kind;
