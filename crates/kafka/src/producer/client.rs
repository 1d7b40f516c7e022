//! One librdkafka producer, and the thread that reports its outcomes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use protocol::{ErrorBody, HeaderView, ProduceView};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Header};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext, PurgeConfig};

use super::Current;
use super::denied_topics::DeniedTopics;
use super::in_flight::{DeliveryErrors, InFlight, Overdue, ProduceBatch};
use super::missing_topics::{Admission, MissingTopics};
use super::outcome::{Failure, Fatal, Run, produce_error, without_auto_create};
use super::waiting::WaitingPartitions;
use crate::context::{self, ClientHooks, HookedContext};
use crate::native::{self, DeliveryQueue, DeliveryReport, PlainRecord, ProducerEvent};
use crate::oauth::SignedIn;
use crate::statistics::ReportingClient;

/// How long the outcome thread waits for an event; also the delay until it notices that the producer was retired.
const POLL: Duration = Duration::from_millis(100);

pub struct Client {
    queue: DeliveryQueue,
    inner: Arc<SignedIn<BaseProducer<Deliveries>>>,
    in_flight: Arc<InFlight>,
    waiting: Arc<WaitingPartitions>,
    /// Whether Kafka may create a missing topic for a record.
    may_auto_create: bool,
    denied: DeniedTopics,
    has_delivered: AtomicBool,
    retired: AtomicBool,
    /// The fatal error for which its records were purged; part of their outcomes.
    given_up_for: Arc<OnceLock<Fatal>>,
}

impl Client {
    /// Starts a producer and the thread `kafka-producer`, which ends when the producer is retired and every record has
    /// an outcome.
    ///
    /// # Errors
    /// If librdkafka cannot create the producer, or the thread cannot be started.
    pub fn start(current: &Arc<Current>) -> KafkaResult<Arc<Self>> {
        // The mock reports a constant as every record's timestamp.
        let in_flight = Arc::new(InFlight::new(!current.connection.demo));
        let waiting = Arc::clone(&current.waiting);
        let connection = &current.connection;
        let may_auto_create = connection.properties.may_auto_create();
        let given_up_for: Arc<OnceLock<Fatal>> = Arc::default();
        let context = Deliveries {
            in_flight: Arc::clone(&in_flight),
            waiting: Arc::clone(&waiting),
            may_auto_create,
            given_up_for: Arc::clone(&given_up_for),
            hooks: connection.hooks(),
        };
        let inner = Arc::new(connection.producer(&connection.producer_config(), context)?);
        let queue = DeliveryQueue::of(inner.clone());
        let client = Arc::new(Self {
            queue,
            inner,
            in_flight,
            waiting,
            may_auto_create,
            denied: DeniedTopics::default(),
            has_delivered: AtomicBool::new(false),
            retired: AtomicBool::new(false),
            given_up_for,
        });
        let (listener, current) = (Arc::clone(&client), Arc::downgrade(current));
        std::thread::Builder::new()
            .name("kafka-producer".to_owned())
            .spawn(move || listener.listen(&current))
            .map_err(|error| KafkaError::ClientCreation(format!("cannot start the thread for outcomes: {error}")))?;
        Ok(client)
    }

    fn listen(self: &Arc<Self>, current: &Weak<Current>) {
        let mut last_error = None;
        while !self.retired.load(Ordering::Relaxed) || self.inner.in_flight_count() > 0 {
            // A session may have enqueued records during the first purge. Without another purge librdkafka would keep
            // them until they time out.
            if self.given_up_for.get().is_some() {
                self.give_up();
            }
            self.queue.take(POLL, |event| match event {
                ProducerEvent::Deliveries(reports) => {
                    let any_acked = self.in_flight.settle(reports, &**self);
                    if any_acked {
                        last_error = None;
                        self.note_delivery(current);
                    }
                }
                ProducerEvent::Error { error: RDKafkaErrorCode::Fatal, .. } => {
                    if let Some(current) = current.upgrade() {
                        current.failed(self);
                    }
                }
                ProducerEvent::Statistics(json) => context::statistics(&**self.inner.context(), json),
                // librdkafka repeats an error with every attempt; it is logged once.
                ProducerEvent::Error { error, .. } if last_error == Some(error) => {}
                ProducerEvent::Error { error, reason } => {
                    last_error = Some(error);
                    context::error(&**self.inner.context(), &KafkaError::Global(error), &reason);
                }
            });
        }
    }

