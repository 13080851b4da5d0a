//! The Redis serialization protocol, versions 2 and 3: requests in, replies out.
//!
//! [`Parser`] turns a read buffer into [`Word`] ranges without copying; [`Encoder`] appends replies to an
//! output buffer. This room alone knows how RESP2 and RESP3 differ.

mod encoder;
mod error;
mod inline;
mod limits;
mod parser;
mod request;

pub use encoder::{Aggregate, Deferred, Encoder, Protocol};
pub use error::ProtocolError;
pub use limits::Limits;
pub use parser::Parser;
pub use request::{Progress, Word};
