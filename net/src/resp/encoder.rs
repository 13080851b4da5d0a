//! Replies as bytes, in the protocol version the client speaks.
//!
//! | reply       | RESP2                     | RESP3                 |
//! |-------------|---------------------------|-----------------------|
//! | status      | `+OK`                     | the same              |
//! | error       | `-ERR …`                  | the same              |
//! | integer     | `:1`                      | the same              |
//! | bulk        | `$3 ⏎ abc`                | the same              |
//! | null        | `$-1`                     | `_`                   |
//! | null array  | `*-1`                     | `_`                   |
//! | array       | `*2 ⏎ a b`                | the same              |
//! | map         | `*4 ⏎ k v k v`            | `%2 ⏎ k v k v`        |
//! | set         | `*2 ⏎ a b`                | `~2 ⏎ a b`            |
//! | push        | `*2 ⏎ a b`                | `>2 ⏎ a b`            |
//! | attribute   | left out                  | `\|1 ⏎ k v`           |
//! | double      | a bulk, `$3 ⏎ 1.5`        | `,1.5`                |
//! | boolean     | `:1`, `:0`                | `#t`, `#f`            |
//! | big number  | a bulk                    | `(123…`               |
//! | verbatim    | a bulk without the format | `=7 ⏎ txt:abc`        |
//!
//! The caller is trusted to follow a header with as many items as it announced.

/// The protocol version of a connection. Every connection starts with RESP2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    #[default]
    Resp2,
    Resp3,
}

/// A reply that holds other replies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aggregate {
    Array,
    /// Counted in pairs.
    Map,
    Set,
    Push,
}

/// An aggregate whose count is not known yet: hand it to [`Encoder::resolve`] after the last item.
#[derive(Debug)]
#[must_use = "an aggregate without its header is not a reply"]
pub struct Deferred {
    at: usize,
    aggregate: Aggregate,
}

/// Headers of small counts: a place for the kind, digits and line end, and in the last byte how long all that is.
static HEADERS: [[u8; 8]; 256] = {
    let mut lines = [[0; 8]; 256];
    let mut count = 0;
    while count < lines.len() {
        let digits = 1 + (count >= 10) as usize + (count >= 100) as usize;
        let line = &mut lines[count];
        let (mut rest, mut at) = (count, digits);
        while at > 0 {
            line[at] = b'0' + (rest % 10) as u8;
            (rest, at) = (rest / 10, at - 1);
        }
        line[digits + 1] = b'\r';
        line[digits + 2] = b'\n';
        line[7] = digits as u8 + 3;
        count += 1;
    }
    lines
};

/// Appends replies to an output buffer.
#[derive(Debug)]
pub struct Encoder<'a> {
    out: &'a mut Vec<u8>,
    protocol: Protocol,
}

impl<'a> Encoder<'a> {
    #[inline]
    pub fn new(out: &'a mut Vec<u8>, protocol: Protocol) -> Self {
        Encoder { out, protocol }
    }

    #[inline]
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// From the next reply on, another version: what HELLO does.
    pub fn set_protocol(&mut self, protocol: Protocol) {
        self.protocol = protocol;
    }

    #[inline]
    pub fn ok(&mut self) {
        self.out.extend_from_slice(b"+OK\r\n");
    }

    /// A short text. Line ends in it become blanks.
    pub fn status(&mut self, text: &[u8]) {
        self.line(b'+', text);
    }

    /// An error, its code first (`ERR …`). Line ends at its end are left out, others become blanks.
    pub fn error(&mut self, text: &[u8]) {
        let is_text = |byte: &u8| !matches!(byte, b'\r' | b'\n');
        let len = text.iter().rposition(is_text).map_or(0, |last| last + 1);
        self.line(b'-', &text[..len]);
    }

    #[inline]
    pub fn integer(&mut self, value: i64) {
        match value {
            0..=9 => self.out.extend_from_slice(&[b':', b'0' + value as u8, b'\r', b'\n']),
            _ => {
                self.out.push(b':');
                self.out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
                self.out.extend_from_slice(b"\r\n");
            }
        }
    }

    #[inline]
    pub fn bulk(&mut self, bytes: &[u8]) {
        // Once for header, bytes and line end: the appends below do not grow.
        self.out.reserve(bytes.len() + HEADER_LEN_MAX + 2);
        self.header(b'$', bytes.len());
        self.out.extend_from_slice(bytes);
        self.out.extend_from_slice(b"\r\n");
    }

    /// Opens a bulk of `len` bytes; the caller appends them, and the line end after them, to the buffer.
    pub fn bulk_header(&mut self, len: usize) {
        self.out.reserve(len + HEADER_LEN_MAX + 2);
        self.header(b'$', len);
    }

