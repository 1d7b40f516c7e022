//! One producer of librdkafka, and the thread that takes outcomes off it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use protocol::{ErrorBody, HeaderView, ProduceView};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Header};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext, PurgeConfig};

use super::Current;
use super::denied_topics::DeniedTopics;
use super::missing_topics::{Admission, MissingTopics};
use super::outcome::{Failure, Fatal, Run, produce_error, without_auto_create};
use super::shipments::{Overdue, Reasons, Shipment, Shipments};
use super::waiting::WaitingPartitions;
use crate::context::{self, ClientHooks, HookedContext};
use crate::native::{self, DeliveryQueue, DeliveryReport, PlainRecord, ProducerEvent};
use crate::oauth::SignedIn;

/// How long the outcome thread waits at a time; bounds how long a replaced producer lives on.
const POLL: Duration = Duration::from_millis(100);

pub struct Client {
    queue: DeliveryQueue,
    inner: Arc<SignedIn<BaseProducer<Deliveries>>>,
    shipments: Arc<Shipments>,
    waiting: Arc<WaitingPartitions>,
    /// Whether Kafka may create a missing topic for a record.
    may_auto_create: bool,
    denied: DeniedTopics,
    has_delivered: AtomicBool,
    retired: AtomicBool,
    /// Why it was given up; for the outcomes of what it held.
    given_up_for: Arc<OnceLock<Fatal>>,
}

