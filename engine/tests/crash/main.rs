//! Every write command, cut off at its stores by a crash or a panic: the data is as before it or as after
//! it, and every shard is sound. `HEARTH_CRASH_FULL=1` tries every store and every store of the recovery;
//! by default it is a part of them.
#![cfg(feature = "fault")]

#[path = "../common/mod.rs"]
mod common;

mod bits;
mod coverage;
mod databases;
mod geo;
mod hashes;
mod keys;
mod kinds;
mod lists;
mod many;
mod scene;
mod sets;
mod streams;
mod strings;
mod together;
mod transactions;
mod upkeep;
mod world;
mod zsets;
