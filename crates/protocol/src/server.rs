//! The messages from the bridge to a client.

use serde::{Deserialize, Serialize};

use crate::client::GroupStart;
use crate::message::messages;
use crate::{
    AddPartitionsResult, AddSchemaResult, AlterTopicConfigResult, CheckSchemaResult, ClusterDetailsChanged,
    ClusterDetailsResult, ClusterResult, CreateTopicResult, DeleteGroupResult, DeleteSubjectResult, DeleteTopicResult,
    DescribeEncodingResult, EmptyTopicResult, EncodeResult, ErrorBody, GroupChanged, GroupResult, GroupsChanged,
    GroupsResult, Offset, PlanOffsetResetResult, Position, Record, RegisterSchemaResult, ResetOffsetsResult, Rights,
    SchemaResult, SearchDone, SearchProgress, SearchRecords, SearchStarted, SearchStopResult, SetCompatibilityResult,
    SubjectResult, SubjectsResult, TimelineResult, TopicChanged, TopicResult, TopicsChanged, TopicsResult, Unwatched,
    WatchTrouble, Watching,
};

messages! {
    /// A message from bridge to client.
    ServerMessage {
        "welcome" => Welcome,
        "ping" => Ping,
        "error" => ErrorMessage,
        "cluster_changed" => ClusterChanged,
        "registry" => RegistryChanged,
        "produced" => Produced,
        "produce_waiting" => ProduceWaiting,
        "subscribed" => Subscribed,
        "assigned" => Assigned in parts,
        "revoked" => Revoked in parts,
        "records" => Records,
        "gap" => Gap,
        "committed" => Committed in parts,
        "records_waiting" => RecordsWaiting in parts,
        "resume_commits_result" => ResumeCommitsResult in parts,
        "unsubscribed" => Unsubscribed,
        "fetched" => Fetched,
        "search_started" => SearchStarted,
        "search_records" => SearchRecords,
        "search_progress" => SearchProgress,
        "search_done" => SearchDone,
        "search_stop_result" => SearchStopResult,
        "timeline_result" => TimelineResult,
        "cluster_result" => ClusterResult,
        "topics_result" => TopicsResult in parts,
        "topic_result" => TopicResult in parts,
        "create_topic_result" => CreateTopicResult,
        "delete_topic_result" => DeleteTopicResult,
        "alter_topic_config_result" => AlterTopicConfigResult,
        "add_partitions_result" => AddPartitionsResult,
        "empty_topic_result" => EmptyTopicResult in parts,
        "groups_result" => GroupsResult in parts,
        "group_result" => GroupResult in parts,
        "delete_group_result" => DeleteGroupResult,
        "plan_offset_reset_result" => PlanOffsetResetResult in parts,
        "reset_offsets_result" => ResetOffsetsResult in parts,
        "cluster_details_result" => ClusterDetailsResult in parts,
        "subjects_result" => SubjectsResult in parts,
        "subject_result" => SubjectResult in parts,
        "schema_result" => SchemaResult in parts,
        "check_schema_result" => CheckSchemaResult in parts,
        "register_schema_result" => RegisterSchemaResult,
        "delete_subject_result" => DeleteSubjectResult in parts,
        "set_compatibility_result" => SetCompatibilityResult,
        "add_schema_result" => AddSchemaResult in parts,
        "describe_encoding_result" => DescribeEncodingResult in parts,
        "encode_result" => EncodeResult in parts,
        "watching" => Watching,
        "cluster_details_changed" => ClusterDetailsChanged in parts,
        "topics_changed" => TopicsChanged in parts,
        "topic_changed" => TopicChanged in parts,
        "groups_changed" => GroupsChanged in parts,
        "group_changed" => GroupChanged in parts,
        "watch_trouble" => WatchTrouble,
        "unwatched" => Unwatched,
    }
}

