//! How long to wait before the next try to reach the bridge. Owns the count of failed tries, not the timer.

/// The first wait; a bridge that was restarted is back within it.
const FIRST_MS: f64 = 500.0;
/// The longest wait: the page must not look dead for longer.
const LONGEST_MS: f64 = 10_000.0;

/// Doubles from 0.5 s to 10 s. Each wait is drawn from its upper half, so that the pages of a restarted bridge do not
/// all come back in the same instant.
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

    /// The connection stands: the next loss begins anew.
    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_ten_seconds_and_begin_anew_after_a_success() {
        let mut backoff = Backoff::default();
        let waits: Vec<f64> = (0..7).map(|_| backoff.next_ms(1.0)).collect();
        assert_eq!(waits, [500.0, 1000.0, 2000.0, 4000.0, 8000.0, 10_000.0, 10_000.0]);
        backoff.reset();
        assert_eq!(backoff.next_ms(1.0), 500.0);
    }

    #[test]
    fn jitter_stays_in_the_upper_half() {
        let mut backoff = Backoff::default();
        assert_eq!(backoff.next_ms(0.0), 250.0);
        assert!(backoff.next_ms(0.999) < 1000.0);
    }
}
