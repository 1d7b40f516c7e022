//! The sessions by id. A session without a socket is kept for 60 s.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use protocol::{ClusterName, Resume, SESSION_LINGER_SECS};
use tokio_util::sync::CancellationToken;

use super::ledger::Ledger;
use crate::metrics::METRICS;

/// How long a session without a socket is kept.
const LINGER: Duration = Duration::from_secs(SESSION_LINGER_SECS);

/// How often expired sessions are removed.
const SWEEP_EVERY: Duration = Duration::from_secs(5);

/// How many sessions may wait for their clients at a time, and how much memory they may hold together. Beyond it, the
/// session that lost its socket first is forgotten: its client gets a new session, and the outcomes of its records are
/// unknown.
const MOST_LOST: usize = 1024;
const MOST_LOST_BYTES: usize = 64 * 1024 * 1024;

#[derive(Default)]
pub struct Sessions {
    table: Arc<Mutex<Table>>,
    times: Times,
}

/// Tests use shorter times.
#[derive(Clone, Copy)]
struct Times {
    linger: Duration,
    sweep_every: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Self { linger: LINGER, sweep_every: SWEEP_EVERY }
    }
}

#[derive(Default)]
struct Table {
    by_id: HashMap<String, Entry>,
    /// Whether the task that removes expired sessions is running.
    is_swept: bool,
}

struct Entry {
    /// The cluster that the session's records are produced to.
    cluster: ClusterName,
    /// The name of the user, who alone may resume the session.
    user: String,
    ledger: Arc<Ledger>,
    socket: Socket,
    /// The highest attempt number that the client sent in `resume`.
    last_attempt: u64,
}

enum Socket {
    Attached {
        /// Cancelled to close the socket, because another one takes its session over.
        superseded: CancellationToken,
        /// Cancelled when the socket has released the session.
        released: CancellationToken,
    },
    LostAt(Instant),
}

/// The sessions of one cluster, for `/metrics`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SessionTotals {
    /// Sessions with a socket.
    pub open: usize,
    /// Sessions that wait for their clients.
    pub lost: usize,
    /// The approximate memory of their ledgers.
    pub bytes: usize,
    /// Records without an outcome.
    pub in_flight: usize,
}

/// A session that a socket owns.
pub struct Held {
    pub id: String,
    pub ledger: Arc<Ledger>,
    pub resumed: bool,
    /// Cancelled when another socket takes the session over.
    pub superseded: CancellationToken,
    released: CancellationToken,
    /// The socket that owned the session before, until it has released it.
    predecessor: Option<CancellationToken>,
}

impl Held {
    /// Waits until the previous socket of the session sends no outcomes and reads no feed any more. Whatever it took
    /// from the session after the client sent its requests again here would be lost with it.
    pub async fn predecessor_is_gone(&self) {
        if let Some(predecessor) = &self.predecessor {
            predecessor.cancelled().await;
        }
    }
}

/// The client has connected with a newer socket since.
#[derive(Debug, PartialEq, Eq)]
pub struct StaleAttempt;

impl Sessions {
    /// Returns the session that `resume` names if it still exists and belongs to this cluster and this user, else a new one.
    ///
    /// # Errors
    /// When this is the `hello` of a socket that its client has abandoned for a newer one.
    pub fn open(&self, resume: Option<&Resume>, cluster: &ClusterName, user: &str) -> Result<Held, StaleAttempt> {
        let mut table = lock(&self.table);
        let by_id = &mut table.by_id;
        by_id.retain(|_, entry| !entry.is_expired(Instant::now(), self.times.linger));
        let (superseded, released) = (CancellationToken::new(), CancellationToken::new());
        let attached = Socket::Attached { superseded: superseded.clone(), released: released.clone() };
        if let Some(Resume { session: id, attempt }) = resume
            && let Some(entry) = by_id.get_mut(id).filter(|entry| entry.cluster == *cluster && entry.user == user)
        {
            if attempt.is_some_and(|attempt| attempt < entry.last_attempt) {
                return Err(StaleAttempt);
            }
            entry.last_attempt = attempt.unwrap_or(entry.last_attempt);
            let predecessor = match std::mem::replace(&mut entry.socket, attached) {
                Socket::Attached { superseded, released } => {
                    superseded.cancel();
                    Some(released)
                }
                Socket::LostAt(_) => None,
            };
            let ledger = Arc::clone(&entry.ledger);
            return Ok(Held { id: id.to_owned(), ledger, resumed: true, superseded, released, predecessor });
        }
        let id = uuid::Uuid::new_v4().simple().to_string();
        let ledger = Arc::new(Ledger::of(METRICS.of_cluster(cluster)));
        let entry = Entry {
            cluster: cluster.clone(),
            user: user.to_owned(),
            ledger: Arc::clone(&ledger),
            socket: attached,
            last_attempt: 0,
        };
        by_id.insert(id.clone(), entry);
        Ok(Held { id, ledger, resumed: false, superseded, released, predecessor: None })
    }

