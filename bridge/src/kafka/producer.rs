//! The bridge's one producer: idempotent, shared by every session. Each record's outcome goes back to the sink that
//! its sender named.

mod missing_topics;
mod outcome;
mod shipments;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use protocol::{HeaderView, ProduceView};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Header};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext, PurgeConfig};

use self::missing_topics::MissingTopics;
use self::outcome::produce_error;
pub use self::outcome::{Acked, DeliverySink, Outcome, Run};
pub use self::shipments::Shipment;
use self::shipments::Shipments;
use super::client_config::Connection;
use super::context::{self, ClientHooks, HookedContext};
use super::native::{self, DeliveryQueue, Plain, Told};
use super::questions::Questions;

/// A record of 1 MiB (`limits.message_bytes`), and what surrounds it.
const LARGEST_MESSAGE_BYTES: &str = "1114112";

/// How long the outcome thread waits at a time; bounds how long a replaced producer lives on.
const POLL: Duration = Duration::from_millis(100);

pub struct Producer(Arc<Current>);

/// librdkafka's producer of the moment. After a fatal error it takes no more records, and another takes its place.
struct Current {
    connection: Connection,
    client: Mutex<Arc<Client>>,
    missing: MissingTopics,
}

struct Client {
    // Before `inner`: the queue must go first.
    queue: DeliveryQueue,
    inner: BaseProducer<Deliveries>,
    shipments: Arc<Shipments>,
    retired: AtomicBool,
}

impl Producer {
    pub fn new(connection: &Connection, questions: &Arc<Questions>) -> KafkaResult<Self> {
        let client = Client::new(connection)?;
        let missing = MissingTopics::new(connection, questions);
        let current = Current { connection: connection.clone(), client: Mutex::new(Arc::clone(&client)), missing };
        let current = Arc::new(current);
        client.listen(Arc::downgrade(&current));
        Ok(Self(current))
    }

    /// Hands records to librdkafka, in order; never blocks. Returns how many were taken: fewer than all when its queue
    /// is full, their topic is being made, or the producer was replaced, so try the rest again in a moment. A record that
    /// can never be sent counts as taken; its sink hears why.
    pub fn send<'a, H>(&self, shipment: Shipment, records: &[ProduceView<'a, H>]) -> usize
    where
        H: Iterator<Item = HeaderView<'a>> + Clone,
    {
        let client = self.0.client();
        let (taken, fatal) = client.send(shipment, records, &self.0.missing);
        if fatal {
            self.0.replace(&client);
        }
        taken
    }

    /// Waits until every record has an outcome; blocks.
    pub fn flush(&self, timeout: Duration) -> KafkaResult<()> {
        let deadline = Instant::now() + timeout;
        let client = self.0.client();
        client.inner.flush(timeout)?;
        if client.shipments.wait_until_settled(deadline.saturating_duration_since(Instant::now())) {
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
        let client = self.0.client();
        let given_up = client.inner.in_flight_count();
        client.give_up();
        u64::try_from(given_up).unwrap_or(0)
    }
}

impl Drop for Producer {
    fn drop(&mut self) {
        self.0.client().retired.store(true, Ordering::Relaxed);
    }
}

