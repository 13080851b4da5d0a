//! How a handler ends.

use super::error::Error;

/// A handler that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The reply is complete.
    Done,
}

/// A handler fails before it has changed anything or begun its reply; where it cannot (memory runs
/// out in the middle), the transaction around it takes changes and reply back.
pub type CommandResult = Result<Outcome, Error>;
