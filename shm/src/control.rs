//! What the shards of a node share: the table that deals slots to shards, the settings the data was made
//! with, and one line per worker that decides transactions across shards.
//!
//! ```text
//!      0  header, as a segment's (kind 1)
//!   4096  CRC-64/XZ of 4104 to 16384 u64
//!   4104  bytes of settings u32, shards u32          written once, when the data set is made
//!   4112  settings, UTF-8, up to 4080 bytes
//!   8192  first slot of each shard, u16 × 4096
//!  16384  coordinator line of worker 0, 64 bytes     word 0: 0 or COMMITTED | transaction
//!    …    of up to 1024 workers
//!  81920  end
//! ```
//! A transaction over several shards is prepared in the log of each, then decided by **one store** in the line
//! of the worker that coordinates it, then finished in each log; the line is cleared after that. A process
//! that dies before the store leaves a transaction that recovery undoes in every shard, one that dies after
//! it leaves one that recovery finishes in every shard. All lines are settled before any shard serves.

use std::fs::File;
use std::ops::Range;
use std::path::PathBuf;

use crc::{CRC_64_XZ, Crc};
use rustix::io::Errno;

use crate::heap::HEADER_LEN;
use crate::owner::MAX_WORKERS;
use crate::segment::dir::{CONTROL_FILE, ShmDir};
use crate::segment::error::{Flaw, SegmentError, WayOut};
use crate::segment::file::{first_page, obtain};
use crate::segment::header::{Header, Kind, decode_header, word};
use crate::segment::identity::BootId;
use crate::segment::mapping::Mapping;

/// What the control segment stores, for the layout hash.
pub(crate) const STORED: &str = "control: header, crc u64 @4096, settings u32 len @4104 shards u32, utf-8 @4112, \
                                 first slots u16*4096 @8192, lines 64*1024 @16384: COMMITTED|txid u64";

/// The most shards a data set can have.
pub const MAX_SHARDS: usize = 4096;
/// The most bytes of settings a data set can be made with.
pub const MAX_SETTINGS_LEN: usize = SLOTS_AT - SETTINGS_AT;

const CHECKSUM_AT: usize = HEADER_LEN;
const COUNTS_AT: usize = CHECKSUM_AT + 8;
const SETTINGS_AT: usize = COUNTS_AT + 8;
const SLOTS_AT: usize = 8192;
const LINES_AT: usize = SLOTS_AT + MAX_SHARDS * 2;
const LINE_LEN: usize = 64;
const FILE_LEN: usize = LINES_AT + (MAX_WORKERS + 1) * LINE_LEN;
const CHECKSUM: Crc<u64> = Crc::<u64>::new(&CRC_64_XZ);
const COMMITTED: u64 = 1 << 63;

/// A transaction over several shards, unique among those that can be in doubt at the same time: worker and
/// a count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TransactionId(u64);

impl TransactionId {
    const WORKER_BITS: u32 = 10;

    /// The `count`th transaction that worker `worker` coordinates in this life of the process.
    pub fn new(worker: usize, count: u64) -> TransactionId {
        assert!(worker < MAX_WORKERS, "worker {worker}");
        // 53 bits of count last for hundreds of years; the 1 keeps the number from being zero.
        let count = (count + 1) & ((1 << (63 - Self::WORKER_BITS)) - 1);
        TransactionId(count << Self::WORKER_BITS | worker as u64)
    }

    /// From a number that [`TransactionId::raw`] gave; `None` for one that it cannot give.
    pub fn from_raw(raw: u64) -> Option<TransactionId> {
        (raw >> Self::WORKER_BITS != 0 && raw & COMMITTED == 0).then_some(TransactionId(raw))
    }

    /// The number to be stored; never zero, top bit clear.
    pub fn raw(self) -> u64 {
        self.0
    }

    /// The worker that coordinates it.
    pub fn worker(self) -> usize {
        (self.0 & ((1 << Self::WORKER_BITS) - 1)) as usize
    }
}

