//! What a deque is made of: a plain block as a stack, and the outermost nodes of a tree as such blocks.
//!
//! A deque keeps its last elements in a plain block, in order, and its first ones in another, in reverse order, so that
//! both grow and shrink at the end of their block. A full block becomes a node of the tree between them; where one is
//! empty, the outermost node becomes a block again.
//!
//! Such a block may be longer than its elements ask for, up to a node's length, as its owner sees fit
//! ([`Tree::verify_stack`]), or by as much as the other functions leave in any plain block; the rest of a [`Tree`]'s
//! functions may be used on it, too.

use super::balance::{attach, detach};
use super::content::{Draft, Inserted, fill_header};
use super::insert::grow;
use super::node::{Header, Node, Side, View, block};
use super::packing::{ELEMENT_LEN_MAX, Packing, Sizes};
use super::path::Path;
use super::range::append;
use super::remove::shrink;
use super::{COUNT_MAX, Form, Root, Tree};
use crate::{Handle, Heap, OutOfMemory};

impl<P: Packing> Tree<P> {
    // ---- a plain block as a stack -------------------------------------------------------------

    /// Bytes that the elements of a plain block, or of none, take.
    #[inline]
    pub fn stack_len(&self) -> usize {
        debug_assert!(self.root.form() != Form::Tree);
        self.root.plain_extent().1
    }

    /// Puts an element after the last one of a plain block, or of none: in place, unless the block is too short. Then it
    /// gets one of `room` bytes, or of as many as are needed.
    #[inline]
    pub fn push(&mut self, heap: &mut Heap, item: P::Item<'_>, room: usize) -> Result<(), OutOfMemory> {
        const { assert!(!P::BASED, "a deque has no bases") };
        let (packing, link) = (self.packing, self.root.link());
        let (own, used) = self.root.plain_extent();
        let added = packing.encoded_len(item);
        let len = used + added;
        debug_assert!(self.root.form() != Form::Tree && len <= P::PLAIN_LEN && own < P::PLAIN_COUNT);
        if link != 0 && len <= heap.capacity_of(block(link)) {
            let mut bytes = [0; ELEMENT_LEN_MAX];
            packing.encode(item, 0, &mut bytes[..added]);
            heap.store(block(link), used, &bytes[..added])?;
            self.root = Root::plain(link, own + 1, len);
            return Ok(());
        }
        let fresh: Handle<Node> = heap.allocate(room.max(len))?;
        if link != 0 {
            heap.fill_from(fresh, 0, block(link), 0, used);
            heap.free(block(link));
        }
        heap.fill(fresh, used, added, |out| packing.encode(item, 0, out));
        self.root = Root::plain(fresh.raw(), own + 1, len);
        Ok(())
    }