    fn note_delivery(&self, current: &Weak<Current>) {
        if !self.has_delivered.load(Ordering::Relaxed)
            && !self.has_delivered.swap(true, Ordering::Relaxed)
            && let Some(current) = current.upgrade()
        {
            current.delivered();
        }
    }

    /// The fatal error after which the producer accepts no more records, if there was one.
    pub fn fatal(&self) -> Option<Fatal> {
        self.inner.client().fatal_error().map(|(code, reason)| Fatal { code, reason })
    }

    pub fn has_delivered(&self) -> bool {
        self.has_delivered.load(Ordering::Relaxed)
    }

    pub fn retire(&self) {
        self.retired.store(true, Ordering::Relaxed);
    }

    pub fn wait_until_settled(&self, timeout: Duration) -> bool {
        self.in_flight.wait_until_settled(timeout)
    }

    /// Purges the records without an outcome; they fail with this error.
    pub fn give_up_for(&self, fatal: &Fatal) {
        // Set before the purge, because the outcomes contain it. Only the first error is kept.
        let _ = self.given_up_for.set(fatal.clone());
        self.give_up();
    }

    /// Purges the records without an outcome; returns how many these are.
    pub fn give_up(&self) -> u64 {
        let given_up = self.inner.in_flight_count();
        self.inner.purge(PurgeConfig::default().queue().inflight());
        u64::try_from(given_up).unwrap_or(0)
    }

    /// The topics and senders of records that have waited longer than this.
    pub fn overdue(&self, longer_than: Duration) -> Vec<Overdue> {
        self.in_flight.overdue(longer_than)
    }

    /// Fetches the metadata of topics to which Kafka denied writing, so that librdkafka notices granted rights. Blocks
    /// for at most `timeout` for each topic.
    pub fn refresh_denied_topics(&self, timeout: Duration) {
        self.denied.refresh(|topic| {
            if let Err(error) = self.inner.client().fetch_metadata(Some(topic), timeout) {
                tracing::debug!(topic, %error, "cannot check whether writing to the topic is allowed now");
            }
        });
    }

    /// Returns how many records were accepted, and whether the producer has failed; the other records then go to the
    /// next producer.
    pub fn send<'a, H>(
        &self,
        batch: ProduceBatch,
        records: &[ProduceView<'a, H>],
        missing: &MissingTopics,
    ) -> (usize, bool)
    where
        H: Iterator<Item = HeaderView<'a>> + Clone,
    {
        if records.is_empty() {
            return (0, false);
        }
        let (sink, topic, first_seq) = (Arc::clone(&batch.sink), Arc::clone(&batch.topic), batch.first_seq);
        let may_create = batch.may_create;
        match missing.admit(&topic, may_create) {
            Admission::Send => {}
            Admission::Wait => return (0, false),
            Admission::Refuse(error) => {
                sink.delivered(vec![Run::failed(first_seq, records.len() as u64, error)]);
                return (records.len(), false);
            }
        }
        let tags = self.in_flight.open(batch, records.len(), only_partition(records));
        let (mut refused, mut fatal) = (Vec::new(), false);
        let mut accepted = records.len();
        let is_plain =
            |record: &ProduceView<'a, H>| record.timestamp.is_none() && record.headers.clone().next().is_none();
        let mut start = 0;
        for run in records.chunk_by(|one, next| is_plain(one) && is_plain(next)) {
            let (mut full_at, mut later) = (None, Vec::new());
            let mut refuse = |index: usize, error| match error {
                RDKafkaErrorCode::QueueFull => full_at = full_at.or(Some(start + index)),
                // The record goes to the next producer.
                RDKafkaErrorCode::Fatal => {
                    fatal = true;
                    later.push((start + index, error));
                }
                RDKafkaErrorCode::UnknownTopic if missing.may_appear(&topic, may_create) => {
                    later.push((start + index, error));
                }
                // librdkafka returns this error from its cache.
                RDKafkaErrorCode::TopicAuthorizationFailed if self.denied.may_be_allowed_now(&topic) => {
                    later.push((start + index, error));
                }
                error => refused.push((start + index, error)),
            };
            match run {
                [one] if !is_plain(one) => {
                    if let Err(error) = self.send_one(&topic, one, tags.of(start)) {
                        refuse(0, error);
                    }
                }
                plain => {
                    let plain = plain.iter().enumerate().map(|(index, record)| PlainRecord {
                        partition: record.partition,
                        key: record.key,
                        value: record.value,
                        tag: tags.of(start + index),
                    });
                    native::produce_batch(self.inner.client(), &topic, plain, refuse);
                }
            }
            match later.first() {
                // No record after the first of these was enqueued either, so all can be retried without changing the
                // order.
                Some(&(first, _)) if later.len() == start + run.len() - first => full_at = full_at.or(Some(first)),
                _ => refused.append(&mut later),
            }
            if let Some(full_at) = full_at {
                accepted = full_at;
                break;
            }
            start += run.len();
        }
        self.in_flight.withdraw(tags, records.len() - accepted + refused.len());
        if !refused.is_empty() {
            sink.delivered(self.refused(&topic, first_seq, &refused));
        }
        (accepted, fatal)
    }