/// A node's control segment, mapped. Shared by all threads of its owner.
pub struct Control {
    mapping: Mapping,
    header: Header,
    settings: String,
    slots: Vec<Range<u16>>,
    path: PathBuf,
    // Keeps what is mapped findable under /proc for people.
    _file: File,
}

impl Control {
    /// Makes the control segment of a data set that is being made: it counts as none until
    /// [`Control::mark_complete`].
    pub(crate) fn create(
        directory: &ShmDir,
        mut header: Header,
        settings: &str,
        slots: &[Range<u16>],
    ) -> Result<Control, SegmentError> {
        assert!(settings.len() <= MAX_SETTINGS_LEN, "{} bytes of settings", settings.len());
        assert!((1..=MAX_SHARDS).contains(&slots.len()), "{} shards", slots.len());
        let path = directory.path_of(CONTROL_FILE);
        let len = FILE_LEN.next_multiple_of(directory.page_len());
        header.words.length = len as u64;
        let unfinished = directory.create_unfinished(CONTROL_FILE)?;
        match obtain(unfinished.file(), 0, len) {
            Err(Errno::NOSPC | Errno::NOMEM | Errno::DQUOT | Errno::FBIG) => {
                return Err(SegmentError::Full { path, needed_bytes: len as u64 });
            }
            other => other.map_err(|error| SegmentError::io(&path, "obtain memory for", error))?,
        }
        let mapping = Mapping::shared(unfinished.file(), len, directory.page_len())
            .map_err(|error| SegmentError::io(&path, "map", error))?;
        mapping.store_all(CHECKSUM_AT, &encode_table(settings, slots));
        mapping.store_all(0, &header.encode());
        let file = unfinished.publish(CONTROL_FILE)?.ok_or_else(|| {
            let taken = std::io::Error::from(std::io::ErrorKind::AlreadyExists);
            SegmentError::io(&path, "create", taken)
        })?;
        mapping.keep_to_this_process();
        let (settings, slots) = (settings.to_owned(), slots.to_vec());
        Ok(Control { mapping, header, settings, slots, path, _file: file })
    }

    /// Opens the control segment if there is one, to be served; `layout_hash` is this program's.
    pub(crate) fn attach(directory: &ShmDir, layout_hash: u64) -> Result<Option<Control>, SegmentError> {
        Control::open(directory, layout_hash, Mapping::shared)
    }

    /// Opens the control segment as a private copy.
    pub(crate) fn inspect(directory: &ShmDir, layout_hash: u64) -> Result<Option<Control>, SegmentError> {
        Control::open(directory, layout_hash, Mapping::private)
    }

    fn open(
        directory: &ShmDir,
        layout_hash: u64,
        map: fn(&File, usize, usize) -> Result<Mapping, Errno>,
    ) -> Result<Option<Control>, SegmentError> {
        let path = directory.path_of(CONTROL_FILE);
        let Some(file) = directory.open_file(CONTROL_FILE)? else { return Ok(None) };
        let (page, file_len) = first_page(&file, &path)?;
        let boot =
            BootId::current().map_err(|error| SegmentError::io(&path, "learn the boot id for", error))?;
        let refused = |flaw: Flaw| {
            let way_out = WayOut::of_control(directory.path(), &flaw);
            SegmentError::Refused { path: path.clone(), flaw, way_out }
        };
        let checked = decode_header(&page).and_then(|header| {
            header.check_kind(Kind::Control)?;
            header.check_program(layout_hash, boot)?;
            header.check_words(file_len, directory.page_len() as u64)?;
            if header.words.length < FILE_LEN as u64 {
                return Err(Flaw::Impossible { field: "length", value: header.words.length });
            }
            Ok(header)
        });
        let header = checked.map_err(refused)?;
        let mapping = map(&file, FILE_LEN, directory.page_len())
            .map_err(|error| SegmentError::io(&path, "map", error))?;
        mapping.keep_to_this_process();
        let table: Vec<u8> =
            (CHECKSUM_AT..LINES_AT).step_by(8).flat_map(|at| mapping.load(at).to_le_bytes()).collect();
        let (settings, slots) = decode_table(&table, &header).map_err(refused)?;
        Ok(Some(Control { mapping, header, settings, slots, path, _file: file }))
    }

