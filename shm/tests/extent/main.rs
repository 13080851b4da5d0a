//! Extents against a vector of bytes, with chunks of 16 bytes and tables of 4 entries, so that a few dozen
//! bytes reach the second level.

#[cfg(feature = "fault")]
mod crash;

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;
use shm::extent::{CHUNK_LEN, Extent, ExtentOf, Writer};
use shm::{Corrupt, Handle, Heap, OutOfMemory};

type Small = ExtentOf<16, 4>;

/// So many cases, or as many as `PROPTEST_CASES` says.
fn cases(count: u32) -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(count);
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// The blocks of a value, each of which has one referrer.
fn blocks<const C: usize, const F: usize>(heap: &Heap, extent: ExtentOf<C, F>) -> BTreeSet<Handle<()>> {
    let mut blocks = BTreeSet::new();
    extent
        .verify(heap, &mut |block| {
            if blocks.insert(block) { Ok(()) } else { Err(Corrupt::Shared { block: block.raw() }) }
        })
        .unwrap();
    blocks
}

fn content<const C: usize, const F: usize>(heap: &Heap, extent: ExtentOf<C, F>) -> Vec<u8> {
    let mut bytes = Vec::new();
    extent.for_each_chunk(heap, 0..u64::MAX, |chunk| {
        assert!(!chunk.is_empty() && chunk.len() <= C);
        bytes.extend_from_slice(chunk);
    });
    bytes
}

/// A value in a heap of its own, and its bytes.
struct Pair<const C: usize, const F: usize> {
    heap: Heap,
    extent: ExtentOf<C, F>,
    model: Vec<u8>,
}

impl<const C: usize, const F: usize> Pair<C, F> {
    fn new() -> Self {
        let mut heap = Heap::in_memory(4 << 20);
        let extent = ExtentOf::empty(&mut heap).unwrap();
        heap.commit();
        Pair { heap, extent, model: Vec::new() }
    }

    /// Ends the transaction and checks everything.
    fn check(&mut self) {
        self.heap.commit();
        assert_eq!(self.extent.len(&self.heap), self.model.len() as u64);
        assert_eq!(content(&self.heap, self.extent), self.model);
        self.heap.verify(blocks(&self.heap, self.extent)).unwrap();
    }

    /// Runs an operation with 0, 1, 2, … allocations allowed until it succeeds; each failure is rolled back
    /// and must leave everything as it was.
    fn with_failures(
        &mut self,
        mut operation: impl FnMut(&mut Heap, &mut ExtentOf<C, F>) -> Result<(), OutOfMemory>,
    ) {
        for allowed in 0.. {
            let mut extent = self.extent;
            self.heap.fail_allocations_after(Some(allowed));
            let result = operation(&mut self.heap, &mut extent);
            self.heap.fail_allocations_after(None);
            if result.is_ok() {
                self.extent = extent;
                self.heap.commit();
                return;
            }
            self.heap.rollback();
            self.check();
        }
    }
}

#[derive(Debug, Clone)]
enum Op {
    Append(Vec<u8>),
    Write(prop::sample::Index, Vec<u8>),
    Resize(usize),
    Read(prop::sample::Index, usize),
    Copy,
    Relocate(u32, usize),
    Reclaim(usize),
}

/// Operations on values whose chunks have this length.
fn ops(chunk: usize) -> impl Strategy<Value = Vec<Op>> {
    let index = any::<prop::sample::Index>;
    let op = prop_oneof![
        6 => vec(1u8.., 0..chunk * 3 / 2).prop_map(Op::Append),
        5 => (index(), vec(1u8.., 0..chunk * 3)).prop_map(|(at, bytes)| Op::Write(at, bytes)),
        3 => (0..chunk * 16).prop_map(Op::Resize),
        3 => (index(), 0..chunk * 4).prop_map(|(at, len)| Op::Read(at, len)),
        1 => Just(Op::Copy),
        2 => (any::<u32>(), 1usize..6).prop_map(|(salt, chunks)| Op::Relocate(salt, chunks)),
        1 => (0usize..5).prop_map(Op::Reclaim),
    ];
    vec(op, 1..60)
}

