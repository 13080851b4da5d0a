//! The directory: from a point to its span.
//!
//! A radix trie of blocks. A node of width w covers a range of points with 2^w links of eight bytes, one
//! for each equal part; a span that covers several parts is linked from each of them, so that one look
//! suffices. Nodes widen by doubling while their links mostly differ, so a directory of evenly filled
//! spans is one node, then two levels; only skewed data has deep paths, and these are bounded by the
//! number of full spans that caused them. An empty range has no block.
//!
//! ```text
//! link  0          4                7                    8
//!       ├ handle ──┼ count, 24 bit ─┼ depth or width, 6 bit; kind, 2 bit ┤
//! kind 0 empty: all zero
//!      1 span:  count = buckets, depth = leading bits that its points share
//!      2 node:  count = buckets in all spans below (highest value: at least so many), width of the node
//! ```

use super::position::{MAX_BUCKETS, MAX_DEPTH, Shape, range_start};
use super::span::Span;
use crate::{Handle, Heap, OutOfMemory};

/// Marks a block that holds a directory node.
pub(super) enum Node {}

/// Bytes of a link.
pub(super) const LINK_LEN: usize = 8;
/// Widest node: 8 KiB.
const MAX_WIDTH: u32 = 10;
/// Width of the nodes made when a range has to be cut more than once: paths for skewed data.
const PATH_WIDTH: u32 = 4;
/// Links stored by one logged store.
const LINKS_PER_STORE: usize = 32;
/// The highest count a link holds; of a node, "at least".
const MAX_COUNT: u64 = (1 << 24) - 1;

/// What a part of a range leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Link(pub(super) u64);

/// A link, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    Empty,
    Span(Handle<Span>, Shape),
    Node(Handle<Node>, u32),
}

const KIND_SPAN: u64 = 1;
const KIND_NODE: u64 = 2;

impl Link {
    pub(super) const EMPTY: Link = Link(0);

    pub(super) fn span(span: Handle<Span>, shape: Shape) -> Link {
        Link::packed(span.raw(), shape.buckets as u64, shape.depth, KIND_SPAN)
    }

    fn node(node: Handle<Node>, width: u32, bucket_count: u64) -> Link {
        Link::packed(node.raw(), bucket_count.min(MAX_COUNT), width, KIND_NODE)
    }

    fn packed(handle: u32, count: u64, depth: u32, kind: u64) -> Link {
        Link(u64::from(handle) | count << 32 | u64::from(depth) << 56 | kind << 62)
    }

    #[inline]
    pub(super) fn is_empty(self) -> bool {
        self == Link::EMPTY
    }

    #[inline]
    fn depth(self) -> u32 {
        (self.0 >> 56) as u32 & 63
    }

    /// Buckets below.
    #[inline]
    pub(super) fn bucket_count(self) -> u64 {
        self.0 >> 32 & MAX_COUNT
    }

    #[inline]
    pub(super) fn target(self) -> Target {
        match (self.0 >> 62, Handle::<()>::from_raw(self.0 as u32)) {
            (KIND_SPAN, Some(handle)) => Target::Span(
                handle.cast(),
                Shape { depth: self.depth(), buckets: self.bucket_count() as usize },
            ),
            (KIND_NODE, Some(handle)) => Target::Node(handle.cast(), self.depth()),
            _ => Target::Empty,
        }
    }

    /// Whether the stored form could have been made by this module.
    pub(super) fn is_sound(self) -> bool {
        match self.target() {
            Target::Empty => self.is_empty(),
            Target::Span(_, shape) => shape.depth <= MAX_DEPTH && (1..=MAX_BUCKETS).contains(&shape.buckets),
            Target::Node(_, width) => (1..=MAX_WIDTH).contains(&width),
        }
    }

    /// Buckets below, unless that is only a bound.
    pub(super) fn exact_count(self) -> Option<u64> {
        Some(self.bucket_count()).filter(|&count| count < MAX_COUNT)
    }

    /// Whether `count` buckets below is what the link says.
    pub(super) fn counts(self, count: u64) -> bool {
        self.bucket_count() == count.min(MAX_COUNT)
    }

    /// The same node with another number of buckets below it. `recount` is asked when the old number is
    /// only a bound.
    fn with_change(self, change: i64, recount: impl FnOnce() -> u64) -> Link {
        let new = self.exact_count().map_or_else(recount, |count| count.saturating_add_signed(change));
        Link(self.0 & !(MAX_COUNT << 32) | new.min(MAX_COUNT) << 32)
    }
}

