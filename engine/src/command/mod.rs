//! The language of commands: what a row says, what a handler is given, how it answers and fails.

pub mod args;
pub mod effect;
pub mod error;
pub mod exec;
pub mod flags;
pub mod key;
pub mod keys;
pub mod outcome;
pub mod reply;
pub mod row;
pub mod spec;

pub use args::Args;
pub use error::{Error, REPEATED_LEN_MAX, cut_short, until_nul};
pub use exec::{Caller, Deadline, Exec, Opened};
pub use flags::{Categories, Flags};
pub use key::{Key, KeyHash, KeyHasher};
pub use keys::{Hidden, KeyAccess, KeyRow, KeySpec, Keys};
pub use outcome::{CommandResult, Nothing, Outcome, Patience, Wait};
pub use reply::Reply;
pub use row::{DataCommand, Next, Tour, VisitCommand, Visitor};
pub use spec::{Arity, Group, InMulti, Routing, Spec};
