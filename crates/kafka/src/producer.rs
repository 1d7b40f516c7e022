//! The bridge's one producer: idempotent, shared by every session. Each record's outcome goes back to the sink that
//! its sender named.
//!
//! librdkafka's producer is started with the first record, never before: a bridge that only reads needs no right to write.
//! After a fatal error it takes no more records, and the next record starts another one ([`Backoff`] says when).

mod backoff;
mod client;
mod denied_topics;
mod missing_topics;
mod outcome;
mod shipments;
mod waiting;

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use protocol::{ErrorBody, HeaderView, ProduceView};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};

use self::backoff::Backoff;
use self::client::Client;
use self::missing_topics::MissingTopics;
pub use self::outcome::{Acked, DeliverySink, Outcome, Run};
use self::outcome::{Fatal, producer_failed};
pub use self::shipments::Shipment;
use self::waiting::WaitingPartitions;
use super::client_config::Connection;
use super::metadata_client::MetadataClient;

pub struct Producer(Arc<Current>);

/// librdkafka's producer of the moment, and what outlives it.
struct Current {
    connection: Connection,
    metadata_client: Arc<MetadataClient>,
    state: Mutex<State>,
    /// Started with the first record.
    missing: OnceLock<MissingTopics>,
    waiting: Arc<WaitingPartitions>,
}

#[derive(Default)]
struct State {
    running: Option<Arc<Client>>,
    /// Why the last one failed, and when the next one may be started.
    failed: Option<(Fatal, Instant)>,
    backoff: Backoff,
}

impl Producer {
    /// # Errors
    /// When librdkafka takes no producer with this configuration.
    pub fn new(connection: &Connection, metadata_client: &Arc<MetadataClient>) -> KafkaResult<Self> {
        // The producer itself comes with the first record; what is wrong with its configuration is said now.
        connection.producer_config().create_native_config()?;
        Ok(Self(Arc::new(Current {
            connection: connection.clone(),
            metadata_client: Arc::clone(metadata_client),
            state: Mutex::default(),
            missing: OnceLock::new(),
            waiting: Arc::default(),
        })))
    }

    /// Whether the next record has to start a producer first, which takes milliseconds: see [`Producer::start`].
    pub fn must_start(&self) -> bool {
        let state = self.0.state();
        state.running.is_none() && state.may_start(Instant::now())
    }

    /// Starts the producer if it is not running; blocks.
    pub fn start(&self) {
        // What is wrong is each record's outcome.
        let _ = self.0.client();
    }

    /// Hands records to librdkafka, in order. Returns how many were taken: fewer than all when its queue is full, when Kafka
    /// is being asked about their topic, or when the producer failed, so try the rest again in a moment. A record that can
    /// never be sent counts as taken; its sink is told why. Blocks only where the producer [must be started](Self::start).
    pub fn send<'a, H>(&self, shipment: Shipment, records: &[ProduceView<'a, H>]) -> usize
    where
        H: Iterator<Item = HeaderView<'a>> + Clone,
    {
        match self.0.client() {
            Ok(client) => {
                let (taken, failed) = client.send(shipment, records, self.0.missing());
                if failed {
                    self.0.failed(&client);
                }
                taken
            }
            Err(refusal) => {
                let error = Arc::new(refusal.error(&shipment.topic));
                shipment.sink.delivered(vec![Run::failed(shipment.first_seq, records.len() as u64, error)]);
                records.len()
            }
        }
    }

    /// Waits until every record has an outcome; blocks.
    pub fn flush(&self, timeout: Duration) -> KafkaResult<()> {
        let Some(client) = self.0.running() else { return Ok(()) };
        // Not by librdkafka's flush: nothing lingers, and it would take outcomes off the queue before the error that explains them.
        if client.wait_until_settled(timeout) {
            Ok(())
        } else {
            Err(KafkaError::Flush(RDKafkaErrorCode::OperationTimedOut))
        }
    }

    /// Waits until every record has an outcome, then gives up on those that have none: they get the outcome that this
    /// leaves them with. Blocks; returns how many were given up.
    pub fn flush_or_give_up(&self, timeout: Duration) -> u64 {
        if self.flush(timeout).is_ok() {
            return 0;
        }
        self.0.running().map_or(0, |client| client.give_up())
    }
}

impl Drop for Producer {
    fn drop(&mut self) {
        if let Some(client) = self.0.running() {
            client.retire();
        }
    }
}

/// No producer is running, and none may be started yet.
struct Refusal {
    fatal: Fatal,
    retry_after: Duration,
}

impl Refusal {
    fn error(&self, topic: &str) -> ErrorBody {
        let retry_after_ms = u64::try_from(self.retry_after.as_millis()).ok();
        ErrorBody { retry_after_ms, ..producer_failed(topic, &self.fatal) }
    }
}

impl State {
    fn may_start(&self, now: Instant) -> bool {
        self.failed.as_ref().is_none_or(|(_, retry_at)| now >= *retry_at)
    }
}

impl Current {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn running(&self) -> Option<Arc<Client>> {
        self.state().running.clone()
    }

    fn missing(&self) -> &MissingTopics {
        self.missing.get_or_init(|| MissingTopics::new(&self.connection, &self.metadata_client))
    }

    /// The producer that is running, or a new one if it may be started.
    fn client(self: &Arc<Self>) -> Result<Arc<Client>, Refusal> {
        let mut state = self.state();
        if let Some(client) = &state.running {
            return Ok(Arc::clone(client));
        }
        let now = Instant::now();
        if !state.may_start(now)
            && let Some((fatal, retry_at)) = &state.failed
        {
            let retry_after = retry_at.saturating_duration_since(now);
            return Err(Refusal { fatal: fatal.clone(), retry_after });
        }
        match Client::start(self) {
            Ok(client) => {
                state.running = Some(Arc::clone(&client));
                self.waiting.watch(self);
                Ok(client)
            }
            Err(error) => {
                let code = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail);
                let fatal = Fatal { code, reason: format!("librdkafka made no producer: {error}") };
                let retry_at = state.backoff.failed(&fatal, false, now);
                state.failed = Some((fatal.clone(), retry_at));
                Err(Refusal { fatal, retry_after: retry_at.saturating_duration_since(now) })
            }
        }
    }

    /// A producer that failed as a whole is given up with what it holds; the next record goes through a new one.
    fn failed(&self, client: &Arc<Client>) {
        let mut state = self.state();
        if !state.running.as_ref().is_some_and(|running| Arc::ptr_eq(running, client)) {
            return;
        }
        let fatal = client
            .fatal()
            .unwrap_or_else(|| Fatal { code: RDKafkaErrorCode::Fatal, reason: "librdkafka gave no reason".to_owned() });
        let retry_at = state.backoff.failed(&fatal, client.has_delivered(), Instant::now());
        state.failed = Some((fatal.clone(), retry_at));
        state.running = None;
        drop(state);
        client.give_up_for(&fatal);
        client.retire();
    }

    /// A producer delivered its first record.
    fn delivered(&self) {
        let mut state = self.state();
        state.failed = None;
        state.backoff.delivered();
    }
}
