//! Blocks allocated and freed in the same transaction are used again within it.
//!
//! A free waits for the commit because a rollback may go back to what the block holds. Nothing from before the
//! transaction can refer to a block that is younger, so such a block may be handed out again at once. It stays marked
//! as taken meanwhile, so that neither the log nor the pages learn of it; what is left at the commit is freed with the
//! rest. Without this, a transaction that copies one block n times on write would need n blocks.

use crate::alloc::size_class::MAX_CLASSES;

/// Blocks that can be remembered, at first and at most.
const SLOTS_MIN: usize = 256;
const SLOTS_MAX: usize = 1 << 16;

/// Private to the process; means nothing beyond the transaction.
pub(super) struct Recycler {
    /// The blocks of this transaction as far as they are remembered, each in the one slot its handle leads to: the
    /// handle, and in the upper half the transaction, so that nothing needs to be cleared. A block that another has
    /// pushed out counts as old, which costs memory until the commit and does no harm.
    slots: Box<[u64]>,
    transaction: u32,
    allocated: usize,
    /// Blocks to hand out again, by class.
    idle: Box<[Vec<u32>; MAX_CLASSES]>,
    idle_count: usize,
}

impl Recycler {
    pub fn new() -> Recycler {
        Recycler {
            slots: vec![0; SLOTS_MIN].into(),
            transaction: 1,
            allocated: 0,
            idle: Box::new([const { Vec::new() }; MAX_CLASSES]),
            idle_count: 0,
        }
    }

    #[inline]
    fn slot(&self, raw: u32) -> usize {
        // Fibonacci hashing: the upper bits of the product are spread best.
        (raw.wrapping_mul(0x9e37_79b9) >> (32 - self.slots.len().trailing_zeros())) as usize
    }

    #[inline]
    fn entry(&self, raw: u32) -> u64 {
        u64::from(raw) | u64::from(self.transaction) << 32
    }

    /// A block has been allocated.
    #[inline]
    pub fn allocated(&mut self, raw: u32) {
        self.allocated += 1;
        if self.allocated > self.slots.len() / 2 && self.slots.len() < SLOTS_MAX {
            self.grow();
        }
        self.slots[self.slot(raw)] = self.entry(raw);
    }

    #[cold]
    fn grow(&mut self) {
        let larger = vec![0; self.slots.len() * 2].into();
        for entry in std::mem::replace(&mut self.slots, larger) {
            if (entry >> 32) as u32 == self.transaction {
                self.slots[self.slot(entry as u32)] = entry;
            }
        }
    }

    /// Whether a block is known to have been allocated in this transaction.
    #[inline]
    fn is_young(&self, raw: u32) -> bool {
        self.slots[self.slot(raw)] == self.entry(raw) || cfg!(hearth_mutant = "every_block_is_young")
    }

    /// Keeps a freed block of this class for use in this transaction. False if it is not known to be young.
    #[inline]
    pub fn keep(&mut self, raw: u32, class: u8) -> bool {
        if !self.is_young(raw) {
            return false;
        }
        // Freed a second time it would count as old, so that the commit notices.
        self.slots[self.slot(raw)] = 0;
        self.idle[usize::from(class)].push(raw);
        self.idle_count += 1;
        true
    }

    /// A block of this class to use again.
    #[inline]
    pub fn take(&mut self, class: u8) -> Option<u32> {
        if self.idle_count == 0 {
            return None;
        }
        let raw = self.idle[usize::from(class)].pop()?;
        self.idle_count -= 1;
        self.slots[self.slot(raw)] = self.entry(raw);
        Some(raw)
    }

    /// How many blocks are kept.
    #[inline]
    pub fn idle_count(&self) -> usize {
        self.idle_count
    }

    /// Gives up the blocks that are kept.
    pub fn drain(&mut self, frees: &mut Vec<u32>) {
        if self.idle_count > 0 {
            self.idle.iter_mut().for_each(|idle| frees.append(idle));
            self.idle_count = 0;
        }
    }

    /// The transaction has ended.
    #[inline]
    pub fn ended(&mut self) {
        if self.allocated > 0 {
            self.forget();
        }
    }

    #[inline(never)]
    fn forget(&mut self) {
        self.allocated = 0;
        self.transaction = self.transaction.wrapping_add(1);
        if self.transaction == 0 || self.slots.len() > SLOTS_MIN {
            // A number that has been used before would bring old entries to life.
            self.slots = vec![0; SLOTS_MIN].into();
            self.transaction = 1;
        }
        if self.idle_count > 0 {
            self.idle.iter_mut().for_each(Vec::clear);
            self.idle_count = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_blocks_of_this_transaction_are_kept() {
        let mut recycler = Recycler::new();
        recycler.allocated(8);
        assert!(recycler.keep(8, 3));
        assert!(!recycler.keep(8, 3), "twice");
        assert!(!recycler.keep(9, 3));
        assert_eq!((recycler.take(2), recycler.take(3), recycler.take(3)), (None, Some(8), None));
        assert!(recycler.keep(8, 3));
        recycler.ended();
        assert_eq!((recycler.take(3), recycler.idle_count()), (None, 0));
        assert!(!recycler.keep(8, 3));
    }

    #[test]
    fn what_is_kept_at_the_end_is_freed() {
        let mut recycler = Recycler::new();
        (1..=3).for_each(|raw| recycler.allocated(raw));
        assert!((1..=3).all(|raw| recycler.keep(raw, raw as u8)));
        let mut frees = vec![7];
        recycler.drain(&mut frees);
        assert_eq!(frees, [7, 1, 2, 3]);
        assert_eq!(recycler.idle_count(), 0);
    }

    #[test]
    fn many_blocks_are_remembered_and_then_forgotten() {
        let mut recycler = Recycler::new();
        (1..=10_000).for_each(|raw| recycler.allocated(raw * 8));
        let known = (1..=10_000).filter(|&raw| recycler.is_young(raw * 8)).count();
        assert!(known > 7_000, "{known}");
        recycler.ended();
        assert_eq!(recycler.slots.len(), SLOTS_MIN);
        assert!((1..=10_000).all(|raw| !recycler.is_young(raw * 8)));
    }

    #[test]
    fn the_number_of_the_transaction_may_wrap() {
        let mut recycler = Recycler::new();
        recycler.allocated(5);
        recycler.ended();
        recycler.transaction = u32::MAX;
        recycler.allocated(6);
        recycler.ended();
        assert_eq!(recycler.transaction, 1);
        assert!(!recycler.is_young(5) && !recycler.is_young(6));
    }
}
