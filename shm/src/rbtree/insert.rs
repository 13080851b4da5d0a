//! Inserting and replacing elements; splitting nodes.

use std::cmp::Ordering;

use super::balance::attach;
use super::build::Builder;
use super::content::{Draft, Inserted, fill_base, fill_header};
use super::node::{Header, Link, Node, Side, Slot, View, block};
use super::packing::{Packing, Sizes};
use super::path::{Path, Position};
use super::remove::{merge, remove};
use super::{COUNT_MAX, Form, Root, hashed};
use crate::{Handle, Heap, OutOfMemory};

/// Puts `item` where `position` is and returns the root that follows.
pub(super) fn insert<P: Packing>(
    heap: &mut Heap,
    packing: P,
    root: Root,
    position: &mut Position,
    item: P::Item<'_>,
) -> Result<Root, OutOfMemory> {
    let inserted = Inserted::item(packing, item);
    match root.form() {
        Form::Empty => first(heap, packing, item),
        Form::Plain => {
            let view = View::of_plain::<P>(heap, root);
            let (own, used) = (view.own + 1, view.used + inserted.len());
            match joint_base(heap, packing, &view, position.slot.index, item, item) {
                Some(base) if own <= P::PLAIN_COUNT && used <= P::PLAIN_LEN => {
                    let at = position.slot.offset;
                    let link = Draft { view, at, removed: 0, inserted, own, base }.apply(heap, packing)?;
                    Ok(Root::plain(link, own, used))
                }
                _ => {
                    let grown = grow(heap, packing, root)?;
                    *position = place_in_grown(heap, packing, grown, position.slot.index, item);
                    insert(heap, packing, grown, position, item)
                }
            }
        }
        Form::Tree => {
            let (mut top, count) = (root.link(), root.count() + 1);
            if count > COUNT_MAX {
                return Err(OutOfMemory);
            }
            insert_in_tree(heap, packing, &mut top, position, item)?;
            Ok(Root::tree(top, count))
        }
    }
}

/// A plain block with one element.
fn first<P: Packing>(heap: &mut Heap, packing: P, item: P::Item<'_>) -> Result<Root, OutOfMemory> {
    let len = packing.encoded_len(item);
    let base = single_base(packing, item);
    let fresh: Handle<Node> = heap.allocate(P::PLAIN_BODY + len)?;
    if P::BASED {
        fill_base(heap, fresh, P::PLAIN_BODY, base);
    }
    heap.fill(fresh, P::PLAIN_BODY, len, |out| packing.encode(item, base, out));
    Ok(Root::plain(fresh.raw(), 1, len))
}

pub(super) fn single_base<P: Packing>(packing: P, item: P::Item<'_>) -> u64 {
    // The contract of `Packing`: a single element always has a base.
    packing.base_for(item, item).expect("a base for one element")
}

/// A base for the elements of a block with a run from `first` to `last` put before the one at `index`.
/// The block's own if it will do.
pub(super) fn joint_base<P: Packing>(
    heap: &Heap,
    packing: P,
    view: &View,
    index: usize,
    first: P::Item<'_>,
    last: P::Item<'_>,
) -> Option<u64> {
    if !P::BASED || packing.fits(view.base, first) && packing.fits(view.base, last) {
        Some(view.base)
    } else if index == 0 {
        packing.base_for(first, view.last(heap, packing))
    } else if index == view.own {
        packing.base_for(view.first(heap, packing), last)
    } else {
        // Between two elements that share a base.
        unreachable!("an element does not fit between two others")
    }
}

/// Where an item that stood at `index` of a plain block, or was to be put there, is now that the block
/// has been turned into nodes.
fn place_in_grown<P: Packing>(
    heap: &Heap,
    packing: P,
    grown: Root,
    index: usize,
    item: P::Item<'_>,
) -> Position {
    if !P::HASHED {
        return Position::of_rank(heap, packing, grown, index, true);
    }
    let mut position = Position::START;
    position.find(heap, packing, grown, packing.key_of(heap, item));
    position
}

