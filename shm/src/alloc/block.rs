//! Which page a block comes from.
//!
//! The owner's private picture of the page table, rebuilt from it at attach: for each class the page that
//! blocks are being taken from (the *open* page), and its other pages with free blocks on eight shelves by
//! emptiness. When the open page is full the fullest shelf gives the next, so that sparse pages drain and
//! become free again. Nothing here allocates memory except when the region grows.

use std::ops::Range;

use crate::alloc::page::{self, Kind};
use crate::alloc::page_set::PageSet;
use crate::alloc::size_class::{Class, MAX_CLASSES, SizeClasses};
use crate::alloc::stats::{ClassStats, PageStats};
use crate::heap::PAGE_LEN;
use crate::heap::layout::GROUP_PAGES;
use crate::region::Region;

const SHELVES: usize = 8;
/// The shelf of pages without a block in use.
const EMPTY_SHELF: u8 = 7;
/// From this shelf on a page is sparse: at least four sevenths of it are free.
const SPARSE_SHELF: usize = 4;

/// What is known of one page.
#[derive(Debug, Clone, Copy)]
struct Page {
    kind: PageKind,
    class: u8,
    place: Place,
    /// No blocks are taken from this page: its blocks are being moved away.
    evacuating: bool,
    free: u16,
    /// Neighbours on the shelf; 0 is none, since page 0 holds no blocks.
    previous: u32,
    next: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PageKind {
    Unused,
    Blocks,
    Reserved,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Nowhere,
    Open,
    Shelf(u8),
}

impl Page {
    const RESERVED: Page = Page {
        kind: PageKind::Reserved,
        class: 0,
        place: Place::Nowhere,
        evacuating: false,
        free: 0,
        previous: 0,
        next: 0,
    };
}

/// The pages of one class that have free blocks.
#[derive(Debug, Clone, Copy, Default)]
struct Rack {
    /// Where the open page's bitmap is being looked at; 0 if no page is open.
    word_at: usize,
    /// First page of each shelf.
    shelves: [u32; SHELVES],
    /// Bit per shelf that has a page.
    stocked: u8,
}

/// All pages.
pub(crate) struct Pages {
    classes: &'static SizeClasses,
    pages: Vec<Page>,
    racks: [Rack; MAX_CLASSES],
    free: PageSet,
    holes: PageSet,
    /// Pages whose last block was freed in this transaction.
    emptied: Vec<u32>,
    /// Pages that are, or lately were, being evacuated.
    evacuating: Vec<u32>,
}

impl Pages {
    pub fn new(classes: &'static SizeClasses) -> Pages {
        Pages {
            classes,
            pages: Vec::new(),
            racks: [Rack::default(); MAX_CLASSES],
            free: PageSet::default(),
            holes: PageSet::default(),
            emptied: Vec::new(),
            evacuating: Vec::new(),
        }
    }

    pub fn classes(&self) -> &'static SizeClasses {
        self.classes
    }

    /// Number of pages known.
    pub fn count(&self) -> usize {
        self.pages.len()
    }

    /// Makes room for `count` pages; new ones are reserved until `reload` says otherwise.
    pub fn resize(&mut self, count: usize) {
        self.pages.resize(count, Page::RESERVED);
        self.free.resize(count);
        self.holes.resize(count);
    }

