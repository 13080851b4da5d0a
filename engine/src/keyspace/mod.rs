//! Key → value: the databases of one shard.

mod ahead;
pub mod census;
pub mod compact;
pub mod database;
pub mod digest;
pub mod entry;
pub mod expire;
pub mod garbage;
pub mod slot;
pub mod waiters;
pub mod watch;

mod restore;
mod sweep;
mod transfer;
mod verify;

mod space;

pub use crate::types::Kind;
pub use crate::types::zset::Ahead;
pub use ahead::{Search, Wide};
pub use entry::{Entry, EntryView, Value};
pub use restore::{Lifetime, ReloadError};
pub use space::{Content, Keyspace, Place, Stats, del_words};
pub use transfer::Moved;
