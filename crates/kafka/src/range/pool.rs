//! Consumers for reading ranges, used again: a new one costs five threads, its connections and their handshakes.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::consumer::BaseConsumer;
use rdkafka::error::KafkaError;

use crate::client_config::Connection;
use crate::metadata_client::QuietContext;
use crate::oauth::SignedIn;

/// A consumer that reads ranges, with the current OAuth token where brokers want one.
pub type RangeConsumer = SignedIn<BaseConsumer<QuietContext>>;

/// How many idle consumers are kept.
const KEPT: usize = 4;

/// A consumer that is idle for this long is closed.
const KEPT_FOR: Duration = Duration::from_secs(10);

/// How many are in use at once is decided by those who ask (`websocket/gate.rs`).
pub struct Pool {
    connection: Connection,
    idle: Arc<Idle>,
}

#[derive(Default)]
struct Idle {
    consumers: Mutex<Consumers>,
    changed: Condvar,
}

#[derive(Default)]
struct Consumers {
    /// Each with the time since when it is idle, the longest first.
    idle: Vec<(Instant, RangeConsumer)>,
    /// There is a thread that closes them in time.
    is_watched: bool,
    closed: bool,
}

impl Pool {
    pub fn new(connection: Connection) -> Self {
        Self { connection, idle: Arc::default() }
    }

    /// A consumer that reads nothing yet.
    pub fn take(&self) -> Result<RangeConsumer, KafkaError> {
        // The one that was used last is connected for sure.
        if let Some((_, consumer)) = self.idle.lock().idle.pop() {
            return Ok(consumer);
        }
        new_consumer(&self.connection)
    }

    /// Keeps a consumer that reads nothing any more. One that failed is better dropped.
    pub fn give_back(&self, consumer: RangeConsumer) {
        let mut consumers = self.idle.lock();
        if consumers.closed || consumers.idle.len() >= KEPT {
            drop(consumers);
            // Without the lock: closing waits for librdkafka's threads.
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
                    tracing::warn!(%error, "no thread to close idle consumers; none is kept");
                    let unwatched = std::mem::take(&mut consumers.idle);
                    drop(consumers);
                    drop(unwatched);
                }
            }
        }
    }
}

/// A consumer in no group that is told where a partition ends.
pub fn new_consumer(connection: &Connection) -> Result<RangeConsumer, KafkaError> {
    connection.consumer(&connection.range_config(), QuietContext(connection.hooks()))
}

impl Drop for Pool {
    fn drop(&mut self) {
        let mut consumers = self.idle.lock();
        consumers.closed = true;
        let idle = std::mem::take(&mut consumers.idle);
        drop(consumers);
        self.idle.changed.notify_one();
        drop(idle);
    }
}

impl Idle {
    fn lock(&self) -> MutexGuard<'_, Consumers> {
        // Each change is a single step: a panic elsewhere leaves it whole.
        self.consumers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs until none is idle any more.
    fn close_in_time(&self) {
        let mut consumers = self.lock();
        while let Some((since, _)) = consumers.idle.first() {
            let left = KEPT_FOR.saturating_sub(since.elapsed());
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