/// The link numbered `index` of a node.
#[inline]
pub(super) fn link_at(heap: &Heap, node: Handle<Node>, index: usize) -> Link {
    Link(heap.u64_at(node, index * LINK_LEN))
}

/// All links of a node.
pub(super) fn links(heap: &Heap, node: Handle<Node>, width: u32) -> impl ExactSizeIterator<Item = Link> {
    let bytes = heap.bytes(node, 0, LINK_LEN << width);
    // Chunks of eight bytes.
    bytes.chunks_exact(LINK_LEN).map(|link| Link(u64::from_le_bytes(*link.first_chunk().expect("eight"))))
}

/// The links of a node, each span once, empty ranges left out.
pub(super) fn distinct(links: impl Iterator<Item = Link>) -> impl Iterator<Item = Link> {
    let mut previous = Link::EMPTY;
    links.filter(move |&link| std::mem::replace(&mut previous, link) != link && !link.is_empty())
}

/// Buckets below a sequence of links.
pub(super) fn total(links: impl Iterator<Item = Link>) -> u64 {
    distinct(links).map(Link::bucket_count).sum()
}

/// The part of a node that has `point` in it; `start` is how many leading bits lead to the node.
#[inline]
fn index_in(point: u64, start: u32, width: u32) -> usize {
    ((point << start) >> (u64::BITS - width)) as usize
}

/// The span of a point.
#[inline]
pub(super) fn locate(heap: &Heap, top: Link, point: u64) -> Option<(Handle<Span>, Shape)> {
    let mut link = top;
    let mut start = 0;
    loop {
        match link.target() {
            Target::Span(span, shape) => return Some((span, shape)),
            Target::Empty => return None,
            Target::Node(node, width) => {
                link = link_at(heap, node, index_in(point, start, width));
                start += width;
            }
        }
    }
}

/// What is at a point, and how many leading bits the range that it covers shares.
pub(super) fn range_at(heap: &Heap, top: Link, point: u64) -> (Target, u32) {
    let mut link = top;
    let mut start = 0;
    loop {
        match link.target() {
            Target::Node(node, width) => {
                link = link_at(heap, node, index_in(point, start, width));
                start += width;
            }
            Target::Span(span, shape) => return (Target::Span(span, shape), shape.depth),
            Target::Empty => return (Target::Empty, start),
        }
    }
}

/// A node on the way to a point.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    /// The link to the node.
    link: Link,
    pub(super) node: Handle<Node>,
    width: u32,
    /// Leading bits that lead to the node.
    pub(super) start: u32,
    /// The part that leads on.
    index: usize,
}

impl Step {
    /// Leading bits that lead to one part of the node.
    pub(super) fn full(&self) -> u32 {
        self.start + self.width
    }

    fn links(&self, heap: &Heap) -> impl ExactSizeIterator<Item = Link> {
        links(heap, self.node, self.width)
    }

    /// The link, if one and the same, of all parts whose points share `depth` leading bits with `point`.
    pub(super) fn uniform(&self, heap: &Heap, point: u64, depth: u32) -> Option<Link> {
        let mut links = self.parts(point, depth).map(|index| link_at(heap, self.node, index));
        let first = links.next()?;
        links.all(|link| link == first).then_some(first)
    }

    /// The parts whose points share `depth` leading bits with `point`.
    fn parts(&self, point: u64, depth: u32) -> std::ops::Range<usize> {
        let first = index_in(range_start(point, depth), self.start, self.width);
        first..first + (1 << (self.full() - depth))
    }
}

/// The way from the top to a point.
pub(super) struct Path {
    pub(super) steps: Vec<Step>,
    /// Where it ends: a span or an empty part.
    pub(super) end: Link,
}

impl Path {
    /// The way to `point`.
    pub(super) fn to(heap: &Heap, top: Link, point: u64) -> Path {
        let mut path = Path { steps: Vec::new(), end: top };
        let mut start = 0;
        while let Target::Node(node, width) = path.end.target() {
            let index = index_in(point, start, width);
            path.steps.push(Step { link: path.end, node, width, start, index });
            path.end = link_at(heap, node, index);
            start += width;
        }
        path
    }

