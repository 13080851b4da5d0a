//! The control thread: waits for a reason to stop, then sees to the order of the stop.

use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::commands::node::Stop;
use crate::config::{Settings, ShutdownFlags};
use crate::worker::Report;

/// What the other threads tell the control thread.
#[derive(Debug)]
pub enum Event {
    Stop(Stop),
    Worker(Report),
}

/// Both ends of its channel.
pub fn channel() -> (UnboundedSender<Event>, UnboundedReceiver<Event>) {
    unbounded_channel()
}

/// What the process does about signals.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    /// Taken and ignored, as Redis does.
    _hangup: Signal,
}

impl Signals {
    /// From now on signals do not end the process by themselves. To be called inside the runtime.
    ///
    /// # Errors
    /// The system refused.
    pub fn listen() -> std::io::Result<Signals> {
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            _hangup: signal(SignalKind::hangup())?,
        })
    }

    /// The next one that asks for the end.
    async fn next(&mut self) -> Cause {
        tokio::select! {
            Some(()) = self.terminate.recv() => Cause::Terminate,
            Some(()) = self.interrupt.recv() => Cause::Interrupt,
            else => std::future::pending().await,
        }
    }
}

enum Cause {
    Terminate,
    Interrupt,
}

async fn next_signal(signals: &mut Option<Signals>) -> Cause {
    match signals {
        Some(signals) => signals.next().await,
        None => std::future::pending().await,
    }
}

/// Waits for a reason to stop. `settings` gives the settings of the moment.
pub async fn until_stop(
    events: &mut UnboundedReceiver<Event>,
    signals: &mut Option<Signals>,
    settings: impl Fn() -> std::sync::Arc<Settings>,
) -> Stop {
    loop {
        tokio::select! {
            event = events.recv() => match event {
                Some(Event::Stop(stop)) => {
                    tracing::info!("User requested shutdown...");
                    return stop;
                }
                Some(Event::Worker(_)) => {}
                None => std::future::pending().await,
            },
            cause = next_signal(signals) => {
                let (name, flags) = match cause {
                    Cause::Terminate => ("SIGTERM", settings().shutdown_on_sigterm),
                    Cause::Interrupt => ("SIGINT", settings().shutdown_on_sigint),
                };
                tracing::info!("Received {name} scheduling shutdown...");
                return stop_of(flags);
            }
        }
    }
}

fn stop_of(flags: ShutdownFlags) -> Stop {
    Stop { no_save: flags.nosave, save: flags.save, now: flags.now, force: flags.force }
}

/// How a stop went on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drained {
    All,
    /// Some worker did not finish in time.
    Late,
    /// Somebody insists.
    Hurry,
}

/// Waits until all workers have finished what is under way.
pub async fn until_drained(
    events: &mut UnboundedReceiver<Event>,
    signals: &mut Option<Signals>,
    worker_count: usize,
    patience: Duration,
) -> Drained {
    let deadline = tokio::time::Instant::now() + patience;
    let mut drained_count = 0;
    while drained_count < worker_count {
        tokio::select! {
            event = events.recv() => match event {
                Some(Event::Worker(Report::Drained(_))) => drained_count += 1,
                Some(Event::Stop(_)) => {}
                None => std::future::pending().await,
            },
            _ = next_signal(signals) => return Drained::Hurry,
            () = tokio::time::sleep_until(deadline) => return Drained::Late,
        }
    }
    Drained::All
}
