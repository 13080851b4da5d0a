//! Building a tree from elements that come in order: full nodes, perfectly balanced, nothing logged.

use super::Root;
use super::content::{fill_base, fill_header, rebase_all};
use super::insert::single_base;
use super::node::{Header, Link, Node, block};
use super::packing::{Packing, Sizes};
use crate::{Handle, Heap, OutOfMemory};

/// Takes elements in ascending order, which is that of hashes if these order nodes. Everything it allocates is fresh, so dropping it halfway is fine
/// if the transaction is rolled back.
pub struct Builder<P> {
    packing: P,
    /// The elements of the node being filled.
    bytes: Vec<u8>,
    own: usize,
    base: u64,
    done: Vec<Built>,
    count: usize,
}

/// A node that is full but not linked yet.
struct Built {
    link: Link,
    own: u16,
    used: u16,
}

impl<P: Packing> Builder<P> {
    /// With no elements yet.
    pub fn new(packing: P) -> Builder<P> {
        Builder { packing, bytes: Vec::new(), own: 0, base: 0, done: Vec::new(), count: 0 }
    }

    /// Elements taken so far.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Takes the next element, which is greater than all before.
    pub fn push(&mut self, heap: &mut Heap, item: P::Item<'_>) -> Result<(), OutOfMemory> {
        let packing = self.packing;
        let len = packing.encoded_len(item);
        assert!(len <= P::CAPACITY / 2, "an element of {len} bytes");
        if self.count == super::COUNT_MAX {
            return Err(OutOfMemory);
        }
        if self.own > 0 && (self.bytes.len() + len > P::CAPACITY || !self.share_base(item)) {
            self.flush(heap)?;
        }
        if self.own == 0 {
            self.base = match P::HASHED {
                // The first node takes whatever comes before the second.
                true if self.done.is_empty() => 0,
                true => packing.hash_of(item),
                false => single_base(packing, item),
            };
        }
        let start = self.bytes.len();
        self.bytes.resize(start + len, 0);
        packing.encode(item, self.base, &mut self.bytes[start..]);
        self.own += 1;
        self.count += 1;
        Ok(())
    }

    /// Finds a base for the elements of the node being filled and the next one.
    fn share_base(&mut self, item: P::Item<'_>) -> bool {
        let packing = self.packing;
        if !P::BASED || packing.fits(self.base, item) {
            return true;
        }
        let first = packing.decode(&self.bytes[..packing.element_len(&self.bytes)], self.base);
        let Some(base) = packing.base_for(first, item) else {
            return false;
        };
        rebase_all(packing, &mut self.bytes, self.base, base);
        self.base = base;
        true
    }

    /// Stores the node being filled.
    fn flush(&mut self, heap: &mut Heap) -> Result<(), OutOfMemory> {
        let used = self.bytes.len();
        let fresh: Handle<Node> = heap.allocate(P::BODY + used)?;
        if P::HAS_BASE {
            fill_base(heap, fresh, P::BODY, self.base);
        }
        heap.fill(fresh, P::BODY, used, |out| out.copy_from_slice(&self.bytes));
        self.done.push(Built { link: fresh.raw(), own: self.own as u16, used: used as u16 });
        self.bytes.clear();
        self.own = 0;
        Ok(())
    }

    /// The tree: a plain block if it is small enough.
    pub fn finish(self, heap: &mut Heap) -> Result<Root, OutOfMemory> {
        if self.count == 0 {
            return Ok(Root::EMPTY);
        }
        if !self.done.is_empty() || self.own > P::PLAIN_COUNT {
            return self.finish_as_tree(heap);
        }
        let used = self.bytes.len();
        let fresh: Handle<Node> = heap.allocate(P::PLAIN_BODY + used)?;
        if P::BASED {
            fill_base(heap, fresh, P::PLAIN_BODY, self.base);
        }
        heap.fill(fresh, P::PLAIN_BODY, used, |out| out.copy_from_slice(&self.bytes));
        Ok(Root::plain(fresh.raw(), self.own, used))
    }

    /// The tree as nodes, however few.
    pub(super) fn finish_as_tree(mut self, heap: &mut Heap) -> Result<Root, OutOfMemory> {
        if self.own > 0 {
            self.flush(heap)?;
        }
        // Levels that are full are black; the nodes of the last, if it is not, are red.
        let black_levels = (self.done.len() + 1).ilog2();
        let (top, _) = link(heap, &self.done, black_levels);
        Ok(Root::tree(top, self.count))
    }
}

/// Links nodes into a balanced tree; returns its top and the number of its elements.
fn link(heap: &mut Heap, nodes: &[Built], black_levels: u32) -> (Link, u32) {
    let middle = nodes.len() / 2;
    let Some(node) = nodes.get(middle) else {
        return (0, 0);
    };
    let below = black_levels.saturating_sub(1);
    let (left, before) = link(heap, &nodes[..middle], below);
    let (right, after) = link(heap, &nodes[middle + 1..], below);
    let Built { own, used, .. } = *node;
    let header = Header { left, right, before, own, used, red: black_levels == 0 };
    fill_header(heap, block(node.link), &header);
    (node.link, before + u32::from(own) + after)
}