/// The answer to `hello`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Welcome {
    /// The session id, which `hello.resume` may name for 60 s after the socket is lost.
    pub session: String,
    /// Whether the session named in `hello.resume` still existed. Then the outcomes that the client missed follow, and
    /// records that it sends again are not written twice.
    pub resumed: bool,
    /// The socket's cluster and whether Kafka is reachable.
    pub cluster: Cluster,
    /// The default values of the page's forms.
    pub defaults: Defaults,
    /// The limits that depend on the configuration of the bridge.
    pub limits: Limits,
    /// The interval between two `ping` messages.
    pub heartbeat_ms: u64,
    /// Whether changes to this cluster are refused.
    pub read_only: bool,
    /// The name of this socket's cluster, which `hello.cluster` accepts.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub cluster_name: String,
    /// The clusters of the bridge that the user may use, in the order of its configuration.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clusters: Vec<ClusterSummary>,
    /// Who the bridge takes the client for; absent if everyone is admitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<User>,
    /// What the user may do in this cluster; absent: everything. A bridge that is read-only refuses changes nevertheless.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rights: Option<Rights>,
}

/// The user of a socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct User {
    /// The name of the user.
    pub name: String,
    /// The user has signed in with the browser, and can sign out at `auth/sign-out`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub signed_in: bool,
}

/// A cluster that `hello.cluster` may name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ClusterSummary {
    /// The name for `hello.cluster`.
    pub name: String,
    /// How the page marks the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub colour: Option<ClusterColour>,
    /// Whether the bridge refuses changes to the cluster.
    pub read_only: bool,
}

/// The mark of a cluster, for example red for production.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ClusterColour {
    /// Blue.
    Blue,
    /// Green.
    Green,
    /// Amber.
    Amber,
    /// Red.
    Red,
    /// Also a colour that the receiver does not know.
    #[serde(other)]
    Grey,
}

impl ClusterColour {
    pub const ALL: [Self; 5] = [Self::Grey, Self::Blue, Self::Green, Self::Amber, Self::Red];

    /// The name in messages and configuration files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Grey => "grey",
            Self::Blue => "blue",
            Self::Green => "green",
            Self::Amber => "amber",
            Self::Red => "red",
        }
    }
}

/// The Kafka cluster that the bridge is connected to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Cluster {
    /// Kafka's cluster id; null until a broker has answered.
    pub id: Option<String>,
    /// Whether this is the demo broker, which runs inside the bridge and keeps everything in memory.
    pub demo: bool,
    /// Empty until a broker has answered.
    pub brokers: Vec<Broker>,
    /// Whether Kafka is reachable.
    #[serde(default)]
    pub state: ClusterState,
    /// The bootstrap servers that the bridge uses.
    #[serde(default)]
    pub bootstrap_servers: String,
    /// Whether the user gave the bootstrap servers, by an option or in the file of `--kafka-config`. False for the
    /// default address and for the demo broker.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub named_by_user: bool,
    /// Why Kafka is unreachable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorBody>,
}

/// Whether Kafka is reachable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ClusterState {
    /// A broker answers.
    #[default]
    Up,
    /// No broker answers; the bridge keeps trying to connect.
    Down,
}

/// A Kafka broker.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Broker {
    /// The broker id.
    pub id: i32,
    /// The host that the broker advertises.
    pub host: String,
    /// The port that the broker advertises.
    pub port: u16,
}

/// The default values of the page's forms.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Defaults {
    /// A topic.
    pub topic: String,
    /// A consumer group.
    pub group: String,
    /// Where a group starts.
    pub start: GroupStart,
}

/// The limits that depend on the configuration of the bridge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Limits {
    /// The maximum size of a produced record (key, value and headers) in bytes, from the bridge's option
    /// `--max-message-bytes`. A topic may take less (`max_message_bytes` of [`TopicResult`](crate::TopicResult)).
    pub message_bytes: u64,
    /// The maximum number of subscriptions of a socket.
    pub subscriptions: u32,
    /// The maximum number of records without an outcome; beyond it the bridge stops reading the socket.
    pub produce_window: u64,
    /// The maximum size of a frame from the client in bytes; a larger one closes the socket with 1009. 0: unknown.
    #[serde(default)]
    pub frame_bytes: u64,
}

/// Sent every `heartbeat_ms`. The client answers with `pong`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Ping {}