/// Turns a plain block into nodes, in order.
pub(super) fn grow<P: Packing>(heap: &mut Heap, packing: P, root: Root) -> Result<Root, OutOfMemory> {
    let view = View::of_plain::<P>(heap, root);
    let bytes = view.elements(heap).to_vec();
    let mut items = Vec::with_capacity(view.own);
    let mut rest = &bytes[..];
    while !rest.is_empty() {
        let (element, after) = rest.split_at(packing.element_len(rest));
        items.push(packing.decode(element, view.base));
        rest = after;
    }
    if P::HASHED {
        items.sort_by_cached_key(|item| packing.hash_of(*item));
    }
    let mut builder = Builder::new(packing);
    for item in items {
        builder.push(heap, item)?;
    }
    heap.free(block(root.link()));
    builder.finish_as_tree(heap)
}

fn insert_in_tree<P: Packing>(
    heap: &mut Heap,
    packing: P,
    top: &mut Link,
    position: &mut Position,
    item: P::Item<'_>,
) -> Result<(), OutOfMemory> {
    let Position { path, slot } = position;
    let slot = *slot;
    if P::HASHED {
        return hashed::insert(heap, packing, top, path, item);
    }
    let header = Header::read(heap, path.last());
    let view = View::with_header::<P>(heap, path.last(), &header);
    let inserted = Inserted::item(packing, item);
    if put(heap, packing, top, path, &view, slot, item)? {
        return Ok(());
    }
    if slot.index > 0 && slot.index < view.own {
        let (at, base) = (slot.offset, view.base);
        let draft = Draft { view, at, removed: 0, inserted, own: view.own + 1, base };
        path.add_before(heap, 0, path.len() - 1, 1)?;
        return split(heap, packing, top, path, &draft);
    }
    // At an end of a node that cannot take it: the neighbour may, or the item starts a node. So what
    // is inserted in ascending or descending order leaves full nodes behind.
    let side = if slot.index == 0 { Side::Left } else { Side::Right };
    let mut beside = path.clone();
    if beside.step(heap, side) {
        let view = View::of_node::<P>(heap, beside.last());
        let slot = match side {
            Side::Left => Slot { index: view.own, offset: view.used },
            Side::Right => Slot { index: 0, offset: 0 },
        };
        if put(heap, packing, top, &mut beside, &view, slot, item)? {
            return Ok(());
        }
    }
    let len = packing.encoded_len(item);
    let base = single_base(packing, item);
    let header = Header { left: 0, right: 0, before: 0, own: 1, used: len as u16, red: true };
    let fresh = heap.allocate(P::BODY + len)?;
    fill_header(heap, fresh, &header);
    if P::BASED {
        fill_base(heap, fresh, P::BODY, base);
    }
    heap.fill(fresh, P::BODY, len, |out| packing.encode(item, base, out));
    path.add_before(heap, 0, path.len() - 1, 1)?;
    attach(heap, top, path, side, fresh.raw(), 1)
}

/// Puts an item into the last node of a path, if there is room and a base for it.
fn put<P: Packing>(
    heap: &mut Heap,
    packing: P,
    top: &mut Link,
    path: &mut Path,
    view: &View,
    slot: Slot,
    item: P::Item<'_>,
) -> Result<bool, OutOfMemory> {
    let inserted = Inserted::item(packing, item);
    if view.used + inserted.len() > P::CAPACITY {
        return Ok(false);
    }
    let Some(base) = joint_base(heap, packing, view, slot.index, item, item) else {
        return Ok(false);
    };
    let draft = Draft { view: *view, at: slot.offset, removed: 0, inserted, own: view.own + 1, base };
    let link = draft.apply(heap, packing)?;
    let last = path.len() - 1;
    if link != view.link {
        path.relink(heap, top, last, link)?;
    }
    path.add_before(heap, 0, last, 1)?;
    Ok(true)
}

