//! The thread that takes connections and deals them to the workers with the fewest.

use std::io::{self, IoSlice};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use net::reactor::{Reactor, Token, Waker};
use net::tcp::TcpSettings;
use net::transport::{Listener, Transport};

use super::listen::make_room;
use crate::commands::Node;
use crate::config::View;
use crate::telemetry::WorkerCounters;
use crate::worker::{Letter, Mailbox};

/// What a client of another machine is told while there is no password.
const DENIED: &str = "-DENIED Redis is running in protected mode because protected mode is enabled and no \
     password is set for the default user. In this mode connections are only accepted from the loopback interface. \
     If you want to connect from external computers to Redis you may adopt one of the following solutions: \
     1) Just disable protected mode sending the command 'CONFIG SET protected-mode no' from the loopback interface \
     by connecting to Redis from the same host the server is running, however MAKE SURE Redis is not publicly \
     accessible from internet if you do so. Use CONFIG REWRITE to make this change permanent. \
     2) Alternatively you can just disable the protected mode by editing the Redis configuration file, and setting \
     the protected mode option to 'no', and then restarting the server. \
     3) If you started the server manually just for testing, restart it with the '--protected-mode no' option. \
     4) Set up an authentication password for the default user. NOTE: You only need to do one of the above things \
     in order for the server to start accepting connections from the outside.\r\n";
const TOO_MANY: &str = "-ERR max number of clients reached\r\n";

/// How long to wait when the system is short of descriptors or memory.
const PAUSE: Duration = Duration::from_millis(100);

/// A listener of any kind.
pub type AnyListener = Box<dyn Listener>;

/// The thread, from outside.
pub struct Acceptor {
    thread: JoinHandle<()>,
    end: Arc<AtomicBool>,
    waker: Arc<Waker>,
}

struct Desk {
    reactor: Reactor,
    listeners: Vec<(Token, AnyListener)>,
    node: Arc<Node>,
    counters: Arc<WorkerCounters>,
    mailboxes: Vec<Arc<Mailbox>>,
    settings: View,
    end: Arc<AtomicBool>,
    /// How many clients there may be.
    room: u32,
    /// The system was short of something; connections may wait unseen.
    short: bool,
}

impl Acceptor {
    /// Starts to take connections.
    ///
    /// # Errors
    /// The system is short of descriptors or threads.
    pub fn start(
        listeners: Vec<AnyListener>,
        node: Arc<Node>,
        counters: Arc<WorkerCounters>,
        mailboxes: Vec<Arc<Mailbox>>,
        settings: View,
    ) -> io::Result<Acceptor> {
        let mut reactor = Reactor::new()?;
        let waker = reactor.waker();
        let end = Arc::new(AtomicBool::new(false));
        let register = |mut listener: AnyListener| Ok((reactor.register(&mut *listener)?, listener));
        let listeners = listeners.into_iter().map(register).collect::<io::Result<Vec<_>>>()?;
        let room = make_room(settings.clients_max);
        let end_of_desk = end.clone();
        let desk = Desk {
            reactor,
            listeners,
            node,
            counters,
            mailboxes,
            settings,
            end: end_of_desk,
            room,
            short: false,
        };
        let thread = std::thread::Builder::new().name("acceptor".into()).spawn(move || desk.serve())?;
        Ok(Acceptor { thread, end, waker })
    }

    /// Takes no more connections, and gives the addresses back to the system.
    pub fn stop(self) {
        self.end.store(true, Ordering::Release);
        // A failure means that it cannot be woken; then neither can it be ended.
        self.waker.wake().expect("writing eight bytes to an eventfd of our own cannot fail");
        if self.thread.join().is_err() {
            std::process::abort();
        }
    }
}

impl Desk {
    fn serve(mut self) {
        loop {
            let patience = self.short.then_some(PAUSE);
            if let Err(error) = self.reactor.wait(patience, || true) {
                tracing::error!("The acceptor cannot wait for connections: {error}");
                return;
            }
            // Acquire: pairs with the Release in `stop`.
            if self.end.load(Ordering::Acquire) {
                return self.close();
            }
            self.follow_settings();
            if std::mem::take(&mut self.short) {
                self.listeners.iter().for_each(|(token, _)| self.reactor.keep_ready(*token));
            }
            while let Some(ready) = self.reactor.next_ready() {
                self.accept_all(ready.token);
            }
        }
    }

    fn follow_settings(&mut self) {
        let clients_max = self.settings.clients_max;
        if self.settings.refresh() && self.settings.clients_max != clients_max {
            self.room = make_room(self.settings.clients_max);
        }
    }

    /// Takes every connection that waits at one listener.
    fn accept_all(&mut self, token: Token) {
        let Some(at) = self.listeners.iter().position(|(known, _)| *known == token) else { return };
        loop {
            match self.listeners[at].1.accept() {
                Ok(transport) => self.admit(transport),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) => {
                    tracing::warn!("Accepting client connection: {error}");
                    self.short = true;
                    return;
                }
            }
        }
    }

    fn admit(&mut self, mut transport: Box<dyn Transport>) {
        self.counters.connections_received.add(1);
        let refusal = if self.node.client_count() >= self.room as usize {
            Some(TOO_MANY)
        } else if self.is_protected_from(&*transport) {
            Some(DENIED)
        } else {
            None
        };
        if let Some(text) = refusal {
            self.counters.connections_rejected.add(1);
            // The client may be gone already; there is nothing else to tell it.
            let _ = transport.write(&[IoSlice::new(text.as_bytes())]);
            return;
        }
        let worker = self.node.emptiest();
        self.node.enter(worker);
        self.mailboxes[worker].post(Letter::Serve(transport));
    }

    fn is_protected_from(&self, transport: &dyn Transport) -> bool {
        self.settings.protected_mode && self.settings.password.is_none() && !transport.peer().is_local()
    }

    fn close(mut self) {
        for (token, mut listener) in self.listeners {
            // What cannot be taken away is taken by the process's end.
            let _ = self.reactor.deregister(token, &mut *listener);
            if let Err(error) = listener.close() {
                tracing::warn!("Closing a listener: {error}");
            }
        }
    }
}

/// What connections get, by the settings.
pub fn tcp_settings(settings: &crate::config::Settings) -> TcpSettings {
    TcpSettings { backlog: settings.tcp_backlog, keepalive_s: settings.tcp_keepalive_s, nodelay: true }
}
