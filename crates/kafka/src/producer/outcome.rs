//! The outcomes of records, with the protocol's errors.

use std::sync::Arc;
use std::time::Duration;

use protocol::{ErrorBody, ErrorCode, ProduceWaiting, WaitReason};
use rdkafka::error::RDKafkaErrorCode;

use crate::error::{is_authorization, kafka_error};

/// Receives outcomes. Called on the producer's threads: it must be fast and must not block.
pub trait DeliverySink: Send + Sync {
    fn delivered(&self, runs: Vec<Run>);

    /// Why records of this sink have no outcome yet. Called repeatedly as long as this is so.
    fn waiting(&self, waiting: &Arc<ProduceWaiting>);
}

/// Records with consecutive sequence numbers and the same outcome.
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
    /// The record is not in the log, or may be in it (if `ErrorBody::unknown` is set). The error is shared, because
    /// thousands of records may fail for one reason.
    Failed(Arc<ErrorBody>),
}

/// The position of a run, whose records have consecutive offsets.
#[derive(Clone, Debug, PartialEq)]
pub struct Acked {
    pub topic: Arc<str>,
    pub partition: i32,
    /// The offset of the first record.
    pub offset: i64,
    /// The timestamp of the last record, in milliseconds since 1970-01-01 UTC.
    pub timestamp: Option<i64>,
    /// The time from the arrival of the records at the bridge to Kafka's acknowledgement.
    pub took: Duration,
}

/// The fatal error after which librdkafka's producer accepts no more records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fatal {
    pub code: RDKafkaErrorCode,
    /// librdkafka's message.
    pub reason: String,
}

/// The facts about a failed record from which its error is made.
#[derive(Clone, Copy)]
pub struct Failure<'a> {
    pub topic: &'a str,
    pub code: RDKafkaErrorCode,
    /// The broker refused it as invalid, and it has no key.
    pub is_invalid_without_key: bool,
    pub possibly_persisted: bool,
    /// The fatal error of the producer, if there was one.
    pub fatal: Option<&'a Fatal>,
    /// Why the partition accepts no records, if known.
    pub waiting: Option<&'a ProduceWaiting>,
}

/// The error of a record that librdkafka could not deliver.
pub fn produce_error(failure: Failure<'_>) -> ErrorBody {
    use RDKafkaErrorCode as Kafka;
    let Failure { topic, code, is_invalid_without_key, possibly_persisted, fatal, waiting } = failure;
    let why_waiting = waiting.map(|waiting| format!("; {}", waiting.message)).unwrap_or_default();
    if possibly_persisted {
        return kafka_error(
            ErrorCode::DeliveryUnknown,
            code,
            format!(
                "sent to {topic:?}, but Kafka did not acknowledge the record: it may be in the log ({code}){why_waiting}"
            ),
        );
    }
    let (error_code, message) = match code {
        Kafka::PurgeQueue | Kafka::PurgeInflight | Kafka::Fatal => match fatal {
            Some(fatal) => return producer_failed(topic, fatal),
            None => (
                ErrorCode::NotDelivered,
                format!("the bridge shut down before the record for {topic:?} was sent; it was not written"),
            ),
        },
        Kafka::NotEnoughReplicas | Kafka::NotEnoughReplicasAfterAppend => {
            let message =
                format!("too few in-sync replicas accepted the record for {topic:?}; it was not written{why_waiting}");
            (ErrorCode::TooFewReplicas, message)
        }
        Kafka::MessageTimedOut if waiting.is_some() => {
            let message =
                format!("Kafka did not accept the record for {topic:?} in time; it was not written{why_waiting}");
            match waiting.map(|waiting| waiting.reason) {
                Some(WaitReason::TooFewInSyncReplicas) => (ErrorCode::TooFewReplicas, message),
                _ => (ErrorCode::NotDelivered, message),
            }
        }
        Kafka::MessageTimedOut | Kafka::AllBrokersDown | Kafka::BrokerTransportFailure => (
            ErrorCode::NotDelivered,
            format!(
                "no broker accepted the record for {topic:?} in time; it was not written. Send it again when Kafka is available"
            ),
        ),
        Kafka::MessageSizeTooLarge | Kafka::InvalidMessageSize => (
            ErrorCode::RecordTooLarge,
            format!(
                "the record is larger than max.message.bytes of the topic {topic:?}, which is less than the bridge allows; increase \
                 max.message.bytes of the topic, or send a smaller record"
            ),
        ),
        Kafka::UnknownPartition => (
            ErrorCode::UnknownPartition,
            format!("{topic:?} does not have this partition; leave out the partition, or check the topic's partitions"),
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
        Kafka::InvalidTopic => (ErrorCode::InvalidTopic, format!("Kafka refuses the topic name {topic:?}")),
        Kafka::InvalidDifferentRecord => (
            ErrorCode::NotDelivered,
            format!(
                "Kafka refused another record of the same batch, so the record for {topic:?} was not written either; send it again"
            ),
        ),
        other => (ErrorCode::ProduceRefused, refused(topic, other, is_invalid_without_key)),
    };
    kafka_error(error_code, code, message)
}

/// Why Kafka refused a record, with the topic's setting that refuses it. With several invalid records in a batch, the code of
/// each is InvalidRecord.
fn refused(topic: &str, code: RDKafkaErrorCode, is_invalid_without_key: bool) -> String {
    let mut message = format!("Kafka refused the record for {topic:?}, which was not written: {code}");
    if is_invalid_without_key {
        message.push_str(
            ". The record has no key: if cleanup.policy of the topic is compact, each record needs one. Set a key, or change \
             cleanup.policy",
        );
    }
    let timestamp = match code {
        RDKafkaErrorCode::InvalidTimestamp => "is",
        // One of several reasons; librdkafka does not report the timestamp of a record that failed.
        RDKafkaErrorCode::InvalidRecord => "may be",
        _ => return message,
    };
    message.push_str(&format!(
        ". Its timestamp {timestamp} too far from the broker's time: message.timestamp.after.max.ms and \
         message.timestamp.before.max.ms of the topic (before Kafka 3.6: message.timestamp.difference.max.ms) limit it. Change the \
         timestamp or these settings"
    ));
    message
}

/// Adds to the error about a missing topic that the user has disabled automatic creation.
pub fn without_auto_create(error: ErrorBody, topic: &str) -> ErrorBody {
    if error.code != ErrorCode::UnknownTopic.number() {
        return error;
    }
    let message = format!(
        "the topic {topic:?} does not exist, and automatic creation is disabled (--no-auto-create, or \
         allow.auto.create.topics=false in --kafka-config); create the topic, then send again"
    );
    ErrorBody { message, ..error }
}

/// The error of a record that a failed producer held, or that is sent before the next producer may be started.
pub fn producer_failed(topic: &str, Fatal { code, reason }: &Fatal) -> ErrorBody {
    if is_authorization(*code) {
        return no_producer_id(topic, *code);
    }
    let message = format!(
        "the bridge's producer failed before the record for {topic:?} was sent; it was not written. Send it again. Kafka's \
         reason: {reason}"
    );
    kafka_error(ErrorCode::NotDelivered, *code, message)
}

/// Kafka assigns a producer id to an idempotent producer only if the user may write to some topic (KIP-679).
fn no_producer_id(topic: &str, code: RDKafkaErrorCode) -> ErrorBody {
    let message = format!(
        "not authorised to write to topic {topic:?}: it needs the ACL Write on the topic (before Kafka 2.8 also \
         IdempotentWrite on the cluster); the record was not written"
    );
    kafka_error(ErrorCode::Forbidden, code, message)
}
