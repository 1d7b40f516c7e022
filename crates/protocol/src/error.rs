//! Typed errors, their codes, and the codes a socket closes with.

use serde::{Deserialize, Serialize};

/// Declares the error codes once: number, wire name, whether trying again can help.
macro_rules! error_codes {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $name:literal, $retriable:literal;)*) => {
        /// What went wrong. Numbers are append-only: 1xx identity, 2xx request, 3xx limits, 4xx produce,
        /// 5xx consume, 6xx admin, 9xx internal.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ErrorCode { $($(#[$doc])* $variant,)* }

        impl ErrorCode {
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            pub const fn number(self) -> u16 {
                match self { $(Self::$variant => $code,)* }
            }

            /// The name on the wire, stable like the number.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The same request may succeed later without a change.
            pub const fn retriable(self) -> bool {
                match self { $(Self::$variant => $retriable,)* }
            }
        }
    };
}

error_codes! {
    /// Kafka's ACLs, or the bridge's allow-list, refuse this.
    Forbidden = 101, "forbidden", false;
    /// The bridge is read-only.
    ReadOnly = 102, "read_only", false;

    UnknownType = 200, "unknown_type", false;
    /// A field is missing, has the wrong type or an impossible value.
    BadRequest = 201, "bad_request", false;
    InvalidTopic = 202, "invalid_topic", false;
    InvalidGroup = 203, "invalid_group", false;
    UnknownSubscription = 204, "unknown_subscription", false;
    /// The message is part of the protocol, but this bridge does not answer it.
    Unsupported = 205, "unsupported", false;
    /// A sequence number that was used for another record, or that was passed over.
    SequenceReused = 206, "sequence_reused", false;
    /// A second `hello`.
    AlreadyGreeted = 207, "already_greeted", false;
    UnknownWatch = 208, "unknown_watch", false;
    /// A sequence number older than the bridge remembers: the record is not written, and its outcome is not known here.
    SequenceExpired = 209, "sequence_expired", false;

    TooManySubscriptions = 300, "too_many_subscriptions", false;
    /// More records at once than the limit allows.
    BatchTooLarge = 301, "batch_too_large", false;
    TooManyWatches = 302, "too_many_watches", false;
    /// Too many requests wait for Kafka, on this socket or in the whole bridge.
    TooManyRequests = 303, "too_many_requests", true;
    /// The bridge has as many consumers as it may have.
    TooManyReaders = 304, "too_many_readers", true;

    /// One record is larger than the bridge or the broker takes.
    RecordTooLarge = 400, "record_too_large", false;
    /// Never left the bridge: no broker took it in time.
    NotDelivered = 401, "not_delivered", true;
    /// Sent, but no answer came: it may be in the log.
    DeliveryUnknown = 402, "delivery_unknown", true;
    UnknownPartition = 403, "unknown_partition", false;
    /// The topic does not exist and was not created.
    UnknownTopic = 404, "unknown_topic", true;
    /// Any other refusal of Kafka; `kafka` says which.
    ProduceRefused = 405, "produce_refused", false;
    /// Fewer replicas of the partition are in sync than `min.insync.replicas` asks for.
    TooFewReplicas = 406, "too_few_replicas", true;

    /// No broker answers; reading goes on by itself when one does.
    KafkaUnreachable = 500, "kafka_unreachable", true;
    /// The topic to read does not exist (yet).
    TopicMissing = 501, "topic_missing", true;
    /// Kafka refuses to let this client read or join; `kafka` says which.
    ConsumeRefused = 502, "consume_refused", false;
    /// Reading failed for another reason; `kafka` says which.
    ConsumeFailed = 503, "consume_failed", true;
    /// An offset could not be committed.
    CommitFailed = 504, "commit_failed", true;
    /// The broker's host name has no address.
    DnsFailed = 510, "dns_failed", true;
    /// Nothing listens at the broker's address.
    ConnectionRefused = 511, "connection_refused", true;
    /// The TLS handshake failed, or one side speaks TLS and the other does not.
    TlsFailed = 512, "tls_failed", true;
    /// A certificate was refused: unknown CA, expired, wrong host name, or the broker asks for a client certificate.
    CertificateRejected = 513, "certificate_rejected", true;
    /// Kafka refused the credentials, or there is no OAuth token to show to it; the message says why.
    AuthenticationFailed = 514, "authentication_failed", true;
    /// A broker answers, but the address that it advertises cannot be reached.
    AdvertisedAddressUnreachable = 515, "advertised_address_unreachable", true;
    /// The broker's address takes no connection in time, or the broker sends no answer in time.
    ConnectionTimedOut = 516, "connection_timed_out", true;

    TopicExists = 600, "topic_exists", false;
    /// Kafka refused an admin request; `kafka` says which.
    AdminRefused = 601, "admin_refused", false;
    /// This cluster (the demo broker, say) cannot do it.
    NotOnThisCluster = 602, "not_on_this_cluster", false;
    /// `confirm` is not the name of what would be changed.
    NotConfirmed = 603, "not_confirmed", false;
    /// Kafka's own topics (`__…`) are not changed from here.
    InternalTopic = 604, "internal_topic", false;
    /// There is no such group.
    GroupMissing = 605, "group_missing", false;
    /// The group has members: they would go on where they are. Stop them first.
    GroupActive = 606, "group_active", true;
    /// The group's positions are not those of the plan any more: nothing was changed, plan again.
    PositionsMoved = 607, "positions_moved", false;
    /// Kafka took part of a change; the message says which part.
    PartlyDone = 608, "partly_done", false;

    Internal = 900, "internal", true;
    ShuttingDown = 901, "shutting_down", true;
}

