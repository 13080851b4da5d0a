//! How a handler answers: in the terms of RESP3, whoever listens.

use super::error::Error;
use crate::number;
use crate::types::string::StringView;

/// A place for one reply. Implemented by the wire (RESP2 or RESP3), a recorder (EXEC, replies from
/// another shard, tests) and later Lua. A handler writes exactly one complete item: a scalar, or an
/// aggregate header followed by that many items (twice as many for a map).
pub trait Reply {
    /// A simple string such as `OK`. Holds no line breaks.
    fn status(&mut self, text: &str);
    /// An error line of any bytes, its code first, e.g. `ERR syntax error`. Line breaks become spaces.
    fn error_line(&mut self, line: &[u8]);
    /// An integer.
    fn integer(&mut self, value: i64);
    /// A string of bytes.
    fn bulk(&mut self, bytes: &[u8]);
    /// A string of `len` bytes whose pieces follow by [`Reply::bulk_piece`].
    fn bulk_header(&mut self, len: usize);
    /// The next piece of a string opened by [`Reply::bulk_header`].
    fn bulk_piece(&mut self, bytes: &[u8]);
    /// No value (RESP2: a null string).
    fn null(&mut self);
    /// No value where RESP2 clients expect a null array.
    fn null_array(&mut self);
    /// An array of `len` items.
    fn array(&mut self, len: usize);
    /// A map of `len` pairs (RESP2: an array of `2 * len` items).
    fn map(&mut self, len: usize);
    /// A set of `len` items (RESP2: an array).
    fn set(&mut self, len: usize);
    /// An out-of-band message of `len` items (RESP2: an array).
    fn push(&mut self, len: usize);
    /// Opens `len` pairs of remarks on the item that follows them. False for a listener who cannot be told (RESP2):
    /// then they are left out.
    fn attribute(&mut self, _len: usize) -> bool {
        false
    }
    /// A floating-point number, given in decimal (RESP2: a string).
    fn double_text(&mut self, text: &str);
    /// A boolean (RESP2: 1 or 0).
    fn boolean(&mut self, value: bool);
    /// Text with a format of three letters, e.g. `txt` (RESP2: a string).
    fn verbatim(&mut self, format: &str, text: &[u8]);
    /// An integer of any size, given in decimal (RESP2: a string).
    fn big_number(&mut self, decimal: &str);
    /// Whether the listener speaks RESP3: for the few commands whose replies differ in shape.
    fn is_resp3(&self) -> bool;
    /// A position to which [`Reply::cut`] can return.
    fn mark(&self) -> usize;
    /// Takes back everything after the mark.
    fn cut(&mut self, mark: usize);

    /// `+OK`.
    #[inline]
    fn ok(&mut self) {
        self.status("OK");
    }
    /// A floating-point number (RESP2: a string).
    fn double(&mut self, value: f64) {
        self.double_text(&number::Double::new(value));
    }
    /// A number of things.
    #[inline]
    fn count(&mut self, count: usize) {
        self.integer(i64::try_from(count).unwrap_or(i64::MAX));
    }
    /// The error's line.
    fn error(&mut self, error: &Error) {
        self.error_line(&error.line());
    }
    /// A string value as it lies in the heap.
    #[inline]
    fn string(&mut self, value: StringView<'_>) {
        match value {
            StringView::Inline(bytes) => self.bulk(bytes),
            StringView::Apart { .. } => {
                let len = value.len();
                self.bulk_header(len);
                value.for_each_piece(0, len, |piece| self.bulk_piece(piece));
            }
        }
    }
    /// A string, or null.
    fn bulk_or_null(&mut self, bytes: Option<&[u8]>) {
        match bytes {
            Some(bytes) => self.bulk(bytes),
            None => self.null(),
        }
    }
}
