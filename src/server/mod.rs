//! Builds the parts, starts the threads, stops them in order. The only room that knows them all.
//!
//! ```text
//! start: listen ▶ own the data set ▶ workers recover their shards ▶ transactions settled ▶ workers serve ▶ acceptor
//! stop:  acceptor ends ▶ workers finish what is under way ▶ they end ▶ the data set is left or removed
//! ```
//! The thread that starts the server owns the data set and is its control thread: signals, stops, later the cluster's map.

mod acceptor;
mod control;
mod coordinator;
mod cores;
mod crew;
mod data;
mod listen;
mod process;

#[cfg(test)]
mod tests;

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use net::transport::{Address, ListenError};
use shm::Budget;
use shm::segment::{DataSet, Opened, Origin, SegmentError};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};

use acceptor::{Acceptor, AnyListener};
use control::{Drained, Event, Signals};
use cores::Cores;
use crew::{Common, Crew};

use crate::commands::Node;
use crate::commands::node::{StartReport, Stop};
use crate::config::{Config, Settings, View};
use crate::dispatch::{Placement, Table};
use crate::telemetry::info::PersistenceReport;
use crate::telemetry::{ProcessMemory, WorkerCounters, log, notify_ready, notify_stopping};

pub use listen::Port;
pub use process::serve;

/// How long a stop may take at least before it is given up.
const PATIENCE_MIN: Duration = Duration::from_secs(10);

/// How to start, beyond the settings.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    pub port: Port,
    /// Messages that a ring between two workers holds.
    pub ring_capacity: usize,
    /// SIGTERM and SIGINT stop the server.
    pub heeds_signals: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options { port: Port::AsSet, ring_capacity: crew::RING_CAPACITY, heeds_signals: true }
    }
}

