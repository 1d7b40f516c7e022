//! Pools of consumers that read for a short time, because a new consumer has to start five threads and connect to the brokers.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::consumer::BaseConsumer;
use rdkafka::error::KafkaResult;

use crate::client_config::Connection;
use crate::metadata_client::QuietContext;
use crate::oauth::SignedIn;

/// A consumer that reads ranges.
pub type RangeConsumer = SignedIn<BaseConsumer<QuietContext>>;

/// The largest number of idle consumers.
const MAX_IDLE: usize = 4;

/// A consumer that is idle for this long is closed.
const MAX_IDLE_TIME: Duration = Duration::from_secs(10);

/// The pool does not limit how many consumers are in use; the callers do (`websocket/gate.rs` of the server).
///
/// `C`: what it keeps, a consumer with what belongs to it.
pub struct Pool<C = RangeConsumer> {
    connection: Connection,
    create: fn(&Connection) -> KafkaResult<C>,
    idle: Arc<Idle<C>>,
}

struct Idle<C> {
    consumers: Mutex<Consumers<C>>,
    changed: Condvar,
}

struct Consumers<C> {
    /// Each with the time at which it became idle, the oldest first.
    idle: Vec<(Instant, C)>,
    /// Whether the thread that closes idle consumers runs.
    is_watched: bool,
    closed: bool,
}

impl Pool {
    /// A pool of consumers that read ranges.
    pub fn new(connection: Connection) -> Self {
        Self::of(connection, new_consumer)
    }
}

impl<C: Send + 'static> Pool<C> {
    pub fn of(connection: Connection, create: fn(&Connection) -> KafkaResult<C>) -> Self {
        let consumers = Consumers { idle: Vec::new(), is_watched: false, closed: false };
        let idle = Arc::new(Idle { consumers: Mutex::new(consumers), changed: Condvar::new() });
        Self { connection, create, idle }
    }

    /// A consumer without an assignment.
    ///
    /// # Errors
    /// If librdkafka cannot create a consumer.
    pub fn take(&self) -> KafkaResult<C> {
        // The one that was used last is most likely still connected.
        if let Some((_, consumer)) = self.idle.lock().idle.pop() {
            return Ok(consumer);
        }
        (self.create)(&self.connection)
    }

    /// Returns a consumer without an assignment to the pool. Drop a consumer that failed instead.
    pub fn give_back(&self, consumer: C) {
        let mut consumers = self.idle.lock();
        if consumers.closed || consumers.idle.len() >= MAX_IDLE {
            drop(consumers);
            // Closing waits for librdkafka's threads, so the lock is released first.
            drop(consumer);
            return;
        }
        consumers.idle.push((Instant::now(), consumer));
        if !consumers.is_watched {
            let idle = Arc::clone(&self.idle);
            let started =
                std::thread::Builder::new().name("kafka-ranges".to_owned()).spawn(move || idle.close_in_time());
            match started {
                Ok(_) => consumers.is_watched = true,
                Err(error) => {
                    tracing::warn!(%error, "cannot start the thread that closes idle consumers; they are closed now");
                    let unwatched = std::mem::take(&mut consumers.idle);
                    drop(consumers);
                    drop(unwatched);
                }
            }
        }
    }
}

/// # Errors
/// If librdkafka cannot create a consumer.
pub fn new_consumer(connection: &Connection) -> KafkaResult<RangeConsumer> {
    connection.consumer(&connection.range_config(), QuietContext(connection.hooks()))
}

impl<C> Drop for Pool<C> {
    fn drop(&mut self) {
        let mut consumers = self.idle.lock();
        consumers.closed = true;
        let idle = std::mem::take(&mut consumers.idle);
        drop(consumers);
        self.idle.changed.notify_one();
        drop(idle);
    }
}

impl<C> Idle<C> {
    fn lock(&self) -> MutexGuard<'_, Consumers<C>> {
        // Each change is a single step, so the state is valid after a panic elsewhere.
        self.consumers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs until no consumer is idle.
    fn close_in_time(&self) {
        let mut consumers = self.lock();
        while let Some((since, _)) = consumers.idle.first() {
            let left = MAX_IDLE_TIME.saturating_sub(since.elapsed());
            if left.is_zero() {
                let old = consumers.idle.remove(0);
                drop(consumers);
                drop(old);
                consumers = self.lock();
            } else {
                consumers = self.changed.wait_timeout(consumers, left).unwrap_or_else(PoisonError::into_inner).0;
            }
        }
        consumers.is_watched = false;
    }
}
