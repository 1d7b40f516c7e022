//! Sessions by their id, for 60 s after their socket was lost.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use protocol::SESSION_LINGER_SECS;
use tokio_util::sync::CancellationToken;

use super::ledger::Ledger;

#[derive(Default)]
pub struct Sessions {
    by_id: Mutex<HashMap<String, Entry>>,
}

struct Entry {
    ledger: Arc<Ledger>,
    socket: Socket,
}

enum Socket {
    /// Cancelling the token closes it: another socket took its session.
    Attached(CancellationToken),
    LostAt(Instant),
}

/// A session that a socket holds.
pub struct Held {
    pub id: String,
    pub ledger: Arc<Ledger>,
    pub resumed: bool,
    /// Cancelled when another socket takes the session over.
    pub superseded: CancellationToken,
}

impl Sessions {
    /// The session that `resume` names if it is still there, else a new one.
    pub fn open(&self, resume: Option<&str>) -> Held {
        let mut by_id = self.lock();
        by_id.retain(|_, entry| !entry.is_over());
        let superseded = CancellationToken::new();
        if let Some(id) = resume
            && let Some(entry) = by_id.get_mut(id)
        {
            if let Socket::Attached(old) = &entry.socket {
                old.cancel();
            }
            entry.socket = Socket::Attached(superseded.clone());
            return Held { id: id.to_owned(), ledger: Arc::clone(&entry.ledger), resumed: true, superseded };
        }
        let id = uuid::Uuid::new_v4().simple().to_string();
        let ledger = Arc::new(Ledger::default());
        let entry = Entry { ledger: Arc::clone(&ledger), socket: Socket::Attached(superseded.clone()) };
        by_id.insert(id.clone(), entry);
        Held { id, ledger, resumed: false, superseded }
    }

    /// The socket is gone; its client may come back for a while.
    pub fn release(&self, held: &Held) {
        if held.superseded.is_cancelled() {
            return;
        }
        if let Some(entry) = self.lock().get_mut(&held.id) {
            entry.socket = Socket::LostAt(Instant::now());
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        // Each change is a single insert or assignment: a panic elsewhere leaves the map whole.
        self.by_id.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn is_over(&self) -> bool {
        match self.socket {
            Socket::Attached(_) => false,
            Socket::LostAt(at) => at.elapsed() >= Duration::from_secs(SESSION_LINGER_SECS),
        }
    }
}
