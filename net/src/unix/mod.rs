//! Unix sockets.

mod listener;
mod stream;

pub use listener::UnixListener;
pub use stream::UnixTransport;
