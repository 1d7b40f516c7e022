//! OAuth tokens for brokers that want SASL OAUTHBEARER: fetched once for the whole bridge, renewed before they expire, and set on every
//! client of librdkafka.
//!
//! librdkafka asks for a token through each client's event queue. That needs a thread that polls each client at all times, which
//! must not wait for a slow token endpoint, and it costs one token for each client. Here one thread fetches, and sets the token on
//! all clients, whether they are polled or not.

mod credentials;
mod http;
mod msk_iam;
mod oidc;
mod settings;
mod sigv4;
mod token;
mod unsecured;

use std::collections::HashMap;
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use super::client_config::KafkaProperties;
use super::native::{KafkaClient, TokenSlot};
use settings::Source;
pub use settings::{SettingsError, is_token_setting, mechanism_for_librdkafka};
use token::Token;
pub use token::TokenError;

/// A token is renewed when so much of its lifetime is over. librdkafka signs in again on open connections after 90 %, and by then
/// must have the new one.
const RENEW_AFTER: f64 = 0.8;

/// A token that could not be renewed is asked for again after so long, twice as long each time, up to the second number.
const ASK_AGAIN_AFTER: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(20));

/// The same where the credentials were refused: not more than three times in any minute, so that no account is locked.
const AFTER_REFUSAL: Duration = Duration::from_secs(21);

/// The longest wait without a look at the clock. A machine that was asleep has tokens that expired meanwhile.
const LOOK_AT_CLOCK_EVERY: Duration = Duration::from_secs(10);

/// The tokens of one cluster; clones share them. Without OAuth it does nothing.
#[derive(Clone, Default)]
pub struct Tokens(Option<Arc<Owner>>);

/// The thread that fetches ends with it.
struct Owner(Arc<Shared>);

struct Shared {
    source: Source,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    is_started: bool,
    is_closed: bool,
    token: Option<Token>,
    /// Why the last attempt to fetch a token failed.
    failure: Option<TokenError>,
    clients: HashMap<u64, TokenSlot>,
    next_client: u64,
}

/// Finds mistakes that do not depend on the cluster.
pub fn check(properties: &KafkaProperties) -> Result<(), SettingsError> {
    settings::refuse_other_ways(properties)?;
    match Source::of(properties, "") {
        // The brokers' names may tell it.
        Err(SettingsError::NoRegion) => Ok(()),
        source => source.map(drop),
    }
}

impl Tokens {
    /// What the properties ask for. Nothing is fetched before the first client signs in.
    pub fn of(properties: &KafkaProperties, bootstrap_servers: &str) -> Result<Self, SettingsError> {
        let Some(source) = Source::of(properties, bootstrap_servers)? else { return Ok(Self(None)) };
        let shared = Shared { source, state: Mutex::default(), changed: Condvar::new() };
        Ok(Self(Some(Arc::new(Owner(Arc::new(shared))))))
    }

    /// Gives a client the current token and each later one. Every client must pass through here right after it was made.
    pub fn sign_in<T: KafkaClient>(&self, client: T) -> SignedIn<T> {
        let membership = self.0.as_ref().map(|owner| {
            let mut state = owner.0.lock();
            if !state.is_started {
                state.is_started = true;
                owner.0.start();
            }
            let slot = TokenSlot::of(&client);
            if let Some(Err(error)) = state.token.as_ref().map(|token| token.set_on(&slot)) {
                tracing::debug!(%error, "a new client waits for the next OAuth token");
            }
            let id = state.next_client;
            state.next_client += 1;
            state.clients.insert(id, slot);
            Membership { owner: Arc::clone(owner), id }
        });
        SignedIn { _membership: membership, client }
    }

    /// Why there is no fresh token, if the last attempt to fetch one failed. It names what failed and what to check.
    pub fn failure(&self) -> Option<TokenError> {
        self.0.as_ref()?.0.lock().failure.clone()
    }
}

