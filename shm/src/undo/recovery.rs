//! Walking the undo log backwards: rollback by the living, recovery after the dead.
//!
//! Taking back a transaction is three steps, each of which may be cut off anywhere and started again:
//! 1. old bytes are put back, newest record first;
//! 2. the free blocks of every page whose bitmap a record names are counted again, since those counts are
//!    stored without records;
//! 3. `tail = 0`.
//!
//! None of them needs memory, and none changes the log.

use std::collections::BTreeSet;

use crate::alloc::page::{self, Kind};
use crate::alloc::size_class::SizeClasses;
use crate::error::Corrupt;
use crate::heap::PAGE_LEN;
use crate::heap::layout::{HOT_AT, LOG_AT, ROOTS_AT, TABLE_AT, TAIL_AT};
use crate::region::Region;
use crate::undo::record::{FOOTER_LEN, Footer, record_len};

/// One record: `len` bytes at `old_at` in the log belong at `at`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Record {
    pub at: usize,
    pub len: usize,
    pub old_at: usize,
}

/// The records of the transaction in the log, newest first. Copies of offsets only, so that the region can
/// change between the steps.
pub(crate) struct Records {
    position: usize,
}

impl Records {
    /// Starts at the tail.
    pub fn of(region: &Region) -> Records {
        Records { position: region.load_u64(TAIL_AT) as usize }
    }

    /// The next older record; an error if the log makes no sense, in which case nothing may be stored.
    pub fn next(&mut self, region: &Region) -> Result<Option<Record>, Corrupt> {
        let mut hopped = false;
        loop {
            let position = self.position;
            if position == LOG_AT || position == 0 {
                return Ok(None);
            }
            let damaged = |what| Corrupt::Undo { position: position as u64, what };
            let part_start = if position <= PAGE_LEN { LOG_AT } else { (position - 1) / PAGE_LEN * PAGE_LEN };
            let in_log = position.is_multiple_of(8) && position <= region.len() && position > part_start;
            if !in_log {
                return Err(damaged("lies outside the log"));
            }
            match Footer::decode(region.load_u64(position - FOOTER_LEN)) {
                Some(Footer::Link { from }) if position - FOOTER_LEN == part_start && !hopped => {
                    hopped = true;
                    self.position = from;
                }
                Some(Footer::Record { at, len }) if position - part_start >= record_len(len) => {
                    self.position = position - record_len(len);
                    return Ok(Some(Record { at, len, old_at: self.position }));
                }
                _ => return Err(damaged("is not the end of a record")),
            }
        }
    }
}

/// Checks the whole log before any of it is believed: every part lies in the log's own pages and is visited
/// once, every record names memory that transactions change. Returns the number of records.
pub(crate) fn check(region: &Region, classes: &SizeClasses) -> Result<usize, Corrupt> {
    let mut records = Records::of(region);
    let mut visited = BTreeSet::new();
    let mut previous_part = usize::MAX;
    let mut count = 0;
    loop {
        let position = records.position;
        let damaged = |what| Corrupt::Undo { position: position as u64, what };
        let Some(record) = records.next(region)? else { break };
        let part = record.old_at / PAGE_LEN;
        if part != previous_part {
            let is_log = part == 0 || page::kind_of(region, part, classes) == Some(Kind::Log);
            if !is_log || !visited.insert(part) {
                return Err(damaged("goes on in a page that is not the log's"));
            }
            previous_part = part;
        }
        if !may_change(region, classes, record.at, record.len) {
            return Err(damaged("names memory that no transaction changes"));
        }
        count += 1;
    }
    if count > 0 && previous_part != 0 {
        return Err(Corrupt::Undo { position: 0, what: "does not begin in the first page" });
    }
    Ok(count)
}

/// Whether transactions store to these bytes: hot line, roots and garbage list, and pages of blocks.
fn may_change(region: &Region, classes: &SizeClasses, at: usize, len: usize) -> bool {
    let (page, last) = (at / PAGE_LEN, (at + len - 1) / PAGE_LEN);
    if page == 0 {
        let within = |from, to| at >= from && at + len <= to;
        return within(HOT_AT, TAIL_AT) || within(ROOTS_AT, TABLE_AT);
    }
    page == last
        && at + len <= region.len()
        && matches!(page::kind_of(region, page, classes), Some(Kind::Blocks { .. }))
}

/// Steps 1 and 2. `touched` is called with each page of which a record names the bitmap, some more than once.
pub(crate) fn take_back(
    region: &mut Region,
    classes: &SizeClasses,
    mut touched: impl FnMut(&mut Region, usize),
) -> Result<usize, Corrupt> {
    let mut count = 0;
    let mut records = Records::of(region);
    while let Some(record) = records.next(region)? {
        region.copy_within(record.old_at, record.at, record.len);
        count += 1;
    }
    let mut records = Records::of(region);
    while let Some(record) = records.next(region)? {
        let page = record.at / PAGE_LEN;
        let Some(Kind::Blocks { class, free }) = page::kind_of(region, page, classes) else { continue };
        let class = classes.class(class);
        if record.at % PAGE_LEN < usize::from(class.header) {
            let counted = page::count_free(region, page, class);
            if counted != free && !cfg!(hearth_mutant = "no_recount") {
                page::set_free_count(region, page, counted);
            }
            touched(region, page);
        }
    }
    Ok(count)
}