    /// What is known of the data set as a whole, as it was when this was opened.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Where the file is, for messages.
    pub fn path(&self) -> &std::path::Path {
        &self.path
    }

    /// The settings that the data set was made with, in the form its maker chose.
    pub fn settings(&self) -> &str {
        &self.settings
    }

    /// How many shards there are.
    pub fn shard_count(&self) -> usize {
        self.slots.len()
    }

    /// The slots of each shard: contiguous, in order, together all.
    pub fn slots(&self) -> &[Range<u16>] {
        &self.slots
    }

    /// Which shard serves a slot; `None` for one past the last. O(log shards): keep a table of your own where
    /// it matters.
    pub fn shard_of(&self, slot: u16) -> Option<u32> {
        let shard = self.slots.partition_point(|slots| slots.end <= slot);
        u32::try_from(shard).ok().filter(|_| shard < self.slots.len())
    }

    /// The key of the stored hash function.
    pub fn hash_key(&self) -> [u8; 16] {
        self.header.hash_key
    }

    // ---- life and death ---------------------------------------------------------------------

    /// Whether the data set was completely made.
    pub(crate) fn is_complete(&self) -> bool {
        self.mapping.load(word::STATE) == 1
    }

    pub(crate) fn mark_complete(&self) {
        self.mapping.store(word::STATE, 1);
    }

    /// How many servers have served this data set, the present one included.
    pub fn life(&self) -> u64 {
        self.mapping.load(word::LIFE)
    }

    /// Begins a new life and returns its number.
    pub(crate) fn begin_life(&mut self) -> u64 {
        let life = self.life() + 1;
        self.mapping.store(word::LIFE, life);
        self.mapping.store(word::STOPPED_AT, 0);
        self.header.words.life = life;
        life
    }

    /// Notes an orderly stop and its time.
    pub(crate) fn mark_stopped(&self, now_unix_ms: u64) {
        self.mapping.store(word::STOPPED_AT, now_unix_ms.max(1));
    }

    // ---- transactions across shards ---------------------------------------------------------

    /// Decides a transaction: from this store on it has happened. Only the worker that coordinates it calls
    /// this, after it is prepared in every shard.
    #[inline]
    pub fn announce(&self, transaction: TransactionId) {
        self.mapping.store(line_at(transaction.worker()), COMMITTED | transaction.raw());
    }

    /// Frees the line of a worker, after its transaction is finished in every shard.
    #[inline]
    pub fn clear(&self, worker: usize) {
        self.mapping.store(line_at(worker), 0);
    }

    /// Whether a transaction found prepared in a shard was decided. For recovery.
    pub fn is_committed(&self, transaction: TransactionId) -> bool {
        self.mapping.load(line_at(transaction.worker())) == COMMITTED | transaction.raw()
    }

    /// Clears all lines: no transaction is in doubt any more. Call after every shard has been recovered and
    /// before the first one serves.
    pub fn settle(&self) {
        let in_doubt = |&worker: &usize| self.mapping.load(line_at(worker)) != 0;
        (0..=MAX_WORKERS).filter(in_doubt).for_each(|worker| self.clear(worker));
    }
}

fn line_at(worker: usize) -> usize {
    assert!(worker <= MAX_WORKERS, "worker {worker}");
    LINES_AT + worker * LINE_LEN
}

/// Checksum, counts, settings and slot table.
fn encode_table(settings: &str, slots: &[Range<u16>]) -> Vec<u8> {
    let mut table = vec![0; LINES_AT - CHECKSUM_AT];
    let mut put = |at: usize, field: &[u8]| table[at - CHECKSUM_AT..][..field.len()].copy_from_slice(field);
    put(COUNTS_AT, &(settings.len() as u32).to_le_bytes());
    put(COUNTS_AT + 4, &(slots.len() as u32).to_le_bytes());
    put(SETTINGS_AT, settings.as_bytes());
    for (shard, slots) in slots.iter().enumerate() {
        put(SLOTS_AT + shard * 2, &slots.start.to_le_bytes());
    }
    let checksum = CHECKSUM.checksum(&table[8..]);
    table[..8].copy_from_slice(&checksum.to_le_bytes());
    table
}

