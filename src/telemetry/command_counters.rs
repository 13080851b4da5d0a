//! How often each command was called, how long it took, how often it failed.

use std::sync::OnceLock;

use super::counters::Counter;
use super::histogram::{Histogram, HistogramTotals};

/// One worker's counters for all rows of the command table, by the row's number.
#[derive(Debug)]
pub struct CommandCounters {
    rows: Box<[RowCounters]>,
    /// Made with the first call of a row: most rows are never called.
    latencies: Box<[OnceLock<Box<Histogram>>]>,
}

#[derive(Debug, Default)]
struct RowCounters {
    calls: Counter,
    nanoseconds: Counter,
    rejected: Counter,
    failed: Counter,
}

/// What was counted for one row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommandTotals {
    /// Times the handler ran.
    pub calls: u64,
    /// Time spent in it.
    pub nanoseconds: u64,
    /// Times it was refused before it ran.
    pub rejected: u64,
    /// Times it ran and answered with an error.
    pub failed: u64,
    /// How long single calls took; none if nothing was tracked.
    pub latency: HistogramTotals,
}

impl CommandCounters {
    pub(super) fn new(rows: usize) -> Self {
        Self {
            rows: (0..rows).map(|_| RowCounters::default()).collect(),
            latencies: (0..rows).map(|_| OnceLock::new()).collect(),
        }
    }

    /// The handler of `row` ran for so long. Only the owner calls this.
    #[inline]
    pub fn called(&self, row: usize, nanoseconds: u64) {
        self.called_often(row, 1, nanoseconds);
    }

    /// The handler of `row` ran `calls` times, for so long altogether; for a batch that was timed as a whole. Only the
    /// owner calls this.
    #[inline]
    pub fn called_often(&self, row: usize, calls: u64, nanoseconds: u64) {
        let counters = &self.rows[row];
        counters.calls.add(calls);
        counters.nanoseconds.add(nanoseconds);
    }

    /// `calls` calls of `row` took about so long each; for `latency-tracking`. Only the owner calls this.
    #[inline]
    pub fn took(&self, row: usize, calls: u64, nanoseconds_each: u64) {
        self.latencies[row].get_or_init(Box::default).record(nanoseconds_each, calls);
    }

    /// `row` was refused before it ran. Only the owner calls this.
    pub fn rejected(&self, row: usize) {
        self.rows[row].rejected.add(1);
    }

    /// `row` ran and answered with an error. Only the owner calls this.
    pub fn failed(&self, row: usize) {
        self.rows[row].failed.add(1);
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Is the table empty?
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// What was counted for `row`.
    pub fn totals(&self, row: usize) -> CommandTotals {
        let mut totals = CommandTotals::default();
        totals.add(self, row);
        totals
    }

    pub(super) fn reset(&self) {
        for row in &self.rows {
            for counter in [&row.calls, &row.nanoseconds, &row.rejected, &row.failed] {
                counter.set(0);
            }
        }
        self.latencies.iter().filter_map(OnceLock::get).for_each(|histogram| histogram.reset());
    }
}

impl CommandTotals {
    /// Adds what `worker` counted for `row`.
    pub fn add(&mut self, worker: &CommandCounters, row: usize) {
        let counters = &worker.rows[row];
        self.calls += counters.calls.get();
        self.nanoseconds += counters.nanoseconds.get();
        self.rejected += counters.rejected.get();
        self.failed += counters.failed.get();
        if let Some(histogram) = worker.latencies[row].get() {
            self.latency.add(histogram);
        }
    }

    /// Was it neither called nor refused?
    pub fn is_empty(&self) -> bool {
        self.calls == 0 && self.rejected == 0 && self.failed == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_counted_apart() {
        let counters = CommandCounters::new(2);
        counters.called(0, 700);
        counters.called_often(0, 3, 300);
        counters.rejected(1);
        counters.failed(0);
        let first = counters.totals(0);
        assert_eq!((first.calls, first.nanoseconds, first.rejected, first.failed), (4, 1000, 0, 1));
        let second = counters.totals(1);
        assert_eq!((second.calls, second.rejected), (0, 1));
        assert!(!second.is_empty());
    }

    #[test]
    fn latencies_are_kept_only_for_rows_that_ran() {
        let counters = CommandCounters::new(2);
        counters.took(1, 5, 1000);
        assert_eq!(counters.totals(0).latency.count(), 0);
        assert_eq!(counters.totals(1).latency.count(), 5);
        counters.reset();
        assert_eq!(counters.totals(1).latency.count(), 0);
    }
}
