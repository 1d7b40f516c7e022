//! The limit of bytes that searches read from Kafka.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Spreads the bytes of all searches over time. A search that has read some waits until they are due.
pub struct ByteRate {
    per_second: Option<u64>,
    /// When the bytes that were read so far are due.
    due: Mutex<Instant>,
}

impl ByteRate {
    pub fn new(per_second: Option<u64>) -> Self {
        Self { per_second, due: Mutex::new(Instant::now()) }
    }

    /// Counts bytes that were read, and returns how long their reader must wait.
    pub fn wait_after(&self, bytes: u64, now: Instant) -> Duration {
        let Some(per_second) = self.per_second else { return Duration::ZERO };
        let nanos = u128::from(bytes) * 1_000_000_000 / u128::from(per_second.max(1));
        let takes = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        *due = (*due).max(now) + takes;
        due.saturating_duration_since(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn searches_share_the_bytes_of_a_second() {
        let rate = ByteRate::new(Some(1000));
        let now = Instant::now();
        assert_eq!(rate.wait_after(500, now), Duration::from_millis(500));
        assert_eq!(rate.wait_after(500, now), Duration::from_secs(1), "another search");
        let later = now + Duration::from_secs(10);
        assert_eq!(rate.wait_after(100, later), Duration::from_millis(100), "unused time is not saved up");
        assert_eq!(ByteRate::new(None).wait_after(u64::MAX, now), Duration::ZERO);
    }
}
