//! What a worker does because time has passed: idle clients, readers that stay slow, upkeep, tidying up.

use std::time::Duration;

use super::Worker;
use super::batch::SessionKey;
use crate::session::Seq;

/// What a timer is about. A session's place may have gone to another client, so its number is kept beside it.
#[derive(Debug, Clone, Copy)]
pub enum Alarm {
    /// The client may have been idle for too long. Void if the limit has changed since, for the nth time.
    Idle { session: SessionKey, client: u64, limit_version: u32 },
    /// The client's output was over the soft limit.
    SlowReader { session: SessionKey, client: u64 },
    /// The time of a command that waits is over.
    WaitOver { session: SessionKey, client: u64, seq: Seq },
    /// Shards were worked on some time ago.
    Inspection,
    /// Replies have been waiting for others to leave with.
    Gathered,
    /// Spare buffers have been lying around for some time.
    Tidy,
}

/// How long after a busy turn buffers are given back.
const TIDY_AFTER_MS: u64 = 1000;

impl Worker {
    /// How long until something is due.
    pub(super) fn time_to_alarm(&self) -> Option<Duration> {
        let times_ms = [self.next_upkeep_ms(), self.timers.next_deadline_ms()];
        let due_ms = times_ms.into_iter().flatten().min()?;
        Some(Duration::from_millis(due_ms.saturating_sub(self.executor.now_ms)))
    }

    pub(super) fn ring_alarms(&mut self) {
        let now_ms = self.executor.now_ms;
        while let Some(alarm) = self.timers.pop_due(now_ms) {
            match alarm {
                Alarm::Idle { session, client, limit_version } => {
                    if limit_version == self.idle_limit.version {
                        self.check_idleness(session, client);
                    }
                }
                Alarm::SlowReader { session, client } => {
                    if self.sessions.with_client(session, client) {
                        self.sessions.touch(session);
                    }
                }
                Alarm::WaitOver { session, client, seq } => self.wait_is_over(session, client, seq),
                Alarm::Inspection => self.inspect_shards(),
                Alarm::Gathered => self.write_gathered(),
                Alarm::Tidy => {
                    self.spares.shrink();
                    self.tidies = false;
                }
            }
        }
    }

    /// Begins to watch whether a client is idle for too long, if there is such a limit.
    pub(super) fn watch_idleness(&mut self, session: SessionKey, client: u64) {
        if let Some(limit_ms) = self.idle_limit.limit_ms() {
            let due_ms = self.sessions[session].client.active_ms + limit_ms;
            let limit_version = self.idle_limit.version;
            self.timers.set(due_ms, Alarm::Idle { session, client, limit_version });
        }
    }

    fn check_idleness(&mut self, session: SessionKey, client: u64) {
        if !self.sessions.with_client(session, client) {
            return;
        }
        let Some(limit_ms) = self.idle_limit.limit_ms() else { return };
        let busy = !self.sessions[session].flight.is_landed();
        let idle_ms = self.executor.now_ms.saturating_sub(self.sessions[session].client.active_ms);
        if idle_ms >= limit_ms && !busy {
            tracing::debug!(client, "closed: idle for too long");
            self.close(session);
        } else {
            let due_ms = self.executor.now_ms + limit_ms.saturating_sub(idle_ms).max(1);
            let limit_version = self.idle_limit.version;
            self.timers.set(due_ms, Alarm::Idle { session, client, limit_version });
        }
    }

    /// If the limit on idleness has changed, watches every client anew.
    pub(super) fn adopt_timeout(&mut self) {
        if self.idle_limit.limit_s == self.settings.client_idle_s_max {
            return;
        }
        let version = self.idle_limit.version.wrapping_add(1);
        self.idle_limit = IdleLimit { limit_s: self.settings.client_idle_s_max, version };
        let clients: Vec<_> = self.sessions.iter_mut().map(|(key, it)| (key, it.client.id)).collect();
        clients.into_iter().for_each(|(key, client)| self.watch_idleness(key, client));
    }

    /// Sees to it that spare memory does not outlive the work by much.
    pub(super) fn tidy_later(&mut self) {
        if !self.tidies && self.spares.are_many() {
            self.tidies = true;
            self.timers.set(self.executor.now_ms + TIDY_AFTER_MS, Alarm::Tidy);
        }
    }
}

/// How long a client may be idle.
#[derive(Debug, Clone, Copy)]
pub struct IdleLimit {
    /// 0: for ever.
    pub limit_s: u32,
    /// Grows with every change.
    pub version: u32,
}

impl IdleLimit {
    fn limit_ms(self) -> Option<u64> {
        (self.limit_s > 0).then(|| u64::from(self.limit_s) * 1000)
    }
}
