//! What carries bytes: connections and the listeners they come from, whatever the medium.
//!
//! Both are non-blocking and registered with a [`Reactor`](crate::reactor::Reactor). A call that cannot go on
//! reports [`io::ErrorKind::WouldBlock`].

use std::fmt;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::os::fd::RawFd;
use std::path::{Path, PathBuf};

use mio::event::Source;
use thiserror::Error;

/// The medium of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Tcp,
    Unix,
}

/// One end of a connection. `Display` is the form of CLIENT LIST: `127.0.0.1:6379`, `[::1]:6379`,
/// `/run/hearth.sock:0`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    Tcp(SocketAddr),
    /// Both ends of a unix connection go by the listener's path.
    Unix(PathBuf),
    /// The system no longer says, for instance because the connection is gone.
    Unknown,
}

impl Address {
    /// Whether the other end must be on this machine: a unix socket or a loopback address.
    pub fn is_local(&self) -> bool {
        match self {
            Address::Tcp(address) => address.ip().to_canonical().is_loopback(),
            Address::Unix(_) => true,
            Address::Unknown => false,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Tcp(address) => address.fmt(f),
            Address::Unix(path) => write!(f, "{}:0", path.display()),
            Address::Unknown => f.write_str("?:0"),
        }
    }
}

impl From<io::Result<SocketAddr>> for Address {
    fn from(address: io::Result<SocketAddr>) -> Self {
        address.map_or(Address::Unknown, Address::Tcp)
    }
}

/// A connection. It may be made on one thread and served on another, but is registered with one reactor at a
/// time.
pub trait Transport: Source + Send + fmt::Debug {
    /// Reads into `buffer`, which must not be empty. Returns how many bytes came; 0: the peer sends no more.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize>;

    /// Writes what the system takes of `slices`, in order. Returns how many bytes it took; fewer than offered
    /// means that its buffer is full.
    fn write(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize>;

    /// Ends both directions. The peer gets what was written so far, then the end. The socket closes when the
    /// transport is dropped. A peer that is gone already is no error.
    fn shutdown(&mut self) -> io::Result<()>;

    fn peer(&self) -> Address;

    fn local(&self) -> Address;

    fn kind(&self) -> Kind;

    /// The descriptor's number, for CLIENT LIST and logs.
    fn fd(&self) -> RawFd;
}

/// A source of connections.
pub trait Listener: Source + Send + fmt::Debug {
    /// The next connection that waits, set up as the listener's settings say.
    ///
    /// # Errors
    /// `WouldBlock`: none waits. Anything else is the system short of descriptors or memory: connections
    /// still wait but the reactor will not report them again, so the caller tries again after a while.
    fn accept(&mut self) -> io::Result<Box<dyn Transport>>;

    /// Where it listens, with the port the system chose.
    fn address(&self) -> Address;

    /// Stops listening and takes away what it left in the file system.
    fn close(self: Box<Self>) -> io::Result<()>;
}

/// Why no connections can be taken at an address.
#[derive(Debug, Error)]
pub enum ListenError {
    #[error("cannot listen on {address}: {source}")]
    Refused { address: String, source: io::Error },
    #[error("cannot listen on {}: the file exists and is not a socket", .path.display())]
    NotASocket { path: PathBuf },
}

impl ListenError {
    pub(crate) fn refused(address: impl fmt::Display, source: io::Error) -> Self {
        ListenError::Refused { address: address.to_string(), source }
    }

    pub(crate) fn refused_path(path: &Path, source: io::Error) -> Self {
        Self::refused(path.display(), source)
    }

    /// Somebody else listens there: worth trying again while a predecessor exits.
    pub fn is_address_in_use(&self) -> bool {
        matches!(self, ListenError::Refused { source, .. } if source.kind() == io::ErrorKind::AddrInUse)
    }
}

/// Calls `operation` again while a signal interrupts it.
pub(crate) fn uninterrupted<T>(mut operation: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match operation() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// Writes what there is to write; a single slice with the call that the system has the least to do for.
pub(crate) fn write_slices(to: &mut impl io::Write, slices: &[IoSlice<'_>]) -> io::Result<usize> {
    uninterrupted(|| match slices {
        [one] => to.write(one),
        many => to.write_vectored(many),
    })
}

/// Accepts with `accept`, past connections that were interrupted or given up while they waited.
pub(crate) fn next_connection<T>(mut accept: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match accept() {
            Err(error)
                if matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted) => {}
            result => return result,
        }
    }
}

/// Delegates `mio::event::Source` to a field.
macro_rules! source_of_field {
    ($type:ty, $field:ident) => {
        impl mio::event::Source for $type {
            fn register(
                &mut self,
                registry: &mio::Registry,
                token: mio::Token,
                interests: mio::Interest,
            ) -> std::io::Result<()> {
                self.$field.register(registry, token, interests)
            }

            fn reregister(
                &mut self,
                registry: &mio::Registry,
                token: mio::Token,
                interests: mio::Interest,
            ) -> std::io::Result<()> {
                self.$field.reregister(registry, token, interests)
            }

            fn deregister(&mut self, registry: &mio::Registry) -> std::io::Result<()> {
                self.$field.deregister(registry)
            }
        }
    };
}
pub(crate) use source_of_field;

#[cfg(test)]
mod tests {
    use super::Address;

    #[test]
    fn addresses_as_client_list_shows_them() {
        for (address, text, local) in [
            (Address::Tcp("127.0.0.1:6379".parse().unwrap()), "127.0.0.1:6379", true),
            (Address::Tcp("127.9.9.9:1".parse().unwrap()), "127.9.9.9:1", true),
            (Address::Tcp("10.0.0.1:6379".parse().unwrap()), "10.0.0.1:6379", false),
            (Address::Tcp("[::1]:6379".parse().unwrap()), "[::1]:6379", true),
            (Address::Tcp("[::ffff:127.0.0.1]:80".parse().unwrap()), "[::ffff:127.0.0.1]:80", true),
            (Address::Tcp("[2001:db8::1]:80".parse().unwrap()), "[2001:db8::1]:80", false),
            (Address::Unix("/tmp/h.sock".into()), "/tmp/h.sock:0", true),
            (Address::Unknown, "?:0", false),
        ] {
            assert_eq!((address.to_string().as_str(), address.is_local()), (text, local));
        }
    }
}
