//! A node's header, and reading the elements of a block.

use std::cmp::Ordering;
use std::hint::select_unpredictable;

use super::Root;
use super::packing::{Packing, Sizes};
use crate::{Handle, Heap, OutOfMemory};

/// Marks handles of a tree's blocks.
#[derive(Debug)]
pub enum Node {}

/// A node's handle as stored; 0 is none.
pub(super) type Link = u32;

/// The block that a link other than 0 names.
#[inline]
pub(super) fn block(link: Link) -> Handle<Node> {
    // Every caller has tested the link, or has it from a path, which holds no zeros.
    Handle::from_raw(link).expect("a link to a node")
}

/// Left or right, below a node or along the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Left,
    Right,
}

impl Side {
    #[inline]
    pub(super) fn other(self) -> Side {
        match self {
            Side::Left => Side::Right,
            Side::Right => Side::Left,
        }
    }

    #[inline]
    fn offset(self) -> usize {
        match self {
            Side::Left => 0,
            Side::Right => 4,
        }
    }
}

pub(super) const HEADER_LEN: usize = 16;
const BEFORE: usize = 8;
const OWN: usize = 12;
const USED: usize = 14;
const RED: u16 = 1 << 15;

/// The first 16 bytes of a node; drawn in the module's documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) left: Link,
    pub(super) right: Link,
    /// Elements in the left subtree.
    pub(super) before: u32,
    /// Elements in this node.
    pub(super) own: u16,
    /// Bytes they take.
    pub(super) used: u16,
    pub(super) red: bool,
}

impl Header {
    #[inline]
    pub(super) fn read(heap: &Heap, link: Link) -> Header {
        let bytes: [u8; HEADER_LEN] = heap.array_at(block(link), 0);
        let word = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let flags_used = u16::from_le_bytes([bytes[USED], bytes[USED + 1]]);
        Header {
            left: word(0),
            right: word(4),
            before: word(BEFORE),
            own: u16::from_le_bytes([bytes[OWN], bytes[OWN + 1]]),
            used: flags_used & !RED,
            red: flags_used & RED != 0,
        }
    }

    #[inline]
    pub(super) fn encode(&self) -> [u8; HEADER_LEN] {
        let mut bytes = [0; HEADER_LEN];
        bytes[..4].copy_from_slice(&self.left.to_le_bytes());
        bytes[4..8].copy_from_slice(&self.right.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.before.to_le_bytes());
        bytes[12..14].copy_from_slice(&self.own.to_le_bytes());
        bytes[14..].copy_from_slice(&self.flags_used().to_le_bytes());
        bytes
    }

    #[inline]
    pub(super) fn flags_used(&self) -> u16 {
        if self.red { self.used | RED } else { self.used }
    }

    /// Stores the whole header: for changes of more than one word.
    pub(super) fn store(&self, heap: &mut Heap, link: Link) -> Result<(), OutOfMemory> {
        heap.store(block(link), 0, &self.encode())
    }

    /// The same header for another number of elements and bytes.
    pub(super) fn with_extent(self, own: usize, used: usize) -> Header {
        Header { own: own as u16, used: used as u16, ..self }
    }

    #[inline]
    pub(super) fn child(&self, side: Side) -> Link {
        match side {
            Side::Left => self.left,
            Side::Right => self.right,
        }
    }

    #[inline]
    pub(super) fn set_child(&mut self, side: Side, link: Link) {
        match side {
            Side::Left => self.left = link,
            Side::Right => self.right = link,
        }
    }
}

/// The nodes below a node, 0 for none, and the eight bytes after its header: its base, or what its first element begins
/// with.
#[inline]
pub(super) fn children_and_lead(heap: &Heap, link: Link) -> ([Link; 2], u64) {
    let bytes: [u8; HEADER_LEN + 8] = heap.array_at(block(link), 0);
    let word = |at: usize| u64::from_le_bytes(std::array::from_fn(|byte| bytes[at + byte]));
    ([word(0) as Link, (word(0) >> 32) as Link], word(HEADER_LEN))
}

#[inline]
pub(super) fn child(heap: &Heap, link: Link, side: Side) -> Link {
    heap.u32_at(block(link), side.offset())
}

pub(super) fn set_child(heap: &mut Heap, link: Link, side: Side, to: Link) -> Result<(), OutOfMemory> {
    heap.store_u32(block(link), side.offset(), to)
}

/// Adds to the number of elements left of a node; `delta` wraps, so that it may stand for a loss.
pub(super) fn add_before(heap: &mut Heap, link: Link, delta: u32) -> Result<(), OutOfMemory> {
    let before = heap.u32_at(block(link), BEFORE);
    heap.store_u32(block(link), BEFORE, before.wrapping_add(delta))
}

/// Stores how many elements a node has and the bytes they take, in one word with its colour.
pub(super) fn set_extent(heap: &mut Heap, link: Link, header: &Header) -> Result<(), OutOfMemory> {
    heap.store_u32(block(link), OWN, u32::from(header.own) | u32::from(header.flags_used()) << 16)
}

/// Whether a link names a red node; 0 is black.
#[inline]
pub(super) fn is_red(heap: &Heap, link: Link) -> bool {
    link != 0 && heap.u16_at(block(link), USED) & RED != 0
}

/// Gives a node a colour, if it has another.
pub(super) fn paint(heap: &mut Heap, link: Link, red: bool) -> Result<(), OutOfMemory> {
    let word = heap.u16_at(block(link), USED);
    let painted = if red { word | RED } else { word & !RED };
    if painted == word {
        return Ok(());
    }
    heap.store(block(link), USED, &painted.to_le_bytes())
}

