//! Limits how often one kind of event is logged.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often one kind of event may be logged.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Decides whether an event may be logged now. An event that occurs thousands of times is logged every ten seconds,
/// with the number of events in between.
#[derive(Default)]
pub struct LogThrottle(Mutex<Throttled>);

#[derive(Default)]
struct Throttled {
    last_line: Option<Instant>,
    unlogged: u64,
}

impl LogThrottle {
    pub const fn new() -> Self {
        Self(Mutex::new(Throttled { last_line: None, unlogged: 0 }))
    }

    /// The number of events since the last logged one if this one may be logged, else `None`.
    pub fn line(&self) -> Option<u64> {
        self.line_at(Instant::now())
    }

    fn line_at(&self, now: Instant) -> Option<u64> {
        let mut throttled = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if throttled.last_line.is_some_and(|last| now.saturating_duration_since(last) < LINE_EVERY) {
            throttled.unlogged += 1;
            return None;
        }
        throttled.last_line = Some(now);
        Some(std::mem::take(&mut throttled.unlogged))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frequent_event_is_logged_every_ten_seconds_with_its_count() {
        let (throttle, start) = (LogThrottle::default(), Instant::now());
        let lines: Vec<_> = (0..2500).filter_map(|i| throttle.line_at(start + Duration::from_millis(10 * i))).collect();
        assert_eq!(lines, [0, 999, 999]);
    }
}
