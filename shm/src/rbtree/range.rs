//! Cutting a tree in two, joining two, and taking out a range, in O(log n) whatever the length.
//!
//! Split and join are those of Tarjan, "Data Structures and Network Algorithms", ch. 4.2: two trees and
//! a node between them are joined where the taller one is as high as the shorter; a split joins what
//! hangs off the path on either side.

use super::balance::{detach, settle_red};
use super::content::{Draft, Inserted, fill_base};
use super::insert::grow;
use super::node::{Header, Link, Node, Side, View, block, child, is_red, paint, set_child};
use super::packing::{Packing, Sizes};
use super::path::{DEPTH_MAX, Path, Position};
use super::remove::{merge, shrink};
use super::{Form, Root};
use crate::{Handle, Heap, OutOfMemory};

/// A tree of nodes, perhaps empty, whose top is black.
#[derive(Clone, Copy)]
struct Part {
    top: Link,
    count: u32,
    /// Black nodes on the way down, the top included.
    height: u32,
}

impl Part {
    const EMPTY: Part = Part { top: 0, count: 0, height: 0 };

    /// A subtree on its own.
    fn new(heap: &mut Heap, top: Link, count: u32, height: u32) -> Result<Part, OutOfMemory> {
        let red = is_red(heap, top);
        if red {
            paint(heap, top, false)?;
        }
        Ok(Part { top, count, height: height + u32::from(red) })
    }

    fn of_root(heap: &Heap, root: Root) -> Part {
        Part { top: root.link(), count: root.count() as u32, height: height(heap, root.link()) }
    }

    fn root(self) -> Root {
        Root::tree(self.top, self.count as usize)
    }
}

/// Black nodes on the way down from `link`.
fn height(heap: &Heap, mut link: Link) -> u32 {
    let mut height = 0;
    while link != 0 {
        height += u32::from(!is_red(heap, link));
        link = child(heap, link, Side::Left);
    }
    height
}

/// Makes one tree of two and of the node that stands between them.
fn join(heap: &mut Heap, left: Part, middle: Link, right: Part) -> Result<Part, OutOfMemory> {
    let mut header = Header::read(heap, middle);
    let own = u32::from(header.own);
    let count = left.count + own + right.count;
    if left.height == right.height {
        let before = left.count;
        header = Header { left: left.top, right: right.top, before, red: false, ..header };
        header.store(heap, middle)?;
        return Ok(Part { top: middle, count, height: left.height + 1 });
    }
    let (tall, short, side) =
        if left.height > right.height { (left, right, Side::Right) } else { (right, left, Side::Left) };
    // Down the side of the taller one that faces the other, to the black subtree that is as high.
    let mut path = Path::EMPTY;
    path.start(tall.top);
    let (mut level, mut inside) = (tall.height, tall.count);
    let beside = loop {
        let above = Header::read(heap, path.last());
        level -= u32::from(!above.red);
        inside = match side {
            Side::Left => above.before,
            Side::Right => inside - above.before - u32::from(above.own),
        };
        let next = above.child(side);
        if level == short.height && !is_red(heap, next) {
            break next;
        }
        path.push(side, next);
    };
    header.set_child(side, short.top);
    header.set_child(side.other(), beside);
    header.before = if side == Side::Right { inside } else { short.count };
    header.red = true;
    header.store(heap, middle)?;
    set_child(heap, path.last(), side, middle)?;
    path.push(side, middle);
    path.add_before(heap, 0, path.len() - 1, short.count + own)?;
    let mut top = tall.top;
    let grown = settle_red(heap, &mut top, &mut path)?;
    Ok(Part { top, count, height: tall.height + u32::from(grown) })
}