    /// Leading bits shared by the range that the end covers. An empty end covers one part.
    pub(super) fn depth(&self) -> u32 {
        match self.end.target() {
            Target::Span(_, shape) => shape.depth,
            _ => self.steps.last().map_or(0, Step::full),
        }
    }

    /// Leading bits shared by the widest empty range around an empty end within its node.
    pub(super) fn depth_of_gap(&self, heap: &Heap, point: u64) -> u32 {
        let Some(step) = self.steps.last() else { return 0 };
        let mut depth = step.full();
        while depth > step.start && step.uniform(heap, point, depth - 1) == Some(Link::EMPTY) {
            depth -= 1;
        }
        depth
    }
}

/// A part of a range that is being replaced: a span or an empty stretch.
pub(super) struct Leaf {
    pub(super) depth: u32,
    pub(super) link: Link,
}

/// Replaces the range around `point` that shares `depth` leading bits, which `path` ends in, by `leaves`:
/// in order, together covering exactly it. `change` is by how many buckets the new ones exceed the old.
/// Allocates nothing when no leaf is deeper than one part of the last node.
pub(super) fn replace(
    heap: &mut Heap,
    top: &mut Link,
    path: &Path,
    point: u64,
    depth: u32,
    leaves: &[Leaf],
    change: i64,
) -> Result<(), OutOfMemory> {
    let Some((last, above)) = path.steps.split_last() else {
        *top = build(heap, depth, leaves)?;
        return Ok(());
    };
    let deepest = leaves.iter().map(|leaf| leaf.depth).max().unwrap_or(depth);
    if deepest > last.full() && may_widen(heap, last) {
        let wider = Step { width: last.width + 1, ..*last };
        let mut links = widened(heap, last)?;
        let new = parts(heap, depth, wider.full(), leaves)?;
        links.splice(wider.parts(point, depth), new);
        heap.free(last.node);
        let link = new_node(heap, wider.width, &links)?;
        return relink(heap, top, above, link, change);
    }
    let new = parts(heap, depth, last.full(), leaves)?;
    store_links(heap, last.node, last.parts(point, depth).start, &new)?;
    adjust(heap, top, &path.steps, change)
}

/// Puts `link` where the node below `steps` was linked, and adds `change` to the buckets of all above.
fn relink(
    heap: &mut Heap,
    top: &mut Link,
    steps: &[Step],
    link: Link,
    change: i64,
) -> Result<(), OutOfMemory> {
    match steps.last() {
        None => *top = link,
        Some(step) => {
            heap.store_u64(step.node, step.index * LINK_LEN, link.0)?;
            adjust(heap, top, steps, change)?;
        }
    }
    Ok(())
}

/// Adds `change` to the number of buckets below each of the nodes on the way.
fn adjust(heap: &mut Heap, top: &mut Link, steps: &[Step], change: i64) -> Result<(), OutOfMemory> {
    let Some((step, above)) = steps.split_last() else { return Ok(()) };
    if change == 0 {
        return Ok(());
    }
    let link = step.link.with_change(change, || total(step.links(heap)));
    relink(heap, top, above, link, change)
}

/// Stores consecutive links of a live node.
fn store_links(heap: &mut Heap, node: Handle<Node>, first: usize, links: &[Link]) -> Result<(), OutOfMemory> {
    let mut bytes = [0; LINKS_PER_STORE * LINK_LEN];
    for (chunk, links) in links.chunks(LINKS_PER_STORE).enumerate() {
        let bytes = &mut bytes[..links.len() * LINK_LEN];
        for (to, link) in bytes.chunks_exact_mut(LINK_LEN).zip(links) {
            to.copy_from_slice(&link.0.to_le_bytes());
        }
        heap.store(node, (first + chunk * LINKS_PER_STORE) * LINK_LEN, bytes)?;
    }
    Ok(())
}

/// A fresh node with these links.
fn new_node(heap: &mut Heap, width: u32, links: &[Link]) -> Result<Link, OutOfMemory> {
    debug_assert_eq!(links.len(), 1 << width);
    let node = heap.allocate(links.len() * LINK_LEN)?;
    heap.fill(node, 0, links.len() * LINK_LEN, |bytes| {
        for (to, link) in bytes.chunks_exact_mut(LINK_LEN).zip(links) {
            to.copy_from_slice(&link.0.to_le_bytes());
        }
    });
    Ok(Link::node(node, width, total(links.iter().copied())))
}

