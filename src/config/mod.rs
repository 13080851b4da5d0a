//! Settings: what can be set, how a configuration is read, CONFIG GET, SET and REWRITE.
//!
//! `table/` has one row per setting. A configuration file, standard input and the command line are all turned into
//! lines of the same syntax and read by `loader`. The result is a [`Config`], shared by all threads; it publishes
//! [`Settings`], plain fields that a thread reads from its own copy.
//!
//! ```text
//! redis.conf ─▶ ┐                    ┌─▶ values ─▶ CONFIG GET, REWRITE
//! stdin      ─▶ ├─ lines ─▶ loader ─▶┤     ▲
//! --flags    ─▶ ┘                    │     └── CONFIG SET
//!                                    └─▶ Settings (Arc, generation) ─▶ View of each thread
//! ```

mod arguments;
mod help;
mod kinds;
mod loader;
mod rewrite;
mod setting;
mod settings;
mod start;
mod store;
mod system;
mod table;
mod units;
mod value;
mod view;
mod words;

pub use help::{SegmentsAction, SegmentsCommand};
pub use kinds::{
    Allow, BindAddress, CpuList, EventClasses, EvictionPolicy, LogLevel, OutputLimit, OutputLimits,
    Percentiles, PipelineOrder, PrimaryAddress, SavePoint, SavePoints, ShutdownFlags, Supervision,
};
pub use loader::StartError;
pub use rewrite::RewriteError;
pub use setting::{Change, Effect, Kind, Setting};
pub use settings::Settings;
pub use start::{Invocation, Loaded, REDIS_VERSION, VERSION, invocation, load};
pub use store::{Caller, Changes, Config, Refused, SetError};
pub use units::{human_bytes, parse_bytes};
pub use value::Value;
pub use view::View;
