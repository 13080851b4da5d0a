//! Latencies with a relative error of at most 1/16, in fixed space.
//!
//! Sixteen buckets per power of two, as HdrHistogram with one significant digit: below 16 ns a bucket per nanosecond,
//! then the exponent and the four bits behind the leading one choose the bucket. Everything past 2^40 ns (18 minutes)
//! counts as that.

use super::counters::Counter;

const SUB_BITS: u32 = 4;
const EXPONENT_MAX: u32 = 40;
const BUCKETS: usize = ((EXPONENT_MAX - SUB_BITS + 2) << SUB_BITS) as usize;

/// One worker's latencies of one command.
#[derive(Debug)]
pub struct Histogram {
    counts: [Counter; BUCKETS],
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: std::array::from_fn(|_| Counter::default()) }
    }
}

impl Histogram {
    /// Counts `times` calls of `nanoseconds` each. Only the owner calls this.
    #[inline]
    pub fn record(&self, nanoseconds: u64, times: u64) {
        self.counts[bucket(nanoseconds)].add(times);
    }

    pub(super) fn reset(&self) {
        self.counts.iter().for_each(|count| count.set(0));
    }
}

/// The sum of histograms.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HistogramTotals {
    /// Empty until something was added.
    counts: Vec<u64>,
}

impl HistogramTotals {
    /// Adds the counts of `histogram`.
    pub fn add(&mut self, histogram: &Histogram) {
        self.counts.resize(BUCKETS, 0);
        self.counts.iter_mut().zip(&histogram.counts).for_each(|(sum, count)| *sum += count.get());
    }

    /// How many calls were recorded.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The latency that `percent` of the calls did not exceed, in nanoseconds, rounded up to the end of its bucket;
    /// 0 if there are none.
    pub fn percentile(&self, percent: f64) -> u64 {
        let wanted = (self.count() as f64 * percent / 100.0).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (index, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return bucket_end(index);
            }
        }
        0
    }

    /// For every power of two of microseconds up to the longest call: how many calls took at most so long.
    pub fn cumulative_by_microseconds(&self) -> Vec<(u64, u64)> {
        let total = self.count();
        let mut rows = Vec::new();
        let mut microseconds = 1;
        while rows.last().map_or(total > 0, |&(_, seen)| seen < total) {
            let within =
                self.counts.iter().enumerate().filter(|(index, _)| bucket_end(*index) <= microseconds * 1000);
            rows.push((microseconds, within.map(|(_, count)| count).sum()));
            microseconds *= 2;
        }
        rows
    }
}

#[inline]
fn bucket(nanoseconds: u64) -> usize {
    let value = nanoseconds.min((1 << (EXPONENT_MAX + 1)) - 1);
    if value < 1 << SUB_BITS {
        return value as usize;
    }
    let exponent = value.ilog2();
    let sub = (value >> (exponent - SUB_BITS)) & ((1 << SUB_BITS) - 1);
    (((exponent - SUB_BITS + 1) as usize) << SUB_BITS) | sub as usize
}

/// The largest value in a bucket.
fn bucket_end(index: usize) -> u64 {
    let (group, sub) = ((index >> SUB_BITS) as u32, (index & ((1 << SUB_BITS) - 1)) as u64);
    if group == 0 {
        return sub;
    }
    let shift = group - 1;
    (((1 << SUB_BITS) + sub + 1) << shift) - 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn totals(values: &[u64]) -> HistogramTotals {
        let histogram = Histogram::default();
        values.iter().for_each(|&value| histogram.record(value, 1));
        let mut totals = HistogramTotals::default();
        totals.add(&histogram);
        totals
    }

    #[test]
    fn small_values_are_exact() {
        for value in 0..16 {
            assert_eq!(bucket_end(bucket(value)), value);
        }
        assert_eq!(totals(&[3, 5, 9]).percentile(50.0), 5);
    }

    #[test]
    fn percentiles_of_a_known_set() {
        let values: Vec<u64> = (1..=1000).map(|value| value * 1000).collect();
        let totals = totals(&values);
        assert_eq!(totals.count(), 1000);
        for (percent, exact) in [(0.0, 1000), (50.0, 500_000), (99.0, 990_000), (100.0, 1_000_000)] {
            let shown = totals.percentile(percent);
            assert!(shown >= exact && shown <= exact + exact / 16, "{percent}: {shown}");
        }
    }

    #[test]
    fn nothing_recorded_is_zero() {
        assert_eq!(HistogramTotals::default().percentile(99.0), 0);
        assert_eq!(HistogramTotals::default().cumulative_by_microseconds(), vec![]);
    }

    #[test]
    fn very_long_calls_count_as_the_longest() {
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
        assert_eq!(totals(&[u64::MAX]).percentile(50.0), (1 << 41) - 1);
    }

    #[test]
    fn cumulative_counts_end_with_all() {
        let totals = totals(&[500, 900, 3000, 3000]);
        assert_eq!(totals.cumulative_by_microseconds(), [(1, 2), (2, 2), (4, 4)]);
    }

    proptest! {
        #[test]
        fn a_bucket_holds_its_values_within_a_sixteenth(value in 0u64..1 << 41) {
            let end = bucket_end(bucket(value));
            prop_assert!(end >= value && end - value <= value / 16);
        }

        #[test]
        fn larger_values_have_no_smaller_bucket(a in 0u64..1 << 42, b in 0u64..1 << 42) {
            prop_assert!(bucket(a.min(b)) <= bucket(a.max(b)));
        }
    }
}
