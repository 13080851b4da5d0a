//! A span: 1 to 63 buckets in one block, home to one range of points.
//!
//! An entry lives in its home bucket or, when that was full, in the one other bucket that its class
//! names. The full bucket chooses who leaves: any of its entries, or the newcomer, whose other bucket
//! has room. That choice fills spans to more than nine tenths on average before one has to grow, while a
//! lookup never sees more than two buckets, and no second one unless home's meta word names the class.

use super::bucket::{BUCKET_LEN, Bucket, LANES, META_AT, TAGS_AT};
use super::position::{MAX_BUCKETS, Shape, Slots, cell_of, class_of, tag_of};
use super::{Entry, Hashed};
use crate::{Handle, Heap, OutOfMemory};

/// Marks a block that holds a span.
pub(super) enum Span {}

/// How far ahead of hashing the keys are fetched.
const PREFETCH_AHEAD: usize = 12;

/// A lane of a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) bucket: usize,
    pub(super) lane: usize,
}

impl Place {
    /// Where in the span's block the lane's handle is.
    #[inline]
    pub(super) fn start(self) -> usize {
        self.bucket * BUCKET_LEN + self.lane * 4
    }
}

/// Where a new entry can go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Room {
    /// A free lane at home.
    Home { lane: usize },
    /// A free lane in the other bucket of the newcomer.
    Away { place: Place },
    /// The lane of a resident of home whose other bucket has a free one.
    Exchange { lane: usize, place: Place },
}

fn room(span: &[u8], shape: Shape, home: usize, tag: u8) -> Option<Room> {
    let bucket = Bucket::of(span, home);
    if let Some(lane) = bucket.free() {
        return Some(Room::Home { lane });
    }
    if shape.buckets == 1 {
        return None;
    }
    let away = |tag| {
        let bucket = shape.alternate(home, class_of(tag));
        Bucket::of(span, bucket).free().map(|lane| Place { bucket, lane })
    };
    if let Some(place) = away(tag) {
        return Some(Room::Away { place });
    }
    let mut tried = 1u16 << class_of(tag);
    for lane in bucket.used_where(false) {
        let class = 1 << class_of(bucket.tag(lane));
        if tried & class == 0 {
            tried |= class;
            if let Some(place) = away(bucket.tag(lane)) {
                return Some(Room::Exchange { lane, place });
            }
        }
    }
    None
}

/// What changes a span: logged stores into a live one, plain ones into one being built.
trait Write {
    fn write(&mut self, start: usize, bytes: &[u8]) -> Result<(), OutOfMemory>;
    fn bucket(&self, index: usize) -> Bucket<'_>;

    /// Puts an entry into a free or vacated lane.
    fn put(
        &mut self,
        place: Place,
        entry: Handle<Entry>,
        tag: u8,
        displaced: bool,
    ) -> Result<(), OutOfMemory> {
        let base = place.bucket * BUCKET_LEN;
        let bucket = self.bucket(place.bucket);
        let old_meta = bucket.meta();
        let same_tag = bucket.tag(place.lane) == tag;
        let meta = old_meta.with_displaced(place.lane, displaced);
        self.write(place.start(), &entry.raw().to_le_bytes())?;
        if !same_tag {
            self.write(base + TAGS_AT + place.lane, &[tag])?;
        }
        if meta != old_meta {
            self.write(base + META_AT, &meta.0.to_le_bytes())?;
        }
        Ok(())
    }

    /// Makes `home` name a class as spilled, or not.
    fn mark_spill(&mut self, home: usize, class: u8, present: bool) -> Result<(), OutOfMemory> {
        let old = self.bucket(home).meta();
        let new = old.with_spill(class, present);
        if new == old {
            return Ok(());
        }
        self.write(home * BUCKET_LEN + META_AT, &new.0.to_le_bytes())
    }

    /// Adds an entry where `room` says.
    fn add(&mut self, room: Room, home: usize, tag: u8, entry: Handle<Entry>) -> Result<(), OutOfMemory> {
        match room {
            Room::Home { lane } => self.put(Place { bucket: home, lane }, entry, tag, false),
            Room::Away { place } => {
                self.put(place, entry, tag, true)?;
                self.mark_spill(home, class_of(tag), true)
            }
            Room::Exchange { lane, place } => {
                let bucket = self.bucket(home);
                let leaving_tag = bucket.tag(lane);
                // A full home: every lane holds an entry.
                let leaving = bucket.entry(lane).expect("only full buckets exchange");
                self.put(place, leaving, leaving_tag, true)?;
                self.mark_spill(home, class_of(leaving_tag), true)?;
                self.put(Place { bucket: home, lane }, entry, tag, false)
            }
        }
    }
}

struct Live<'a> {
    heap: &'a mut Heap,
    span: Handle<Span>,
}

impl Write for Live<'_> {
    fn write(&mut self, start: usize, bytes: &[u8]) -> Result<(), OutOfMemory> {
        self.heap.store(self.span, start, bytes)
    }

    fn bucket(&self, index: usize) -> Bucket<'_> {
        bucket(self.heap, self.span, index)
    }
}

