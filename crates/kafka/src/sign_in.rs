//! The sign-in budget. Brokers count failed sign-ins, and some lock the account: all clients of the bridge together fail at most
//! three times in any 60 seconds.
//!
//! Before a client opens a connection its context asks here. The connection is admitted while a sign-in has succeeded within the last
//! two seconds. Otherwise one thread signs in on behalf of all, with a client of its own, and the others' attempts fail at once
//! (librdkafka tries again after some milliseconds). Where that sign-in is refused, the next one waits 21 seconds.
//!
//! Not bounded here: a broker that asks clients to sign in again on an open connection (`connections.max.reauth.ms`), and connections that
//! are opened within the two seconds after a sign-in, before the first refusal is known. Each such connection can fail once.

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
const AFTER_REFUSAL: Duration = Duration::from_secs(21);

/// A sign-in that succeeded so lately proves that the next one will. Long enough for all connections of a client that is made.
const PROVES_FOR: Duration = Duration::from_secs(2);

/// A sign-in takes milliseconds; brokers that are away are tried for so long with one client.
const CLIENT_LIVES_FOR: Duration = Duration::from_secs(10);

/// How often the signing-in client's errors are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// A broker that does not answer for so long does not keep another from being tried.
const NEXT_BROKER_AFTER: Duration = Duration::from_secs(1);

/// How many sign-ins may be under way at the same time. Each refused one counts towards the budget.
const AT_ONCE: u32 = 3;

/// How long the thread waits for a client that wants to sign in; also the delay with which it notices its end.
const IDLE: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub struct SignIn {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    /// When a sign-in last succeeded.
    proven: Option<Instant>,
    /// No sign-in before.
    not_before: Instant,
    /// A client waits to connect.
    is_wanted: bool,
}

#[derive(Debug)]
enum Outcome {
    SignedIn,
    /// So many sign-ins were refused.
    Refused(u32),
    /// So many connections were given up whose sign-in may have been refused.
    NoAnswer(u32),
}

impl SignIn {
    /// Starts the thread that signs in; it ends when no client is left.
    pub fn start(connection: &Connection) -> Arc<Self> {
        let state = State { proven: None, not_before: Instant::now(), is_wanted: true };
        let sign_in = Arc::new(Self { state: Mutex::new(state), changed: Condvar::new() });
        let (weak, connection) = (Arc::downgrade(&sign_in), connection.clone());
        let thread = std::thread::Builder::new().name("kafka-sign-in".to_owned());
        thread.spawn(move || run(&weak, &connection)).expect("a thread can be started");
        sign_in
    }

    /// Whether a connection may be opened now. Never blocks; where the answer is no, a sign-in is on its way if the budget allows.
    pub fn admits(&self) -> bool {
        let mut state = self.lock();
        if state.proven.is_some_and(|proven| proven.elapsed() < PROVES_FOR) {
            return true;
        }
        if !state.is_wanted {
            state.is_wanted = true;
            self.changed.notify_all();
        }
        false
    }

    /// A broker refused so many sign-ins.
    pub fn note_refusal(&self, count: u32) {
        let mut state = self.lock();
        state.proven = None;
        state.not_before = state.not_before.max(Instant::now() + AFTER_REFUSAL * count.max(1));
    }

    fn note_success(&self) {
        let mut state = self.lock();
        state.proven = Some(Instant::now());
        state.is_wanted = false;
    }

    /// Waits until a sign-in is wanted and allowed; whether it is.
    fn wait(&self) -> bool {
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
        // Each change is a few assignments: a panic elsewhere leaves it whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn run(sign_in: &Weak<SignIn>, connection: &Connection) {
    while let Some(due) = sign_in.upgrade().map(|sign_in| sign_in.wait()) {
        if !due {
            continue;
        }
        let outcome = sign_in_once(connection);
        let Some(sign_in) = sign_in.upgrade() else { return };
        tracing::debug!(?outcome, "a sign-in on behalf of all clients");
        match outcome {
            Outcome::SignedIn => sign_in.note_success(),
            Outcome::NoAnswer(0) => {}
            // A refusal whose answer was lost counts at the broker all the same.
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
            tracing::error!(%error, "librdkafka makes no client to sign in with");
            std::thread::sleep(IDLE);
            return Outcome::NoAnswer(0);
        }
    };
    let began = Instant::now();
    let mut at_once = 1;
    // With a single address there is no other broker to try meanwhile.
    let servers = connection.bootstrap_servers.split(',').count();
    let most_at_once = u32::try_from(servers).unwrap_or(AT_ONCE).min(AT_ONCE);
    while began.elapsed() < CLIENT_LIVES_FOR {
        // The answer may come after the time is over; librdkafka then knows the cluster's id.
        let is_answered = native::fetch_brokers(consumer.client(), LOOK_EVERY).is_ok();
        serve_events(&consumer);
        if is_answered || consumer.client().fetch_cluster_id(Duration::ZERO).is_some() {
            return Outcome::SignedIn;
        }
        let context = consumer.context();
        if context.refused.load(Ordering::Relaxed) > 0 {
            // Those under way may be refused as well before the client is gone.
            let unknown = at_once - context.free.load(Ordering::Relaxed).min(at_once);
            return Outcome::Refused(context.refused.load(Ordering::Relaxed) + unknown.saturating_sub(1));
        }
        if at_once < most_at_once && began.elapsed() > NEXT_BROKER_AFTER * at_once {
            at_once += 1;
            context.free.fetch_add(1, Ordering::Relaxed);
        }
    }
    Outcome::NoAnswer(at_once - consumer.context().free.load(Ordering::Relaxed).min(at_once))
}

/// Admits one connection at a time, and the next one when it is known that the last one did not come as far as to sign in.
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
        let state = State { proven: None, not_before: Instant::now(), is_wanted: false };
        SignIn { state: Mutex::new(state), changed: Condvar::new() }
    }

    #[test]
    fn connections_are_admitted_after_a_sign_in_and_not_after_a_refusal() {
        let sign_in = sign_in();
        assert!(!sign_in.admits(), "nobody has signed in");
        assert!(sign_in.wait(), "the first attempt is made at once");
        sign_in.note_success();
        assert!(sign_in.admits());
        sign_in.note_refusal(1);
        assert!(!sign_in.admits());
        assert!(!sign_in.wait(), "the next attempt waits");
    }

    #[test]
    fn refusals_never_come_closer_than_three_a_minute() {
        let minute = Duration::from_secs(60);
        assert!(AFTER_REFUSAL * 3 > minute);
        let sign_in = sign_in();
        sign_in.note_refusal(3);
        assert!(sign_in.lock().not_before > Instant::now() + minute);
    }
}
