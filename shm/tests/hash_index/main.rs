//! The hash index against an ordered map.

mod memory;
mod model;
mod scan;
mod world;
