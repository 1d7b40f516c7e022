//! The sign-in budget. Some brokers lock an account after failed sign-ins, so all clients of the bridge together fail
//! at most three times in any 60 seconds.
//!
//! The context of each client calls [`SignIn::admits`] before it opens a connection. The connection is admitted if a
//! sign-in has succeeded within the last two seconds. Otherwise one thread signs in on behalf of all clients, with a
//! client of its own, and the other attempts fail at once (librdkafka retries after some milliseconds). After a refused
//! sign-in the next one waits 21 seconds.
//!
//! Two cases are not bounded: reauthentication on open connections (`connections.max.reauth.ms`), and connections that
//! are opened within the two seconds after a successful sign-in, before the first refusal is known. Each such
//! connection can fail once.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use rdkafka::consumer::{Consumer as _, ConsumerContext};

use super::client_config::Connection;
use super::context::{ClientHooks, HookedContext, quiet_client_context};
use super::metadata_client::serve_events;
use super::native;
use super::reasons::Cause;

/// The pause after a refused sign-in, for all clients: three sign-ins in 63 seconds.
const PAUSE_AFTER_REFUSAL: Duration = Duration::from_secs(21);

/// How long connections are admitted after a successful sign-in; long enough for all connections of a new client.
const ADMIT_FOR: Duration = Duration::from_secs(2);

/// How long one client tries to reach the brokers. A sign-in takes milliseconds.
const CLIENT_LIFETIME: Duration = Duration::from_secs(10);

/// How often the errors of the client that signs in are checked.
const CHECK_EVERY: Duration = Duration::from_millis(25);

/// If a broker does not answer within this time, another one is tried at the same time.
const NEXT_BROKER_AFTER: Duration = Duration::from_secs(1);

/// How many sign-ins may be in progress at the same time. Each refused one counts towards the budget.
const MAX_CONCURRENT: u32 = 3;

/// How long the thread waits for a client that wants to connect; also the delay until it notices that no client is
/// left.
const IDLE: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub struct SignIn {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    /// The time of the last successful sign-in, unless one was refused since.
    last_success: Option<Instant>,
    /// The earliest time of the next sign-in.
    not_before: Instant,
    /// Whether a client waits to connect.
    is_wanted: bool,
}

#[derive(Debug)]
enum Outcome {
    SignedIn,
    /// The number of refused sign-ins.
    Refused(u32),
    /// The number of connections that were closed without an answer, whose sign-in may have been refused.
    NoAnswer(u32),
}

impl SignIn {
    /// Starts the thread that signs in; it ends when no client is left.
    pub fn start(connection: &Connection) -> Arc<Self> {
        let state = State { last_success: None, not_before: Instant::now(), is_wanted: true };
        let sign_in = Arc::new(Self { state: Mutex::new(state), changed: Condvar::new() });
        let (weak, connection) = (Arc::downgrade(&sign_in), connection.clone());
        let thread = std::thread::Builder::new().name("kafka-sign-in".to_owned());
        thread.spawn(move || run(&weak, &connection)).expect("a thread can be started");
        sign_in
    }

    /// Whether a connection may be opened now. If not, the thread signs in as soon as the budget allows.
    /// Never blocks.
    pub fn admits(&self) -> bool {
        let mut state = self.lock();
        if state.last_success.is_some_and(|at| at.elapsed() < ADMIT_FOR) {
            return true;
        }
        if !state.is_wanted {
            state.is_wanted = true;
            self.changed.notify_all();
        }
        false
    }

    /// Counts refused sign-ins: the next sign-in waits 21 s for each of them.
    pub fn note_refusal(&self, count: u32) {
        let mut state = self.lock();
        state.last_success = None;
        state.not_before = state.not_before.max(Instant::now() + PAUSE_AFTER_REFUSAL * count.max(1));
    }

    fn note_success(&self) {
        let mut state = self.lock();
        state.last_success = Some(Instant::now());
        state.is_wanted = false;
    }

