//! A tree and what it should hold, side by side.

use std::collections::BTreeSet;

use proptest::test_runner::Config as ProptestConfig;
use shm::rbtree::{Root, Tree};
use shm::{Corrupt, Heap};

use super::packings::Owned;

/// So many cases, or as many as `PROPTEST_CASES` says.
pub fn cases(count: u32) -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(count);
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// A tree in a heap of its own, with the elements it should have, in order.
pub struct Pair<P: Owned> {
    pub heap: Heap,
    pub tree: Tree<P>,
    pub model: Vec<P::Value>,
}

impl<P: Owned> Pair<P> {
    pub fn new(capacity_bytes: usize) -> Self {
        let tree = Tree::new(Root::EMPTY, P::new());
        Pair { heap: Heap::in_memory(capacity_bytes), tree, model: Vec::new() }
    }

    /// Checks the invariants, the content in both directions, and that no block is lost. Returns the
    /// tree's blocks.
    pub fn check(&self) -> BTreeSet<u32> {
        let mut blocks = BTreeSet::new();
        let mut bytes = 0;
        self.tree
            .verify(&self.heap, &mut |block| {
                bytes += self.heap.capacity_of(block) as u64;
                let new = blocks.insert(block.raw());
                if new { Ok(()) } else { Err(Corrupt { what: "two referrers", block: block.raw() }) }
            })
            .unwrap();
        assert_eq!(self.tree.len(), self.model.len());
        let forward: Vec<_> = self.tree.iter(&self.heap).map(P::value).collect();
        assert_eq!(forward, self.model);
        let mut backward: Vec<_> = self.tree.back(&self.heap).map(P::value).collect();
        backward.reverse();
        assert_eq!(backward, self.model);
        if !self.heap.in_transaction() {
            assert_eq!(self.heap.used_bytes(), bytes, "blocks that nobody refers to");
        }
        blocks
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
