//! Crashes and panics at every store, for tests (feature `fault`).
//!
//! Every store to a region is one numbered event: a word, a record of the undo log, a move of its tail, a whole
//! fill, growth, a punched or refilled hole; a store to a hole is a panic. A [`Heap`] can record its events, so that a test replays every prefix of them onto
//! the bytes from before, which is exactly what a killed process leaves behind; and it can panic instead of
//! performing the n-th.
//!
//! Crashes, from any code that has a heap inside:
//! ```
//! use shm::{Handle, Heap, fault};
//!
//! let mut heap = Heap::in_memory(1 << 20);
//! let recording = fault::Recording::start(&mut heap);
//! let block: Handle<()> = heap.allocate(100).unwrap();
//! heap.fill(block, 0, 100, |bytes| bytes.fill(7));
//! heap.set_root(0, block.raw().into()).unwrap();
//! heap.commit();
//!
//! let crashes = recording.finish(&mut heap);
//! crashes.explore(fault::Effort::FULL, |heap, commits| {
//!     let block = Handle::<()>::from_raw(heap.root(0) as u32);
//!     assert_eq!(block.is_some(), commits == 1); // the state before, or the state after
//!     heap.verify(block).unwrap();
//! });
//! ```
//! Panics:
//! ```
//! use shm::{Handle, Heap, fault};
//!
//! let panics = fault::each_panic(
//!     || Heap::in_memory(1 << 20),
//!     |heap| heap,
//!     |heap| {
//!         let block: Handle<()> = heap.allocate(100).unwrap();
//!         heap.set_root(0, block.raw().into()).unwrap();
//!         heap.commit();
//!     },
//!     |heap, commits| assert_eq!(heap.root(0) != 0, commits == 1),
//! );
//! assert!(panics > 5);
//! ```

use std::cell::Cell;
use std::collections::BTreeSet;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use crate::alloc::page::{self, Kind};
use crate::heap::layout::{GROUP_PAGES, HOT_AT, LAYOUT_AT, TABLE_AT, TAIL_AT};
use crate::heap::{Heap, HeapOptions, PAGE_LEN};
use crate::region::Region;

/// One change of a region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Bytes were stored.
    Store { at: usize, bytes: Vec<u8> },
    /// The region was backed up to a length.
    Grow { to: usize },
    /// A range was given back to the system.
    Punch { start: usize, len: usize },
    /// A range was backed again.
    Refill { start: usize, len: usize },
}

impl Event {
    /// Whether this is a transaction's last store: its commit word, or the end of its rollback.
    fn ends_transaction(&self) -> bool {
        matches!(self, Event::Store { at: TAIL_AT, bytes } if bytes.iter().all(|&byte| byte == 0))
    }
}

/// The bytes of a region, and which of its pages have no memory behind them.
#[derive(Debug, Clone)]
struct Image {
    bytes: Vec<u8>,
    holes: BTreeSet<usize>,
}

impl Image {
    fn of(region: &Region) -> Image {
        Image { bytes: region.bytes().to_vec(), holes: region.faults.holes.clone() }
    }

    fn apply(&mut self, event: &Event) {
        match event {
            Event::Store { at, bytes } => self.bytes[*at..at + bytes.len()].copy_from_slice(bytes),
            Event::Grow { to } => self.bytes.resize(*to, 0),
            Event::Punch { start, len } => {
                self.bytes[*start..start + len].fill(0);
                self.holes.extend(pages(*start, *len));
            }
            Event::Refill { start, len } => self.holes.retain(|page| !pages(*start, *len).contains(page)),
        }
    }
}

fn pages(start: usize, len: usize) -> Range<usize> {
    start / PAGE_LEN..(start + len).div_ceil(PAGE_LEN)
}

/// What a panic that was asked for is thrown with.
#[derive(Debug)]
pub struct InjectedPanic;

/// A region's own part: what to record, where to panic.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    trace: Option<Vec<(u64, Event)>>,
    panic_after: Option<usize>,
    commits: usize,
    /// Pages that have been punched and not refilled.
    holes: BTreeSet<usize>,
}

impl Faults {
    /// Called before each store.
    pub fn before_store(&mut self, at: usize, len: usize) {
        if let Some(hole) = self.holes.range(pages(at, len)).next() {
            panic!("store to page {hole}, whose memory went back to the system");
        }
        self.before();
    }

    /// A range was given back to the system.
    pub fn punched(&mut self, start: usize, len: usize) {
        self.holes.extend(pages(start, len));
        self.after(|| Event::Punch { start, len });
    }

