//! The hash index: from a hash to an entry, in the order of hashes, one index per database and shard.
//!
//! A hash is 64 bits, the slot in the upper 14 and 50 bits of a keyed hash of the key below, so that a
//! slot is a range and a scan goes slot by slot. The range of hashes is cut into *spans* of 1 to 63
//! buckets of one cache line each; a *directory* leads from a hash to its span. Hot, a lookup touches one
//! directory link, one bucket and the entry itself.
//!
//! ```text
//! HashIndex ── link ──▶ node: 2^w links ──▶ span: 1..63 buckets ──▶ bucket: 12 × (handle, tag) ──▶ entry
//!   (16 bytes, kept by the caller)   └────▶ node, where a range is crowded
//! ```
//!
//! What holds, and [`HashIndex::verify`] checks:
//! 1. an entry is in its home bucket or in the one other bucket that its class names (`span.rs`);
//! 2. a bucket's meta names exactly the classes that have entries elsewhere;
//! 3. home and tag give the cell of the entry's hash (`position.rs`);
//! 4. spans and empty stretches cover every point once; every link says how many buckets are below.
//!
//! A span without room is rebuilt a little larger in a fresh block, and at 63 buckets cut in two; a span
//! that empties is rebuilt smaller or joined with its sibling. Both are bounded by a span's length.
//! Everything reachable is changed by logged stores only.
//!
//! The index knows nothing of keys: it is told by [`Hashed`] what an entry's hash is, and by the caller
//! of [`HashIndex::find`] which entry is meant.

mod bucket;
mod directory;
mod grow;
mod position;
mod range;
mod reclaim;
mod relocate;
mod shrink;
mod span;
mod stats;
mod verify;

use directory::{Link, Path};
use position::{Shape, Slots, class_of, tag_of};
pub use position::{position, positions_of_slot};
pub use reclaim::DetachedIndex;
use span::{Place, Span};
pub use stats::IndexStats;

use crate::{Handle, Heap, OutOfMemory};

/// What is stored, for the layout hash of segments: to be changed with it.
pub(crate) const STORED: &str = "index: link u64 {handle 32, count 24, depth or width 6, kind 2}, len and slots u64; \
                                 bucket 64: handle u32*12, tag u8*12, meta u32 {displaced 12, zero 4, spills 16}; \
                                 span: 1 to 63 buckets by 256 * 2^log2 cells; slot 14, hash 50";

/// Marks a block that an index refers to. What is in it is the user's business.
pub enum Entry {}

/// The hash of an entry that is already in the index, found from its key.
pub trait Hashed {
    /// All 64 bits, the slot in the upper 14. Must be what the entry was inserted with.
    fn hash(&self, heap: &Heap, entry: Handle<Entry>) -> u64;
}

impl<F: Fn(&Heap, Handle<Entry>) -> u64> Hashed for F {
    fn hash(&self, heap: &Heap, entry: Handle<Entry>) -> u64 {
        self(heap, entry)
    }
}

/// An index: a plain value of 16 bytes in stored form, which the caller keeps in its own memory and
/// stores again after every change (the second word after each insertion and removal, the first only
/// when the top of the directory moved). After a rollback it is to be decoded anew.
///
/// A call that fails leaves the value unchanged; the transaction must then be rolled back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashIndex {
    top: Link,
    len: u64,
    slots: Slots,
}

/// Where an entry is. Valid until the next insertion or removal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    entry: Handle<Entry>,
    span: Handle<Span>,
    point: u64,
    /// Of the span.
    depth: u8,
    buckets: u8,
    /// In the span.
    bucket: u8,
    lane: u8,
}

impl Found {
    /// The entry itself.
    #[inline]
    pub fn entry(&self) -> Handle<Entry> {
        self.entry
    }

    #[inline]
    fn new(entry: Handle<Entry>, point: u64, (span, shape): (Handle<Span>, Shape), place: Place) -> Found {
        let (depth, buckets) = (shape.depth as u8, shape.buckets as u8);
        Found { entry, span, point, depth, buckets, bucket: place.bucket as u8, lane: place.lane as u8 }
    }

    #[inline]
    fn shape(&self) -> Shape {
        Shape { depth: u32::from(self.depth), buckets: usize::from(self.buckets) }
    }

    #[inline]
    fn place(&self) -> Place {
        Place { bucket: usize::from(self.bucket), lane: usize::from(self.lane) }
    }
}

const LEN_BITS: u32 = 35;

impl HashIndex {
    /// An empty index for the slots `first .. first + count`, at least one. It has no blocks.
    pub fn new(first_slot: u16, slot_count: u16) -> HashIndex {
        let end = u32::from(first_slot) + u32::from(slot_count);
        assert!(slot_count > 0 && end <= u32::from(position::SLOTS), "slots {first_slot} + {slot_count}");
        HashIndex { top: Link::EMPTY, len: 0, slots: Slots { first: first_slot, count: slot_count } }
    }

    /// The stored form: the top link, and entry count and slots. The second word is never zero.
    #[inline]
    pub fn encode(&self) -> [u64; 2] {
        let slots = u64::from(self.slots.first) << 15 | u64::from(self.slots.count);
        [self.top.0, self.len | slots << LEN_BITS]
    }

