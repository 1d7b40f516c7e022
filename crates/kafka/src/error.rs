//! Converts Kafka's errors into the protocol's, and classifies them.

use protocol::{ErrorBody, ErrorCode};
use rdkafka::types::RDKafkaErrorCode;

/// An error of the protocol with the number and the name of Kafka's error.
pub fn kafka_error(code: ErrorCode, kafka: RDKafkaErrorCode, message: impl Into<String>) -> ErrorBody {
    ErrorBody::new(code, message).with_kafka(kafka as i32, format!("{kafka:?}"))
}

/// Whether no broker answered, so that the same request may succeed later.
pub fn is_no_answer(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Kafka;
    matches!(
        code,
        Kafka::BrokerTransportFailure | Kafka::AllBrokersDown | Kafka::OperationTimedOut | Kafka::RequestTimedOut
    )
}

/// Whether no broker can be reached, or none accepts the client. librdkafka repeats these errors with each attempt; the
/// state of the cluster contains the reason (`cluster`).
pub fn is_about_reaching_kafka(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Kafka;
    is_no_answer(code) || matches!(code, Kafka::Resolve | Kafka::Authentication | Kafka::SSL)
}

/// Whether the coordinator of a group is being elected or is loading the group's state. This takes a moment, and the
/// request had no effect.
pub fn is_coordinator_not_ready(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Kafka;
    matches!(code, Kafka::CoordinatorNotAvailable | Kafka::CoordinatorLoadInProgress | Kafka::NotCoordinator)
}

/// Whether Kafka's access rules (ACLs) forbid the request, so that retrying helps only after a right was granted.
pub fn is_authorization(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Kafka;
    matches!(
        code,
        Kafka::TopicAuthorizationFailed
            | Kafka::ClusterAuthorizationFailed
            | Kafka::TransactionalIdAuthorizationFailed
            | Kafka::GroupAuthorizationFailed
    )
}

/// `topics`: one name, or several separated by commas.
pub fn not_authorised_to_read(topics: &str, kafka: RDKafkaErrorCode) -> ErrorBody {
    let message = format!("not authorised to read topic {topics:?}: it needs the ACL Read on the topic");
    kafka_error(ErrorCode::Forbidden, kafka, message)
}

pub fn not_authorised_to_use_group(group: &str, kafka: RDKafkaErrorCode) -> ErrorBody {
    let message = format!("not authorised to use group {group:?}: it needs the ACL Read on the group");
    kafka_error(ErrorCode::Forbidden, kafka, message)
}
