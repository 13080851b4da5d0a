//! Making a heap, and taking one over from a process that is gone.

use super::layout::{
    BACKED_LEN_AT, GROUP_PAGES, LAYOUT, LAYOUT_AT, LOG_AT, MAGIC, MAGIC_AT, PREPARED_AT, TAIL_AT,
};
use super::recycle::Recycler;
use super::{HEADER_LEN, Heap, HeapOptions, PAGE_LEN};
use crate::OutOfMemory;
use crate::alloc::block::Pages;
use crate::alloc::page::{self, Kind};
use crate::alloc::size_class::{GRANULE_SHIFTS, SizeClasses};
use crate::budget::Grant;
use crate::error::Corrupt;
use crate::region::Region;
use crate::undo::log::Log;
use crate::undo::recovery;

/// What attaching to a heap found and did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecoveryReport {
    /// Records of a transaction that was taken back; 0 if none was in flight.
    pub records_undone: usize,
    /// The transaction in flight was prepared under this number.
    pub prepared: Option<u64>,
    /// … and was completed rather than taken back.
    pub completed: bool,
    /// Pages of the undo log that the dead process was using or keeping, now free.
    pub log_pages_freed: usize,
    /// Pages in all.
    pub pages: usize,
    /// Bytes in blocks.
    pub used_bytes: u64,
}

impl Heap {
    /// Makes an empty heap in a region that reads as zero after its header. The heap exists once its magic is
    /// stored, which is last.
    pub fn create(mut region: Region, options: HeapOptions) -> Result<Heap, OutOfMemory> {
        let shift = options.granule_shift;
        assert!(GRANULE_SHIFTS.contains(&shift), "granule shift {shift}");
        region.fill(HEADER_LEN, LOG_AT - HEADER_LEN, |bytes| bytes.fill(0));
        region.store_u64(LAYOUT_AT, u64::from(LAYOUT) | u64::from(shift) << 32);
        region.store_u64(BACKED_LEN_AT, region.len() as u64);
        for page in (0..region.len() / PAGE_LEN).step_by(GROUP_PAGES) {
            page::set_kind(&mut region, page, Kind::Table);
        }
        region.publish_u64(MAGIC_AT, MAGIC);
        Ok(Heap::over(region, options))
    }

    /// Takes over the heap in `region`: checks it before anything is stored, takes back the transaction that was
    /// in flight, or completes it if it was prepared and `is_committed` says so for its number, and rebuilds the
    /// private mirrors. The region's granule counts, not the options'.
    pub fn attach(
        mut region: Region,
        mut options: HeapOptions,
        is_committed: impl FnOnce(u64) -> bool,
    ) -> Result<(Heap, RecoveryReport), Corrupt> {
        let classes = check_superblock(&region)?;
        options.granule_shift = (region.load_u64(LAYOUT_AT) >> 32) as u32;
        check_table(&region, classes)?;
        let records = recovery::check(&region, classes)?;

        let mut report = RecoveryReport::default();
        let prepared = region.load_u64(PREPARED_AT);
        if records > 0 {
            report.prepared = Some(prepared).filter(|&prepared| prepared != 0);
            report.completed = prepared != 0 && is_committed(prepared);
            if !report.completed {
                report.records_undone = recovery::take_back(&mut region, classes, |_, _| {})?;
            }
            region.publish_u64(TAIL_AT, 0);
        }
        if prepared != 0 {
            region.publish_u64(PREPARED_AT, 0);
        }
        finish_page_work(&mut region, classes, &mut report);

        let mut heap = Heap::over(region, options);
        heap.keep_spare_log_page();
        report.pages = heap.pages.count();
        report.used_bytes = heap.used_bytes();
        heap.check_used_bytes()?;
        Ok((heap, report))
    }

    /// The heap in a region without a transaction in flight.
    fn over(region: Region, options: HeapOptions) -> Heap {
        let classes = SizeClasses::for_granule(options.granule_shift);
        let mut pages = Pages::new(classes);
        pages.resize(region.len() / PAGE_LEN);
        for page in 0..pages.count() {
            pages.reload(&region, page);
        }
        let mut heap = Heap {
            region,
            granule_shift: options.granule_shift,
            log: Log::new(),
            pages,
            frees: Vec::new(),
            free_calls: 0,
            recycler: Recycler::new(),
            grant: Grant::new(None, 0),
            undo_pages_max: options.undo_bound / PAGE_LEN,
            prepared: false,
            garbage_hint: true,
            fail_after: None,
            #[cfg(debug_assertions)]
            fresh: Default::default(),
        };
        heap.grant = Grant::new(options.budget, heap.used_bytes());
        heap
    }

    /// Gives back what the memory budget granted beyond what is used: called now and then, so that an idle
    /// heap does not keep from others what they need.
    pub fn settle_budget(&mut self) {
        let used = self.used_bytes();
        self.grant.settle_fully(used);
    }
}

fn check_superblock(region: &Region) -> Result<&'static SizeClasses, Corrupt> {
    let magic = region.load_u64(MAGIC_AT);
    if magic != MAGIC {
        return Err(Corrupt::Magic { found: magic });
    }
    let (layout, shift) = (region.load_u64(LAYOUT_AT) as u32, (region.load_u64(LAYOUT_AT) >> 32) as u32);
    if layout != LAYOUT {
        return Err(Corrupt::Layout { found: layout, expected: LAYOUT });
    }
    if !GRANULE_SHIFTS.contains(&shift) {
        return Err(Corrupt::Granule { found: shift });
    }
    let (found, expected) = (region.len() as u64, region.load_u64(BACKED_LEN_AT));
    if found < expected || found > (1 << 32) << shift {
        return Err(Corrupt::Length { found, expected });
    }
    Ok(SizeClasses::for_granule(shift))
}

/// Every descriptor is one, and the tables are where they must be.
fn check_table(region: &Region, classes: &SizeClasses) -> Result<(), Corrupt> {
    let backed = region.load_u64(BACKED_LEN_AT) as usize / PAGE_LEN;
    for number in 0..region.len() / PAGE_LEN {
        let page = number as u64;
        let Some(kind) = page::kind_of(region, number, classes) else {
            return Err(Corrupt::Page { page, what: "its descriptor is none" });
        };
        let first = number.is_multiple_of(GROUP_PAGES);
        // A region that grew just before the crash has a new group without its own mark.
        let unmarked = number > 0 && kind == Kind::Free;
        if first != (kind == Kind::Table) && !(first && unmarked) {
            return Err(Corrupt::Page { page, what: "page table expected or not expected here" });
        }
        if number >= backed && !matches!(kind, Kind::Free | Kind::Table) {
            return Err(Corrupt::Page { page, what: "in use beyond the backed length" });
        }
    }
    Ok(())
}

/// Ends what a crash cut off between transactions: growth, the return of emptied and of log pages.
fn finish_page_work(region: &mut Region, classes: &SizeClasses, report: &mut RecoveryReport) {
    if region.load_u64(BACKED_LEN_AT) != region.len() as u64 {
        region.publish_u64(BACKED_LEN_AT, region.len() as u64);
    }
    for number in 0..region.len() / PAGE_LEN {
        match page::kind_of(region, number, classes) {
            Some(Kind::Free) if number.is_multiple_of(GROUP_PAGES) => {
                page::set_kind(region, number, Kind::Table);
            }
            Some(Kind::Log) => {
                page::set_kind(region, number, Kind::Free);
                report.log_pages_freed += 1;
            }
            Some(kind @ Kind::Blocks { .. }) if kind.is_unused(classes) => {
                page::set_kind(region, number, Kind::Free);
            }
            _ => {}
        }
    }
}
