//! The addresses that the server listens on.

use std::time::{Duration, Instant};

use net::tcp::{self, BindAddress};
use net::transport::{Address, ListenError};
use net::unix::UnixListener;

use super::acceptor::{AnyListener, tcp_settings};
use crate::config::Settings;

/// How long a predecessor that died may hold its port.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(10);

/// Which TCP port to listen on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Port {
    /// That of the settings; none if it is 0.
    AsSet,
    /// Any that is free.
    Any,
}

/// Listens at every address of the settings.
///
/// # Errors
/// The first address that cannot be had.
pub fn listen(settings: &Settings, port: Port) -> Result<Vec<AnyListener>, ListenError> {
    let mut listeners: Vec<AnyListener> = Vec::new();
    if settings.port != 0 || port == Port::Any {
        let words = settings.bind.iter().map(|address| address.to_string().parse());
        let addresses: Vec<BindAddress> = words.map(|Ok(address)| address).collect();
        let number = if port == Port::Any { 0 } else { settings.port };
        let bound = tcp::bind(&addresses, number, tcp_settings(settings))?;
        for skipped in bound.skipped {
            tracing::info!("{skipped}: left out");
        }
        let boxed = |listener| Box::new(listener) as AnyListener;
        listeners.extend(bound.listeners.into_iter().map(boxed));
    }
    if let Some(path) = &settings.unix_socket {
        let mode = (settings.unix_socket_mode != 0).then_some(settings.unix_socket_mode);
        listeners.push(Box::new(UnixListener::bind(path, mode, settings.tcp_backlog)?));
    }
    Ok(listeners)
}

/// Tries again for a while: the predecessor has died, but the system has not yet closed its sockets.
///
/// # Errors
/// As [`listen`].
pub fn listen_after_death(settings: &Settings, port: Port) -> Result<Vec<AnyListener>, ListenError> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match listen(settings, port) {
            Err(error) if error.is_address_in_use() && Instant::now() < deadline => {
                std::thread::sleep(PAUSE);
            }
            result => return result,
        }
    }
}

/// Stops listening.
pub fn close(listeners: Vec<AnyListener>) {
    for listener in listeners {
        if let Err(error) = listener.close() {
            tracing::warn!("Closing a listener: {error}");
        }
    }
}

/// Where the server listens.
pub fn addresses(listeners: &[AnyListener]) -> Vec<Address> {
    listeners.iter().map(|listener| listener.address()).collect()
}

/// An address as INFO shows it.
pub fn described(address: &Address) -> String {
    match address {
        Address::Tcp(address) => format!("name=tcp,bind={},port={}", address.ip(), address.port()),
        Address::Unix(path) => format!("name=unix,bind={}", path.display()),
        Address::Unknown => "name=unknown".into(),
    }
}

/// Lets the process have as many descriptors as clients and the server itself may need; returns for how many clients
/// there is room.
pub fn make_room(clients_max: u32) -> u32 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let wanted = u64::from(clients_max) + RESERVED_DESCRIPTORS;
    let limit = getrlimit(Resource::Nofile);
    let current = limit.current.unwrap_or(u64::MAX);
    if current >= wanted {
        return clients_max;
    }
    let attainable = limit.maximum.unwrap_or(u64::MAX).min(wanted);
    let raised = Rlimit { current: Some(attainable), maximum: limit.maximum };
    let current = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => attainable,
        Err(_) => current,
    };
    let room = current.saturating_sub(RESERVED_DESCRIPTORS).min(u64::from(clients_max)) as u32;
    if room < clients_max {
        tracing::warn!(
            "You requested maxclients of {clients_max}, but the system allows {current} open files: maxclients is \
             {room} (raise it with ulimit -n)"
        );
    }
    room
}

/// Descriptors for segments, logs, listeners and selectors.
const RESERVED_DESCRIPTORS: u64 = 128;
