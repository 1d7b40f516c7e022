//! The wait before the next attempt to connect to the bridge. Counts the failed attempts; the timer belongs to the
//! socket.

/// The first wait: a restarted bridge usually listens again within this time.
const FIRST_MS: f64 = 500.0;
/// The longest wait: a user who waits longer would think that the page is broken.
const LONGEST_MS: f64 = 10_000.0;

/// The wait doubles from 0.5 s to 10 s. A random value from its upper half is used, so that not all pages of a restarted
/// bridge reconnect in the same instant.
#[derive(Debug, Default)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The next wait in milliseconds; `random` is in `0.0..1.0`.
    pub fn next_ms(&mut self, random: f64) -> f64 {
        let longest = (FIRST_MS * 2f64.powi(self.failures.min(30) as i32)).min(LONGEST_MS);
        self.failures += 1;
        longest * (0.5 + 0.5 * random)
    }

    /// Call when connected: the next loss starts with the first wait.
    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wait_doubles_up_to_ten_seconds_and_resets_after_a_connection() {
        let mut backoff = Backoff::default();
        let waits: Vec<f64> = (0..7).map(|_| backoff.next_ms(1.0)).collect();
        assert_eq!(waits, [500.0, 1000.0, 2000.0, 4000.0, 8000.0, 10_000.0, 10_000.0]);
        backoff.reset();
        assert_eq!(backoff.next_ms(1.0), 500.0);
    }

    #[test]
    fn jitter_stays_in_the_upper_half_of_the_wait() {
        let mut backoff = Backoff::default();
        assert_eq!(backoff.next_ms(0.0), 250.0);
        assert!(backoff.next_ms(0.999) < 1000.0);
    }
}
