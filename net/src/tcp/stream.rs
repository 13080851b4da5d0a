//! A TCP connection.

use std::io::{self, IoSlice, Read};
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{AsRawFd, RawFd};
use std::time::Duration;

use mio::net::TcpStream;
use socket2::{SockRef, TcpKeepalive};

use super::TcpSettings;
use crate::transport::{Address, Kind, Transport, source_of_field, uninterrupted, write_slices};

/// Probes that go unanswered before the peer counts as gone.
const KEEPALIVE_PROBES: u32 = 3;

#[derive(Debug)]
pub struct TcpTransport {
    stream: TcpStream,
    peer: Address,
}

source_of_field!(TcpTransport, stream);

impl TcpTransport {
    /// Takes over a connection and applies `settings`. A socket that refuses an option is served without it:
    /// the peer may be gone already, which the first read will tell.
    pub fn new(stream: TcpStream, peer: SocketAddr, settings: &TcpSettings) -> Self {
        let socket = SockRef::from(&stream);
        let _ = socket.set_tcp_nodelay(settings.nodelay);
        if settings.keepalive_s > 0 {
            let interval_s = (settings.keepalive_s / KEEPALIVE_PROBES).max(1);
            let keepalive = TcpKeepalive::new()
                .with_time(Duration::from_secs(settings.keepalive_s.into()))
                .with_interval(Duration::from_secs(interval_s.into()))
                .with_retries(KEEPALIVE_PROBES);
            let _ = socket.set_tcp_keepalive(&keepalive);
        }
        TcpTransport { stream, peer: Address::Tcp(peer) }
    }
}

impl Transport for TcpTransport {
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
        self.peer.clone()
    }

    fn local(&self) -> Address {
        self.stream.local_addr().into()
    }

    fn kind(&self) -> Kind {
        Kind::Tcp
    }

    fn fd(&self) -> RawFd {
        self.stream.as_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_reach_the_socket() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let set_up = |keepalive_s, nodelay| {
            let stream = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let peer = stream.peer_addr().unwrap();
            let settings = TcpSettings { keepalive_s, nodelay, ..TcpSettings::default() };
            TcpTransport::new(TcpStream::from_std(stream), peer, &settings)
        };
        let on = set_up(30, true);
        let socket = SockRef::from(&on.stream);
        assert!(socket.tcp_nodelay().unwrap());
        assert!(socket.keepalive().unwrap());
        assert_eq!(socket.tcp_keepalive_time().unwrap(), Duration::from_secs(30));
        assert_eq!(socket.tcp_keepalive_interval().unwrap(), Duration::from_secs(10));
        assert_eq!(socket.tcp_keepalive_retries().unwrap(), 3);

        let short = set_up(1, true);
        let socket = SockRef::from(&short.stream);
        assert_eq!(socket.tcp_keepalive_interval().unwrap(), Duration::from_secs(1));

        let off = set_up(0, false);
        let socket = SockRef::from(&off.stream);
        assert!(!socket.tcp_nodelay().unwrap());
        assert!(!socket.keepalive().unwrap());
    }
}
