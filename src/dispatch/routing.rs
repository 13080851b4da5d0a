//! Who runs a command: slots are dealt to shards, shards to workers, both in contiguous ranges.

use engine::command::KeyHash;
use engine::keyspace::slot::SLOT_COUNT;
use engine::shard::ShardId;
use smallvec::SmallVec;

/// A worker's number, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkerId(pub u16);

impl WorkerId {
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// So many shards of a request are listed without memory to be found for the list.
pub const SHARDS_IN_PLACE: usize = 12;

/// Shards that a request needs, ascending.
pub type Shards = SmallVec<[ShardId; SHARDS_IN_PLACE]>;

/// Where slots and shards are.
#[derive(Debug, Clone)]
pub struct Placement {
    /// Of each shard, ascending from 0.
    first_slots: Vec<u16>,
    /// The worker of each shard, ascending.
    owners: Vec<WorkerId>,
    worker_count: usize,
}

/// The shards that a request's keys live on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Site {
    /// All keys on one.
    One(ShardId),
    /// Ascending, at least two.
    Many(Shards),
}

impl Placement {
    /// Deals shards to workers. `first_slots` is ascending from 0.
    ///
    /// # Panics
    /// If there are no shards or no workers.
    pub fn new(first_slots: Vec<u16>, worker_count: usize) -> Placement {
        assert!(first_slots.first() == Some(&0) && first_slots.is_sorted(), "slots from 0, in order");
        assert!(worker_count > 0, "somebody has to work");
        let shard_count = first_slots.len();
        let owner = |shard: usize| WorkerId((shard * worker_count / shard_count) as u16);
        let owners = (0..shard_count).map(owner).collect();
        Placement { first_slots, owners, worker_count }
    }

    /// The first slots of `shard_count` shards of equal size.
    pub fn equal_slots(shard_count: usize) -> Vec<u16> {
        (0..shard_count).map(|shard| (shard * usize::from(SLOT_COUNT)).div_ceil(shard_count) as u16).collect()
    }

    pub fn shard_count(&self) -> usize {
        self.owners.len()
    }

    pub fn worker_count(&self) -> usize {
        self.worker_count
    }

    pub fn first_slots(&self) -> &[u16] {
        &self.first_slots
    }

    /// First slot and number of slots of a shard.
    pub fn slots(&self, shard: ShardId) -> (u16, u16) {
        let first = self.first_slots[usize::from(shard.0)];
        let end = self.first_slots.get(usize::from(shard.0) + 1).copied().unwrap_or(SLOT_COUNT);
        (first, end - first)
    }

    pub fn shards(&self) -> impl Iterator<Item = ShardId> + use<> {
        (0..self.owners.len() as u16).map(ShardId)
    }

    pub fn shards_of(&self, worker: WorkerId) -> impl Iterator<Item = ShardId> {
        self.shards().filter(move |shard| self.owner(*shard) == worker)
    }

    #[inline]
    pub fn owner(&self, shard: ShardId) -> WorkerId {
        self.owners[usize::from(shard.0)]
    }

    /// The shard of a key. Slots dealt equally are found at once, others by a short walk.
    #[inline]
    pub fn shard_of(&self, hash: KeyHash) -> ShardId {
        let slot = hash.slot();
        let mut shard = usize::from(slot) * self.first_slots.len() / usize::from(SLOT_COUNT);
        while self.first_slots[shard] > slot {
            shard -= 1;
        }
        while self.first_slots.get(shard + 1).is_some_and(|first| *first <= slot) {
            shard += 1;
        }
        ShardId(shard as u16)
    }

    /// The shards of several keys; `None` for no keys.
    pub fn site(&self, hashes: impl IntoIterator<Item = KeyHash>) -> Option<Site> {
        let mut shards = Shards::new();
        for hash in hashes {
            let shard = self.shard_of(hash);
            if let Err(at) = shards.binary_search(&shard) {
                shards.insert(at, shard);
            }
        }
        match shards[..] {
            [] => None,
            [shard] => Some(Site::One(shard)),
            _ => Some(Site::Many(shards)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash_of_slot(slot: u16) -> KeyHash {
        KeyHash(u64::from(slot) << 50 | 12345)
    }

    #[test]
    fn every_slot_has_the_shard_whose_range_holds_it() {
        for first_slots in [
            Placement::equal_slots(1),
            Placement::equal_slots(3),
            Placement::equal_slots(8),
            Placement::equal_slots(255),
            vec![0, 1, 2, 16_000],
            vec![0, 9_000, 16_383],
        ] {
            let placement = Placement::new(first_slots, 2);
            for slot in 0..SLOT_COUNT {
                let (first, count) = placement.slots(placement.shard_of(hash_of_slot(slot)));
                assert!((first..first + count).contains(&slot), "slot {slot}");
            }
        }
    }

    #[test]
    fn shards_are_dealt_in_ranges_that_differ_by_one_at_most() {
        for (shards, workers) in [(8, 1), (8, 3), (8, 8), (7, 2), (3, 5)] {
            let placement = Placement::new(Placement::equal_slots(shards), workers);
            let owners: Vec<_> = placement.shards().map(|shard| placement.owner(shard)).collect();
            assert!(owners.is_sorted());
            let counts = (0..workers as u16).map(|worker| placement.shards_of(WorkerId(worker)).count());
            let counts: Vec<_> = counts.collect();
            assert_eq!(counts.iter().sum::<usize>(), shards);
            assert!(counts.iter().max().unwrap() - counts.iter().min().unwrap() <= 1, "{counts:?}");
        }
    }

    #[test]
    fn keys_of_one_shard_are_one_site() {
        let placement = Placement::new(Placement::equal_slots(4), 2);
        let site = |slots: &[u16]| placement.site(slots.iter().map(|slot| hash_of_slot(*slot)));
        assert_eq!(site(&[]), None);
        assert_eq!(site(&[4096, 8191]), Some(Site::One(ShardId(1))));
        assert_eq!(
            site(&[16_000, 1, 16_001]),
            Some(Site::Many(Shards::from_slice(&[ShardId(0), ShardId(3)])))
        );
    }
}
