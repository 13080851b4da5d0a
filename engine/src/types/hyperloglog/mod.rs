//! HyperLogLog: how many different elements a set has, nearly, from 12 KiB at most. Stored as a string in
//! the form that Redis documents, byte for byte:
//!
//! ```text
//!  0  "HYLL"
//!  4  form       u8: 0 dense, 1 sparse
//!  5  unused     3 bytes
//!  8  estimate   u64, little-endian; bit 63 set: it is out of date
//! 16  registers  dense: 16384 of 6 bits, the first in the low bits of the first byte; sparse: runs, see `sparse`
//! ```
//!
//! A register holds the highest rank of the elements that went to it: see [`Mark`].

mod dense;
mod estimate;
mod hash;
mod selftest;
mod sparse;

pub use self::hash::Mark;
pub use self::selftest::self_test;
use self::sparse::Cursor;

/// Bits of a hash that choose the register.
const INDEX_BITS: u32 = 14;
/// How many registers there are.
pub const REGISTERS: usize = 1 << INDEX_BITS;
/// The highest rank of an element.
const RANK_MAX: u8 = 64 - INDEX_BITS as u8 + 1;
/// Bytes before the registers.
pub const HEADER_LEN: usize = 16;
/// Length of the dense form.
pub const DENSE_LEN: usize = HEADER_LEN + dense::BYTES;

const MAGIC: &[u8; 4] = b"HYLL";
const FORM_AT: usize = 4;
/// Where the estimate lies.
pub const ESTIMATE_AT: usize = 8;
/// The byte of the estimate that says whether it is out of date, and the bit that does.
pub const OUTDATED_AT: usize = 15;
pub const OUTDATED: u8 = 1 << 7;

/// How the registers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Dense,
    Sparse,
}

impl Form {
    /// The form that a string's beginning and its length show; `None` of a string that is no HyperLogLog.
    pub fn of(header: [u8; HEADER_LEN], len: usize) -> Option<Form> {
        if len < HEADER_LEN || !header.starts_with(MAGIC) {
            return None;
        }
        match header[FORM_AT] {
            0 => (len == DENSE_LEN).then_some(Form::Dense),
            1 => Some(Form::Sparse),
            _ => None,
        }
    }

    pub const fn name(self) -> &'static str {
        match self {
            Form::Dense => "dense",
            Form::Sparse => "sparse",
        }
    }

    const fn code(self) -> u8 {
        match self {
            Form::Dense => 0,
            Form::Sparse => 1,
        }
    }
}

/// The runs of a sparse form are not those of all registers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Corrupt;

/// The estimate that is kept in a header, unless it is out of date.
pub fn kept_estimate(header: [u8; HEADER_LEN]) -> Option<u64> {
    let bytes = std::array::from_fn(|at| header[ESTIMATE_AT + at]);
    (header[OUTDATED_AT] & OUTDATED == 0).then_some(u64::from_le_bytes(bytes))
}

/// Where a register of the dense form lies: the place of the two bytes that it touches in the string.
pub fn dense_place(index: usize) -> usize {
    HEADER_LEN + dense::place(index)
}

/// Raises a register of the dense form, given as the two bytes at its [`dense_place`]. Returns what they
/// become, or `None` when the register is as high already.
pub fn raise_dense(bytes: [u8; 2], mark: Mark) -> Option<[u8; 2]> {
    (dense::rank_in(bytes, mark.index) < mark.rank).then(|| dense::with_rank(bytes, mark.index, mark.rank))
}

/// How many different elements went to these registers, nearly.
///
/// # Errors
/// [`Corrupt`].
pub fn estimate(form: Form, string: &[u8]) -> Result<u64, Corrupt> {
    let registers = &string[HEADER_LEN..];
    let histogram = match form {
        Form::Dense => dense::histogram(registers),
        Form::Sparse => sparse::histogram(registers)?,
    };
    Ok(estimate::of(&histogram))
}

/// The runs of a sparse form in words: `z:` and `Z:` with the length of zeros, `v:` with rank and length.
pub fn describe(string: &[u8]) -> String {
    sparse::describe(&string[HEADER_LEN..])
}

/// The highest ranks of several HyperLogLogs together.
pub struct Union {
    ranks: Box<[u8; REGISTERS]>,
}

impl Default for Union {
    fn default() -> Union {
        Union { ranks: Box::new([0; REGISTERS]) }
    }
}

