//! File descriptors: how many this process may open, how they are divided, and a few kept in reserve so that `/healthz`
//! answers when all others are in use.

use std::fs::File;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use crate::feeds::{DESCRIPTORS_PER_READER, MAX_READERS};
use crate::websocket::SocketLimits;

/// A higher limit would not be used.
const WANTED: u64 = 1 << 20;

/// For the runtime, the log, the listener, and the librdkafka clients that always exist.
const BASE: usize = 64;

/// For connections that have not become WebSockets.
const CONNECTIONS: usize = 256;

/// Descriptors kept in reserve.
const RESERVE: usize = 8;

/// As many readers as a few pages need. If the limit is too low even for these, the reserve still serves `/healthz`.
const FEWEST_READERS: usize = 8;

/// How many descriptors each kind of use may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    pub sockets: SocketLimits,
    /// Connections that have not become WebSockets.
    pub connections: usize,
    pub reserve: usize,
    /// Kafka readers that may run at once.
    pub readers: usize,
}

impl Budget {
    /// Raises the limit of open files as far as the hard limit allows, and warns if it is too low for what was
    /// requested.
    pub fn prepare(requested: SocketLimits, clusters: usize) -> Self {
        let Some(limit) = raise_limit() else { return Self::within(usize::MAX, requested, clusters) };
        let budget = Self::within(limit, requested, clusters);
        if budget.sockets != requested {
            tracing::warn!(
                limit,
                sockets = budget.sockets.total,
                requested = requested.total,
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

    /// Reserves a third for Kafka clients. Sockets and connections share the rest, as requested if it is enough.
    fn within(limit: usize, requested: SocketLimits, clusters: usize) -> Self {
        let base = BASE.saturating_mul(clusters).min(limit / 4);
        let reserve = RESERVE.min(limit / 16);
        let readers = (limit / 3 / DESCRIPTORS_PER_READER).clamp(FEWEST_READERS, MAX_READERS);
        let available = limit - base - reserve - limit / 3;
        let needed = requested.total.saturating_add(requested.before_hello).saturating_add(CONNECTIONS);
        if needed <= available {
            return Self { sockets: requested, connections: CONNECTIONS, reserve, readers };
        }
        let connections = CONNECTIONS.min(available / 4).max(1);
        let before_hello = requested.before_hello.min(available / 8).max(1);
        let total = requested.total.min(available.saturating_sub(connections + before_hello)).max(1);
        Self { sockets: SocketLimits { total, before_hello, ..requested }, connections, reserve, readers }
    }
}

#[cfg(unix)]
fn raise_limit() -> Option<usize> {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let (soft, hard) = match getrlimit(Resource::RLIMIT_NOFILE) {
        Ok(limits) => limits,
        Err(error) => {
            tracing::debug!(%error, "cannot read the limit of open files");
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
                tracing::warn!(%error, soft, hard, "cannot raise the limit of open files");
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

/// Files that are open for nothing. Closing one frees a descriptor for a connection when no other is free.
pub struct Reserve {
    size: usize,
    files: Mutex<Vec<File>>,
}

/// Held by a connection that uses a descriptor of the reserve, and dropped after its socket is closed.
pub struct BorrowedDescriptor(Arc<Reserve>);

impl Reserve {
    pub fn new(size: usize) -> Arc<Self> {
        let reserve = Arc::new(Self { size, files: Mutex::default() });
        reserve.refill();
        reserve
    }

    /// Closes a file of the reserve, so that the next connection can be accepted.
    pub fn borrow_one(self: &Arc<Self>) -> Option<BorrowedDescriptor> {
        let closed = self.files.lock().unwrap_or_else(PoisonError::into_inner).pop();
        closed.map(|_| BorrowedDescriptor(Arc::clone(self)))
    }

    /// Opens as many files as are missing.
    fn refill(&self) {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        while files.len() < self.size {
            match File::open("/dev/null") {
                Ok(file) => files.push(file),
                // No descriptor is free; the next connection that ends tries again.
                Err(_) => return,
            }
        }
    }
}

impl Drop for BorrowedDescriptor {
    fn drop(&mut self) {
        self.0.refill();
    }
}

/// Whether the error means that no descriptor is free, in this process or on the whole machine.
pub fn is_exhausted(error: &io::Error) -> bool {
    /// These numbers are the same on every Unix.
    const ENFILE: i32 = 23;
    const EMFILE: i32 = 24;
    matches!(error.raw_os_error(), Some(ENFILE | EMFILE))
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUESTED: SocketLimits = SocketLimits { total: 256, per_address: 32, before_hello: 64 };

    #[test]
    fn usual_limit_has_room_for_the_defaults() {
        for (limit, readers) in [(1024, 37), (2048, 64), (20_000, 64), (usize::MAX, 64)] {
            assert_eq!(
                Budget::within(limit, REQUESTED, 1),
                Budget { sockets: REQUESTED, connections: 256, reserve: 8, readers },
                "{limit}"
            );
        }
    }

    #[test]
    fn low_limit_is_never_exceeded_and_leaves_a_third_to_kafka() {
        for limit in 32..1024 {
            let Budget { sockets, connections, reserve, readers } = Budget::within(limit, REQUESTED, 1);
            let taken = sockets.total + sockets.before_hello + connections + reserve + BASE.min(limit / 4);
            assert!(taken <= limit - limit / 3, "{taken} of {limit}");
            assert!(readers == FEWEST_READERS || readers * DESCRIPTORS_PER_READER <= limit / 3, "{readers} of {limit}");
            assert!(sockets.total > 0 && sockets.before_hello > 0 && connections > 0, "{limit}");
        }
        assert_eq!(Budget::within(0, REQUESTED, 1).sockets.total, 1);
    }

    #[test]
    fn sockets_are_capped_by_descriptors() {
        let many = SocketLimits { total: 5000, ..REQUESTED };
        assert!(Budget::within(4096, many, 1).sockets.total < 4096);
        assert_eq!(Budget::within(20_000, many, 1).sockets.total, 5000);
        // The clients of further clusters leave less for sockets, but never less than half of it.
        let [one, ten] = [1, 10].map(|clusters| Budget::within(1024, many, clusters).sockets.total);
        assert!(one / 2 < ten && ten < one, "{one} {ten}");
    }

    #[test]
    fn borrowed_descriptor_returns_to_the_reserve() {
        let reserve = Reserve::new(2);
        let (one, two) = (reserve.borrow_one(), reserve.borrow_one());
        assert!(one.is_some() && two.is_some() && reserve.borrow_one().is_none());
        drop(one);
        assert!(reserve.borrow_one().is_some());
    }
}
