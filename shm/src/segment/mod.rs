//! Files on memory that carry heaps: where they are, who they are, who may write to them.
//!
//! ```text
//! /dev/shm/hearth-<id>-<port>/     mode 0700, this user's
//!   lock          who owns the data set (crate::owner)
//!   control       slot table, settings, transactions across shards (crate::control)
//!   shard-0000 …  one heap each, a header of 4 KiB before it
//! ```
//! A server calls [`DataSet::open`], which takes the ownership, then makes the files or validates **all** of
//! them before it changes any. Its workers turn the segments into heaps, each recovering what was in flight.
//! A file that is missing or wrong is a refusal that says what to do, never an empty shard. Tools use
//! [`list`], [`inspect`], [`accept_loss`] and [`wipe`].

mod data_set;
pub(crate) mod dir;
pub(crate) mod error;
pub(crate) mod file;
pub(crate) mod header;
pub(crate) mod identity;
pub(crate) mod layout;
pub(crate) mod mapping;
mod revive;
mod tools;

pub use data_set::{DataSet, Existing, NewDataSet, Opened, Options, Origin, Stopped};
pub use dir::{
    Accept, DEFAULT_PARENT, DirectoryReport, FileSystem, ShmDir, data_directory_id, default_directory,
};
pub use error::{Flaw, SegmentError, WayOut};
pub use file::{Segment, SegmentUsage};
pub use header::{Header, Kind, Words, decode_header};
pub use identity::{BootId, DataSetId, NodeId};
pub use layout::{LAYOUT_VERSION, layout_hash};
pub use revive::ShardReport;
pub use tools::{Found, Inspection, Wiped, accept_loss, describe, inspect, list, siblings, wipe};
