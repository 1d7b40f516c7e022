//! Errors with their codes, and the codes that close a socket.

use serde::{Deserialize, Serialize};

/// Declares each error code once: number, wire name, and whether a retry may succeed.
macro_rules! error_codes {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $name:literal, $retriable:literal;)*) => {
        /// The kind of an error. Numbers are never reused: 1xx identity, 2xx request, 3xx limits, 4xx produce, 5xx
        /// consume, 6xx admin, 9xx internal.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ErrorCode { $($(#[$doc])* $variant,)* }

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

    UnknownType = 200, "unknown_type", false;
    /// A field is missing, or has the wrong type or an invalid value.
    BadRequest = 201, "bad_request", false;
    InvalidTopic = 202, "invalid_topic", false;
    InvalidGroup = 203, "invalid_group", false;
    UnknownSubscription = 204, "unknown_subscription", false;
    /// The message is part of the protocol, but this bridge does not support it.
    Unsupported = 205, "unsupported", false;
    /// The sequence number was used for another record, or was skipped.
    SequenceReused = 206, "sequence_reused", false;
    /// A second `hello` on the same socket; it is ignored.
    AlreadyGreeted = 207, "already_greeted", false;
    UnknownWatch = 208, "unknown_watch", false;
    /// The sequence number is older than the outcomes that the bridge keeps: the record is not written, and its earlier
    /// outcome is unknown.
    SequenceExpired = 209, "sequence_expired", false;
    /// `hello.cluster` names none of the bridge's clusters; the message lists them.
    UnknownCluster = 210, "unknown_cluster", false;
    /// The request to `/ws` is not a valid WebSocket handshake.
    BadHandshake = 211, "bad_handshake", false;

    TooManySubscriptions = 300, "too_many_subscriptions", false;
    /// More records in one message than the limit allows.
    BatchTooLarge = 301, "batch_too_large", false;
    TooManyWatches = 302, "too_many_watches", false;
    /// Too many requests of this socket wait for Kafka.
    TooManyRequests = 303, "too_many_requests", true;
    /// The bridge has reached its limit of consumers.
    TooManyReaders = 304, "too_many_readers", true;
    /// The bridge has reached its limit of sockets, in total or for the client's address.
    TooManySockets = 305, "too_many_sockets", true;
    /// The topics are read with too many different masks at the same time.
    TooManyVariants = 306, "too_many_variants", true;

    /// The record is larger than the bridge or the broker allows.
    RecordTooLarge = 400, "record_too_large", false;
    /// The record was not sent to a broker in time, so it is not in the log.
    NotDelivered = 401, "not_delivered", true;
    /// The record was sent, but not acknowledged in time: it may be in the log.
    DeliveryUnknown = 402, "delivery_unknown", true;
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
    /// An offset could not be committed.
    CommitFailed = 504, "commit_failed", true;
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

    Internal = 900, "internal", true;
    ShuttingDown = 901, "shutting_down", true;
}

/// The body of an `error` message; also the error of a failed record and of an unreachable cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    pub code: u16,
    pub name: String,
    /// What failed, with which value, and what to do.
    pub message: String,
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
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code: code.number(),
            name: code.name().to_owned(),
            message: message.into(),
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
pub struct ErrorBroker {
    /// Absent for a configured address that has not answered yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<i32>,
    /// `host:port`.
    pub address: String,
}

/// Kafka's error number and name; negative numbers are librdkafka's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KafkaError {
    pub code: i32,
    pub name: String,
}

/// Why the bridge closes a socket.
///
/// 4000–4499: reconnect with backoff and jitter. 4500–4999: do not reconnect, because the socket would be closed for
/// the same reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CloseCode {
    ShuttingDown,
    TooLarge,
    Internal,
    TokenExpired,
    AccessChanged,
    TooSlow,
    NoHeartbeat,
    RateExceeded,
    TokenRefused,
    BadFrame,
    NoHello,
    TooManyConnections,
    ProtocolVersion,
    Forbidden,
    UnknownCluster,
    SignedOut,
    Superseded,
}

impl CloseCode {
    /// A close frame with a longer reason would be invalid (RFC 6455, 5.5: at most 125 bytes, including the code).
    pub const MAX_REASON_BYTES: usize = 123;

    pub const fn number(self) -> u16 {
        match self {
            Self::ShuttingDown => 1001,
            Self::TooLarge => 1009,
            Self::Internal => 4004,
            Self::TokenExpired => 4005,
            Self::AccessChanged => 4006,
            Self::TooSlow => 4008,
            Self::NoHeartbeat => 4012,
            Self::RateExceeded => 4013,
            Self::TokenRefused => 4500,
            Self::BadFrame => 4501,
            Self::NoHello => 4502,
            Self::TooManyConnections => 4504,
            Self::ProtocolVersion => 4506,
            Self::Forbidden => 4507,
            Self::UnknownCluster => 4508,
            Self::SignedOut => 4509,
            Self::Superseded => 4510,
        }
    }

    /// Whether a client should reconnect after the socket was closed with this code.
    pub const fn should_reconnect(code: u16) -> bool {
        !matches!(code, 1009 | 4500..=4999)
    }
}
