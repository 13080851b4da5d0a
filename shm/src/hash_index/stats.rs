//! How an index lies in memory.

use super::HashIndex;
use super::bucket::BUCKET_LEN;
use super::directory::{self, Link, Target};
use crate::Heap;

/// What an index is made of, entries apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct IndexStats {
    /// Buckets, of twelve entries at most.
    pub bucket_count: u64,
    /// Blocks of buckets.
    pub span_count: u64,
    /// Blocks of the directory.
    pub node_count: u64,
    /// Bytes asked for with all these blocks.
    pub bytes: u64,
    /// The most links that a lookup follows from the index to a bucket.
    pub links_max: u32,
}

impl HashIndex {
    /// Walks over the directory.
    pub fn stats(&self, heap: &Heap) -> IndexStats {
        let mut stats = IndexStats::default();
        stats.add(heap, self.top, 1);
        stats
    }
}

impl IndexStats {
    fn add(&mut self, heap: &Heap, link: Link, depth: u32) {
        match link.target() {
            Target::Empty => {}
            Target::Span(_, shape) => {
                self.span_count += 1;
                self.bucket_count += shape.buckets as u64;
                self.bytes += (shape.buckets * BUCKET_LEN) as u64;
                self.links_max = self.links_max.max(depth);
            }
            Target::Node(node, width) => {
                self.node_count += 1;
                self.bytes += (directory::LINK_LEN << width) as u64;
                for link in directory::distinct(directory::links(heap, node, width)) {
                    self.add(heap, link, depth + 1);
                }
            }
        }
    }
}
