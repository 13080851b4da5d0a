//! Workers at work, without threads: every interleaving of their turns can be played.

mod atomic;
mod limits;
mod order;
mod rig;
mod transactions;
