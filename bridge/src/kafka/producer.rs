//! The bridge's one producer: idempotent, shared by every session. Each record's outcome goes back to the sink that
//! its sender named.

use std::sync::Arc;
use std::time::{Duration, Instant};

use protocol::{ErrorBody, ErrorCode, HeaderView, ProduceView};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Header, Message, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer as _, ProducerContext, PurgeConfig, ThreadedProducer};

use super::client_config::Connection;
use super::native;
use crate::kafka::error::kafka_error;

/// Where outcomes go. Called on librdkafka's delivery thread: it must be quick and must not block.
pub trait DeliverySink: Send + Sync {
    fn delivered(&self, seq: u64, outcome: Outcome);
}

/// What became of one record.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    Acked(Acked),
    /// Not in the log, or (`unknown`) perhaps in it.
    Failed(ErrorBody),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Acked {
    pub topic: Arc<str>,
    pub partition: i32,
    pub offset: i64,
    /// Milliseconds since 1970-01-01 UTC.
    pub timestamp: Option<i64>,
    /// From the bridge receiving the record to Kafka's acknowledgement.
    pub took: Duration,
}

/// A record checked and on its way, with its sender's name for it.
pub struct Delivery {
    pub sink: Arc<dyn DeliverySink>,
    pub seq: u64,
    pub received: Instant,
}

/// Why a record was not taken.
pub enum NotSent {
    /// librdkafka's queue is full; try again when some are delivered.
    QueueFull(Box<Delivery>),
    /// It can never be sent.
    Refused(ErrorBody),
}

pub struct Producer {
    inner: ThreadedProducer<Deliveries>,
}

struct Deliveries {
    demo: bool,
}

impl Producer {
    pub fn new(connection: &Connection) -> KafkaResult<Self> {
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
            .set("allow.auto.create.topics", "true");
        let context = Deliveries { demo: connection.demo };
        let inner = rdkafka::config::FromClientConfigAndContext::from_config_and_context(&config, context)?;
        Ok(Self { inner })
    }

    /// Hands a record to librdkafka; never blocks.
    pub fn send<'a>(
        &self,
        topic: &str,
        record: ProduceView<'a, impl Iterator<Item = HeaderView<'a>>>,
        delivery: Box<Delivery>,
    ) -> Result<(), NotSent> {
        let mut message = BaseRecord::with_opaque_to(topic, delivery);
        if let Some(partition) = record.partition {
            message = message.partition(partition);
        }
        if let Some(key) = record.key {
            message = message.key(key);
        }
        if let Some(value) = record.value {
            message = message.payload(value);
        }
        if let Some(ms) = record.timestamp {
            message = message.timestamp(ms);
        }
        for (key, value) in record.headers {
            let headers = message.headers.take().unwrap_or_else(OwnedHeaders::new);
            message.headers = Some(headers.insert(Header { key, value }));
        }
        match self.inner.send(message) {
            Ok(()) => Ok(()),
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), message)) => {
                Err(NotSent::QueueFull(message.delivery_opaque))
            }
            Err((error, _)) => Err(NotSent::Refused(produce_error(&error, topic, false))),
        }
    }

    /// Waits until every record has an outcome; blocks.
    pub fn flush(&self, timeout: Duration) -> KafkaResult<()> {
        self.inner.flush(timeout)
    }

    /// Waits until every record has an outcome, then gives up on those that have none: they get the outcome that this
    /// leaves them with. Blocks; returns how many were given up.
    pub fn flush_or_give_up(&self, timeout: Duration) -> u64 {
        if self.flush(timeout).is_ok() {
            return 0;
        }
        let given_up = self.inner.in_flight_count();
        self.inner.purge(PurgeConfig::default().queue().inflight());
        u64::try_from(given_up).unwrap_or(0)
    }
}

super::context::quiet_client_context!(Deliveries);

impl ProducerContext for Deliveries {
    type DeliveryOpaque = Box<Delivery>;

    fn delivery(&self, result: &DeliveryResult<'_>, delivery: Box<Delivery>) {
        let outcome = match result {
            Ok(message) => Outcome::Acked(Acked {
                topic: message.topic().into(),
                partition: message.partition(),
                offset: message.offset(),
                // The mock cluster reports a constant here; the consumed record has the right one.
                timestamp: if self.demo { None } else { message.timestamp().to_millis() },
                took: delivery.received.elapsed(),
            }),
            Err((error, message)) => {
                Outcome::Failed(produce_error(error, message.topic(), native::possibly_persisted(message)))
            }
        };
        delivery.sink.delivered(delivery.seq, outcome);
    }
}

fn produce_error(error: &KafkaError, topic: &str, possibly_persisted: bool) -> ErrorBody {
    use RDKafkaErrorCode as Kafka;
    let code = error.rdkafka_error_code().unwrap_or(Kafka::Fail);
    if possibly_persisted {
        return kafka_error(
            ErrorCode::DeliveryUnknown,
            code,
            format!("sent to {topic:?}, but Kafka's answer never came: the record may be in the log ({code})"),
        );
    }
    let (ours, message) = match code {
        Kafka::MessageTimedOut | Kafka::AllBrokersDown | Kafka::BrokerTransportFailure => (
            ErrorCode::NotDelivered,
            format!(
                "no broker took the record for {topic:?} in time; it was not written. Send it again when Kafka is back"
            ),
        ),
        Kafka::PurgeQueue | Kafka::PurgeInflight => {
            (ErrorCode::NotDelivered, "the bridge shut down before the record left; it was not written".to_owned())
        }
        Kafka::MessageSizeTooLarge | Kafka::InvalidMessageSize => (
            ErrorCode::RecordTooLarge,
            format!("the record is larger than {topic:?} takes; raise max.message.bytes of the topic, or send less"),
        ),
        Kafka::UnknownPartition => (
            ErrorCode::UnknownPartition,
            format!("{topic:?} has no such partition; let Kafka choose, or look at the topic"),
        ),
        Kafka::UnknownTopic | Kafka::UnknownTopicOrPartition => (
            ErrorCode::UnknownTopic,
            format!("the topic {topic:?} does not exist and Kafka did not create it; create it, then send again"),
        ),
        Kafka::TopicAuthorizationFailed | Kafka::ClusterAuthorizationFailed => {
            (ErrorCode::Forbidden, format!("Kafka's access rules do not let the bridge write to {topic:?}"))
        }
        Kafka::InvalidTopic => (ErrorCode::InvalidTopic, format!("Kafka does not take {topic:?} as a topic")),
        other => (ErrorCode::ProduceRefused, format!("Kafka refused the record for {topic:?}: {other}")),
    };
    kafka_error(ours, code, message)
}
