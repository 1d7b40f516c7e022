//! How fast records come, second by second, and how long the page's own took to come back: what the small charts show.

use std::collections::VecDeque;

/// A minute of seconds.
const SECONDS: usize = 60;
const ROUND_TRIPS: usize = 60;

#[derive(Debug, Default)]
pub struct Pace {
    /// When the second that is being counted began.
    began_ms: Option<f64>,
    counted: u64,
    seconds: VecDeque<u64>,
    round_trips_ms: VecDeque<f64>,
}

impl Pace {
    pub fn received(&mut self, records: u64, now_ms: f64) {
        self.began_ms.get_or_insert(now_ms);
        self.roll(now_ms);
        self.counted += records;
    }

    /// Closes the seconds that are over. Returns whether there were any.
    pub fn roll(&mut self, now_ms: f64) -> bool {
        let Some(mut began_ms) = self.began_ms else { return false };
        let before = began_ms;
        // A tab that slept need not count a night of seconds.
        began_ms = began_ms.max(now_ms - 1000.0 * (SECONDS + 1) as f64);
        while now_ms - began_ms >= 1000.0 {
            self.seconds.push_back(std::mem::take(&mut self.counted));
            if self.seconds.len() > SECONDS {
                self.seconds.pop_front();
            }
            began_ms += 1000.0;
        }
        self.began_ms = Some(began_ms);
        // A minute without a record: nothing to draw any more.
        if self.counted == 0 && self.seconds.len() == SECONDS && self.seconds.iter().all(|&count| count == 0) {
            *self = Self { round_trips_ms: std::mem::take(&mut self.round_trips_ms), ..Self::default() };
        }
        before != began_ms
    }

    /// When the present second is over, while records are counted.
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
    fn each_second_is_counted_by_itself() {
        let mut pace = Pace::default();
        pace.received(5, 100.0);
        pace.received(7, 900.0);
        assert_eq!((pace.rate(), pace.due_ms()), (0, Some(1100.0)));
        pace.received(1, 1100.0);
        assert_eq!(pace.rate(), 12);
        assert!(pace.roll(3200.0));
        assert_eq!(pace.seconds().collect::<Vec<_>>(), [12, 1, 0]);
        assert!(!pace.roll(3300.0));
    }

    #[test]
    fn a_minute_without_records_leaves_nothing_to_draw() {
        let mut pace = Pace::default();
        pace.received(5, 0.0);
        pace.roll(10_000_000.0);
        assert_eq!((pace.seconds().len(), pace.due_ms()), (0, None));
    }
}
