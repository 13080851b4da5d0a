//! The 8 bytes from which a tree is reached.

use super::node::Link;

/// A tree as its owner stores it. The owner keeps [`Root::encode`] where it likes and stores it again
/// whenever [`Tree::root`](super::Tree::root) has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Root {
    link: Link,
    /// Elements of a tree; or those of a plain block and their length, with bit 31 set.
    extent: u32,
}

/// A tree holds at most so many elements; beyond it insertion reports that memory is out.
pub const COUNT_MAX: usize = (1 << 31) - 1;

const PLAIN: u32 = 1 << 31;

/// What a root leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Nothing.
    Empty,
    /// One block of elements.
    Plain,
    /// A tree of nodes.
    Tree,
}

impl Root {
    /// Of a tree without elements.
    pub const EMPTY: Root = Root { link: 0, extent: 0 };

    /// The stored form.
    #[inline]
    pub fn encode(self) -> u64 {
        u64::from(self.link) | u64::from(self.extent) << 32
    }

    /// Reads the stored form. 0 is the empty tree.
    #[inline]
    pub fn decode(word: u64) -> Root {
        Root { link: word as u32, extent: (word >> 32) as u32 }
    }

    /// What the root leads to.
    #[inline]
    pub fn form(self) -> Form {
        match (self.link, self.extent & PLAIN) {
            (0, _) => Form::Empty,
            (_, 0) => Form::Tree,
            _ => Form::Plain,
        }
    }

    /// The number of elements.
    #[inline]
    pub fn count(self) -> usize {
        if self.extent & PLAIN == 0 { self.extent as usize } else { self.plain_extent().0 }
    }

    #[inline]
    pub(super) fn plain(link: Link, own: usize, used: usize) -> Root {
        debug_assert!(own < 1 << 15 && used < 1 << 16);
        Root { link, extent: PLAIN | (own as u32) << 16 | used as u32 }
    }

    #[inline]
    pub(super) fn tree(link: Link, count: usize) -> Root {
        debug_assert!(count <= COUNT_MAX);
        Root { link, extent: count as u32 }
    }

    #[inline]
    pub(super) fn link(self) -> Link {
        self.link
    }

    /// Elements and bytes of a plain block.
    #[inline]
    pub(super) fn plain_extent(self) -> (usize, usize) {
        ((self.extent >> 16 & 0x7fff) as usize, (self.extent & 0xffff) as usize)
    }
}
