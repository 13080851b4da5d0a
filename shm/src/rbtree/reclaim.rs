//! Giving back a tree that nobody uses any more, and moving blocks that are in the way.

use super::node::{Header, Link, Side, View, block};
use super::packing::{Packing, Sizes};
use super::path::{DEPTH_MAX, Path, Position};
use super::{Form, Node, Root};
use crate::{Handle, Heap, OutOfMemory};

/// Gives back the first `nodes` blocks of a tree, calling `release` for each element in them. Returns
/// the root of the rest, which is in order and counted but no longer balanced.
pub(super) fn reclaim<P: Packing>(
    heap: &mut Heap,
    packing: P,
    root: Root,
    nodes: usize,
    mut release: impl FnMut(&mut Heap, P::Item<'_>) -> Result<(), OutOfMemory>,
) -> Result<Root, OutOfMemory> {
    let mut elements = Vec::new();
    let mut give_back = |heap: &mut Heap, view: View| {
        // Out of the heap, which `release` may change.
        elements.clear();
        elements.extend_from_slice(view.elements(heap));
        heap.free(block(view.link));
        let mut rest = &elements[..];
        while !rest.is_empty() {
            let (element, after) = rest.split_at(packing.element_len(rest));
            release(heap, packing.decode(element, view.base))?;
            rest = after;
        }
        Ok(())
    };
    match root.form() {
        Form::Tree => {}
        Form::Plain if nodes > 0 => {
            give_back(heap, View::of_plain::<P>(heap, root))?;
            return Ok(Root::EMPTY);
        }
        _ => return Ok(root),
    }
    // The leftmost nodes, top first; a node that goes leaves its place to its right child. What is
    // removed below a node that stays is known from what had been when it came onto the path.
    let mut path = Path::EMPTY;
    let mut removed_before = [0u32; DEPTH_MAX];
    let mut removed = 0u32;
    path.start(root.link());
    path.descend(heap, Side::Left);
    for _ in 0..nodes {
        let link = path.last();
        let header = Header::read(heap, link);
        give_back(heap, View::with_header::<P>(heap, link, &header))?;
        removed += u32::from(header.own);
        let depth = path.len() - 1;
        path.truncate(depth);
        if header.right != 0 {
            match depth {
                0 => path.start(header.right),
                _ => path.push(Side::Left, header.right),
            }
            path.descend(heap, Side::Left);
            removed_before[depth..path.len()].fill(removed);
        }
        if path.len() == 0 {
            return Ok(Root::EMPTY);
        }
    }
    for (index, had) in removed_before[..path.len()].iter().enumerate() {
        let link = path.node(index);
        let header = Header::read(heap, link);
        let left = if index + 1 < path.len() { path.node(index + 1) } else { 0 };
        let before = header.before - (removed - had);
        let kept = Header { left, before, ..header };
        if kept != header {
            kept.store(heap, link)?;
        }
    }
    Ok(Root::tree(path.node(0), root.count() - removed as usize))
}

/// Looks at `nodes` blocks, from the one that holds the element of rank `from`, and moves those of which
/// `moves` says so to fresh blocks. Returns the root and the rank to go on with, if there is more.
pub(super) fn relocate<P: Packing>(
    heap: &mut Heap,
    packing: P,
    root: Root,
    from: usize,
    nodes: usize,
    mut moves: impl FnMut(&Heap, Handle<Node>) -> bool,
) -> Result<(Root, Option<usize>), OutOfMemory> {
    if from >= root.count() || nodes == 0 {
        return Ok((root, (from < root.count()).then_some(from)));
    }
    let mut shift = |heap: &mut Heap, link: Link, len: usize| {
        let old = block(link);
        if !moves(heap, old) {
            return Ok(link);
        }
        let fresh: Handle<Node> = heap.allocate(len)?;
        heap.fill_from(fresh, 0, old, 0, len);
        heap.free(old);
        Ok(fresh.raw())
    };
    if root.form() == Form::Plain {
        let (own, used) = root.plain_extent();
        let link = shift(heap, root.link(), P::PLAIN_BODY + used)?;
        return Ok((Root::plain(link, own, used), None));
    }
    let Position { mut path, slot } = Position::of_rank(heap, packing, root, from, true);
    let mut top = root.link();
    let mut next = from - slot.index;
    for _ in 0..nodes {
        let header = Header::read(heap, path.last());
        let link = shift(heap, path.last(), P::BODY + usize::from(header.used))?;
        if link != path.last() {
            path.relink(heap, &mut top, path.len() - 1, link)?;
        }
        next += usize::from(header.own);
        if !path.step(heap, Side::Right) {
            return Ok((Root::tree(top, root.count()), None));
        }
    }
    Ok((Root::tree(top, root.count()), Some(next)))
}
