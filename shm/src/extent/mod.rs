//! Values longer than a block: a list of chunks behind one handle.
//!
//! ```text
//! top block                          up to FANOUT chunks         more
//!  0  length of the value   u64
//!  8  entries               u32 …    handles of the chunks       handles of tables
//!
//! table                              only in longer values: handles of up to FANOUT chunks, u32 each
//! chunk                              CHUNK_LEN bytes of the value; the last holds what is left
//! ```
//!
//! All blocks but the last chunk, the last table and the top are of full length; those are as long as
//! they need to be, with some slack after an [`ExtentOf::append`]. Whether there are tables follows from
//! the length. An entry of 0 is a hole: a chunk of zeros that takes no memory, as left by
//! [`ExtentOf::resize`]; writing to it makes it a real one.
//!
//! With chunks of 16,256 bytes and 4,062 entries, 66 MB need no table and 512 MiB need nine. Finding a
//! byte follows two or three handles. A change costs what it touches: short ranges are overwritten
//! through the undo log, longer ones copied chunk by chunk into fresh blocks.
//!
//! A function that returns [`OutOfMemory`] leaves the heap's transaction in the
//! middle of a change: the caller must roll back, and go on with the extent it had before.

mod read;
mod reclaim;
mod table;
mod write;
mod writer;

pub use read::Chunks;
pub use writer::Writer;

use crate::heap::MAX_BLOCK_LEN;
use crate::{Handle, Heap, OutOfMemory};

/// What is stored, see [`crate::segment::layout_hash`].
pub(crate) const STORED: &str =
    "extent: top length u64, entries u32*; table u32*4062; chunk bytes 16256; hole 0";

/// Bytes of a full chunk.
pub const CHUNK_LEN: usize = MAX_BLOCK_LEN;
/// Entries of a full top block or table.
pub const FANOUT: usize = (MAX_BLOCK_LEN - HEADER_LEN) / Handle::<Top>::LEN;

/// Bytes of the top block before its entries.
const HEADER_LEN: usize = 8;

/// Marks handles of an extent's top block.
#[derive(Debug)]
pub enum Top {}

/// A value in chunks, as its owner holds it: the handle of its top block, which the owner stores again
/// whenever it has changed.
pub type Extent = ExtentOf<CHUNK_LEN, FANOUT>;

/// An [`Extent`] with chunks of another length and tables of another size: small ones make small tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExtentOf<const CHUNK: usize, const FANOUT: usize> {
    top: Handle<Top>,
}

/// A stored handle of a chunk or a table; 0 is a hole.
type Link = u32;

/// The block that a link other than 0 names.
fn block(link: Link) -> Handle<u8> {
    // Holes are told apart before anything is looked at.
    Handle::from_raw(link).expect("a link to a block")
}

impl<const CHUNK: usize, const FANOUT: usize> ExtentOf<CHUNK, FANOUT> {
    /// The longest value.
    pub const LEN_MAX: u64 = {
        assert!(CHUNK >= 1 && CHUNK <= MAX_BLOCK_LEN);
        assert!(FANOUT >= 2 && HEADER_LEN + 4 * FANOUT <= MAX_BLOCK_LEN);
        (CHUNK * FANOUT * FANOUT) as u64
    };

    /// A value without bytes.
    pub fn empty(heap: &mut Heap) -> Result<Self, OutOfMemory> {
        Writer::new(0).finish(heap)
    }

    /// The value with this top block.
    #[inline]
    pub fn at(top: Handle<Top>) -> Self {
        ExtentOf { top }
    }

    /// The top block, which the owner stores.
    #[inline]
    pub fn handle(&self) -> Handle<Top> {
        self.top
    }

    /// Bytes of the value.
    #[inline]
    pub fn len(&self, heap: &Heap) -> u64 {
        heap.u64_at(self.top, 0)
    }

    /// Whether the value has no bytes.
    pub fn is_empty(&self, heap: &Heap) -> bool {
        self.len(heap) == 0
    }

    fn set_len(&self, heap: &mut Heap, len: u64) -> Result<(), OutOfMemory> {
        heap.store_u64(self.top, 0, len)
    }

    /// Chunks of a value of this length.
    fn chunks_of(len: u64) -> usize {
        len.div_ceil(CHUNK as u64) as usize
    }

    /// Bytes of the chunk at `index` in a value of this length.
    fn chunk_len(len: u64, index: usize) -> usize {
        (len - index as u64 * CHUNK as u64).min(CHUNK as u64) as usize
    }
}
