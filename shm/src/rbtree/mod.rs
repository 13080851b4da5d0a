//! The one container: a red-black tree of packed blocks with counts, so that anything in order is found
//! by key or by rank in O(log n).
//!
//! A [`Packing`] says how elements are packed, compared and limited in length; the rest is the same for
//! lists (found by rank), hashes and sets (by hash, then member), sorted sets (by score, then member),
//! streams (by ID) and the times at which something is due ([`TimedHandles`]).
//!
//! # Layout
//! A [`Root`] is 8 bytes that the owner keeps where it likes. It has one of three forms:
//!
//! ```text
//! 0 handle 0                                                      u32   empty
//! 4 0                                                             u32
//!
//! 0 handle of the plain block                                     u32   up to 128 elements, 8 KiB
//! 4 bytes of elements u16 | (number of elements | 1 << 15) u16    u32
//!
//! 0 handle of the top node                                        u32   more
//! 4 number of elements, under 2^31                                u32
//! ```
//!
//! A plain block is nothing but elements, one after the other. A node is a block of up to 1 KiB, or 1.5 if its packing
//! says so:
//!
//! ```text
//!  0  left     u32   handle of the left child, 0 if none
//!  4  right    u32   handle of the right child, 0 if none
//!  8  before   u32   elements in the left subtree
//! 12  own      u16   elements in this node
//! 14  used     u16   bytes they take; bit 15: the node is red
//! 16  base     u64   in based packings, in whose plain blocks it is at 0, and in nodes of hashed ones
//!  …  elements       `used` bytes
//! ```
//!
//! Every block has exactly one referrer: another node or the root. There are no parent pointers; a
//! [`Position`] holds the path from the root.
//!
//! # Invariants
//! [`Tree::verify`] checks them:
//! 1. the root is black, a red node has black children, every path down passes as many black nodes;
//! 2. elements ascend by key, within a node and from node to node, or by hash from node to node as `hashed` says; none
//!    is longer than half a node;
//! 3. `before` is the number of elements in the left subtree, the root's number is that of all;
//! 4. no node is empty, and of two neighbours not both are under a quarter full, unless they cannot
//!    share a base;
//! 5. a block is at most a quarter larger than its content up to 256 bytes, and half larger above, not
//!    counting the rounding of block lengths.
//!
//! # Sources, and what differs
//! Balance is after Cormen et al., "Introduction to Algorithms", ch. 13 and 14.1, with these
//! differences:
//! - A node holds many elements (a T-tree: Lehman and Carey, 1986), so the tree is shallow and elements
//!   take little beside their own bytes. Searches compare with a node's first element only and look
//!   into one node at the end.
//! - A node stores the number of elements to its left rather than below it: finding by rank reads the
//!   nodes on the path only, and half of the path needs no new count when an element comes or goes.
//! - Nodes are copied on write. A range of up to 256 bytes is overwritten through the undo log; a
//!   longer one is written to a fresh block of the right size, which takes the old one's place. As
//!   blocks are sized to their content, a half-full node wastes no memory, and nothing is gained by
//!   moving elements to neighbours before a split. Only at the ends of a node is the neighbour tried,
//!   and a new node started if that is full too, so that ascending and descending insertion leave full
//!   nodes.
//! - Of two neighbours one is below the other and has at most one child. Merging always removes that
//!   one, so deletion needs its successor only when a node with two children becomes empty.
//!
//! # Failure
//! A function that returns [`OutOfMemory`](crate::OutOfMemory) leaves its [`Tree`] as it was and the heap's transaction in
//! the middle of a change: the caller must roll back.

mod balance;
mod build;
mod content;
mod descent;
mod ends;
mod hashed;
mod hint;
mod insert;
mod iterate;
mod node;
mod packing;
mod path;
mod range;
mod reclaim;
mod remove;
mod root;
mod timed_handles;
mod tree;
mod verify;

pub use build::Builder;
pub use descent::Descent;
pub use hashed::ByHash;
pub use hint::{Glance, Hint, Seek, seek_together};
pub use iterate::{Back, Iter};
pub use node::Node;
pub use packing::{ELEMENT_LEN_MAX, NODE_LEN_MAX, Packing, element_max};
pub use path::Position;
pub use root::{COUNT_MAX, Form, Root};
pub use timed_handles::TimedHandles;
pub use tree::Tree;

/// What is stored, for the layout hash of segments: to be changed with it.
pub(crate) const STORED: &str = "tree: root u32*2 (empty, plain with bytes u16 and count u16, top and count); node: \
                                 left u32, right u32, before u32, own u16, used u16 with red, base u64 if based or hashed; \
                                 timed handles: time u32, handle u32";