    /// A range is backed again.
    pub fn refilled(&mut self, start: usize, len: usize) {
        self.holes.retain(|page| !pages(start, len).contains(page));
        self.after(|| Event::Refill { start, len });
    }

    /// Called before each event.
    pub fn before(&mut self) {
        if let Some(left) = &mut self.panic_after {
            if *left == 0 {
                self.panic_after = None;
                resume_unwind(Box::new(InjectedPanic));
            }
            *left -= 1;
        }
    }

    /// Called after each event.
    pub fn after(&mut self, event: impl FnOnce() -> Event) {
        if self.trace.is_none() && self.panic_after.is_none() {
            return;
        }
        let event = event();
        self.commits += usize::from(event.ends_transaction());
        if let Some(trace) = &mut self.trace {
            trace.push((tick(), event));
        }
    }
}

thread_local! {
    static MOMENT: Cell<u64> = const { Cell::new(0) };
}

/// A new moment, after all events of this thread's recorded heaps so far and before all that follow: for a store that
/// is ordered with theirs but lies in none of them, such as the decision on a transaction over several.
pub fn tick() -> u64 {
    MOMENT.set(MOMENT.get() + 1);
    MOMENT.get()
}

/// A heap on a copy of another one's bytes, which has no transaction in flight: to begin with the same state many
/// times.
pub fn copy_of(heap: &Heap) -> Heap {
    recover(&Image::of(heap.region()), false).0
}

/// The bytes of a heap at some moment, and everything that is stored from then on.
pub struct Recording {
    before: Image,
}

impl Recording {
    /// Begins to record.
    pub fn start(heap: &mut Heap) -> Recording {
        let region = heap.region_mut();
        region.faults.trace = Some(Vec::new());
        Recording { before: Image::of(region) }
    }

    /// Ends the recording.
    pub fn finish(self, heap: &mut Heap) -> Crashes {
        let trace = heap.region_mut().faults.trace.take().unwrap_or_default();
        let (moments, events) = trace.into_iter().unzip();
        Crashes { before: self.before, events, moments }
    }
}

/// How much of what could happen is tried.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// Every how many events a crash is tried. Those just before and after a commit always are.
    pub every: usize,
    /// Every how many stores of the recovery it is cut off and started again; `usize::MAX` for never.
    pub recovery_every: usize,
}

impl Effort {
    /// Every prefix of the events, and every prefix of every recovery.
    pub const FULL: Effort = Effort { every: 1, recovery_every: 1 };

    /// About `count` crashes and as many recoveries, spread evenly.
    pub fn about(count: usize, crashes: &Crashes) -> Effort {
        let every = crashes.len().div_ceil(count.max(1)).max(1);
        Effort { every, recovery_every: every.saturating_mul(4) }
    }
}

/// Every crash that a recorded run could have met.
pub struct Crashes {
    before: Image,
    events: Vec<Event>,
    /// When each event was, as [`tick`] counts.
    moments: Vec<u64>,
}

impl Crashes {
    /// Number of events.
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether nothing was stored.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// The events, for a test that looks at them.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// The bytes of the region after a prefix of the events.
    pub fn image(&self, events: usize) -> Vec<u8> {
        let mut image = self.before.clone();
        self.events[..events].iter().for_each(|event| image.apply(event));
        image.bytes
    }

    /// For every prefix of the events: attaches to what it leaves, and shows the recovered heap to `check`
    /// together with the number of transactions that had ended by then. Likewise after every prefix of that
    /// recovery. No transaction is taken for committed by others. A panic of `check` names the crash.
    pub fn explore(&self, effort: Effort, check: impl FnMut(&mut Heap, usize)) {
        self.explore_prepared(effort, |_| false, check);
    }

    /// As [`Crashes::explore`]; recovery asks `is_committed` about prepared transactions, given the number of
    /// transactions that had ended before the crash.
    pub fn explore_prepared(
        &self,
        effort: Effort,
        is_committed: impl Fn(usize) -> bool,
        mut check: impl FnMut(&mut Heap, usize),
    ) {
        let mut image = self.before.clone();
        let mut commits = 0;
        for count in 0..=self.events.len() {
            let commit_is_next = self.events.get(count).is_some_and(Event::ends_transaction);
            let commit_was_last = count > 0 && self.events[count - 1].ends_transaction();
            commits += usize::from(commit_was_last);
            if count % effort.every == 0 || commit_is_next || commit_was_last || count == self.events.len() {
                let place = Place { what: "crash", at: count, of: self.events.len() };
                let mut again = |image: &Image| {
                    let (mut heap, events) = recover(image, is_committed(commits));
                    check(&mut heap, commits);
                    events
                };
                let recovery = again(&image);
                cut_off_recovery(&image, &recovery, effort, |image| drop(again(image)));
                drop(place);
            }
            if let Some(event) = self.events.get(count) {
                image.apply(event);
            }
        }
    }
}