    /// The class of the blocks of a page, if it has blocks.
    #[inline]
    pub fn class_of(&self, page: usize) -> Option<&'static Class> {
        let page = self.pages.get(page)?;
        (page.kind == PageKind::Blocks).then(|| self.classes.class(page.class))
    }

    /// The number of the class of the blocks of a page that has blocks.
    #[inline]
    pub fn class_number_of(&self, page: usize) -> u8 {
        self.pages[page].class
    }

    // ---- taking blocks ----------------------------------------------------------------------

    /// A bitmap word of a page of this class with a bit that is 0: its offset and value. `None` if a page
    /// must be opened.
    #[inline]
    pub fn vacancy(&mut self, region: &Region, class: u8) -> Option<(usize, u64)> {
        let word_at = self.racks[usize::from(class)].word_at;
        if word_at != 0 {
            let word = region.load_u64(word_at);
            if word != u64::MAX {
                return Some((word_at, word));
            }
        }
        self.next_vacancy(region, class)
    }

    #[inline(never)]
    fn next_vacancy(&mut self, region: &Region, class: u8) -> Option<(usize, u64)> {
        let rack = usize::from(class);
        let words = self.classes.class(class).words();
        loop {
            let at = self.racks[rack].word_at;
            if at != 0 && self.pages[at / PAGE_LEN].free > 0 {
                let start = at / PAGE_LEN * PAGE_LEN;
                let (before, after) = (start..at, at..start + words * 8);
                for word_at in after.chain(before).step_by(8) {
                    let word = region.load_u64(word_at);
                    if word != u64::MAX {
                        self.racks[rack].word_at = word_at;
                        return Some((word_at, word));
                    }
                }
                panic!("page {} has no free block but counts some", at / PAGE_LEN);
            }
            self.close(class);
            let stocked = self.racks[rack].stocked;
            if stocked == 0 {
                return None;
            }
            let fullest = self.racks[rack].shelves[stocked.trailing_zeros() as usize] as usize;
            self.unshelve(fullest);
            self.set_open(fullest);
        }
    }

    /// A block of the page was taken: its bit is set. Returns the free blocks left.
    #[inline]
    pub fn took(&mut self, page: usize) -> u16 {
        let page = &mut self.pages[page];
        page.free -= 1;
        page.free
    }

    /// A page has been made one of blocks of this class, all free; takes blocks from it next.
    pub fn opened(&mut self, page: usize, class: u8) {
        self.free.remove(page);
        self.close(class);
        self.pages[page] =
            Page { kind: PageKind::Blocks, class, free: self.classes.class(class).blocks, ..Page::RESERVED };
        self.set_open(page);
    }

    fn set_open(&mut self, page: usize) {
        self.pages[page].place = Place::Open;
        self.racks[usize::from(self.pages[page].class)].word_at = page * PAGE_LEN;
    }

    /// Puts the open page of a class on its shelf.
    fn close(&mut self, class: u8) {
        let rack = &mut self.racks[usize::from(class)];
        if rack.word_at != 0 {
            let page = rack.word_at / PAGE_LEN;
            rack.word_at = 0;
            self.pages[page].place = Place::Nowhere;
            self.shelve(page);
        }
    }

    // ---- giving blocks back -----------------------------------------------------------------

    /// A block of the page was given back: its bit is clear. Returns the free blocks.
    #[inline]
    pub fn gave(&mut self, number: usize) -> u16 {
        let page = &mut self.pages[number];
        page.free += 1;
        let (free, place) = (page.free, page.place);
        let class = self.classes.class(page.class);
        if place != Place::Open {
            let shelf = class.emptiness(free) as u8;
            if place != Place::Shelf(shelf) {
                self.unshelve(number);
                self.shelve(number);
            }
            if free == class.blocks {
                self.emptied.push(number as u32);
            }
        }
        free
    }

    /// Whether pages were emptied since [`Pages::next_emptied`] last said `None`.
    #[inline]
    pub fn has_emptied(&self) -> bool {
        !self.emptied.is_empty()
    }

    /// A page that a committed free has emptied; the caller makes its descriptor say so, then calls
    /// [`Pages::released`].
    pub fn next_emptied(&mut self) -> Option<usize> {
        loop {
            let page = self.emptied.pop()? as usize;
            let unused = matches!(self.class_of(page), Some(class) if self.pages[page].free == class.blocks);
            if unused && self.pages[page].place != Place::Open {
                return Some(page);
            }
        }
    }

    /// Forgets what the transaction's frees have emptied: they are being taken back.
    pub fn forget_emptied(&mut self) {
        self.emptied.clear();
    }

    /// A page of blocks, open or not, of which none is in use; as for [`Pages::next_emptied`].
    pub fn any_empty(&self) -> Option<usize> {
        self.racks[..self.classes.count()].iter().find_map(|rack| {
            let open = rack.word_at / PAGE_LEN;
            if open != 0 && self.pages[open].free == self.classes.class(self.pages[open].class).blocks {
                return Some(open);
            }
            let shelved = rack.shelves[usize::from(EMPTY_SHELF)] as usize;
            (shelved != 0).then_some(shelved)
        })
    }

    /// The descriptor of a page now says that it is free.
    pub fn released(&mut self, page: usize) {
        self.take_out(page);
        self.pages[page] = Page { kind: PageKind::Unused, ..Page::RESERVED };
        self.free.insert(page);
    }

    /// The descriptor of a page now says that it is something other than free or blocks.
    pub fn reserved(&mut self, page: usize) {
        self.take_out(page);
        self.pages[page] = Page::RESERVED;
    }

    /// The descriptor of a page now says that it is a hole.
    pub fn punched(&mut self, page: usize) {
        self.take_out(page);
        self.pages[page] = Page { kind: PageKind::Unused, ..Page::RESERVED };
        self.holes.insert(page);
    }

    /// Takes a page out of every list it may be on.
    fn take_out(&mut self, page: usize) {
        match self.pages[page].place {
            Place::Open => self.racks[usize::from(self.pages[page].class)].word_at = 0,
            Place::Shelf(_) => self.unshelve(page),
            Place::Nowhere => {}
        }
        self.pages[page].place = Place::Nowhere;
        self.free.remove(page);
        self.holes.remove(page);
    }

    // ---- whole pages ------------------------------------------------------------------------

    /// The lowest free page.
    pub fn lowest_free(&self) -> Option<usize> {
        self.free.lowest()
    }

    /// The lowest page that must be backed before use.
    pub fn lowest_hole(&self) -> Option<usize> {
        self.holes.lowest()
    }

    /// Free pages that are backed.
    pub fn free_count(&self) -> usize {
        self.free.len()
    }

    /// Free pages that are not.
    pub fn hole_count(&self) -> usize {
        self.holes.len()
    }

    /// Whether a page is a hole.
    pub fn is_hole(&self, page: usize) -> bool {
        self.holes.contains(page)
    }

    /// Takes over what the descriptor of a page says, after a rollback or at attach.
    pub fn reload(&mut self, region: &Region, page: usize) {
        let evacuating = self.pages[page].evacuating;
        match page::kind_of(region, page, self.classes) {
            Some(Kind::Free) => self.released(page),
            Some(Kind::Hole) => self.punched(page),
            Some(Kind::Blocks { class, free }) => {
                self.take_out(page);
                self.pages[page] = Page { kind: PageKind::Blocks, class, free, evacuating, ..Page::RESERVED };
                self.shelve(page);
            }
            Some(Kind::Log | Kind::Table) => self.reserved(page),
            None => panic!("page {page} has no valid descriptor"),
        }
    }

    /// The pages of the chunk of 32 from `first`, as many as there are, if all are free; less a page table at its
    /// start.
    pub fn free_chunk(&self, first: usize) -> Option<Range<usize>> {
        let tables = usize::from(first.is_multiple_of(GROUP_PAGES));
        let count = (self.pages.len() - first).min(32);
        let all = u32::MAX >> (32 - count) >> tables << tables;
        (all != 0 && self.free.run_of_32(first) == all).then_some(first + tables..first + count)
    }

    /// Counts everything.
    pub fn stats(&self) -> PageStats {
        let mut stats =
            PageStats { free_pages: self.free.len(), holes: self.holes.len(), ..PageStats::default() };
        let mut classes: Vec<ClassStats> = (0..self.classes.count())
            .map(|number| ClassStats {
                block_len: usize::from(self.classes.class(number as u8).size),
                ..ClassStats::default()
            })
            .collect();
        for page in &self.pages {
            match page.kind {
                PageKind::Unused => {}
                PageKind::Reserved => stats.own_pages += 1,
                PageKind::Blocks => {
                    let class = &mut classes[usize::from(page.class)];
                    let blocks = self.classes.class(page.class).blocks;
                    class.pages += 1;
                    class.blocks_free += usize::from(page.free);
                    class.blocks_used += usize::from(blocks - page.free);
                    stats.evacuating_pages += usize::from(page.evacuating);
                }
            }
        }
        classes.retain(|class| class.pages > 0);
        stats.classes = classes;
        stats
    }

    // ---- evacuation -------------------------------------------------------------------------

    /// Whether blocks of this page are being moved away.
    #[inline]
    pub fn is_evacuating(&self, page: usize) -> bool {
        self.pages.get(page).is_some_and(|page| page.evacuating)
    }

    /// The pages whose blocks are being moved away.
    pub fn evacuating(&self) -> impl Iterator<Item = usize> {
        self.evacuating.iter().map(|&page| page as usize).filter(|&page| self.is_evacuating(page))
    }

    /// Chooses up to `pages_max` pages to be evacuated, the emptiest first, of classes whose other pages have
    /// room for the blocks. Returns how many are being evacuated then.
    pub fn choose_sparse(&mut self, pages_max: usize) -> usize {
        let mut chosen: Vec<u32> = self.evacuating().map(|page| page as u32).collect();
        let mut room = self.room_by_class();
        for shelf in (SPARSE_SHELF..usize::from(EMPTY_SHELF)).rev() {
            for (number, room) in room.iter_mut().enumerate().take(self.classes.count()) {
                let blocks = usize::from(self.classes.class(number as u8).blocks);
                let mut next = self.racks[number].shelves[shelf] as usize;
                // What the page has free is no room any more, and its blocks take some of the rest.
                while next != 0 && chosen.len() < pages_max && *room >= blocks {
                    let page = next;
                    next = self.pages[page].next as usize;
                    *room -= blocks;
                    self.unshelve(page);
                    self.pages[page].evacuating = true;
                    chosen.push(page as u32);
                }
            }
        }
        self.evacuating = chosen;
        self.evacuating.len()
    }

    /// Free blocks per class in pages that blocks are taken from, less what pages under evacuation still hold.
    fn room_by_class(&self) -> [usize; MAX_CLASSES] {
        let (mut free, mut moving) = ([0usize; MAX_CLASSES], [0usize; MAX_CLASSES]);
        for page in self.pages.iter().filter(|page| page.kind == PageKind::Blocks) {
            let class = usize::from(page.class);
            if page.evacuating {
                moving[class] += usize::from(self.classes.class(page.class).blocks - page.free);
            } else {
                free[class] += usize::from(page.free);
            }
        }
        std::array::from_fn(|class| free[class].saturating_sub(moving[class]))
    }

    /// Ends the evacuation of all pages.
    pub fn forget_sparse(&mut self) {
        for page in std::mem::take(&mut self.evacuating) {
            let page = page as usize;
            if std::mem::take(&mut self.pages[page].evacuating) {
                self.shelve(page);
            }
        }
    }

    // ---- shelves ----------------------------------------------------------------------------

    /// Puts a page on the shelf it belongs on, if it has free blocks that may be taken.
    fn shelve(&mut self, number: usize) {
        let page = self.pages[number];
        if page.free == 0 || page.evacuating {
            return;
        }
        let shelf = self.classes.class(page.class).emptiness(page.free);
        let rack = &mut self.racks[usize::from(page.class)];
        let next = std::mem::replace(&mut rack.shelves[shelf], number as u32);
        rack.stocked |= 1 << shelf;
        self.pages[number].place = Place::Shelf(shelf as u8);
        self.pages[number].previous = 0;
        self.pages[number].next = next;
        if next != 0 {
            self.pages[next as usize].previous = number as u32;
        }
    }

    /// Takes a page off its shelf, if it is on one.
    fn unshelve(&mut self, number: usize) {
        let Page { class, place: Place::Shelf(shelf), previous, next, .. } = self.pages[number] else {
            return;
        };
        if next != 0 {
            self.pages[next as usize].previous = previous;
        }
        let rack = &mut self.racks[usize::from(class)];
        if previous != 0 {
            self.pages[previous as usize].next = next;
        } else {
            rack.shelves[usize::from(shelf)] = next;
            if next == 0 {
                rack.stocked &= !(1 << shelf);
            }
        }
        self.pages[number].place = Place::Nowhere;
    }
}

