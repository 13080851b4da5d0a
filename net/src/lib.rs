//! Bytes in, bytes out: RESP, transports, the reactor and the rings between workers.
//! Knows nothing of storage or of what a command means.

pub mod buffer;
pub mod reactor;
pub mod resp;
pub mod ring;
mod sync;
pub mod tcp;
pub mod transport;
pub mod unix;
