//! Does everything in the heap agree with everything else?

use std::collections::HashSet;

use super::layout::{BACKED_LEN_AT, GROUP_PAGES, PREPARED_AT, TAIL_AT};
use super::{Heap, PAGE_LEN};
use crate::Handle;
use crate::alloc::page::{self, Kind};
use crate::error::Corrupt;

impl Heap {
    /// Checks the whole heap, between transactions: the page table, every bitmap, the counts, the used bytes, and
    /// that exactly the blocks in `reachable` are allocated, each named once, besides the garbage list's own. What
    /// items of the garbage list name is part of `reachable`. Reads everything; stores nothing.
    pub fn verify(&self, reachable: impl IntoIterator<Item = Handle<()>>) -> Result<(), Corrupt> {
        self.verify_idle()?;
        self.verify_pages()?;
        self.check_used_bytes()?;
        let mut left: HashSet<u32> = self.allocated_blocks().map(Handle::raw).collect();
        let mut seen = HashSet::new();
        for block in reachable.into_iter().chain(self.garbage_own_blocks()) {
            if !seen.insert(block.raw()) {
                return Err(Corrupt::Shared { block: block.raw() });
            }
            if !left.remove(&block.raw()) {
                return Err(Corrupt::Dangling { block: block.raw() });
            }
        }
        match left.into_iter().min() {
            Some(block) => Err(Corrupt::Leaked { block }),
            None => Ok(()),
        }
    }

    /// All allocated blocks, in order of address. Those given back in this transaction are still among them.
    pub fn allocated_blocks(&self) -> impl Iterator<Item = Handle<()>> {
        (0..self.pages.count()).flat_map(|page| self.blocks_of_page(page))
    }

    /// The allocated blocks of a page; none if it is not one of blocks.
    pub(crate) fn blocks_of_page(&self, page: usize) -> impl Iterator<Item = Handle<()>> {
        let class = self.pages.class_of(page);
        let blocks = class.map_or(0, |class| usize::from(class.blocks));
        let used = (0..blocks.div_ceil(64)).flat_map(move |word| {
            let mut bits = self.region.load_u64(page::bit_of(page, 64 * word).0);
            std::iter::from_fn(move || {
                let bit = bits.trailing_zeros();
                bits &= bits.wrapping_sub(1);
                (bit < 64).then_some(64 * word + bit as usize)
            })
        });
        // Bits past the last block are set.
        used.take_while(move |index| *index < blocks).filter_map(move |index| {
            let start = page * PAGE_LEN + class?.start_of(index);
            Handle::from_raw((start >> self.granule_shift) as u32)
        })
    }

    fn verify_idle(&self) -> Result<(), Corrupt> {
        let expect = |what, found: u64, expected: u64| {
            if found == expected { Ok(()) } else { Err(Corrupt::Mismatch { what, found, expected }) }
        };
        expect("undo log outside a transaction", self.region.load_u64(TAIL_AT), 0)?;
        expect("prepared transaction outside a transaction", self.region.load_u64(PREPARED_AT), 0)?;
        expect("backed length", self.region.load_u64(BACKED_LEN_AT), self.region.len() as u64)?;
        expect("pages known", self.pages.count() as u64, (self.region.len() / PAGE_LEN) as u64)
    }

    fn verify_pages(&self) -> Result<(), Corrupt> {
        let classes = self.pages.classes();
        let (mut free, mut holes, mut logs) = (0, 0, 0);
        for number in 0..self.pages.count() {
            let wrong = |what| Corrupt::Page { page: number as u64, what };
            let kind = page::kind_of(&self.region, number, classes).ok_or(wrong("its descriptor is none"))?;
            if (kind == Kind::Table) != number.is_multiple_of(GROUP_PAGES) {
                return Err(wrong("page table expected or not expected here"));
            }
            match kind {
                Kind::Free => free += 1,
                Kind::Hole => holes += 1,
                Kind::Log => logs += 1,
                Kind::Table => {}
                Kind::Blocks { class, free } => {
                    let class = classes.class(class);
                    let last = self.region.load_u64(number * PAGE_LEN + (class.words() - 1) * 8);
                    let past_last = u32::from(class.blocks) - (class.words() as u32 - 1) * 64;
                    if past_last < 64 && last >> past_last != u64::MAX >> past_last {
                        return Err(wrong("bits past its last block are not set"));
                    }
                    if page::count_free(&self.region, number, class) != free {
                        return Err(wrong("its free count is not that of its bitmap"));
                    }
                }
            }
            self.pages.agrees(number, kind).map_err(wrong)?;
        }
        let expect = |what, found: usize, expected: usize| {
            let (found, expected) = (found as u64, expected as u64);
            if found == expected { Ok(()) } else { Err(Corrupt::Mismatch { what, found, expected }) }
        };
        expect("free pages", free, self.pages.free_count())?;
        expect("holes", holes, self.pages.hole_count())?;
        expect("log pages", logs, self.log.page_count())?;
        self.pages.check_shelves().map_err(|what| Corrupt::Page { page: 0, what })
    }

    /// The used bytes are those of the page table.
    pub(super) fn check_used_bytes(&self) -> Result<(), Corrupt> {
        let classes = self.pages.classes();
        let kinds = (0..self.pages.count()).filter_map(|page| page::kind_of(&self.region, page, classes));
        let found = kinds.map(|kind| match kind {
            Kind::Blocks { class, free } => {
                let class = classes.class(class);
                u64::from(class.blocks - free) * u64::from(class.size)
            }
            _ => 0,
        });
        let (found, expected) = (found.sum(), self.used_bytes());
        if found == expected {
            Ok(())
        } else {
            Err(Corrupt::Mismatch { what: "bytes in blocks", found, expected })
        }
    }
}