/// One link to all of `leaves`, which cover a range with `depth` shared bits.
fn build(heap: &mut Heap, depth: u32, leaves: &[Leaf]) -> Result<Link, OutOfMemory> {
    if let [leaf] = leaves {
        return Ok(leaf.link);
    }
    let deepest = leaves.iter().map(|leaf| leaf.depth).max().unwrap_or(depth);
    let width = (deepest - depth).min(PATH_WIDTH);
    let links = parts(heap, depth, depth + width, leaves)?;
    new_node(heap, width, &links)
}

/// Links for each part of `full` shared bits of a range with `depth` shared bits that `leaves` cover.
/// Leaves smaller than a part get a node of their own.
fn parts(heap: &mut Heap, depth: u32, full: u32, leaves: &[Leaf]) -> Result<Vec<Link>, OutOfMemory> {
    let size = |depth: u32| 1u64 << (MAX_DEPTH + 1 - depth);
    let mut links = Vec::with_capacity(1 << (full - depth));
    let mut rest = leaves;
    while let Some(leaf) = rest.first() {
        if leaf.depth <= full {
            links.resize(links.len() + (1 << (full - leaf.depth)), leaf.link);
            rest = &rest[1..];
            continue;
        }
        let mut covered = 0;
        let group = rest.iter().take_while(|leaf| {
            let before = covered;
            covered += size(leaf.depth);
            before < size(full)
        });
        let (group, after) = rest.split_at(group.count());
        links.push(build(heap, full, group)?);
        rest = after;
    }
    debug_assert_eq!(links.len(), 1 << (full - depth));
    Ok(links)
}

/// Whether a node may double: if it is small or its links mostly differ, and what hangs below is little to
/// copy.
fn may_widen(heap: &Heap, step: &Step) -> bool {
    let mut different_count = 0;
    let mut links_below = 0;
    for link in distinct(step.links(heap)) {
        different_count += 1;
        if let Target::Node(_, width) = link.target() {
            links_below += 1usize << width;
        }
    }
    step.width < MAX_WIDTH
        && (step.width < PATH_WIDTH || different_count >= 1usize << (step.width - 1))
        && links_below <= 2usize << step.width
}

/// The links of a node for half-sized parts. Nodes below are cut in halves.
fn widened(heap: &mut Heap, step: &Step) -> Result<Vec<Link>, OutOfMemory> {
    let old: Vec<Link> = step.links(heap).collect();
    let mut new = Vec::with_capacity(old.len() * 2);
    for link in old {
        let Target::Node(node, width) = link.target() else {
            new.extend([link, link]);
            continue;
        };
        let below: Vec<Link> = links(heap, node, width).collect();
        for half in below.chunks_exact(below.len() / 2) {
            new.push(folded(heap, width - 1, half)?);
        }
        heap.free(node);
    }
    Ok(new)
}

/// The shortest form of 2^width links: the one link they all are, else a fresh node as narrow as can be.
fn folded(heap: &mut Heap, width: u32, links: &[Link]) -> Result<Link, OutOfMemory> {
    let mut links = links.to_vec();
    let width = fold(width, &mut links);
    if width == 0 { Ok(links[0]) } else { new_node(heap, width, &links) }
}

/// Halves the links while both of each pair are the same; the width that is left.
fn fold(mut width: u32, links: &mut Vec<Link>) -> u32 {
    while width > 0 && links.chunks_exact(2).all(|pair| pair[0] == pair[1]) {
        let mut at = 0;
        links.retain(|_| {
            at += 1;
            at % 2 == 1
        });
        width -= 1;
    }
    width
}

/// After the range around `point` was replaced by fewer spans: narrows the last node on the way, or
/// does away with it, and then looks at the node above. Leaves a node as it is when there is no memory
/// for a smaller one.
pub(super) fn settle(heap: &mut Heap, top: &mut Link, point: u64) -> Result<(), OutOfMemory> {
    loop {
        let path = Path::to(heap, *top, point);
        let Some((last, above)) = path.steps.split_last() else { return Ok(()) };
        // The cheap test first: one pair that differs, near where something changed.
        let pair = last.index & !1;
        if link_at(heap, last.node, pair) != link_at(heap, last.node, pair + 1) {
            return Ok(());
        }
        let mut links: Vec<Link> = last.links(heap).collect();
        let width = fold(last.width, &mut links);
        if width == last.width {
            return Ok(());
        }
        let link = if width == 0 {
            links[0]
        } else if let Ok(link) = new_node(heap, width, &links) {
            link
        } else {
            return Ok(());
        };
        heap.free(last.node);
        relink(heap, top, above, link, 0)?;
        if width != 0 {
            return Ok(());
        }
    }
}

