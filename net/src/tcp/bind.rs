//! Where to listen, in the syntax of the `bind` setting: `127.0.0.1`, `::1`, `*` (all IPv4), `::*` (all
//! IPv6), a host name, each with a `-` in front if the machine may lack that address.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::str::FromStr;

use socket2::{Domain, Protocol, Socket, Type};

use super::{TcpListener, TcpSettings};
use crate::transport::ListenError;

/// How often to ask the system for another port when the one it chose for the first address is taken at a
/// later one.
const CHOICES_MAX: usize = 16;

/// One word of the `bind` setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BindAddress {
    host: String,
    optional: bool,
}

/// The outcome of [`bind`].
#[derive(Debug)]
pub struct Bound {
    pub listeners: Vec<TcpListener>,
    /// Addresses the machine does not have, to be logged. It may be that none is left.
    pub skipped: Vec<ListenError>,
}

impl FromStr for BindAddress {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text.strip_prefix('-') {
            Some(host) => BindAddress { host: host.to_owned(), optional: true },
            None => BindAddress { host: text.to_owned(), optional: false },
        })
    }
}

impl fmt::Display for BindAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.optional { "-" } else { "" })?;
        f.write_str(&self.host)
    }
}

/// Listens on `port` at every address, all or none. Port 0: one free port for all of them.
///
/// An address is skipped if it is optional and the machine does not have it, or if the machine does not speak
/// its protocol.
///
/// # Errors
/// Names the first address that failed and why.
pub fn bind(addresses: &[BindAddress], port: u16, settings: TcpSettings) -> Result<Bound, ListenError> {
    let mut choices = 0;
    loop {
        match bind_all(addresses, port, settings) {
            Err(error) if port == 0 && error.is_address_in_use() && choices < CHOICES_MAX => choices += 1,
            result => return result,
        }
    }
}

fn bind_all(addresses: &[BindAddress], port: u16, settings: TcpSettings) -> Result<Bound, ListenError> {
    let mut port = port;
    let mut bound = Bound { listeners: Vec::new(), skipped: Vec::new() };
    for address in addresses {
        match bind_one(address, port, settings) {
            Ok((listener, bound_port)) => {
                port = bound_port;
                bound.listeners.push(listener);
            }
            Err(source) => {
                let skip = is_skipped(address, &source);
                let error = ListenError::refused(format_args!("{}:{port}", bracketed(&address.host)), source);
                if !skip {
                    return Err(error);
                }
                bound.skipped.push(error);
            }
        }
    }
    Ok(bound)
}

fn bind_one(address: &BindAddress, port: u16, settings: TcpSettings) -> io::Result<(TcpListener, u16)> {
    let address = resolve(&address.host, port)?;
    let socket =
        Socket::new(Domain::for_address(address), Type::STREAM.nonblocking().cloexec(), Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        // So that `*` and `::*` can both listen on one port.
        socket.set_only_v6(true)?;
    }
    socket.bind(&address.into())?;
    socket.listen(settings.backlog.try_into().unwrap_or(i32::MAX))?;
    let listener = mio::net::TcpListener::from_std(socket.into());
    let port = listener.local_addr()?.port();
    Ok((TcpListener::new(listener, settings), port))
}

/// A colon means IPv6, as in Redis; a host name is looked up among IPv4 addresses.
fn resolve(host: &str, port: u16) -> io::Result<SocketAddr> {
    match host {
        "*" => return Ok((Ipv4Addr::UNSPECIFIED, port).into()),
        "::*" => return Ok((Ipv6Addr::UNSPECIFIED, port).into()),
        _ => {}
    }
    let six = host.contains(':');
    (host, port)
        .to_socket_addrs()?
        .find(|address| address.is_ipv6() == six)
        .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "the name has no address of this kind"))
}

fn is_skipped(address: &BindAddress, error: &io::Error) -> bool {
    match error.raw_os_error() {
        Some(libc::EADDRNOTAVAIL) => address.optional,
        Some(
            libc::ENOPROTOOPT
            | libc::EPROTONOSUPPORT
            | libc::ESOCKTNOSUPPORT
            | libc::EPFNOSUPPORT
            | libc::EAFNOSUPPORT,
        ) => true,
        _ => false,
    }
}

fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::Listener;

    fn bind_words(words: &[&str], port: u16) -> Result<Bound, ListenError> {
        let addresses: Vec<BindAddress> = words.iter().map(|word| word.parse().unwrap()).collect();
        bind(&addresses, port, TcpSettings::default())
    }

    #[test]
    fn words_of_the_setting() {
        let address: BindAddress = "-::1".parse().unwrap();
        assert_eq!((address.host.as_str(), address.optional), ("::1", true));
        assert_eq!(address.to_string(), "-::1");
        assert_eq!("*".parse::<BindAddress>().unwrap().to_string(), "*");
        assert_eq!(resolve("*", 5).unwrap().to_string(), "0.0.0.0:5");
        assert_eq!(resolve("::*", 5).unwrap().to_string(), "[::]:5");
        assert_eq!(resolve("::1", 5).unwrap().to_string(), "[::1]:5");
        assert_eq!(resolve("10.1.2.3", 5).unwrap().to_string(), "10.1.2.3:5");
    }

    #[test]
    fn one_free_port_serves_all_addresses() {
        let bound = bind_words(&["*", "-::*"], 0).unwrap();
        let ports: Vec<u16> = bound.listeners.iter().map(|listener| listener.port().unwrap()).collect();
        assert!(ports[0] != 0 && ports.iter().all(|port| *port == ports[0]), "{ports:?}");
        assert_eq!(bound.listeners.len() + bound.skipped.len(), 2);
        assert_eq!(bound.listeners[0].address().to_string(), format!("0.0.0.0:{}", ports[0]));
    }

    /// 192.0.2.0/24 is set aside for documentation, so no machine has it.
    #[test]
    fn a_missing_address_is_skipped_only_if_optional() {
        let bound = bind_words(&["127.0.0.1", "-192.0.2.1"], 0).unwrap();
        assert_eq!((bound.listeners.len(), bound.skipped.len()), (1, 1));
        let text = bind_words(&["127.0.0.1", "192.0.2.1"], 0).unwrap_err().to_string();
        assert!(text.starts_with("cannot listen on 192.0.2.1:"), "{text}");
        assert!(text.contains("Cannot assign requested address"), "{text}");
    }

    #[test]
    fn a_taken_port_is_named() {
        let first = bind_words(&["127.0.0.1"], 0).unwrap();
        let port = first.listeners[0].port().unwrap();
        let error = bind_words(&["127.0.0.1"], port).unwrap_err();
        assert!(error.is_address_in_use());
        let text = error.to_string();
        assert!(
            text.starts_with(&format!("cannot listen on 127.0.0.1:{port}: Address already in use")),
            "{text}"
        );
    }
}
