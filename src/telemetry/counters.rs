//! The counters of a worker.

use std::sync::atomic::{AtomicU64, Ordering};

use super::command_counters::CommandCounters;
use super::error_counts::ErrorCounts;

/// A number that one thread writes and any thread may read. Writing is a plain load and store: no locked instruction,
/// and no cache line that two writers share.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds `amount`. Only the owner calls this.
    #[inline]
    pub fn add(&self, amount: u64) {
        // Relaxed: nothing else is published by it.
        self.0.store(self.get().wrapping_add(amount), Ordering::Relaxed);
    }

    /// Takes `amount` away, for numbers that go up and down. Only the owner calls this.
    #[inline]
    pub fn subtract(&self, amount: u64) {
        self.0.store(self.get().wrapping_sub(amount), Ordering::Relaxed);
    }

    /// Replaces the number. Only the owner calls this.
    #[inline]
    pub fn set(&self, amount: u64) {
        self.0.store(amount, Ordering::Relaxed);
    }

    /// The number, perhaps a moment old.
    #[inline]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

macro_rules! counters {
    (
        events { $($(#[$event_meta:meta])* $event:ident,)+ }
        levels { $($(#[$level_meta:meta])* $level:ident,)+ }
    ) => {
        /// Everything one worker counts. The worker is the only writer; it holds the struct by `Arc`, others read it.
        #[derive(Debug)]
        #[repr(align(128))]
        pub struct WorkerCounters {
            $($(#[$event_meta])* pub $event: Counter,)+
            $($(#[$level_meta])* pub $level: Counter,)+
            /// By row of the command table.
            pub commands: CommandCounters,
            /// By the first word of the error.
            pub errors: ErrorCounts,
        }

        impl WorkerCounters {
            /// All zero, for a command table of `rows` rows.
            pub fn new(rows: usize) -> Self {
                Self {
                    $($event: Counter::default(),)+
                    $($level: Counter::default(),)+
                    commands: CommandCounters::new(rows),
                    errors: ErrorCounts::default(),
                }
            }

            /// CONFIG RESETSTAT: events start from zero again, levels stay. Only the owner calls this.
            pub fn reset(&self) {
                $(self.$event.set(0);)+
                self.commands.reset();
                self.errors.reset();
            }
        }

        /// The sum over workers of all that is a plain number.
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct Totals {
            $($(#[$event_meta])* pub $event: u64,)+
            $($(#[$level_meta])* pub $level: u64,)+
        }

        impl Totals {
            /// Adds what `worker` has counted.
            pub fn add(&mut self, worker: &WorkerCounters) {
                $(self.$event = self.$event.wrapping_add(worker.$event.get());)+
                $(self.$level = self.$level.wrapping_add(worker.$level.get());)+
            }

            /// Counts events from `start` on; levels are what they are.
            pub fn since(&mut self, start: &Totals) {
                $(self.$event = self.$event.wrapping_sub(start.$event);)+
            }
        }
    };
}

counters! {
    events {
        /// Connections accepted.
        connections_received,
        /// Connections refused because of `maxclients` or protected mode.
        connections_rejected,
        /// Commands run, those inside transactions too.
        commands_processed,
        /// Times input was read from a socket.
        reads,
        /// Times output was written to a socket.
        writes,
        /// Bytes of input.
        net_input_bytes,
        /// Bytes of output.
        net_output_bytes,
        /// Lookups of a key that found it.
        keyspace_hits,
        /// Lookups of a key that did not.
        keyspace_misses,
        /// Keys removed because their time had come.
        expired_keys,
        /// Keys removed to make room.
        evicted_keys,
        /// Error replies.
        error_replies,
        /// Clients disconnected because of their output buffer.
        output_limit_disconnections,
        /// Clients disconnected because of their query buffer.
        query_limit_disconnections,
        /// Panics inside commands that were taken back.
        panics,
        /// Transactions taken back, for whatever reason.
        rollbacks,
        /// Requests sent to the worker that owns the shard.
        hops_sent,
        /// Requests run for clients of other workers.
        hops_received,
        /// Shards lent to another worker for a command on several shards.
        holds,
        /// Values detached to be reclaimed in small steps.
        lazy_freed,
    }
    levels {
        /// Clients connected now.
        clients,
        /// Clients waiting in a blocking command now.
        clients_blocked,
        /// Clients that watch keys now.
        clients_watching,
        /// Keys that they watch, each client's counted.
        watched_keys,
        /// Clients with client-side caching on now.
        clients_tracking,
        /// Detached values not yet reclaimed.
        lazy_free_pending,
        /// Writes since the last snapshot.
        changes,
    }
}

impl Totals {
    /// The sum over `workers`.
    pub fn of<'a>(workers: impl IntoIterator<Item = &'a WorkerCounters>) -> Self {
        let mut totals = Self::default();
        workers.into_iter().for_each(|worker| totals.add(worker));
        totals
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn totals_are_sums_over_workers() {
        let workers = [WorkerCounters::new(3), WorkerCounters::new(3)];
        workers[0].commands_processed.add(2);
        workers[1].commands_processed.add(40);
        workers[1].clients.add(3);
        workers[1].clients.subtract(1);
        let totals = Totals::of(&workers);
        assert_eq!((totals.commands_processed, totals.clients, totals.reads), (42, 2, 0));
    }

    #[test]
    fn a_reset_forgets_events_and_keeps_levels() {
        let worker = WorkerCounters::new(1);
        worker.keyspace_hits.add(9);
        worker.clients.add(2);
        worker.errors.record(b"ERR");
        worker.commands.called(0, 5);
        worker.reset();
        let totals = Totals::of([&worker]);
        assert_eq!((totals.keyspace_hits, totals.clients), (0, 2));
        assert!(worker.errors.snapshot().is_empty());
        assert_eq!(worker.commands.totals(0).calls, 0);
    }

    #[test]
    fn others_read_while_the_owner_writes() {
        let worker = Arc::new(WorkerCounters::new(0));
        let reader = Arc::clone(&worker);
        let watcher = std::thread::spawn(move || {
            let mut last = 0;
            while last < 100_000 {
                let now = reader.commands_processed.get();
                assert!(now >= last, "a counter never goes back");
                last = now;
                std::hint::spin_loop();
            }
        });
        (0..100_000).for_each(|_| worker.commands_processed.add(1));
        watcher.join().unwrap();
    }

    #[test]
    fn workers_share_no_cache_line() {
        assert_eq!(align_of::<WorkerCounters>() % 128, 0);
        assert_eq!(size_of::<WorkerCounters>() % 128, 0);
    }
}