/// Why the server could not start, or not stop in order.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    #[error("{0}")]
    Data(#[from] SegmentError),
    #[error("{0}")]
    Listen(#[from] ListenError),
    #[error("the system refused a thread, a selector or a signal handler: {0}")]
    System(#[from] io::Error),
}

/// A server that serves. Belongs to the thread that started it.
pub struct Server {
    config: Arc<Config>,
    node: Arc<Node>,
    data_set: DataSet,
    crew: Crew,
    acceptor: Acceptor,
    addresses: Vec<Address>,
    events: UnboundedReceiver<Event>,
    heeds_signals: bool,
    stop: Stopper,
}

/// Stops a server from any thread.
#[derive(Clone)]
pub struct Stopper(UnboundedSender<Event>);

impl Stopper {
    pub fn stop(&self, stop: Stop) {
        // A server that has stopped needs no telling.
        let _ = self.0.send(Event::Stop(stop));
    }
}

impl Server {
    /// Starts a server; it serves when this returns.
    ///
    /// # Errors
    /// The data cannot be had, an address is taken, or the system is short of something. Data that was there stays.
    pub fn start(config: Arc<Config>, options: Options) -> Result<Server, ServerError> {
        let began = Instant::now();
        let settings = config.settings();
        let plan = Cores::of_this_process().plan(settings.threads, &settings.worker_cpus.0);
        // A port that is taken is found out before anything is touched, unless it is a dying predecessor's.
        let listeners = match listen::listen(&settings, options.port) {
            Ok(listeners) => Some(listeners),
            Err(error) if error.is_address_in_use() => None,
            Err(error) => return Err(error.into()),
        };
        let Opened { data_set, shards, origin, takeover, .. } =
            data::open(&settings, plan.worker_count(), data::PATIENCE)?;
        let listeners = match listeners {
            Some(listeners) => Ok(listeners),
            None if takeover.dead_threads > 0 => listen::listen_after_death(&settings, options.port),
            None => listen::listen(&settings, options.port),
        };
        let listeners = match listeners {
            Ok(listeners) => listeners,
            Err(error) => {
                drop(shards);
                data_set.stop(origin != Origin::Created)?;
                return Err(error.into());
            }
        };
        let addresses = listen::addresses(&listeners);
        let segments = shards.iter().map(shm::segment::Segment::usage).collect();
        let (sender, events) = control::channel();
        let stop = Stopper(sender.clone());
        let node = Arc::new(make_node(&config, &settings, plan.worker_count(), shards.len(), stop.clone()));
        let control = data_set.control();
        let placement = Placement::new(first_slots(control), plan.worker_count());
        let common = Common {
            node: node.clone(),
            placement: Arc::new(placement),
            control: control.clone(),
            locks: data_set.worker_locks(),
            settings: View::new(config.clone()),
            ring_capacity: options.ring_capacity,
            report: Arc::new(move |report| drop(sender.send(Event::Worker(report)))),
        };
        let crew = Crew::start(&common, &plan, shards)?;
        let recovered = match crew.recovered() {
            Ok(recovered) => recovered,
            Err(error) => {
                listen::close(listeners);
                crew.finish();
                return Err(error.into());
            }
        };
        control.settle();
        recovered.log(origin, data_set.directory().path(), node.shard_count, began);
        node.note_start(StartReport {
            persistence: PersistenceReport {
                shm_dir: data_set.directory().path().to_owned(),
                attached: origin != Origin::Created,
                attach_us: began.elapsed().as_micros() as u64,
                recovered: recovered.taken_back + recovered.completed,
                last_save_s: node.started_ms / 1000,
            },
            listeners: addresses.iter().map(listen::described).collect(),
            segments,
            used_bytes: node.memory.granted() + ProcessMemory::now().private,
        });
        crew.go();
        let acceptor = start_acceptor(&node, &crew, &config, listeners)?;
        tell_ready(&settings, &addresses);
        let heeds_signals = options.heeds_signals;
        Ok(Server { config, node, data_set, crew, acceptor, addresses, events, heeds_signals, stop })
    }

    /// Where it listens.
    pub fn addresses(&self) -> &[Address] {
        &self.addresses
    }

    /// What its threads share.
    pub fn node(&self) -> &Arc<Node> {
        &self.node
    }

    /// Stops it from any thread.
    pub fn stopper(&self) -> Stopper {
        self.stop.clone()
    }

    /// Waits until somebody stops the server, and stops it.
    ///
    /// # Errors
    /// The data could not be left in order; it is as after a crash.
    pub fn wait(self) -> Result<(), ServerError> {
        let Server { config, data_set, crew, acceptor, mut events, heeds_signals, .. } = self;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, drained) = runtime.block_on(async {
            let mut signals = if heeds_signals { Some(Signals::listen()?) } else { None };
            let stop = control::until_stop(&mut events, &mut signals, || config.settings()).await;
            let settings = config.settings();
            // Systemd may have gone away; that is no reason not to stop.
            let _ = notify_stopping(settings.supervision);
            acceptor.stop();
            crew.drain();
            let patience = Duration::from_secs(u64::from(settings.shutdown_s_max)).max(PATIENCE_MIN);
            let drained = control::until_drained(&mut events, &mut signals, crew.len(), patience).await;
            Ok::<_, io::Error>((stop, drained))
        })?;
        match drained {
            Drained::All => {}
            Drained::Hurry => {
                tracing::warn!(
                    "You insist... exiting now: the next start recovers the data as after a crash"
                );
                std::process::exit(1);
            }
            Drained::Late => {
                tracing::warn!(
                    "A worker does not come to an end: exiting now, the next start recovers the data"
                );
                std::process::exit(1);
            }
        }
        crew.finish();
        let settings = config.settings();
        if stop.save {
            tracing::warn!("No snapshot is written: this version keeps data in shared memory only");
        }
        data::stop(data_set, settings.warm_restart && !stop.no_save)?;
        tracing::info!("Hearth is now ready to exit, bye bye...");
        Ok(())
    }
}

fn make_node(
    config: &Arc<Config>,
    settings: &Settings,
    worker_count: usize,
    shard_count: usize,
    stop: Stopper,
) -> Node {
    // One more than workers: the acceptor's.
    let counters = (0..=worker_count).map(|_| Arc::new(WorkerCounters::new(Table::get().len()))).collect();
    let limit = match settings.memory_bytes_max {
        0 => u64::MAX,
        bytes => bytes,
    };
    let stop = Box::new(move |how| stop.stop(how));
    Node::new(config.clone(), worker_count, counters, shard_count, Arc::new(Budget::new(limit)), stop)
}

fn first_slots(control: &shm::Control) -> Vec<u16> {
    control.slots().iter().map(|slots| slots.start).collect()
}

fn start_acceptor(
    node: &Arc<Node>,
    crew: &Crew,
    config: &Arc<Config>,
    listeners: Vec<AnyListener>,
) -> io::Result<Acceptor> {
    let counters = node.counters[crew.len()].clone();
    Acceptor::start(listeners, node.clone(), counters, crew.mailboxes(), View::new(config.clone()))
}

fn tell_ready(settings: &Settings, addresses: &[Address]) {
    let endpoints: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    log::ready(&endpoints);
    if let Err(error) = notify_ready(settings.supervision) {
        tracing::warn!("Telling the service manager that the server is ready: {error}");
    }
}
