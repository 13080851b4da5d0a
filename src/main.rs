//! The server binary: wires the parts together.
#![forbid(unsafe_code)]

fn main() {}
