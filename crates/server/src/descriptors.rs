//! File descriptors: how many this process may have open, who gets how many of them, and a few that are kept back so that
//! `/healthz` is answered when all the others are in use.

use std::fs::File;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use crate::feeds::{DESCRIPTORS_OF_A_READER, MAX_READERS};
use crate::websocket::SocketLimits;

/// Beyond that a higher limit is of no use to anybody.
const WANTED: u64 = 1 << 20;

/// The runtime, the log, the listener, librdkafka's clients that are always there.
const BASE: usize = 64;

/// Connections that have not become WebSockets.
const CONNECTIONS: usize = 256;

/// Kept back.
const RESERVE: usize = 8;

/// As many readers as a few pages need. Where the limit is too low even for these, `/healthz` still has the reserve.
const FEWEST_READERS: usize = 8;

/// Who may have how many descriptors open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    pub sockets: SocketLimits,
    /// Connections that have not become WebSockets.
    pub connections: usize,
    pub reserve: usize,
    /// Readers of Kafka that may run at once.
    pub readers: usize,
}

impl Budget {
    /// Raises the limit of open files as far as this user may, and says in the log where it is too low for what was asked for.
    pub fn prepare(asked: SocketLimits) -> Self {
        let Some(limit) = raise_limit() else { return Self::within(usize::MAX, asked) };
        let budget = Self::within(limit, asked);
        if budget.sockets != asked {
            tracing::warn!(
                limit,
                sockets = budget.sockets.total,
                asked = asked.total,
                "the limit of open files allows fewer sockets than --max-sockets; raise it (ulimit -n, LimitNOFILE)"
            );
        }
        if budget.readers < MAX_READERS {
            tracing::warn!(
                limit,
                consumers = budget.readers,
                "the limit of open files allows fewer consumers than the usual {MAX_READERS}; raise it (ulimit -n, LimitNOFILE)"
            );
        }
        budget
    }

    /// A third is left to Kafka's clients. What remains is shared by sockets and connections, as was asked for if there is
    /// enough.
    fn within(limit: usize, asked: SocketLimits) -> Self {
        let base = BASE.min(limit / 4);
        let reserve = RESERVE.min(limit / 16);
        let readers = (limit / 3 / DESCRIPTORS_OF_A_READER).clamp(FEWEST_READERS, MAX_READERS);
        let available = limit - base - reserve - limit / 3;
        let needed = asked.total.saturating_add(asked.before_hello).saturating_add(CONNECTIONS);
        if needed <= available {
            return Self { sockets: asked, connections: CONNECTIONS, reserve, readers };
        }
        let connections = CONNECTIONS.min(available / 4).max(1);
        let before_hello = asked.before_hello.min(available / 8).max(1);
        let total = asked.total.min(available.saturating_sub(connections + before_hello)).max(1);
        Self { sockets: SocketLimits { total, before_hello, ..asked }, connections, reserve, readers }
    }
}

#[cfg(unix)]
fn raise_limit() -> Option<usize> {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let (soft, hard) = match getrlimit(Resource::RLIMIT_NOFILE) {
        Ok(limits) => limits,
        Err(error) => {
            tracing::debug!(%error, "the limit of open files cannot be read");
            return None;
        }
    };
    let wanted = hard.min(WANTED);
    let raised = if soft >= wanted {
        soft
    } else {
        match setrlimit(Resource::RLIMIT_NOFILE, wanted, hard) {
            Ok(()) => wanted,
            Err(error) => {
                tracing::warn!(%error, soft, hard, "the limit of open files cannot be raised");
                soft
            }
        }
    };
    Some(usize::try_from(raised).unwrap_or(usize::MAX))
}

#[cfg(not(unix))]
fn raise_limit() -> Option<usize> {
    None
}

/// Descriptors that are open for nothing, so that one can be given to a connection when no other is free.
pub struct Reserve {
    size: usize,
    kept: Mutex<Vec<File>>,
}

/// The connection that uses a kept descriptor holds this, and drops it after its socket.
pub struct Lent(Arc<Reserve>);

impl Reserve {
    pub fn new(size: usize) -> Arc<Self> {
        let reserve = Arc::new(Self { size, kept: Mutex::default() });
        reserve.refill();
        reserve
    }

    /// Closes a kept descriptor, so that the next connection can be accepted.
    pub fn lend(self: &Arc<Self>) -> Option<Lent> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).pop().map(|_closed| Lent(Arc::clone(self)))
    }

    /// Takes as many as are missing, if there are any.
    fn refill(&self) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        while kept.len() < self.size {
            match File::open("/dev/null") {
                Ok(file) => kept.push(file),
                // Somebody else was quicker; the next connection that ends tries again.
                Err(_) => return,
            }
        }
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.0.refill();
    }
}

/// Whether this is how the kernel says that no descriptor is free, in this process or in the whole machine.
pub fn is_exhausted(error: &io::Error) -> bool {
    /// The same numbers on every Unix.
    const ENFILE: i32 = 23;
    const EMFILE: i32 = 24;
    matches!(error.raw_os_error(), Some(ENFILE | EMFILE))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASKED: SocketLimits = SocketLimits { total: 256, per_address: 32, before_hello: 64 };

    #[test]
    fn a_usual_limit_has_room_for_the_defaults() {
        for (limit, readers) in [(1024, 37), (2048, 64), (20_000, 64), (usize::MAX, 64)] {
            assert_eq!(
                Budget::within(limit, ASKED),
                Budget { sockets: ASKED, connections: 256, reserve: 8, readers },
                "{limit}"
            );
        }
    }

    #[test]
    fn a_low_limit_is_never_exceeded_and_leaves_a_third_to_kafka() {
        for limit in 32..1024 {
            let Budget { sockets, connections, reserve, readers } = Budget::within(limit, ASKED);
            let taken = sockets.total + sockets.before_hello + connections + reserve + BASE.min(limit / 4);
            assert!(taken <= limit - limit / 3, "{taken} of {limit}");
            assert!(
                readers == FEWEST_READERS || readers * DESCRIPTORS_OF_A_READER <= limit / 3,
                "{readers} of {limit}"
            );
            assert!(sockets.total > 0 && sockets.before_hello > 0 && connections > 0, "{limit}");
        }
        assert_eq!(Budget::within(0, ASKED).sockets.total, 1);
    }

    #[test]
    fn more_sockets_than_descriptors_are_not_promised() {
        let many = SocketLimits { total: 5000, ..ASKED };
        assert!(Budget::within(4096, many).sockets.total < 4096);
        assert_eq!(Budget::within(20_000, many).sockets.total, 5000);
    }

    #[test]
    fn a_lent_descriptor_is_taken_back() {
        let reserve = Reserve::new(2);
        let (one, two) = (reserve.lend(), reserve.lend());
        assert!(one.is_some() && two.is_some() && reserve.lend().is_none());
        drop(one);
        assert!(reserve.lend().is_some());
    }
}
