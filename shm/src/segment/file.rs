//! One shard's segment: a file on memory, mapped once, that grows and gives memory back.
//!
//! Memory is always asked for by `fallocate` before it is used, so that a full file system is an
//! [`OutOfMemory`] and never a fault in the middle of a store. The file starts with two pages of the heap's;
//! when a growth completes 2 MiB, they are tried as one huge page. That is done before the range is filled with
//! small pages: one small page at its end makes the file long enough, the collapse then takes a huge page and, in a
//! large segment, has next to nothing to copy. (Collapsing 512 pages that `fallocate` has brought costs several times
//! as much.)
//!
//! A hole may be read, and then takes memory: a page of zeros. With a full file system that is a fault, so
//! what was punched is best left alone until it has been refilled.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::FallocateFlags;
use rustix::io::{Errno, retry_on_intr};
use rustix::process::{Resource, getrlimit};

use super::dir::{FileSystem, ShmDir};
use super::error::{Flaw, SegmentError, WayOut};
use super::header::{Header, Kind, decode_header, word};
use super::identity::BootId;
use super::mapping::{HUGE_PAGE_LEN, Mapping};
use crate::OutOfMemory;
use crate::heap::{HEADER_LEN, PAGE_LEN};
use crate::region::{Backing, FIRST_LEN};

/// A shard's memory, validated or fresh, and not yet a heap: see [`Segment::into_heap`].
pub struct Segment {
    file: File,
    mapping: Mapping,
    len: usize,
    page_len: usize,
    may_collapse: bool,
    is_private: bool,
    huge: HugePages,
    header: Header,
    path: PathBuf,
    usage: Arc<SegmentUsage>,
}

/// How much memory a segment takes: readable by any thread while its owner works.
#[derive(Debug, Default)]
pub struct SegmentUsage {
    length: AtomicU64,
    backed: AtomicU64,
    huge: AtomicU64,
}

impl SegmentUsage {
    /// Bytes of the file that are in use, holes included.
    pub fn length_bytes(&self) -> u64 {
        self.length.load(Ordering::Relaxed)
    }
    /// Bytes of memory behind the file.
    pub fn backed_bytes(&self) -> u64 {
        self.backed.load(Ordering::Relaxed)
    }
    /// Bytes obtained on huge pages. The kernel may have split some since.
    pub fn huge_bytes(&self) -> u64 {
        self.huge.load(Ordering::Relaxed)
    }
}

/// The name of a shard's file.
pub(crate) fn file_name(shard: u32) -> String {
    format!("shard-{shard:04}")
}

/// Which shard a file name stands for.
pub(crate) fn parse_file_name(name: &str) -> Option<u32> {
    let shard = name.strip_prefix("shard-")?.parse().ok()?;
    (file_name(shard) == name).then_some(shard)
}

impl Segment {
    /// Makes a segment with this header. Nothing is there until the file is whole, and an existing file is
    /// never touched.
    pub(crate) fn create(directory: &ShmDir, mut header: Header) -> Result<Segment, SegmentError> {
        let name = file_name(header.shard);
        let path = directory.path_of(&name);
        let len = FIRST_LEN.next_multiple_of(directory.page_len());
        header.words.length = len as u64;
        let unfinished = directory.create_unfinished(&name)?;
        match obtain(unfinished.file(), 0, len) {
            Err(Errno::NOSPC | Errno::NOMEM | Errno::DQUOT | Errno::FBIG) => {
                return Err(SegmentError::Full { path, needed_bytes: len as u64 });
            }
            other => other.map_err(|error| SegmentError::io(&path, "obtain memory for", error))?,
        }
        let mapping = map(directory, unfinished.file(), &header)
            .map_err(|error| SegmentError::io(&path, "map", error))?;
        mapping.store_all(0, &header.encode());
        let file = unfinished.publish(&name)?.ok_or_else(|| {
            SegmentError::io(&path, "create", io::Error::from(io::ErrorKind::AlreadyExists))
        })?;
        Ok(Segment::assemble(directory, file, mapping, header, path, false))
    }

    /// Opens the segment of shard `shard` of the data set that `control` describes, to be served.
    pub(crate) fn attach(
        directory: &ShmDir,
        control: &Header,
        shard: u32,
        slots: Range<u16>,
    ) -> Result<Segment, SegmentError> {
        let (file, header, path) = open_checked(directory, control, shard, slots)?;
        let mapping =
            map(directory, &file, &header).map_err(|error| SegmentError::io(&path, "map", error))?;
        Ok(Segment::assemble(directory, file, mapping, header, path, false))
    }

    /// Whether [`Segment::attach`] would accept the file.
    pub(crate) fn check(
        directory: &ShmDir,
        control: &Header,
        shard: u32,
        slots: Range<u16>,
    ) -> Result<(), SegmentError> {
        open_checked(directory, control, shard, slots).map(drop)
    }

