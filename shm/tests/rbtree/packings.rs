//! Packings as the data types use them, with small nodes.

use std::cmp::Ordering;

use shm::rbtree::{Packing, TimedHandles};
use shm::{Handle, Heap};

/// A packing whose elements can be kept outside a heap too.
pub trait Owned: Packing {
    type Value: Clone + Ord + std::fmt::Debug;

    fn new() -> Self;
    fn item(value: &Self::Value) -> Self::Item<'_>;
    fn value(item: Self::Item<'_>) -> Self::Value;
}

/// 12-byte keys without anything else.
#[derive(Debug, Clone, Copy)]
pub struct Fixed;

impl Packing for Fixed {
    type Key<'k> = [u8; 12];
    type Item<'i> = [u8; 12];

    const NODE_LEN: usize = 80;
    const PLAIN_COUNT: usize = 4;
    const PLAIN_LEN: usize = 64;
    const ELEMENT_LEN: Option<usize> = Some(12);

    fn encoded_len(self, _: [u8; 12]) -> usize {
        12
    }
    fn encode(self, item: [u8; 12], _: u64, out: &mut [u8]) {
        out.copy_from_slice(&item);
    }
    fn element_len(self, _: &[u8]) -> usize {
        12
    }
    fn decode(self, bytes: &[u8], _: u64) -> [u8; 12] {
        bytes.try_into().expect("12 bytes")
    }
    fn key_of<'i>(self, _: &Heap, item: Self::Item<'i>) -> Self::Key<'i> {
        item
    }
    fn compare(self, _: &Heap, key: [u8; 12], item: [u8; 12]) -> Ordering {
        key.cmp(&item)
    }
}

impl Owned for Fixed {
    type Value = [u8; 12];

    fn new() -> Self {
        Fixed
    }
    fn item(value: &[u8; 12]) -> [u8; 12] {
        *value
    }
    fn value(item: [u8; 12]) -> [u8; 12] {
        item
    }
}

/// The shared half of the packings of byte strings: a length byte, then the bytes.
macro_rules! string_elements {
    () => {
        fn encoded_len(self, item: &[u8]) -> usize {
            1 + item.len()
        }
        fn encode(self, item: &[u8], _: u64, out: &mut [u8]) {
            out[0] = item.len() as u8;
            out[1..].copy_from_slice(item);
        }
        fn element_len(self, bytes: &[u8]) -> usize {
            1 + usize::from(bytes[0])
        }
        fn decode(self, bytes: &[u8], _: u64) -> &[u8] {
            &bytes[1..]
        }
    };
}

/// Byte strings in their own order, in nodes of `LEN` bytes.
#[derive(Debug, Clone, Copy)]
pub struct Strings<const LEN: usize>;

impl<const LEN: usize> Packing for Strings<LEN> {
    type Key<'k> = &'k [u8];
    type Item<'i> = &'i [u8];

    const NODE_LEN: usize = LEN;
    const PLAIN_COUNT: usize = 6;
    const PLAIN_LEN: usize = LEN;

    string_elements!();

    fn key_of<'i>(self, _: &Heap, item: Self::Item<'i>) -> Self::Key<'i> {
        item
    }
    fn compare(self, _: &Heap, key: &[u8], item: &[u8]) -> Ordering {
        key.cmp(item)
    }
}

impl<const LEN: usize> Owned for Strings<LEN> {
    type Value = Vec<u8>;

    fn new() -> Self {
        Strings
    }
    fn item(value: &Vec<u8>) -> &[u8] {
        value
    }
    fn value(item: &[u8]) -> Vec<u8> {
        item.to_vec()
    }
}

/// Fields with a value, ordered by the field's hash from node to node and by arrival in each. The layout:
/// length of the field u8, length of the value u8, field, value.
#[derive(Debug, Clone, Copy)]
pub struct Fields;

impl Fields {
    fn hash(field: &[u8]) -> u64 {
        // Few values, so that equal ones are met; not in the order of the fields.
        field.iter().fold(7, |hash, &byte| (hash * 31 + u64::from(byte)) % 37)
    }
}

