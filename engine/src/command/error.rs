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
    #[error("ERR unknown subcommand or wrong number of arguments for '{0}'. Try {1} HELP.")]
    UnknownSubcommand(String, &'static str),
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
}

impl Error {
    /// An error with a fixed text, its code first: `Error::text("ERR no such thing")`.
    pub const fn text(text: &'static str) -> Error {
        Error::Other(Cow::Borrowed(text))
    }
}

impl From<shm::OutOfMemory> for Error {
    fn from(_: shm::OutOfMemory) -> Error {
        Error::OutOfMemory
    }
}
