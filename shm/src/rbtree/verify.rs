//! Checking a tree against everything the module promises.

use std::cmp::Ordering;

use super::content::fits_well;
use super::node::{Header, Link, Node, View, block};
use super::packing::{Packing, Sizes};
use super::path::DEPTH_MAX;
use super::{COUNT_MAX, Form, Root};
use crate::{Corrupt, Handle, Heap};

/// Checks the tree and calls `visit` for each of its blocks before looking inside. A tree that is being
/// reclaimed is in order and counted, but not balanced.
pub(super) fn verify<P: Packing>(
    heap: &Heap,
    packing: P,
    root: Root,
    balanced: bool,
    visit: &mut dyn FnMut(Handle<Node>) -> Result<(), Corrupt>,
) -> Result<(), Corrupt> {
    let mut check = Check { heap, packing, balanced, tight: true, visit, last: None, hashes: Vec::new() };
    match root.form() {
        Form::Empty => Ok(()),
        Form::Plain => check.plain(root),
        Form::Tree => check.tree(root),
    }
}

/// Checks a plain block that may have room to grow, up to the length of a node, or as much as any plain block.
pub(super) fn verify_stack<P: Packing>(
    heap: &Heap,
    packing: P,
    root: Root,
    visit: &mut dyn FnMut(Handle<Node>) -> Result<(), Corrupt>,
) -> Result<(), Corrupt> {
    let mut checked =
        Check { heap, packing, balanced: true, tight: false, visit, last: None, hashes: Vec::new() };
    match root.form() {
        Form::Empty => Ok(()),
        Form::Plain => {
            checked.plain(root)?;
            let (link, (_, used)) = (root.link(), root.plain_extent());
            let within_node = heap.capacity_of(block(link)) <= heap.block_len(P::NODE_LEN);
            check(
                within_node || fits_well(heap, link, P::PLAIN_BODY + used),
                "a block with too much room",
                link,
            )
        }
        Form::Tree => check(false, "nodes instead of a block", root.link()),
    }
}

struct Check<'a, P: Packing> {
    heap: &'a Heap,
    packing: P,
    balanced: bool,
    /// Blocks are hardly longer than what is in them.
    tight: bool,
    visit: &'a mut dyn FnMut(Handle<Node>) -> Result<(), Corrupt>,
    /// The node before the one being checked, and where its last element starts.
    last: Option<(View, usize)>,
    /// The hashes of its elements and where they start, in order, where nodes are ordered by them.
    hashes: Vec<(u64, View, usize)>,
}

/// What a subtree is found to hold.
struct Found {
    count: u32,
    black_height: u32,
}