/// Moves a node of the way to another block.
pub(super) fn move_node(
    heap: &mut Heap,
    top: &mut Link,
    path: &Path,
    level: usize,
) -> Result<(), OutOfMemory> {
    let step = &path.steps[level];
    let links: Vec<Link> = step.links(heap).collect();
    let link = new_node(heap, step.width, &links)?;
    heap.free(step.node);
    relink(heap, top, &path.steps[..level], link, 0)
}

#[cfg(test)]
mod tests {
    use super::super::position::range_end;
    use super::*;

    fn span(number: u32, depth: u32) -> Leaf {
        let shape = Shape { depth, buckets: 2 };
        Leaf { depth, link: Link::span(Handle::from_raw(number).unwrap(), shape) }
    }

    #[test]
    fn links_hold_what_was_put_in() {
        let shape = Shape { depth: MAX_DEPTH, buckets: MAX_BUCKETS };
        let handle = Handle::from_raw(u32::MAX).unwrap();
        assert_eq!(Link::span(handle, shape).target(), Target::Span(handle, shape));
        let node = Link::node(handle.cast(), 10, u64::MAX);
        assert_eq!(node.target(), Target::Node(handle.cast(), 10));
        assert_eq!(node.bucket_count(), MAX_COUNT);
        assert_eq!(node.with_change(-5, || 100).bucket_count(), 100);
        assert_eq!(Link::node(handle.cast(), 1, 7).with_change(-2, || 0).bucket_count(), 5);
        assert_eq!(Link::EMPTY.target(), Target::Empty);
    }

    #[test]
    fn a_range_cut_deep_becomes_a_short_path() {
        let mut heap = Heap::in_memory(1 << 20);
        // The range is cut at its left end down to depth 9.
        let mut leaves: Vec<Leaf> = (2..=9).rev().map(|depth| span(depth, depth)).collect();
        leaves.insert(0, span(100, 9));
        leaves.push(span(1, 1));
        let top = build(&mut heap, 0, &leaves).unwrap();
        assert_eq!(top.bucket_count(), 20);
        let depth_at = |point| Path::to(&heap, top, point).depth();
        assert_eq!(depth_at(u64::MAX), 1);
        assert_eq!(depth_at(u64::MAX >> 1), 2);
        assert_eq!(depth_at(1 << 55), 9);
        assert_eq!(depth_at(0), 9);
        assert_eq!(Path::to(&heap, top, 0).steps.len(), 3, "nodes of four, four and one bit");
    }

    #[test]
    fn a_node_widens_unless_much_hangs_below() {
        for (crowded_parts, width) in [(2, 5), (8, 4)] {
            let mut heap = Heap::in_memory(1 << 20);
            let mut leaves: Vec<Leaf> = (0..crowded_parts * 16).map(|number| span(1 + number, 8)).collect();
            leaves.extend((crowded_parts..16).map(|number| span(1000 + number, 4)));
            let mut top = build(&mut heap, 0, &leaves).unwrap();
            let path = Path::to(&heap, top, u64::MAX);
            assert_eq!((path.steps.len(), path.depth()), (1, 4));
            let halves = [span(2000, 5), span(2001, 5)];
            replace(&mut heap, &mut top, &path, u64::MAX, 4, &halves, 2).unwrap();
            assert!(matches!(top.target(), Target::Node(_, found) if found == width));
            assert_eq!(
                u32::try_from(top.bucket_count()),
                Ok(2 * (crowded_parts * 16 + 16 - crowded_parts + 1))
            );
            let mut spans = Vec::new();
            let mut point = Some(0);
            while let Some(from) = point {
                let path = Path::to(&heap, top, from);
                spans.push(path.end);
                point = range_end(from, path.depth());
            }
            leaves.pop();
            assert!(spans.into_iter().eq(leaves.iter().chain(&halves).map(|leaf| leaf.link)));
        }
    }
}
