//! A tail's consumer that is made before anybody asks for it. Meeting the brokers is most of what a first record waits for, and
//! nothing about it depends on what is read.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::consumer::Consumer as _;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::{Client, tail_client};
use crate::client_config::Connection;
use crate::native;

/// Whoever has just taken the spare one, or is starting the bridge, comes first.
const REST: Duration = Duration::from_millis(20);

/// One that complains, of brokers that are away for example, is no better than a new one. The next is made after so long.
const AFTER_TROUBLE: Duration = Duration::from_secs(10);

/// A broker that takes longer to answer is in trouble.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);

/// How often librdkafka's log lines and errors are taken off its queue.
const SERVE_EVERY: Duration = Duration::from_millis(500);

/// At most one consumer, and the thread that makes it and looks after it.
pub struct Spare(Arc<Shelf>);

struct Shelf {
    place: Mutex<Place>,
    changed: Condvar,
}

enum Place {
    /// The next one is made then.
    EmptyUntil(Instant),
    Ready(Client),
    Closed,
}

impl Spare {
    pub fn keep(connection: Connection) -> Self {
        let place = Mutex::new(Place::EmptyUntil(Instant::now() + REST));
        let shelf = Arc::new(Shelf { place, changed: Condvar::new() });
        let kept = Arc::clone(&shelf);
        let started =
            std::thread::Builder::new().name("kafka-spare".to_owned()).spawn(move || kept.look_after(&connection));
        if let Err(error) = started {
            tracing::warn!(%error, "no thread for a spare consumer; first records come some milliseconds later");
        }
        Self(shelf)
    }

    /// The spare consumer, if there is one now.
    pub fn take(&self) -> Option<Client> {
        let taken = self.0.lock().clear(REST)?;
        self.0.changed.notify_one();
        Some(taken)
    }

    /// There is none any more. Blocks for as long as it takes to let go of it.
    pub fn close(&self) {
        let before = std::mem::replace(&mut *self.0.lock(), Place::Closed);
        self.0.changed.notify_one();
        // Without the lock: it waits for librdkafka's threads.
        drop(before);
    }
}

impl Drop for Spare {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shelf {
    fn lock(&self) -> MutexGuard<'_, Place> {
        // Each change is a single assignment: a panic elsewhere leaves it whole.
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn look_after(&self, connection: &Connection) {
        let mut place = self.lock();
        loop {
            let pause = match &*place {
                Place::Closed => return,
                Place::Ready(client) if is_well(client) => SERVE_EVERY,
                Place::Ready(_) => {
                    let ill = place.clear(AFTER_TROUBLE);
                    drop(place);
                    drop(ill);
                    place = self.lock();
                    continue;
                }
                Place::EmptyUntil(then) => {
                    let left = then.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        drop(place);
                        let next = match connected(connection) {
                            Some(client) => Place::Ready(client),
                            None => Place::EmptyUntil(Instant::now() + AFTER_TROUBLE),
                        };
                        place = self.lock();
                        if matches!(*place, Place::EmptyUntil(_)) {
                            *place = next;
                        }
                        continue;
                    }
                    left
                }
            };
            place = self.changed.wait_timeout(place, pause).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Place {
    /// Takes what is there; the place then stays empty for so long.
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

/// A consumer that has met a broker. By itself it would look for one only once it has something to read or, for a coordinator that
/// no tail needs, in its own time; who takes it while it does waits longer than with a new one.
fn connected(connection: &Connection) -> Option<Client> {
    let client = tail_client(connection).ok()?;
    let (_, consumer) = &client;
    native::fetch_brokers(consumer.client(), ANSWER_WITHIN).ok()?;
    Some(client)
}

/// Takes librdkafka's events off the main queue; whether none of them is a complaint.
fn is_well((_, consumer): &Client) -> bool {
    let is_complaint = |error: KafkaError| {
        // Whether the tail's group id may be used does not matter.
        error.rdkafka_error_code() != Some(RDKafkaErrorCode::GroupAuthorizationFailed)
    };
    let mut is_well = true;
    while let Some(event) = consumer.poll(Duration::ZERO) {
        is_well &= !event.err().is_some_and(is_complaint);
    }
    is_well
}

#[cfg(test)]
mod tests {
    use protocol::TopicName;

    use super::*;
    use crate::client_config::KafkaProperties;
    use crate::demo::DemoBroker;

    /// Far longer than the mock takes.
    const WITHIN: Duration = Duration::from_secs(30);

    fn wait_for(spare: &Spare) -> Client {
        let deadline = Instant::now() + WITHIN;
        loop {
            if let Some(client) = spare.take() {
                return client;
            }
            assert!(Instant::now() < deadline, "no consumer within {WITHIN:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn another_follows_one_that_was_taken_and_none_the_end() {
        let demo = DemoBroker::start(&TopicName::parse("spare").expect("a name")).expect("a demo broker");
        let spare = Spare::keep(Connection::to_demo(demo.bootstrap_servers().to_owned(), KafkaProperties::default()));
        let first = wait_for(&spare);
        assert!(spare.take().is_none(), "the next one is not there yet");
        let second = wait_for(&spare);
        spare.close();
        assert!(spare.take().is_none(), "none after the end");
        drop((first, second));
    }
}
