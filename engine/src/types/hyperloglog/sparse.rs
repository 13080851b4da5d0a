//! Registers as runs of equal ones, for few elements:
//!
//! ```text
//! 00llllll            ZERO:  l + 1 registers are 0, up to 64
//! 01llllll llllllll   XZERO: l + 1 registers are 0, up to 16384 (high bits first)
//! 1rrrrrll            VAL:   l + 1 registers are r + 1, up to 4; ranks up to 32
//! ```
//!
//! The way a run is split, and which neighbours are joined again, is Redis's: the same elements in the same
//! order give the same bytes.

use std::fmt::Write;

use super::{Corrupt, HEADER_LEN, Mark, REGISTERS, estimate};

/// The runs of a HyperLogLog without elements.
pub(super) const EMPTY: [u8; 2] = long_zeros(REGISTERS);

const ZEROS_MAX: usize = 64;
const RUN_MAX: usize = 4;
/// The highest rank that a run can say.
const RANK_MAX: u8 = 32;

/// A run of equal registers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Run {
    rank: u8,
    count: usize,
    /// Bytes that it takes.
    len: usize,
}

impl Run {
    /// The run at the beginning of these bytes; none at their end, nor when its second byte is missing.
    fn first_of(bytes: &[u8]) -> Option<Run> {
        let (&first, rest) = bytes.split_first()?;
        let low = usize::from(first & 0x3F);
        Some(match first >> 6 {
            0 => Run { rank: 0, count: low + 1, len: 1 },
            1 => Run { rank: 0, count: (low << 8 | usize::from(*rest.first()?)) + 1, len: 2 },
            _ => Run { rank: (first >> 2 & 31) + 1, count: usize::from(first & 3) + 1, len: 1 },
        })
    }
}

const fn long_zeros(count: usize) -> [u8; 2] {
    let low = count - 1;
    [0x40 | (low >> 8) as u8, low as u8]
}

fn value(rank: u8, count: usize) -> u8 {
    0x80 | (rank - 1) << 2 | (count - 1) as u8
}

/// A few runs on their way into the string.
#[derive(Default)]
struct Runs {
    bytes: [u8; 5],
    len: usize,
}

impl Runs {
    fn push(&mut self, rank: u8, count: usize) {
        let (bytes, len) = match (rank, count) {
            (_, 0) => return,
            (0, count) if count > ZEROS_MAX => (long_zeros(count), 2),
            (0, count) => ([(count - 1) as u8, 0], 1),
            (rank, count) => ([value(rank, count), 0], 1),
        };
        self.bytes[self.len..self.len + len].copy_from_slice(&bytes[..len]);
        self.len += len;
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// What came of raising a register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Raised {
    /// It was as high already.
    No,
    Yes,
    /// It needs the dense form: the rank is too high or the string would become too long. Nothing has
    /// changed.
    NoRoom,
}

/// A run's place in the string, and its first register.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor {
    at: usize,
    first: usize,
}

impl Cursor {
    /// The first run.
    pub(super) const START: Cursor = Cursor { at: HEADER_LEN, first: 0 };
}

/// Raises the register of a mark. Looks for it from the cursor on, which is left where to look for later
/// registers. O(length).
pub(super) fn raise(
    string: &mut Vec<u8>,
    cursor: &mut Cursor,
    mark: Mark,
    len_max: usize,
) -> Result<Raised, Corrupt> {
    if mark.rank > RANK_MAX {
        return Ok(Raised::NoRoom);
    }
    let Found { last_but_one, before, here: Cursor { at, first }, run } = find(string, *cursor, mark.index)?;
    *cursor = last_but_one;
    if run.rank >= mark.rank {
        return Ok(Raised::No);
    }
    let mut runs = Runs::default();
    runs.push(run.rank, mark.index - first);
    runs.push(mark.rank, 1);
    runs.push(run.rank, first + run.count - 1 - mark.index);
    if runs.len > run.len && string.len() + runs.len - run.len > len_max {
        return Ok(Raised::NoRoom);
    }
    string.splice(at..at + run.len, runs.bytes().iter().copied());
    join_neighbours(string, before.at);
    Ok(Raised::Yes)
}

