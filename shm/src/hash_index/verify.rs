//! Checking an index from top to bottom, and naming all its blocks on the way.

use super::bucket::{BUCKET_LEN, Bucket};
use super::directory::{self, Link, Node, Target};
use super::position::{MAX_DEPTH, Shape, cell_of, class_of, position, range_start, tag_of};
use super::span::{self, Span};
use super::{Entry, HashIndex, Hashed};
use crate::{Corrupt, Handle, Heap};

impl HashIndex {
    /// Checks every invariant of the module; reads all keys. `block` is called with each block of the
    /// index, and `entry` with each entry, before they are looked into, so that they can refuse a handle
    /// that names no block or one seen before.
    pub fn verify<H: Hashed + ?Sized>(
        &self,
        heap: &Heap,
        hashed: &H,
        block: &mut dyn FnMut(Handle<()>) -> Result<(), Corrupt>,
        entry: &mut dyn FnMut(Handle<Entry>) -> Result<(), Corrupt>,
    ) -> Result<(), Corrupt> {
        let mut check = Check { index: self, heap, hashed, block, entry, entry_count: 0 };
        check.range(self.top, 0, 0)?;
        expect(check.entry_count == self.len, "index: number of entries", 0)
    }
}

struct Check<'a, H: ?Sized> {
    index: &'a HashIndex,
    heap: &'a Heap,
    hashed: &'a H,
    block: &'a mut dyn FnMut(Handle<()>) -> Result<(), Corrupt>,
    entry: &'a mut dyn FnMut(Handle<Entry>) -> Result<(), Corrupt>,
    entry_count: u64,
}

impl<H: Hashed + ?Sized> Check<'_, H> {
    /// Checks what `link` leads to, which is reached by the leading `start` bits of `point`.
    fn range(&mut self, link: Link, point: u64, start: u32) -> Result<(), Corrupt> {
        expect(link.is_sound(), "index: link", link.0 as u32)?;
        match link.target() {
            Target::Empty => Ok(()),
            Target::Span(span, shape) => self.span(span, shape, point),
            Target::Node(node, width) => self.node(link, node, width, point, start),
        }
    }

    /// Announces a block, of which `len` bytes are used.
    fn block(&mut self, block: Handle<()>, len: usize) -> Result<(), Corrupt> {
        (self.block)(block)?;
        expect(self.heap.capacity_of(block) >= len, "index: length of a block", block.raw())
    }

    fn node(
        &mut self,
        link: Link,
        node: Handle<Node>,
        width: u32,
        point: u64,
        start: u32,
    ) -> Result<(), Corrupt> {
        self.block(node.cast(), directory::LINK_LEN << width)?;
        let links: Vec<Link> = directory::links(self.heap, node, width).collect();
        let below = directory::total(links.iter().copied());
        expect(below > 0, "index: node with nothing below", node.raw())?;
        expect(link.counts(below), "index: number of buckets below a node", node.raw())?;
        let full = start + width;
        expect(full <= MAX_DEPTH, "index: depth of a node", node.raw())?;
        let mut index = 0;
        while let Some(&link) = links.get(index) {
            let point = point + ((index as u64) << (u64::BITS - full));
            let depth = match link.target() {
                Target::Span(_, shape) => shape.depth,
                _ => full,
            };
            let fits = (start..=full).contains(&depth) && range_start(point, depth) == point;
            expect(fits, "index: depth of a span", node.raw())?;
            let parts = 1 << (full - depth);
            let is_one = links[index..][..parts].iter().all(|&part| part == link);
            expect(is_one, "index: links to one span", node.raw())?;
            self.range(link, point, full)?;
            index += parts;
        }
        Ok(())
    }

    fn span(&mut self, span: Handle<Span>, shape: Shape, point: u64) -> Result<(), Corrupt> {
        self.block(span.cast(), shape.buckets * BUCKET_LEN)?;
        let bytes = span::bytes(self.heap, span, shape);
        let mut spills = vec![0u16; shape.buckets];
        let mut count = 0;
        for index in 0..shape.buckets {
            let bucket = Bucket::of(bytes, index);
            for lane in bucket.used() {
                let Some(entry) = bucket.entry(lane) else { continue };
                let tag = bucket.tag(lane);
                let home = if bucket.is_displaced(lane) {
                    let home = shape.home_of_displaced(index, class_of(tag));
                    expect(home != index, "index: displaced entry at home", span.raw())?;
                    spills[home] |= 1 << class_of(tag);
                    home
                } else {
                    index
                };
                (self.entry)(entry)?;
                let hash = self.hashed.hash(self.heap, entry);
                let is_own = self.index.slots.positions().contains(&position(hash));
                expect(is_own, "index: slot of an entry", span.raw())?;
                let entry_point = self.index.slots.point(hash);
                let cell = shape.cell(entry_point);
                expect(shape.start(entry_point) == point, "index: entry in a foreign span", span.raw())?;
                expect(shape.home(cell) == home, "index: entry in a foreign bucket", span.raw())?;
                let has_tag = tag_of(cell) == tag && cell_of(shape.first_cell(home), tag) == cell;
                expect(has_tag, "index: tag of an entry", span.raw())?;
                count += 1;
            }
        }
        expect(count > 0, "index: empty span", span.raw())?;
        for (index, &expected) in spills.iter().enumerate() {
            let meta = Bucket::of(bytes, index).meta();
            expect(meta.spills() == expected, "index: spill classes of a bucket", span.raw())?;
            expect(meta.reserved() == 0, "index: reserved bits of a bucket", span.raw())?;
        }
        self.entry_count += count;
        Ok(())
    }
}

fn expect(holds: bool, what: &'static str, block: u32) -> Result<(), Corrupt> {
    if holds { Ok(()) } else { Err(Corrupt::Structure { what, block }) }
}
