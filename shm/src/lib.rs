//! Memory that outlives the process: segments, blocks, the undo log, and the two structures kept in
//! them, a red-black tree of packed blocks and an extendible hash index. Knows nothing of Redis.
//!
//! Every structure works through a [`Heap`]: blocks named by [`Handle`], read as plain bytes, written
//! only through the heap's logged stores. A heap lies in a mapped segment or in ordinary memory; the
//! code above it cannot tell.

pub(crate) mod alloc;
pub mod budget;
mod cell;
pub mod control;
pub mod error;
pub mod extent;
#[cfg(feature = "fault")]
pub mod fault;
mod flock;
pub mod garbage;
pub mod handle;
pub mod hash_index;
pub mod heap;
pub mod owner;
pub mod rbtree;
pub mod region;
pub mod segment;
pub mod stored_hash;
pub(crate) mod undo;

pub use alloc::stats::{ClassStats, PageStats};
pub use budget::Budget;
pub use control::{Control, TransactionId};
pub use error::{Corrupt, OutOfMemory};
pub use garbage::{GarbageItem, Reclaimer, Step};
pub use handle::Handle;
pub use hash_index::HashIndex;
pub use heap::{Heap, HeapOptions, RecoveryReport};
pub use region::{Backing, Region};
pub use segment::{DataSet, Segment, SegmentError};
pub use stored_hash::StoredHasher;