    /// The index stored as `words`; `None` if they are not what [`HashIndex::encode`] makes.
    pub fn decode(words: [u64; 2]) -> Option<HashIndex> {
        let index = HashIndex::of_sound(words);
        let slots = index.slots;
        let end = u32::from(slots.first) + u32::from(slots.count);
        let sound = index.top.is_sound() && slots.count > 0 && end <= u32::from(position::SLOTS);
        sound.then_some(index)
    }

    /// [`HashIndex::decode`] of words that are known to come from [`HashIndex::encode`]. Of others it makes an index
    /// that is of no use; nothing worse than a panic comes of it.
    #[inline]
    pub fn of_sound(words: [u64; 2]) -> HashIndex {
        let slots = words[1] >> LEN_BITS;
        let slots = Slots { first: (slots >> 15) as u16, count: (slots & 0x7FFF) as u16 };
        HashIndex { top: Link(words[0]), len: words[1] & ((1 << LEN_BITS) - 1), slots }
    }

    /// Entries in the index.
    #[inline]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there is no entry.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The entry with this hash for which `is_match` holds. It is asked about every entry with the same
    /// hash and, once in a few dozen lookups, about a foreign one.
    #[inline]
    pub fn find(
        &self,
        heap: &Heap,
        hash: u64,
        mut is_match: impl FnMut(Handle<Entry>) -> bool,
    ) -> Option<Found> {
        let point = self.slots.point(hash);
        let (span, shape) = directory::locate(heap, self.top, point)?;
        let cell = shape.cell(point);
        let (home, tag) = (shape.home(cell), tag_of(cell));
        let bucket = span::bucket(heap, span, home);
        for lane in bucket.at_home(tag) {
            if let Some(entry) = bucket.entry(lane)
                && is_match(entry)
            {
                return Some(Found::new(entry, point, (span, shape), Place { bucket: home, lane }));
            }
        }
        if bucket.meta().spills() >> class_of(tag) & 1 == 0 {
            return None;
        }
        let other = shape.alternate(home, class_of(tag));
        let bucket = span::bucket(heap, span, other);
        for lane in bucket.displaced(tag) {
            if let Some(entry) = bucket.entry(lane)
                && is_match(entry)
            {
                return Some(Found::new(entry, point, (span, shape), Place { bucket: other, lane }));
            }
        }
        None
    }

    /// Asks the processor to fetch the bucket that a lookup of this hash will read first.
    #[inline]
    pub fn prefetch_bucket(&self, heap: &Heap, hash: u64) {
        let point = self.slots.point(hash);
        if let Some((span, shape)) = directory::locate(heap, self.top, point) {
            heap.prefetch(span, shape.home(shape.cell(point)) * bucket::BUCKET_LEN);
        }
    }

    /// The first entry that [`HashIndex::find`] would ask about, most likely the one with this hash if
    /// there is one: to be prefetched.
    #[inline]
    pub fn candidate(&self, heap: &Heap, hash: u64) -> Option<Handle<Entry>> {
        self.find(heap, hash, |_| true).map(|found| found.entry)
    }

    /// Adds an entry, known to be absent, under its hash. `hashed` is asked about entries that are moved.
    ///
    /// More than two dozen entries whose hashes agree in all their upper 48 bits or more are refused as
    /// out of memory; keyed hashes do not come to that.
    pub fn insert<H: Hashed + ?Sized>(
        &mut self,
        heap: &mut Heap,
        hash: u64,
        entry: Handle<Entry>,
        hashed: &H,
    ) -> Result<(), OutOfMemory> {
        let point = self.slots.point(hash);
        let top = match directory::locate(heap, self.top, point) {
            Some((span, shape)) if span::insert(heap, span, shape, point, entry)? => self.top,
            Some(_) => self.grown(heap, point, entry, hashed)?,
            None => self.with_first(heap, point, entry)?,
        };
        (self.top, self.len) = (top, self.len + 1);
        Ok(())
    }

    /// Makes the index refer to another block instead of a found entry's: one logged word. The hash of
    /// both must be the same.
    #[inline]
    pub fn replace(&self, heap: &mut Heap, found: &Found, entry: Handle<Entry>) -> Result<(), OutOfMemory> {
        heap.store_u32(found.span, found.place().start(), entry.raw())
    }

    /// Takes a found entry out of the index; its block stays the caller's. Needs no memory: where there
    /// is none, blocks that could shrink stay as they are.
    pub fn remove<H: Hashed + ?Sized>(
        &mut self,
        heap: &mut Heap,
        found: &Found,
        hashed: &H,
    ) -> Result<(), OutOfMemory> {
        let left_count = span::remove(heap, found.span, found.shape(), found.place())?;
        let mut top = self.top;
        if left_count <= shrink::CHECK_AT {
            top = self.shrunk(heap, found.point, hashed)?;
        }
        (self.top, self.len) = (top, self.len - 1);
        Ok(())
    }

    fn path(&self, heap: &Heap, point: u64) -> Path {
        Path::to(heap, self.top, point)
    }
}
