//! The longest common subsequence of two strings.
//!
//! Bit-parallel dynamic programming after Crochemore et al. (2001) and Hyyrö (2004). Let `L[i][j]` be the
//! length for the first `i` bytes of `a` and the first `j` of `b`. Neighbours in a row differ by 0 or 1,
//! so a row is a vector with one bit per byte of `b`: bit `j - 1` is *clear* where
//! `L[i][j] = L[i][j-1] + 1`. One row follows from the one before by an addition and a few logical
//! operations per 64 bytes of `b`.
//!
//! That one bit is also all that the way back needs where two bytes differ: if it is clear, the better
//! length comes from `L[i-1][j]`, else `L[i][j-1]` is at least as good. Among equally long subsequences
//! this finds the one that Redis finds.

/// A stretch that both strings have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    pub a_start: usize,
    pub b_start: usize,
    pub len: usize,
}

const WORD_BITS: usize = 64;

/// The length. O(|a| · |b| / 64) time, O(|b|) memory for each byte value.
pub fn length(a: &[u8], b: &[u8]) -> usize {
    let masks = Masks::new(a, b);
    let mut row = masks.first_row();
    for &byte in a {
        masks.advance(&mut row, byte);
    }
    row_length(&row)
}

/// The length and the stretches that make it up, the last one first. O(|a| · |b| / 64) time and words of
/// memory.
pub fn runs(a: &[u8], b: &[u8]) -> (usize, Vec<Run>) {
    let masks = Masks::new(a, b);
    let mut row = masks.first_row();
    let mut rows = Vec::with_capacity(a.len() * row.len());
    for &byte in a {
        masks.advance(&mut row, byte);
        rows.extend_from_slice(&row);
    }
    let is_clear = |i: usize, j: usize| {
        rows[(i - 1) * row.len() + (j - 1) / WORD_BITS] >> ((j - 1) % WORD_BITS) & 1 == 0
    };
    let mut runs: Vec<Run> = Vec::new();
    let mut in_run = false;
    let (mut i, mut j) = (a.len(), b.len());
    while i > 0 && j > 0 {
        if a[i - 1] == b[j - 1] {
            (i, j) = (i - 1, j - 1);
            match runs.last_mut() {
                Some(run) if in_run => *run = Run { a_start: i, b_start: j, len: run.len + 1 },
                _ => runs.push(Run { a_start: i, b_start: j, len: 1 }),
            }
            in_run = true;
        } else {
            match is_clear(i, j) {
                true => i -= 1,
                false => j -= 1,
            }
            in_run = false;
        }
    }
    (row_length(&row), runs)
}

fn row_length(row: &[u64]) -> usize {
    row.iter().map(|word| word.count_zeros() as usize).sum()
}

/// For each byte value of `a`, where it stands in `b`.
struct Masks {
    words: usize,
    /// Where the mask of a byte value begins.
    starts: [usize; 256],
    bits: Vec<u64>,
}

impl Masks {
    fn new(a: &[u8], b: &[u8]) -> Masks {
        const ABSENT: usize = usize::MAX;
        let words = b.len().div_ceil(WORD_BITS);
        let mut starts = [ABSENT; 256];
        let mut distinct = 0;
        for &byte in a {
            if starts[usize::from(byte)] == ABSENT {
                starts[usize::from(byte)] = distinct * words;
                distinct += 1;
            }
        }
        let mut bits = vec![0; distinct * words];
        for (at, &byte) in b.iter().enumerate() {
            let start = starts[usize::from(byte)];
            if start != ABSENT {
                bits[start + at / WORD_BITS] |= 1 << (at % WORD_BITS);
            }
        }
        Masks { words, starts, bits }
    }

    /// The row of the empty string. Bits past the end of `b` stay set in every row.
    fn first_row(&self) -> Vec<u64> {
        vec![u64::MAX; self.words]
    }

    /// The row of `a` with one more byte.
    fn advance(&self, row: &mut [u64], byte: u8) {
        let start = self.starts[usize::from(byte)];
        let mask = &self.bits[start..start + self.words];
        let mut carry = false;
        for (word, &mask) in row.iter_mut().zip(mask) {
            let (sum, first) = word.overflowing_add(*word & mask);
            let (sum, second) = sum.overflowing_add(u64::from(carry));
            carry = first || second;
            *word = sum | *word & !mask;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The definition, cell by cell, with the way back that Redis takes.
    fn by_definition(a: &[u8], b: &[u8]) -> (usize, Vec<Run>) {
        let mut table = vec![vec![0_usize; b.len() + 1]; a.len() + 1];
        for i in 1..=a.len() {
            for j in 1..=b.len() {
                table[i][j] = match a[i - 1] == b[j - 1] {
                    true => table[i - 1][j - 1] + 1,
                    false => table[i - 1][j].max(table[i][j - 1]),
                };
            }
        }
        let (mut i, mut j, mut matched) = (a.len(), b.len(), Vec::new());
        while i > 0 && j > 0 {
            if a[i - 1] == b[j - 1] {
                (i, j) = (i - 1, j - 1);
                matched.push((i, j));
            } else if table[i - 1][j] > table[i][j - 1] {
                i -= 1;
            } else {
                j -= 1;
            }
        }
        let mut runs: Vec<Run> = Vec::new();
        for (a_start, b_start) in matched {
            match runs.last_mut() {
                Some(run) if (run.a_start, run.b_start) == (a_start + 1, b_start + 1) => {
                    *run = Run { a_start, b_start, len: run.len + 1 };
                }
                _ => runs.push(Run { a_start, b_start, len: 1 }),
            }
        }
        (table[a.len()][b.len()], runs)
    }

    proptest! {
        #[test]
        fn agrees_with_the_definition(
            a in proptest::collection::vec(b'a'..b'e', 0..150),
            b in proptest::collection::vec(b'a'..b'e', 0..150),
        ) {
            let expected = by_definition(&a, &b);
            prop_assert_eq!(length(&a, &b), expected.0);
            prop_assert_eq!(runs(&a, &b), expected);
        }
    }

    #[test]
    fn nothing_in_common() {
        for (a, b) in [("", ""), ("a", ""), ("", "a"), ("abc", "xyz")] {
            assert_eq!(runs(a.as_bytes(), b.as_bytes()), (0, vec![]), "{a} {b}");
            assert_eq!(length(a.as_bytes(), b.as_bytes()), 0, "{a} {b}");
        }
    }
}
