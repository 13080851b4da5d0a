//! What the pages of a heap are used for.

/// Pages of a heap by use. Counted on demand, in time proportional to the number of pages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PageStats {
    /// Classes that have pages, by size.
    pub classes: Vec<ClassStats>,
    /// Pages with nothing in them, backed by memory.
    pub free_pages: usize,
    /// Pages with nothing in them whose memory went back to the system.
    pub holes: usize,
    /// Page tables and undo log.
    pub own_pages: usize,
    /// Pages of blocks from which none is taken because theirs are being moved away.
    pub evacuating_pages: usize,
}

/// Pages of one class of blocks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ClassStats {
    /// Bytes of a block.
    pub block_len: usize,
    pub pages: usize,
    pub blocks_used: usize,
    pub blocks_free: usize,
}
