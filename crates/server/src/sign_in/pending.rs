//! Sign-ins that browsers have started at the provider and not completed. Each can be completed once, by the browser that has started it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::random::{self, Hash};
use crate::address_class::AddressClass;

/// Time to enter a password and a second factor.
pub const COMPLETE_WITHIN: Duration = Duration::from_secs(600);

/// Beyond it the oldest one of the address with the most is dropped. One takes less than 5 KB.
const MAX_PENDING: usize = 1024;

/// Beyond it the oldest one of the same address is dropped, so that an address with many sign-ins does not stop those of others. Many users
/// may share an address behind a gateway.
const MAX_OF_ADDRESS: usize = 256;

/// By the `state` of the request to the provider.
#[derive(Default)]
pub struct Pending(Mutex<HashMap<String, PendingSignIn>>);

#[derive(Debug)]
pub struct PendingSignIn {
    /// Of the cookie of the browser that has started it.
    browser: Hash,
    address: AddressClass,
    started: Instant,
    /// The ID token must have it.
    pub nonce: String,
    /// Proves to the provider that this bridge has started the sign-in (PKCE, RFC 7636).
    pub verifier: String,
    /// Where the browser goes then.
    pub return_path: String,
}

/// What the request to the provider contains, and the browser's cookie.
#[derive(Debug)]
pub struct Started {
    pub state: String,
    pub nonce: String,
    pub challenge: String,
    pub browser: String,
}

