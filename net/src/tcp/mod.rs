//! TCP, over IPv4 and IPv6.

mod bind;
mod listener;
mod stream;

pub use bind::{BindAddress, Bound, bind};
pub use listener::TcpListener;
pub use stream::TcpTransport;

/// How connections are set up. `Default` is a fresh Redis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpSettings {
    /// Connections that may wait to be accepted (`tcp-backlog`); the system may allow fewer.
    pub backlog: u32,
    /// Seconds without traffic after which the peer is probed (`tcp-keepalive`), 0: never. Three probes go
    /// out at a third of this apart, so a dead peer is noticed within about twice the time.
    pub keepalive_s: u32,
    /// Send small writes at once instead of waiting for more.
    pub nodelay: bool,
}

impl Default for TcpSettings {
    fn default() -> Self {
        TcpSettings { backlog: 511, keepalive_s: 300, nodelay: true }
    }
}
