//! Trees whose nodes are ordered by hash, and whose elements stand in each block in the order of arrival.
//!
//! A node's base is a lower bound of its elements' hashes: a search goes down by bases alone, without hashing anything it
//! passes, and then looks for the very bytes in one node. An element that comes is appended.
//!
//! Hashes of a node's elements are from its own base to that of the next node, *both included*: elements with
//! equal hashes, rare as they are, may be cut apart. So whoever finds a node whose base is the hash looks into
//! the one before as well.

use std::vec;

use super::Form;
use super::Root;
use super::balance::attach;
use super::content::{Draft, Inserted, fill_base, fill_header};
use super::node::{Header, Link, Side, Slot, View, block};
use super::packing::{Packing, Sizes};
use super::path::{Path, Position};
use crate::{Heap, OutOfMemory};

/// Goes to the last node whose base is not above `hash`, or the first of all.
#[inline]
fn descend(heap: &Heap, root: Root, hash: u64, path: &mut Path) {
    path.search(heap, root.link(), |_, base| hash >= base);
}

/// [`Position::find`] among nodes.
pub(super) fn find<P: Packing>(
    heap: &Heap,
    packing: P,
    root: Root,
    key: P::Key<'_>,
    position: &mut Position,
) -> bool {
    let hash = packing.hash_of_key(key);
    descend(heap, root, hash, &mut position.path);
    let view = View::of_node::<P>(heap, position.path.last());
    for start in (128..view.used).step_by(64) {
        heap.prefetch(block(view.link), start);
    }
    if let Some(slot) = view.scan(heap, packing, key) {
        position.slot = slot;
        return true;
    }
    if view.base == hash && find_before(heap, packing, key, hash, position) {
        return true;
    }
    position.slot = Slot { index: view.own, offset: view.used };
    false
}

/// Looks into the nodes before the one at `position` that may have elements with the hash, too.
#[cold]
fn find_before<P: Packing>(
    heap: &Heap,
    packing: P,
    key: P::Key<'_>,
    hash: u64,
    position: &mut Position,
) -> bool {
    let mut path = position.path.clone();
    while path.step(heap, Side::Left) {
        let view = View::of_node::<P>(heap, path.last());
        if let Some(slot) = view.scan(heap, packing, key) {
            *position = Position { path, slot };
            return true;
        }
        if view.base < hash {
            break;
        }
    }
    false
}

/// Puts an item into the last node of the path, or into one of the two that it becomes.
pub(super) fn insert<P: Packing>(
    heap: &mut Heap,
    packing: P,
    top: &mut Link,
    path: &mut Path,
    item: P::Item<'_>,
) -> Result<(), OutOfMemory> {
    let view = View::of_node::<P>(heap, path.last());
    // Only the first node is given hashes below its base, and only after it has lost a neighbour.
    let base = if view.base > 0 && path.is_leftmost(heap) {
        view.base.min(packing.hash_of(item))
    } else {
        view.base
    };
    let inserted = Inserted::item(packing, item);
    let draft = Draft { view, at: view.used, removed: 0, inserted, own: view.own + 1, base };
    let last = path.len() - 1;
    path.add_before(heap, 0, last, 1)?;
    if draft.len() > P::CAPACITY {
        return split(heap, packing, top, path, &draft);
    }
    let link = draft.apply(heap, packing)?;
    if link != view.link {
        path.relink(heap, top, last, link)?;
    }
    Ok(())
}

