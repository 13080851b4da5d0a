//! A memory limit shared by all heaps of a node.
//!
//! Heaps do not ask for every block: each takes a *grant*, a piece of the limit, and asks again when it is
//! used up. Pieces shrink as the limit comes near, so that little of it lies idle in the wrong heap when it
//! matters. What is counted are bytes in blocks. The sum of all grants never exceeds the limit, except for what
//! was there before the limit was set, and for the few bytes that `Grant::force` takes to get memory freed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The most that is granted ahead of need.
const PIECE_MAX: u64 = 256 * 1024;
/// The least.
const PIECE_MIN: u64 = 4 * 1024;
/// The part of what is left that one piece may take.
const PIECES_LEFT: u64 = 128;

/// The limit and how much of it is granted.
#[derive(Debug)]
pub struct Budget {
    limit: AtomicU64,
    granted: AtomicU64,
}

impl Budget {
    /// A budget of `limit_bytes`; `u64::MAX` for no limit.
    pub fn new(limit_bytes: u64) -> Budget {
        Budget { limit: AtomicU64::new(limit_bytes), granted: AtomicU64::new(0) }
    }

    /// The limit in bytes.
    pub fn limit(&self) -> u64 {
        self.limit.load(Ordering::Relaxed)
    }

    /// Changes the limit. Nothing is taken away by that: below what is granted, grants only shrink.
    pub fn set_limit(&self, bytes: u64) {
        self.limit.store(bytes, Ordering::Relaxed);
    }

    /// Bytes granted to heaps: what they use, and at most a piece or two each on top.
    pub fn granted(&self) -> u64 {
        self.granted.load(Ordering::Relaxed)
    }

    /// The size of a piece at this moment.
    fn piece(&self) -> u64 {
        (self.limit().saturating_sub(self.granted()) / PIECES_LEFT).clamp(PIECE_MIN, PIECE_MAX)
    }

    /// Grants `needed` bytes and up to a piece more; `None` if there are not that many left.
    fn take(&self, needed: u64) -> Option<u64> {
        let mut granted = self.granted();
        loop {
            let left = self.limit().saturating_sub(granted);
            if left < needed {
                return None;
            }
            let piece = (left / PIECES_LEFT).clamp(PIECE_MIN, PIECE_MAX);
            let taken = needed.max(piece).min(left);
            // Relaxed: the count stands for itself, no other memory is published by it.
            match self.granted.compare_exchange_weak(
                granted,
                granted + taken,
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => return Some(taken),
                Err(now) => granted = now,
            }
        }
    }

    fn give_back(&self, bytes: u64) {
        self.granted.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// One heap's share of a [`Budget`]; without one, everything. Given back when dropped.
#[derive(Debug)]
pub(crate) struct Grant {
    budget: Option<Arc<Budget>>,
    bytes: u64,
    /// How much may lie idle before it is worth a look: two pieces, as they were then; anything without a budget.
    slack: u64,
}

impl Grant {
    /// The share of a heap that uses `used` bytes already, whatever the limit says.
    pub fn new(budget: Option<Arc<Budget>>, used: u64) -> Grant {
        let bytes = match &budget {
            Some(budget) => {
                budget.granted.fetch_add(used, Ordering::Relaxed);
                used
            }
            None => u64::MAX,
        };
        let slack = if budget.is_some() { 2 * PIECE_MAX } else { u64::MAX };
        Grant { budget, bytes, slack }
    }

    /// Whether `used` bytes are covered.
    #[inline]
    pub fn covers(&self, used: u64) -> bool {
        used <= self.bytes
    }

    /// Makes the grant cover `used` bytes, if the budget has them.
    #[cold]
    pub fn extend(&mut self, used: u64) -> bool {
        let Some(budget) = &self.budget else { return true };
        match budget.take(used.saturating_sub(self.bytes)) {
            Some(taken) => {
                self.bytes += taken;
                self.slack = 2 * budget.piece();
                true
            }
            None => false,
        }
    }

    /// Makes the grant cover `used` bytes, whatever the limit says.
    #[cold]
    pub fn force(&mut self, used: u64) {
        if let Some(budget) = &self.budget {
            let more = used.saturating_sub(self.bytes);
            budget.granted.fetch_add(more, Ordering::Relaxed);
            self.bytes += more;
        }
    }

    /// Gives back what exceeds `used` by more than about two pieces, down to one.
    #[inline]
    pub fn settle(&mut self, used: u64) {
        if self.bytes.saturating_sub(used) > self.slack {
            self.settle_to_a_piece(used);
        }
    }

    #[cold]
    fn settle_to_a_piece(&mut self, used: u64) {
        let Some(budget) = &self.budget else { return };
        let piece = budget.piece();
        let keep = (used + piece).min(self.bytes);
        budget.give_back(self.bytes - keep);
        self.bytes = keep;
        self.slack = 2 * piece;
    }

    /// Gives back everything beyond `used`.
    pub fn settle_fully(&mut self, used: u64) {
        let Some(budget) = &self.budget else { return };
        let keep = used.min(self.bytes);
        budget.give_back(self.bytes - keep);
        self.bytes = keep;
    }
}

impl Drop for Grant {
    fn drop(&mut self) {
        self.settle_fully(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_shrink_near_the_limit_and_never_exceed_it() {
        let budget = Arc::new(Budget::new(10_000_000));
        let mut grant = Grant::new(Some(budget.clone()), 0);
        assert!(!grant.covers(1));
        let (mut used, mut last_piece) = (0, u64::MAX);
        while grant.extend(used + 100) {
            let piece = grant.bytes - used;
            assert!(piece <= last_piece);
            assert!(budget.granted() <= budget.limit());
            (used, last_piece) = (grant.bytes, piece);
        }
        assert!(budget.limit() - budget.granted() < 100);
        drop(grant);
        assert_eq!(budget.granted(), 0);
    }

    #[test]
    fn several_heaps_share_one_limit() {
        let budget = Arc::new(Budget::new(1_000_000));
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let mut grant = Grant::new(Some(budget.clone()), 0);
                std::thread::spawn(move || {
                    let mut used = 0;
                    while grant.covers(used + 50) || grant.extend(used + 50) {
                        used += 50;
                    }
                    (used, grant)
                })
            })
            .collect();
        let shares: Vec<_> = threads.into_iter().map(|thread| thread.join().expect("no panic")).collect();
        assert!(budget.granted() <= 1_000_000);
        assert!(shares.iter().map(|(used, _)| used).sum::<u64>() > 900_000);
    }

    #[test]
    fn freed_memory_goes_back_and_a_lowered_limit_stops_growth() {
        let budget = Arc::new(Budget::new(u64::MAX));
        let mut grant = Grant::new(Some(budget.clone()), 5_000_000);
        grant.settle(1_000_000);
        assert_eq!(budget.granted(), 1_000_000 + PIECE_MAX);
        budget.set_limit(500_000);
        assert!(!grant.extend(1_000_001 + PIECE_MAX));
        grant.settle_fully(400_000);
        assert_eq!(budget.granted(), 400_000);
        assert!(grant.extend(500_000));
        assert!(!grant.extend(500_001));
        grant.force(600_000);
        assert_eq!(budget.granted(), 600_000);
    }
}