    pub fn totals(&self) -> BTreeMap<ClusterName, SessionTotals> {
        let mut totals: BTreeMap<ClusterName, SessionTotals> = BTreeMap::new();
        for entry in lock(&self.table).by_id.values() {
            let of_cluster = totals.entry(entry.cluster.clone()).or_default();
            match entry.socket {
                Socket::Attached { .. } => of_cluster.open += 1,
                Socket::LostAt(_) => of_cluster.lost += 1,
            }
            of_cluster.bytes += entry.ledger.bytes();
            of_cluster.in_flight += entry.ledger.in_flight();
        }
        totals
    }

    /// Releases the session of a lost socket. It is kept for a while, since its client may reconnect.
    pub fn release(&self, held: &Held) {
        held.released.cancel();
        if held.superseded.is_cancelled() {
            return;
        }
        let mut table = lock(&self.table);
        let Some(entry) = table.by_id.get_mut(&held.id) else { return };
        entry.socket = Socket::LostAt(Instant::now());
        table.forget_excess();
        if !std::mem::replace(&mut table.is_swept, true) {
            tokio::spawn(sweep(Arc::downgrade(&self.table), self.times));
        }
    }
}

fn lock(table: &Mutex<Table>) -> MutexGuard<'_, Table> {
    // Each change is a single insert, removal or assignment, so a panic elsewhere leaves the table consistent.
    table.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes expired sessions, as long as any session waits. It also checks how much memory they hold together, since
/// records get outcomes after their socket was lost too.
async fn sweep(table: Weak<Mutex<Table>>, times: Times) {
    loop {
        tokio::time::sleep(times.sweep_every).await;
        let Some(table) = table.upgrade() else { return };
        let mut table = lock(&table);
        table.forget_excess();
        table.is_swept = table.forget_expired(Instant::now(), times.linger);
        if !table.is_swept {
            return;
        }
    }
}

impl Table {
    /// Returns whether any session still waits for its client.
    fn forget_expired(&mut self, now: Instant, linger: Duration) -> bool {
        self.by_id.retain(|_, entry| !entry.is_expired(now, linger));
        self.by_id.values().any(|entry| matches!(entry.socket, Socket::LostAt(_)))
    }

    /// Forgets the sessions that have waited longest, if too many wait or they hold too much memory.
    fn forget_excess(&mut self) {
        let lost = |(id, entry): (&String, &Entry)| match entry.socket {
            Socket::Attached { .. } => None,
            Socket::LostAt(at) => Some((at, id.clone(), entry.ledger.bytes())),
        };
        let mut lost: Vec<(Instant, String, usize)> = self.by_id.iter().filter_map(lost).collect();
        // The most recently lost first.
        lost.sort_unstable_by(|one, other| other.cmp(one));
        let mut bytes = 0;
        let excess = lost.into_iter().enumerate().filter_map(|(index, (_, id, held))| {
            bytes += held;
            (index >= MOST_LOST || bytes > MOST_LOST_BYTES).then_some(id)
        });
        let excess: Vec<String> = excess.collect();
        if excess.is_empty() {
            return;
        }
        for id in &excess {
            self.by_id.remove(id);
        }
        let forgotten = excess.len();
        tracing::debug!(forgotten, "too many sessions wait for their clients; forgot those that have waited longest");
    }
}

impl Entry {
    fn is_expired(&self, now: Instant, linger: Duration) -> bool {
        match self.socket {
            Socket::Attached { .. } => false,
            Socket::LostAt(at) => now.saturating_duration_since(at) >= linger,
        }
    }
}

#[cfg(test)]
mod tests {
    use protocol::{ErrorBody, ErrorCode};

    use super::*;
    use crate::websocket::ledger::Admission;
    use kafka::producer::{DeliverySink, Run};
    use protocol::limits::PRODUCE_WINDOW;

    const USER: &str = "ann";

    fn open(sessions: &Sessions, session: &str, attempt: Option<u64>) -> Result<Held, StaleAttempt> {
        sessions.open(Some(&Resume { session: session.to_owned(), attempt }), &ClusterName::default(), USER)
    }

    fn resumed(sessions: &Sessions, session: &str) -> bool {
        open(sessions, session, None).expect("no later attempt").resumed
    }

    fn new_session(sessions: &Sessions) -> Held {
        sessions.open(None, &ClusterName::default(), USER).expect("a new session")
    }