impl Union {
    /// Takes in another one, given as its string.
    ///
    /// # Errors
    /// [`Corrupt`]; the union must not be used any more.
    pub fn add(&mut self, form: Form, string: &[u8]) -> Result<(), Corrupt> {
        let registers = &string[HEADER_LEN..];
        match form {
            Form::Dense => dense::raise_all(registers, &mut self.ranks),
            Form::Sparse => sparse::raise_all(registers, &mut self.ranks)?,
        }
        Ok(())
    }

    /// How many different elements it has, nearly.
    pub fn estimate(&self) -> u64 {
        estimate::of(&estimate::histogram(&self.ranks))
    }

    /// The ranks, register by register.
    pub fn ranks(&self) -> &[u8; REGISTERS] {
        &self.ranks
    }

    /// The registers that are not zero.
    fn marks(&self) -> impl Iterator<Item = Mark> {
        let ranks = self.ranks.iter().enumerate().filter(|(_, rank)| **rank > 0);
        ranks.map(|(index, rank)| Mark { index, rank: *rank })
    }
}

/// A HyperLogLog outside of the heap, to be changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sketch {
    form: Form,
    string: Vec<u8>,
    /// A longer sparse form becomes dense.
    sparse_len_max: usize,
}

impl Sketch {
    /// One without elements; its estimate is out of date.
    pub fn new(sparse_len_max: usize) -> Sketch {
        let mut string = vec![0; HEADER_LEN];
        string[..MAGIC.len()].copy_from_slice(MAGIC);
        string[FORM_AT] = Form::Sparse.code();
        string[OUTDATED_AT] |= OUTDATED;
        string.extend_from_slice(&sparse::EMPTY);
        Sketch { form: Form::Sparse, string, sparse_len_max }
    }

    /// That of a string of this form.
    pub fn from_string(form: Form, string: Vec<u8>, sparse_len_max: usize) -> Sketch {
        Sketch { form, string, sparse_len_max }
    }

    pub fn form(&self) -> Form {
        self.form
    }

    pub fn string(&self) -> &[u8] {
        &self.string
    }

    /// Raises the register of a mark. Returns whether it was lower; then the estimate is out of date.
    ///
    /// # Errors
    /// [`Corrupt`]; the sketch must not be used any more.
    pub fn add(&mut self, mark: Mark) -> Result<bool, Corrupt> {
        let mut cursor = Cursor::START;
        self.add_from(&mut cursor, mark)
    }

    fn add_from(&mut self, cursor: &mut Cursor, mark: Mark) -> Result<bool, Corrupt> {
        let raised = match self.form {
            Form::Dense => self.add_dense(mark),
            Form::Sparse => match sparse::raise(&mut self.string, cursor, mark, self.sparse_len_max)? {
                sparse::Raised::No => false,
                sparse::Raised::Yes => true,
                sparse::Raised::NoRoom => {
                    self.make_dense()?;
                    self.add_dense(mark)
                }
            },
        };
        if raised {
            self.outdate();
        }
        Ok(raised)
    }

    fn add_dense(&mut self, mark: Mark) -> bool {
        let at = dense_place(mark.index);
        let raised = raise_dense([self.string[at], self.string[at + 1]], mark);
        if let Some(bytes) = raised {
            self.string[at..at + 2].copy_from_slice(&bytes);
        }
        raised.is_some()
    }

    /// Raises all registers to those of a union; the estimate is out of date.
    ///
    /// # Errors
    /// As [`Sketch::add`].
    pub fn add_union(&mut self, union: &Union) -> Result<(), Corrupt> {
        // Registers come in order: each is looked for near the one before.
        let mut cursor = Cursor::START;
        for mark in union.marks() {
            self.add_from(&mut cursor, mark)?;
        }
        self.outdate();
        Ok(())
    }

    /// Gives it the dense form; the estimate stays.
    ///
    /// # Errors
    /// [`Corrupt`]; then nothing has changed.
    pub fn make_dense(&mut self) -> Result<(), Corrupt> {
        if self.form == Form::Dense {
            return Ok(());
        }
        let mut union = Union::default();
        union.add(Form::Sparse, &self.string)?;
        self.string.truncate(HEADER_LEN);
        self.string[FORM_AT] = Form::Dense.code();
        self.string.resize(DENSE_LEN, 0);
        dense::store_all(&union.ranks, &mut self.string[HEADER_LEN..]);
        self.form = Form::Dense;
        Ok(())
    }

    fn outdate(&mut self) {
        self.string[OUTDATED_AT] |= OUTDATED;
    }
}

#[cfg(test)]
mod tests;
