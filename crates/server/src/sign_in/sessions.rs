//! The sessions of users who have signed in. They are in memory, so users sign in again after a restart of the bridge.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use access::Principal;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::random::{self, Hash};

/// Beyond it the oldest session ends.
const MAX_SESSIONS: usize = 10_000;

/// Beyond it the user's oldest session ends, so that a user who signs in all the time signs out nobody else.
const MAX_SESSIONS_OF_USER: usize = 100;

/// The provider gets the ID token back at sign-out, in an address. A longer one is not kept.
const MAX_ID_TOKEN_BYTES: usize = 4096;

/// A user's sign-in, until it ends. Clones are the same sign-in.
#[derive(Clone)]
pub struct SignedIn(Arc<State>);

struct State {
    principal: Arc<Principal>,
    /// Moves when the same user signs in again in the same browser.
    expires: Mutex<Instant>,
    signed_out: CancellationToken,
}

pub struct Sessions {
    lifetime: Duration,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    by_id: HashMap<Hash, Session>,
    /// The number of the next session.
    next: u64,
}

struct Session {
    signed_in: SignedIn,
    /// Increases: the oldest session has the lowest one.
    number: u64,
    id_token: Option<String>,
}

/// A session that its user has ended.
pub struct Ended {
    pub principal: Arc<Principal>,
    pub id_token: Option<String>,
}

impl SignedIn {
    fn new(principal: Principal, expires: Instant) -> Self {
        let (principal, expires) = (Arc::new(principal), Mutex::new(expires));
        Self(Arc::new(State { principal, expires, signed_out: CancellationToken::new() }))
    }

    pub fn principal(&self) -> &Arc<Principal> {
        &self.0.principal
    }

    pub fn is_valid(&self) -> bool {
        !self.0.signed_out.is_cancelled() && Instant::now() < self.expires()
    }

    /// Waits until the sign-in has ended; returns the reason.
    pub async fn ended(&self) -> &'static str {
        const SIGNED_OUT: &str = "signed out";
        const EXPIRED: &str = "the sign-in has expired";
        loop {
            let expires = self.expires();
            tokio::select! {
                biased;
                () = self.0.signed_out.cancelled() => return SIGNED_OUT,
                () = tokio::time::sleep_until(expires) => {}
            }
            if self.expires() <= expires {
                return EXPIRED;
            }
        }
    }

    fn expires(&self) -> Instant {
        *self.0.expires.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn extend(&self, until: Instant) {
        let mut expires = self.0.expires.lock().unwrap_or_else(PoisonError::into_inner);
        *expires = until.max(*expires);
    }
}

impl Sessions {
    pub fn new(lifetime: Duration) -> Self {
        Self { lifetime, table: Mutex::default() }
    }

    pub fn lifetime(&self) -> Duration {
        self.lifetime
    }

