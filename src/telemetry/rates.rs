//! How much happened per second lately.
//!
//! A worker that is awake takes a reading every 100 ms and keeps sixteen; an idle one takes none and wakes for none.
//! The rate is what was counted since the oldest reading of the last 1.6 s. If there is none that young, nothing has
//! happened for a while, and the newest reading is the point to count from: the rate fades as it should.

/// Pause between readings.
const PAUSE_MS: u64 = 100;
/// How many are kept.
const READINGS: usize = 16;

/// Sums at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// When, in milliseconds of any clock that does not go back.
    pub at_ms: u64,
    /// Commands run.
    pub commands: u64,
    /// Bytes of input.
    pub input_bytes: u64,
    /// Bytes of output.
    pub output_bytes: u64,
}

/// Amounts per second.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rate {
    /// Commands per second.
    pub commands: f64,
    /// Bytes of input per second.
    pub input_bytes: f64,
    /// Bytes of output per second.
    pub output_bytes: f64,
}

/// One worker's readings.
#[derive(Clone, Debug, Default)]
pub struct Rates {
    readings: [Option<Reading>; READINGS],
    next: usize,
    newest_at_ms: u64,
}

impl Rates {
    /// Is a reading due?
    #[inline]
    pub fn due(&self, now_ms: u64) -> bool {
        self.readings[0].is_none() || now_ms >= self.newest_at_ms + PAUSE_MS
    }

    /// Keeps a reading, the oldest gives way.
    pub fn take(&mut self, reading: Reading) {
        self.readings[self.next] = Some(reading);
        self.next = (self.next + 1) % READINGS;
        self.newest_at_ms = reading.at_ms;
    }

    /// The rate until `now`. After a reset of the counters, readings from before it count as zero.
    pub fn rate(&self, now: Reading) -> Rate {
        let window_ms = PAUSE_MS * READINGS as u64;
        let taken = || self.readings.iter().flatten();
        let young = taken()
            .filter(|reading| reading.at_ms + window_ms >= now.at_ms)
            .min_by_key(|reading| reading.at_ms);
        let Some(from) = young.or_else(|| taken().max_by_key(|reading| reading.at_ms)) else {
            return Rate::default();
        };
        let seconds = now.at_ms.saturating_sub(from.at_ms).max(1) as f64 / 1000.0;
        let per_second = |now: u64, then: u64| now.checked_sub(then).unwrap_or(now) as f64 / seconds;
        Rate {
            commands: per_second(now.commands, from.commands),
            input_bytes: per_second(now.input_bytes, from.input_bytes),
            output_bytes: per_second(now.output_bytes, from.output_bytes),
        }
    }
}

impl std::ops::AddAssign for Rate {
    fn add_assign(&mut self, other: Self) {
        self.commands += other.commands;
        self.input_bytes += other.input_bytes;
        self.output_bytes += other.output_bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(at_ms: u64, commands: u64) -> Reading {
        Reading { at_ms, commands, input_bytes: commands * 10, output_bytes: 0 }
    }

    #[test]
    fn nothing_is_known_at_first() {
        assert_eq!(Rates::default().rate(reading(5000, 9)), Rate::default());
        assert!(Rates::default().due(0));
    }

    #[test]
    fn a_steady_load_has_its_rate() {
        let mut rates = Rates::default();
        for tick in 0..50 {
            assert!(rates.due(tick * 100));
            rates.take(reading(tick * 100, tick * 700));
            assert!(!rates.due(tick * 100 + 99));
        }
        let rate = rates.rate(reading(5000, 50 * 700));
        assert_eq!((rate.commands, rate.input_bytes), (7000.0, 70_000.0));
    }

    #[test]
    fn the_window_forgets_an_old_burst() {
        let mut rates = Rates::default();
        rates.take(reading(0, 0));
        rates.take(reading(100, 1_000_000));
        for tick in 2..30 {
            rates.take(reading(tick * 100, 1_000_000));
        }
        assert_eq!(rates.rate(reading(3000, 1_000_000)).commands, 0.0);
    }

    #[test]
    fn an_idle_worker_fades_without_readings() {
        let mut rates = Rates::default();
        rates.take(reading(0, 0));
        rates.take(reading(100, 1000));
        assert_eq!(rates.rate(reading(100_100, 1000)).commands, 0.0);
        assert_eq!(rates.rate(reading(100_100, 1100)).commands, 1.0);
    }

    #[test]
    fn a_reset_does_not_turn_the_rate_around() {
        let mut rates = Rates::default();
        rates.take(reading(0, 1_000_000));
        assert_eq!(rates.rate(reading(1000, 5)).commands, 5.0);
    }
}
