//! How often each kind of error was sent.

use std::collections::BTreeMap;

use parking_lot::Mutex;

/// How many kinds are told apart; scripts can make up any number of them.
const KINDS_MAX: usize = 128;

/// What further kinds are counted as.
const OTHERS: &str = "ERRORSTATS_OVERFLOW";

/// One worker's error replies by their first word. The lock is taken by its worker for each error and by whoever
/// renders INFO.
#[derive(Debug, Default)]
pub struct ErrorCounts(Mutex<Vec<(Box<str>, u64)>>);

impl ErrorCounts {
    /// Counts an error reply that begins with `kind`, such as `ERR` or `WRONGTYPE`.
    pub fn record(&self, kind: &[u8]) {
        let kind = String::from_utf8_lossy(kind);
        let mut counts = self.0.lock();
        if let Some((_, count)) = counts.iter_mut().find(|(known, _)| **known == kind) {
            *count += 1;
            return;
        }
        if counts.len() < KINDS_MAX {
            counts.push((kind.into(), 1));
        } else if counts.len() == KINDS_MAX {
            counts.push((OTHERS.into(), 1));
        } else {
            counts[KINDS_MAX].1 += 1;
        }
    }

    /// The kinds and their counts.
    pub fn snapshot(&self) -> Vec<(Box<str>, u64)> {
        self.0.lock().clone()
    }

    /// Adds the counts to `sums`.
    pub fn add_to(&self, sums: &mut BTreeMap<String, u64>) {
        for (kind, count) in self.0.lock().iter() {
            *sums.entry(kind.to_string()).or_default() += count;
        }
    }

    pub(super) fn reset(&self) {
        self.0.lock().clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_summed() {
        let workers = [ErrorCounts::default(), ErrorCounts::default()];
        workers[0].record(b"ERR");
        workers[0].record(b"ERR");
        workers[1].record(b"ERR");
        workers[1].record(b"WRONGTYPE");
        let mut sums = BTreeMap::new();
        workers.iter().for_each(|worker| worker.add_to(&mut sums));
        assert_eq!(sums, BTreeMap::from([("ERR".into(), 3), ("WRONGTYPE".into(), 1)]));
    }

    #[test]
    fn a_kind_of_any_bytes_is_one_kind() {
        let counts = ErrorCounts::default();
        (0..2).for_each(|_| counts.record(b"E\xff"));
        assert_eq!(counts.snapshot(), [("E\u{fffd}".into(), 2)]);
    }

    #[test]
    fn the_number_of_kinds_is_bounded() {
        let counts = ErrorCounts::default();
        (0..1000).for_each(|kind| counts.record(format!("E{kind}").as_bytes()));
        counts.record(b"E5");
        let snapshot = counts.snapshot();
        assert_eq!(snapshot.len(), KINDS_MAX + 1);
        assert_eq!(snapshot[5], ("E5".into(), 2));
        assert_eq!(snapshot[KINDS_MAX], (OTHERS.into(), 1000 - KINDS_MAX as u64));
    }
}