impl Client {
    /// Starts a producer, and the thread that leads outcomes back until it is retired.
    pub fn start(current: &Arc<Current>) -> KafkaResult<Arc<Self>> {
        // The mock reports a constant as every record's timestamp.
        let shipments = Arc::new(Shipments::new(!current.connection.demo));
        let waiting = Arc::clone(&current.waiting);
        let connection = &current.connection;
        let may_auto_create = connection.properties.may_auto_create();
        let given_up_for: Arc<OnceLock<Fatal>> = Arc::default();
        let context = Deliveries {
            shipments: Arc::clone(&shipments),
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
            shipments,
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
            .map_err(|error| KafkaError::ClientCreation(format!("no thread for its outcomes: {error}")))?;
        Ok(client)
    }

    fn listen(self: &Arc<Self>, current: &Weak<Current>) {
        let mut last_error = None;
        while !self.retired.load(Ordering::Relaxed) || self.inner.in_flight_count() > 0 {
            // A sender may have handed over records while the others were purged. No broker ever gets them, and librdkafka would
            // keep them until they time out.
            if self.given_up_for.get().is_some() {
                self.give_up();
            }
            self.queue.take(POLL, |event| match event {
                ProducerEvent::Deliveries(reports) => {
                    let any_acked = self.shipments.settle(reports, &**self);
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
                // librdkafka repeats an error as often as it tries; the log has it once.
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

    /// Why it takes no more records, if that is so.
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
        self.shipments.wait_until_settled(timeout)
    }

    /// Gives up what has no outcome, for this reason.
    pub fn give_up_for(&self, fatal: &Fatal) {
        // Before the purge, whose outcomes name it. The first reason stays.
        let _ = self.given_up_for.set(fatal.clone());
        self.give_up();
    }

    /// Gives up what has no outcome; returns how many records these are.
    pub fn give_up(&self) -> u64 {
        let given_up = self.inner.in_flight_count();
        self.inner.purge(PurgeConfig::default().queue().inflight());
        u64::try_from(given_up).unwrap_or(0)
    }

    /// The topics of records that have waited for so long.
    pub fn overdue(&self, longer_than: Duration) -> Vec<Overdue> {
        self.shipments.overdue(longer_than)
    }

    /// Asks Kafka again about the topics that it does not let the producer write to. Blocks.
    pub fn ask_for_denied_topics(&self, timeout: Duration) {
        self.denied.ask(|topic| {
            if let Err(error) = self.inner.client().fetch_metadata(Some(topic), timeout) {
                tracing::debug!(topic, %error, "Kafka did not answer whether the topic may be written to now");
            }
        });
    }

    /// Returns how many were taken, and whether the producer turned out to have failed for good; then the next one takes the
    /// rest.
    pub fn send<'a, H>(
        &self,
        shipment: Shipment,
        records: &[ProduceView<'a, H>],
        missing: &MissingTopics,
    ) -> (usize, bool)
    where
        H: Iterator<Item = HeaderView<'a>> + Clone,
    {
        if records.is_empty() {
            return (0, false);
        }
        let (sink, topic, first_seq) = (Arc::clone(&shipment.sink), Arc::clone(&shipment.topic), shipment.first_seq);
        match missing.expect(&topic) {
            Admission::Send => {}
            Admission::Wait => return (0, false),
            Admission::Refuse(error) => {
                sink.delivered(vec![Run::failed(first_seq, records.len() as u64, error)]);
                return (records.len(), false);
            }
        }
        let tags = self.shipments.open(shipment, records.len(), only_partition(records));
        let (mut refused, mut fatal) = (Vec::new(), false);
        let mut taken = records.len();
        let is_plain =
            |record: &ProduceView<'a, H>| record.timestamp.is_none() && record.headers.clone().next().is_none();
        let mut start = 0;
        for run in records.chunk_by(|one, next| is_plain(one) && is_plain(next)) {
            let (mut full_at, mut later) = (None, Vec::new());
            let mut refuse = |place: usize, error| match error {
                RDKafkaErrorCode::QueueFull => full_at = full_at.or(Some(start + place)),
                // The next producer takes it.
                RDKafkaErrorCode::Fatal => {
                    fatal = true;
                    later.push((start + place, error));
                }
                RDKafkaErrorCode::UnknownTopic if missing.may_appear(&topic) => later.push((start + place, error)),
                // librdkafka answers from memory here.
                RDKafkaErrorCode::TopicAuthorizationFailed if self.denied.may_be_allowed_now(&topic) => {
                    later.push((start + place, error));
                }
                error => refused.push((start + place, error)),
            };
            match run {
                [one] if !is_plain(one) => {
                    if let Err(error) = self.send_one(&topic, one, tags.of(start)) {
                        refuse(0, error);
                    }
                }
                plain => {
                    let plain = plain.iter().enumerate().map(|(place, record)| PlainRecord {
                        partition: record.partition,
                        key: record.key,
                        value: record.value,
                        tag: tags.of(start + place),
                    });
                    native::produce_batch(self.inner.client(), &topic, plain, refuse);
                }
            }
            match later.first() {
                // None after it was taken either: they may follow in their order.
                Some(&(first, _)) if later.len() == start + run.len() - first => full_at = full_at.or(Some(first)),
                _ => refused.append(&mut later),
            }
            if let Some(full_at) = full_at {
                taken = full_at;
                break;
            }
            start += run.len();
        }
        self.shipments.withdraw(tags, records.len() - taken + refused.len());
        if !refused.is_empty() {
            sink.delivered(self.refused(&topic, first_seq, &refused));
        }
        (taken, fatal)
    }

    /// Neighbours that were refused for the same reason share a run.
    fn refused(&self, topic: &str, first_seq: u64, refused: &[(usize, RDKafkaErrorCode)]) -> Vec<Run> {
        let fatal = self.fatal();
        let runs = refused.chunk_by(|(place, error), (next, other)| place + 1 == *next && error == other);
        let failed = |run: &[(usize, RDKafkaErrorCode)]| {
            let (place, code) = run[0];
            let failure = Failure { topic, code, possibly_persisted: false, fatal: fatal.as_ref(), waiting: None };
            let error = explained(produce_error(failure), topic, self.may_auto_create);
            Run::failed(first_seq + place as u64, run.len() as u64, Arc::new(error))
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

/// The partition that all of the records name.
fn only_partition<H>(records: &[ProduceView<'_, H>]) -> Option<i32> {
    let first = records.first()?.partition;
    if records.iter().all(|record| record.partition == first) { first } else { None }
}

/// The error with what the user has decided about missing topics.
fn explained(error: ErrorBody, topic: &str, may_auto_create: bool) -> ErrorBody {
    if may_auto_create { error } else { without_auto_create(error, topic) }
}

impl Reasons for Client {
    fn error(&self, topic: &str, report: &DeliveryReport, code: RDKafkaErrorCode) -> ErrorBody {
        let error = self.waiting.error_of(topic, report, code, self.fatal().as_ref());
        explained(error, topic, self.may_auto_create)
    }
}

/// librdkafka's callbacks. Outcomes arrive here only when the `rdkafka` crate polls on its own, while it flushes.
struct Deliveries {
    shipments: Arc<Shipments>,
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
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, _tag: usize) {
        let (Ok(message) | Err((_, message))) = result;
        self.shipments.settle(std::iter::once(native::report_of(message)), self);
    }
}

impl Reasons for Deliveries {
    fn error(&self, topic: &str, report: &DeliveryReport, code: RDKafkaErrorCode) -> ErrorBody {
        explained(self.waiting.error_of(topic, report, code, self.given_up_for.get()), topic, self.may_auto_create)
    }
}