/// An error. With the `id` of a request it is the reply to that request; with a `subscription` it concerns that
/// subscription; with a `seq` it is about a `produce`, in which no record from number `seq` on was processed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ErrorMessage {
    /// The subscription that the error concerns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscription: Option<u32>,
    /// For a refused `produce`: the number of its first record that was not processed. This record and the records after
    /// it in the message have used no number. Absent if the bridge cannot read `seq`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// What failed.
    #[serde(flatten)]
    pub error: ErrorBody,
}

impl From<ErrorBody> for ErrorMessage {
    /// An error that concerns neither a subscription nor records.
    fn from(error: ErrorBody) -> Self {
        Self { subscription: None, seq: None, error }
    }
}

/// Kafka became unreachable or reachable, or its brokers changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ClusterChanged {
    /// The new state, complete.
    pub cluster: Cluster,
}

/// The state of the cluster's schema registry: once after `welcome` if the bridge has one, and when the state changes. Records that were
/// sent with the error `schema_unavailable` can be fetched again, decoded, when the state is `up`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RegistryChanged {
    /// Whether the registry answers.
    pub state: RegistryState,
    /// Why it does not, and what to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Whether the schema registry answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RegistryState {
    /// It was not asked yet: nothing has needed a schema.
    Unknown,
    /// It answers.
    Up,
    /// It does not answer. The bridge asks again, after 30 s at the latest.
    Down,
}

/// Outcomes of produced records, as soon as they are known. Every record gets exactly one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Produced {
    /// Records that Kafka has acknowledged.
    pub acks: Vec<ProduceAck>,
    /// Records that were not acknowledged.
    pub errors: Vec<ProduceError>,
}

/// The records `first..=last` are in the log, at consecutive offsets from `offset` on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ProduceAck {
    /// The sequence number of the first record of the range.
    pub first: u64,
    /// The sequence number of the last record of the range.
    pub last: u64,
    /// The name of the topic.
    pub topic: String,
    /// The number of the partition, from 0.
    pub partition: i32,
    /// The offset of record `first`. Record `first + n` has the offset `offset + n`.
    pub offset: Offset,
    /// The timestamp of the last record, in milliseconds since 1970-01-01 UTC; null if the broker reports none.
    pub timestamp: Option<i64>,
    /// The longest time in this range between receiving a record and Kafka's acknowledgement, in microseconds.
    pub took_us: u64,
}

/// A record that was not acknowledged: it is not in the log, or (`error.unknown`) may be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ProduceError {
    /// The sequence number of the record.
    pub seq: u64,
    /// Why the record was not acknowledged.
    pub error: ErrorBody,
}

/// Records produced to this partition have no outcome yet, or are not visible yet. There is no message when this ends:
/// the outcomes arrive, or the records become visible.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ProduceWaiting {
    /// The name of the topic.
    pub topic: String,
    /// The number of the partition, from 0.
    pub partition: i32,
    /// What the records wait for.
    pub reason: WaitReason,
    /// What the records wait for, and what to do.
    pub message: String,
    /// With `open_transaction`: the first offset of the partition's oldest open transaction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<Offset>,
}

/// What produced records wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum WaitReason {
    /// Not acknowledged: the partition has fewer in-sync replicas than `min.insync.replicas`.
    TooFewInSyncReplicas,
    /// Not acknowledged: the partition has no leader.
    NoLeader,
    /// Acknowledged, but not visible to consumers that read committed records: an older transaction is open.
    OpenTransaction,
}

/// All partitions of a subscription in which records wait for the end of an open transaction. Sent when the list
/// changes; empty when no records wait any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RecordsWaiting {
    /// The number of the subscription, from `subscribed`.
    pub subscription: u32,
    /// Sorted by topic and partition.
    pub partitions: Vec<WaitingPartition>,
}

/// A partition in which records wait for the end of a transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct WaitingPartition {
    /// The name of the topic.
    pub topic: String,
    /// The number of the partition, from 0.
    pub partition: i32,
    /// The last stable offset: the first offset of the oldest open transaction. Records from there on are not visible.
    pub offset: Offset,
    /// The high watermark: the end of the records that all in-sync replicas have.
    pub end: Offset,
}

