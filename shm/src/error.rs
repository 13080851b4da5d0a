//! What can go wrong with memory.

/// No block could be had: the segment file could not grow (full tmpfs), the memory budget is spent,
/// the handle reach is exhausted, or the undo log has reached its bound. Nothing was changed by the
/// call that returned it; the transaction around it must be rolled back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("out of memory")]
pub struct OutOfMemory;

/// A stored structure breaks one of its invariants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("corrupt segment: {what}, block {block:#x}")]
pub struct Corrupt {
    /// What is wrong.
    pub what: &'static str,
    /// The raw handle of the block it was seen in.
    pub block: u32,
}
