//! The standby consumer: created and connected before a tail needs one, because connecting is most of the delay before
//! the first record and does not depend on the topics.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::consumer::Consumer as _;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::{Client, tail_client};
use crate::client_config::Connection;
use crate::native;

/// Creating a consumer must not compete with the tail that has just taken one, or with the start of the bridge.
const PAUSE: Duration = Duration::from_millis(20);

/// A standby consumer that reports an error, such as unreachable brokers, is no faster than a new one: it is dropped,
/// and the next one is created after this time.
const AFTER_ERROR: Duration = Duration::from_secs(10);

/// No standby consumer is kept while brokers take longer to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);

/// How often the standby consumer is polled for log lines and errors.
const SERVE_EVERY: Duration = Duration::from_millis(500);

/// At most one consumer, and the thread that creates and polls it.
pub struct Standby(Arc<Shared>);

struct Shared {
    slot: Mutex<Slot>,
    changed: Condvar,
}

enum Slot {
    /// The next consumer is created at this time.
    EmptyUntil(Instant),
    Ready(Client),
    Closed,
}

impl Standby {
    pub fn keep(connection: Connection) -> Self {
        let slot = Mutex::new(Slot::EmptyUntil(Instant::now() + PAUSE));
        let shared = Arc::new(Shared { slot, changed: Condvar::new() });
        let kept = Arc::clone(&shared);
        let started =
            std::thread::Builder::new().name("kafka-standby".to_owned()).spawn(move || kept.maintain(&connection));
        if let Err(error) = started {
            tracing::warn!(%error, "cannot start the thread of the standby consumer; first records arrive some milliseconds later");
        }
        Self(shared)
    }

    /// The standby consumer, if there is one now.
    pub fn take(&self) -> Option<Client> {
        let taken = self.0.lock().clear(PAUSE)?;
        self.0.changed.notify_one();
        Some(taken)
    }

    /// Whether there is one now.
    pub fn is_ready(&self) -> bool {
        matches!(*self.0.lock(), Slot::Ready(_))
    }

    /// Drops the standby consumer and creates no other. Blocks until the consumer is closed.
    pub fn close(&self) {
        let before = std::mem::replace(&mut *self.0.lock(), Slot::Closed);
        self.0.changed.notify_one();
        // Closing waits for librdkafka's threads, so the lock is released first.
        drop(before);
    }
}

impl Drop for Standby {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Slot> {
        // Each change is a single assignment, so the state is valid after a panic elsewhere.
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn maintain(&self, connection: &Connection) {
        let mut slot = self.lock();
        loop {
            let pause = match &*slot {
                Slot::Closed => return,
                Slot::Ready(client) if is_healthy(client) => SERVE_EVERY,
                Slot::Ready(_) => {
                    let unhealthy = slot.clear(AFTER_ERROR);
                    drop(slot);
                    drop(unhealthy);
                    slot = self.lock();
                    continue;
                }
                Slot::EmptyUntil(then) => {
                    let left = then.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        drop(slot);
                        let next = match connected(connection) {
                            Some(client) => Slot::Ready(client),
                            None => Slot::EmptyUntil(Instant::now() + AFTER_ERROR),
                        };
                        slot = self.lock();
                        if matches!(*slot, Slot::EmptyUntil(_)) {
                            *slot = next;
                        }
                        continue;
                    }
                    left
                }
            };
            slot = self.changed.wait_timeout(slot, pause).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Slot {
    /// Takes the consumer, if there is one; the slot then stays empty for this time.
    fn clear(&mut self, pause: Duration) -> Option<Client> {
        match std::mem::replace(self, Self::EmptyUntil(Instant::now() + pause)) {
            Self::Ready(client) => Some(client),
            other => {
                *self = other;
                None
            }
        }
    }
}

/// A consumer that is connected to a broker. Without a request it would connect only once it has partitions to read, or
/// to find a coordinator, which no tail needs; a tail that gets it during that search waits longer than with a new
/// consumer.
fn connected(connection: &Connection) -> Option<Client> {
    let client = tail_client(connection).ok()?;
    let (_, consumer) = &client;
    native::fetch_brokers(consumer.client(), ANSWER_WITHIN).ok()?;
    Some(client)
}

/// Polls the main queue; returns whether none of the events is an error.
fn is_healthy((_, consumer): &Client) -> bool {
    let is_error = |error: KafkaError| {
        // A tail never joins its group, so authorization for the group id does not matter.
        error.rdkafka_error_code() != Some(RDKafkaErrorCode::GroupAuthorizationFailed)
    };
    let mut is_healthy = true;
    while let Some(event) = consumer.poll(Duration::ZERO) {
        is_healthy &= !event.err().is_some_and(is_error);
    }
    is_healthy
}

#[cfg(test)]
mod tests {
    use protocol::TopicName;

    use super::*;
    use crate::client_config::KafkaProperties;
    use crate::demo::DemoBroker;

    /// Far longer than the mock takes.
    const WITHIN: Duration = Duration::from_secs(30);

    fn wait_for(standby: &Standby) -> Client {
        let deadline = Instant::now() + WITHIN;
        loop {
            if let Some(client) = standby.take() {
                return client;
            }
            assert!(Instant::now() < deadline, "no consumer within {WITHIN:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn standby_consumer_is_replaced_when_taken_and_not_after_close() {
        let demo = DemoBroker::start(&TopicName::parse("standby").expect("a name")).expect("a demo broker");
        let standby =
            Standby::keep(Connection::to_demo(demo.bootstrap_servers().to_owned(), KafkaProperties::default()));
        let first = wait_for(&standby);
        assert!(standby.take().is_none(), "the next consumer is not ready yet");
        let second = wait_for(&standby);
        standby.close();
        assert!(standby.take().is_none(), "no consumer after close");
        drop((first, second));
    }
}
