//! Errors with their codes, and the codes that close a socket.

use serde::{Deserialize, Serialize};

use crate::printable::shorten;

/// Declares each error code once: number, wire name, and whether a retry may succeed.
macro_rules! error_codes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $code:literal, $name:literal, $retriable:literal;)*) => {
        /// The kind of an error. Numbers are never reused (504 was never sent): 1xx identity, 2xx request, 3xx limits, 4xx produce, 5xx
        /// consume, 6xx admin, 9xx internal.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ErrorCode { $($(#[doc = $doc])+ $variant,)* }

        impl ErrorCode {
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            pub const fn number(self) -> u16 {
                match self { $(Self::$variant => $code,)* }
            }

            /// The name on the wire, which never changes either.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// Whether the same request may succeed later without a change.
            pub const fn retriable(self) -> bool {
                match self { $(Self::$variant => $retriable,)* }
            }

            /// When the error occurs.
            #[cfg(feature = "schema")]
            pub const fn documentation(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc,)+),)* }
            }
        }
    };
}

error_codes! {
    /// Refused by Kafka's ACLs or by the bridge's access rules.
    Forbidden = 101, "forbidden", false;
    /// The bridge is read-only.
    ReadOnly = 102, "read_only", false;
    /// Pages of this origin may not open the WebSocket (`--allowed-origins`).
    OriginRefused = 103, "origin_refused", false;

    /// The bridge does not know the `type` of the message.
    UnknownType = 200, "unknown_type", false;
    /// A field is missing, or has the wrong type or an invalid value.
    BadRequest = 201, "bad_request", false;
    /// The name is not a valid name of a topic.
    InvalidTopic = 202, "invalid_topic", false;
    /// The name is not a valid name of a consumer group.
    InvalidGroup = 203, "invalid_group", false;
    /// The socket has no subscription with this number.
    UnknownSubscription = 204, "unknown_subscription", false;
    /// The bridge cannot do this; the message says what can.
    Unsupported = 205, "unsupported", false;
    /// The sequence number was used for another record, or was skipped.
    SequenceReused = 206, "sequence_reused", false;
    /// A second `hello` on the same socket; it is ignored.
    AlreadyGreeted = 207, "already_greeted", false;
    /// The socket has no live view with this number.
    UnknownWatch = 208, "unknown_watch", false;
    /// The sequence number is older than the outcomes that the bridge keeps: the record is not written, and its earlier
    /// outcome is unknown.
    SequenceExpired = 209, "sequence_expired", false;
    /// `hello.cluster` names none of the bridge's clusters; the message lists them.
    UnknownCluster = 210, "unknown_cluster", false;
    /// The request to `/ws` is not a valid WebSocket handshake.
    BadHandshake = 211, "bad_handshake", false;
    /// The socket has no search with this number.
    UnknownSearch = 212, "unknown_search", false;
    /// A condition of a filter is invalid; the message names it, and the place of the mistake.
    InvalidFilter = 213, "invalid_filter", false;

    /// The socket has the maximum number of subscriptions.
    TooManySubscriptions = 300, "too_many_subscriptions", false;
    /// More records in one message than the limit allows.
    BatchTooLarge = 301, "batch_too_large", false;
    /// The socket has the maximum number of live views.
    TooManyWatches = 302, "too_many_watches", false;
    /// Too many requests of this socket wait for Kafka.
    TooManyRequests = 303, "too_many_requests", true;
    /// The bridge has reached its limit of consumers.
    TooManyReaders = 304, "too_many_readers", true;
    /// The bridge has reached its limit of sockets, in total or for the client's address.
    TooManySockets = 305, "too_many_sockets", true;
    /// The topics are read with too many different masks at the same time.
    TooManyVariants = 306, "too_many_variants", true;
    /// The socket or the bridge runs the maximum number of searches.
    TooManySearches = 307, "too_many_searches", true;

    /// The record is larger than the bridge or the broker allows.
    RecordTooLarge = 400, "record_too_large", false;
    /// The record was not sent to a broker in time, so it is not in the log.
    NotDelivered = 401, "not_delivered", true;
    /// The record was sent, but not acknowledged in time: it may be in the log.
    DeliveryUnknown = 402, "delivery_unknown", true;
    /// The topic does not have the partition.
    UnknownPartition = 403, "unknown_partition", false;
    /// The topic does not exist and was not created.
    UnknownTopic = 404, "unknown_topic", true;
    /// Another error of Kafka, which `kafka` names.
    ProduceRefused = 405, "produce_refused", false;
    /// The partition has fewer in-sync replicas than `min.insync.replicas`.
    TooFewReplicas = 406, "too_few_replicas", true;

    /// No broker answers; reading continues when one does.
    KafkaUnreachable = 500, "kafka_unreachable", true;
    /// The topic to read does not exist (yet).
    TopicMissing = 501, "topic_missing", true;
    /// Kafka does not allow this client to read the topic or to join the group; `kafka` has the error.
    ConsumeRefused = 502, "consume_refused", false;
    /// Reading failed for another reason; `kafka` has the error.
    ConsumeFailed = 503, "consume_failed", true;
    /// `last` found fewer records than requested in the offsets that the bridge searches; reading has started.
    FewerRecords = 505, "fewer_records", false;
    /// The broker's host name cannot be resolved.
    DnsFailed = 510, "dns_failed", true;
    /// Nothing listens at the broker's address.
    ConnectionRefused = 511, "connection_refused", true;
    /// The TLS handshake failed, or only one side uses TLS.
    TlsFailed = 512, "tls_failed", true;
    /// A certificate was rejected: unknown CA, expired, wrong host name, or the broker requires a client certificate.
    CertificateRejected = 513, "certificate_rejected", true;
    /// Kafka rejected the credentials, or there is no OAuth token to present; the message says why.
    AuthenticationFailed = 514, "authentication_failed", true;
    /// A broker answers, but the address that it advertises cannot be reached.
    AdvertisedAddressUnreachable = 515, "advertised_address_unreachable", true;
    /// The connection attempt or the broker's answer timed out.
    ConnectionTimedOut = 516, "connection_timed_out", true;

    /// A topic of this name exists already.
    TopicExists = 600, "topic_exists", false;
    /// Kafka refused an admin request; `kafka` has the error.
    AdminRefused = 601, "admin_refused", false;
    /// This cluster (for example the demo broker) does not support the request.
    NotOnThisCluster = 602, "not_on_this_cluster", false;
    /// `confirm` does not repeat the name of the object to change.
    NotConfirmed = 603, "not_confirmed", false;
    /// Internal topics of Kafka (`__…`) cannot be changed through the bridge.
    InternalTopic = 604, "internal_topic", false;
    /// The group does not exist.
    GroupMissing = 605, "group_missing", false;
    /// The group has members, which would continue from their own positions. Stop them first.
    GroupActive = 606, "group_active", true;
    /// The group's positions differ from those of the plan: nothing was changed; plan again.
    PositionsMoved = 607, "positions_moved", false;
    /// Kafka applied only a part of the change; the message says which.
    PartlyDone = 608, "partly_done", false;
    /// The group is not a consumer group but, for example, a share group: it cannot be joined, reset or deleted here.
    NotAConsumerGroup = 609, "not_a_consumer_group", false;

    /// The cluster has no schema registry: the bridge was started without `--schema-registry`.
    NoRegistry = 700, "no_registry", false;
    /// The schema registry does not answer.
    RegistryUnreachable = 701, "registry_unreachable", true;
    /// The schema registry refused the request; the message has its reason.
    RegistryRefused = 702, "registry_refused", false;
    /// The subject, or this version of it, does not exist.
    SubjectMissing = 703, "subject_missing", false;
    /// The schema, or one that it references, cannot be used.
    SchemaInvalid = 704, "schema_invalid", false;
    /// The bridge does not have the schema of `add_schema` any more; send it again.
    SchemaForgotten = 705, "schema_forgotten", true;

    /// The bridge failed; its log has the reason.
    Internal = 900, "internal", true;
    /// The bridge is shutting down.
    ShuttingDown = 901, "shutting_down", true;
}

