//! Strings as rows of bits: counting, searching and combining them. Bit 0 is the most significant one of
//! the first byte.
//!
//! Everything works piece by piece where a string lies, and on many bytes at a time: the loops over whole
//! bytes are written so that the compiler makes vector instructions of them.

mod field;

use std::ops::Range;

pub use self::field::{Field, Overflow};
use super::string::StringView;

/// The bits of byte `at` that belong to a range, as a mask.
fn mask_of(range: &Range<u64>, at: u64) -> u8 {
    let (start, end) = (range.start.max(8 * at) - 8 * at, range.end.min(8 * at + 8) - 8 * at);
    // Both are at most 8, and `start` is below `end`.
    (0xFF_u16 >> start) as u8 & (0xFF_u16 << (8 - end)) as u8
}

/// The first and the last byte that a range of bits touches; `None` for an empty range.
fn edges_of(range: &Range<u64>) -> Option<(u64, u64)> {
    (!range.is_empty()).then(|| (range.start / 8, (range.end - 1) / 8))
}

fn byte_at(value: StringView<'_>, at: u64) -> u8 {
    value.read::<1>(at as usize)[0]
}

/// How many of the bits in a range are set. The range must lie inside. O(bytes of the range).
pub fn count(value: StringView<'_>, range: Range<u64>) -> u64 {
    let Some((first, last)) = edges_of(&range) else { return 0 };
    let edge = |at| u64::from((byte_at(value, at) & mask_of(&range, at)).count_ones());
    if first == last {
        return edge(first);
    }
    let mut sum = edge(first) + edge(last);
    value.for_each_piece(first as usize + 1, (last - first - 1) as usize, |piece| sum += count_ones(piece));
    sum
}

/// How many bits are set. A plain sum over words is what compilers make the best vector code of, also where
/// the processor counts no bits itself.
fn count_ones(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let of_words = words.iter().map(|word| u64::from(u64::from_ne_bytes(*word).count_ones())).sum::<u64>();
    of_words + rest.iter().map(|byte| u64::from(byte.count_ones())).sum::<u64>()
}

/// The first bit in a range that is set, or clear if `wanted` says so. The range must lie inside. O(bytes
/// of the range up to it).
pub fn position(value: StringView<'_>, wanted: bool, range: Range<u64>) -> Option<u64> {
    let (first, last) = edges_of(&range)?;
    // What a byte without wanted bits is; it also turns the wanted bits of others into set ones.
    let dull = if wanted { 0 } else { 0xFF };
    let in_byte = |at, byte: u8| {
        let found = (byte ^ dull) & mask_of(&range, at);
        (found != 0).then(|| 8 * at + u64::from(found.leading_zeros()))
    };
    if let Some(found) = in_byte(first, byte_at(value, first)) {
        return Some(found);
    }
    let mut start = first + 1;
    for piece in value.pieces(start as usize, last.saturating_sub(start) as usize) {
        if let Some(at) = first_other(piece, dull) {
            return in_byte(start + at as u64, piece[at]);
        }
        start += piece.len() as u64;
    }
    if last > first { in_byte(last, byte_at(value, last)) } else { None }
}

/// Where the first byte other than `dull` stands.
fn first_other(bytes: &[u8], dull: u8) -> Option<usize> {
    const BLOCK: usize = 64;
    let is_dull = |block: &[u8]| block.iter().fold(0, |differing, byte| differing | (byte ^ dull)) == 0;
    let dull_blocks = bytes.chunks_exact(BLOCK).take_while(|block| is_dull(block)).count();
    let start = BLOCK * dull_blocks;
    bytes[start..].iter().position(|byte| *byte != dull).map(|at| start + at)
}

/// How strings are combined, byte by byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    And,
    Or,
    Xor,
    /// Of a single string.
    Not,
}

/// The bytes from `start` on of an operation's first string, which has zeros behind its end.
pub fn load(operation: Operation, value: Option<StringView<'_>>, start: usize, out: &mut [u8]) {
    let filled = over(value, start, out, |out, piece| out.copy_from_slice(piece));
    out[filled..].fill(0);
    if operation == Operation::Not {
        out.iter_mut().for_each(|byte| *byte = !*byte);
    }
}

/// Combines the bytes from `start` on of a further string with those of all before it.
pub fn combine(operation: Operation, value: Option<StringView<'_>>, start: usize, out: &mut [u8]) {
    match operation {
        Operation::And => {
            let met = over(value, start, out, |out, piece| {
                out.iter_mut().zip(piece).for_each(|(byte, other)| *byte &= other);
            });
            out[met..].fill(0);
        }
        Operation::Or => {
            over(value, start, out, |out, piece| {
                out.iter_mut().zip(piece).for_each(|(byte, other)| *byte |= other);
            });
        }
        Operation::Xor => {
            over(value, start, out, |out, piece| {
                out.iter_mut().zip(piece).for_each(|(byte, other)| *byte ^= other);
            });
        }
        Operation::Not => {}
    }
}

