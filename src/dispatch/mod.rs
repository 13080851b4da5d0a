//! From words to a decision: which command this is, whether it may run now, and where.

mod gates;
mod name;
mod refusal;
mod routing;
mod table;

pub use gates::{GateSet, Standing, Stop, armed_gates, pass};
pub use refusal::Refusal;
pub use routing::{Placement, SHARDS_IN_PLACE, Shards, Site, WorkerId};
pub use table::{Row, Run, Table};
