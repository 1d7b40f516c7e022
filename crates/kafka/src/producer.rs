//! The bridge's producer: idempotent, shared by all sessions. The outcome of each record is reported to the sink of its
//! sender.
//!
//! librdkafka's producer is started with the first record, so that a bridge that only reads needs no right to write.
//! After a fatal error it accepts no more records, and the next record starts a new one after a pause ([`Backoff`]).

mod backoff;
mod client;
mod denied_topics;
mod in_flight;
mod missing_topics;
mod outcome;
mod waiting;

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use protocol::{ErrorBody, HeaderView, ProduceView};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};

use self::backoff::Backoff;
use self::client::Client;
pub use self::in_flight::ProduceBatch;
use self::missing_topics::MissingTopics;
pub use self::outcome::{Acked, DeliverySink, Outcome, Run};
use self::outcome::{Fatal, producer_failed};
use self::waiting::WaitingPartitions;
use super::client_config::Connection;
use super::metadata_client::MetadataClient;

pub struct Producer(Arc<Current>);

/// librdkafka's current producer, and the state that outlives it.
struct Current {
    connection: Connection,
    metadata_client: Arc<MetadataClient>,
    state: Mutex<State>,
    /// Its thread is started with the first record.
    missing: OnceLock<MissingTopics>,
    waiting: Arc<WaitingPartitions>,
}

#[derive(Default)]
struct State {
    running: Option<Arc<Client>>,
    /// Why the last producer failed, and when the next one may be started.
    failed: Option<(Fatal, Instant)>,
    backoff: Backoff,
}

impl Producer {
    /// # Errors
    /// If librdkafka refuses the configuration.
    pub fn new(connection: &Connection, metadata_client: &Arc<MetadataClient>) -> KafkaResult<Self> {
        // The producer is started with the first record, but an invalid configuration is reported now.
        connection.producer_config().create_native_config()?;
        Ok(Self(Arc::new(Current {
            connection: connection.clone(),
            metadata_client: Arc::clone(metadata_client),
            state: Mutex::default(),
            missing: OnceLock::new(),
            waiting: Arc::default(),
        })))
    }

    /// Whether the next record has to start a producer first ([`Producer::start`]), which takes milliseconds.
    pub fn must_start(&self) -> bool {
        let state = self.0.state();
        state.running.is_none() && state.may_start(Instant::now())
    }

    /// Starts the producer if it is not running; blocks.
    pub fn start(&self) {
        // An error is reported as the outcome of each record.
        let _ = self.0.client();
    }

    /// Enqueues records in librdkafka, in order. Returns how many were accepted: fewer than all if librdkafka's queue
    /// is full, while the topic is being looked up, or if the producer failed; retry the others in a moment. A record
    /// that can never be sent counts as accepted, and its sink gets the error. Blocks only if the producer [must be
    /// started](Self::start).
    pub fn send<'a, H>(&self, batch: ProduceBatch, records: &[ProduceView<'a, H>]) -> usize
    where
        H: Iterator<Item = HeaderView<'a>> + Clone,
    {
        match self.0.client() {
            Ok(client) => {
                let (taken, failed) = client.send(batch, records, self.0.missing());
                if failed {
                    self.0.failed(&client);
                }
                taken
            }
            Err(refusal) => {
                let error = Arc::new(refusal.error(&batch.topic));
                batch.sink.delivered(vec![Run::failed(batch.first_seq, records.len() as u64, error)]);
                records.len()
            }
        }
    }

    /// Blocks until every record has an outcome.
    ///
    /// # Errors
    /// If a record has no outcome after `timeout`.
    pub fn flush(&self, timeout: Duration) -> KafkaResult<()> {
        let Some(client) = self.0.running() else { return Ok(()) };
        // librdkafka's flush is not used: it would take outcomes from the queue before the error that explains them,
        // and no record lingers.
        if client.wait_until_settled(timeout) {
            Ok(())
        } else {
            Err(KafkaError::Flush(RDKafkaErrorCode::OperationTimedOut))
        }
    }

    /// Blocks until every record has an outcome, at most for `timeout`. Then purges the records without one, which
    /// fails them; returns how many these are.
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
                let fatal = Fatal { code, reason: format!("librdkafka cannot create a producer: {error}") };
                let retry_at = state.backoff.failed(&fatal, false, now);
                state.failed = Some((fatal.clone(), retry_at));
                Err(Refusal { fatal, retry_after: retry_at.saturating_duration_since(now) })
            }
        }
    }

    /// Replaces a producer after a fatal error: its records fail, and the next record starts a new producer.
    fn failed(&self, client: &Arc<Client>) {
        let mut state = self.state();
        if !state.running.as_ref().is_some_and(|running| Arc::ptr_eq(running, client)) {
            return;
        }
        let fatal = client
            .fatal()
            .unwrap_or_else(|| Fatal { code: RDKafkaErrorCode::Fatal, reason: "no reason reported".to_owned() });
        let retry_at = state.backoff.failed(&fatal, client.has_delivered(), Instant::now());
        state.failed = Some((fatal.clone(), retry_at));
        state.running = None;
        drop(state);
        client.give_up_for(&fatal);
        client.retire();
    }

    /// Call it when a producer has delivered its first record.
    fn delivered(&self) {
        let mut state = self.state();
        state.failed = None;
        state.backoff.delivered();
    }
}
