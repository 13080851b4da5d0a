//! What a tree holds: how elements are packed into a node's bytes and how they are ordered.

use std::cmp::Ordering;

use crate::Heap;

/// How elements of one kind are packed, and in which order they stand. A small value that is copied
/// freely: usually empty, or the key of a hash function.
///
/// An element is a run of bytes that knows its own length. It is at most [`element_max`] bytes long;
/// longer things live in a block of their own whose handle is in the element.
///
/// A *based* packing ([`Packing::BASED`]) stores 8 more bytes per node, the base, against which the
/// node's elements are encoded. Changing the base of an element must not change its length. If two
/// elements can share a base, so can everything between them.
pub trait Packing: Copy {
    /// What is looked for. `()` where elements are found by rank alone.
    type Key<'k>: Copy;
    /// An element, as given and as read.
    type Item<'i>: Copy;

    /// Bytes of the largest node block, header included; at most [`NODE_LEN_MAX`].
    const NODE_LEN: usize = 1024;
    /// Up to so many elements, at most 128, stay in one plain block.
    const PLAIN_COUNT: usize = 128;
    /// Up to so many bytes, at most 8192, stay in one plain block.
    const PLAIN_LEN: usize = 8192;
    /// Whether nodes are ordered by a hash of their elements, which are in the order of arrival within a block. What
    /// needs an order of all elements, such as bounds, counts between keys and cuts, means nothing then, and keys are
    /// unique.
    const HASHED: bool = false;
    /// Whether there is an order by key at all; if not, only ranks may be used.
    const ORDERED: bool = true;
    /// Whether no two elements have equal keys. If not, those that have are the same bytes, and a search for their key
    /// finds any of them.
    const UNIQUE: bool = true;
    /// The length of every element, where all have the same.
    const ELEMENT_LEN: Option<usize> = None;
    /// Whether nodes carry a base.
    const BASED: bool = false;