/// One bucket of a span.
#[inline]
pub(super) fn bucket(heap: &Heap, span: Handle<Span>, index: usize) -> Bucket<'_> {
    Bucket::from_line(heap.bytes(span, index * BUCKET_LEN, BUCKET_LEN))
}

/// Adds an entry to a span in place; `false` if it has no room.
pub(super) fn insert(
    heap: &mut Heap,
    span: Handle<Span>,
    shape: Shape,
    point: u64,
    entry: Handle<Entry>,
) -> Result<bool, OutOfMemory> {
    let cell = shape.cell(point);
    let (home, tag) = (shape.home(cell), tag_of(cell));
    let Some(room) = room(bytes(heap, span, shape), shape, home, tag) else {
        return Ok(false);
    };
    Live { heap, span }.add(room, home, tag, entry)?;
    Ok(true)
}

/// Takes an entry out; how many are left in its bucket.
pub(super) fn remove(
    heap: &mut Heap,
    span: Handle<Span>,
    shape: Shape,
    place: Place,
) -> Result<usize, OutOfMemory> {
    let old = bucket(heap, span, place.bucket);
    let class = class_of(old.tag(place.lane));
    let was_displaced = old.is_displaced(place.lane);
    heap.store_u32(span, place.start(), 0)?;
    let left = bucket(heap, span, place.bucket);
    let left_count = left.used().count();
    if was_displaced {
        // Same class and displaced to the same bucket means the same home.
        let others = left.used_where(true).any(|lane| class_of(left.tag(lane)) == class);
        if !others {
            let home = shape.home_of_displaced(place.bucket, class);
            Live { heap, span }.mark_spill(home, class, false)?;
        }
    }
    Ok(left_count)
}

/// All bytes of a span.
pub(super) fn bytes(heap: &Heap, span: Handle<Span>, shape: Shape) -> &[u8] {
    heap.bytes(span, 0, shape.buckets * BUCKET_LEN)
}

/// Entries in a span.
pub(super) fn count(heap: &Heap, span: Handle<Span>, shape: Shape) -> usize {
    bytes(heap, span, shape).chunks_exact(BUCKET_LEN).map(|line| Bucket::from_line(line).used().count()).sum()
}

/// Calls `visit` with cell and lane of every entry at home in a bucket.
pub(super) fn for_each_at_home(
    span: &[u8],
    shape: Shape,
    home: usize,
    mut visit: impl FnMut(usize, Handle<Entry>),
) {
    let bucket = Bucket::of(span, home);
    let first = shape.first_cell(home);
    for lane in bucket.used_where(false) {
        if let Some(entry) = bucket.entry(lane) {
            visit(cell_of(first, bucket.tag(lane)), entry);
        }
    }
    let mut spills = bucket.meta().spills();
    while spills != 0 {
        let class = spills.trailing_zeros() as u8;
        spills &= spills - 1;
        let other = Bucket::of(span, shape.alternate(home, class));
        for lane in other.used_where(true) {
            let tag = other.tag(lane);
            if class_of(tag) == class
                && let Some(entry) = other.entry(lane)
            {
                visit(cell_of(first, tag), entry);
            }
        }
    }
}

/// Entries on their way from one span to another, each with as much of its point as is known.
pub(super) struct Load {
    items: Vec<(u64, Handle<Entry>)>,
    known_bits: u32,
}

impl Load {
    /// A load without entries, all of whose points are known.
    pub(super) fn new() -> Load {
        Load { items: Vec::with_capacity(64), known_bits: u64::BITS }
    }

    /// Adds the entries of a span that covers `point`.
    pub(super) fn add_span(&mut self, heap: &Heap, span: Handle<Span>, shape: Shape, point: u64) {
        let start = shape.start(point);
        let bytes = bytes(heap, span, shape);
        self.known_bits = self.known_bits.min(shape.known_bits());
        self.items.reserve(shape.buckets * LANES);
        for home in 0..shape.buckets {
            for_each_at_home(bytes, shape, home, |cell, entry| {
                self.items.push((shape.point_of(start, cell), entry));
            });
        }
    }

    /// Adds one entry.
    pub(super) fn add(&mut self, point: u64, entry: Handle<Entry>) {
        self.items.push((point, entry));
    }

    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    /// Reads the keys if fewer leading bits than `bits` are known of the points.
    pub(super) fn refine(&mut self, bits: u32, heap: &Heap, mut point: impl FnMut(Handle<Entry>) -> u64) {
        if self.known_bits >= bits {
            return;
        }
        for &(_, entry) in self.items.iter().take(PREFETCH_AHEAD) {
            heap.prefetch(entry, 0);
        }
        for at in 0..self.items.len() {
            if let Some(&(_, ahead)) = self.items.get(at + PREFETCH_AHEAD) {
                heap.prefetch(ahead, 0);
            }
            self.items[at].0 = point(self.items[at].1);
        }
        self.known_bits = u64::BITS;
    }

    /// Cuts the load in two by the bit at `depth` of the points: zeros stay, ones are returned.
    pub(super) fn split_off(&mut self, depth: u32) -> Load {
        let bit = 1 << (u64::BITS - 1 - depth);
        let ones = self.items.extract_if(.., |(point, _)| *point & bit != 0).collect();
        Load { items: ones, known_bits: self.known_bits }
    }