    /// Opens the segment as a private copy: whatever is done to it, recovery included, stays in this
    /// process. It cannot grow.
    pub(crate) fn inspect(
        directory: &ShmDir,
        control: &Header,
        shard: u32,
        slots: Range<u16>,
    ) -> Result<Segment, SegmentError> {
        let (file, header, path) = open_checked(directory, control, shard, slots)?;
        let len = usize::try_from(header.words.length).unwrap_or(usize::MAX);
        let mapping = Mapping::private(&file, len, directory.page_len())
            .map_err(|error| SegmentError::io(&path, "map", error))?;
        Ok(Segment::assemble(directory, file, mapping, header, path, true))
    }

    fn assemble(
        directory: &ShmDir,
        file: File,
        mapping: Mapping,
        header: Header,
        path: PathBuf,
        is_private: bool,
    ) -> Segment {
        mapping.keep_to_this_process();
        let len = usize::try_from(header.words.length).expect("mapped, so it fits an address space");
        let may_collapse = directory.file_system() == FileSystem::Tmpfs && !is_private;
        if may_collapse && len >= HUGE_PAGE_LEN {
            mapping.prefer_huge_pages();
        }
        let huge = HugePages::inherited(header.words.huge_bytes, len);
        let page_len = directory.page_len();
        let usage = Arc::default();
        let segment =
            Segment { file, mapping, len, page_len, may_collapse, is_private, huge, header, path, usage };
        segment.publish_usage();
        segment
    }

    /// Where the file is, for messages.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The header as it was when the segment was opened.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Which shard this is.
    pub fn shard(&self) -> u32 {
        self.header.shard
    }

    /// The slots it serves.
    pub fn slots(&self) -> Range<u16> {
        self.header.slots.clone()
    }

    /// The key of the stored hash function, the same in all shards of a data set.
    pub fn hash_key(&self) -> [u8; 16] {
        self.header.hash_key
    }

    /// The memory it takes, to be read while somebody else owns the segment.
    pub fn usage(&self) -> Arc<SegmentUsage> {
        Arc::clone(&self.usage)
    }

    /// Whether a heap was completely made in it. If not, it holds nothing.
    pub fn is_formatted(&self) -> bool {
        self.mapping.load(word::STATE) == 1
    }

    /// Notes in which life of the server it is served.
    pub(crate) fn begin_life(&mut self, life: u64) {
        self.mapping.store(word::LIFE, life);
    }

    /// What can be done if its contents turn out to be bad.
    pub(crate) fn way_out(&self) -> WayOut {
        let directory = self.path.parent().unwrap_or(&self.path).to_owned();
        WayOut::Shard { directory, shard: self.shard() }
    }

    /// Backs `start..end` with memory: on a huge page where that completes 2 MiB and one can be had.
    fn back(&mut self, start: usize, end: usize) -> Result<(), Errno> {
        if self.may_collapse {
            let mut chunk = start / HUGE_PAGE_LEN * HUGE_PAGE_LEN;
            while chunk + HUGE_PAGE_LEN <= end {
                if self.huge.should_try() {
                    let last_page = chunk + HUGE_PAGE_LEN - self.page_len;
                    obtain(&self.file, last_page, self.page_len)?;
                    self.huge.record(chunk, self.mapping.collapse(chunk));
                }
                chunk += HUGE_PAGE_LEN;
            }
        }
        obtain(&self.file, start, end - start)
    }

    fn publish_usage(&self) {
        let backed = rustix::fs::fstat(&self.file).map_or(0, |stat| stat.st_blocks).cast_unsigned() * 512;
        let huge = if self.page_len >= HUGE_PAGE_LEN { backed } else { self.huge.bytes() };
        self.usage.length.store(self.len as u64, Ordering::Relaxed);
        self.usage.backed.store(backed, Ordering::Relaxed);
        self.usage.huge.store(huge, Ordering::Relaxed);
    }

    /// After a change of what is backed.
    fn note_change(&self) {
        self.publish_usage();
        self.mapping.store(word::HUGE, self.usage.huge_bytes());
    }
}

// SAFETY: the mapping reserves its addresses for this value, aligned to 2 MiB, from construction to drop, and
// its other accesses are to words of the header made while `self` is borrowed. `len` starts as the length
// checked against the file, grows only after `fallocate` has put memory behind the new bytes, which were
// beyond every earlier length and so read as zero, and stays within the mapping. `punch` and `refill` affect
// whole pages of the range given.
unsafe impl Backing for Segment {
    fn base(&self) -> NonNull<u8> {
        self.mapping.base()
    }

