//! Changing the elements of a block: in place where little moves, else into a fresh block.

use super::node::{HEADER_LEN, Header, Link, Node, View, block, set_extent};
use super::packing::{Packing, Sizes};
use crate::{Handle, Heap, OutOfMemory};

/// The longest range that is logged and overwritten rather than copied to a fresh block.
const IN_PLACE_MAX: usize = 256;
/// The longest element for which others by hash are given room in advance.
const SMALL_MAX: usize = 32;

/// Whether a block is neither too small for `len` bytes nor wastefully large.
pub(super) fn fits_well(heap: &Heap, link: Link, len: usize) -> bool {
    let capacity = heap.capacity_of(block(link));
    let spare = if len <= IN_PLACE_MAX { len / 4 } else { len / 2 };
    len <= capacity && capacity <= heap.block_len(len + spare)
}

/// The length to ask for when `len` bytes are needed now, `new` of them at the end, where more are expected. Small
/// blocks get what they need. Elements that come by hash come to a node now and then only: a node of small ones gets
/// room for one or two.
fn with_slack<P: Packing>(len: usize, new: usize, max: usize) -> usize {
    let slack = match P::HASHED {
        _ if len <= IN_PLACE_MAX => 0,
        true => {
            if new <= SMALL_MAX {
                (len / 8).min(2 * new)
            } else {
                0
            }
        }
        false => len / 4,
    };
    (len + slack).min(max)
}

/// What comes into a block.
pub(super) enum Inserted<'a, P: Packing> {
    Nothing,
    /// One element, and its length.
    Item(P::Item<'a>, usize),
    /// All elements of a node.
    Node(View),
}

impl<P: Packing> Clone for Inserted<'_, P> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<P: Packing> Copy for Inserted<'_, P> {}

impl<'a, P: Packing> Inserted<'a, P> {
    pub(super) fn item(packing: P, item: P::Item<'a>) -> Self {
        let len = packing.encoded_len(item);
        assert!(len <= P::CAPACITY / 2, "an element of {len} bytes");
        Inserted::Item(item, len)
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Inserted::Nothing => 0,
            Inserted::Item(_, len) => *len,
            Inserted::Node(view) => view.used,
        }
    }

    /// Writes the bytes, encoded against `base`, to `out`.
    fn write(&self, heap: &Heap, packing: P, base: u64, out: &mut [u8]) {
        match self {
            Inserted::Nothing => {}
            Inserted::Item(item, _) => packing.encode(*item, base, out),
            Inserted::Node(view) => {
                out.copy_from_slice(view.elements(heap));
                rebase_all(packing, out, view.base, base);
            }
        }
    }

    /// The same into a fresh block.
    fn fill(&self, heap: &mut Heap, packing: P, base: u64, fresh: Handle<Node>, start: usize) {
        match self {
            Inserted::Nothing => {}
            Inserted::Item(item, len) => {
                heap.fill(fresh, start, *len, |out| packing.encode(*item, base, out));
            }
            Inserted::Node(view) => fill_part(heap, packing, base, fresh, start, view, 0, view.used),
        }
    }
}

/// The elements of a block with some of them replaced, before this is stored anywhere.
pub(super) struct Draft<'a, P: Packing> {
    pub(super) view: View,
    /// Where the change starts, in bytes from the first element.
    pub(super) at: usize,
    /// Bytes that go.
    pub(super) removed: usize,
    pub(super) inserted: Inserted<'a, P>,
    /// Elements afterwards.
    pub(super) own: usize,
    /// The base afterwards.
    pub(super) base: u64,
}