    /// The bytes of a span of this shape with all entries in it, and how many of them are displaced;
    /// `None` if they do not fit. The points must be known to [`Shape::known_bits`].
    pub(super) fn pack(&self, shape: Shape) -> Option<Packed> {
        debug_assert!(self.known_bits >= shape.known_bits());
        if self.items.len() > shape.buckets * LANES {
            return None;
        }
        let mut bytes = vec![0; shape.buckets * BUCKET_LEN];
        let mut late = Vec::new();
        let mut filled = [0u8; MAX_BUCKETS];
        for &(point, entry) in &self.items {
            let cell = shape.cell(point);
            let (home, tag) = (shape.home(cell), tag_of(cell));
            let lane = usize::from(filled[home]);
            if lane == LANES {
                late.push((home, tag, entry));
                continue;
            }
            filled[home] += 1;
            let line = &mut bytes[home * BUCKET_LEN..][..BUCKET_LEN];
            line[lane * 4..][..4].copy_from_slice(&entry.raw().to_le_bytes());
            line[TAGS_AT + lane] = tag;
        }
        let mut packed = Packed { bytes, shape, displaced_count: late.len() };
        for (home, tag, entry) in late {
            let room = room(&packed.bytes, shape, home, tag)?;
            packed.add(room, home, tag, entry).ok()?;
        }
        Some(packed)
    }
}

/// A span's bytes before they are in a block.
pub(super) struct Packed {
    bytes: Vec<u8>,
    shape: Shape,
    /// Entries that are not at home.
    pub(super) displaced_count: usize,
}

impl Write for Packed {
    fn write(&mut self, start: usize, bytes: &[u8]) -> Result<(), OutOfMemory> {
        self.bytes[start..][..bytes.len()].copy_from_slice(bytes);
        Ok(())
    }

    fn bucket(&self, index: usize) -> Bucket<'_> {
        Bucket::of(&self.bytes, index)
    }
}

impl Packed {
    /// Buckets of the span.
    pub(super) fn bucket_count(&self) -> usize {
        self.shape.buckets
    }

    /// The span in a fresh block.
    pub(super) fn into_block(self, heap: &mut Heap) -> Result<(Handle<Span>, Shape), OutOfMemory> {
        let span = heap.allocate(self.bytes.len())?;
        heap.fill(span, 0, self.bytes.len(), |block| block.copy_from_slice(&self.bytes));
        Ok((span, self.shape))
    }
}

/// The full points of entries, by way of their keys.
pub(super) fn point_by_key<'a, H: Hashed + ?Sized>(
    heap: &'a Heap,
    slots: Slots,
    hashed: &'a H,
) -> impl FnMut(Handle<Entry>) -> u64 + 'a {
    move |entry| slots.point(hashed.hash(heap, entry))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(number: usize) -> Handle<Entry> {
        Handle::from_raw(number as u32 + 1).unwrap()
    }

    /// All entries of a packed span, as pairs of cell and handle, checked to be where lookups look.
    fn contents(bytes: &[u8], shape: Shape) -> Vec<(usize, u32)> {
        let mut found = Vec::new();
        for home in 0..shape.buckets {
            for_each_at_home(bytes, shape, home, |cell, entry| {
                assert_eq!(shape.home(cell), home);
                found.push((cell, entry.raw()));
            });
        }
        found.sort_unstable();
        found
    }

    #[test]
    fn a_full_bucket_sends_away_who_finds_room() {
        let shape = Shape { depth: 0, buckets: 4 };
        let mut load = Load::new();
        // Thirty entries at home in bucket 1, of five classes that go to all three other buckets.
        let mut expected = Vec::new();
        for number in 0..30 {
            let cell = shape.first_cell(1) + number % 5 * 3;
            load.add(shape.point_of(0, cell), entry(number));
            expected.push((cell, entry(number).raw()));
        }
        expected.sort_unstable();
        let packed = load.pack(shape).unwrap();
        assert_eq!(packed.displaced_count, 18);
        assert_eq!(contents(&packed.bytes, shape), expected);
    }

    #[test]
    fn a_load_that_cannot_fit_is_refused() {
        let mut load = Load::new();
        for number in 0..25 {
            load.add(0, entry(number));
        }
        // One tag: one home and one other bucket, whatever the number of buckets.
        for buckets in [1, 2, 10, 63] {
            assert!(load.pack(Shape { depth: 0, buckets }).is_none());
        }
        load.items.pop();
        assert!(load.pack(Shape { depth: 0, buckets: 2 }).is_some());
    }

    #[test]
    fn a_load_splits_by_the_bit_below_the_prefix() {
        let mut load = Load::new();
        for number in 0..8 {
            load.add((number as u64) << 61, entry(number));
        }
        let ones = load.split_off(1);
        let points = |load: &Load| load.items.iter().map(|item| item.0 >> 61).collect::<Vec<_>>();
        assert_eq!(points(&load), [0, 1, 4, 5]);
        assert_eq!(points(&ones), [2, 3, 6, 7]);
    }
}