/// Positions of these partitions are committed again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ResumeCommitsResult {
    /// The number of the subscription, from `subscribed`.
    pub subscription: u32,
    /// The partitions in which positions are committed again.
    pub partitions: Vec<TopicPartition>,
}

/// The subscription is open; records follow once its partitions are assigned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Subscribed {
    /// The number of the subscription, from `subscribed`.
    pub subscription: u32,
    /// The fields that the bridge masks for this user, such as `value.email`. The records are not those that Kafka has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub masked: Vec<String>,
}

/// Partitions that the subscription reads from now on, and the offset where each starts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Assigned {
    /// The number of the subscription, from `subscribed`.
    pub subscription: u32,
    /// The offset is that of the next record to read.
    pub partitions: Vec<Position>,
}

/// Partitions that were reassigned to another member of the group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Revoked {
    /// The number of the subscription, from `subscribed`.
    pub subscription: u32,
    /// Partitions from which no further records come.
    pub partitions: Vec<TopicPartition>,
}

/// A partition of a topic.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TopicPartition {
    /// The name of the topic.
    pub topic: String,
    /// The number of the partition, from 0.
    pub partition: i32,
}

/// A batch of records of one partition. The records of a subscription are numbered 1, 2, 3 …; `seq` is the number of
/// the last one. A jump in `seq` means lost records, and always comes with a `gap`. A jump in offsets does not, since
/// compaction and transaction markers leave holes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Records {
    /// The number of the subscription, from `subscribed`.
    pub subscription: u32,
    /// The number of the last record of the batch.
    pub seq: u64,
    /// The name of the topic.
    pub topic: String,
    /// The number of the partition, from 0.
    pub partition: i32,
    /// In the order of their offsets.
    pub records: Vec<Record>,
}

/// Who set the timestamp. Absent means `create`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum TimestampType {
    /// The producer.
    #[default]
    Create,
    /// The broker, when it appended the record.
    LogAppend,
}

impl TimestampType {
    pub(crate) fn is_create(&self) -> bool {
        matches!(self, Self::Create)
    }
}

/// The records from `from` (inclusive) to `to` (exclusive) will not be sent to this subscription. The gap comes in
/// place of the records. With the reasons `recreated` and `out_of_range`, reading may continue at an earlier offset;
/// then `to` is less than `from`, and no record is missing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Gap {
    /// The number of the subscription, from `subscribed`.
    pub subscription: u32,
    /// The name of the topic.
    pub topic: String,
    /// The number of the partition, from 0.
    pub partition: i32,
    /// The first missing offset.
    pub from: Offset,
    /// The offset at which reading continues.
    pub to: Offset,
    /// Why the records are missing.
    pub reason: GapReason,
}

/// Why records are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum GapReason {
    /// The client fell behind the bridge's buffer; `fetch` can still read the records.
    Slow,
    /// Kafka has deleted the records.
    Retention,
    /// The topic was deleted and created again: two different topic ids were observed.
    Recreated,
    /// The next offset to read is beyond the end of the partition, and no change of the topic id was observed. If a
    /// group's committed offset would move back, nothing is committed until `resume_commits`.
    OutOfRange,
}

/// The group's committed positions changed (`offset` is the next offset to read).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Committed {
    /// The number of the subscription, from `subscribed`.
    pub subscription: u32,
    /// Only those that changed.
    pub positions: Vec<Position>,
}

/// The subscription has ended; sent after its last record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Unsubscribed {
    /// The number of the subscription, from `subscribed`.
    pub subscription: u32,
}

/// The records of a range of offsets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Fetched {
    /// In the order of their offsets; offsets without a record are left out.
    pub records: Vec<Record>,
    /// Where to continue: the request's `to` if the range is complete; less if the range did not fit into one message,
    /// or the partition ends before `to`.
    pub next: Offset,
    /// The first offset of an open transaction, if the range reaches beyond it: records from there on are not visible
    /// yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_from: Option<Offset>,
    /// The fields that the bridge masks for this user, as in [`Subscribed`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub masked: Vec<String>,
}