/// The body of an `error` message; also the error of a failed record and of an unreachable cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ErrorBody {
    /// The number of the error; see the table of error codes.
    pub code: u16,
    /// The name of the error, for example `bad_request`.
    pub name: String,
    /// What failed, with which value, and what to do.
    pub message: String,
    /// Whether the same request may succeed later without a change.
    pub retriable: bool,
    /// Kafka's own error, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kafka: Option<KafkaError>,
    /// The broker that caused the error, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broker: Option<Box<ErrorBroker>>,
    /// Milliseconds to wait before a retry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// For a produced record: it may be in the log despite the error.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unknown: bool,
}

impl ErrorBody {
    /// Messages that list names may be long.
    pub const MAX_MESSAGE_CHARS: usize = 4000;

    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        let mut message = message.into();
        if message.len() > Self::MAX_MESSAGE_CHARS {
            message = shorten(&message, Self::MAX_MESSAGE_CHARS);
        }
        Self {
            code: code.number(),
            name: code.name().to_owned(),
            message,
            retriable: code.retriable(),
            kafka: None,
            broker: None,
            retry_after_ms: None,
            unknown: matches!(code, ErrorCode::DeliveryUnknown),
        }
    }

    /// Whether no broker could be reached: `kafka_unreachable`, or a code with the reason. The bridge reconnects by
    /// itself.
    pub fn is_about_reaching_kafka(&self) -> bool {
        self.code == ErrorCode::KafkaUnreachable.number()
            || (ErrorCode::DnsFailed.number()..=ErrorCode::ConnectionTimedOut.number()).contains(&self.code)
    }

    pub fn with_kafka(mut self, code: i32, name: impl Into<String>) -> Self {
        self.kafka = Some(KafkaError { code, name: name.into() });
        self
    }
}