/// Cuts a tree of nodes before the element of this rank, which is neither 0 nor their number.
fn split<P: Packing>(
    heap: &mut Heap,
    packing: P,
    root: Root,
    rank: usize,
) -> Result<(Root, Root), OutOfMemory> {
    let Position { path, slot } = Position::of_rank(heap, packing, root, rank, true);
    let last = path.len() - 1;
    // Elements and black height of each subtree on the path.
    let (mut counts, mut heights) = ([0; DEPTH_MAX], [0; DEPTH_MAX]);
    (counts[0], heights[0]) = (root.count() as u32, height(heap, root.link()));
    for index in 0..last {
        let header = Header::read(heap, path.node(index));
        heights[index + 1] = heights[index] - u32::from(!header.red);
        counts[index + 1] = match path.side(index) {
            Side::Left => header.before,
            Side::Right => counts[index] - header.before - u32::from(header.own),
        };
    }
    // A child of a node on the path, as a tree of its own.
    let hanging = |heap: &mut Heap, index: usize, side: Side| {
        let header = Header::read(heap, path.node(index));
        let count = match side {
            Side::Left => header.before,
            Side::Right => counts[index] - header.before - u32::from(header.own),
        };
        Part::new(heap, header.child(side), count, heights[index] - u32::from(!header.red))
    };
    let mut left = hanging(heap, last, Side::Left)?;
    let mut right = hanging(heap, last, Side::Right)?;
    let middle = path.last();
    if slot.index == 0 {
        right = join(heap, Part::EMPTY, middle, right)?;
    } else {
        let view = View::of_node::<P>(heap, middle);
        let header = Header::read(heap, middle);
        let (own, base) = (view.own, view.base);
        let whole = Draft::<P> { view, at: 0, removed: 0, inserted: Inserted::Nothing, own, base };
        let (index, offset) = (slot.index, slot.offset);
        let lower = whole.cut(heap, packing, &header.with_extent(index, offset), 0)?;
        let upper_header = header.with_extent(view.own - index, view.used - offset);
        let upper = whole.cut(heap, packing, &upper_header, offset)?;
        heap.free(block(middle));
        left = join(heap, left, lower, Part::EMPTY)?;
        right = join(heap, Part::EMPTY, upper, right)?;
    }
    for index in (0..last).rev() {
        match path.side(index) {
            Side::Left => {
                let beyond = hanging(heap, index, Side::Right)?;
                right = join(heap, right, path.node(index), beyond)?;
            }
            Side::Right => {
                let beyond = hanging(heap, index, Side::Left)?;
                left = join(heap, beyond, path.node(index), left)?;
            }
        }
    }
    let left = settle_sparse(heap, packing, left.root(), rank - 1)?;
    let right = settle_sparse(heap, packing, right.root(), 0)?;
    Ok((left, right))
}

/// Merges the node that holds the element of this rank, if it is sparse.
fn settle_sparse<P: Packing>(
    heap: &mut Heap,
    packing: P,
    root: Root,
    rank: usize,
) -> Result<Root, OutOfMemory> {
    let Position { mut path, slot } = Position::of_rank(heap, packing, root, rank, true);
    let mut top = root.link();
    if View::of_node::<P>(heap, path.last()).used < P::SPARSE {
        merge(heap, packing, &mut top, &mut path, root.count(), rank - slot.index)?;
    }
    Ok(Root::tree(top, root.count()))
}

/// Makes one tree of two trees of nodes.
fn concat<P: Packing>(heap: &mut Heap, packing: P, left: Root, right: Root) -> Result<Root, OutOfMemory> {
    let mut path = Path::EMPTY;
    path.start(left.link());
    path.descend(heap, Side::Right);
    let middle = path.last();
    let own = usize::from(Header::read(heap, middle).own);
    let mut top = left.link();
    detach(heap, &mut top, &mut path)?;
    let rest = Part { top, count: (left.count() - own) as u32, height: height(heap, top) };
    let whole = join(heap, rest, middle, Part::of_root(heap, right))?;
    settle_sparse(heap, packing, whole.root(), left.count() - 1)
}

/// Cuts a tree before the element of this rank.
pub(super) fn split_off<P: Packing>(
    heap: &mut Heap,
    packing: P,
    root: Root,
    rank: usize,
) -> Result<(Root, Root), OutOfMemory> {
    const { assert!(!P::HASHED, "elements in order") };
    if rank == 0 {
        return Ok((Root::EMPTY, root));
    }
    if rank == root.count() {
        return Ok((root, Root::EMPTY));
    }
    if root.form() == Form::Plain {
        return cut_out(heap, packing, root, rank, root.count());
    }
    let (left, right) = split(heap, packing, root, rank)?;
    Ok((shrink::<P>(heap, left.link(), left.count())?, shrink::<P>(heap, right.link(), right.count())?))
}

