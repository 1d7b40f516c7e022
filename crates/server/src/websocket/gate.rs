//! Limits how many threads are blocked by calls to Kafka and to schema registries at once: each call waits in librdkafka until Kafka answers,
//! for seconds if Kafka does not respond. A socket that sends more requests than its share waits; other sockets are not
//! delayed.
//!
//! A request holds a permit of its socket from before the call until its answer is in the outbox, and a permit of the
//! bridge while a thread is blocked. The bridge's permits are given out in the order of arrival. Since a socket has few
//! permits of its own, it has few requests in that queue, so the sockets take turns.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use protocol::{ErrorBody, ErrorCode, limits};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Threads that may be blocked at once in the whole bridge. tokio allows 512, and needs some for other work.
const THREADS: usize = 64;

/// The share of requests.
const REQUESTS: usize = 42;

/// Of the requests, those that fetch ranges of records: each has its own consumer with threads and sockets, and may
/// take long.
const FETCHES: usize = 8;

/// Of the requests, those to schema registries. A registry that does not answer must not delay requests to Kafka.
const REGISTRY: usize = 8;

/// The share of subscribing, which therefore never waits behind requests that Kafka does not answer.
const SUBSCRIBES: usize = 16;

/// All sessions of a cluster wait for the same producer.
const PRODUCER_STARTS: usize = 1;

/// Listing the open transactions behind which produced records wait: one session at a time.
const TRANSACTION_QUERIES: usize = 1;

const _: () = assert!(
    REQUESTS + SUBSCRIBES + PRODUCER_STARTS + TRANSACTION_QUERIES + crate::views::CONCURRENT_QUERIES == THREADS,
    "the shares must add up to the number of threads"
);

/// Requests of one socket that are processed at once.
const RUNNING_PER_SOCKET: usize = limits::RUNNING_REQUESTS;

/// Requests of one socket that may wait for a permit; further ones are refused.
const WAITING_PER_SOCKET: usize = limits::WAITING_REQUESTS;

/// How long a refused client should wait before it tries again.
const RETRY_AFTER_MS: u64 = 1000;

/// The permits of the whole bridge.
pub struct Gate {
    requests: Arc<Semaphore>,
    fetches: Arc<Semaphore>,
    registry: Arc<Semaphore>,
    subscribes: Arc<Semaphore>,
    producer_starts: Arc<Semaphore>,
    transaction_queries: Arc<Semaphore>,
}

/// The permits of one socket.
#[derive(Clone)]
pub struct SocketGate {
    bridge: Arc<Gate>,
    permits: Arc<Semaphore>,
    /// Requests that were admitted and not answered yet.
    open: Arc<AtomicUsize>,
}

/// What a request does in Kafka.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// A query or a change.
    Query,
    /// Fetching a range of records.
    Fetch,
    /// A request to the schema registry, which may be slow when Kafka is not.
    Registry,
}

/// A request that was admitted. It counts until this is dropped.
pub struct AdmittedRequest {
    gate: SocketGate,
}

/// Permission to block a thread. The blocking task holds it, since that task outlives a lost socket.
pub struct Permit {
    _permits: [Option<OwnedSemaphorePermit>; 2],
}

impl Gate {
    pub fn new() -> Arc<Self> {
        let semaphore = |permits| Arc::new(Semaphore::new(permits));
        let (requests, fetches) = (semaphore(REQUESTS), semaphore(FETCHES));
        Arc::new(Self {
            requests,
            fetches,
            registry: semaphore(REGISTRY),
            subscribes: semaphore(SUBSCRIBES),
            producer_starts: semaphore(PRODUCER_STARTS),
            transaction_queries: semaphore(TRANSACTION_QUERIES),
        })
    }

    pub fn of_socket(self: &Arc<Self>) -> SocketGate {
        let permits = Arc::new(Semaphore::new(RUNNING_PER_SOCKET));
        SocketGate { bridge: Arc::clone(self), permits, open: Arc::default() }
    }

    /// Waits until one more subscription may start.
    pub async fn subscribe(&self) -> Permit {
        Permit { _permits: [acquire(&self.subscribes).await, None] }
    }

    /// Waits until this session may start the producer. Another session may have started it by then.
    pub async fn start_producer(&self) -> Permit {
        Permit { _permits: [acquire(&self.producer_starts).await, None] }
    }

