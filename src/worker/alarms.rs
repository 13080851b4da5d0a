//! What a worker does because time has passed: due keys, idle clients, readers that stay slow, tidying up.

use std::time::Duration;

use super::Worker;
use super::batch::SessionKey;

/// What a timer is about. A session's place may have gone to another client, so its number is kept beside it.
#[derive(Debug, Clone, Copy)]
pub enum Alarm {
    /// The client may have been idle for too long. Void if the limit has changed since, for the nth time.
    Idle { session: SessionKey, client: u64, limit_version: u32 },
    /// The client's output was over the soft limit.
    SlowReader { session: SessionKey, client: u64 },
    /// Once, some time after the worker was last busy.
    Tidy,
}

/// How many due keys of a shard are deleted before others have a turn.
const EXPIRE_STEP: usize = 64;
/// How long after a busy turn buffers are given back.
const TIDY_AFTER_MS: u64 = 1000;

impl Worker {
    /// How long until something is due.
    pub(super) fn time_to_alarm(&mut self) -> Option<Duration> {
        let now_ms = self.executor.now_ms;
        let expiry_ms = if self.node.expires_actively() {
            self.berths.all_home().map(|shard| shard.keyspace.no_deadline_before_ms()).min()
        } else {
            None
        };
        let expiry_ms = expiry_ms.filter(|deadline_ms| *deadline_ms != u64::MAX);
        let due_ms = [expiry_ms, self.timers.next_deadline_ms()].into_iter().flatten().min()?;
        Some(Duration::from_millis(due_ms.saturating_sub(now_ms)))
    }

    /// Deletes keys whose time has come, a bounded number of each shard.
    pub(super) fn expire_due_keys(&mut self) {
        if !self.node.expires_actively() {
            return;
        }
        for shard in self.berths.all_home() {
            // What is left over keeps the deadline in the past, so that the next turn does not wait.
            shard.keyspace.expire_due(self.executor.now_ms, EXPIRE_STEP);
        }
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