    /// One bulk from pieces that are `len` bytes together.
    pub fn bulk_chunks<'c>(&mut self, len: usize, chunks: impl IntoIterator<Item = &'c [u8]>) {
        self.out.reserve(len + HEADER_LEN_MAX + 2);
        self.header(b'$', len);
        let start = self.out.len();
        for chunk in chunks {
            self.out.extend_from_slice(chunk);
        }
        debug_assert_eq!(self.out.len() - start, len, "the chunks must be as long as was announced");
        self.out.extend_from_slice(b"\r\n");
    }

    /// A value that is not there.
    #[inline]
    pub fn null(&mut self) {
        match self.protocol {
            Protocol::Resp2 => self.out.extend_from_slice(b"$-1\r\n"),
            Protocol::Resp3 => self.out.extend_from_slice(b"_\r\n"),
        }
    }

    /// A list that is not there: what a blocking command that timed out, or an aborted EXEC, answers.
    pub fn null_array(&mut self) {
        match self.protocol {
            Protocol::Resp2 => self.out.extend_from_slice(b"*-1\r\n"),
            Protocol::Resp3 => self.out.extend_from_slice(b"_\r\n"),
        }
    }

    /// Opens a list of `count` items.
    #[inline]
    pub fn array(&mut self, count: usize) {
        self.header(b'*', count);
    }

    /// Opens a map of `pairs` keys, each followed by its value.
    pub fn map(&mut self, pairs: usize) {
        self.aggregate(Aggregate::Map, pairs);
    }

    /// Opens a set of `count` items.
    pub fn set(&mut self, count: usize) {
        self.aggregate(Aggregate::Set, count);
    }

    /// Opens an out-of-band message of `count` items.
    pub fn push(&mut self, count: usize) {
        self.aggregate(Aggregate::Push, count);
    }

    /// Opens `pairs` of remarks on the reply that follows them. False in RESP2, which cannot say such a
    /// thing: then the caller leaves the pairs out.
    #[must_use]
    pub fn attribute(&mut self, pairs: usize) -> bool {
        let known = self.protocol == Protocol::Resp3;
        if known {
            self.header(b'|', pairs);
        }
        known
    }

    pub fn aggregate(&mut self, aggregate: Aggregate, count: usize) {
        let (kind, count) = self.wire(aggregate, count);
        self.header(kind, count);
    }

    /// Opens an aggregate whose count is known only after its last item. Others may be opened and resolved
    /// inside.
    pub fn defer(&mut self, aggregate: Aggregate) -> Deferred {
        let at = self.out.len();
        self.aggregate(aggregate, 0);
        Deferred { at, aggregate }
    }

    /// Closes a deferred aggregate that got `count` items (pairs for a map). Up to nine elements on the wire
    /// this writes one byte; beyond, the items move to make room for the digits.
    pub fn resolve(&mut self, deferred: Deferred, count: usize) {
        let (_, count) = self.wire(deferred.aggregate, count);
        let digit = deferred.at + 1;
        match count {
            0..=9 => self.out[digit] = b'0' + count as u8,
            _ => {
                let digits = itoa::Buffer::new().format(count).to_owned();
                self.out.splice(digit..=digit, digits.bytes());
            }
        }
    }

    /// A floating-point number, given as text.
    pub fn double(&mut self, text: &[u8]) {
        match self.protocol {
            Protocol::Resp2 => self.bulk(text),
            Protocol::Resp3 => self.line(b',', text),
        }
    }

    #[inline]
    pub fn boolean(&mut self, value: bool) {
        self.out.extend_from_slice(match (self.protocol, value) {
            (Protocol::Resp2, true) => b":1\r\n",
            (Protocol::Resp2, false) => b":0\r\n",
            (Protocol::Resp3, true) => b"#t\r\n",
            (Protocol::Resp3, false) => b"#f\r\n",
        });
    }

    /// An integer of any size, as decimal digits.
    pub fn big_number(&mut self, digits: &[u8]) {
        match self.protocol {
            Protocol::Resp2 => self.bulk(digits),
            Protocol::Resp3 => self.line(b'(', digits),
        }
    }

    /// Text for humans, with its three-letter format (`txt`, `mkd`).
    pub fn verbatim(&mut self, format: [u8; 3], text: &[u8]) {
        match self.protocol {
            Protocol::Resp2 => self.bulk(text),
            Protocol::Resp3 => {
                self.out.reserve(text.len() + HEADER_LEN_MAX + 6);
                self.header(b'=', text.len() + 4);
                self.out.extend_from_slice(&format);
                self.out.push(b':');
                self.out.extend_from_slice(text);
                self.out.extend_from_slice(b"\r\n");
            }
        }
    }

    /// Whole replies that were encoded elsewhere, in this connection's protocol.
    #[inline]
    pub fn encoded(&mut self, replies: &[u8]) {
        self.out.extend_from_slice(replies);
    }

    fn wire(&self, aggregate: Aggregate, count: usize) -> (u8, usize) {
        match (aggregate, self.protocol) {
            (Aggregate::Array | Aggregate::Set | Aggregate::Push, Protocol::Resp2) => (b'*', count),
            (Aggregate::Map, Protocol::Resp2) => (b'*', count * 2),
            (Aggregate::Array, Protocol::Resp3) => (b'*', count),
            (Aggregate::Map, Protocol::Resp3) => (b'%', count),
            (Aggregate::Set, Protocol::Resp3) => (b'~', count),
            (Aggregate::Push, Protocol::Resp3) => (b'>', count),
        }
    }

    /// `kind`, a length or count, and the line end.
    #[inline]
    fn header(&mut self, kind: u8, count: usize) {
        if let Some(line) = HEADERS.get(count) {
            let mut line = *line;
            let len = self.out.len() + usize::from(line[7]);
            line[0] = kind;
            // One store of eight bytes, of which too many are taken back.
            self.out.extend_from_slice(&line);
            self.out.truncate(len);
        } else {
            self.out.push(kind);
            self.out.extend_from_slice(itoa::Buffer::new().format(count).as_bytes());
            self.out.extend_from_slice(b"\r\n");
        }
    }

    fn line(&mut self, kind: u8, text: &[u8]) {
        self.out.reserve(text.len() + 3);
        self.out.push(kind);
        let start = self.out.len();
        self.out.extend_from_slice(text);
        if memchr::memchr2(b'\r', b'\n', text).is_some() {
            for byte in &mut self.out[start..] {
                if matches!(byte, b'\r' | b'\n') {
                    *byte = b' ';
                }
            }
        }
        self.out.extend_from_slice(b"\r\n");
    }
}

/// The kind, twenty digits and the line end.
const HEADER_LEN_MAX: usize = 23;

#[cfg(test)]
mod tests;