/// Calls `each` with pieces of `out` and the bytes of a string, from `start` on, that belong to them.
/// Returns how many bytes of `out` have such bytes.
fn over(
    value: Option<StringView<'_>>,
    start: usize,
    out: &mut [u8],
    mut each: impl FnMut(&mut [u8], &[u8]),
) -> usize {
    let Some(value) = value else { return 0 };
    let len = value.len().saturating_sub(start).min(out.len());
    let mut at = 0;
    if len > 0 {
        value.for_each_piece(start, len, |piece| {
            each(&mut out[at..at + piece.len()], piece);
            at += piece.len();
        });
    }
    len
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use shm::Heap;
    use shm::extent::Extent;

    fn bit(bytes: &[u8], at: u64) -> bool {
        bytes[at as usize / 8] >> (7 - at % 8) & 1 == 1
    }

    /// Calls `check` with the bytes inside an entry and in blocks of their own.
    fn in_both_forms(bytes: &[u8], check: impl Fn(StringView<'_>)) {
        check(StringView::Inline(bytes));
        let mut heap = Heap::in_memory(1 << 20);
        let extent = Extent::from_bytes(&mut heap, bytes).expect("enough memory");
        check(StringView::Apart { heap: &heap, extent });
    }

    /// Mostly long runs of one byte, so that searches go far.
    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![3 => Just(0_u8), 3 => Just(0xFF), 1 => any::<u8>()];
        let run = (byte, prop_oneof![4 => 1..20_usize, 2 => 100..700_usize, 1 => 8_000..20_000_usize]);
        proptest::collection::vec(run, 1..6).prop_map(|runs| {
            runs.into_iter().flat_map(|(byte, len)| std::iter::repeat_n(byte, len)).collect()
        })
    }

    proptest! {
        #[test]
        fn ranges_are_counted_and_searched(
            bytes in bytes(),
            ends in proptest::collection::vec(any::<prop::sample::Index>(), 2),
        ) {
            let bits = 8 * bytes.len() as u64;
            let mut ends: Vec<u64> = ends.iter().map(|end| end.index(bits as usize + 1) as u64).collect();
            ends.sort();
            for range in [ends[0]..ends[1], 0..bits, ends[0]..bits] {
                let set = range.clone().filter(|at| bit(&bytes, *at)).count() as u64;
                let positions = [false, true].map(|wanted| range.clone().find(|at| bit(&bytes, *at) == wanted));
                in_both_forms(&bytes, |value| {
                    assert_eq!(count(value, range.clone()), set, "{range:?}");
                    let found = [false, true].map(|wanted| position(value, wanted, range.clone()));
                    assert_eq!(found, positions, "{range:?}");
                });
            }
        }

        #[test]
        fn random_bytes_are_counted(bytes in proptest::collection::vec(any::<u8>(), 0..3_000)) {
            let set: u32 = bytes.iter().map(|byte| byte.count_ones()).sum();
            prop_assert_eq!(count_ones(&bytes), u64::from(set));
        }

        #[test]
        fn strings_are_combined(one in bytes(), other in bytes(), start in 0..40_000_usize, len in 0..500_usize) {
            let at = |bytes: &[u8], at: usize| bytes.get(at).copied().unwrap_or(0);
            type OfBytes = fn(u8, u8) -> u8;
            let cases: [(Operation, OfBytes); 4] = [
                (Operation::And, |one, other| one & other),
                (Operation::Or, |one, other| one | other),
                (Operation::Xor, |one, other| one ^ other),
                (Operation::Not, |one, _| !one),
            ];
            for (operation, of_bytes) in cases {
                let expected: Vec<u8> =
                    (start..start + len).map(|place| of_bytes(at(&one, place), at(&other, place))).collect();
                in_both_forms(&one, |first| in_both_forms(&other, |second| {
                    let mut out = vec![7; len];
                    load(operation, Some(first), start, &mut out);
                    combine(operation, Some(second), start, &mut out);
                    assert_eq!(out, expected, "{operation:?}");
                }));
            }
        }
    }

    #[test]
    fn nothing_is_all_zeros() {
        let mut out = [7; 5];
        load(Operation::Not, None, 3, &mut out);
        assert_eq!(out, [0xFF; 5]);
        combine(Operation::Or, None, 3, &mut out);
        assert_eq!(out, [0xFF; 5]);
        combine(Operation::And, None, 3, &mut out);
        assert_eq!(out, [0; 5]);
        in_both_forms(b"", |value| {
            assert_eq!(count(value, 0..0), 0);
            assert_eq!(position(value, false, 0..0), None);
        });
    }
}
