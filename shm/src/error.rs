//! What can go wrong with memory.

/// No block could be had: the segment file could not grow (full tmpfs), the memory budget is spent,
/// the handle reach is exhausted, or the undo log has reached its bound. Nothing was changed by the
/// call that returned it; the transaction around it must be rolled back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("out of memory")]
pub struct OutOfMemory;

/// What is wrong in a region, and where. Nothing was stored to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Corrupt {
    /// The region was never a heap, or its making was cut off.
    #[error("no heap here: magic is {found:#018x}")]
    Magic { found: u64 },
    /// The heap was made by a version whose layout is not this one's.
    #[error("heap layout {found}, this version reads {expected}")]
    Layout { found: u32, expected: u32 },
    /// No heap has this granule.
    #[error("granule shift {found} is not one of 3 to 7")]
    Granule { found: u32 },
    /// The region is shorter than it was.
    #[error("{found} bytes are left of {expected}")]
    Length { found: u64, expected: u64 },
    /// The undo log does not make sense.
    #[error("undo log at {position}: {what}")]
    Undo { position: u64, what: &'static str },
    /// A page and its descriptor do not fit together.
    #[error("page {page}: {what}")]
    Page { page: u64, what: &'static str },
    /// Two places that say the same thing differ.
    #[error("{what}: {found} where {expected} was expected")]
    Mismatch { what: &'static str, found: u64, expected: u64 },
    /// Structures name a block that is not allocated.
    #[error("block {block:#x} is in use but not allocated")]
    Dangling { block: u32 },
    /// Structures name a block twice.
    #[error("block {block:#x} is in use twice")]
    Shared { block: u32 },
    /// A block is allocated but no structure names it.
    #[error("block {block:#x} is allocated but not in use")]
    Leaked { block: u32 },
    /// A stored structure breaks one of its invariants.
    #[error("block {block:#x}: {what}")]
    Structure { block: u32, what: &'static str },
}
