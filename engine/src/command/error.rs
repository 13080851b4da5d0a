//! What a data command can answer instead of a result, in Redis's words.

use std::borrow::Cow;

/// `Display` is the whole error line that a client sees, its code first.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("WRONGTYPE Operation against a key holding the wrong kind of value")]
    WrongType,
    #[error("ERR syntax error")]
    Syntax,
    #[error("ERR value is not an integer or out of range")]
    NotInteger,
    #[error("ERR value is not a valid float")]
    NotFloat,
    #[error("ERR increment or decrement would overflow")]
    Overflow,
    #[error("ERR decrement would overflow")]
    DecrementOverflow,
    #[error("ERR increment would produce NaN or Infinity")]
    NanOrInfinity,
    #[error("ERR no such key")]
    NoSuchKey,
    #[error("ERR index out of range")]
    IndexOutOfRange,
    #[error("ERR offset is out of range")]
    OffsetOutOfRange,
    #[error("ERR string exceeds maximum allowed size (proto-max-bulk-len)")]
    StringTooLong,
    #[error("ERR invalid expire time in '{}' command", .0.to_ascii_lowercase())]
    InvalidExpire(&'static str),
    #[error("ERR value is out of range, must be positive")]
    NotPositive,
    #[error("ERR DB index is out of range")]
    DbOutOfRange,
    #[error("ERR invalid DB index")]
    InvalidDb,
    #[error("ERR source and destination objects are the same")]
    SameObject,
    #[error("ERR invalid cursor")]
    InvalidCursor,
    #[error("ERR wrong number of arguments for '{}' command", .0.to_ascii_lowercase())]
    WrongArity(Cow<'static, str>),
    #[error("ERR The command has no key arguments")]
    NoKeys,
    /// A limit was reached while the command ran; it was taken back.
    #[error("OOM command not allowed when used memory > 'maxmemory'.")]
    OutOfMemory,
    /// A defect: the command panicked and was taken back.
    #[error("ERR internal error: the command was rolled back, see the server's log")]
    Internal,
    /// An error particular to one command; the text has its code first.
    #[error("{0}")]
    Other(Cow<'static, str>),
    /// An error that repeats what the client sent: a whole line of any bytes. See [`Error::repeating`].
    #[error("{}", String::from_utf8_lossy(.0))]
    Repeating(Box<[u8]>),
}

impl Error {
    /// An error with a fixed text, its code first: `Error::text("ERR no such thing")`.
    pub const fn text(text: &'static str) -> Error {
        Error::Other(Cow::Borrowed(text))
    }

    /// An error with a word of the client's between two texts, as C prints it: up to its first NUL.
    #[cold]
    pub fn repeating(before: &str, word: &[u8], after: &str) -> Error {
        Error::Repeating([before.as_bytes(), until_nul(word), after.as_bytes()].concat().into())
    }

    /// The line that the client sees. `Display` shows the same, but can only show text.
    pub fn line(&self) -> Cow<'_, [u8]> {
        match self {
            Error::Repeating(line) => Cow::Borrowed(line),
            other => Cow::Owned(other.to_string().into_bytes()),
        }
    }
}

/// How much of a name or of arguments the errors about unknown commands repeat, in bytes.
pub const REPEATED_LEN_MAX: usize = 128;

/// A word, cut as the errors about unknown commands repeat it.
pub fn cut_short(word: &[u8]) -> &[u8] {
    until_nul(&word[..word.len().min(REPEATED_LEN_MAX)])
}

/// A word as C prints it: up to its first NUL.
pub fn until_nul(word: &[u8]) -> &[u8] {
    word.split(|&byte| byte == 0).next().unwrap_or_default()
}

impl From<shm::OutOfMemory> for Error {
    fn from(_: shm::OutOfMemory) -> Error {
        Error::OutOfMemory
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_client_sent_comes_back_byte_for_byte() {
        for (word, line) in [
            (&b"\xff\x80a\xc3"[..], &b"ERR no '\xff\x80a\xc3'."[..]),
            (b"a\0b", b"ERR no 'a'."),
            (b"\0", b"ERR no ''."),
            (b"a\r\n", b"ERR no 'a\r\n'."),
        ] {
            assert_eq!(Error::repeating("ERR no '", word, "'.").line(), line);
        }
        assert_eq!(Error::Syntax.line(), &b"ERR syntax error"[..]);
    }
}