// ---- verification ---------------------------------------------------------------------------

impl Pages {
    /// Whether the mirror of a page says what its descriptor does.
    pub fn agrees(&self, number: usize, kind: Kind) -> Result<(), &'static str> {
        let page = self.pages[number];
        let same = match kind {
            Kind::Free => self.free.contains(number),
            Kind::Hole => self.holes.contains(number),
            Kind::Blocks { class, free } => {
                page.kind == PageKind::Blocks && page.class == class && page.free == free
            }
            Kind::Log | Kind::Table => page.kind == PageKind::Reserved,
        };
        if same { Ok(()) } else { Err("the mirror differs from the descriptor") }
    }

    /// Every page with free blocks is where blocks are taken from, once, and no other page is.
    pub fn check_shelves(&self) -> Result<(), &'static str> {
        let mut found = 0;
        for (number, rack) in self.racks[..self.classes.count()].iter().enumerate() {
            for (shelf, &first) in rack.shelves.iter().enumerate() {
                if (first != 0) != (rack.stocked >> shelf & 1 == 1) {
                    return Err("a shelf is marked as stocked and is empty, or the other way round");
                }
                let (mut previous, mut at) = (0, first);
                while at != 0 {
                    let page = self.pages[at as usize];
                    let belongs = page.kind == PageKind::Blocks
                        && usize::from(page.class) == number
                        && page.place == Place::Shelf(shelf as u8)
                        && page.previous == previous
                        && self.classes.class(page.class).emptiness(page.free) == shelf
                        && page.free > 0;
                    if !belongs {
                        return Err("a page is on a shelf that is not its own");
                    }
                    found += 1;
                    (previous, at) = (at, page.next);
                }
            }
            let open = rack.word_at / PAGE_LEN;
            if open != 0
                && (self.pages[open].place != Place::Open || usize::from(self.pages[open].class) != number)
            {
                return Err("the open page of a class is not one");
            }
            found += usize::from(open != 0 && self.pages[open].free > 0);
        }
        let offered = |page: &&Page| page.kind == PageKind::Blocks && page.free > 0 && !page.evacuating;
        if self.pages.iter().filter(offered).count() != found {
            return Err("a page with free blocks is on no shelf");
        }
        Ok(())
    }
}