fn run<const C: usize, const F: usize>(ops: Vec<Op>) {
    let mut pair = Pair::<C, F>::new();
    for op in ops {
        let Pair { heap, extent, model } = &mut pair;
        let len = model.len();
        match op {
            Op::Append(bytes) => {
                if len + bytes.len() <= C * F * F {
                    extent.append(heap, &bytes).unwrap();
                    model.extend(bytes);
                } else {
                    assert_eq!(extent.append(heap, &bytes), Err(OutOfMemory));
                }
            }
            Op::Write(at, mut bytes) => {
                let at = at.index(len + 1);
                bytes.truncate(len - at);
                extent.write(heap, at as u64, &bytes).unwrap();
                model[at..at + bytes.len()].copy_from_slice(&bytes);
            }
            Op::Resize(len) => {
                extent.resize(heap, len as u64).unwrap();
                model.resize(len, 0);
            }
            Op::Read(at, count) => {
                let at = at.index(len + 1);
                let end = (at + count).min(len);
                let pieces: Vec<_> = extent.chunks(heap, at as u64..(at + count) as u64).collect();
                assert_eq!(pieces.concat(), model[at..end]);
                let mut out = vec![0; end - at];
                extent.read(heap, at as u64, &mut out);
                assert_eq!(out, model[at..end]);
            }
            Op::Copy => {
                let copy = extent.copy(heap).unwrap();
                assert_eq!(content(heap, copy), *model);
                assert!(blocks(heap, copy).is_disjoint(&blocks(heap, *extent)));
                // The copy stays, the first one goes.
                let mut old = Some(std::mem::replace(extent, copy));
                while let Some(rest) = old {
                    old = rest.reclaim(heap, usize::MAX).unwrap();
                }
            }
            Op::Relocate(salt, chunks) => {
                let before = blocks(heap, *extent);
                let chosen = |block: Handle<()>| block.raw() / 8 % 5 < salt % 6;
                let mut next = Some(0);
                while let Some(from) = next {
                    let moves = |_: &Heap, block: Handle<()>| before.contains(&block) && chosen(block);
                    next = extent.relocate(heap, from, chunks, moves).unwrap();
                }
                let after = blocks(heap, *extent);
                assert!(before.intersection(&after).all(|&block| !chosen(block)));
                assert_eq!(before.len(), after.len());
            }
            Op::Reclaim(chunks) => match extent.reclaim(heap, chunks).unwrap() {
                Some(rest) => {
                    *extent = rest;
                    let left = len.div_ceil(C) - chunks;
                    model.truncate(left * C);
                }
                None => {
                    assert!(len.div_ceil(C) <= chunks);
                    heap.commit();
                    heap.verify([]).unwrap();
                    pair = Pair::new();
                }
            },
        }
        pair.check();
    }
}

proptest! {
    #![proptest_config(cases(100))]

    #[test]
    fn agrees_with_a_vector(ops in ops(16)) {
        run::<16, 4>(ops);
    }

    #[test]
    fn agrees_with_a_vector_in_larger_chunks(ops in ops(600)) {
        run::<600, 4>(ops);
    }
}

#[test]
fn a_value_is_built_from_pieces_of_any_size() {
    let bytes: Vec<u8> = (0..=255).collect();
    for len in [0, 1, 15, 16, 17, 63, 64, 65, 79, 80, 255, 256] {
        for piece in [1, 7, 16, 100, 256] {
            let mut heap = Heap::in_memory(1 << 20);
            let mut writer = Writer::new(len as u64);
            for part in bytes[..len].chunks(piece) {
                writer.push(&mut heap, part).unwrap();
            }
            let extent: Small = writer.finish(&mut heap).unwrap();
            heap.commit();
            assert_eq!(content(&heap, extent), bytes[..len]);
            heap.verify(blocks(&heap, extent)).unwrap();
        }
    }
    let mut heap = Heap::in_memory(1 << 20);
    assert_eq!(Small::from_bytes(&mut heap, &[1; 257]), Err(OutOfMemory));
}