/// Cuts a draft of the last node of a path, too long for one node, in two. Counts above that node are
/// the caller's.
pub(super) fn split<P: Packing>(
    heap: &mut Heap,
    packing: P,
    top: &mut Link,
    path: &mut Path,
    draft: &Draft<'_, P>,
) -> Result<(), OutOfMemory> {
    if P::HASHED {
        return hashed::split(heap, packing, top, path, draft);
    }
    let old = draft.view.link;
    let (offset, index) = draft.middle(heap, packing);
    let upper = draft.own - index;
    let lower_header = Header::read(heap, old).with_extent(index, offset);
    let upper_header = Header {
        left: 0,
        right: 0,
        before: 0,
        own: upper as u16,
        used: (draft.len() - offset) as u16,
        red: true,
    };
    let lower_link = draft.cut(heap, packing, &lower_header, 0)?;
    let upper_link = draft.cut(heap, packing, &upper_header, offset)?;
    heap.free(block(old));
    path.relink(heap, top, path.len() - 1, lower_link)?;
    attach(heap, top, path, Side::Right, upper_link, upper as u32)
}

/// Puts `item`, whose key is the same, in the place of the element at `position`.
pub(super) fn replace<P: Packing>(
    heap: &mut Heap,
    packing: P,
    root: Root,
    position: &mut Position,
    item: P::Item<'_>,
) -> Result<Root, OutOfMemory> {
    let Slot { index, offset: at } = position.slot;
    let inserted = Inserted::item(packing, item);
    let is_plain = root.form() == Form::Plain;
    let path = &mut position.path;
    let view = if is_plain { View::of_plain::<P>(heap, root) } else { View::of_node::<P>(heap, path.last()) };
    let (own, base) = (view.own, view.base);
    if P::BASED && !packing.fits(base, item) {
        // Rare enough for the long way: the element finds a node whose base it fits.
        let rank = position.rank(heap);
        let root = remove(heap, packing, root, position)?;
        *position = Position::of_rank(heap, packing, root, rank, false);
        return insert(heap, packing, root, position, item);
    }
    let removed = view.element(heap, packing, at).len();
    let draft = Draft { view, at, removed, inserted, own, base };
    if draft.keeps_lengths() {
        draft.overwrite(heap, packing)?;
        return Ok(root);
    }
    if is_plain {
        if draft.len() <= P::PLAIN_LEN {
            return Ok(Root::plain(draft.apply(heap, packing)?, own, draft.len()));
        }
        let grown = grow(heap, packing, root)?;
        *position = place_in_grown(heap, packing, grown, index, item);
        return replace(heap, packing, grown, position, item);
    }
    let mut top = root.link();
    if draft.len() > P::CAPACITY {
        split(heap, packing, &mut top, path, &draft)?;
        return Ok(Root::tree(top, root.count()));
    }
    let link = draft.apply(heap, packing)?;
    if link != view.link {
        path.relink(heap, &mut top, path.len() - 1, link)?;
    }
    if draft.len() < P::SPARSE && draft.len() < view.used {
        let first = path.before(heap);
        merge(heap, packing, &mut top, path, root.count(), first)?;
    }
    Ok(Root::tree(top, root.count()))
}

/// Whether the element at `position` can be replaced by `item`, whose key is another, without leaving its
/// place in the order. May say no where it could.
pub(super) fn stays<P: Packing>(
    heap: &Heap,
    packing: P,
    root: Root,
    position: &Position,
    item: P::Item<'_>,
) -> bool {
    let view = match root.form() {
        // In a plain block without order every place will do.
        Form::Plain if P::HASHED => return true,
        _ if P::HASHED => return false,
        Form::Plain => View::of_plain::<P>(heap, root),
        _ => View::of_node::<P>(heap, position.path.last()),
    };
    let Slot { index, offset } = position.slot;
    let key = packing.key_of(heap, item);
    let next = offset + view.element(heap, packing, offset).len();
    // What lies beyond the node is known to be beyond the old element only.
    let (beyond, within) = match packing.compare(heap, key, view.item(heap, packing, offset)) {
        Ordering::Equal => return true,
        Ordering::Less if index == 0 => return false,
        Ordering::Less => (Ordering::Greater, view.offset_of(heap, packing, index - 1)),
        Ordering::Greater if index + 1 == view.own => return false,
        Ordering::Greater => (Ordering::Less, next),
    };
    packing.compare(heap, key, view.item(heap, packing, within)) == beyond
}