/// Cuts a draft of the last node of a path, too long for one node, in two by hash. Counts above that node are
/// the caller's.
pub(super) fn split<P: Packing>(
    heap: &mut Heap,
    packing: P,
    top: &mut Link,
    path: &mut Path,
    draft: &Draft<'_, P>,
) -> Result<(), OutOfMemory> {
    let bytes = draft.bytes(heap, packing);
    let mut elements = Vec::with_capacity(draft.own);
    let mut rest = &bytes[..];
    while !rest.is_empty() {
        let (element, after) = rest.split_at(packing.element_len(rest));
        elements.push((packing.hash_of(packing.decode(element, draft.base)), element));
        rest = after;
    }
    elements.sort_unstable();
    // As near to the middle as elements allow. As none is longer than half a node, both parts fit.
    let (mut used, mut own) = (0, 0);
    for (_, element) in &elements {
        let next = used + element.len();
        if 2 * next >= bytes.len() {
            if 2 * next - bytes.len() <= bytes.len() - 2 * used {
                (used, own) = (next, own + 1);
            }
            break;
        }
        (used, own) = (next, own + 1);
    }
    let old = draft.view.link;
    let (lower, upper) = elements.split_at(own);
    let lower_header = Header::read(heap, old).with_extent(lower.len(), used);
    let upper_header = Header { left: 0, right: 0, before: 0, own: 0, used: 0, red: true }
        .with_extent(upper.len(), bytes.len() - used);
    let lower_link = store::<P>(heap, &lower_header, draft.base, lower)?;
    let upper_link = store::<P>(heap, &upper_header, upper[0].0, upper)?;
    heap.free(block(old));
    path.relink(heap, top, path.len() - 1, lower_link)?;
    attach(heap, top, path, Side::Right, upper_link, upper.len() as u32)
}

/// A fresh node of these elements.
fn store<P: Packing>(
    heap: &mut Heap,
    header: &Header,
    base: u64,
    elements: &[(u64, &[u8])],
) -> Result<Link, OutOfMemory> {
    let used = usize::from(header.used);
    let fresh = heap.allocate(P::BODY + used)?;
    fill_header(heap, fresh, header);
    fill_base(heap, fresh, P::BODY, base);
    heap.fill(fresh, P::BODY, used, |mut out| {
        for (_, element) in elements {
            let (place, rest) = out.split_at_mut(element.len());
            place.copy_from_slice(element);
            out = rest;
        }
    });
    Ok(fresh.raw())
}

/// Elements by ascending hash, with it and their rank. A block at a time is put in order.
pub struct ByHash<'h, P: Packing> {
    heap: &'h Heap,
    packing: P,
    from: u64,
    path: Path,
    /// The block to come.
    view: Option<View>,
    /// Elements before it.
    rank: usize,
    block: vec::IntoIter<(u64, usize, P::Item<'h>)>,
}

impl<'h, P: Packing> ByHash<'h, P> {
    /// Those whose hash is at least `from`.
    pub(super) fn new(heap: &'h Heap, packing: P, root: Root, from: u64) -> Self {
        const { assert!(P::HASHED, "elements that have hashes") };
        let mut path = Path::EMPTY;
        let (view, rank) = match root.form() {
            Form::Empty => (None, 0),
            Form::Plain => (Some(View::of_plain::<P>(heap, root)), 0),
            Form::Tree => {
                descend(heap, root, from, &mut path);
                let mut rank = path.before(heap);
                let mut view = View::of_node::<P>(heap, path.last());
                while view.base == from && rank > 0 {
                    path.step(heap, Side::Left);
                    view = View::of_node::<P>(heap, path.last());
                    rank -= view.own;
                }
                (Some(view), rank)
            }
        };
        ByHash { heap, packing, from, path, view, rank, block: Vec::new().into_iter() }
    }

    /// Puts the next block in order. `false` if there is none.
    fn advance(&mut self) -> bool {
        let Some(view) = self.view else { return false };
        let mut block = Vec::with_capacity(view.own);
        let mut rest = view.elements(self.heap);
        for rank in self.rank..self.rank + view.own {
            let (element, after) = rest.split_at(self.packing.element_len(rest));
            let item = self.packing.decode(element, view.base);
            let hash = self.packing.hash_of(item);
            if hash >= self.from {
                block.push((hash, rank, item));
            }
            rest = after;
        }
        block.sort_unstable_by_key(|(hash, rank, _)| (*hash, *rank));
        self.block = block.into_iter();
        self.rank += view.own;
        // A plain block has no path.
        let is_more = self.path.len() > 0 && self.path.step(self.heap, Side::Right);
        self.view = is_more.then(|| View::of_node::<P>(self.heap, self.path.last()));
        true
    }
}

impl<'h, P: Packing> Iterator for ByHash<'h, P> {
    /// Hash, rank, element.
    type Item = (u64, usize, P::Item<'h>);

    fn next(&mut self) -> Option<(u64, usize, P::Item<'h>)> {
        loop {
            if let Some(element) = self.block.next() {
                return Some(element);
            }
            if !self.advance() {
                return None;
            }
        }
    }
}
