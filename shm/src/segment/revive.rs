//! From a file to a heap: the heap is made in a fresh segment, and recovered in one that was left behind.

use std::time::{Duration, Instant};

use super::error::{SegmentError, WayOut};
use super::file::Segment;
use super::header::word;
use crate::control::{Control, TransactionId};
use crate::error::Corrupt;
use crate::heap::{Heap, HeapOptions, RecoveryReport};
use crate::owner::MayWrite;
use crate::region::Region;

/// What turning one segment into a heap found, did and took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardReport {
    pub shard: u32,
    /// What recovery did; `None` for a heap that was just made.
    pub recovery: Option<RecoveryReport>,
    pub took: Duration,
    /// Bytes of the segment.
    pub length_bytes: u64,
}

impl Segment {
    /// Makes or recovers the heap in the segment. Slow for a large segment only in that the table of its
    /// pages is read. `permission` is the calling thread's lock, or the lock of a tool for a private copy. A
    /// transaction that was in flight across shards is finished or undone as `control` decides, which holds
    /// until [`Control::settle`].
    pub fn into_heap(
        self,
        _permission: &impl MayWrite,
        control: &Control,
        options: HeapOptions,
    ) -> Result<(Heap, ShardReport), SegmentError> {
        let started = Instant::now();
        let (path, shard, way_out) = (self.path().to_owned(), self.shard(), self.way_out());
        let was_formatted = self.is_formatted();
        let options = HeapOptions { granule_shift: self.header().granule_shift.into(), ..options };
        let region = Region::from_backing(Box::new(self));
        let length_bytes = region.len() as u64;
        let (heap, recovery) = if was_formatted {
            let is_committed = |raw| TransactionId::from_raw(raw).is_some_and(|id| control.is_committed(id));
            let (heap, report) = Heap::attach(region, options, is_committed)
                .map_err(|corrupt| damaged(path, corrupt, way_out))?;
            (heap, Some(report))
        } else {
            // A process that died while it made the heap left nothing that counts: all is made again.
            let mut heap = Heap::create(region, options)
                .map_err(|_| SegmentError::Full { path, needed_bytes: length_bytes })?;
            heap.region_mut().publish_header_u64(word::STATE, 1);
            (heap, None)
        };
        Ok((heap, ShardReport { shard, recovery, took: started.elapsed(), length_bytes }))
    }
}

fn damaged(path: std::path::PathBuf, corrupt: Corrupt, way_out: WayOut) -> SegmentError {
    let way_out = match (corrupt, way_out) {
        (Corrupt::Layout { .. }, WayOut::Shard { directory, .. }) => WayOut::OtherProgram { directory },
        (_, way_out) => way_out,
    };
    SegmentError::Damaged { path, corrupt, way_out }
}