/// The broker that caused an error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ErrorBroker {
    /// Absent for a configured address that has not answered yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<i32>,
    /// `host:port`.
    pub address: String,
}

/// Kafka's error number and name; negative numbers are librdkafka's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct KafkaError {
    /// The error number.
    pub code: i32,
    /// The error name.
    pub name: String,
}

/// Declares each close code once: number, and whether a client should connect again.
macro_rules! close_codes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $number:literal, $reconnect:literal;)*) => {
        /// Why the bridge closes a socket.
        ///
        /// 4000–4499: reconnect with backoff and jitter. 4500–4999: do not reconnect, because the socket would be closed
        /// for the same reason.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum CloseCode { $($(#[doc = $doc])+ $variant,)* }

        impl CloseCode {
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            pub const fn number(self) -> u16 {
                match self { $(Self::$variant => $number,)* }
            }

            /// Whether a client should reconnect.
            #[cfg(any(test, feature = "schema"))]
            pub const fn reconnects(self) -> bool {
                match self { $(Self::$variant => $reconnect,)* }
            }

            /// When the bridge sends the code.
            #[cfg(feature = "schema")]
            pub const fn documentation(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc,)+),)* }
            }
        }
    };
}

close_codes! {
    /// The bridge is shutting down. Outcomes of records in flight were sent, as far as they came within 2 s.
    ShuttingDown = 1001, true;
    /// A frame is larger than `limits.frame_bytes`, or the first message is larger than a `hello` may be.
    TooLarge = 1009, false;
    /// The access rules, the users or their tokens were replaced. The next `hello` is judged by the new ones.
    AccessChanged = 4006, true;
    /// A subscription with `"when_slow": "close"` fell behind.
    TooSlow = 4008, true;
    /// The bridge received nothing from the client during several heartbeats.
    NoHeartbeat = 4012, true;
    /// More requests a second than the limit, or too many sockets without a `hello`, of which this one was the oldest.
    RateExceeded = 4013, true;
    /// The access token in `hello` is wrong or missing.
    TokenRefused = 4500, false;
    /// A text frame that is not a message, an invalid binary frame, or a `hello` with an invalid field.
    BadFrame = 4501, false;
    /// The first message was not `hello`, or came too late.
    NoHello = 4502, false;
    /// The maximum number of open sockets was reached, in total or for the address of the client.
    TooManyConnections = 4504, false;
    /// `hello.protocol` is not `ponte.v1`.
    ProtocolVersion = 4506, false;
    /// The access rules allow the user nothing in any cluster of the bridge.
    Forbidden = 4507, false;
    /// `hello.cluster` names no cluster that the user may use. An `error` message before it lists the names.
    UnknownCluster = 4508, false;
    /// The user has not signed in, has signed out, or the sign-in has expired.
    SignedOut = 4509, false;
    /// Another socket has resumed the session.
    Superseded = 4510, false;
}

impl CloseCode {
    /// A close frame with a longer reason would be invalid (RFC 6455, 5.5: at most 125 bytes, including the code).
    pub const MAX_REASON_BYTES: usize = 123;

    /// Whether a client should reconnect after the socket was closed with this code.
    pub const fn should_reconnect(code: u16) -> bool {
        !matches!(code, 1009 | 4500..=4999)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_of_each_close_code_tells_whether_to_reconnect() {
        for code in CloseCode::ALL {
            assert_eq!(CloseCode::should_reconnect(code.number()), code.reconnects(), "{code:?}");
        }
        assert!(CloseCode::should_reconnect(1006), "a connection that ended without a close frame");
    }

    #[test]
    fn long_message_of_an_error_is_cut() {
        let error = ErrorBody::new(ErrorCode::PartlyDone, "città ".repeat(10_000));
        assert_eq!(error.message.chars().count(), ErrorBody::MAX_MESSAGE_CHARS + 1, "and the mark of the cut");
        assert!(error.message.ends_with('…'));
        let kept = "a".repeat(ErrorBody::MAX_MESSAGE_CHARS);
        assert_eq!(ErrorBody::new(ErrorCode::Internal, kept.clone()).message, kept);
    }
}