impl Packing for Fields {
    type Key<'k> = (u64, &'k [u8]);
    type Item<'i> = (&'i [u8], &'i [u8]);

    const NODE_LEN: usize = 104;
    const PLAIN_COUNT: usize = 12;
    const PLAIN_LEN: usize = 128;
    const HASHED: bool = true;

    fn encoded_len(self, (field, value): (&[u8], &[u8])) -> usize {
        2 + field.len() + value.len()
    }
    fn encode(self, (field, value): (&[u8], &[u8]), _: u64, out: &mut [u8]) {
        out[0] = field.len() as u8;
        out[1] = value.len() as u8;
        out[2..2 + field.len()].copy_from_slice(field);
        out[2 + field.len()..].copy_from_slice(value);
    }
    fn element_len(self, bytes: &[u8]) -> usize {
        2 + usize::from(bytes[0]) + usize::from(bytes[1])
    }
    fn decode(self, bytes: &[u8], _: u64) -> (&[u8], &[u8]) {
        bytes[2..].split_at(usize::from(bytes[0]))
    }
    fn key_of<'i>(self, _: &Heap, (field, _): Self::Item<'i>) -> Self::Key<'i> {
        (Self::hash(field), field)
    }
    fn compare(self, _: &Heap, key: (u64, &[u8]), (field, _): (&[u8], &[u8])) -> Ordering {
        key.cmp(&(Self::hash(field), field))
    }
    fn hash_of(self, (field, _): (&[u8], &[u8])) -> u64 {
        Self::hash(field)
    }
    fn hash_of_key(self, (hash, _): (u64, &[u8])) -> u64 {
        hash
    }
}

impl Owned for Fields {
    type Value = (Vec<u8>, Vec<u8>);

    fn new() -> Self {
        Fields
    }
    fn item((field, value): &(Vec<u8>, Vec<u8>)) -> (&[u8], &[u8]) {
        (field, value)
    }
    fn value((field, value): (&[u8], &[u8])) -> (Vec<u8>, Vec<u8>) {
        (field.to_vec(), value.to_vec())
    }
}

/// Byte strings by rank alone.
#[derive(Debug, Clone, Copy)]
pub struct Listed;

impl Packing for Listed {
    type Key<'k> = ();
    type Item<'i> = &'i [u8];

    const NODE_LEN: usize = 112;
    const PLAIN_COUNT: usize = 5;
    const PLAIN_LEN: usize = 100;
    const ORDERED: bool = false;

    string_elements!();

    fn key_of<'i>(self, _: &Heap, _: Self::Item<'i>) -> Self::Key<'i> {}
    fn compare(self, _: &Heap, (): (), _: &[u8]) -> Ordering {
        unreachable!("a list has no keys")
    }
}

impl Owned for Listed {
    type Value = Vec<u8>;

    fn new() -> Self {
        Listed
    }
    fn item(value: &Vec<u8>) -> &[u8] {
        value
    }
    fn value(item: &[u8]) -> Vec<u8> {
        item.to_vec()
    }
}

/// Times and handles, in small nodes.
#[derive(Debug, Clone, Copy)]
pub struct Timed(TimedHandles<u8>);

impl Packing for Timed {
    type Key<'k> = (u64, Handle<u8>);
    type Item<'i> = (u64, Handle<u8>);

    const NODE_LEN: usize = 80;
    const PLAIN_COUNT: usize = 5;
    const PLAIN_LEN: usize = 64;
    const ELEMENT_LEN: Option<usize> = Some(8);
    const BASED: bool = true;

    fn encoded_len(self, item: (u64, Handle<u8>)) -> usize {
        self.0.encoded_len(item)
    }
    fn encode(self, item: (u64, Handle<u8>), base: u64, out: &mut [u8]) {
        self.0.encode(item, base, out);
    }
    fn element_len(self, bytes: &[u8]) -> usize {
        self.0.element_len(bytes)
    }
    fn decode(self, bytes: &[u8], base: u64) -> (u64, Handle<u8>) {
        self.0.decode(bytes, base)
    }
    fn is_sound(self, bytes: &[u8], base: u64) -> bool {
        self.0.is_sound(bytes, base)
    }
    fn key_of<'i>(self, _: &Heap, item: Self::Item<'i>) -> Self::Key<'i> {
        item
    }
    fn compare(self, heap: &Heap, key: (u64, Handle<u8>), item: (u64, Handle<u8>)) -> Ordering {
        self.0.compare(heap, key, item)
    }
    fn base_for(self, first: (u64, Handle<u8>), last: (u64, Handle<u8>)) -> Option<u64> {
        self.0.base_for(first, last)
    }
    fn fits(self, base: u64, item: (u64, Handle<u8>)) -> bool {
        self.0.fits(base, item)
    }
    fn rebase(self, element: &mut [u8], from: u64, to: u64) {
        self.0.rebase(element, from, to);
    }
}

impl Owned for Timed {
    type Value = (u64, Handle<u8>);

    fn new() -> Self {
        Timed(TimedHandles::new())
    }
    fn item(value: &(u64, Handle<u8>)) -> (u64, Handle<u8>) {
        *value
    }
    fn value(item: (u64, Handle<u8>)) -> (u64, Handle<u8>) {
        item
    }
}
