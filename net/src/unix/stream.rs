//! A connection over a unix socket.

use std::io::{self, IoSlice, Read};
use std::net::Shutdown;
use std::os::fd::{AsRawFd, RawFd};
use std::path::Path;
use std::sync::Arc;

use mio::net::UnixStream;

use crate::transport::{Address, Kind, Transport, source_of_field, uninterrupted, write_slices};

#[derive(Debug)]
pub struct UnixTransport {
    stream: UnixStream,
    path: Arc<Path>,
}

source_of_field!(UnixTransport, stream);

impl UnixTransport {
    /// Takes over a connection that came through the listener at `path`.
    pub fn new(stream: UnixStream, path: Arc<Path>) -> Self {
        UnixTransport { stream, path }
    }

    /// Takes over a connection that was made otherwise, for instance a socket pair. `path` is what both ends
    /// go by.
    ///
    /// # Errors
    /// The socket cannot be made non-blocking.
    pub fn from_std(stream: std::os::unix::net::UnixStream, path: Arc<Path>) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(UnixTransport::new(UnixStream::from_std(stream), path))
    }
}

impl Transport for UnixTransport {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        uninterrupted(|| self.stream.read(buffer))
    }

    fn write(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        write_slices(&mut self.stream, slices)
    }

    fn shutdown(&mut self) -> io::Result<()> {
        match self.stream.shutdown(Shutdown::Both) {
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
            result => result,
        }
    }

    fn peer(&self) -> Address {
        Address::Unix(self.path.to_path_buf())
    }

    fn local(&self) -> Address {
        Address::Unix(self.path.to_path_buf())
    }

    fn kind(&self) -> Kind {
        Kind::Unix
    }

    fn fd(&self) -> RawFd {
        self.stream.as_raw_fd()
    }
}
