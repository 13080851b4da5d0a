//! Walks with a cursor, in the order of the members' hashes: so that a member is met once though its score changes.

use std::ops::Bound;

use shm::Heap;
use shm::rbtree::Form;

use super::packing::{Hashed, Sought, SoughtHash, ordered};
use super::{Scored, Zset, upper_half};
use crate::types::set::walk;

/// Hashes lead to scores, and members that share a score must be told apart by hashing each. A step takes so many more
/// members than it was asked for that a whole walk passes through those of one score this many times at most.
const PASSES_MAX: usize = 128;

impl Zset {
    /// Visits members from `cursor` on, 0 at first: at least `count` if there are as many. Returns where to go on, 0
    /// after the last. A member that stays throughout a walk is visited exactly once.
    pub fn scan<'h>(
        &self,
        heap: &'h Heap,
        cursor: u64,
        count: usize,
        mut visit: impl FnMut(Scored<'h>),
    ) -> u64 {
        if self.members.root().form() != Form::Tree {
            let hash_of = |item: Scored<'_>| self.hasher.hash(&item.text.view(heap).contiguous());
            return walk(&self.members, heap, cursor, count, false, hash_of, |_| Sought::Before(0), visit);
        }
        let (mut next, mut met) = self.step(heap, cursor, count);
        let sharing = |item: &Hashed| {
            let score = Bound::Included(item.score);
            self.ranks_by_score(heap, score, score).len()
        };
        let most = met.iter().map(sharing).max().unwrap_or(0);
        if most / PASSES_MAX > count {
            (next, met) = self.step(heap, cursor, most / PASSES_MAX);
        }
        met.sort_unstable_by_key(|item| (ordered(item.score), item.hash));
        for of_score in met.chunk_by(|one, other| one.score == other.score) {
            let score = ordered(of_score[0].score);
            let start = self.members.find(heap, Sought::Before(score)).0;
            let all = self.members.iter_from(heap, start).take_while(|item| ordered(item.score) == score);
            for item in all {
                let hash = upper_half(self.hasher.hash(&item.text.view(heap).contiguous()));
                if of_score.binary_search_by_key(&hash, |met| met.hash).is_ok() {
                    visit(item);
                }
            }
        }
        next
    }

    /// The hashes that a step passes, and the next cursor.
    fn step(&self, heap: &Heap, cursor: u64, count: usize) -> (u64, Vec<Hashed>) {
        let mut met = Vec::new();
        let next = walk(
            &self.hashes,
            heap,
            cursor,
            count,
            true,
            |item| u64::from(item.hash) << u32::BITS,
            |hash| SoughtHash { hash: upper_half(hash), score: Some(0) },
            |item| met.push(item),
        );
        (next, met)
    }
}
