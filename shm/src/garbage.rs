//! The garbage list: big structures that are detached at once and freed bit by bit.
//!
//! A transaction that drops a structure of unbounded size puts its root on this list instead of freeing every
//! block. Later [`Heap::reclaim`] frees some of them at a time, each step in a transaction of its own; what is left is
//! on the list again when that commits, so that a crash loses no progress and no block.
//!
//! An item, in one of 64 slots of the heap's first page, or, when all are taken, in a block of its own on a
//! linked list:
//! ```text
//!  byte  0      4      8                24     28     32
//!      ┌──────┬──────┬────────────────┬──────┬──────┐
//!      │ kind │ root │ state, 2 × u64 │ next │ zero │      kind 0: the slot is empty
//!      └──────┴──────┴────────────────┴──────┴──────┘
//! ```

use crate::heap::layout::{GARBAGE_AT, GARBAGE_ITEM_LEN, GARBAGE_OVERFLOW_AT, GARBAGE_SLOTS};
use crate::heap::{Heap, MAX_BLOCK_LEN};
use crate::{Handle, OutOfMemory};

/// What is stored, for the layout hash of segments: to be changed with it.
pub(crate) const STORED: &str = "garbage: kind u8 @0, root u32 @4, state u64*2 @8, next u32 @24, of 32";
/// Bytes of an item that change while it is being freed.
const BODY_LEN: usize = 24;
const NEXT_AT: usize = 24;

/// A detached structure, or what is left of it. The heap knows nothing of its meaning, except that `kind` is not 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GarbageItem {
    /// Which structure it is, in the user's numbering; not 0.
    pub kind: u8,
    /// Its entry point, usually a handle.
    pub root: u32,
    /// Whatever else its reclaimer needs to go on where it stopped.
    pub state: [u64; 2],
}

impl GarbageItem {
    /// The item whose only content is a root.
    pub fn new<T: ?Sized>(kind: u8, root: Handle<T>) -> GarbageItem {
        GarbageItem { kind, root: root.raw(), state: [0; 2] }
    }

    fn encode(&self) -> [u8; BODY_LEN] {
        let mut bytes = [0; BODY_LEN];
        bytes[0] = self.kind;
        bytes[4..8].copy_from_slice(&self.root.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.state[0].to_le_bytes());
        bytes[16..24].copy_from_slice(&self.state[1].to_le_bytes());
        bytes
    }

    fn decode(words: [u64; 3]) -> Option<GarbageItem> {
        let kind = words[0] as u8;
        (kind != 0).then_some(GarbageItem {
            kind,
            root: (words[0] >> 32) as u32,
            state: [words[1], words[2]],
        })
    }
}

/// What a step has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Nothing.
    Done,
    /// This, of the same kind.
    More(GarbageItem),
}

/// Knows the structures that can be on a heap's garbage list.
pub trait Reclaimer {
    /// Frees up to about `blocks_max` (at least one) of the blocks that `item` names, in the transaction that is
    /// under way; may discard other items. An error takes the whole step back.
    fn step(&mut self, heap: &mut Heap, item: GarbageItem, blocks_max: usize) -> Result<Step, OutOfMemory>;

    /// Visits every block that `item` names, for `verify`.
    fn blocks(&self, heap: &Heap, item: GarbageItem, visit: &mut dyn FnMut(Handle<()>));
}

enum Item {}

/// Where an item is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spot {
    Slot(usize),
    Block(Handle<Item>),
}

impl Heap {
    /// Puts a structure on the garbage list, as part of the current transaction. Takes no memory from the budget,
    /// and none at all unless 64 items are waiting already.
    pub fn discard(&mut self, item: GarbageItem) -> Result<(), OutOfMemory> {
        assert!(item.kind != 0, "garbage of kind 0");
        self.expect_garbage();
        let slot = (0..GARBAGE_SLOTS).find(|&slot| self.garbage_in(Spot::Slot(slot)).is_none());
        if let Some(slot) = slot {
            return self.store_bytes_at(slot_at(slot), &item.encode());
        }
        let block = self.allocate_beyond_budget::<Item>(GARBAGE_ITEM_LEN)?;
        let next = self.word_at(GARBAGE_OVERFLOW_AT) as u32;
        self.fill(block, 0, BODY_LEN, |bytes| bytes.copy_from_slice(&item.encode()));
        self.fill(block, NEXT_AT, 4, |bytes| bytes.copy_from_slice(&next.to_le_bytes()));
        self.store_word(GARBAGE_OVERFLOW_AT, u64::from(block.raw()))
    }