/// For every moment of a run on several heaps: attaches to all that it leaves, and shows the recovered heaps to
/// `check` with the moment, as [`tick`] counts. Likewise after every prefix of that recovery, which goes from the
/// first heap to the last. `is_committed` is asked about prepared transactions, given the moment of the crash.
pub fn explore_together(
    runs: &[Crashes],
    effort: Effort,
    is_committed: impl Fn(u64) -> bool,
    mut check: impl FnMut(Vec<Heap>, u64),
) {
    let known: BTreeSet<u64> = runs.iter().flat_map(|run| run.moments.iter().copied()).collect();
    let (Some(&first), Some(&last)) = (known.first(), known.last()) else { return };
    let ends: BTreeSet<u64> =
        runs.iter().flat_map(|run| run.events.iter().zip(&run.moments)).filter_map(ends_at).collect();
    let mut images: Vec<Image> = runs.iter().map(|run| run.before.clone()).collect();
    let mut counts = vec![0; runs.len()];
    for moment in first - 1..=last {
        for (run, (image, count)) in runs.iter().zip(images.iter_mut().zip(&mut counts)) {
            while run.moments.get(*count).is_some_and(|&at| at <= moment) {
                image.apply(&run.events[*count]);
                *count += 1;
            }
        }
        let is_near_end = ends.contains(&moment) || ends.contains(&(moment + 1));
        // A moment of no heap is a store elsewhere: just after it, and just before.
        let is_elsewhere = |moment| moment > first && moment < last && !known.contains(&moment);
        let is_near_other = is_elsewhere(moment) || is_elsewhere(moment + 1);
        if !(is_near_end || is_near_other || (moment + 1 - first).is_multiple_of(effort.every as u64)) {
            continue;
        }
        let place =
            Place { what: "crash", at: (moment + 1 - first) as usize, of: (last + 1 - first) as usize };
        let decided = is_committed(moment);
        let (heaps, recoveries): (Vec<_>, Vec<_>) =
            images.iter().map(|image| recover(image, decided)).unzip();
        check(heaps, moment);
        let mut partly = images.clone();
        for (at, recovery) in recoveries.iter().enumerate() {
            let raw = partly[at].clone();
            cut_off_recovery(&raw, recovery, effort, |image| {
                partly[at] = image.clone();
                check(partly.iter().map(|image| recover(image, decided).0).collect(), moment);
            });
            partly[at] = raw;
            recovery.iter().for_each(|event| partly[at].apply(event));
        }
        drop(place);
    }
}

fn ends_at((event, moment): (&Event, &u64)) -> Option<u64> {
    event.ends_transaction().then_some(*moment)
}

fn cut_off_recovery(image: &Image, recovery: &[Event], effort: Effort, mut again: impl FnMut(&Image)) {
    if effort.recovery_every == usize::MAX {
        return;
    }
    let mut image = image.clone();
    for (count, event) in recovery.iter().enumerate() {
        image.apply(event);
        if count % effort.recovery_every == 0 || event.ends_transaction() {
            let place = Place { what: "recovery cut off", at: count + 1, of: recovery.len() };
            again(&image);
            drop(place);
        }
    }
}

/// Attaches to an image. Returns what that stored as well.
fn recover(image: &Image, is_committed: bool) -> (Heap, Vec<Event>) {
    let mut region = Region::from_image(&image.bytes, image.bytes.len() + (16 << 20));
    region.faults.holes = image.holes.clone();
    region.faults.trace = Some(Vec::new());
    let (mut heap, _) = Heap::attach(region, HeapOptions::default(), |_| is_committed)
        .unwrap_or_else(|corrupt| panic!("recovery refuses: {corrupt}"));
    let events = heap.region_mut().faults.trace.take().unwrap_or_default();
    (heap, events.into_iter().map(|(_, event)| event).collect())
}

/// Says where the exploration was when a check panics.
struct Place {
    what: &'static str,
    at: usize,
    of: usize,
}