    /// The last element of a plain block, and where it starts.
    #[inline]
    pub fn top<'h>(&self, heap: &'h Heap) -> (P::Item<'h>, usize) {
        let view = View::of_plain::<P>(heap, self.root);
        let offset = view.offset_of(heap, self.packing, view.own - 1);
        (self.packing.decode(&view.elements(heap)[offset..], 0), offset)
    }

    /// Takes the last element of a plain block away, which starts at `offset`. Nothing is written, unless the block is
    /// longer than one for `room` bytes: then it is replaced by one of the right length.
    #[inline]
    pub fn pop(&mut self, heap: &mut Heap, offset: usize, room: usize) -> Result<(), OutOfMemory> {
        let (link, (own, _)) = (self.root.link(), self.root.plain_extent());
        if own == 1 {
            heap.free(block(link));
            self.root = Root::EMPTY;
            return Ok(());
        }
        let mut stays = link;
        if heap.capacity_of(block(link)) > heap.block_len(room) {
            let fresh: Handle<Node> = heap.allocate(offset)?;
            heap.fill_from(fresh, 0, block(link), 0, offset);
            heap.free(block(link));
            stays = fresh.raw();
        }
        self.root = Root::plain(stays, own - 1, offset);
        Ok(())
    }

    /// Takes the first `count` elements of a plain block out, as a block in reverse order.
    pub fn take_reversed(&mut self, heap: &mut Heap, count: usize) -> Result<Tree<P>, OutOfMemory> {
        let view = View::of_plain::<P>(heap, self.root);
        let len = view.offset_of(heap, self.packing, count);
        let taken = heap.allocate(len)?;
        copy(heap, self.packing, &view, len, Side::Left, (taken, 0));
        self.root = match (view.own - count, view.used - len) {
            (0, _) => Root::EMPTY,
            (own, used) => {
                let rest: Handle<Node> = heap.allocate(used)?;
                heap.fill_from(rest, 0, block(view.link), len, used);
                Root::plain(rest.raw(), own, used)
            }
        };
        heap.free(block(view.link));
        Ok(Tree::new(Root::plain(taken.raw(), count, len), self.packing))
    }

    // ---- the ends of a tree -------------------------------------------------------------------

    /// Puts the elements of a plain block after those of this tree. O(log n).
    pub fn attach_last(&mut self, heap: &mut Heap, stack: Tree<P>) -> Result<(), OutOfMemory> {
        self.attach(heap, Side::Right, stack.root)
    }

    /// Puts the elements of a plain block, the last one first, before those of this tree. O(log n).
    pub fn attach_first_reversed(&mut self, heap: &mut Heap, stack: Tree<P>) -> Result<(), OutOfMemory> {
        self.attach(heap, Side::Left, stack.root)
    }

    /// Takes the last node's elements out as a plain block. O(log n).
    pub fn detach_last(&mut self, heap: &mut Heap) -> Result<Tree<P>, OutOfMemory> {
        self.detach(heap, Side::Right)
    }

    /// Takes the first node's elements out as a plain block in reverse order. O(log n).
    pub fn detach_first_reversed(&mut self, heap: &mut Heap) -> Result<Tree<P>, OutOfMemory> {
        self.detach(heap, Side::Left)
    }

    fn attach(&mut self, heap: &mut Heap, side: Side, stack: Root) -> Result<(), OutOfMemory> {
        let packing = self.packing;
        let (own, used) = stack.plain_extent();
        if used > P::CAPACITY {
            debug_assert!(side == Side::Right, "blocks in reverse order are no longer than a node");
            self.root = append(heap, packing, self.root, stack)?;
            return Ok(());
        }
        if own == 0 {
            return Ok(());
        }
        let count = self.root.count() + own;
        if count > COUNT_MAX {
            return Err(OutOfMemory);
        }
        let is_first = self.root.form() == Form::Empty;
        let header =
            Header { left: 0, right: 0, before: 0, own: own as u16, used: used as u16, red: !is_first };
        let fresh = heap.allocate(P::BODY + used)?;
        fill_header(heap, fresh, &header);
        copy(heap, packing, &View::of_plain::<P>(heap, stack), used, side, (fresh, P::BODY));
        heap.free(block(stack.link()));
        if is_first {
            self.root = Root::tree(fresh.raw(), own);
            return Ok(());
        }
        if self.root.form() == Form::Plain {
            self.root = grow(heap, packing, self.root)?;
        }
        let (mut top, mut path) = (self.root.link(), Path::EMPTY);
        path.start(top);
        path.descend(heap, side);
        let last = path.len() - 1;
        path.add_before(heap, 0, last, own as u32)?;
        let view = View::of_node::<P>(heap, path.last());
        let both_sparse = view.used < P::SPARSE && used < P::SPARSE;
        if view.used + used <= P::CAPACITY && (view.own + own <= P::PLAIN_COUNT || both_sparse) {
            let at = if side == Side::Left { 0 } else { view.used };
            let inserted = Inserted::Node(View::of_node::<P>(heap, fresh.raw()));
            let draft = Draft { view, at, removed: 0, inserted, own: view.own + own, base: 0 };
            let link = draft.apply(heap, packing)?;
            heap.free(fresh);
            if link != view.link {
                path.relink(heap, &mut top, last, link)?;
            }
        } else {
            attach(heap, &mut top, &mut path, side, fresh.raw(), own as u32)?;
        }
        self.root = Root::tree(top, count);
        Ok(())
    }

    fn detach(&mut self, heap: &mut Heap, side: Side) -> Result<Tree<P>, OutOfMemory> {
        let packing = self.packing;
        let view = match self.root.form() {
            Form::Empty => return Ok(*self),
            Form::Plain => {
                let view = View::of_plain::<P>(heap, self.root);
                self.root = Root::EMPTY;
                view
            }
            Form::Tree => {
                let (mut top, mut path) = (self.root.link(), Path::EMPTY);
                path.start(top);
                path.descend(heap, side);
                let view = View::of_node::<P>(heap, path.last());
                path.add_before(heap, 0, path.len() - 1, (view.own as u32).wrapping_neg())?;
                detach(heap, &mut top, &mut path)?;
                self.root = shrink::<P>(heap, top, self.root.count() - view.own)?;
                view
            }
        };
        let fresh = heap.allocate(view.used)?;
        copy(heap, packing, &view, view.used, side, (fresh, 0));
        heap.free(block(view.link));
        Ok(Tree::new(Root::plain(fresh.raw(), view.own, view.used), packing))
    }
}

/// Copies the first `len` bytes of a block's elements to a fresh block: in their order to be used on the right, in
/// reverse order to be used on the left.
fn copy<P: Packing>(
    heap: &mut Heap,
    packing: P,
    from: &View,
    len: usize,
    side: Side,
    (to, start): (Handle<Node>, usize),
) {
    if side == Side::Right {
        heap.fill_from(to, start, block(from.link), from.body, len);
        return;
    }
    let mut offset = 0;
    while offset < len {
        let element = packing.element_len(&from.elements(heap)[offset..]);
        let at = start + len - offset - element;
        heap.fill_from(to, at, block(from.link), from.body + offset, element);
        offset += element;
    }
}
