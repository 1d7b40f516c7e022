//! Sessions by their id, for 60 s after their socket was lost.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use protocol::{Resume, SESSION_LINGER_SECS};
use tokio_util::sync::CancellationToken;

use super::ledger::Ledger;

#[derive(Default)]
pub struct Sessions {
    by_id: Mutex<HashMap<String, Entry>>,
}

struct Entry {
    ledger: Arc<Ledger>,
    socket: Socket,
    /// The highest that its client named when it came back.
    last_attempt: u64,
}

enum Socket {
    Attached {
        /// Cancelling it closes the socket: another one took its session.
        superseded: CancellationToken,
        /// Cancelled when it has let go of the session.
        released: CancellationToken,
    },
    LostAt(Instant),
}

/// A session that a socket holds.
pub struct Held {
    pub id: String,
    pub ledger: Arc<Ledger>,
    pub resumed: bool,
    /// Cancelled when another socket takes the session over.
    pub superseded: CancellationToken,
    released: CancellationToken,
    /// The socket that it was taken from, until that has let go.
    predecessor: Option<CancellationToken>,
}

impl Held {
    /// Waits until the socket that held the session before tells no outcomes and reads no feed any more: what it took
    /// after its client asked again here would be lost with it.
    pub async fn predecessor_is_gone(&self) {
        if let Some(predecessor) = &self.predecessor {
            predecessor.cancelled().await;
        }
    }
}

/// The client has come back with another socket since.
#[derive(Debug, PartialEq, Eq)]
pub struct Late;

impl Sessions {
    /// The session that `resume` names if it is still there, else a new one.
    ///
    /// # Errors
    /// When this is the `hello` of a socket that its client has given up.
    pub fn open(&self, resume: Option<&Resume>) -> Result<Held, Late> {
        let mut by_id = self.lock();
        by_id.retain(|_, entry| !entry.is_over());
        let (superseded, released) = (CancellationToken::new(), CancellationToken::new());
        let attached = Socket::Attached { superseded: superseded.clone(), released: released.clone() };
        if let Some(Resume { session: id, attempt }) = resume
            && let Some(entry) = by_id.get_mut(id)
        {
            if attempt.is_some_and(|attempt| attempt < entry.last_attempt) {
                return Err(Late);
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
        let ledger = Arc::new(Ledger::default());
        by_id.insert(id.clone(), Entry { ledger: Arc::clone(&ledger), socket: attached, last_attempt: 0 });
        Ok(Held { id, ledger, resumed: false, superseded, released, predecessor: None })
    }

    /// The socket is gone; its client may come back for a while.
    pub fn release(&self, held: &Held) {
        held.released.cancel();
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
            Socket::Attached { .. } => false,
            Socket::LostAt(at) => at.elapsed() >= Duration::from_secs(SESSION_LINGER_SECS),
        }
    }
}
