//! The values that keys hold. Plain interfaces over a heap: no argument parsing, no replies.

pub mod bitmap;
pub mod hyperloglog;

pub mod lcs;
pub mod string;
