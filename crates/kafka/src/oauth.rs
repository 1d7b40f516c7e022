//! OAuth tokens for brokers with SASL OAUTHBEARER: fetched once for the whole bridge, renewed before they expire, and
//! set on every librdkafka client.
//!
//! librdkafka itself requests a token through the event queue of each client. Each client would need a thread that
//! polls it all the time and does not wait for a slow token endpoint, and a token of its own. Here one thread fetches
//! tokens and sets them on all clients, which need not be polled for this.

mod credentials;
pub mod http;
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
use super::credentials::{self as credentials_of_clients, Credentials};
use super::native::{KafkaClient, TokenSlot};
use settings::Source;
pub use settings::{SettingsError, is_token_setting, mechanism_for_librdkafka};
use token::Token;
pub use token::TokenError;

/// A token is renewed after this share of its lifetime, because librdkafka reauthenticates open connections after 90 %
/// and needs the new token by then.
const RENEW_AFTER: f64 = 0.8;

/// The first and the longest pause before a failed request for a token is repeated; the pause doubles each time.
const RETRY_AFTER: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(20));

/// The shortest pause after refused credentials: at most three attempts per minute, so that no account is locked.
const RETRY_AFTER_REFUSAL: Duration = Duration::from_secs(21);

/// How often the wall clock is checked while waiting, because tokens may have expired while the machine was suspended.
const CHECK_CLOCK_EVERY: Duration = Duration::from_secs(10);

/// The tokens for one cluster; clones share them. `None` without OAuth.
#[derive(Clone, Default)]
pub struct Tokens(Option<Arc<Owner>>);

/// Stops the thread that fetches tokens when it is dropped.
struct Owner(Arc<Shared>);

struct Shared {
    /// Replaced when the settings are reloaded; a fetch that has begun uses the old one.
    source: Mutex<Arc<Source>>,
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

/// Checks the settings that do not depend on the cluster.
///
/// # Errors
/// The first setting that is missing, contradicts another, or is not supported.
pub fn check(properties: &KafkaProperties) -> Result<(), SettingsError> {
    settings::refuse_unsupported(properties)?;
    match Source::of(properties, "") {
        // The region may be part of the brokers' host names.
        Err(SettingsError::NoRegion) => Ok(()),
        source => source.map(drop),
    }
}

impl Tokens {
    /// The tokens from the source in the properties. The first token is fetched when the first client is passed to
    /// [`Self::sign_in`].
    ///
    /// # Errors
    /// If a setting is missing or contradicts another.
    pub fn of(properties: &KafkaProperties, bootstrap_servers: &str) -> Result<Self, SettingsError> {
        let Some(source) = Source::of(properties, bootstrap_servers)? else { return Ok(Self(None)) };
        let source = Mutex::new(Arc::new(source));
        let shared = Shared { source, state: Mutex::default(), changed: Condvar::new() };
        Ok(Self(Some(Arc::new(Owner(Arc::new(shared))))))
    }

    /// Fetches the next token with the settings of these properties.
    ///
    /// # Errors
    /// If a setting is missing or contradicts another.
    pub fn reload(&self, properties: &KafkaProperties, bootstrap_servers: &str) -> Result<(), SettingsError> {
        let source = Source::of(properties, bootstrap_servers)?;
        if let (Some(owner), Some(source)) = (&self.0, source) {
            *owner.0.source() = Arc::new(source);
        }
        Ok(())
    }

    /// Sets the current token and each later one on this client, and the same for passwords. Every client must be passed to
    /// this function right after its creation.
    pub fn sign_in<T: KafkaClient>(&self, client: T, credentials: &Credentials) -> SignedIn<T> {
        let credentials = credentials.register(&client);
        let registration = self.0.as_ref().map(|owner| {
            let mut state = owner.0.lock();
            if !state.is_started {
                state.is_started = true;
                owner.0.start();
            }
            let slot = TokenSlot::of(&client);
            if let Some(Err(error)) = state.token.as_ref().map(|token| token.set_on(&slot)) {
                tracing::debug!(%error, "cannot set the OAuth token on a new client; it gets the next one");
            }
            let id = state.next_client;
            state.next_client += 1;
            state.clients.insert(id, slot);
            Registration { owner: Arc::clone(owner), id }
        });
        SignedIn { _registration: registration, _credentials: credentials, client }
    }

    /// The error of the last attempt to fetch a token, if it failed.
    pub fn failure(&self) -> Option<TokenError> {
        self.0.as_ref()?.0.lock().failure.clone()
    }
}

/// Prints no content, because tokens are secret.
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
    // Both are dropped before the client, so that neither a token nor a password is set on a destroyed client.
    _registration: Option<Registration>,
    _credentials: credentials_of_clients::Registration,
    client: T,
}

impl<T> Deref for SignedIn<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.client
    }
}

/// The entry of a client among those that get tokens.
struct Registration {
    owner: Arc<Owner>,
    id: u64,
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.owner.0.lock().clients.remove(&self.id);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Each change is a single assignment or insert.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn source(&self) -> MutexGuard<'_, Arc<Source>> {
        // The only change is a single assignment.
        self.source.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start(self: &Arc<Self>) {
        let shared = Arc::clone(self);
        let renew = move || shared.renew_until_closed();
        std::thread::Builder::new().name("kafka-tokens".to_owned()).spawn(renew).expect("a thread can be started");
    }

    fn renew_until_closed(&self) {
        let mut failures_in_a_row = 0;
        loop {
            let source = Arc::clone(&self.source());
            let fetched = source.fetch();
            let mut state = self.lock();
            let pause = match state.accept(fetched) {
                Ok(lifetime) => {
                    if failures_in_a_row > 0 {
                        tracing::info!(%source, "there is a fresh OAuth token again");
                    }
                    failures_in_a_row = 0;
                    tracing::debug!(%source, ?lifetime, "a fresh OAuth token");
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
                // Tokens expire by the wall clock; a clock that was set back must not extend the wait.
                let Ok(left) = next.duration_since(SystemTime::now()) else { break };
                let left = left.min(pause).min(CHECK_CLOCK_EVERY);
                state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
            }
        }
    }
}

fn pause_after(error: &TokenError, failures_in_a_row: u32) -> Duration {
    let (first, longest) = RETRY_AFTER;
    let pause = first.saturating_mul(2u32.saturating_pow(failures_in_a_row - 1)).min(longest);
    if error.is_refusal() { pause.max(RETRY_AFTER_REFUSAL) } else { pause }
}

impl State {
    /// Stores the token and sets it on every client; returns its lifetime. After an error the clients keep their token;
    /// returns the error, and whether it differs from the last one. The error is not set on the clients, because each
    /// of them would log it.
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
        // The time between the first and the fourth attempt.
        assert!(waits.iter().all(|wait| 3 * *wait > Duration::from_secs(60)), "{waits:?}");
    }

    #[test]
    fn requests_to_an_unreachable_endpoint_are_repeated_after_growing_pauses_up_to_a_limit() {
        let unreachable = TokenError::Unreachable { endpoint: "here".into(), reason: "connection refused".into() };
        let waits: Vec<u64> = (1..=8).map(|failures| pause_after(&unreachable, failures).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 20, 20, 20]);
        assert_eq!(pause_after(&unreachable, u32::MAX), Duration::from_secs(20));
    }
}