/// The run that has a register, and those before it as far as they were looked at: without them, the first
/// one again.
struct Found {
    /// It stays as it is when a register of `here` rises and neighbours are joined.
    last_but_one: Cursor,
    before: Cursor,
    here: Cursor,
    run: Run,
}

fn find(string: &[u8], from: Cursor, index: usize) -> Result<Found, Corrupt> {
    let (mut last_but_one, mut before, mut here) = (from, from, from);
    loop {
        let run = Run::first_of(&string[here.at..]).ok_or(Corrupt)?;
        let next = Cursor { at: here.at + run.len, first: here.first + run.count };
        if index < next.first {
            return Ok(Found { last_but_one, before, here, run });
        }
        (last_but_one, before, here) = (before, here, next);
    }
}

/// Joins runs of equal rank above 0, from a place on and not far behind it, as far as one run can say them.
fn join_neighbours(string: &mut Vec<u8>, mut at: usize) {
    /// A changed register makes three runs of one at most, beside one before and one behind.
    const STEPS: usize = 5;
    for _ in 0..STEPS {
        let Some(run) = string.get(at..).and_then(Run::first_of) else { return };
        let next = string.get(at + run.len..).and_then(Run::first_of);
        match next {
            Some(next) if run.rank > 0 && next.rank == run.rank && run.count + next.count <= RUN_MAX => {
                string[at + 1] = value(run.rank, run.count + next.count);
                string.remove(at);
            }
            _ => at += run.len,
        }
    }
}

/// All runs, until the end or one that is cut off.
fn runs(bytes: &[u8]) -> impl Iterator<Item = Result<Run, Corrupt>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let run = Run::first_of(rest);
        rest = run.map_or(&[], |run| &rest[run.len..]);
        Some(run.ok_or(Corrupt))
    })
}

/// Calls `each` with the first register of every run and the run.
fn for_each(bytes: &[u8], mut each: impl FnMut(usize, Run)) -> Result<(), Corrupt> {
    let mut first = 0;
    for run in runs(bytes) {
        let run = run?;
        if first + run.count > REGISTERS {
            return Err(Corrupt);
        }
        each(first, run);
        first += run.count;
    }
    if first == REGISTERS { Ok(()) } else { Err(Corrupt) }
}

/// How many registers have each rank.
pub(super) fn histogram(bytes: &[u8]) -> Result<estimate::Histogram, Corrupt> {
    let mut histogram = [0; 64];
    for_each(bytes, |_, run| histogram[usize::from(run.rank)] += run.count as u32)?;
    Ok(histogram)
}

/// Raises ranks to those of the runs.
pub(super) fn raise_all(bytes: &[u8], ranks: &mut [u8; REGISTERS]) -> Result<(), Corrupt> {
    for_each(bytes, |first, run| {
        if run.rank > 0 {
            ranks[first..first + run.count].iter_mut().for_each(|rank| *rank = (*rank).max(run.rank));
        }
    })
}

/// See [`super::describe`].
pub(super) fn describe(bytes: &[u8]) -> String {
    let mut text = String::new();
    for run in runs(bytes) {
        // Of a long run that is cut off, the byte that is not there is 0, as in Redis.
        let cut_off = |Corrupt| Run::first_of(&[*bytes.last()?, 0]);
        let Some(run) = run.map_or_else(cut_off, Some) else { break };
        let gap = if text.is_empty() { "" } else { " " };
        // Writing to a string does not fail.
        let _ = match run {
            Run { rank: 0, count, len: 1 } => write!(text, "{gap}z:{count}"),
            Run { rank: 0, count, .. } => write!(text, "{gap}Z:{count}"),
            Run { rank, count, .. } => write!(text, "{gap}v:{rank},{count}"),
        };
    }
    text
}