    /// Opens a session and returns its id, always a new one. `earlier`: the ids that the browser has; their sessions end, except that
    /// the sockets of the same user with the same roles stay open.
    pub fn open<'c>(&self, principal: Principal, id_token: String, earlier: impl Iterator<Item = &'c str>) -> String {
        let expires = Instant::now() + self.lifetime;
        let mut table = self.lock();
        let mut signed_in: Option<SignedIn> = None;
        for id in earlier {
            let Some(session) = table.by_id.remove(&random::hash(id)) else { continue };
            // One of them goes on; a second one would have sockets that no sign-out closes.
            if signed_in.is_none() && session.signed_in.is_valid() && **session.signed_in.principal() == principal {
                session.signed_in.extend(expires);
                signed_in = Some(session.signed_in);
            } else {
                session.signed_in.0.signed_out.cancel();
            }
        }
        table.make_room(&principal);
        let id = random::unguessable();
        let number = table.next;
        table.next += 1;
        let signed_in = signed_in.unwrap_or_else(|| SignedIn::new(principal, expires));
        let id_token = Some(id_token).filter(|token| token.len() <= MAX_ID_TOKEN_BYTES);
        table.by_id.insert(random::hash(&id), Session { signed_in, number, id_token });
        id
    }

    /// The sign-in of the first of these ids that has one.
    pub fn find<'c>(&self, mut ids: impl Iterator<Item = &'c str>) -> Option<SignedIn> {
        let table = self.lock();
        ids.find_map(|id| table.by_id.get(&random::hash(id)).map(|session| &session.signed_in).filter(|s| s.is_valid()))
            .cloned()
    }

    /// Ends the sessions with these ids; their sockets are closed. Returns one of them.
    pub fn end<'c>(&self, ids: impl Iterator<Item = &'c str>) -> Option<Ended> {
        let mut ended = None;
        let mut table = self.lock();
        for session in ids.filter_map(|id| table.by_id.remove(&random::hash(id))) {
            if session.signed_in.is_valid() {
                let principal = Arc::clone(session.signed_in.principal());
                ended = Some(Ended { principal, id_token: session.id_token });
            }
            session.signed_in.0.signed_out.cancel();
        }
        ended
    }

    /// How many sessions are open.
    pub fn count(&self) -> usize {
        self.lock().by_id.values().filter(|session| session.signed_in.is_valid()).count()
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        // A panic between two changes can leave a session out, never a wrong one in.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// Makes room for one more session of this user: removes the sessions that have expired, then ends the user's oldest one, or that of
    /// all, if there are too many.
    fn make_room(&mut self, user: &Principal) {
        let is_of_user = |session: &Session| session.signed_in.principal().name == user.name;
        let of_user = self.by_id.values().filter(|session| is_of_user(session)).count();
        if of_user < MAX_SESSIONS_OF_USER && self.by_id.len() < MAX_SESSIONS {
            return;
        }
        let before = self.by_id.len();
        self.by_id.retain(|_, session| session.signed_in.is_valid());
        if self.by_id.len() < before {
            self.make_room(user);
            return;
        }
        let candidates = self.by_id.iter().filter(|(_, session)| of_user < MAX_SESSIONS_OF_USER || is_of_user(session));
        let oldest = candidates.min_by_key(|(_, session)| session.number).map(|(id, _)| *id);
        if let Some(session) = oldest.and_then(|id| self.by_id.remove(&id)) {
            session.signed_in.0.signed_out.cancel();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::iter;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn ann() -> Principal {
        Principal::signed_in("ann", ["support".to_owned()])
    }

    fn open(sessions: &Sessions, principal: Principal, earlier: Option<&str>) -> String {
        sessions.open(principal, "token".to_owned(), earlier.into_iter())
    }

    fn find(sessions: &Sessions, id: &str) -> Option<SignedIn> {
        sessions.find(iter::once(id))
    }

    #[tokio::test]
    async fn session_ends_at_sign_out() {
        let sessions = Sessions::new(HOUR);
        let (id, other) = (open(&sessions, ann(), None), open(&sessions, ann(), None));
        assert!(sessions.find(["invented", &id].into_iter()).is_some() && find(&sessions, "invented").is_none());
        let (signed_in, of_other) = (find(&sessions, &id).expect("open"), find(&sessions, &other).expect("open"));
        let ended = sessions.end(iter::once(id.as_str())).expect("open");
        assert_eq!((&*ended.principal, ended.id_token.as_deref()), (&ann(), Some("token")));
        assert_eq!(signed_in.ended().await, "signed out");
        assert!(!signed_in.is_valid() && find(&sessions, &id).is_none());
        assert!(sessions.end(iter::once(id.as_str())).is_none(), "a second time");
        assert!(of_other.is_valid(), "the user's other browser stays signed in");
        assert_eq!(sessions.count(), 1);
    }

    #[tokio::test]
    async fn session_expires() {
        let sessions = Sessions::new(Duration::from_millis(30));
        let id = open(&sessions, ann(), None);
        let signed_in = sessions.find(iter::once(id.as_str())).expect("open");
        assert_eq!(signed_in.ended().await, "the sign-in has expired");
        assert!(!signed_in.is_valid() && find(&sessions, &id).is_none());
        assert_eq!(sessions.count(), 0);
        assert!(sessions.end(iter::once(id.as_str())).is_none(), "nobody signs out any more");
    }

    #[tokio::test]
    async fn second_sign_in_of_the_same_user_gets_a_new_id_and_keeps_sockets_open() {
        let sessions = Sessions::new(HOUR);
        let first = open(&sessions, ann(), None);
        let signed_in = find(&sessions, &first).expect("open");
        let until = signed_in.expires();
        let second = open(&sessions, ann(), Some(&first));
        assert_ne!(first, second);
        assert!(find(&sessions, &first).is_none(), "the old id is worthless");
        assert!(signed_in.is_valid() && signed_in.expires() > until);
        sessions.end(iter::once(second.as_str()));
        assert_eq!(signed_in.ended().await, "signed out");
    }

    #[tokio::test]
    async fn sign_in_with_two_earlier_sessions_continues_one_and_ends_the_other() {
        let sessions = Sessions::new(HOUR);
        let (first, second) = (open(&sessions, ann(), None), open(&sessions, ann(), None));
        let of = |id: &str| find(&sessions, id).expect("open");
        let (of_first, of_second) = (of(&first), of(&second));
        let third = sessions.open(ann(), "token".to_owned(), [first.as_str(), second.as_str()].into_iter());
        assert!(of_first.is_valid() && !of_second.is_valid());
        sessions.end(iter::once(third.as_str()));
        assert!(!of_first.is_valid(), "its sockets are closed at the sign-out");
    }

    #[tokio::test]
    async fn sign_in_of_another_user_or_with_other_roles_ends_the_earlier_session() {
        for other in [Principal::signed_in("bob", ["support".to_owned()]), Principal::signed_in("ann", [])] {
            let sessions = Sessions::new(HOUR);
            let first = open(&sessions, ann(), None);
            let signed_in = find(&sessions, &first).expect("open");
            let second = open(&sessions, other.clone(), Some(&first));
            assert_eq!(signed_in.ended().await, "signed out");
            assert_eq!(**find(&sessions, &second).expect("open").principal(), other);
        }
    }

    #[test]
    fn oldest_session_ends_beyond_the_limit() {
        let sessions = Sessions::new(HOUR);
        let user = |number: usize| Principal::signed_in(&format!("user-{number}"), []);
        let ids: Vec<String> = (0..=MAX_SESSIONS).map(|number| open(&sessions, user(number), None)).collect();
        assert_eq!(sessions.count(), MAX_SESSIONS);
        assert!(find(&sessions, &ids[0]).is_none() && find(&sessions, &ids[1]).is_some());
        assert!(find(&sessions, &ids[MAX_SESSIONS]).is_some());
    }

    #[test]
    fn user_with_many_sessions_ends_the_users_own_oldest_one() {
        let sessions = Sessions::new(HOUR);
        let of_bob = open(&sessions, Principal::signed_in("bob", []), None);
        let ids: Vec<String> = (0..=MAX_SESSIONS_OF_USER).map(|_| open(&sessions, ann(), None)).collect();
        assert_eq!(sessions.count(), MAX_SESSIONS_OF_USER + 1);
        assert!(find(&sessions, &of_bob).is_some());
        assert!(find(&sessions, &ids[0]).is_none() && find(&sessions, &ids[1]).is_some());
    }

    #[test]
    fn long_id_token_is_not_kept() {
        let sessions = Sessions::new(HOUR);
        let id = sessions.open(ann(), "x".repeat(MAX_ID_TOKEN_BYTES + 1), iter::empty());
        assert!(sessions.end(iter::once(id.as_str())).is_some_and(|ended| ended.id_token.is_none()));
    }
}