impl Drop for Place {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("… {} after {} of {} events", self.what, self.at, self.of);
        }
    }
}

/// Runs `run` again and again on a state from `make`, panicking at its first event, its second, and so on until
/// one run meets no panic; returns how many did. After each, the heap is rolled back, if `run` has not done that
/// itself. If no transaction had ended by then, memory must be as it was, byte for byte: all but the contents of
/// free blocks, the log, and how many free pages there are. Then `check` sees the state, and how many had ended.
pub fn each_panic<S>(
    make: impl FnMut() -> S,
    heap_of: impl Fn(&mut S) -> &mut Heap,
    run: impl FnMut(&mut S),
    check: impl FnMut(&mut S, usize),
) -> usize {
    some_panics(1, make, heap_of, run, check)
}

/// As [`each_panic`], but only at every `every`th event; returns how many there were before that.
pub fn some_panics<S>(
    every: usize,
    mut make: impl FnMut() -> S,
    heap_of: impl Fn(&mut S) -> &mut Heap,
    mut run: impl FnMut(&mut S),
    mut check: impl FnMut(&mut S, usize),
) -> usize {
    for count in (0..).step_by(every) {
        let mut state = make();
        let before = Essence::of(heap_of(&mut state));
        let faults = &mut heap_of(&mut state).region_mut().faults;
        (faults.panic_after, faults.commits) = (Some(count), 0);
        let result = catch_unwind(AssertUnwindSafe(|| run(&mut state)));
        let place = Place { what: "panic", at: count, of: usize::MAX };
        let faults = &mut heap_of(&mut state).region_mut().faults;
        let fired = faults.panic_after.take().is_none();
        let commits = faults.commits;
        if let Err(payload) = result
            && !payload.is::<InjectedPanic>()
        {
            resume_unwind(payload);
        }
        if !fired {
            return count;
        }
        let heap = heap_of(&mut state);
        heap.rollback();
        if commits == 0 {
            Essence::of(heap).assert_same_as(&before);
        }
        check(&mut state, commits);
        drop(place);
    }
    0
}

/// What must be the same after a rollback: the superblock, hot line, roots and garbage list, and per page of
/// blocks its descriptor, bitmap and the contents of its allocated blocks. Free pages, pages that have no block
/// in use, log pages and holes are all the same to it.
#[derive(PartialEq, Eq)]
pub struct Essence {
    first_page: Vec<u8>,
    pages: Vec<(usize, Vec<u8>)>,
}

impl Essence {
    /// Reads it.
    pub fn of(heap: &Heap) -> Essence {
        let region = heap.region();
        let classes = heap.pages().classes();
        let mut first_page = region.bytes()[LAYOUT_AT..LAYOUT_AT + 8].to_vec();
        first_page.extend_from_slice(&region.bytes()[HOT_AT..TABLE_AT]);
        let pages = (0..region.len() / PAGE_LEN)
            .filter_map(|number| {
                let kind = page::kind_of(region, number, classes).expect("a descriptor");
                let Kind::Blocks { class, free } = kind else {
                    assert!(kind != Kind::Table || number.is_multiple_of(GROUP_PAGES));
                    return None;
                };
                let class = classes.class(class);
                if free == class.blocks {
                    return None;
                }
                let mut bytes = kind.encode().to_le_bytes().to_vec();
                bytes.extend_from_slice(&region.bytes()[number * PAGE_LEN..][..class.words() * 8]);
                for block in heap.blocks_of_page(number) {
                    bytes.extend_from_slice(heap.bytes(block, 0, usize::from(class.size)));
                }
                Some((number, bytes))
            })
            .collect();
        Essence { first_page, pages }
    }

    /// Panics with the first difference, if there is one.
    pub fn assert_same_as(&self, other: &Essence) {
        let differ = |a: &[u8], b: &[u8]| {
            let at = a.iter().zip(b).position(|(a, b)| a != b);
            at.unwrap_or(a.len().min(b.len()))
        };
        if self.first_page != other.first_page {
            let at = differ(&self.first_page, &other.first_page);
            panic!("first page differs {at} bytes after the layout word");
        }
        for (now, before) in self.pages.iter().zip(&other.pages) {
            if now != before {
                let at = differ(&now.1, &before.1);
                panic!("page {} differs from page {} at byte {at} of its essence", now.0, before.0);
            }
        }
        assert_eq!(self.pages.len(), other.pages.len(), "number of pages with blocks in use");
    }
}
