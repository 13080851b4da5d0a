//! Hearth's server: wires storage (`engine`, `shm`) and network (`net`) together.
//!
//! Rooms, each importing only to its right:
//! ```text
//! server ▶ worker ▶ session ▶ dispatch ▶ commands ▶ client, config, telemetry ▶ engine, net
//! ```
#![forbid(unsafe_code)]

pub mod client;
pub mod commands;
pub mod config;
pub mod dispatch;
pub mod segments;
pub mod server;
pub mod session;
pub mod telemetry;
pub mod worker;
