//! Limits how often a client may send requests. Records have their own limits: produce window and credit.

use std::time::Instant;

/// How many requests per second a socket may send, on average and in a burst.
pub const REQUESTS_PER_SECOND: f64 = protocol::limits::REQUESTS_PER_SECOND as f64;

/// A token bucket.
pub struct Rate {
    left: f64,
    filled_at: Instant,
}

impl Rate {
    pub fn new(now: Instant) -> Self {
        Self { left: REQUESTS_PER_SECOND, filled_at: now }
    }

    /// Counts a request. Returns false if there were too many.
    pub fn allows(&mut self, now: Instant) -> bool {
        let filled = now.saturating_duration_since(self.filled_at).as_secs_f64() * REQUESTS_PER_SECOND;
        self.left = (self.left + filled).min(REQUESTS_PER_SECOND) - 1.0;
        self.filled_at = now;
        self.left >= 0.0
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn steady_rate_is_allowed_and_flood_is_refused() {
        let start = Instant::now();
        let mut rate = Rate::new(start);
        assert!((0..5000).all(|i| rate.allows(start + Duration::from_millis(i))));
        assert!((0..2000).any(|_| !rate.allows(start + Duration::from_secs(5))));
    }
}