/// Puts all elements of one tree after those of another.
pub(super) fn append<P: Packing>(
    heap: &mut Heap,
    packing: P,
    left: Root,
    right: Root,
) -> Result<Root, OutOfMemory> {
    const { assert!(!P::HASHED, "elements in order") };
    if left.count() == 0 {
        return Ok(right);
    }
    if right.count() == 0 {
        return Ok(left);
    }
    if left.count() + right.count() > super::COUNT_MAX {
        return Err(OutOfMemory);
    }
    let mut as_nodes = |root: Root| match root.form() {
        Form::Plain => grow(heap, packing, root),
        _ => Ok(root),
    };
    let (left, right) = (as_nodes(left)?, as_nodes(right)?);
    let whole = concat(heap, packing, left, right)?;
    shrink::<P>(heap, whole.link(), whole.count())
}

/// Takes out the elements with ranks `from .. to`. Returns what stays and what goes.
pub(super) fn remove_range<P: Packing>(
    heap: &mut Heap,
    packing: P,
    root: Root,
    from: usize,
    to: usize,
) -> Result<(Root, Root), OutOfMemory> {
    const { assert!(!P::HASHED, "elements in order") };
    if from == to {
        return Ok((root, Root::EMPTY));
    }
    if from == 0 && to == root.count() {
        return Ok((Root::EMPTY, root));
    }
    if root.form() == Form::Plain {
        return cut_out(heap, packing, root, from, to);
    }
    let position = Position::of_rank(heap, packing, root, from, true);
    let view = View::of_node::<P>(heap, position.path.last());
    if to - from < view.own && position.slot.index + (to - from) <= view.own && to - from <= P::PLAIN_COUNT {
        return cut_from_node(heap, packing, root, position, view, to - from);
    }
    let (rest, after) = match to == root.count() {
        true => (root, Root::EMPTY),
        false => split(heap, packing, root, to)?,
    };
    let (before, gone) = match from {
        0 => (Root::EMPTY, rest),
        _ => split(heap, packing, rest, from)?,
    };
    let stays = match (before.count(), after.count()) {
        (_, 0) => before,
        (0, _) => after,
        _ => concat(heap, packing, before, after)?,
    };
    Ok((shrink::<P>(heap, stays.link(), stays.count())?, gone))
}

/// [`remove_range`] for some of the elements of a plain block.
fn cut_out<P: Packing>(
    heap: &mut Heap,
    packing: P,
    root: Root,
    from: usize,
    to: usize,
) -> Result<(Root, Root), OutOfMemory> {
    let view = View::of_plain::<P>(heap, root);
    let (stays, gone) = cut_run(heap, packing, view, from, to)?;
    let link = stays.apply(heap, packing)?;
    Ok((Root::plain(link, stays.own, stays.len()), gone))
}

/// [`remove_range`] for some of the elements of a node, from `position` on.
fn cut_from_node<P: Packing>(
    heap: &mut Heap,
    packing: P,
    root: Root,
    position: Position,
    view: View,
    own: usize,
) -> Result<(Root, Root), OutOfMemory> {
    let Position { mut path, slot } = position;
    let first = path.before(heap);
    let (mut top, last, count) = (root.link(), path.len() - 1, root.count() - own);
    path.add_before(heap, 0, last, (own as u32).wrapping_neg())?;
    let (stays, gone) = cut_run(heap, packing, view, slot.index, slot.index + own)?;
    let link = stays.apply(heap, packing)?;
    if link != view.link {
        path.relink(heap, &mut top, last, link)?;
    }
    if stays.len() < P::SPARSE {
        merge(heap, packing, &mut top, &mut path, count, first)?;
    }
    Ok((shrink::<P>(heap, top, count)?, gone))
}

/// Copies the elements `from .. to` of a block to a plain block of their own. Returns the block without
/// them as a draft.
fn cut_run<'a, P: Packing>(
    heap: &mut Heap,
    packing: P,
    view: View,
    from: usize,
    to: usize,
) -> Result<(Draft<'a, P>, Root), OutOfMemory> {
    let (at, end) = (view.offset_of(heap, packing, from), view.offset_of(heap, packing, to));
    let (own, removed, base) = (view.own - (to - from), end - at, view.base);
    let gone: Handle<Node> = heap.allocate(P::PLAIN_BODY + removed)?;
    if P::BASED {
        fill_base(heap, gone, P::PLAIN_BODY, base);
    }
    heap.fill_from(gone, P::PLAIN_BODY, block(view.link), view.body + at, removed);
    let draft = Draft { view, at, removed, inserted: Inserted::Nothing, own, base };
    Ok((draft, Root::plain(gone.raw(), to - from, removed)))
}
