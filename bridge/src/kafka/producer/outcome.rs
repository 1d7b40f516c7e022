//! What became of records, in the protocol's words.

use std::sync::Arc;
use std::time::Duration;

use protocol::{ErrorBody, ErrorCode};
use rdkafka::error::RDKafkaErrorCode;

use crate::kafka::error::kafka_error;

/// Where outcomes go. Called on the producer's thread: it must be quick and must not block.
pub trait DeliverySink: Send + Sync {
    fn delivered(&self, runs: Vec<Run>);
}

/// Records with consecutive numbers and the same fate.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    pub first: u64,
    pub count: u64,
    pub outcome: Outcome,
}

impl Run {
    pub fn failed(seq: u64, error: ErrorBody) -> Self {
        Self { first: seq, count: 1, outcome: Outcome::Failed(error) }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    Acked(Acked),
    /// Not in the log, or (`unknown`) perhaps in it.
    Failed(ErrorBody),
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

/// What a client is told of a record that Kafka's client could not deliver.
pub fn produce_error(code: RDKafkaErrorCode, topic: &str, possibly_persisted: bool) -> ErrorBody {
    use RDKafkaErrorCode as Kafka;
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
        Kafka::PurgeQueue | Kafka::PurgeInflight | Kafka::Fatal => {
            (ErrorCode::NotDelivered, "the bridge gave the record up before it left; it was not written".to_owned())
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

/// The same for a missing topic where the user has switched automatic creation off.
pub fn creation_is_off(error: ErrorBody, topic: &str) -> ErrorBody {
    let message = format!(
        "the topic {topic:?} does not exist, and automatic creation is switched off (--no-auto-create, or \
         allow.auto.create.topics=false in --kafka-config); create the topic, then send again"
    );
    ErrorBody { message, ..error }
}
