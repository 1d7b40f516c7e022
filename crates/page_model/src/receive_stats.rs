//! The data of the charts above the list: records received in each second, and the round trips of the page's own records.

use std::collections::VecDeque;

/// The rate chart shows one minute.
const SECONDS: usize = 60;
/// The chart of round trips shows this many records.
const ROUND_TRIPS: usize = 60;

#[derive(Debug, Default)]
pub struct ReceiveStats {
    /// When the current second began.
    began_ms: Option<f64>,
    counted: u64,
    seconds: VecDeque<u64>,
    round_trips_ms: VecDeque<f64>,
}

impl ReceiveStats {
    pub fn received(&mut self, records: u64, now_ms: f64) {
        self.began_ms.get_or_insert(now_ms);
        self.roll(now_ms);
        self.counted += records;
    }

    /// Completes the seconds that are over. Returns whether at least one is.
    pub fn roll(&mut self, now_ms: f64) -> bool {
        let Some(mut began_ms) = self.began_ms else { return false };
        let before = began_ms;
        // After a long suspension of the tab, only the seconds that the chart shows are completed.
        began_ms = began_ms.max(now_ms - 1000.0 * (SECONDS + 1) as f64);
        while now_ms - began_ms >= 1000.0 {
            self.seconds.push_back(std::mem::take(&mut self.counted));
            if self.seconds.len() > SECONDS {
                self.seconds.pop_front();
            }
            began_ms += 1000.0;
        }
        self.began_ms = Some(began_ms);
        // After a minute without a record the chart is empty, and no further ticks are needed.
        if self.counted == 0 && self.seconds.len() == SECONDS && self.seconds.iter().all(|&count| count == 0) {
            *self = Self { round_trips_ms: std::mem::take(&mut self.round_trips_ms), ..Self::default() };
        }
        before != began_ms
    }

    /// When the current second is over; `None` while the chart is empty.
    pub fn due_ms(&self) -> Option<f64> {
        self.began_ms.map(|began_ms| began_ms + 1000.0)
    }

    pub fn seen_after(&mut self, ms: f64) {
        self.round_trips_ms.push_back(ms);
        if self.round_trips_ms.len() > ROUND_TRIPS {
            self.round_trips_ms.pop_front();
        }
    }

    /// Records in the last full second.
    pub fn rate(&self) -> u64 {
        self.seconds.back().copied().unwrap_or(0)
    }

    /// Oldest first.
    pub fn seconds(&self) -> impl ExactSizeIterator<Item = u64> + '_ {
        self.seconds.iter().copied()
    }

    /// Oldest first.
    pub fn round_trips_ms(&self) -> impl ExactSizeIterator<Item = f64> + '_ {
        self.round_trips_ms.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_counted_per_second() {
        let mut stats = ReceiveStats::default();
        stats.received(5, 100.0);
        stats.received(7, 900.0);
        assert_eq!((stats.rate(), stats.due_ms()), (0, Some(1100.0)));
        stats.received(1, 1100.0);
        assert_eq!(stats.rate(), 12);
        assert!(stats.roll(3200.0));
        assert_eq!(stats.seconds().collect::<Vec<_>>(), [12, 1, 0]);
        assert!(!stats.roll(3300.0));
    }

    #[test]
    fn chart_is_empty_after_a_minute_without_records() {
        let mut stats = ReceiveStats::default();
        stats.received(5, 0.0);
        stats.roll(10_000_000.0);
        assert_eq!((stats.seconds().len(), stats.due_ms()), (0, None));
    }
}
