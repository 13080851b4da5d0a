//! Red and black: linking a node in, taking one out, and the rotations that follow.
//!
//! After Cormen et al., "Introduction to Algorithms", ch. 13, with a path in place of parent pointers.
//! Where a node with two children goes, its successor is relinked into its place.

use super::node::{Header, Link, Side, child, is_red, paint, set_child};
use super::path::Path;
use crate::{Heap, OutOfMemory};

/// Turns `top` and its child on the side other than `toward` so that the child comes up and `top`
/// goes down on the side of `toward`, and gives both their colours. Returns the new top, which the
/// caller links.
pub(super) fn rotate(
    heap: &mut Heap,
    top: Link,
    toward: Side,
    top_red: bool,
    risen_red: bool,
) -> Result<Link, OutOfMemory> {
    let mut down = Header::read(heap, top);
    let risen = down.child(toward.other());
    let mut up = Header::read(heap, risen);
    down.set_child(toward.other(), up.child(toward));
    up.set_child(toward, top);
    match toward {
        Side::Left => up.before += down.before + u32::from(down.own),
        Side::Right => down.before -= up.before + u32::from(up.own),
    }
    down.red = top_red;
    up.red = risen_red;
    down.store(heap, top)?;
    up.store(heap, risen)?;
    Ok(risen)
}

/// Links a new red node with `own` elements in, next in order to the last node of the path. Counts on
/// the way from that node down are adjusted here, those above it are the caller's. The path is spent.
pub(super) fn attach(
    heap: &mut Heap,
    top: &mut Link,
    path: &mut Path,
    side: Side,
    new: Link,
    own: u32,
) -> Result<(), OutOfMemory> {
    let from = path.len() - 1;
    let next = child(heap, path.last(), side);
    let below = if next == 0 {
        side
    } else {
        path.push(side, next);
        path.descend(heap, side.other());
        side.other()
    };
    set_child(heap, path.last(), below, new)?;
    path.push(below, new);
    path.add_before(heap, from, path.len() - 1, own)?;
    settle_red(heap, top, path)?;
    Ok(())
}

/// Restores the rules of colour when the last node of the path, which is not the first, is red and its
/// parent may be too. Returns whether every way down now passes one black node more.
pub(super) fn settle_red(heap: &mut Heap, top: &mut Link, path: &mut Path) -> Result<bool, OutOfMemory> {
    loop {
        let depth = path.len() - 1;
        let parent = path.node(depth - 1);
        if !is_red(heap, parent) {
            return Ok(false);
        }
        // A red node is never the root, so there is a grandparent.
        let grandparent = path.node(depth - 2);
        let side = path.side(depth - 2);
        let uncle = child(heap, grandparent, side.other());
        if is_red(heap, uncle) {
            paint(heap, parent, false)?;
            paint(heap, uncle, false)?;
            path.truncate(depth - 1);
            if depth == 2 {
                // The root stays black.
                return Ok(true);
            }
            paint(heap, grandparent, true)?;
            continue;
        }
        if path.side(depth - 1) != side {
            let inner = rotate(heap, parent, side, true, true)?;
            set_child(heap, grandparent, side, inner)?;
        }
        let risen = rotate(heap, grandparent, side.other(), true, false)?;
        path.relink(heap, top, depth - 2, risen)?;
        return Ok(false);
    }
}

/// Takes the last node of the path, whose elements nobody counts any more, out of the tree. Its block
/// is the caller's. The path is spent.
pub(super) fn detach(heap: &mut Heap, top: &mut Link, path: &mut Path) -> Result<(), OutOfMemory> {
    let at = path.len() - 1;
    let header = Header::read(heap, path.last());
    // What comes into the empty place, and the colour that leaves the tree.
    let (fill, red) = if header.left == 0 || header.right == 0 {
        let fill = header.left | header.right;
        path.relink(heap, top, at, fill)?;
        path.truncate(at);
        (fill, header.red)
    } else {
        path.step(heap, Side::Right);
        let next = path.last();
        let mut heir = Header::read(heap, next);
        let (fill, red) = (heir.right, heir.red);
        let hole = path.len() - 1;
        if hole > at + 1 {
            // Its elements leave the subtrees between. As the right child it keeps its own right one.
            path.add_before(heap, at + 1, hole, u32::from(heir.own).wrapping_neg())?;
            path.relink(heap, top, hole, fill)?;
            heir.right = header.right;
        }
        heir.left = header.left;
        heir.before = header.before;
        heir.red = header.red;
        heir.store(heap, next)?;
        path.relink(heap, top, at, next)?;
        path.truncate(hole);
        (fill, red)
    };
    if red {
        Ok(())
    } else if fill != 0 {
        paint(heap, fill, false)
    } else {
        settle_black(heap, top, path)
    }
}

/// Restores the rules of colour when the subtree that the path leads into, just below its last node,
/// has one black node too few.
pub(super) fn settle_black(heap: &mut Heap, top: &mut Link, path: &mut Path) -> Result<(), OutOfMemory> {
    while path.len() > 0 {
        let at = path.len() - 1;
        let parent = path.last();
        let side = path.side(at);
        let parent_red = is_red(heap, parent);
        // The other side has a black node more than this one, so there is a sibling.
        let sibling = child(heap, parent, side.other());
        let near = child(heap, sibling, side);
        let far = child(heap, sibling, side.other());
        if is_red(heap, sibling) {
            rotate(heap, parent, side, true, false)?;
            path.relink(heap, top, at, sibling)?;
            path.push(side, parent);
            path.set_side(at + 1, side);
        } else if is_red(heap, far) {
            rotate(heap, parent, side, false, parent_red)?;
            paint(heap, far, false)?;
            return path.relink(heap, top, at, sibling);
        } else if is_red(heap, near) {
            rotate(heap, sibling, side.other(), false, true)?;
            set_child(heap, parent, side.other(), near)?;
            rotate(heap, parent, side, false, parent_red)?;
            return path.relink(heap, top, at, near);
        } else {
            paint(heap, sibling, true)?;
            if parent_red {
                return paint(heap, parent, false);
            }
            path.truncate(at);
        }
    }
    Ok(())
}
