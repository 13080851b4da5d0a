//! A listening TCP socket.

use std::io;

use crate::transport::{Address, Listener, Transport, next_connection, source_of_field};

use super::{TcpSettings, TcpTransport};

#[derive(Debug)]
pub struct TcpListener {
    listener: mio::net::TcpListener,
    settings: TcpSettings,
}

source_of_field!(TcpListener, listener);

impl TcpListener {
    pub(super) fn new(listener: mio::net::TcpListener, settings: TcpSettings) -> Self {
        TcpListener { listener, settings }
    }

    /// The port it listens on, chosen by the system if 0 was asked for.
    pub fn port(&self) -> io::Result<u16> {
        Ok(self.listener.local_addr()?.port())
    }

    /// What connections accepted from now on get.
    pub fn set_settings(&mut self, settings: TcpSettings) {
        self.settings = settings;
    }
}

impl Listener for TcpListener {
    fn accept(&mut self) -> io::Result<Box<dyn Transport>> {
        let (stream, peer) = next_connection(|| self.listener.accept())?;
        Ok(Box::new(TcpTransport::new(stream, peer, &self.settings)))
    }

    fn address(&self) -> Address {
        self.listener.local_addr().into()
    }

    fn close(self: Box<Self>) -> io::Result<()> {
        Ok(())
    }
}