    /// Frees a part of one item of the garbage list, in a transaction of its own. Returns whether there may be
    /// more to free; an error leaves everything as it was.
    pub fn reclaim(&mut self, reclaimer: &mut dyn Reclaimer, blocks_max: usize) -> Result<bool, OutOfMemory> {
        assert!(!self.in_transaction(), "reclaim within a transaction");
        let Some((spot, item)) = self.first_garbage() else { return Ok(false) };
        let result = reclaimer
            .step(self, item, blocks_max.max(1))
            .and_then(|step| self.keep_garbage(spot, item.kind, step));
        match result {
            Ok(()) => self.commit(),
            Err(OutOfMemory) => self.rollback(),
        }
        result.map(|()| true)
    }

    /// Whether anything waits to be freed.
    pub fn has_garbage(&self) -> bool {
        self.may_have_garbage() && self.garbage_items().next().is_some()
    }

    /// Everything that waits to be freed.
    pub fn garbage_items(&self) -> impl Iterator<Item = GarbageItem> {
        let slots = (0..GARBAGE_SLOTS).map(Spot::Slot);
        let blocks = self.garbage_own_blocks().map(|block| Spot::Block(block.cast()));
        slots.chain(blocks).filter_map(|spot| self.garbage_in(spot))
    }

    /// The blocks of the list itself.
    pub(crate) fn garbage_own_blocks(&self) -> impl Iterator<Item = Handle<()>> {
        let first = Handle::<()>::from_raw(self.word_at(GARBAGE_OVERFLOW_AT) as u32);
        std::iter::successors(first, |&block| Handle::from_raw(self.u32_at(block, NEXT_AT)))
    }

    fn garbage_in(&self, spot: Spot) -> Option<GarbageItem> {
        GarbageItem::decode(match spot {
            Spot::Slot(slot) => [0, 8, 16].map(|start| self.word_at(slot_at(slot) + start)),
            Spot::Block(block) => [0, 8, 16].map(|start| self.u64_at(block, start)),
        })
    }

    fn first_garbage(&mut self) -> Option<(Spot, GarbageItem)> {
        if !self.may_have_garbage() {
            return None;
        }
        let overflow = Handle::from_raw(self.word_at(GARBAGE_OVERFLOW_AT) as u32).map(Spot::Block);
        let first = (overflow.into_iter())
            .chain((0..GARBAGE_SLOTS).map(Spot::Slot))
            .find_map(|spot| self.garbage_in(spot).map(|item| (spot, item)));
        if first.is_none() {
            self.expect_no_garbage();
        }
        first
    }

    /// Stores what a step has left of an item.
    fn keep_garbage(&mut self, spot: Spot, kind: u8, step: Step) -> Result<(), OutOfMemory> {
        match (step, spot) {
            (Step::More(item), spot) => {
                assert!(item.kind == kind, "garbage changed its kind");
                match spot {
                    Spot::Slot(slot) => self.store_bytes_at(slot_at(slot), &item.encode()),
                    Spot::Block(block) => self.store(block, 0, &item.encode()),
                }
            }
            (Step::Done, Spot::Slot(slot)) => self.store_bytes_at(slot_at(slot), &[0; BODY_LEN]),
            (Step::Done, Spot::Block(block)) => {
                // The step may have put other items before this one.
                let next = self.u32_at(block, NEXT_AT);
                let before =
                    self.garbage_own_blocks().find(|&other| self.u32_at(other, NEXT_AT) == block.raw());
                match before {
                    Some(other) => self.store_u32(other, NEXT_AT, next)?,
                    None => self.store_word(GARBAGE_OVERFLOW_AT, u64::from(next))?,
                }
                self.free(block);
                Ok(())
            }
        }
    }
}

const fn slot_at(slot: usize) -> usize {
    GARBAGE_AT + slot * GARBAGE_ITEM_LEN
}

const _: () = assert!(GARBAGE_ITEM_LEN <= MAX_BLOCK_LEN && NEXT_AT + 4 <= GARBAGE_ITEM_LEN);