    fn reserved_len(&self) -> usize {
        self.mapping.len() / PAGE_LEN * PAGE_LEN
    }

    fn len(&self) -> usize {
        self.len
    }

    fn grow(&mut self, to: usize) -> Result<(), OutOfMemory> {
        let (before, after) = (self.len, to.next_multiple_of(self.page_len));
        if self.is_private || after > self.reserved_len() {
            return Err(OutOfMemory);
        }
        if after <= before {
            return Ok(());
        }
        if self.back(before, after).is_err() {
            // What could be had is of no use; the length has not changed.
            release(&self.file, before, after - before);
            self.huge.forget(before..after);
            return Err(OutOfMemory);
        }
        if self.may_collapse && before < HUGE_PAGE_LEN && after >= HUGE_PAGE_LEN {
            // From now on the kernel may give huge pages by itself, where it is set up to; earlier it would
            // give a small segment one.
            self.mapping.prefer_huge_pages();
        }
        self.mapping.store(word::LENGTH, after as u64);
        self.len = after;
        self.note_change();
        Ok(())
    }

    fn punch(&mut self, start: usize, len: usize) {
        let end = (start + len) / self.page_len * self.page_len;
        let start = start.next_multiple_of(self.page_len);
        if self.is_private || start >= end {
            return;
        }
        assert!(end <= self.len, "hole outside the segment");
        release(&self.file, start, end - start);
        self.huge.forget(start..end);
        self.note_change();
    }

    fn refill(&mut self, start: usize, len: usize) -> Result<(), OutOfMemory> {
        if self.is_private {
            // A private copy was never punched, and pages of it that the file lacks come from this process.
            return Ok(());
        }
        assert!(start <= self.len && len <= self.len - start, "refill outside the segment");
        self.back(start, start + len).map_err(|_| OutOfMemory)?;
        self.note_change();
        Ok(())
    }
}

/// Opens and validates a shard's file.
fn open_checked(
    directory: &ShmDir,
    control: &Header,
    shard: u32,
    slots: Range<u16>,
) -> Result<(File, Header, PathBuf), SegmentError> {
    let name = file_name(shard);
    let path = directory.path_of(&name);
    let Some(file) = directory.open_file(&name)? else {
        let way_out = WayOut::Shard { directory: directory.path().to_owned(), shard };
        return Err(SegmentError::Missing { path, way_out });
    };
    let (page, file_len) = first_page(&file, &path)?;
    let boot = BootId::current().map_err(|error| SegmentError::io(&path, "learn the boot id for", error))?;
    let step = PAGE_LEN.max(directory.page_len()) as u64;
    let checked = decode_header(&page).and_then(|header| {
        header.check_kind(Kind::Shard)?;
        header.check_program(control.layout_hash, boot)?;
        header.check_place(control, shard, slots)?;
        header.check_words(file_len, step)?;
        if header.words.length < FIRST_LEN as u64 {
            return Err(Flaw::Impossible { field: "length", value: header.words.length });
        }
        Ok(header)
    });
    match checked {
        Ok(header) => Ok((file, header, path)),
        Err(flaw) => {
            let way_out = WayOut::of_shard(directory.path(), shard, &flaw);
            Err(SegmentError::Refused { path, flaw, way_out })
        }
    }
}

/// The first page of a file, as much of it as there is, and the file's length.
pub(crate) fn first_page(file: &File, path: &Path) -> Result<(Vec<u8>, u64), SegmentError> {
    let failed = |error: Errno| SegmentError::io(path, "read", error);
    let mut page = vec![0; HEADER_LEN];
    let mut len = 0;
    while len < page.len() {
        match retry_on_intr(|| rustix::io::pread(file, &mut page[len..], len as u64)).map_err(failed)? {
            0 => break,
            more => len += more,
        }
    }
    page.truncate(len);
    let stat = rustix::fs::fstat(file).map_err(failed)?;
    Ok((page, u64::try_from(stat.st_size).unwrap_or_default()))
}

/// Address space that all segments of a data set may take: half of what x86-64 gives a process.
const ADDRESS_SPACE: u64 = 1 << 46;

/// Maps a segment with as much room as it may ever need: what handles can reach, but no more than twice
/// the machine's memory or than this user may put into a file.
fn map(directory: &ShmDir, file: &File, header: &Header) -> Result<Mapping, Errno> {
    let system = rustix::system::sysinfo();
    let memory = (system.totalram as u64).saturating_mul(system.mem_unit.into());
    let reach = 1_u64.checked_shl(u32::from(header.granule_shift) + 32).unwrap_or(u64::MAX);
    let file_limit = getrlimit(Resource::Fsize).current.unwrap_or(u64::MAX);
    let step = directory.page_len().max(PAGE_LEN) as u64;
    let share = ADDRESS_SPACE / u64::from(header.shard_count.max(1));
    let room = reach.min(memory.saturating_mul(2)).min(file_limit).min(share) / step * step;
    let len = usize::try_from(room.max(header.words.length)).map_err(|_| Errno::OVERFLOW)?;
    Mapping::shared(file, len, directory.page_len())
}

