//! Members by rank, several at once.

use shm::rbtree::{Builder, Packing, Tree};
use shm::{Heap, OutOfMemory};

use super::Set;
use crate::types::element::free_owned;
use crate::types::string::StringView;
use crate::types::text::Text;

/// Members taken out of the heap at a time while a set is rebuilt.
const REBUILT_AT_ONCE: usize = 256;

impl Set {
    /// Whether `picks` members are better found one by one than by passing over all of them.
    fn are_few(&self, picks: usize) -> bool {
        // A descent looks into log2 n nodes; stepping over a member costs about half of looking into a node.
        self.is_ordered() && picks.saturating_mul(2 * self.tree.len().ilog2() as usize) < self.tree.len()
    }

    /// Visits the members of these ranks, which ascend. O(k log n) or O(n), whichever is less.
    pub fn visit_ranks<'h>(&self, heap: &'h Heap, ranks: &[usize], mut visit: impl FnMut(StringView<'h>)) {
        if ranks.len() < self.tree.len() && self.are_few(ranks.len()) {
            ranks.iter().filter_map(|rank| self.at(heap, *rank)).for_each(|text| visit(text.view(heap)));
            return;
        }
        let Some(first) = ranks.first() else { return };
        let members = self.tree.iter_from(heap, self.tree.seek(heap, *first));
        let (mut members, mut passed) = (members.map(|member| member.text), *first);
        for rank in ranks {
            let Some(text) = members.nth(rank - passed) else { return };
            passed = rank + 1;
            visit(text.view(heap));
        }
    }

    /// Visits `count` members, those of the ranks that `draw` says; the same one may come again. O(k log n) or O(n + k),
    /// whichever is less. Ends early if `visit` says no.
    pub fn visit_drawn<'h>(
        &self,
        heap: &'h Heap,
        count: usize,
        mut draw: impl FnMut() -> usize,
        mut visit: impl FnMut(StringView<'h>) -> bool,
    ) {
        let all: Vec<Text<'h>> = if self.are_few(count) { Vec::new() } else { self.iter(heap).collect() };
        for _ in 0..count {
            let rank = draw();
            let member = all.get(rank).copied().or_else(|| self.at(heap, rank));
            if !member.is_some_and(|text| visit(text.view(heap))) {
                return;
            }
        }
    }

    /// Removes the members of these ranks, which ascend, and not all. O(k log n) or O(n), whichever is less.
    ///
    /// # Errors
    /// [`OutOfMemory`].
    pub fn remove_ranks(&mut self, heap: &mut Heap, ranks: &[usize]) -> Result<(), OutOfMemory> {
        if self.is_ordered() && !self.are_few(ranks.len()) {
            return self.rebuild_without(heap, ranks);
        }
        ranks.iter().rev().try_for_each(|rank| self.remove_at(heap, *rank))
    }

    /// Makes a new tree of the members that stay.
    fn rebuild_without(&mut self, heap: &mut Heap, ranks: &[usize]) -> Result<(), OutOfMemory> {
        let packing = self.tree.packing();
        let mut builder = Builder::new(packing);
        let (mut kept, mut owned) = (Vec::new(), Vec::new());
        let mut from = Some(0);
        while let Some(start) = from.take() {
            kept.clear();
            let mut last = start;
            for (taken, (hash, rank, member)) in self.tree.by_hash(heap, start).enumerate() {
                if taken >= REBUILT_AT_ONCE && hash != last {
                    from = Some(hash);
                    break;
                }
                last = hash;
                if ranks.binary_search(&rank).is_ok() {
                    owned.extend(member.text.extent());
                } else {
                    let start = kept.len();
                    kept.resize(start + packing.encoded_len(member), 0);
                    packing.encode(member, 0, &mut kept[start..]);
                }
            }
            let mut rest = &kept[..];
            while !rest.is_empty() {
                let (element, after) = rest.split_at(packing.element_len(rest));
                builder.push(heap, packing.decode(element, 0))?;
                rest = after;
            }
        }
        // What the members that stay own is the new tree's.
        let mut old = self.tree;
        old.reclaim(heap, usize::MAX, |_, _| Ok(()))?;
        owned.into_iter().try_for_each(|extent| free_owned(heap, [Some(extent), None]))?;
        self.tree = Tree::new(builder.finish(heap)?, packing);
        Ok(())
    }
}