impl Pending {
    /// `cookies`: what the browser has from earlier. The cookie of another sign-in in progress stays the same, so that
    /// both can be completed.
    pub fn start<'c>(
        &self,
        address: AddressClass,
        cookies: impl Iterator<Item = &'c str>,
        return_path: String,
    ) -> Started {
        self.start_at(Instant::now(), address, cookies, return_path)
    }

    fn start_at<'c>(
        &self,
        now: Instant,
        address: AddressClass,
        mut cookies: impl Iterator<Item = &'c str>,
        return_path: String,
    ) -> Started {
        let (state, nonce, verifier) = (random::unguessable(), random::unguessable(), random::unguessable());
        let challenge = random::challenge(&verifier);
        let mut pending = self.lock();
        pending.retain(|_, one| !one.is_expired(now));
        make_room(&mut pending, address);
        let in_progress = cookies.find(|cookie| {
            let browser = random::hash(cookie);
            pending.values().any(|one| one.browser == browser)
        });
        let browser = in_progress.map_or_else(random::unguessable, str::to_owned);
        let one = PendingSignIn {
            browser: random::hash(&browser),
            address,
            started: now,
            nonce: nonce.clone(),
            verifier,
            return_path,
        };
        pending.insert(state.clone(), one);
        Started { state, nonce, challenge, browser }
    }

    /// Takes the sign-in with this state if the browser with these cookies has started it.
    pub fn take<'c>(&self, state: &str, cookies: impl Iterator<Item = &'c str>) -> Option<PendingSignIn> {
        self.take_at(Instant::now(), state, cookies)
    }

    fn take_at<'c>(
        &self,
        now: Instant,
        state: &str,
        mut cookies: impl Iterator<Item = &'c str>,
    ) -> Option<PendingSignIn> {
        let mut pending = self.lock();
        let browser = pending.get(state)?.browser;
        if !cookies.any(|cookie| random::hash(cookie) == browser) {
            return None;
        }
        pending.remove(state).filter(|one| !one.is_expired(now))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, PendingSignIn>> {
        // Each change is a single insertion or removal.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes room for one more of this address. Limits per address do not apply to loopback, which may be a proxy for many users.
fn make_room(pending: &mut HashMap<String, PendingSignIn>, address: AddressClass) {
    let mut by_address: HashMap<AddressClass, usize> = HashMap::new();
    for one in pending.values() {
        *by_address.entry(one.address).or_default() += 1;
    }
    let of_address = by_address.get(&address).copied().unwrap_or_default();
    let drop_from = match pending.len() >= MAX_PENDING {
        true => by_address.into_iter().max_by_key(|(_, count)| *count).map(|(address, _)| address),
        false => (of_address >= MAX_OF_ADDRESS && !address.is_loopback()).then_some(address),
    };
    let oldest = pending.iter().filter(|(_, one)| Some(one.address) == drop_from).min_by_key(|(_, one)| one.started);
    if let Some(state) = oldest.map(|(state, _)| state.clone()) {
        pending.remove(&state);
    }
}

impl PendingSignIn {
    fn is_expired(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.started) >= COMPLETE_WITHIN
    }
}

#[cfg(test)]
mod tests {
    use std::iter;

    use super::*;

    fn address(last: u8) -> AddressClass {
        AddressClass::of([192, 0, 2, last].into())
    }

    #[test]
    fn sign_in_is_completed_once_and_by_its_browser_alone() {
        let (pending, now) = (Pending::default(), Instant::now());
        let started = pending.start_at(now, address(1), iter::empty(), "/".to_owned());
        assert!(pending.take_at(now, &started.state, iter::empty()).is_none(), "without the cookie");
        assert!(pending.take_at(now, &started.state, iter::once("other")).is_none(), "with another cookie");
        let other = pending.start_at(now, address(1), iter::empty(), "/".to_owned());
        assert!(pending.take_at(now, &started.state, iter::once(other.browser.as_str())).is_none());
        let cookies = || ["other", started.browser.as_str()].into_iter();
        let taken = pending.take_at(now, &started.state, cookies()).expect("the sign-in");
        assert_eq!(
            (taken.nonce, random::challenge(&taken.verifier)),
            (started.nonce.clone(), started.challenge.clone())
        );
        assert!(pending.take_at(now, &started.state, cookies()).is_none(), "a second time");
    }

    #[test]
    fn sign_in_expires_after_ten_minutes() {
        let (pending, now) = (Pending::default(), Instant::now());
        for (after, is_completed) in [(COMPLETE_WITHIN - Duration::from_nanos(1), true), (COMPLETE_WITHIN, false)] {
            let started = pending.start_at(now, address(1), iter::empty(), "/".to_owned());
            let taken = pending.take_at(now + after, &started.state, iter::once(started.browser.as_str()));
            assert_eq!(taken.is_some(), is_completed, "{after:?}");
        }
    }

    #[test]
    fn two_sign_ins_of_one_browser_can_both_be_completed() {
        let (pending, now) = (Pending::default(), Instant::now());
        let first = pending.start_at(now, address(1), iter::empty(), "/first".to_owned());
        let second = pending.start_at(now, address(1), iter::once(first.browser.as_str()), "/second".to_owned());
        assert_eq!(first.browser, second.browser);
        let invented = pending.start_at(now, address(1), iter::once("invented"), "/".to_owned());
        assert_ne!(invented.browser, "invented", "a cookie that the bridge has not set is replaced");
        for (started, path) in [(&second, "/second"), (&first, "/first")] {
            let taken = pending.take_at(now, &started.state, iter::once(first.browser.as_str())).expect("the sign-in");
            assert_eq!(taken.return_path, path);
        }
    }

    #[test]
    fn address_with_many_sign_ins_drops_its_own() {
        let (pending, start) = (Pending::default(), Instant::now());
        let begin = |number: usize, last: u8| {
            let at = start + Duration::from_millis(u64::try_from(number).expect("small"));
            pending.start_at(at, address(last), iter::empty(), "/".to_owned())
        };
        let user = begin(0, 1);
        (1..=MAX_OF_ADDRESS).for_each(|number| drop(begin(number, 2)));
        let dropped = begin(1, 3);
        assert_eq!(pending.lock().len(), MAX_OF_ADDRESS + 2);
        begin(MAX_OF_ADDRESS + 1, 2);
        assert_eq!(pending.lock().len(), MAX_OF_ADDRESS + 2);
        for last in 3..=6 {
            (2..MAX_OF_ADDRESS + 2).for_each(|number| drop(begin(number, last)));
        }
        assert_eq!(pending.lock().len(), MAX_PENDING);
        let take = |started: &Started| pending.take_at(start, &started.state, iter::once(started.browser.as_str()));
        assert!(take(&user).is_some() && take(&dropped).is_none());
    }

    #[test]
    fn oldest_sign_in_is_dropped_beyond_the_limit() {
        let (pending, start) = (Pending::default(), Instant::now());
        let loopback = AddressClass::of([127, 0, 0, 1].into());
        let begin = |number| {
            let at = start + Duration::from_millis(u64::try_from(number).expect("small"));
            pending.start_at(at, loopback, iter::empty(), "/".to_owned())
        };
        let all: Vec<Started> = (0..=MAX_PENDING).map(begin).collect();
        assert_eq!(pending.lock().len(), MAX_PENDING);
        let take = |started: &Started| pending.take_at(start, &started.state, iter::once(started.browser.as_str()));
        assert!(take(&all[0]).is_none() && take(&all[1]).is_some() && take(&all[MAX_PENDING]).is_some());
    }
}
