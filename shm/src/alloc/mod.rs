//! Blocks out of pages.
//!
//! Stored state: the page table (a descriptor per page) and a bitmap at the start of each page of blocks.
//! Bits of the bitmaps change through the undo log. Descriptors do not: a page of blocks none of which is in use
//! is the same as a free page, and after a rollback or crash the free blocks are counted again, for exactly the
//! pages whose bitmaps the undo records name. Everything else is a private mirror.

pub(crate) mod block;
pub(crate) mod page;
pub(crate) mod page_set;
pub(crate) mod size_class;
pub(crate) mod stats;
