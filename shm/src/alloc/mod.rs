//! Blocks out of pages.
//!
//! Stored state: the page table (a descriptor per page) and a bitmap at the start of each page of blocks.
//! A bit of a bitmap and the kind of a page change through the undo log; the count of free blocks in a
//! descriptor does not: after a rollback or crash it is counted again, for exactly the pages that the undo
//! records name. Everything else is a private mirror.

pub(crate) mod block;
pub(crate) mod page;
pub(crate) mod page_set;
pub(crate) mod size_class;
pub(crate) mod stats;
