//! Hearth's server: wires storage (`engine`, `shm`) and network (`net`) together.
#![forbid(unsafe_code)]

pub mod config;
pub mod telemetry;