impl<P: Packing> Check<'_, P> {
    fn plain(&mut self, root: Root) -> Result<(), Corrupt> {
        let link = root.link();
        (self.visit)(block(link))?;
        check(self.heap.capacity_of(block(link)) >= P::PLAIN_BODY, "a block without a base", link)?;
        let view = View::of_plain::<P>(self.heap, root);
        // A stack may have been a node.
        let fits = view.own <= P::PLAIN_COUNT || !self.tight && view.used <= P::CAPACITY;
        check(view.own >= 1 && fits, "the size of a plain block", link)?;
        check(view.used <= P::PLAIN_LEN, "the length of a plain block", link)?;
        self.elements(&view, P::ORDERED && !P::HASHED)?;
        self.hashes(&view)
    }

    fn tree(&mut self, root: Root) -> Result<(), Corrupt> {
        let link = root.link();
        let found = self.subtree(link, 0, false)?;
        check(!(self.balanced && Header::read(self.heap, link).red), "a red root", link)?;
        check(root.count() == found.count as usize && root.count() <= COUNT_MAX, "a root's count", link)
    }

    fn subtree(&mut self, link: Link, depth: usize, below_red: bool) -> Result<Found, Corrupt> {
        if link == 0 {
            return Ok(Found { count: 0, black_height: 0 });
        }
        check(depth < DEPTH_MAX, "a path that is too long", link)?;
        (self.visit)(block(link))?;
        check(self.heap.capacity_of(block(link)) >= P::BODY, "a node without a header", link)?;
        let header = Header::read(self.heap, link);
        check(!(self.balanced && below_red && header.red), "a red node below a red one", link)?;
        let left = self.subtree(header.left, depth + 1, header.red)?;
        check(left.count == header.before, "a left count", link)?;
        check(header.own >= 1, "an empty node", link)?;
        check(usize::from(header.used) <= P::CAPACITY, "a node's length", link)?;
        let view = View::with_header::<P>(self.heap, link, &header);
        self.elements(&view, P::ORDERED && !P::HASHED)?;
        self.hashes(&view)?;
        let right = self.subtree(header.right, depth + 1, header.red)?;
        check(!self.balanced || left.black_height == right.black_height, "a black height", link)?;
        let count = (left.count.checked_add(u32::from(header.own)))
            .and_then(|count| count.checked_add(right.count))
            .ok_or(Corrupt::Structure { what: "a count", block: link })?;
        Ok(Found { count, black_height: left.black_height + u32::from(!header.red) })
    }

    /// Elements fill their bytes exactly, and stand in order, also after those of the block before.
    fn elements(&mut self, view: &View, ordered: bool) -> Result<(), Corrupt> {
        let (heap, packing, link) = (self.heap, self.packing, view.link);
        let capacity = heap.capacity_of(block(link));
        check(view.body + view.used <= capacity, "elements beyond their block", link)?;
        let is_tight = fits_well(heap, link, view.body + view.used);
        check(is_tight || !self.tight, "a block that is too large", link)?;
        let bytes = view.elements(heap);
        let mut previous = self.last;
        let mut offset = 0;
        for _ in 0..view.own {
            check(offset < bytes.len(), "elements that are too few", link)?;
            let len = packing.element_len(&bytes[offset..]);
            check(len >= 1 && len <= P::CAPACITY / 2, "an element's length", link)?;
            check(len <= bytes.len() - offset, "an element beyond its node", link)?;
            let sound = packing.is_sound(&bytes[offset..offset + len], view.base);
            check(sound, "an element that makes no sense", link)?;
            if let Some((node, at)) = previous
                && ordered
            {
                let key = packing.key_of(heap, node.item(heap, packing, at));
                let order = packing.compare(heap, key, view.item(heap, packing, offset));
                let fits = order == Ordering::Less || !P::UNIQUE && order == Ordering::Equal;
                check(fits, "the order of elements", link)?;
            }
            previous = Some((*view, offset));
            offset += len;
        }
        check(offset == bytes.len(), "bytes after the last element", link)?;
        if let Some((node, _)) = self.last
            && self.balanced
            && node.used < P::SPARSE
            && view.used < P::SPARSE
        {
            let (first, last) = (node.first(heap, packing), view.last(heap, packing));
            check(packing.base_for(first, last).is_none(), "neighbours that are both sparse", link)?;
        }
        self.last = previous;
        Ok(())
    }

    /// Hashes are from the base of a node to that of the next, both included, and no two elements have equal keys.
    fn hashes(&mut self, view: &View) -> Result<(), Corrupt> {
        if !P::HASHED {
            return Ok(());
        }
        let (heap, packing, link) = (self.heap, self.packing, view.link);
        let mut offset = 0;
        let mut hashes = Vec::with_capacity(view.own);
        for _ in 0..view.own {
            let element = view.element(heap, packing, offset);
            hashes.push((packing.hash_of(packing.decode(element, view.base)), *view, offset));
            offset += element.len();
        }
        hashes.sort_unstable_by_key(|(hash, _, offset)| (*hash, *offset));
        check(hashes[0].0 >= view.base, "a hash below its node's base", link)?;
        if let Some((last, _, _)) = self.hashes.last() {
            check(*last <= view.base, "a hash above the next node's base", link)?;
        }
        // Of the nodes before, those that may have an element of this one twice.
        self.hashes.retain(|(hash, _, _)| *hash == view.base);
        for (hash, node, at) in &hashes {
            let item = node.item(heap, packing, *at);
            let alike = self.hashes.iter().rev().take_while(|(other, _, _)| other == hash);
            for (_, other, at) in alike {
                let key = packing.key_of(heap, other.item(heap, packing, *at));
                check(!packing.matches(heap, key, item), "an element that is there twice", link)?;
            }
            self.hashes.push((*hash, *node, *at));
        }
        Ok(())
    }
}

fn check(holds: bool, what: &'static str, link: Link) -> Result<(), Corrupt> {
    if holds { Ok(()) } else { Err(Corrupt::Structure { what, block: link }) }
}