/// The elements of one block, be it a node or a plain block: where they are, how many, how long.
#[derive(Debug, Clone, Copy)]
pub(super) struct View {
    pub(super) link: Link,
    /// Where the elements start in the block.
    pub(super) body: usize,
    pub(super) own: usize,
    pub(super) used: usize,
    pub(super) base: u64,
}

/// A place among the elements of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) index: usize,
    /// In bytes from the first element.
    pub(super) offset: usize,
}

/// Steps of a search in elements of different lengths: so many are passed between two comparisons.
const STRIDE: usize = 8;

impl View {
    #[inline]
    pub(super) fn of_node<P: Packing>(heap: &Heap, link: Link) -> View {
        View::with_header::<P>(heap, link, &Header::read(heap, link))
    }

    #[inline]
    pub(super) fn with_header<P: Packing>(heap: &Heap, link: Link, header: &Header) -> View {
        View {
            link,
            body: P::BODY,
            own: usize::from(header.own),
            used: usize::from(header.used),
            base: if P::HAS_BASE { heap.u64_at(block(link), HEADER_LEN) } else { 0 },
        }
    }

    /// The view of a root's one plain block.
    #[inline]
    pub(super) fn of_plain<P: Packing>(heap: &Heap, root: Root) -> View {
        let (own, used) = root.plain_extent();
        View {
            link: root.link(),
            body: P::PLAIN_BODY,
            own,
            used,
            base: if P::BASED { heap.u64_at(block(root.link()), 0) } else { 0 },
        }
    }

    #[inline]
    pub(super) fn elements<'h>(&self, heap: &'h Heap) -> &'h [u8] {
        heap.bytes(block(self.link), self.body, self.used)
    }

    /// The bytes of the element at `offset`.
    #[inline]
    pub(super) fn element<'h, P: Packing>(&self, heap: &'h Heap, packing: P, offset: usize) -> &'h [u8] {
        let rest = &self.elements(heap)[offset..];
        &rest[..packing.element_len(rest)]
    }

    #[inline]
    pub(super) fn item<'h, P: Packing>(&self, heap: &'h Heap, packing: P, offset: usize) -> P::Item<'h> {
        packing.decode(self.element(heap, packing, offset), self.base)
    }

    pub(super) fn first<'h, P: Packing>(&self, heap: &'h Heap, packing: P) -> P::Item<'h> {
        self.item(heap, packing, 0)
    }

    pub(super) fn last<'h, P: Packing>(&self, heap: &'h Heap, packing: P) -> P::Item<'h> {
        self.item(heap, packing, self.offset_of(heap, packing, self.own - 1))
    }

    /// Where the element with this index starts; the end of all for `index == own`.
    pub(super) fn offset_of<P: Packing>(&self, heap: &Heap, packing: P, index: usize) -> usize {
        if let Some(len) = P::ELEMENT_LEN {
            return index * len;
        }
        if index == self.own {
            return self.used;
        }
        skip(packing, self.elements(heap), 0, index)
    }

    /// The first element not less than `key`, and whether it is equal.
    pub(super) fn search<P: Packing>(&self, heap: &Heap, packing: P, key: P::Key<'_>) -> (Slot, bool) {
        let elements = self.elements(heap);
        let lead = packing.lead_of_key(key);
        let compare = |offset: usize| {
            let rest = &elements[offset..];
            if let (Some(lead), Some(first)) = (lead, rest.first_chunk()) {
                let own = P::lead(u64::from_le_bytes(*first));
                if lead != own {
                    return lead.cmp(&own);
                }
            }
            packing.compare_bytes(heap, key, rest, self.base)
        };
        if let Some(len) = P::ELEMENT_LEN {
            let (mut low, mut high) = (0, self.own);
            while low < high {
                let middle = low.midpoint(high);
                let order = compare(middle * len);
                if order == Ordering::Equal {
                    return (Slot { index: middle, offset: middle * len }, true);
                }
                high = select_unpredictable(order == Ordering::Less, middle, high);
                low = select_unpredictable(order == Ordering::Less, low, middle + 1);
            }
            return (Slot { index: low, offset: low * len }, false);
        }
        let mut slot = Slot { index: 0, offset: 0 };
        while slot.index + STRIDE < self.own {
            let next = skip(packing, elements, slot.offset, STRIDE);
            if compare(next) == Ordering::Less {
                break;
            }
            slot = Slot { index: slot.index + STRIDE, offset: next };
        }
        while slot.index < self.own {
            match compare(slot.offset) {
                Ordering::Less => break,
                Ordering::Equal => return (slot, true),
                Ordering::Greater => {
                    let len = packing.element_len(&elements[slot.offset..]);
                    slot = Slot { index: slot.index + 1, offset: slot.offset + len };
                }
            }
        }
        (slot, false)
    }

    /// The element equal to `key` among elements in no order.
    pub(super) fn scan<P: Packing>(&self, heap: &Heap, packing: P, key: P::Key<'_>) -> Option<Slot> {
        let found = packing.scan(heap, key, self.elements(heap), self.base);
        found.map(|(index, offset)| Slot { index, offset })
    }
}

/// Where the element `count` after the one at `offset` starts.
fn skip<P: Packing>(packing: P, elements: &[u8], mut offset: usize, count: usize) -> usize {
    for _ in 0..count {
        offset += packing.element_len(&elements[offset..]);
    }
    offset
}
