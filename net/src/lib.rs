//! Bytes in, bytes out: RESP, transports, the reactor and the rings between workers.
//! Knows nothing of storage or of what a command means.

pub mod resp;
