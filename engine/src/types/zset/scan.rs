//! Walks with a cursor, in the order of the members' hashes: so that a member is met once though its score changes.

use std::ops::Bound;

use shm::Heap;
use shm::rbtree::Form;

use super::packing::{Hashed, Sought, SoughtHash, ordered};
use super::{Scored, Zset, upper_half};
use crate::types::set::{cursor_start, walk};

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
        let Some(start) = cursor_start(cursor) else { return 0 };
        if self.members.root().form() != Form::Tree {
            // In one step: no cursor leads here but one from when there were more.
            let hash_of = |item: Scored<'_>| self.hasher.hash(&item.text.view(heap).contiguous());
            let left = self.members.iter(heap).filter(|item| start == 0 || hash_of(*item) >= start);
            left.for_each(visit);
            return 0;
        }
        let (mut next, mut met) = self.step(heap, start, count);
        let sharing = |item: &Hashed| {
            let score = Bound::Included(item.score);
            self.ranks_by_score(heap, score, score).len()
        };
        let most = met.iter().map(sharing).max().unwrap_or(0);
        if most / PASSES_MAX > count {
            (next, met) = self.step(heap, start, most / PASSES_MAX);
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
    fn step(&self, heap: &Heap, start: u64, count: usize) -> (u64, Vec<Hashed>) {
        let mut met = Vec::new();
        let first = self.hashes.find(heap, SoughtHash { hash: upper_half(start), score: Some(0) }).0;
        let hashes = self.hashes.iter_from(heap, first).map(|item| (u64::from(item.hash) << u32::BITS, item));
        let next = walk(hashes, count, |item| met.push(item));
        (next, met)
    }
}