/// The body of an `error` message, of a failed record and of a broken broker state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    pub code: u16,
    pub name: String,
    /// What failed, with what value, and what to do.
    pub message: String,
    pub retriable: bool,
    /// Kafka's own error, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kafka: Option<KafkaError>,
    /// The broker that the error comes from, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broker: Option<Box<ErrorBroker>>,
    /// Milliseconds to wait before trying again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// On a failed record: it may be in the log all the same.
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

    /// No broker could be reached: `kafka_unreachable`, or a code that says why. The bridge goes on by itself when one can.
    pub fn is_about_reaching_kafka(&self) -> bool {
        self.code == ErrorCode::KafkaUnreachable.number()
            || (ErrorCode::DnsFailed.number()..=ErrorCode::ConnectionTimedOut.number()).contains(&self.code)
    }

    pub fn with_kafka(mut self, code: i32, name: impl Into<String>) -> Self {
        self.kafka = Some(KafkaError { code, name: name.into() });
        self
    }
}

/// The broker that an error comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBroker {
    /// Absent for an address that was configured and has not answered yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<i32>,
    /// `host:port`.
    pub address: String,
}

/// Kafka's error number and name (negative numbers are librdkafka's own).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KafkaError {
    pub code: i32,
    pub name: String,
}

/// Why the bridge closes a socket.
///
/// 4000–4499: reconnect with back-off and jitter. 4500–4999: do not reconnect, it would end the same way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CloseCode {
    ShuttingDown,
    TooLarge,
    Internal,
    TokenExpired,
    TooSlow,
    NoHeartbeat,
    RateExceeded,
    TokenRefused,
    BadFrame,
    NoHello,
    TooManyConnections,
    ProtocolVersion,
    Forbidden,
    Superseded,
}

impl CloseCode {
    /// A close reason longer than this is no legal frame (RFC 6455, 5.5: 125 bytes with the code).
    pub const MAX_REASON_BYTES: usize = 123;

    pub const fn number(self) -> u16 {
        match self {
            Self::ShuttingDown => 1001,
            Self::TooLarge => 1009,
            Self::Internal => 4004,
            Self::TokenExpired => 4005,
            Self::TooSlow => 4008,
            Self::NoHeartbeat => 4012,
            Self::RateExceeded => 4013,
            Self::TokenRefused => 4500,
            Self::BadFrame => 4501,
            Self::NoHello => 4502,
            Self::TooManyConnections => 4504,
            Self::ProtocolVersion => 4506,
            Self::Forbidden => 4507,
            Self::Superseded => 4510,
        }
    }

    /// Whether a client that was closed with this code should try again.
    pub const fn should_reconnect(code: u16) -> bool {
        !matches!(code, 1009 | 4500..=4999)
    }
}