impl<P: Packing> Draft<'_, P> {
    /// Bytes of elements afterwards.
    pub(super) fn len(&self) -> usize {
        self.view.used - self.removed + self.inserted.len()
    }

    fn is_node(&self) -> bool {
        self.view.body > P::PLAIN_BODY
    }

    /// Whether one element is written over another of the same length.
    #[inline]
    pub(super) fn keeps_lengths(&self) -> bool {
        let len = self.inserted.len();
        self.removed == len && len <= IN_PLACE_MAX && self.own == self.view.own && self.base == self.view.base
    }

    /// Stores a draft that [keeps lengths](Draft::keeps_lengths) in its block.
    #[inline]
    pub(super) fn overwrite(&self, heap: &mut Heap, packing: P) -> Result<(), OutOfMemory> {
        let mut bytes = [0; IN_PLACE_MAX];
        let bytes = &mut bytes[..self.removed];
        self.inserted.write(heap, packing, self.base, bytes);
        heap.store(block(self.view.link), self.view.body + self.at, bytes)
    }

    /// Stores the draft in its block, or in a fresh one in its stead: the old one is given back, and
    /// whoever refers to it must be given the link returned. A node's header is kept but for the
    /// number and length of its elements; a plain block has them in its root.
    pub(super) fn apply(&self, heap: &mut Heap, packing: P) -> Result<Link, OutOfMemory> {
        let View { link, body, used, base, .. } = self.view;
        let (len, new) = (self.len(), self.inserted.len());
        let tail = if self.removed == new { 0 } else { len - (self.at + new) };
        let changed = new + tail;
        let fits = changed <= IN_PLACE_MAX && self.base == base;
        if fits && fits_well(heap, link, body + len) {
            let mut bytes = [0; IN_PLACE_MAX];
            self.inserted.write(heap, packing, base, &mut bytes[..new]);
            bytes[new..changed].copy_from_slice(&self.view.elements(heap)[used - tail..]);
            if changed > 0 {
                heap.store(block(link), body + self.at, &bytes[..changed])?;
            }
            if self.is_node() && (self.own, len) != (self.view.own, used) {
                let header = Header::read(heap, link).with_extent(self.own, len);
                set_extent(heap, link, &header)?;
            }
            return Ok(link);
        }
        let at_end = self.removed == 0 && tail == 0;
        let max = if self.is_node() { P::NODE_LEN } else { P::PLAIN_LEN + P::PLAIN_BODY };
        let fresh = heap.allocate(if at_end { with_slack::<P>(body + len, new, max) } else { body + len })?;
        if self.is_node() {
            fill_header(heap, fresh, &Header::read(heap, link).with_extent(self.own, len));
        }
        self.fill(heap, packing, fresh, body, 0, len);
        heap.free(block(link));
        Ok(fresh.raw())
    }

    /// All bytes of the draft.
    pub(super) fn bytes(&self, heap: &Heap, packing: P) -> Vec<u8> {
        let (elements, end) = (self.view.elements(heap), self.at + self.inserted.len());
        let mut bytes = vec![0; self.len()];
        bytes[..self.at].copy_from_slice(&elements[..self.at]);
        self.inserted.write(heap, packing, self.base, &mut bytes[self.at..end]);
        bytes[end..].copy_from_slice(&elements[self.at + self.removed..]);
        bytes
    }

    /// Stores the bytes of the draft from `from` on, as many as `header` says, as a node of its own.
    pub(super) fn cut(
        &self,
        heap: &mut Heap,
        packing: P,
        header: &Header,
        from: usize,
    ) -> Result<Link, OutOfMemory> {
        let len = usize::from(header.used);
        let fresh = heap.allocate(P::BODY + len)?;
        fill_header(heap, fresh, header);
        self.fill(heap, packing, fresh, P::BODY, from, from + len);
        Ok(fresh.raw())
    }

    /// Where to cut a draft that is too long for one node: as near to the middle as elements allow, in
    /// bytes and elements. As no element is longer than half a node, both parts fit.
    pub(super) fn middle(&self, heap: &Heap, packing: P) -> (usize, usize) {
        let len = self.len();
        let end = self.at + self.inserted.len();
        let elements = self.view.elements(heap);
        let element_at = |offset: usize| match self.inserted {
            Inserted::Item(_, len) if offset == self.at => len,
            _ if offset < self.at => packing.element_len(&elements[offset..]),
            _ => packing.element_len(&elements[offset - end + self.at + self.removed..]),
        };
        let (mut offset, mut index) = (0, 0);
        loop {
            let next = offset + element_at(offset);
            if 2 * next >= len {
                // This element straddles the middle: cut on the side that is nearer.
                return if 2 * next - len <= len - 2 * offset { (next, index + 1) } else { (offset, index) };
            }
            (offset, index) = (next, index + 1);
        }
    }

    /// Writes the base and the bytes `from .. to` of the draft into a fresh block. Both are borders of
    /// elements.
    fn fill(&self, heap: &mut Heap, packing: P, fresh: Handle<Node>, body: usize, from: usize, to: usize) {
        let (view, base) = (&self.view, self.base);
        if P::HAS_BASE && body > 0 {
            fill_base(heap, fresh, body, base);
        }
        let end = self.at + self.inserted.len();
        let (start, stop) = (from.min(self.at), to.min(self.at));
        fill_part(heap, packing, base, fresh, body, view, start, stop);
        if from <= self.at && end <= to {
            self.inserted.fill(heap, packing, base, fresh, body + self.at - from);
        }
        let (start, stop) = (from.max(end), to.max(end));
        let old = self.at + self.removed;
        fill_part(heap, packing, base, fresh, body + start - from, view, start - end + old, stop - end + old);
    }
}

/// Copies the bytes `from .. to` of a block's elements into a fresh block, against another base.
#[allow(clippy::too_many_arguments)]
fn fill_part<P: Packing>(
    heap: &mut Heap,
    packing: P,
    base: u64,
    fresh: Handle<Node>,
    start: usize,
    view: &View,
    from: usize,
    to: usize,
) {
    if from == to {
        return;
    }
    heap.fill_from(fresh, start, block(view.link), view.body + from, to - from);
    if P::BASED && base != view.base {
        heap.fill(fresh, start, to - from, |out| rebase_all(packing, out, view.base, base));
    }
}

pub(super) fn fill_header(heap: &mut Heap, fresh: Handle<Node>, header: &Header) {
    heap.fill(fresh, 0, HEADER_LEN, |out| out.copy_from_slice(&header.encode()));
}

/// Writes the base in front of the elements of a fresh block.
pub(super) fn fill_base(heap: &mut Heap, fresh: Handle<Node>, body: usize, base: u64) {
    heap.fill(fresh, body - 8, 8, |out| out.copy_from_slice(&base.to_le_bytes()));
}

/// Encodes a run of elements against another base.
pub(super) fn rebase_all<P: Packing>(packing: P, mut elements: &mut [u8], from: u64, to: u64) {
    if from == to {
        return;
    }
    while !elements.is_empty() {
        let (element, rest) = elements.split_at_mut(packing.element_len(elements));
        packing.rebase(element, from, to);
        elements = rest;
    }
}
