//! A search for a member that only asks for memory: down the tree of hashes, then down the tree of scores.

use shm::Heap;
use shm::rbtree::Descent;

use super::packing::{SoughtHash, ordered};
use super::{Zset, upper_half};

/// See the module. Good until the set next changes.
pub struct Ahead {
    zset: Zset,
    hash: u32,
    descent: Descent,
    stage: Stage,
}

enum Stage {
    /// On the way to the hash.
    Hash,
    /// The node that may have the hash is on its way.
    Score,
    /// On the way to the member.
    Member,
}

impl Zset {
    /// Whether searches in it wait for memory.
    #[inline]
    pub fn is_wide(&self) -> bool {
        self.hashes.is_wide()
    }

    /// A search for a member; `None` if the set is not worth it.
    pub fn ahead(&self, heap: &Heap, member: &[u8]) -> Option<Ahead> {
        let hash = upper_half(self.hasher.hash(member));
        let descent = self.hashes.descent(heap, || u64::from(hash))?;
        Some(Ahead { zset: *self, hash, descent, stage: Stage::Hash })
    }
}

impl Ahead {
    /// One step. `false` at the end.
    pub fn step(&mut self, heap: &Heap) -> bool {
        match self.stage {
            Stage::Hash => {
                if !self.descent.step(heap) {
                    self.stage = Stage::Score;
                }
                true
            }
            Stage::Score => {
                let sought = SoughtHash { hash: self.hash, score: None };
                let Zset { hashes, members, .. } = &self.zset;
                let Some(item) = hashes.get_below(heap, &self.descent, sought) else { return false };
                let Some(descent) = members.descent(heap, || ordered(item.score)) else { return false };
                (self.descent, self.stage) = (descent, Stage::Member);
                true
            }
            Stage::Member => self.descent.step(heap),
        }
    }
}
