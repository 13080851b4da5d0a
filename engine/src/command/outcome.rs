//! How a handler ends.

use super::error::Error;

/// A handler that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The reply is complete.
    Done,
    /// Nothing was changed and nothing replied: the caller waits for one of these keys to change, and then the handler
    /// runs again.
    WaitFor(Wait),
}

/// What a caller waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait {
    /// Where the first key stands among the words of the request.
    pub first_key: usize,
    /// How many keys follow one another.
    pub key_count: usize,
    /// Unix milliseconds; `None`: for ever.
    pub until_ms: Option<u64>,
    /// The reply when the time is over.
    pub nothing: Nothing,
    /// Whether the handler has something to say when a key is gone.
    pub on_loss: bool,
}

/// A reply that says that there is nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nothing {
    Null,
    NullArray,
}

impl Nothing {
    pub fn write(self, reply: &mut dyn super::Reply) {
        match self {
            Nothing::Null => reply.null(),
            Nothing::NullArray => reply.null_array(),
        }
    }
}

/// How a caller may wait, and what for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// Not at all: inside a transaction.
    None,
    /// As long as it likes.
    Waits,
    /// It has waited, and the key at this word of its request has changed.
    Woken { by_key: usize },
}

/// A handler fails before it has changed anything or begun its reply; where it cannot (memory runs
/// out in the middle), the transaction around it takes changes and reply back.
pub type CommandResult = Result<Outcome, Error>;