/// Puts memory behind a range of a file, which is made longer if need be. What is there stays as it is.
pub(crate) fn obtain(file: &File, start: usize, len: usize) -> Result<(), Errno> {
    retry_on_intr(|| rustix::fs::fallocate(file, FallocateFlags::empty(), start as u64, len as u64))
}

/// Gives the memory behind a range of a file back, as far as the system will have it.
fn release(file: &File, start: usize, len: usize) {
    let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    // Failing leaves the memory where it is, which is allowed.
    let _ = retry_on_intr(|| rustix::fs::fallocate(file, flags, start as u64, len as u64));
}

/// Which chunks of 2 MiB are on huge pages, and whether it is worth asking for more. A failed attempt may
/// cost the kernel a long search for contiguous memory, so after one the next few chunks are not tried.
struct HugePages {
    chunks: Vec<bool>,
    count: usize,
    failures: u32,
    skip: u32,
}

impl HugePages {
    /// Longest run of chunks not tried after repeated failures, as a power of two.
    const MAX_FAILURES: u32 = 6;

    /// With so many bytes of `len` obtained by an earlier process. Which chunks they are is not stored; the
    /// lowest are taken to be.
    fn inherited(bytes: u64, len: usize) -> HugePages {
        let count = usize::try_from(bytes).unwrap_or(usize::MAX).min(len) / HUGE_PAGE_LEN;
        HugePages { chunks: vec![true; count], count, failures: 0, skip: 0 }
    }

    fn bytes(&self) -> u64 {
        (self.count * HUGE_PAGE_LEN) as u64
    }

    fn should_try(&mut self) -> bool {
        match self.skip.checked_sub(1) {
            None => true,
            Some(left) => {
                self.skip = left;
                false
            }
        }
    }

    fn record(&mut self, start: usize, obtained: bool) {
        if obtained {
            self.failures = 0;
        } else {
            self.skip = (1 << self.failures) - 1;
            self.failures = (self.failures + 1).min(Self::MAX_FAILURES);
        }
        self.set(start / HUGE_PAGE_LEN, obtained);
    }

    fn forget(&mut self, range: Range<usize>) {
        for chunk in range.start / HUGE_PAGE_LEN..range.end.div_ceil(HUGE_PAGE_LEN) {
            self.set(chunk, false);
        }
    }

    fn set(&mut self, chunk: usize, is_huge: bool) {
        if chunk >= self.chunks.len() {
            if !is_huge {
                return;
            }
            self.chunks.resize(chunk + 1, false);
        }
        let was_huge = std::mem::replace(&mut self.chunks[chunk], is_huge);
        self.count = self.count + usize::from(is_huge) - usize::from(was_huge);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_are_read_as_they_are_written() {
        for shard in [0, 7, 4095, 12345] {
            assert_eq!(parse_file_name(&file_name(shard)), Some(shard));
        }
        for other in ["shard-1", "shard-00001", "shard--001", "shard-", "shard-0001x", "lock"] {
            assert_eq!(parse_file_name(other), None, "{other}");
        }
    }

    #[test]
    fn after_failures_fewer_chunks_are_tried() {
        let mut huge = HugePages::inherited(0, 0);
        let mut tried = Vec::new();
        for chunk in 0..200 {
            if huge.should_try() {
                tried.push(chunk);
                huge.record(chunk * HUGE_PAGE_LEN, false);
            }
        }
        assert_eq!(tried, [0, 1, 3, 7, 15, 31, 63, 127, 191]);
        huge.skip = 0;
        huge.record(0, true);
        assert!(huge.should_try() && huge.should_try());
        assert_eq!(huge.bytes(), HUGE_PAGE_LEN as u64);
    }

    #[test]
    fn huge_pages_are_counted_once() {
        let mut huge = HugePages::inherited(3 << 21, 10 << 21);
        huge.record(2 << 21, true);
        huge.record(5 << 21, true);
        assert_eq!(huge.bytes(), 4 << 21);
        // Part of a chunk is enough to lose it; what was never huge costs nothing.
        huge.forget((1 << 21) + 4096..(2 << 21) + 4096);
        huge.forget(3 << 21..5 << 21);
        huge.forget(100 << 21..101 << 21);
        assert_eq!(huge.bytes(), 2 << 21);
        // A broken statistic is cut down to what is possible.
        assert_eq!(HugePages::inherited(u64::MAX, 2 << 21).bytes(), 2 << 21);
    }
}