    /// Waits up to [`IDLE`]; returns whether a sign-in is wanted and allowed.
    fn wait_until_due(&self) -> bool {
        let state = self.lock();
        let allowed_in = state.not_before.saturating_duration_since(Instant::now());
        if state.is_wanted && allowed_in.is_zero() {
            return true;
        }
        let pause = if state.is_wanted { allowed_in.min(IDLE) } else { IDLE };
        let state = self.changed.wait_timeout(state, pause).unwrap_or_else(PoisonError::into_inner).0;
        state.is_wanted && state.not_before <= Instant::now()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Each change is a few assignments, so the state is valid after a panic elsewhere.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn run(sign_in: &Weak<SignIn>, connection: &Connection) {
    while let Some(due) = sign_in.upgrade().map(|sign_in| sign_in.wait_until_due()) {
        if !due {
            continue;
        }
        let outcome = sign_in_once(connection);
        let Some(sign_in) = sign_in.upgrade() else { return };
        tracing::debug!(?outcome, "signed in on behalf of all clients");
        match outcome {
            Outcome::SignedIn => sign_in.note_success(),
            Outcome::NoAnswer(0) => {}
            // The broker counts a refusal even if its answer was lost.
            Outcome::Refused(count) | Outcome::NoAnswer(count) => sign_in.note_refusal(count),
        }
    }
}

fn sign_in_once(connection: &Connection) -> Outcome {
    let context = SignInContext {
        hooks: ClientHooks { sign_in: None, ..connection.hooks() },
        free: AtomicU32::new(1),
        refused: AtomicU32::new(0),
    };
    let consumer = match connection.consumer(&connection.base_config(), context) {
        Ok(consumer) => consumer,
        Err(error) => {
            tracing::error!(%error, "librdkafka cannot create the client that signs in");
            std::thread::sleep(IDLE);
            return Outcome::NoAnswer(0);
        }
    };
    let started_at = Instant::now();
    let mut concurrent = 1;
    // With a single address there is no other broker to try at the same time.
    let servers = connection.bootstrap_servers.split(',').count();
    let max_concurrent = u32::try_from(servers).unwrap_or(MAX_CONCURRENT).min(MAX_CONCURRENT);
    while started_at.elapsed() < CLIENT_LIFETIME {
        // The answer may arrive after the time-out of this call; librdkafka then knows the cluster's id.
        let is_answered = native::fetch_brokers(consumer.client(), CHECK_EVERY).is_ok();
        serve_events(&consumer);
        if is_answered || consumer.client().fetch_cluster_id(Duration::ZERO).is_some() {
            return Outcome::SignedIn;
        }
        let context = consumer.context();
        if context.refused.load(Ordering::Relaxed) > 0 {
            // Sign-ins in progress may be refused as well before the client is closed.
            let unknown = concurrent - context.free.load(Ordering::Relaxed).min(concurrent);
            return Outcome::Refused(context.refused.load(Ordering::Relaxed) + unknown.saturating_sub(1));
        }
        if concurrent < max_concurrent && started_at.elapsed() > NEXT_BROKER_AFTER * concurrent {
            concurrent += 1;
            context.free.fetch_add(1, Ordering::Relaxed);
        }
    }
    Outcome::NoAnswer(concurrent - consumer.context().free.load(Ordering::Relaxed).min(concurrent))
}

/// The context of the client that signs in. It admits one connection at a time, and the next one after the last one
/// failed before its sign-in.
struct SignInContext {
    hooks: ClientHooks,
    /// How many connections may be opened.
    free: AtomicU32,
    /// How many sign-ins were refused.
    refused: AtomicU32,
}

quiet_client_context!(SignInContext);

impl ConsumerContext for SignInContext {}

impl HookedContext for SignInContext {
    fn hooks(&self) -> &ClientHooks {
        &self.hooks
    }

    fn note_failure(&self, cause: Cause) {
        if cause.is_refused_sign_in() {
            self.refused.fetch_add(1, Ordering::Relaxed);
        } else {
            self.free.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn admits(&self) -> bool {
        self.free.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |free| free.checked_sub(1)).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sign_in() -> SignIn {
        let state = State { last_success: None, not_before: Instant::now(), is_wanted: false };
        SignIn { state: Mutex::new(state), changed: Condvar::new() }
    }

    #[test]
    fn connections_are_admitted_after_a_sign_in_and_not_after_a_refusal() {
        let sign_in = sign_in();
        assert!(!sign_in.admits(), "no sign-in has succeeded");
        assert!(sign_in.wait_until_due(), "the first sign-in starts at once");
        sign_in.note_success();
        assert!(sign_in.admits());
        sign_in.note_refusal(1);
        assert!(!sign_in.admits());
        assert!(!sign_in.wait_until_due(), "the next sign-in waits");
    }

    #[test]
    fn refused_sign_ins_are_at_most_three_per_minute() {
        let minute = Duration::from_secs(60);
        assert!(PAUSE_AFTER_REFUSAL * 3 > minute);
        let sign_in = sign_in();
        sign_in.note_refusal(3);
        assert!(sign_in.lock().not_before > Instant::now() + minute);
    }
}