    /// Polls until the condition holds, because the sweep runs in its own task.
    async fn eventually(what: &str, holds: impl Fn() -> bool) {
        let give_up_at = Instant::now() + Duration::from_secs(20);
        while !holds() {
            assert!(Instant::now() < give_up_at, "{what}");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    fn bytes_held(sessions: &Sessions) -> usize {
        lock(&sessions.table).by_id.values().map(|entry| entry.ledger.bytes()).sum()
    }

    #[tokio::test]
    async fn sweep_removes_expired_session_without_other_calls() {
        let times = Times { linger: Duration::from_millis(50), sweep_every: Duration::from_millis(10) };
        let sessions = Sessions { times, ..Sessions::default() };
        // The task ends when no session waits; the next session that loses its socket starts another one.
        for _ in 0..2 {
            let held = new_session(&sessions);
            let ledger = Arc::downgrade(&held.ledger);
            let lost = Instant::now();
            sessions.release(&held);
            drop(held);
            eventually("the session's outcomes are kept for ever", || ledger.upgrade().is_none()).await;
            assert!(lost.elapsed() >= times.linger, "forgotten after {:?}", lost.elapsed());
            eventually("the sweep goes on without sessions", || !lock(&sessions.table).is_swept).await;
        }
    }

    #[tokio::test]
    async fn sweep_keeps_session_whose_client_reconnected() {
        let times = Times { sweep_every: Duration::from_millis(10), ..Times::default() };
        let sessions = Sessions { times, ..Sessions::default() };
        let held = new_session(&sessions);
        sessions.release(&held);
        assert!(resumed(&sessions, &held.id));
        eventually("the sweep goes on without lost sessions", || !lock(&sessions.table).is_swept).await;
        assert!(lock(&sessions.table).by_id.contains_key(&held.id));
    }

    #[tokio::test]
    async fn session_is_not_resumed_for_another_cluster_or_user() {
        let sessions = Sessions::default();
        let held = new_session(&sessions);
        let resume = Resume { session: held.id.clone(), attempt: None };
        let other = ClusterName::parse("other").expect("a valid name");
        for (cluster, user) in [(&other, USER), (&ClusterName::default(), "bob")] {
            let elsewhere = sessions.open(Some(&resume), cluster, user).expect("a new session");
            assert!(!elsewhere.resumed && elsewhere.id != held.id, "{cluster} {user}");
        }
        assert!(!held.superseded.is_cancelled(), "the session's own socket keeps it");
        sessions.release(&held);
        assert!(resumed(&sessions, &held.id));
    }

    #[tokio::test]
    async fn sweep_bounds_memory_of_sessions_that_grew_after_their_socket_was_lost() {
        let times = Times { sweep_every: Duration::from_millis(10), ..Times::default() };
        let sessions = Sessions { times, ..Sessions::default() };
        let text = "x".repeat(1024 * 1024 - 1000);
        let error = Arc::new(ErrorBody::new(ErrorCode::ReadOnly, text));
        let lost: Vec<Held> = (0..80)
            .map(|_| {
                let held = new_session(&sessions);
                assert_eq!(held.ledger.admit(0, &[0]), Admission::New(1));
                sessions.release(&held);
                held
            })
            .collect();
        assert!(bytes_held(&sessions) < MOST_LOST_BYTES / 2, "only the errors are large");
        for held in &lost {
            held.ledger.delivered(vec![Run::failed(0, 1, Arc::clone(&error))]);
        }
        eventually("the sweep does not check sessions that grew", || bytes_held(&sessions) <= MOST_LOST_BYTES).await;
        assert!(lock(&sessions.table).by_id.len() > 60, "no more are forgotten than need be");
    }

    #[tokio::test]
    async fn number_of_lost_sessions_is_bounded_and_the_latest_are_kept() {
        let sessions = Sessions::default();
        let mut ids = Vec::new();
        for _ in 0..MOST_LOST + 10 {
            let held = new_session(&sessions);
            sessions.release(&held);
            ids.push(held.id);
        }
        assert_eq!(lock(&sessions.table).by_id.len(), MOST_LOST);
        assert!(!resumed(&sessions, &ids[0]));
        assert!(resumed(&sessions, &ids[MOST_LOST + 9]));
    }

    #[tokio::test]
    async fn memory_of_lost_sessions_is_bounded() {
        let sessions = Sessions::default();
        let window = PRODUCE_WINDOW as usize;
        for _ in 0..80 {
            let held = new_session(&sessions);
            assert_eq!(held.ledger.admit(0, &vec![0; window]), Admission::New(window));
            let error = Arc::new(ErrorBody::new(ErrorCode::ReadOnly, "nothing is written"));
            held.ledger.delivered(vec![Run::failed(0, PRODUCE_WINDOW, error)]);
            sessions.release(&held);
        }
        let (bytes, count) = (bytes_held(&sessions), lock(&sessions.table).by_id.len());
        assert!(bytes <= MOST_LOST_BYTES && count > 10, "{bytes} bytes in {count}");
    }

    #[tokio::test]
    async fn lost_sessions_may_hold_exactly_the_memory_limit() {
        const MIB: usize = 1024 * 1024;
        for (excess, kept) in [(0, 64), (1, 63)] {
            let sessions = Sessions::default();
            let mut ids = Vec::new();
            for index in 0..MOST_LOST_BYTES / MIB {
                let held = new_session(&sessions);
                assert_eq!(held.ledger.admit(0, &[0]), Admission::New(1));
                // As large as the errors that a ledger keeps; what it holds besides was measured with an empty text.
                let error = |text: usize| {
                    Arc::new(ErrorBody { message: "x".repeat(text), ..ErrorBody::new(ErrorCode::ReadOnly, "") })
                };
                let beside = {
                    let measured = new_session(&sessions);
                    measured.ledger.admit(0, &[0]);
                    measured.ledger.delivered(vec![Run::failed(0, 1, error(0))]);
                    measured.ledger.bytes()
                };
                let bytes = if index == 0 { MIB + excess } else { MIB };
                held.ledger.delivered(vec![Run::failed(0, 1, error(bytes - beside))]);
                assert_eq!(held.ledger.bytes(), bytes);
                sessions.release(&held);
                ids.push(held.id);
            }
            let table = lock(&sessions.table);
            assert_eq!(ids.iter().filter(|id| table.by_id.contains_key(*id)).count(), kept, "{excess}");
            assert_eq!(table.by_id.contains_key(&ids[0]), kept == 64, "the session that was lost first is forgotten");
        }
    }

    #[test]
    fn session_expires_once_its_socket_was_lost_for_the_whole_linger_time() {
        let lost = Instant::now();
        let linger = Duration::from_secs(60);
        let entry = |socket| Entry {
            cluster: ClusterName::default(),
            user: USER.to_owned(),
            ledger: Arc::default(),
            socket,
            last_attempt: 0,
        };
        let attached = || Socket::Attached { superseded: CancellationToken::new(), released: CancellationToken::new() };
        for (after, is_expired) in [(Duration::ZERO, false), (linger - Duration::from_nanos(1), false), (linger, true)]
        {
            assert_eq!(entry(Socket::LostAt(lost)).is_expired(lost + after, linger), is_expired, "{after:?}");
            assert!(!entry(attached()).is_expired(lost + after, linger), "{after:?}");
        }
        let mut table = Table::default();
        table.by_id.insert("lost".to_owned(), entry(Socket::LostAt(lost)));
        table.by_id.insert("attached".to_owned(), entry(attached()));
        assert!(table.forget_expired(lost, linger), "one session waits for its client");
        assert_eq!(table.by_id.len(), 2);
        assert!(!table.forget_expired(lost + linger, linger), "no session waits any more");
        assert!(table.by_id.contains_key("attached") && table.by_id.len() == 1);
    }

    #[tokio::test]
    async fn expired_session_is_not_resumed_before_the_sweep_removes_it() {
        let times = Times { linger: Duration::ZERO, ..Times::default() };
        let sessions = Sessions { times, ..Sessions::default() };
        let held = new_session(&sessions);
        sessions.release(&held);
        assert!(!resumed(&sessions, &held.id));
    }

    #[tokio::test]
    async fn attempt_older_than_one_that_was_seen_is_stale() {
        let sessions = Sessions::default();
        let id = new_session(&sessions).id;
        for (attempt, is_stale) in [(Some(3), false), (Some(2), true), (Some(3), false), (None, false), (Some(2), true)]
        {
            assert_eq!(open(&sessions, &id, attempt).is_err(), is_stale, "{attempt:?}");
        }
        assert!(!open(&sessions, "unknown", Some(0)).expect("nothing is known of it").resumed);
    }

    #[tokio::test]
    async fn new_socket_waits_until_the_previous_one_has_released_the_session() {
        let sessions = Sessions::default();
        let first = new_session(&sessions);
        first.predecessor_is_gone().await;
        let second = open(&sessions, &first.id, None).expect("no later attempt");
        assert!(second.resumed && Arc::ptr_eq(&first.ledger, &second.ledger));
        assert!(first.superseded.is_cancelled() && !second.superseded.is_cancelled());
        let mut gone = std::pin::pin!(second.predecessor_is_gone());
        let context = &mut std::task::Context::from_waker(std::task::Waker::noop());
        assert!(gone.as_mut().poll(context).is_pending());
        sessions.release(&first);
        assert!(gone.as_mut().poll(context).is_ready());
        let is_attached = |id: &str| matches!(lock(&sessions.table).by_id[id].socket, Socket::Attached { .. });
        assert!(is_attached(&first.id), "the second socket still has it");
        sessions.release(&second);
        assert!(!is_attached(&first.id));
        open(&sessions, &first.id, None).expect("no later attempt").predecessor_is_gone().await;
    }
}
