//! What integration tests share: servers of their own, a small client, replies as text.
#![allow(dead_code, unused_imports)] // Each test binary uses its part.

pub mod client;
pub mod server;

pub use client::{Client, PATIENCE, Value, read_more};
pub use server::TestServer;
