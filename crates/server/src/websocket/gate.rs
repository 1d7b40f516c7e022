//! How much of what blocks a thread goes on at once: each question waits in librdkafka until Kafka answers, for seconds where
//! Kafka is silent. Whoever asks more than its share waits, and others notice nothing.
//!
//! A request holds one of its socket's places from before it asks until its answer is in the outbox, and one of the bridge's
//! places while a thread is blocked. The second is first come, first served: since a socket has few places of its own, it has
//! few requests in that queue, and the sockets take turns.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use protocol::{ErrorBody, ErrorCode};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Threads that may be blocked at once in the whole bridge. tokio has 512, and needs some for other work.
const THREADS: usize = 64;

/// Those of them that answer requests.
const REQUESTS: usize = 42;

/// Among them, reading ranges: each has a consumer with threads and sockets of its own, and may take long.
const FETCHES: usize = 8;

/// Starting subscriptions has places of its own, so that it never waits behind questions that nobody answers.
const SUBSCRIBES: usize = 16;

/// Starting the producer: all sessions wait for the same one.
const PRODUCER_STARTS: usize = 1;

/// Asking for the open transactions behind which sent records wait: one session after the other.
const TRANSACTION_QUESTIONS: usize = 1;

const _: () = assert!(
    REQUESTS + SUBSCRIBES + PRODUCER_STARTS + TRANSACTION_QUESTIONS + crate::views::ASKING == THREADS,
    "the places of each kind add up to the number of threads"
);

/// Requests of one socket that are being answered at once.
const OF_A_SOCKET: usize = 8;

/// Requests of one socket that wait for their turn; one more is refused.
const WAITING_OF_A_SOCKET: usize = 64;

/// What a client that was refused waits before it asks again.
const RETRY_AFTER_MS: u64 = 1000;

/// The places of the whole bridge.
pub struct Gate {
    requests: Arc<Semaphore>,
    fetches: Arc<Semaphore>,
    subscribes: Arc<Semaphore>,
    producer_starts: Arc<Semaphore>,
    transaction_questions: Arc<Semaphore>,
}

/// The places of one socket.
#[derive(Clone)]
pub struct SocketGate {
    bridge: Arc<Gate>,
    places: Arc<Semaphore>,
    /// Requests that were taken and are not answered yet.
    open: Arc<AtomicUsize>,
}

/// What a request asks of Kafka.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// A question or a change.
    Ask,
    /// Reading a range of records.
    Fetch,
}

/// A request that was taken. It counts until this is dropped.
pub struct Taken {
    gate: SocketGate,
}

/// The right to block a thread; it goes with the work, which outlives a lost socket.
pub struct Permit {
    _places: [Option<OwnedSemaphorePermit>; 2],
}

impl Gate {
    pub fn new() -> Arc<Self> {
        let semaphore = |places| Arc::new(Semaphore::new(places));
        let (requests, fetches) = (semaphore(REQUESTS), semaphore(FETCHES));
        Arc::new(Self {
            requests,
            fetches,
            subscribes: semaphore(SUBSCRIBES),
            producer_starts: semaphore(PRODUCER_STARTS),
            transaction_questions: semaphore(TRANSACTION_QUESTIONS),
        })
    }

    pub fn of_socket(self: &Arc<Self>) -> SocketGate {
        let places = Arc::new(Semaphore::new(OF_A_SOCKET));
        SocketGate { bridge: Arc::clone(self), places, open: Arc::default() }
    }

    /// Waits until one more subscription may be started.
    pub async fn subscribe(&self) -> Permit {
        Permit { _places: [place(&self.subscribes).await, None] }
    }

    /// Waits until the producer may be started. Somebody else may have started it by then.
    pub async fn start_producer(&self) -> Permit {
        Permit { _places: [place(&self.producer_starts).await, None] }
    }

