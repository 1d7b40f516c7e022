//! How often one kind of event may be logged.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often one kind of refusal may have a line of its own.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Whether a kind of event may have a line of the log now. A client that causes thousands of them has one every ten seconds,
/// with their number.
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

    /// How many had no line since the last one that had; `None` when this one has none either.
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
    fn a_flood_has_a_line_every_ten_seconds_with_its_number() {
        let (throttle, start) = (LogThrottle::default(), Instant::now());
        let lines: Vec<_> = (0..2500).filter_map(|i| throttle.line_at(start + Duration::from_millis(10 * i))).collect();
        assert_eq!(lines, [0, 999, 999]);
    }
}