/// Nothing of what it holds is fit for a log.
impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Tokens" } else { "no tokens" })
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.lock().is_closed = true;
        self.0.changed.notify_one();
    }
}

/// A client that always has the current token.
pub struct SignedIn<T> {
    // Dropped before the client, so that no token is set on a client that no longer exists.
    _membership: Option<Membership>,
    client: T,
}

impl<T> Deref for SignedIn<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.client
    }
}

struct Membership {
    owner: Arc<Owner>,
    id: u64,
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.owner.0.lock().clients.remove(&self.id);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Each change is a single assignment or insert.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start(self: &Arc<Self>) {
        let shared = Arc::clone(self);
        let renew = move || shared.renew_until_closed();
        std::thread::Builder::new().name("kafka-tokens".to_owned()).spawn(renew).expect("a thread can be started");
    }

    fn renew_until_closed(&self) {
        let mut failures_in_a_row = 0;
        loop {
            let fetched = self.source.fetch();
            let mut state = self.lock();
            let pause = match state.accept(fetched) {
                Ok(lifetime) => {
                    if failures_in_a_row > 0 {
                        tracing::info!(source = %self.source, "there is a fresh OAuth token again");
                    }
                    failures_in_a_row = 0;
                    tracing::debug!(source = %self.source, ?lifetime, "a fresh OAuth token");
                    lifetime.mul_f64(RENEW_AFTER)
                }
                Err((error, is_new)) => {
                    if is_new {
                        tracing::warn!("no fresh OAuth token: {error}");
                    }
                    failures_in_a_row += 1;
                    pause_after(&error, failures_in_a_row)
                }
            };
            let next = SystemTime::now() + pause;
            loop {
                if state.is_closed {
                    return;
                }
                // By the wall clock, as tokens expire; a clock that was set back must not make the wait longer.
                let Ok(left) = next.duration_since(SystemTime::now()) else { break };
                let left = left.min(pause).min(LOOK_AT_CLOCK_EVERY);
                state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
            }
        }
    }
}

fn pause_after(error: &TokenError, failures_in_a_row: u32) -> Duration {
    let (first, longest) = ASK_AGAIN_AFTER;
    let pause = first.saturating_mul(2u32.saturating_pow(failures_in_a_row - 1)).min(longest);
    if error.is_refusal() { pause.max(AFTER_REFUSAL) } else { pause }
}

impl State {
    /// Keeps the token and sets it on every client; returns its lifetime. Otherwise returns the error, and whether it differs from the
    /// last one; the clients keep their token. The error is not passed to the clients: each would repeat it in the log.
    fn accept(&mut self, fetched: Result<Token, TokenError>) -> Result<Duration, (TokenError, bool)> {
        let accepted = fetched.and_then(|token| {
            let lifetime = token.lifetime()?;
            self.clients.values().try_for_each(|client| token.set_on(client))?;
            self.token = Some(token);
            self.failure = None;
            Ok(lifetime)
        });
        accepted.map_err(|error| {
            let is_new = self.failure.replace(error.clone()).as_ref() != Some(&error);
            (error, is_new)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_credentials_are_tried_at_most_three_times_a_minute() {
        let refused = TokenError::Refused { endpoint: "here".into(), status: 401, reason: "invalid_client".into() };
        let waits: Vec<_> = (1..=40).map(|failures| pause_after(&refused, failures)).collect();
        // The first and the fourth of four.
        assert!(waits.iter().all(|wait| 3 * *wait > Duration::from_secs(60)), "{waits:?}");
    }

    #[test]
    fn an_unreachable_endpoint_is_asked_again_after_growing_pauses_up_to_a_limit() {
        let unreachable = TokenError::Unreachable { endpoint: "here".into(), reason: "connection refused".into() };
        let waits: Vec<u64> = (1..=8).map(|failures| pause_after(&unreachable, failures).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 20, 20, 20]);
        assert_eq!(pause_after(&unreachable, u32::MAX), Duration::from_secs(20));
    }
}
