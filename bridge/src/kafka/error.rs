//! From Kafka's errors to the protocol's.

use protocol::{ErrorBody, ErrorCode};
use rdkafka::types::RDKafkaErrorCode;

/// An error of ours that carries Kafka's own number and name.
pub fn kafka_error(code: ErrorCode, kafka: RDKafkaErrorCode, message: impl Into<String>) -> ErrorBody {
    ErrorBody::new(code, message).with_kafka(kafka as i32, format!("{kafka:?}"))
}
