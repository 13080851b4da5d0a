//! A set of page numbers that gives its lowest member at once.

/// Page numbers as a bitmap with summaries: bit `i` of a level says whether word `i` of the level below has
/// any bit set. Insert, remove and lowest cost one step per level, and none of them allocates.
#[derive(Debug, Default)]
pub(crate) struct PageSet {
    /// From the bitmap itself up to a level of a single word.
    levels: Vec<Vec<u64>>,
    len: usize,
}

impl PageSet {
    /// Makes room for pages below `page_count`.
    pub fn resize(&mut self, page_count: usize) {
        let mut words = page_count.div_ceil(64).max(1);
        if self.levels.first().is_some_and(|level| level.len() >= words) {
            return;
        }
        for depth in 0.. {
            if depth == self.levels.len() {
                self.levels.push(Vec::new());
                if depth > 0 {
                    // A new top: what lies below it so far is its first word's worth.
                    let any = u64::from(self.levels[depth - 1].first().is_some_and(|&word| word != 0));
                    self.levels[depth].push(any);
                }
            }
            self.levels[depth].resize(words, 0);
            if words == 1 {
                break;
            }
            words = words.div_ceil(64);
        }
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn contains(&self, page: usize) -> bool {
        self.levels[0][page / 64] >> (page % 64) & 1 == 1
    }

    /// Adds a page; nothing happens if it is there.
    pub fn insert(&mut self, page: usize) {
        if self.contains(page) {
            return;
        }
        self.len += 1;
        let mut bit = page;
        for level in &mut self.levels {
            level[bit / 64] |= 1 << (bit % 64);
            bit /= 64;
        }
    }

    /// Takes a page out; nothing happens if it is not there.
    pub fn remove(&mut self, page: usize) {
        if !self.contains(page) {
            return;
        }
        self.len -= 1;
        let mut bit = page;
        for level in &mut self.levels {
            level[bit / 64] &= !(1 << (bit % 64));
            if level[bit / 64] != 0 {
                break;
            }
            bit /= 64;
        }
    }

    /// The lowest page.
    pub fn lowest(&self) -> Option<usize> {
        if self.len == 0 {
            return None;
        }
        Some(self.levels.iter().rev().fold(0, |at, level| at * 64 + level[at].trailing_zeros() as usize))
    }

    /// For 32 pages from `first`, a multiple of 32, which of them are in the set.
    pub fn run_of_32(&self, first: usize) -> u32 {
        (self.levels[0][first / 64] >> (first % 64)) as u32
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn agrees_with_a_tree_set(steps in prop::collection::vec((0..3u8, 0..10_000usize), 1..200)) {
            let (mut set, mut model, mut size) = (PageSet::default(), BTreeSet::new(), 1);
            set.resize(size);
            for (kind, page) in steps {
                match kind {
                    0 => {
                        size = size.max(page + 1);
                        set.resize(size);
                        set.insert(page);
                        model.insert(page);
                    }
                    1 if page < size => {
                        set.remove(page);
                        model.remove(&page);
                    }
                    _ => {
                        if let Some(&page) = model.first() {
                            set.remove(page);
                            model.remove(&page);
                        }
                    }
                }
                prop_assert_eq!(set.lowest(), model.first().copied());
                prop_assert_eq!(set.len(), model.len());
            }
        }
    }

    #[test]
    fn grows_by_levels_with_members_inside() {
        let mut set = PageSet::default();
        set.resize(64);
        set.insert(63);
        set.resize(64 * 64 * 64 + 1);
        assert_eq!(set.lowest(), Some(63));
        set.insert(64 * 64 * 64);
        set.remove(63);
        assert_eq!(set.lowest(), Some(64 * 64 * 64));
        assert_eq!(set.run_of_32(64 * 64 * 64), 1);
    }
}
