//! What became of records, in the protocol's words.

use std::sync::Arc;
use std::time::Duration;

use protocol::{ErrorBody, ErrorCode, ProduceWaiting, WaitReason};
use rdkafka::error::RDKafkaErrorCode;

use crate::error::{is_authorization, kafka_error};

/// Where outcomes go. Called on the producer's threads: it must be quick and must not block.
pub trait DeliverySink: Send + Sync {
    fn delivered(&self, runs: Vec<Run>);

    /// Records of this sink have no outcome yet, and this is why. Said again as long as it is so.
    fn waiting(&self, waiting: &Arc<ProduceWaiting>);
}

/// Records with consecutive numbers and the same fate.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    pub first: u64,
    pub count: u64,
    pub outcome: Outcome,
}

impl Run {
    pub fn failed(first: u64, count: u64, error: Arc<ErrorBody>) -> Self {
        Self { first, count, outcome: Outcome::Failed(error) }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    Acked(Acked),
    /// Not in the log, or (`unknown`) perhaps in it. Shared: thousands of records may fail for one reason.
    Failed(Arc<ErrorBody>),
}

/// A run at consecutive offsets.
#[derive(Clone, Debug, PartialEq)]
pub struct Acked {
    pub topic: Arc<str>,
    pub partition: i32,
    /// Of the first record.
    pub offset: i64,
    /// Of the last record, in milliseconds since 1970-01-01 UTC.
    pub timestamp: Option<i64>,
    /// From the bridge receiving the records to Kafka's acknowledgement.
    pub took: Duration,
}

/// Why librdkafka's producer failed as a whole: it takes no more records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fatal {
    pub code: RDKafkaErrorCode,
    /// librdkafka's own words.
    pub reason: String,
}

/// What is known about a failed record.
#[derive(Clone, Copy)]
pub struct Failure<'a> {
    pub topic: &'a str,
    pub code: RDKafkaErrorCode,
    pub possibly_persisted: bool,
    /// Why the whole producer failed, where it did.
    pub fatal: Option<&'a Fatal>,
    /// Why the partition takes no records, where that was found out.
    pub waiting: Option<&'a ProduceWaiting>,
}

/// What a client is told of a record that Kafka's client could not deliver.
pub fn produce_error(failure: Failure<'_>) -> ErrorBody {
    use RDKafkaErrorCode as Kafka;
    let Failure { topic, code, possibly_persisted, fatal, waiting } = failure;
    let why_waiting = waiting.map(|waiting| format!("; {}", waiting.message)).unwrap_or_default();
    if possibly_persisted {
        return kafka_error(
            ErrorCode::DeliveryUnknown,
            code,
            format!(
                "sent to {topic:?}, but Kafka's answer never came: the record may be in the log ({code}){why_waiting}"
            ),
        );
    }
    let (ours, message) = match code {
        Kafka::PurgeQueue | Kafka::PurgeInflight | Kafka::Fatal => match fatal {
            Some(fatal) => return producer_failed(topic, fatal),
            None => (
                ErrorCode::NotDelivered,
                format!("the bridge shut down before the record for {topic:?} left it; it was not written"),
            ),
        },
        Kafka::NotEnoughReplicas | Kafka::NotEnoughReplicasAfterAppend => {
            let message =
                format!("too few in-sync replicas took the record for {topic:?}; it was not written{why_waiting}");
            (ErrorCode::TooFewReplicas, message)
        }
        Kafka::MessageTimedOut if waiting.is_some_and(|w| w.reason == WaitReason::TooFewInSyncReplicas) => {
            let message =
                format!("Kafka did not take the record for {topic:?} in time; it was not written{why_waiting}");
            (ErrorCode::TooFewReplicas, message)
        }
        Kafka::MessageTimedOut if waiting.is_some() => {
            let message =
                format!("Kafka did not take the record for {topic:?} in time; it was not written{why_waiting}");
            (ErrorCode::NotDelivered, message)
        }
        Kafka::MessageTimedOut | Kafka::AllBrokersDown | Kafka::BrokerTransportFailure => (
            ErrorCode::NotDelivered,
            format!(
                "no broker took the record for {topic:?} in time; it was not written. Send it again when Kafka is back"
            ),
        ),
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
        Kafka::TopicAuthorizationFailed => (
            ErrorCode::Forbidden,
            format!(
                "not authorised to write to topic {topic:?}: it needs the ACL Write on the topic; the record was not written"
            ),
        ),
        Kafka::ClusterAuthorizationFailed => return no_producer_id(topic, code),
        Kafka::InvalidTopic => (ErrorCode::InvalidTopic, format!("Kafka does not take {topic:?} as a topic")),
        other => (ErrorCode::ProduceRefused, format!("Kafka refused the record for {topic:?}: {other}")),
    };
    kafka_error(ours, code, message)
}

/// The same error where the user has switched automatic creation of topics off.
pub fn without_auto_create(error: ErrorBody, topic: &str) -> ErrorBody {
    if error.code != ErrorCode::UnknownTopic.number() {
        return error;
    }
    let message = format!(
        "the topic {topic:?} does not exist, and automatic creation is switched off (--no-auto-create, or \
         allow.auto.create.topics=false in --kafka-config); create the topic, then send again"
    );
    ErrorBody { message, ..error }
}

/// Of a record that was with a producer that failed as a whole, or that comes before the next one is started.
pub fn producer_failed(topic: &str, Fatal { code, reason }: &Fatal) -> ErrorBody {
    if is_authorization(*code) {
        return no_producer_id(topic, *code);
    }
    let message = format!(
        "the bridge's producer failed before the record for {topic:?} left it; it was not written. Send it again. Kafka's \
         reason: {reason}"
    );
    kafka_error(ErrorCode::NotDelivered, *code, message)
}

/// Kafka gives an idempotent producer its id only if it may write somewhere (KIP-679).
fn no_producer_id(topic: &str, code: RDKafkaErrorCode) -> ErrorBody {
    let message = format!(
        "not authorised to write to topic {topic:?}: it needs the ACL Write on the topic (before Kafka 2.8 also \
         IdempotentWrite on the cluster); the record was not written"
    );
    kafka_error(ErrorCode::Forbidden, code, message)
}
