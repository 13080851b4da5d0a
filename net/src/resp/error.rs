//! Why a request cannot be understood. The client is told once and the connection is closed: after a framing
//! error nobody knows where the next request starts.

use thiserror::Error;

/// A malformed or oversized request. `Display` is for logs; the client is sent [`reply`](Self::reply).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ProtocolError {
    #[error("invalid multibulk length")]
    InvalidMultibulkLength,
    #[error("unauthenticated multibulk length")]
    UnauthenticatedMultibulkLength,
    #[error("too big mbulk count string")]
    CountLineTooLong,
    #[error("expected '$', got '{}'", .0.escape_ascii())]
    ExpectedBulk(u8),
    #[error("invalid bulk length")]
    InvalidBulkLength,
    #[error("unauthenticated bulk length")]
    UnauthenticatedBulkLength,
    #[error("too big bulk count string")]
    BulkLineTooLong,
    #[error("too big inline request")]
    InlineTooLong,
    #[error("unbalanced quotes in request")]
    UnbalancedQuotes,
    /// A browser talks, perhaps on behalf of a page from elsewhere: what follows its headers could be commands.
    #[error("POST or Host: came, as a browser sends them")]
    Http,
    #[error("the request is longer than client-query-buffer-limit")]
    RequestTooLong,
}

impl ProtocolError {
    /// The text of the error reply, code included and line end not (the encoder's `error` adds that). `None`:
    /// close the connection without a word, as Redis does with a client that outgrows its query buffer and with HTTP.
    pub fn reply(self) -> Option<Vec<u8>> {
        let mut text = b"ERR Protocol error: ".to_vec();
        match self {
            ProtocolError::RequestTooLong | ProtocolError::Http => return None,
            ProtocolError::ExpectedBulk(byte) => {
                text.extend_from_slice(b"expected '$', got '");
                text.push(byte);
                text.push(b'\'');
            }
            other => text.extend_from_slice(other.to_string().as_bytes()),
        }
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::ProtocolError;

    #[test]
    fn replies_carry_the_code_and_raw_bytes() {
        assert_eq!(
            ProtocolError::InlineTooLong.reply().unwrap(),
            b"ERR Protocol error: too big inline request"
        );
        assert_eq!(
            ProtocolError::ExpectedBulk(0xff).reply().unwrap(),
            b"ERR Protocol error: expected '$', got '\xff'"
        );
        assert_eq!(ProtocolError::ExpectedBulk(0xff).to_string(), "expected '$', got '\\xff'");
        assert_eq!(ProtocolError::RequestTooLong.reply(), None);
    }
}
