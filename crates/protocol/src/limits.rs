//! The limits of the protocol, each declared once: the bridge enforces these constants, and the table in
//! `docs/protocol.md` is generated from them. Limits that depend on the configuration of a bridge are in
//! [`Limits`](crate::Limits) of `welcome`.

use crate::{ClientName, ClusterDetails, ClusterName, ErrorBody, GroupId, MAX_JSON_DEPTH, TopicName};

/// A row of the table of limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// What is limited, and what happens beyond it.
    pub documentation: &'static str,
    pub value: u64,
    pub unit: &'static str,
}

macro_rules! limits {
    ($($(#[doc = $doc:literal])+ $name:ident: $type:ty = $value:expr, $unit:literal;)*) => {
        $($(#[doc = $doc])+ pub const $name: $type = $value;)*

        /// Every limit, in the order of the table.
        pub const ALL: &[Limit] =
            &[$(Limit { documentation: concat!($($doc,)+), value: $name as u64, unit: $unit },)*];
    };
}

limits! {
    /// Time from the upgrade to `hello`; then the socket is closed with 4502.
    HELLO_SECS: u64 = 10, "s";
    /// First message of a socket; a larger one closes the socket with 1009.
    HELLO_BYTES: usize = 16 * 1024, "bytes";
    /// Characters of `hello.client`; a longer one closes the socket with 4501.
    CLIENT_NAME_CHARS: usize = ClientName::MAX_CHARS, "characters";
    /// Characters of the name of a cluster; a longer one in `hello.cluster` closes the socket with 4501.
    CLUSTER_NAME_CHARS: usize = ClusterName::MAX_LEN, "characters";
    /// Characters of the name of a topic; a longer one is refused with `invalid_topic`.
    TOPIC_NAME_CHARS: usize = TopicName::MAX_LEN, "characters";
    /// Bytes of the name of a consumer group; a longer one is refused with `invalid_group`.
    GROUP_NAME_BYTES: usize = GroupId::MAX_LEN, "bytes";
    /// Interval of `ping` (`heartbeat_ms`).
    HEARTBEAT_SECS: u64 = 10, "s";
    /// Intervals without a byte from the client; then the socket is closed with 4012.
    SILENT_HEARTBEATS: u32 = 3, "intervals";
    /// Time in which the client accepts no byte of a frame; then the connection is closed without a close frame.
    WRITE_SECS: u64 = 30, "s";
    /// Time in which a frame above 4 MiB must arrive; then the socket is closed with 1009.
    LARGE_FRAME_SECS: u64 = 60, "s";
    /// Time for which the bridge keeps a session without a socket.
    SESSION_LINGER_SECS: u64 = 60, "s";
    /// Requests a second of one socket, on average and at once (not `produce`, `flow`, `ack` and `pong`); more close the socket with 4013.
    REQUESTS_PER_SECOND: u32 = 1000, "requests";
    /// Requests of one socket that are processed at the same time; further ones wait.
    RUNNING_REQUESTS: usize = 8, "requests";
    /// Requests of one socket that wait; further ones are refused with `too_many_requests`.
    WAITING_REQUESTS: usize = 64, "requests";
    /// Subscriptions of one socket (`limits.subscriptions`); further ones are refused with `too_many_subscriptions`.
    SUBSCRIPTIONS: u32 = 16, "subscriptions";
    /// Topics of one subscription; more are refused with `bad_request`.
    SUBSCRIPTION_TOPICS: usize = 64, "topics";
    /// Live views of one socket; further ones are refused with `too_many_watches`.
    LIVE_VIEWS: usize = 16, "live views";
    /// Records of one session without an outcome (`limits.produce_window`); beyond it the bridge stops reading the socket.
    /// It is also the largest number of records in one `produce`; more are refused with `batch_too_large`.
    PRODUCE_WINDOW: u64 = 50_000, "records";
    /// Latest outcomes that the bridge keeps for each session, to answer records that are sent again.
    KEPT_OUTCOMES: u64 = 2 * PRODUCE_WINDOW, "outcomes";
    /// Records in one `records` frame or one `fetched` reply.
    BATCH_RECORDS: usize = 256, "records";
    /// Size of the records in one `records` frame, in the binary layout and before masking; a single larger record is sent alone.
    BATCH_BYTES: usize = 128 * 1024, "bytes";
    /// Size of a text frame from the bridge. Longer lists are sent in parts. Only a frame with one large record and a frame with
    /// masked records may be larger.
    TEXT_FRAME_BYTES: usize = 1024 * 1024, "bytes";
    /// Searches of one socket that run at the same time; further ones are refused with `too_many_searches`.
    SEARCHES: usize = 4, "searches";
    /// Topics of one search; more are refused with `bad_request`.
    SEARCH_TOPICS: usize = 64, "topics";
    /// Partitions of one search; more are refused with `bad_request`.
    SEARCH_PARTITIONS: usize = 2000, "partitions";
    /// Records that one search finds (`count`); a larger number is refused with `bad_request`.
    SEARCH_RECORDS: u32 = 10_000, "records";
    /// Buckets of one `timeline`; more are refused with `bad_request`.
    TIMELINE_BUCKETS: u32 = 200, "buckets";
    /// Texts of one `encode`; more are refused with `bad_request`.
    ENCODE_VALUES: usize = 1000, "texts";
    /// Files of one `add_schema`; more are refused with `bad_request`.
    SCHEMA_FILES: usize = 256, "files";
    /// Size of a schema with all its files; a larger one is refused with `bad_request`.
    SCHEMA_BYTES: usize = 2 * 1024 * 1024, "bytes";
    /// Bytes of the name of a subject; a longer one is refused with `bad_request`.
    SUBJECT_BYTES: usize = 1024, "bytes";
    /// Bytes of a full name in an Avro or Protobuf schema, and of the name of a chosen message type; a longer one is refused.
    SCHEMA_NAME_BYTES: usize = 1024, "bytes";
    /// Characters of the message of an error; a longer one is cut.
    ERROR_MESSAGE_CHARS: usize = ErrorBody::MAX_MESSAGE_CHARS, "characters";
    /// Partitions in `troubled` of the cluster's details; the counts are always complete.
    TROUBLED_PARTITIONS: usize = ClusterDetails::MAX_TROUBLED, "partitions";
    /// Depth of nesting up to which a value is sent as `json`; deeper JSON is sent as `text`.
    JSON_DEPTH: usize = MAX_JSON_DEPTH, "levels";
    /// Decoded or masked variants (formats × `decode` × masks) in which the same topics are read at the same time; further ones are refused with
    /// `too_many_variants`.
    VARIANTS: usize = 8, "variants";
    /// Bytes of the text of a filter, and of a header's name and value in one; a longer one is refused with `bad_request`.
    FILTER_TEXT_BYTES: usize = 1024, "bytes";
    /// Bytes of the regular expression of a filter; a longer one is refused with `bad_request`.
    FILTER_REGEX_BYTES: usize = 1024, "bytes";
    /// Bytes of the path of a filter; a longer one is refused with `bad_request`.
    FILTER_PATH_BYTES: usize = 256, "bytes";
    /// Bytes of the expression of a filter; a longer one is refused with `bad_request`.
    FILTER_EXPRESSION_BYTES: usize = 4 * 1024, "bytes";
    /// Bytes of the reason in a close frame.
    CLOSE_REASON_BYTES: usize = crate::CloseCode::MAX_REASON_BYTES, "bytes";
}
