//! Readiness for systemd: datagrams to the socket that it names in the environment.

use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use crate::config::Supervision;

/// Tells the service manager, if there is one to tell, that clients are served.
pub fn notify_ready(supervision: Supervision) -> io::Result<()> {
    notify(supervision, "READY=1\nSTATUS=Ready to accept connections\n")
}

/// Tells the service manager, if there is one to tell, that the server is about to end.
pub fn notify_stopping(supervision: Supervision) -> io::Result<()> {
    notify(supervision, "STOPPING=1\nSTATUS=Shutting down\n")
}

fn notify(supervision: Supervision, state: &str) -> io::Result<()> {
    if !matches!(supervision, Supervision::Systemd | Supervision::Auto) {
        return Ok(());
    }
    match std::env::var_os("NOTIFY_SOCKET") {
        Some(socket) => send(&socket, state),
        None if supervision == Supervision::Auto => Ok(()),
        None => Err(io::Error::new(
            io::ErrorKind::NotFound,
            "systemd supervision requested, but NOTIFY_SOCKET is not set",
        )),
    }
}

/// `socket` is a path, or a name in the abstract namespace behind `@`.
fn send(socket: &OsStr, state: &str) -> io::Result<()> {
    let address = match socket.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        _ => SocketAddr::from_pathname(socket)?,
    };
    UnixDatagram::unbound()?.send_to_addr(state.as_bytes(), &address).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_datagram_reaches_either_kind_of_socket() {
        let name = format!("hearth-notify-test-{}", std::process::id());
        let path = std::env::temp_dir().join(&name);
        let by_path = UnixDatagram::bind(&path).unwrap();
        let by_name = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        for (socket, address) in
            [(by_path, path.clone().into_os_string()), (by_name, format!("@{name}").into())]
        {
            send(&address, "READY=1\n").unwrap();
            let mut buffer = [0; 64];
            let length = socket.recv(&mut buffer).unwrap();
            assert_eq!(&buffer[..length], b"READY=1\n");
        }
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn nobody_is_told_when_nobody_asked() {
        assert!(notify_ready(Supervision::No).is_ok());
        assert!(notify_stopping(Supervision::Upstart).is_ok());
    }
}
