//! The loop.

use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::Worker;
use crate::telemetry::Reading;

impl Worker {
    /// Waits until there is something to do, at most `patience`, and does it.
    ///
    /// # Errors
    /// The system's selector failed.
    pub(super) fn turn(&mut self, patience: Option<Duration>) -> io::Result<()> {
        let timeout = [self.sleep_max(), patience].into_iter().flatten().min();
        let Worker { reactor, links, mailbox, .. } = self;
        reactor.wait(timeout, || links.is_idle() && mailbox.is_empty())?;
        self.executor.now_ms = unix_ms();
        self.follow_settings();
        self.read_mail();
        self.executor.start_clock();
        self.read_inboxes();
        self.continue_errands();
        self.executor.read_clock();
        self.serve_ready();
        self.links.flush();
        self.sessions.call_crowded_out();
        self.look_after_touched();
        self.keep_up();
        self.tidy_later();
        self.ring_alarms();
        self.links.flush();
        self.take_reading();
        self.report_when_drained();
        Ok(())
    }

    /// Notes how much has been done, now and then.
    fn take_reading(&mut self) {
        if self.rates.due(self.executor.now_ms) {
            self.rates.take(self.reading());
        }
    }

    /// How much has been done until now.
    pub(super) fn reading(&self) -> Reading {
        let counters = &self.executor.counters;
        Reading {
            at_ms: self.executor.now_ms,
            commands: counters.commands_processed.get(),
            input_bytes: counters.net_input_bytes.get(),
            output_bytes: counters.net_output_bytes.get(),
        }
    }

    fn follow_settings(&mut self) {
        if self.settings.refresh() {
            self.executor.adopt(&self.settings);
            self.input_limits = super::gather::InputLimits::of(&self.settings);
            self.adopt_timeout();
        }
    }
}

/// The time as expiry knows it.
fn unix_ms() -> u64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
    since_epoch.map_or(0, |time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}