    /// Waits until Kafka may be asked for open transactions.
    pub async fn ask_for_transactions(&self) -> Permit {
        Permit { _places: [place(&self.transaction_questions).await, None] }
    }
}

impl SocketGate {
    /// Takes a request, unless too many wait already.
    pub fn take(&self) -> Result<Taken, ErrorBody> {
        const MOST: usize = OF_A_SOCKET + WAITING_OF_A_SOCKET;
        let one_more = |open: usize| (open < MOST).then_some(open + 1);
        if self.open.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more).is_err() {
            let message = format!(
                "{MOST} requests of this socket wait for Kafka, {OF_A_SOCKET} of them are being answered; wait for their \
                 answers before you ask for more"
            );
            let error = ErrorBody::new(ErrorCode::TooManyRequests, message);
            return Err(ErrorBody { retry_after_ms: Some(RETRY_AFTER_MS), ..error });
        }
        Ok(Taken { gate: self.clone() })
    }
}

impl Taken {
    /// Waits for the request's turn on its socket; until what this resolves to is dropped, others of the socket wait.
    pub async fn turn(&self) -> Option<OwnedSemaphorePermit> {
        place(&self.gate.places).await
    }

    /// Waits until one more thread may be blocked. Call it within the request's turn, and take the permit to the thread.
    pub async fn permit(&self, work: Work) -> Permit {
        let bridge = &self.gate.bridge;
        let fetch = match work {
            // First the rarer one: who waits for it holds up no other kind of request.
            Work::Fetch => place(&bridge.fetches).await,
            Work::Ask => None,
        };
        Permit { _places: [fetch, place(&bridge.requests).await] }
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.gate.open.fetch_sub(1, Ordering::AcqRel);
    }
}

/// None only where the semaphore is closed, which none of ours ever is.
async fn place(semaphore: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
    Arc::clone(semaphore).acquire_owned().await.ok()
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    /// What is there without waiting.
    fn now<T>(future: impl Future<Output = T>) -> Option<T> {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        }
    }

    #[test]
    fn a_socket_that_asks_without_end_leaves_places_to_others() {
        let bridge = Gate::new();
        let greedy = bridge.of_socket();
        let taken: Vec<Taken> = std::iter::from_fn(|| greedy.take().ok()).collect();
        assert_eq!(taken.len(), OF_A_SOCKET + WAITING_OF_A_SOCKET);
        let turns: Vec<_> =
            taken.iter().filter_map(|taken| Some((now(taken.turn())?, now(taken.permit(Work::Ask))?))).collect();
        assert_eq!(turns.len(), OF_A_SOCKET);
        let modest = bridge.of_socket().take().expect("another socket's first request");
        assert!(now(modest.turn()).is_some() && now(modest.permit(Work::Ask)).is_some());
        drop((turns, taken));
        assert!(greedy.take().is_ok(), "the places are free again");
    }

    #[test]
    fn fetches_and_questions_that_nobody_answers_hold_up_no_subscription() {
        let bridge = Gate::new();
        let sockets: Vec<_> = (0..20).map(|_| bridge.of_socket()).collect();
        let taken: Vec<Taken> = sockets.iter().flat_map(|socket| (0..8).filter_map(|_| socket.take().ok())).collect();
        let fetches: Vec<_> = taken.iter().filter_map(|taken| now(taken.permit(Work::Fetch))).collect();
        assert_eq!(fetches.len(), FETCHES);
        let questions: Vec<_> = taken.iter().filter_map(|taken| now(taken.permit(Work::Ask))).collect();
        assert_eq!(questions.len(), REQUESTS - FETCHES);
        assert!(now(bridge.subscribe()).is_some());
        let (start, look) = (now(bridge.start_producer()), now(bridge.ask_for_transactions()));
        assert!(start.is_some() && look.is_some());
        assert!(
            now(bridge.start_producer()).is_none() && now(bridge.ask_for_transactions()).is_none(),
            "one at a time"
        );
    }
}
