//! What the parser hands out: requests as ranges of bytes that somebody else owns.

/// One word of a request: a range of bytes, counted from the request's first byte. Copying the request
/// elsewhere keeps its words valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word {
    pub start: u32,
    pub len: u32,
}

impl Word {
    /// The word's bytes, where `request` begins with the request's first byte.
    ///
    /// # Panics
    /// If `request` is shorter than the request the word was parsed from.
    #[inline]
    pub fn of(self, request: &[u8]) -> &[u8] {
        &request[self.start as usize..][..self.len as usize]
    }
}

/// How far one call of [`Parser::next`](super::Parser::next) came.
#[derive(Debug, PartialEq, Eq)]
pub enum Progress {
    /// A request took `consumed` bytes of the input; its `words` words were appended, as ranges of those
    /// bytes.
    Request { consumed: usize, words: usize },
    /// An inline request whose quotes or escapes had to be resolved. It took `consumed` bytes of the input;
    /// its `words` words were appended, as ranges of `bytes`.
    Decoded { consumed: usize, words: usize, bytes: Vec<u8> },
    /// A blank line or an array without elements took `consumed` bytes and asks for nothing.
    Empty { consumed: usize },
    /// The input ends inside a request (or is empty), and no call makes progress before at least `missing`
    /// more bytes have arrived: the rest of a bulk string whose length is known, else 1.
    Incomplete { missing: usize },
}
