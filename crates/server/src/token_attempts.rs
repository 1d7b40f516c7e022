//! Slows down guessing of the access token: after a few wrong tokens, every further attempt from the same address has
//! to wait.
//!
//! The wait comes before the comparison and applies to right tokens too. Otherwise a client could take a missing answer
//! as proof that its guess was wrong, and drop the connection. The wait is short, so that it locks no user out. The
//! limits on connections and on sockets before `hello` bound how many attempts wait at once.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::address_class::AddressClass;
use crate::http::Peer;
use crate::log_throttle::LogThrottle;
use crate::metrics::METRICS;

/// Wrong tokens without a wait: users paste the wrong line.
const ATTEMPTS_WITHOUT_WAIT: u32 = 5;

/// The wait after one more wrong token; each further one doubles it.
const FIRST_WAIT: Duration = Duration::from_millis(125);

/// Reached after five more wrong tokens.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// One wrong token is forgotten in each such interval.
const FORGET_EVERY: Duration = Duration::from_secs(10);

/// The count stops here, so that an address is forgotten within two minutes.
const MAX_COUNTED: u32 = ATTEMPTS_WITHOUT_WAIT + 6;

/// How many addresses are remembered. Beyond it, the one with the oldest attempt is forgotten.
const MAX_ADDRESSES: usize = 1024;

#[derive(Default)]
pub struct TokenAttempts {
    by_address: Mutex<HashMap<AddressClass, Failures>>,
    log: LogThrottle,
}

#[derive(Clone, Copy)]
struct Failures {
    count: u32,
    last: Instant,
}

impl TokenAttempts {
    /// Waits as long as an attempt from this address must.
    pub async fn wait(&self, address: IpAddr) {
        let wait = self.wait_at(AddressClass::of(address), Instant::now());
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
    }

    /// Counts a wrong token and logs it.
    pub fn failed(&self, peer: Peer, whence: &str) {
        METRICS.token_refused();
        self.fail_at(AddressClass::of(peer.ip()), Instant::now());
        if let Some(unlogged) = self.log.line() {
            tracing::warn!(%peer, whence, unlogged, "a wrong access token was refused");
        }
    }

    fn wait_at(&self, address: AddressClass, now: Instant) -> Duration {
        let by_address = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        let count = by_address.get(&address).map_or(0, |failures| failures.left(now));
        match count.checked_sub(ATTEMPTS_WITHOUT_WAIT) {
            None | Some(0) => Duration::ZERO,
            Some(beyond) => (FIRST_WAIT * (1 << (beyond - 1))).min(LONGEST_WAIT),
        }
    }

    fn fail_at(&self, address: AddressClass, now: Instant) {
        let mut by_address = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        if by_address.len() >= MAX_ADDRESSES && !by_address.contains_key(&address) {
            let oldest = by_address.iter().min_by_key(|(_, failures)| failures.last).map(|(&address, _)| address);
            if let Some(oldest) = oldest {
                by_address.remove(&oldest);
            }
        }
        let failures = by_address.entry(address).or_insert(Failures { count: 0, last: now });
        *failures = Failures { count: (failures.left(now) + 1).min(MAX_COUNTED), last: now };
    }
}

impl Failures {
    /// How many wrong tokens still count.
    fn left(self, now: Instant) -> u32 {
        let forgotten = now.saturating_duration_since(self.last).as_secs() / FORGET_EVERY.as_secs();
        self.count.saturating_sub(u32::try_from(forgotten).unwrap_or(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(last: u8) -> AddressClass {
        AddressClass::of([10, 0, 0, last].into())
    }

    #[test]
    fn waits_double_up_to_two_seconds_and_expire() {
        let (attempts, start) = (TokenAttempts::default(), Instant::now());
        let mut waits = Vec::new();
        for _ in 0..20 {
            waits.push(attempts.wait_at(class(1), start).as_millis());
            attempts.fail_at(class(1), start);
        }
        assert_eq!(waits[..11], [0, 0, 0, 0, 0, 0, 125, 250, 500, 1000, 2000]);
        assert!(waits[11..].iter().all(|&wait| wait == 2000), "{waits:?}");
        assert_eq!(attempts.wait_at(class(2), start), Duration::ZERO, "another address does not wait");
        let later = start + Duration::from_secs(120);
        assert_eq!(attempts.wait_at(class(1), later), Duration::ZERO);
    }

    #[test]
    fn full_table_forgets_the_address_with_the_oldest_attempt() {
        let (attempts, start) = (TokenAttempts::default(), Instant::now());
        let address = |number: u32| AddressClass::of(IpAddr::from((0x0a00_0000 + number).to_be_bytes()));
        for number in 0..2000 {
            for _ in 0..=ATTEMPTS_WITHOUT_WAIT {
                attempts.fail_at(address(number), start + Duration::from_millis(number.into()));
            }
        }
        let now = start + Duration::from_secs(2);
        assert_eq!(attempts.by_address.lock().expect("no holder panics").len(), MAX_ADDRESSES);
        assert_eq!(attempts.wait_at(address(0), now), Duration::ZERO);
        assert!(attempts.wait_at(address(1999), now) > Duration::ZERO);
    }
}
