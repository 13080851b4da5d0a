//! The hash index against an ordered map.

#[cfg(feature = "fault")]
mod crash;
mod failure;
mod memory;
mod model;
mod reclaim;
mod scan;
mod skew;
mod world;
