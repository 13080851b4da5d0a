//! Removing elements; merging nodes.

use super::balance::detach;
use super::content::{Draft, Inserted};
use super::insert::joint_base;
use super::node::{Header, Link, Node, Side, Slot, View, block};
use super::packing::{Packing, Sizes};
use super::path::{Path, Position};
use super::{Form, Root};
use crate::{Handle, Heap, OutOfMemory};

/// Takes out the element at `position` and returns the root that follows.
pub(super) fn remove<P: Packing>(
    heap: &mut Heap,
    packing: P,
    root: Root,
    position: &mut Position,
) -> Result<Root, OutOfMemory> {
    let at = position.slot.offset;
    if root.form() == Form::Plain {
        let view = View::of_plain::<P>(heap, root);
        if view.own == 1 {
            heap.free(block(view.link));
            return Ok(Root::EMPTY);
        }
        let draft = without::<P>(heap, packing, view, at);
        return Ok(Root::plain(draft.apply(heap, packing)?, draft.own, draft.len()));
    }
    let path = &mut position.path;
    let (mut top, last, count) = (root.link(), path.len() - 1, root.count() - 1);
    let view = View::of_node::<P>(heap, path.last());
    path.add_before(heap, 0, last, 1u32.wrapping_neg())?;
    if view.own == 1 {
        let rank = path.before(heap);
        detach(heap, &mut top, path)?;
        heap.free(block(view.link));
        // The nodes on both sides have become neighbours.
        if rank < count {
            *path = Position::of_rank(heap, packing, Root::tree(top, count), rank, true).path;
            if View::of_node::<P>(heap, path.last()).used < P::SPARSE {
                merge(heap, packing, &mut top, path, count, rank)?;
            }
        }
    } else {
        let draft = without::<P>(heap, packing, view, at);
        let link = draft.apply(heap, packing)?;
        if link != view.link {
            path.relink(heap, &mut top, last, link)?;
        }
        if draft.len() < P::SPARSE {
            let first = path.before(heap);
            merge(heap, packing, &mut top, path, count, first)?;
        }
    }
    shrink::<P>(heap, top, count)
}

/// A block without the element at `at`.
fn without<'a, P: Packing>(heap: &Heap, packing: P, view: View, at: usize) -> Draft<'a, P> {
    let removed = view.element(heap, packing, at).len();
    Draft { view, at, removed, inserted: Inserted::Nothing, own: view.own - 1, base: view.base }
}

/// Joins the last node of a path, which is sparse, with its neighbours as long as it stays so. The tree
/// has `count` elements, `first` of them before that node.
pub(super) fn merge<P: Packing>(
    heap: &mut Heap,
    packing: P,
    top: &mut Link,
    path: &mut Path,
    count: usize,
    first: usize,
) -> Result<(), OutOfMemory> {
    while let Some(used) = merge_once(heap, packing, top, path)?
        && used < P::SPARSE
    {
        *path = Position::of_rank(heap, packing, Root::tree(*top, count), first, true).path;
    }
    Ok(())
}

/// Joins the last node of a path with a neighbour, if both fit in one node and share a base. Returns
/// the bytes of elements in it then.
fn merge_once<P: Packing>(
    heap: &mut Heap,
    packing: P,
    top: &mut Link,
    path: &Path,
) -> Result<Option<usize>, OutOfMemory> {
    for side in [Side::Right, Side::Left] {
        let mut beside = path.clone();
        if !beside.step(heap, side) {
            continue;
        }
        // One of two neighbours is below the other and has no child on the side facing it.
        let (above, mut below, side) = if beside.len() > path.len() {
            (path, beside, side)
        } else {
            (&beside, path.clone(), side.other())
        };
        let into = View::of_node::<P>(heap, above.last());
        let from = View::of_node::<P>(heap, below.last());
        if into.used + from.used > P::CAPACITY {
            continue;
        }
        let slot = match side {
            Side::Left => Slot { index: 0, offset: 0 },
            Side::Right => Slot { index: into.own, offset: into.used },
        };
        let base = if P::HASHED {
            Some(into.base.min(from.base))
        } else {
            let (first, last) = (from.first(heap, packing), from.last(heap, packing));
            joint_base(heap, packing, &into, slot.index, first, last)
        };
        let Some(base) = base else { continue };
        let (inserted, own) = (Inserted::Node(from), into.own + from.own);
        let draft = Draft { view: into, at: slot.offset, removed: 0, inserted, own, base };
        let link = draft.apply(heap, packing)?;
        let depth = above.len() - 1;
        if link != into.link {
            below.relink(heap, top, depth, link)?;
        }
        below.add_before(heap, depth, below.len() - 1, (from.own as u32).wrapping_neg())?;
        detach(heap, top, &mut below)?;
        heap.free(block(from.link));
        return Ok(Some(draft.len()));
    }
    Ok(None)
}

/// The root of a tree after something was removed: plain again when what is left is small.
pub(super) fn shrink<P: Packing>(heap: &mut Heap, top: Link, count: usize) -> Result<Root, OutOfMemory> {
    if top == 0 {
        return Ok(Root::EMPTY);
    }
    if count > P::PLAIN_COUNT / 2 {
        return Ok(Root::tree(top, count));
    }
    let header = Header::read(heap, top);
    let view = View::with_header::<P>(heap, top, &header);
    if header.left != 0 || header.right != 0 || view.used > P::PLAIN_LEN / 2 {
        return Ok(Root::tree(top, count));
    }
    let fresh: Handle<Node> = heap.allocate(P::PLAIN_BODY + view.used)?;
    // The base stands right before the elements.
    let start = view.body - P::PLAIN_BODY;
    heap.fill_from(fresh, 0, block(top), start, P::PLAIN_BODY + view.used);
    heap.free(block(top));
    Ok(Root::plain(fresh.raw(), view.own, view.used))
}
