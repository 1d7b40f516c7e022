//! From Kafka's errors to the protocol's.

use protocol::{ErrorBody, ErrorCode};
use rdkafka::types::RDKafkaErrorCode;

/// An error of ours that carries Kafka's own number and name.
pub fn kafka_error(code: ErrorCode, kafka: RDKafkaErrorCode, message: impl Into<String>) -> ErrorBody {
    ErrorBody::new(code, message).with_kafka(kafka as i32, format!("{kafka:?}"))
}

/// No broker answered: the same request may succeed later.
pub fn is_no_answer(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Kafka;
    matches!(
        code,
        Kafka::BrokerTransportFailure | Kafka::AllBrokersDown | Kafka::OperationTimedOut | Kafka::RequestTimedOut
    )
}

/// No broker can be reached, or none lets the client in. Repeated with each attempt; the state of the cluster has the reason, once
/// (`cluster`).
pub fn is_about_reaching_kafka(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Kafka;
    is_no_answer(code) || matches!(code, Kafka::Resolve | Kafka::Authentication | Kafka::SSL)
}

/// The coordinator of a group is being chosen, or is loading the group's state. It takes moments, and the request changed nothing.
pub fn is_coordinator_not_ready(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Kafka;
    matches!(code, Kafka::CoordinatorNotAvailable | Kafka::CoordinatorLoadInProgress | Kafka::NotCoordinator)
}

/// Kafka's access rules (ACLs) refuse it: trying again helps only once a right was granted.
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

/// `topics`: one, or several with commas between them.
pub fn not_authorised_to_read(topics: &str, kafka: RDKafkaErrorCode) -> ErrorBody {
    let message = format!("not authorised to read topic {topics:?}: it needs the ACL Read on the topic");
    kafka_error(ErrorCode::Forbidden, kafka, message)
}

pub fn not_authorised_to_use_group(group: &str, kafka: RDKafkaErrorCode) -> ErrorBody {
    let message = format!("not authorised to use group {group:?}: it needs the ACL Read on the group");
    kafka_error(ErrorCode::Forbidden, kafka, message)
}