#[test]
fn every_allocation_may_fail() {
    let mut pair = Pair::<16, 4>::new();
    for n in 0..30u8 {
        let bytes = vec![n; usize::from(n % 9)];
        pair.with_failures(|heap, extent| extent.append(heap, &bytes));
        pair.model.extend(&bytes);
        pair.check();
    }
    for (start, len) in [(0, 80), (13, 20), (60, 8), (95, 3)] {
        let bytes = vec![start as u8 + 100; len];
        pair.with_failures(|heap, extent| extent.write(heap, start, &bytes));
        pair.model[start as usize..][..len].copy_from_slice(&bytes);
        pair.check();
    }
    for len in [200, 63, 130, 17, 20, 64, 65, 64, 0] {
        pair.with_failures(|heap, extent| extent.resize(heap, len as u64));
        pair.model.resize(len, 0);
        pair.check();
    }
    pair.with_failures(|heap, extent| extent.resize(heap, 256));
    pair.model = vec![0; 256];
    pair.with_failures(|heap, extent| extent.write(heap, 0, &[7; 256]));
    pair.model = vec![7; 256];
    pair.with_failures(|heap, extent| extent.relocate(heap, 0, 99, |_, _| true).map(|_| ()));
    pair.check();
}

#[test]
fn growing_by_zeros_takes_no_chunks() {
    let mut heap = Heap::in_memory(16 << 20);
    let mut extent = Extent::from_bytes(&mut heap, b"start").unwrap();
    heap.commit();
    extent.resize(&mut heap, 512 << 20).unwrap();
    heap.commit();
    assert_eq!(extent.len(&heap), 512 << 20);
    assert!(heap.used_bytes() < 300 << 10, "{} bytes in use", heap.used_bytes());

    extent.write(&mut heap, (512 << 20) - 3, b"end").unwrap();
    extent.write(&mut heap, 300 << 20, b"middle").unwrap();
    heap.commit();
    let mut around = [1; 12];
    extent.read(&heap, (300 << 20) - 3, &mut around);
    assert_eq!(&around, b"\0\0\0middle\0\0\0");
    extent.read(&heap, (512 << 20) - 12, &mut around);
    assert_eq!(&around, b"\0\0\0\0\0\0\0\0\0end");
    heap.verify(blocks(&heap, extent)).unwrap();

    // In bounded steps back to nothing.
    let mut rest = Some(extent);
    let mut steps = 0;
    while let Some(extent) = rest {
        rest = extent.reclaim(&mut heap, 1000).unwrap();
        heap.commit();
        steps += 1;
    }
    assert_eq!(steps, (512usize << 20).div_ceil(CHUNK_LEN).div_ceil(1000));
    assert_eq!(heap.used_bytes(), 0);
}

#[test]
fn appending_bit_by_bit_takes_little_more_than_the_bytes() {
    let mut heap = Heap::in_memory(16 << 20);
    let mut extent = Extent::empty(&mut heap).unwrap();
    let mut model = Vec::new();
    for n in 0..6000u32 {
        let piece = n.to_le_bytes().repeat(n as usize % 30);
        extent.append(&mut heap, &piece).unwrap();
        model.extend(piece);
        heap.commit();
    }
    assert_eq!(content(&heap, extent), model);
    heap.verify(blocks(&heap, extent)).unwrap();
    let overhead = heap.used_bytes() as f64 / model.len() as f64;
    assert!(overhead < 1.05, "{overhead} bytes in use per byte");
}

proptest! {
    #![proptest_config(cases(100))]

    /// `verify` finds what would make reading fail, and survives any damage.
    #[test]
    fn any_byte_may_be_damaged(
        len in 0usize..257,
        places in vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>()), 20),
    ) {
        let mut heap = Heap::in_memory(1 << 20);
        let extent = Small::from_bytes(&mut heap, &vec![1; len]).unwrap();
        heap.commit();
        let all: Vec<_> = blocks(&heap, extent).into_iter().collect();
        for (block, at, byte) in places {
            let block = all[block.index(all.len())];
            heap.store(block, at.index(heap.capacity_of(block)), &[byte]).unwrap();
            let mut left: BTreeSet<_> = heap.allocated_blocks().collect();
            let result = extent.verify(&heap, &mut |block| {
                if left.remove(&block) { Ok(()) } else { Err(Corrupt::Dangling { block: block.raw() }) }
            });
            if result.is_ok() {
                assert_eq!(content(&heap, extent).len() as u64, extent.len(&heap));
            }
            heap.rollback();
        }
    }
}