    /// Consecutive records that were refused for the same reason share a run.
    fn refused(&self, topic: &str, first_seq: u64, refused: &[(usize, RDKafkaErrorCode)]) -> Vec<Run> {
        let fatal = self.fatal();
        let runs = refused.chunk_by(|(index, error), (next, other)| index + 1 == *next && error == other);
        let failed = |run: &[(usize, RDKafkaErrorCode)]| {
            let (index, code) = run[0];
            let fatal = fatal.as_ref();
            let failure =
                Failure { topic, code, is_invalid_without_key: false, possibly_persisted: false, fatal, waiting: None };
            let error = explained(produce_error(failure), topic, self.may_auto_create);
            Run::failed(first_seq + index as u64, run.len() as u64, Arc::new(error))
        };
        runs.map(failed).collect()
    }

    fn send_one<'a>(
        &self,
        topic: &str,
        record: &ProduceView<'a, impl Iterator<Item = HeaderView<'a>> + Clone>,
        tag: usize,
    ) -> Result<(), RDKafkaErrorCode> {
        let mut message = BaseRecord::with_opaque_to(topic, tag);
        message.partition = record.partition;
        message.key = record.key;
        message.payload = record.value;
        message.timestamp = record.timestamp;
        for (key, value) in record.headers.clone() {
            let headers = message.headers.take().unwrap_or_default();
            message.headers = Some(headers.insert(Header { key, value }));
        }
        self.inner
            .send::<[u8], [u8]>(message)
            .map_err(|(error, _)| error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail))
    }
}

/// The partition of the records, if all name the same one.
fn only_partition<H>(records: &[ProduceView<'_, H>]) -> Option<i32> {
    let first = records.first()?.partition;
    if records.iter().all(|record| record.partition == first) { first } else { None }
}

/// Adds that the user has disabled automatic creation to the error about a missing topic.
fn explained(error: ErrorBody, topic: &str, may_auto_create: bool) -> ErrorBody {
    if may_auto_create { error } else { without_auto_create(error, topic) }
}

impl DeliveryErrors for Client {
    fn error(&self, topic: &str, report: &DeliveryReport, code: RDKafkaErrorCode) -> ErrorBody {
        let error = self.waiting.error_of(topic, report, code, self.fatal().as_ref());
        explained(error, topic, self.may_auto_create)
    }
}

/// librdkafka's callbacks. Outcomes arrive here only if the `rdkafka` crate polls, which it does during a flush.
struct Deliveries {
    in_flight: Arc<InFlight>,
    waiting: Arc<WaitingPartitions>,
    may_auto_create: bool,
    given_up_for: Arc<OnceLock<Fatal>>,
    hooks: ClientHooks,
}

context::quiet_client_context!(Deliveries);

impl HookedContext for Deliveries {
    fn hooks(&self) -> &ClientHooks {
        &self.hooks
    }

    fn reports_as(&self) -> Option<ReportingClient> {
        Some(ReportingClient::Producer)
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, _tag: usize) {
        let (Ok(message) | Err((_, message))) = result;
        self.in_flight.settle(std::iter::once(native::report_of(message)), self);
    }
}

impl DeliveryErrors for Deliveries {
    fn error(&self, topic: &str, report: &DeliveryReport, code: RDKafkaErrorCode) -> ErrorBody {
        explained(self.waiting.error_of(topic, report, code, self.given_up_for.get()), topic, self.may_auto_create)
    }
}
