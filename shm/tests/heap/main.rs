//! The heap against a plain model: random transactions that are committed, rolled back or cut off by a crash,
//! and (with the feature `fault`) every crash and every panic of chosen ones.

mod compact;
mod garbage;
mod model;
#[cfg(not(miri))]
mod mutants;
mod table;

#[cfg(feature = "fault")]
mod crash;
