//! What threads share: the standard library's primitives, or loom's, which try every interleaving a memory
//! model allows (`RUSTFLAGS="--cfg loom" cargo test -p hearth-net --release --test loom`).

#[cfg(not(loom))]
pub(crate) use std::sync::atomic::{AtomicBool, Ordering, fence};

#[cfg(loom)]
pub(crate) use loom::sync::atomic::{AtomicBool, Ordering, fence};