/// Settings and the slots of each shard; the last one ends where the header says.
fn decode_table(table: &[u8], header: &Header) -> Result<(String, Vec<Range<u16>>), Flaw> {
    let array = |at: usize| -> [u8; 4] { std::array::from_fn(|index| table[at - CHECKSUM_AT + index]) };
    let stored = u64::from_le_bytes(std::array::from_fn(|index| table[index]));
    let computed = CHECKSUM.checksum(&table[8..]);
    if stored != computed {
        return Err(Flaw::Corrupt { stored, computed });
    }
    let settings_len = u32::from_le_bytes(array(COUNTS_AT)) as usize;
    let shards = u32::from_le_bytes(array(COUNTS_AT + 4));
    let settings = table.get(SETTINGS_AT - CHECKSUM_AT..).and_then(|rest| rest.get(..settings_len));
    let settings = settings.and_then(|bytes| std::str::from_utf8(bytes).ok());
    let Some(settings) = settings.filter(|settings| settings.len() <= MAX_SETTINGS_LEN) else {
        return Err(Flaw::Impossible { field: "settings length", value: settings_len as u64 });
    };
    if shards != header.shard_count || !(1..=MAX_SHARDS).contains(&(shards as usize)) {
        return Err(Flaw::Impossible { field: "shard count", value: shards.into() });
    }
    let start_of = |shard: u32| {
        let at = SLOTS_AT - CHECKSUM_AT + shard as usize * 2;
        u16::from_le_bytes([table[at], table[at + 1]])
    };
    let end_of = |shard| if shard + 1 < shards { start_of(shard + 1) } else { header.slots.end };
    let slots: Vec<_> = (0..shards).map(|shard| start_of(shard)..end_of(shard)).collect();
    match slots.iter().find(|slots| slots.start > slots.end) {
        Some(slots) => Err(Flaw::Impossible { field: "slot table", value: slots.start.into() }),
        None => Ok((settings.to_owned(), slots)),
    }
}

/// Deals `slot_count` slots to `shard_count` shards: contiguous, in order, as evenly as can be.
pub fn deal_slots(slot_count: u16, shard_count: u32) -> Vec<Range<u16>> {
    let bound = |shard: u32| {
        let slot = u64::from(slot_count) * u64::from(shard) / u64::from(shard_count);
        u16::try_from(slot).unwrap_or(slot_count)
    };
    (0..shard_count).map(|shard| bound(shard)..bound(shard + 1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_dealt_evenly_and_without_gaps() {
        for shards in [1, 2, 3, 8, 100, 4096] {
            let slots = deal_slots(16384, shards);
            assert_eq!((slots.len(), slots[0].start), (shards as usize, 0));
            assert_eq!(slots.last().map(|last| last.end), Some(16384));
            assert!(slots.windows(2).all(|pair| pair[0].end == pair[1].start));
            let (least, most) = (16384 / shards, 16384_u32.div_ceil(shards));
            assert!(slots.iter().all(|slots| (least..=most).contains(&(slots.len() as u32))));
        }
    }

    #[test]
    fn transaction_ids_tell_their_worker() {
        for (worker, count) in [(0, 0), (MAX_WORKERS - 1, 0), (5, 1 << 40), (7, (1 << 53) - 2)] {
            let id = TransactionId::new(worker, count);
            assert_eq!((id.worker(), TransactionId::from_raw(id.raw())), (worker, Some(id)));
            assert_eq!(id.raw() & COMMITTED, 0);
            assert_ne!(id, TransactionId::new(worker, count + 1));
        }
        assert_eq!(TransactionId::from_raw(0), None);
        assert_eq!(TransactionId::from_raw(COMMITTED | 5 << 10), None);
    }
}
