//! The undo log: a transaction is all there or not there.
//!
//! Before a store to memory that was reachable when the transaction began, its old bytes are appended to a
//! log in the segment; the word `tail` says where the log ends and is moved on by one aligned store per
//! record. Commit is `tail = 0`. Whatever instruction a process dies at, walking the records back from `tail`
//! restores the state from before the transaction; `docs/undo-and-recovery.md` has the argument.

pub(crate) mod log;
pub(crate) mod record;
pub(crate) mod recovery;
