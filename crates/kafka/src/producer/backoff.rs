//! The pause before a producer is started again after a fatal error.

use std::time::{Duration, Instant};

use super::outcome::Fatal;
use crate::error::is_authorization;

/// The first pause; each consecutive failure doubles it.
const FIRST: Duration = Duration::from_secs(1);

/// The longest pause, and so the longest delay until a newly granted right takes effect.
const LONGEST: Duration = Duration::from_secs(30);

/// Counts consecutive failures; a producer that delivered a record resets the count.
#[derive(Debug, Default)]
pub struct Backoff {
    failures: u32,
    /// The last failure that was logged.
    logged: Option<Fatal>,
}

impl Backoff {
    /// Counts a failure and returns when the next producer may be started. After a producer that delivered records this
    /// is at once, unless a right is missing, because retrying would not help then.
    pub fn failed(&mut self, fatal: &Fatal, had_delivered: bool, now: Instant) -> Instant {
        if had_delivered {
            *self = Self::default();
        }
        let doublings = if is_authorization(fatal.code) { self.failures + 1 } else { self.failures };
        self.failures = self.failures.saturating_add(1);
        if self.logged.as_ref().is_none_or(|logged| logged.code != fatal.code) {
            let Fatal { code, reason } = fatal;
            tracing::warn!(%code, reason, "the producer failed; the next record that is sent starts a new one, after a growing pause");
            self.logged = Some(fatal.clone());
        }
        let wait = match doublings.checked_sub(1) {
            None => Duration::ZERO,
            Some(doublings) => FIRST.saturating_mul(1_u32.checked_shl(doublings).unwrap_or(u32::MAX)).min(LONGEST),
        };
        now + wait
    }

    /// Resets the count. Call it when a producer has delivered its first record.
    pub fn delivered(&mut self) {
        if self.logged.is_some() {
            tracing::info!("the producer delivers records again");
        }
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use rdkafka::error::RDKafkaErrorCode;

    use super::*;

    fn waits(backoff: &mut Backoff, code: RDKafkaErrorCode, count: usize) -> Vec<u64> {
        let now = Instant::now();
        let fatal = Fatal { code, reason: String::new() };
        (0..count).map(|_| (backoff.failed(&fatal, false, now) - now).as_secs()).collect()
    }

    #[test]
    fn pause_doubles_with_each_failure_up_to_thirty_seconds() {
        let refused = RDKafkaErrorCode::ClusterAuthorizationFailed;
        assert_eq!(waits(&mut Backoff::default(), refused, 8), [1, 2, 4, 8, 16, 30, 30, 30]);
        let other = RDKafkaErrorCode::OutOfOrderSequenceNumber;
        let mut backoff = Backoff::default();
        assert_eq!(waits(&mut backoff, other, 40)[..8], [0, 1, 2, 4, 8, 16, 30, 30]);
        backoff.delivered();
        assert_eq!(waits(&mut backoff, other, 2), [0, 1]);
    }

    #[test]
    fn producer_that_delivered_is_replaced_at_once() {
        let now = Instant::now();
        let mut backoff = Backoff::default();
        let fatal = Fatal { code: RDKafkaErrorCode::OutOfOrderSequenceNumber, reason: String::new() };
        for _ in 0..5 {
            assert_eq!(backoff.failed(&fatal, true, now), now);
        }
    }
}
