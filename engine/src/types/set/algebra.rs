//! Intersection, union and difference of sets that may lie in several heaps.

use std::borrow::Cow;
use std::ops::ControlFlow;

use shm::Heap;

use super::Set;
use crate::types::collection::Collection;
use crate::types::string::StringView;

/// A set and the heap that it lies in. No set at all has no members.
#[derive(Clone, Copy)]
pub struct Source<'h> {
    pub heap: &'h Heap,
    pub set: Option<Set>,
}

impl<'h> Source<'h> {
    fn len(&self) -> usize {
        self.set.map_or(0, |set| set.len())
    }

    /// Whether the hash of a member matters to a search in it.
    fn is_ordered(&self) -> bool {
        self.set.is_some_and(|set| set.is_ordered())
    }

    fn members(self, hashes: Hashes) -> impl Iterator<Item = Operand<'h>> {
        let Source { heap, set } = self;
        set.into_iter().flat_map(move |set| {
            set.tree.iter(heap).map(move |member| Operand {
                view: member.text.view(heap),
                hash: if hashes == Hashes::Needed { member.hash(set.hasher()) } else { 0 },
            })
        })
    }

    fn has(&self, sought: &Operand<'_>, bytes: &[u8]) -> bool {
        self.set.is_some_and(|set| set.contains_hashed(self.heap, bytes, sought.hash))
    }
}

/// Whether somebody will ask for the hashes of members.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hashes {
    Needed,
    Unused,
}

impl Hashes {
    fn to_search(sources: &[Source<'_>]) -> Hashes {
        if sources.iter().any(Source::is_ordered) { Hashes::Needed } else { Hashes::Unused }
    }
}

/// A member with its hash, which is the same in all heaps.
#[derive(Clone, Copy)]
struct Operand<'h> {
    view: StringView<'h>,
    hash: u64,
}

/// Visits the members that all sets have, until `visit` breaks off. O(n m log), n being the size of the smallest of m
/// sets.
pub fn intersect<'h>(sources: &[Source<'h>], mut visit: impl FnMut(StringView<'h>) -> ControlFlow<()>) {
    let mut by_size: Vec<Source<'h>> = sources.to_vec();
    by_size.sort_by_key(Source::len);
    let Some((smallest, others)) = by_size.split_first() else { return };
    for member in smallest.members(Hashes::to_search(others)) {
        let bytes: Cow<'_, [u8]> = member.view.contiguous();
        if others.iter().all(|other| other.has(&member, &bytes)) && visit(member.view).is_break() {
            return;
        }
    }
}

/// Visits the members of the first set that no other has. O(n m log), n being the size of the first of m sets.
pub fn subtract<'h>(sources: &[Source<'h>], mut visit: impl FnMut(StringView<'h>)) {
    let Some((first, others)) = sources.split_first() else { return };
    // What the largest has is found soonest.
    let mut others: Vec<Source<'h>> = others.iter().copied().filter(|other| other.len() > 0).collect();
    others.sort_by_key(|other| std::cmp::Reverse(other.len()));
    for member in first.members(Hashes::to_search(&others)) {
        let bytes: Cow<'_, [u8]> = member.view.contiguous();
        if !others.iter().any(|other| other.has(&member, &bytes)) {
            visit(member.view);
        }
    }
}

/// Visits the members that any set has, each once. O(N log N), N being the size of all sets.
pub fn unite<'h>(sources: &[Source<'h>], mut visit: impl FnMut(StringView<'h>)) {
    let not_empty: Vec<Source<'h>> = sources.iter().copied().filter(|source| source.len() > 0).collect();
    if let [only] = not_empty[..] {
        return only.members(Hashes::Unused).for_each(|member| visit(member.view));
    }
    let mut all: Vec<Operand<'h>> =
        not_empty.into_iter().flat_map(|source| source.members(Hashes::Needed)).collect();
    all.sort_unstable_by_key(|member| member.hash);
    for equal_hashes in all.chunk_by(|one, next| one.hash == next.hash) {
        // Nearly always copies of one member.
        for (nth, member) in equal_hashes.iter().enumerate() {
            let bytes = member.view.contiguous();
            if !equal_hashes[..nth].iter().any(|earlier| earlier.view.equals(&bytes)) {
                visit(member.view);
            }
        }
    }
}