impl Current {
    fn client(&self) -> Arc<Client> {
        Arc::clone(&self.client.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A producer that failed for good is given up with what it holds; the next record goes through a new one.
    fn replace(self: &Arc<Self>, failed: &Arc<Client>) {
        let mut client = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        if !Arc::ptr_eq(&client, failed) {
            return;
        }
        match Client::new(&self.connection) {
            Ok(fresh) => {
                tracing::warn!("the producer failed for good and was replaced; what was on its way is unknown");
                fresh.listen(Arc::downgrade(self));
                *client = fresh;
                failed.give_up();
                failed.retired.store(true, Ordering::Relaxed);
            }
            Err(error) => tracing::error!("the producer failed for good, and librdkafka makes no other: {error}"),
        }
    }
}

impl Client {
    fn new(connection: &Connection) -> KafkaResult<Arc<Self>> {
        let mut config = connection.base_config();
        config
            // Retries neither duplicate nor reorder; implies acks=all.
            .set("enable.idempotence", "true")
            // The same key lands in the same partition as with Java clients.
            .set("partitioner", "murmur2_random")
            // What a person types leaves at once; under load batches form by themselves while requests are in flight.
            .set("linger.ms", "0")
            // Java's delivery.timeout.ms default: a broker may restart meanwhile.
            .set("message.timeout.ms", "120000")
            // Bounds the memory of what waits; sessions stop reading their sockets when it is full.
            .set("queue.buffering.max.kbytes", "65536")
            // Somebody else asks for them (`missing_topics`).
            .set("allow.auto.create.topics", "false");
        // librdkafka takes a million bytes by itself, less than the bridge promises its clients. Batches stay below that
        // (`batch.size`); whether the topic takes so large a record is Kafka's to say.
        if config.get("message.max.bytes").is_none() {
            config.set("message.max.bytes", LARGEST_MESSAGE_BYTES);
        }
        // The mock reports a constant as every record's timestamp.
        let shipments = Arc::new(Shipments::new(!connection.demo));
        let context = Deliveries { shipments: Arc::clone(&shipments), hooks: connection.hooks() };
        let inner = connection.producer(&config, context)?;
        let queue = DeliveryQueue::of(inner.client());
        Ok(Arc::new(Self { queue, inner, shipments, retired: AtomicBool::new(false) }))
    }

    /// Starts the thread that leads outcomes back until the producer is retired.
    fn listen(self: &Arc<Self>, current: Weak<Current>) {
        let client = Arc::clone(self);
        let listen = move || {
            while !client.retired.load(Ordering::Relaxed) || client.inner.in_flight_count() > 0 {
                client.queue.take(POLL, |told| match told {
                    Told::Outcomes(reports) => client.shipments.settle(reports),
                    Told::Error { error: RDKafkaErrorCode::Fatal, reason } => {
                        tracing::error!("librdkafka's producer: {reason}");
                        if let Some(current) = current.upgrade() {
                            current.replace(&client);
                        }
                    }
                    Told::Error { error, reason } => {
                        context::error(&**client.inner.context(), &KafkaError::Global(error), &reason);
                    }
                });
            }
        };
        std::thread::Builder::new().name("kafka-producer".to_owned()).spawn(listen).expect("a thread can be started");
    }

    /// Returns how many were taken, and whether the producer turned out to have failed for good; then the next one takes the
    /// rest.
    fn send<'a, H>(&self, shipment: Shipment, records: &[ProduceView<'a, H>], missing: &MissingTopics) -> (usize, bool)
    where
        H: Iterator<Item = HeaderView<'a>> + Clone,
    {
        if records.is_empty() {
            return (0, false);
        }
        let (sink, topic, first_seq) = (Arc::clone(&shipment.sink), Arc::clone(&shipment.topic), shipment.first_seq);
        missing.expect(&topic);
        let tags = self.shipments.open(shipment, records.len());
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
                error => refused.push((start + place, error)),
            };
            match run {
                [one] if !is_plain(one) => {
                    if let Err(error) = self.send_one(&topic, one, tags.of(start)) {
                        refuse(0, error);
                    }
                }
                plain => {
                    let plain = plain.iter().enumerate().map(|(place, record)| Plain {
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
            let failed =
                |(place, error): (usize, _)| Run::failed(first_seq + place as u64, produce_error(error, &topic, false));
            sink.delivered(refused.into_iter().map(failed).collect());
        }
        (taken, fatal)
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

    /// Gives up what has no outcome.
    fn give_up(&self) {
        self.inner.purge(PurgeConfig::default().queue().inflight());
    }
}

/// librdkafka's callbacks. Outcomes arrive here only when the `rdkafka` crate polls on its own, while it flushes.
struct Deliveries {
    shipments: Arc<Shipments>,
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
        self.shipments.settle(std::iter::once(native::report_of(message)));
    }
}