    /// Waits until this session may list open transactions.
    pub async fn query_transactions(&self) -> Permit {
        Permit { _permits: [acquire(&self.transaction_queries).await, None] }
    }
}

impl SocketGate {
    /// Admits a request, unless too many wait already.
    pub fn admit(&self) -> Result<AdmittedRequest, ErrorBody> {
        const MOST: usize = RUNNING_PER_SOCKET + WAITING_PER_SOCKET;
        let one_more = |open: usize| (open < MOST).then_some(open + 1);
        if self.open.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more).is_err() {
            let message = format!(
                "{MOST} requests of this socket are open, {RUNNING_PER_SOCKET} of them wait for Kafka; wait for their \
                 answers before you send more"
            );
            let error = ErrorBody::new(ErrorCode::TooManyRequests, message);
            return Err(ErrorBody { retry_after_ms: Some(RETRY_AFTER_MS), ..error });
        }
        Ok(AdmittedRequest { gate: self.clone() })
    }
}

impl AdmittedRequest {
    /// Waits for a permit of the socket. Other requests of the socket wait until it is dropped.
    pub async fn socket_permit(&self) -> Option<OwnedSemaphorePermit> {
        acquire(&self.gate.permits).await
    }

    /// Waits until one more thread may be blocked. Call it with the socket's permit held, and move this permit to the
    /// thread.
    pub async fn thread_permit(&self, work: Work) -> Permit {
        let bridge = &self.gate.bridge;
        let scarce = match work {
            // The scarcer permit comes first: waiting for it then holds up no other kind of request.
            Work::Fetch => acquire(&bridge.fetches).await,
            Work::Registry => acquire(&bridge.registry).await,
            Work::Query => None,
        };
        Permit { _permits: [scarce, acquire(&bridge.requests).await] }
    }
}

impl Drop for AdmittedRequest {
    fn drop(&mut self) {
        self.gate.open.fetch_sub(1, Ordering::AcqRel);
    }
}

/// `None` only if the semaphore is closed, which never happens here.
async fn acquire(semaphore: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
    Arc::clone(semaphore).acquire_owned().await.ok()
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    /// The output if the future is ready without waiting.
    fn now<T>(future: impl Future<Output = T>) -> Option<T> {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        }
    }

    #[test]
    fn socket_with_many_requests_leaves_permits_to_others() {
        let bridge = Gate::new();
        let greedy = bridge.of_socket();
        let admitted: Vec<AdmittedRequest> = std::iter::from_fn(|| greedy.admit().ok()).collect();
        assert_eq!(admitted.len(), RUNNING_PER_SOCKET + WAITING_PER_SOCKET);
        let running: Vec<_> = admitted
            .iter()
            .filter_map(|request| Some((now(request.socket_permit())?, now(request.thread_permit(Work::Query))?)))
            .collect();
        assert_eq!(running.len(), RUNNING_PER_SOCKET);
        let modest = bridge.of_socket().admit().expect("another socket's first request");
        assert!(now(modest.socket_permit()).is_some() && now(modest.thread_permit(Work::Query)).is_some());
        drop((running, admitted));
        assert!(greedy.admit().is_ok(), "the permits are free again");
    }

    #[test]
    fn blocked_requests_do_not_delay_subscribing() {
        let bridge = Gate::new();
        let sockets: Vec<_> = (0..20).map(|_| bridge.of_socket()).collect();
        let admitted: Vec<AdmittedRequest> =
            sockets.iter().flat_map(|socket| (0..8).filter_map(|_| socket.admit().ok())).collect();
        let fetches: Vec<_> = admitted.iter().filter_map(|request| now(request.thread_permit(Work::Fetch))).collect();
        assert_eq!(fetches.len(), FETCHES);
        let queries: Vec<_> = admitted.iter().filter_map(|request| now(request.thread_permit(Work::Query))).collect();
        assert_eq!(queries.len(), REQUESTS - FETCHES);
        assert!(now(bridge.subscribe()).is_some());
        let (start, query) = (now(bridge.start_producer()), now(bridge.query_transactions()));
        assert!(start.is_some() && query.is_some());
        assert!(now(bridge.start_producer()).is_none() && now(bridge.query_transactions()).is_none(), "one at a time");
    }
}
