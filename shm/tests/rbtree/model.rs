//! A tree and what it should hold, side by side.

use std::collections::BTreeSet;
use std::ops::Range;

use proptest::test_runner::Config as ProptestConfig;
use shm::rbtree::{Builder, Node, Packing, Root, Tree};
use shm::{Corrupt, Handle, Heap, HeapOptions, Region};

use super::packings::Owned;

/// So many cases, or as many as `PROPTEST_CASES` says.
pub fn cases(count: u32) -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(count);
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// The blocks of a tree, each of which has one referrer. Checks its invariants.
pub fn blocks<P: Packing>(heap: &Heap, tree: &Tree<P>) -> BTreeSet<Handle<()>> {
    let mut blocks = BTreeSet::new();
    tree.verify(heap, &mut |block| {
        let new = blocks.insert(block.cast());
        if new { Ok(()) } else { Err(Corrupt::Shared { block: block.raw() }) }
    })
    .unwrap();
    blocks
}

/// A tree in a heap of its own, with the elements it should have, in order.
pub struct Pair<P: Owned> {
    pub heap: Heap,
    pub tree: Tree<P>,
    pub model: Vec<P::Value>,
    /// Another tree in the same heap, which is left alone.
    pub aside: Option<Tree<P>>,
}

impl<P: Owned> Pair<P> {
    pub fn new(capacity_bytes: usize) -> Self {
        Self::in_heap(Heap::in_memory(capacity_bytes))
    }

    /// In a heap whose handles count units of 128 bytes, so that no block is shorter.
    pub fn with_coarse_granule(capacity_bytes: usize) -> Self {
        let options = HeapOptions { granule_shift: 7, ..HeapOptions::default() };
        Self::in_heap(Heap::create(Region::in_memory(capacity_bytes), options).unwrap())
    }

    fn in_heap(heap: Heap) -> Self {
        let tree = Tree::new(Root::EMPTY, P::new());
        Pair { heap, tree, model: Vec::new(), aside: None }
    }

    /// Checks the invariants, the content in both directions, and that no block is lost. Returns the
    /// tree's blocks.
    pub fn check(&self) -> BTreeSet<Handle<()>> {
        let mut blocks = blocks(&self.heap, &self.tree);
        assert_eq!(self.tree.len(), self.model.len());
        let forward: Vec<_> = self.tree.iter(&self.heap).map(P::value).collect();
        assert_eq!(forward, self.model);
        let mut backward: Vec<_> = self.tree.back(&self.heap).map(P::value).collect();
        backward.reverse();
        assert_eq!(backward, self.model);
        if !self.heap.in_transaction() {
            blocks.extend(self.aside.iter().flat_map(|tree| self::blocks(&self.heap, tree)));
            self.heap.verify(blocks.clone()).unwrap();
        }
        blocks
    }

    /// Takes out a range, checks what was taken, and gives it back in steps of `nodes` blocks.
    pub fn remove_range(&mut self, range: Range<usize>, nodes: usize) {
        let gone: Vec<_> = self.model.drain(range.clone()).collect();
        let taken = self.tree.remove_range(&mut self.heap, range).unwrap();
        taken.verify(&self.heap, &mut |_| Ok(())).unwrap();
        self.give_back(taken, gone, nodes);
    }

    /// Gives a tree back in steps, each of which must leave the rest in order.
    pub fn give_back(&mut self, mut tree: Tree<P>, content: Vec<P::Value>, nodes: usize) {
        let mut released = Vec::new();
        while !tree.is_empty() {
            let mut rest: Vec<_> = tree.iter(&self.heap).map(P::value).collect();
            let all: Vec<_> = released.iter().cloned().chain(rest.drain(..)).collect();
            assert_eq!(all, content);
            let before = released.len();
            tree.reclaim(&mut self.heap, nodes, |_, item| {
                released.push(P::value(item));
                Ok(())
            })
            .unwrap();
            assert!(released.len() > before);
            tree.verify_detached(&self.heap, &mut |_| Ok(())).unwrap();
            assert_eq!(tree.len(), content.len() - released.len());
            // Steps are transactions of their own.
            self.heap.commit();
        }
        assert_eq!(released, content);
        assert_eq!(tree.root(), Root::EMPTY);
    }

    /// Cuts the tree in two, checks both, and joins them again.
    pub fn split_and_join(&mut self, at: usize) {
        let right = self.tree.split_off(&mut self.heap, at).unwrap();
        for (tree, model) in [(&self.tree, &self.model[..at]), (&right, &self.model[at..])] {
            tree.verify(&self.heap, &mut |_| Ok(())).unwrap();
            assert!(tree.iter(&self.heap).map(P::value).eq(model.iter().cloned()));
        }
        self.tree.append(&mut self.heap, right).unwrap();
    }

    /// Moves some of the blocks, in steps.
    pub fn relocate(&mut self, salt: u32, nodes: usize) {
        let chosen = |block: Handle<()>| block.raw() / 8 % 7 < salt % 8;
        let before = self.check();
        let mut next = Some(0);
        while let Some(from) = next {
            let moves =
                |_: &Heap, block: Handle<Node>| before.contains(&block.cast()) && chosen(block.cast());
            next = self.tree.relocate(&mut self.heap, from, nodes, moves).unwrap();
            assert!(next.is_none_or(|next| next > from));
        }
        let after = self.check();
        assert!(before.intersection(&after).all(|&block| !chosen(block)), "a block stayed");
        assert!(before.iter().filter(|&&block| !chosen(block)).all(|block| after.contains(block)));
    }

    /// Builds the tree anew from its elements.
    pub fn rebuild(&mut self) {
        let mut builder = Builder::new(P::new());
        for value in &self.model {
            builder.push(&mut self.heap, P::item(value)).unwrap();
        }
        assert_eq!(builder.count(), self.model.len());
        let root = builder.finish(&mut self.heap).unwrap();
        let old = std::mem::replace(&mut self.tree, Tree::new(root, P::new()));
        self.give_back(old, self.model.clone(), usize::MAX);
    }

    /// Runs an operation with 0, 1, 2, … allocations allowed until it succeeds; each failure is rolled
    /// back and must leave everything as it was.
    pub fn with_failures(
        &mut self,
        mut operation: impl FnMut(&mut Heap, &mut Tree<P>) -> Result<(), shm::OutOfMemory>,
    ) {
        for allowed in 0.. {
            let before = self.tree.root();
            self.heap.fail_allocations_after(Some(allowed));
            let result = operation(&mut self.heap, &mut self.tree);
            self.heap.fail_allocations_after(None);
            if result.is_ok() {
                self.heap.commit();
                return;
            }
            assert_eq!(self.tree.root(), before, "a failed operation moved the root");
            self.heap.rollback();
            self.check();
        }
    }
}
