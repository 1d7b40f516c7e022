//! When records are sent: each after the one before was received, or at a steady rate.

use std::ops::Range;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// Records sent one after the other before anything is measured: connections, metadata and caches are warm then.
pub const WARM_UP: u64 = 200;

/// Three digits are enough for a median of rounds.
const SIGNIFICANT_DIGITS: u8 = 3;

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub enum Pace {
    /// Each record is sent when the one before was received.
    OneInFlight { records: u64 },
    /// Records are sent when they are due. Latency counts from the due time, so that a stall delays every record that was due
    /// meanwhile (Gil Tene's "coordinated omission").
    Steady { per_second: u32, records: u64 },
}

/// The times at which records are due.
#[derive(Clone, Copy)]
pub struct Schedule {
    begin: Instant,
    interval: Duration,
    first: u64,
    end: u64,
}

impl Schedule {
    /// From now on, numbers `first` to `first + records`.
    pub fn start(per_second: u32, first: u64, records: u64) -> Self {
        let interval = Duration::from_secs(1) / per_second.max(1);
        Self { begin: Instant::now() + interval, interval, first, end: first + records }
    }

    pub fn due(&self, number: u64) -> Instant {
        let passed = u32::try_from(number - self.first).unwrap_or(u32::MAX);
        self.begin + self.interval * passed
    }

    /// Calls `send` with the numbers that are due, until all were sent.
    pub fn run(&self, mut send: impl FnMut(Range<u64>) -> Result<()>) -> Result<()> {
        let mut next = self.first;
        while next < self.end {
            std::thread::sleep(self.due(next).saturating_duration_since(Instant::now()));
            let now = Instant::now();
            let mut end = next;
            while end < self.end && self.due(end) <= now {
                end += 1;
            }
            if end > next {
                send(next..end)?;
                next = end;
            }
        }
        Ok(())
    }
}

/// The distribution of latencies.
pub struct Latencies(Histogram<u64>);

/// In microseconds.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Percentiles {
    pub p50: f64,
    pub p99: f64,
}

impl Latencies {
    pub fn new() -> Result<Self> {
        Ok(Self(Histogram::new(SIGNIFICANT_DIGITS).context("no histogram")?))
    }

    pub fn record(&mut self, took: Duration) -> Result<()> {
        self.0.record(u64::try_from(took.as_nanos())?).context("a latency beyond any histogram")
    }

    /// Adds the latencies of another distribution.
    pub fn add(&mut self, other: &Self) -> Result<()> {
        self.0.add(&other.0).context("histograms of another kind")
    }

    pub fn percentiles(&self) -> Percentiles {
        #[expect(clippy::cast_precision_loss, reason = "nanoseconds of a latency are far below 2^52")]
        let micros = |quantile| self.0.value_at_quantile(quantile) as f64 / 1000.0;
        Percentiles { p50: micros(0.50), p99: micros(0.99) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_due_during_a_stall_are_sent_at_once_and_measured_from_their_due_time() {
        let schedule = Schedule::start(1000, 10, 20);
        let mut sent = Vec::new();
        let run = schedule.run(|numbers| {
            if sent.is_empty() {
                // The stall: nothing is sent until the last record is due.
                std::thread::sleep(schedule.due(29).saturating_duration_since(Instant::now()));
            }
            sent.push(numbers);
            Ok(())
        });
        run.expect("nothing fails here");
        assert_eq!(sent.first().map(|numbers| numbers.start), Some(10));
        assert_eq!(sent.last().map(|numbers| numbers.end), Some(30));
        assert_eq!(sent.len(), 2, "the stalled ones leave together: {sent:?}");
        assert_eq!(schedule.due(12) - schedule.due(10), Duration::from_millis(2));
    }
}