    /// Bytes `item` will take.
    fn encoded_len(self, item: Self::Item<'_>) -> usize;
    /// Writes `item` to `out`, which is [`Packing::encoded_len`] bytes long.
    fn encode(self, item: Self::Item<'_>, base: u64, out: &mut [u8]);
    /// The length of the element at the start of `bytes`; more may follow it. Says something, whatever the
    /// bytes are.
    fn element_len(self, bytes: &[u8]) -> usize;
    /// Reads an element; `bytes` are exactly its own.
    fn decode(self, bytes: &[u8], base: u64) -> Self::Item<'_>;

    /// Whether [`Packing::decode`] makes sense of these bytes, which are as long as `element_len` says. Asked
    /// before anything in a segment that may be damaged is decoded.
    fn is_sound(self, bytes: &[u8], base: u64) -> bool {
        let _ = (bytes, base);
        true
    }

    /// The key under which `item` is found.
    fn key_of<'i>(self, heap: &Heap, item: Self::Item<'i>) -> Self::Key<'i>;
    /// Where `key` stands relative to `item`. A key that is looked for may be equal to a run of elements: then any of
    /// them is found.
    fn compare(self, heap: &Heap, key: Self::Key<'_>, item: Self::Item<'_>) -> Ordering;

    /// [`Packing::compare`] with the element at the start of `bytes`, which has not been decoded: its order may be told
    /// sooner.
    #[inline]
    fn compare_bytes(self, heap: &Heap, key: Self::Key<'_>, bytes: &[u8], base: u64) -> Ordering {
        self.compare(heap, key, self.decode(&bytes[..self.element_len(bytes)], base))
    }

    /// The hash by which nodes are ordered, where they are.
    fn hash_of(self, item: Self::Item<'_>) -> u64 {
        let _ = item;
        unreachable!("elements without hashes")
    }
    /// The hash of the element with this key.
    fn hash_of_key(self, key: Self::Key<'_>) -> u64 {
        let _ = key;
        unreachable!("keys without hashes")
    }

    /// Whether `item` is the one with this key: for searches in elements that are in no order, which need not know
    /// on which side of the key an element stands.
    #[inline]
    fn matches(self, heap: &Heap, key: Self::Key<'_>, item: Self::Item<'_>) -> bool {
        self.compare(heap, key, item) == Ordering::Equal
    }

    /// Looks for the element with this key among all elements of a block, which are in no order. Returns how many stand
    /// before it, and where it starts. It may be told sooner from the bytes than one element at a time.
    #[inline]
    fn scan(self, heap: &Heap, key: Self::Key<'_>, elements: &[u8], base: u64) -> Option<(usize, usize)> {
        let (mut index, mut offset) = (0, 0);
        while offset < elements.len() {
            let rest = &elements[offset..];
            let len = self.element_len(rest);
            if self.matches(heap, key, self.decode(&rest[..len], base)) {
                return Some((index, offset));
            }
            (index, offset) = (index + 1, offset + len);
        }
        None
    }

    /// A base for a node whose first and last elements are these, or `None` if they cannot share one.
    /// A single element always has a base.
    fn base_for(self, first: Self::Item<'_>, last: Self::Item<'_>) -> Option<u64> {
        let _ = (first, last);
        Some(0)
    }
    /// Whether `item` can be encoded against `base`.
    fn fits(self, base: u64, item: Self::Item<'_>) -> bool {
        let _ = (base, item);
        true
    }
    /// What the first eight bytes of an element, little-endian, tell of its place: of two elements the one with the
    /// lesser lead stands first. Asked of packings whose keys have leads; their elements are at least so long.
    fn lead(first: u64) -> u64 {
        first
    }
    /// The lead of the elements that are equal to a key, or nearest to it; `None` if the key is not ordered by it. A search
    /// that knows it looks further only at elements with the same one.
    #[inline]
    fn lead_of_key(self, key: Self::Key<'_>) -> Option<u64> {
        let _ = key;
        None
    }

    /// Encodes anew an element that fits both bases.
    fn rebase(self, element: &mut [u8], from: u64, to: u64) {
        let _ = (element, from, to);
    }
}

/// Upper limit of [`Packing::NODE_LEN`].
pub const NODE_LEN_MAX: usize = 1536;
/// Upper limit of [`element_max`].
pub const ELEMENT_LEN_MAX: usize = NODE_LEN_MAX / 2;

/// The longest element a packing may have: half of what a node holds, so that an overfull node can
/// always be cut in two.
pub const fn element_max<P: Packing>() -> usize {
    P::CAPACITY / 2
}

/// Sizes that follow from a packing's settings.
pub(super) trait Sizes: Packing {
    /// Whether nodes carry a base. Of a hashed packing only nodes do, and it is the least hash that they may have.
    const HAS_BASE: bool = Self::BASED || Self::HASHED;
    /// Where the elements start in a plain block: behind the base, if it has one.
    const PLAIN_BODY: usize = if Self::BASED { 8 } else { 0 };
    /// Where the elements start in a node.
    const BODY: usize = super::node::HEADER_LEN + if Self::HAS_BASE { 8 } else { 0 };
    /// Bytes of elements a node can hold.
    const CAPACITY: usize = {
        assert!(Self::NODE_LEN <= NODE_LEN_MAX, "nodes are at most 1.5 KiB");
        assert!(Self::NODE_LEN >= Self::BODY + 16, "a node holds at least two small elements");
        assert!(Self::PLAIN_COUNT >= 1 && Self::PLAIN_COUNT <= 128);
        assert!(Self::PLAIN_LEN >= Self::NODE_LEN / 2 && Self::PLAIN_LEN <= 8192);
        assert!(!Self::HASHED || !Self::BASED, "elements that share a base are in order");
        assert!(!Self::HASHED || Self::UNIQUE && Self::ORDERED, "hashes are of keys");
        Self::NODE_LEN - Self::BODY
    };
    /// A node with fewer bytes of elements looks for a neighbour to merge with.
    const SPARSE: usize = Self::CAPACITY / 4;
}

impl<P: Packing> Sizes for P {}
