//! Limits how often a registry is asked for schema ids that it does not have.

use std::time::{Duration, Instant};

/// A token bucket. Each request for an unknown id takes a token, and gets it back if the registry has the schema. So records with
/// random bytes in place of an id use the tokens up, and real schemas never do.
#[derive(Debug)]
pub(super) struct Budget {
    capacity: u32,
    /// The time in which a token is added.
    interval: Duration,
    tokens: u32,
    /// When the last token was added; the time of a full bucket does not count.
    refilled: Instant,
}

impl Budget {
    pub(super) fn new(capacity: u32, interval: Duration, now: Instant) -> Self {
        Self { capacity, interval, tokens: capacity, refilled: now }
    }

    pub(super) fn is_empty(&mut self, now: Instant) -> bool {
        self.refill(now);
        self.tokens == 0
    }

    /// Whether more than half of the tokens are used up, besides those that `running` requests may give back.
    pub(super) fn is_scarce(&mut self, running: usize, now: Instant) -> bool {
        self.refill(now);
        let capacity = self.capacity as usize;
        self.tokens as usize + running < capacity / 2
    }

    /// Takes a token, if there is one.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        self.refill(now);
        let taken = self.tokens > 0;
        self.tokens = self.tokens.saturating_sub(1);
        taken
    }

    pub(super) fn give_back(&mut self) {
        self.tokens = self.capacity.min(self.tokens + 1);
    }

    fn refill(&mut self, now: Instant) {
        if self.tokens == self.capacity {
            self.refilled = now;
            return;
        }
        let elapsed = now.saturating_duration_since(self.refilled);
        let added = u32::try_from(elapsed.as_nanos() / self.interval.as_nanos().max(1)).unwrap_or(u32::MAX);
        if added >= self.capacity - self.tokens {
            self.tokens = self.capacity;
            self.refilled = now;
        } else {
            self.tokens += added;
            self.refilled += self.interval * added;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::Budget;

    #[test]
    fn budget_allows_a_burst_and_then_one_request_a_second() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let mut budget = Budget::new(64, Duration::from_secs(1), start);
        assert_eq!((0..1000).filter(|_| budget.take(start)).count(), 64);
        let taken: Vec<u64> = (0..5_000).step_by(100).filter(|&millis| budget.take(at(millis))).collect();
        assert_eq!(taken, [1_000, 2_000, 3_000, 4_000]);
        assert!(budget.is_empty(at(4_900)));
        // A long pause allows a burst again, and no more.
        assert_eq!((0..1000).filter(|_| budget.take(at(1_000_000))).count(), 64);
    }

    #[test]
    fn tokens_of_existing_schemas_are_given_back() {
        let start = Instant::now();
        let mut budget = Budget::new(2, Duration::from_secs(1), start);
        for _ in 0..500 {
            assert!(budget.take(start) && budget.take(start) && !budget.take(start));
            budget.give_back();
            budget.give_back();
        }
        budget.give_back();
        assert_eq!((0..10).filter(|_| budget.take(start)).count(), 2);
    }
}
