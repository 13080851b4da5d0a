//! A small structure on a heap, and its plain model.
//!
//! Root 0 names a directory block of [`SLOTS`] handles; each handle names an object block: length u32, bytes.

use std::collections::BTreeMap;

use proptest::prelude::*;
use shm::heap::{HOT_WORDS, MAX_BLOCK_LEN, ROOT_WORDS};
use shm::{Handle, Heap, OutOfMemory};

/// Objects there can be.
pub const SLOTS: usize = 40;
const LEN_BYTES: usize = 4;
/// The longest object.
pub const OBJECT_LEN_MAX: usize = MAX_BLOCK_LEN - LEN_BYTES;

pub enum Directory {}
pub enum Object {}

/// A change to the table, the hot line or a root.
#[derive(Debug, Clone)]
pub enum Op {
    Put { slot: usize, len: usize, seed: u8 },
    Edit { slot: usize, start: usize, len: usize, seed: u8 },
    Remove { slot: usize },
    Hot { word: usize, value: u64 },
    Root { index: usize, value: u64 },
}

/// What the heap must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Model {
    pub objects: BTreeMap<usize, Vec<u8>>,
    pub hot: [u64; HOT_WORDS],
    pub roots: [u64; ROOT_WORDS],
}

fn contents(len: usize, seed: u8) -> Vec<u8> {
    (0..len).map(|index| seed.wrapping_add((index * 7) as u8)).collect()
}

/// Random changes; about half of the objects are short.
pub fn op() -> impl Strategy<Value = Op> {
    let len = prop_oneof![4 => 0..200usize, 2 => 0..2100usize, 1 => 0..=OBJECT_LEN_MAX];
    let slot = 0..SLOTS;
    prop_oneof![
        5 => (slot.clone(), len.clone(), any::<u8>()).prop_map(|(slot, len, seed)| Op::Put { slot, len, seed }),
        3 => (slot.clone(), 0..300usize, len, any::<u8>())
            .prop_map(|(slot, start, len, seed)| Op::Edit { slot, start, len: len % 1000, seed }),
        2 => slot.prop_map(|slot| Op::Remove { slot }),
        1 => (1..HOT_WORDS, any::<u64>()).prop_map(|(word, value)| Op::Hot { word, value }),
        1 => (1..ROOT_WORDS, any::<u64>()).prop_map(|(index, value)| Op::Root { index, value }),
    ]
}

/// Makes the directory, in a transaction of its own.
pub fn create(heap: &mut Heap) {
    let directory: Handle<Directory> = heap.allocate(SLOTS * 4).expect("room for the directory");
    heap.fill(directory, 0, SLOTS * 4, |bytes| bytes.fill(0));
    heap.set_root(0, directory.raw().into()).expect("room for a record");
    heap.commit();
}

fn directory(heap: &Heap) -> Handle<Directory> {
    Handle::from_raw(heap.root(0) as u32).expect("the directory was made")
}

fn object(heap: &Heap, slot: usize) -> Option<Handle<Object>> {
    Handle::from_raw(heap.u32_at(directory(heap), slot * 4))
}

impl Op {
    /// Performs the change on a heap.
    pub fn run(&self, heap: &mut Heap) -> Result<(), OutOfMemory> {
        match *self {
            Op::Put { slot, len, seed } => {
                let new: Handle<Object> = heap.allocate(LEN_BYTES + len)?;
                heap.fill(new, 0, LEN_BYTES, |bytes| bytes.copy_from_slice(&(len as u32).to_le_bytes()));
                heap.fill(new, LEN_BYTES, len, |bytes| bytes.copy_from_slice(&contents(len, seed)));
                let old = object(heap, slot);
                heap.store_u32(directory(heap), slot * 4, new.raw())?;
                if let Some(old) = old {
                    heap.free(old);
                }
            }
            Op::Edit { slot, start, len, seed } => {
                let Some(block) = object(heap, slot) else { return Ok(()) };
                let object_len = heap.u32_at(block, 0) as usize;
                let start = start.min(object_len);
                let len = len.min(object_len - start);
                match len {
                    4 => {
                        let bytes = contents(4, seed);
                        let value = u32::from_le_bytes(bytes.try_into().expect("four bytes"));
                        heap.store_u32(block, LEN_BYTES + start, value)?;
                    }
                    8 => {
                        let bytes = contents(8, seed);
                        let value = u64::from_le_bytes(bytes.try_into().expect("eight bytes"));
                        heap.store_u64(block, LEN_BYTES + start, value)?;
                    }
                    _ => heap.store(block, LEN_BYTES + start, &contents(len, seed))?,
                }
            }
            Op::Remove { slot } => {
                let Some(old) = object(heap, slot) else { return Ok(()) };
                heap.store_u32(directory(heap), slot * 4, 0)?;
                heap.free(old);
            }
            Op::Hot { word, value } => heap.set_hot(word, value),
            Op::Root { index, value } => heap.set_root(index, value)?,
        }
        Ok(())
    }
}

impl Model {
    /// Performs the change on the model.
    pub fn apply(&mut self, op: &Op) {
        match *op {
            Op::Put { slot, len, seed } => {
                self.objects.insert(slot, contents(len, seed));
            }
            Op::Edit { slot, start, len, seed } => {
                let Some(bytes) = self.objects.get_mut(&slot) else { return };
                let start = start.min(bytes.len());
                let len = len.min(bytes.len() - start);
                bytes[start..start + len].copy_from_slice(&contents(len, seed));
            }
            Op::Remove { slot } => {
                self.objects.remove(&slot);
            }
            Op::Hot { word, value } => self.hot[word] = value,
            Op::Root { index, value } => self.roots[index] = value,
        }
    }

    /// What a heap holds.
    pub fn of(heap: &Heap) -> Model {
        let mut model = Model::default();
        for slot in 0..SLOTS {
            if let Some(block) = object(heap, slot) {
                let len = heap.u32_at(block, 0) as usize;
                model.objects.insert(slot, heap.bytes(block, LEN_BYTES, len).to_vec());
            }
        }
        (1..HOT_WORDS).for_each(|word| model.hot[word] = heap.hot(word));
        (1..ROOT_WORDS).for_each(|index| model.roots[index] = heap.root(index));
        model
    }
}

/// Checks the heap's own structures, and that exactly the table's blocks are allocated.
pub fn verify(heap: &Heap) {
    let objects = (0..SLOTS).filter_map(|slot| object(heap, slot)).map(Handle::cast);
    heap.verify(objects.chain([directory(heap).cast()])).expect("sound");
}
