//! What the bridge sends to a client.

use serde::{Deserialize, Serialize};

use crate::client::{GroupStart, Header};
use crate::message::messages;
use crate::{
    AddPartitionsResult, AlterTopicConfigResult, ClusterDetailsChanged, ClusterDetailsResult, ClusterResult,
    CreateTopicResult, DeleteGroupResult, DeleteTopicResult, EmptyTopicResult, ErrorBody, GroupChanged, GroupResult,
    GroupsChanged, GroupsResult, Offset, PlanOffsetResetResult, Position, ResetOffsetsResult, TopicChanged,
    TopicResult, TopicsChanged, TopicsResult, Unwatched, WatchTrouble, Watching, WireBytes,
};

messages! {
    /// A message from bridge to client.
    ServerMessage {
        "welcome" => Welcome,
        "ping" => Ping,
        "error" => ErrorMessage,
        "cluster_changed" => ClusterChanged,
        "produced" => Produced,
        "produce_waiting" => ProduceWaiting,
        "subscribed" => Subscribed,
        "assigned" => Assigned,
        "revoked" => Revoked,
        "records" => Records,
        "gap" => Gap,
        "committed" => Committed,
        "records_waiting" => RecordsWaiting,
        "resume_commits_result" => ResumeCommitsResult,
        "unsubscribed" => Unsubscribed,
        "fetched" => Fetched,
        "cluster_result" => ClusterResult,
        "topics_result" => TopicsResult,
        "topic_result" => TopicResult,
        "create_topic_result" => CreateTopicResult,
        "delete_topic_result" => DeleteTopicResult,
        "alter_topic_config_result" => AlterTopicConfigResult,
        "add_partitions_result" => AddPartitionsResult,
        "empty_topic_result" => EmptyTopicResult,
        "groups_result" => GroupsResult,
        "group_result" => GroupResult,
        "delete_group_result" => DeleteGroupResult,
        "plan_offset_reset_result" => PlanOffsetResetResult,
        "reset_offsets_result" => ResetOffsetsResult,
        "cluster_details_result" => ClusterDetailsResult,
        "watching" => Watching,
        "cluster_details_changed" => ClusterDetailsChanged,
        "topics_changed" => TopicsChanged,
        "topic_changed" => TopicChanged,
        "groups_changed" => GroupsChanged,
        "group_changed" => GroupChanged,
        "watch_trouble" => WatchTrouble,
        "unwatched" => Unwatched,
    }
}

/// The answer to `hello`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Welcome {
    /// What `hello.resume` may name for 60 s after the socket is lost.
    pub session: String,
    /// The named session was still there: outcomes that the client missed follow, and what it sends again is not
    /// written twice.
    pub resumed: bool,
    pub cluster: Cluster,
    pub defaults: Defaults,
    pub limits: Limits,
    /// How often the bridge sends `ping`.
    pub heartbeat_ms: u64,
    pub read_only: bool,
}

/// The Kafka behind the bridge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cluster {
    /// Kafka's cluster id; null until a broker has answered.
    pub id: Option<String>,
    /// The demo broker: in memory, inside the bridge.
    pub demo: bool,
    /// Empty until a broker has answered.
    pub brokers: Vec<Broker>,
    #[serde(default)]
    pub state: ClusterState,
    /// The addresses at which the bridge looks for Kafka.
    #[serde(default)]
    pub bootstrap_servers: String,
    /// The user gave the bridge these addresses, by an option or in the file of `--kafka-config`. False for the default address
    /// and for the demo broker.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub named_by_user: bool,
    /// Why it is down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorBody>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClusterState {
    /// Kafka answers.
    #[default]
    Up,
    /// No broker answers; the bridge keeps trying.
    Down,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Broker {
    pub id: i32,
    pub host: String,
    pub port: u16,
}

/// What the page proposes where the user said nothing else.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Defaults {
    pub topic: String,
    pub group: String,
    pub start: GroupStart,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// The largest record (key, value and headers) in bytes.
    pub message_bytes: u64,
    /// How many subscriptions a socket may have.
    pub subscriptions: u32,
    /// How many records may wait for their outcome; beyond it the bridge stops reading the socket.
    pub produce_window: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Ping {}

/// Something failed. With the `id` of a request it is the reply to it; with a `subscription` it concerns that one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ErrorMessage {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscription: Option<u32>,
    #[serde(flatten)]
    pub error: ErrorBody,
}

/// Kafka went away, came back, or changed its brokers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClusterChanged {
    pub cluster: Cluster,
}

/// Outcomes of produced records, as they arrive. Every record gets exactly one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Produced {
    pub acks: Vec<ProduceAck>,
    pub errors: Vec<ProduceError>,
}

/// The records `first..=last` are in the log, at consecutive offsets from `offset`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProduceAck {
    pub first: u64,
    pub last: u64,
    pub topic: String,
    pub partition: i32,
    pub offset: Offset,
    /// Of the last record, milliseconds since 1970-01-01 UTC; null where the broker reports none.
    pub timestamp: Option<i64>,
    /// The longest time in the range from the bridge receiving a record to Kafka's acknowledgement, in microseconds.
    pub took_us: u64,
}

/// One record that was not acknowledged: not in the log, or (`error.unknown`) perhaps in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProduceError {
    pub seq: u64,
    pub error: ErrorBody,
}

/// Records that were sent to this partition have no outcome, or cannot be read, for now. It stands until they have one, or are
/// read; then nothing more is said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProduceWaiting {
    pub topic: String,
    pub partition: i32,
    pub reason: WaitReason,
    /// What they wait for, and what to do.
    pub message: String,
    /// `open_transaction`: where the oldest open transaction of the partition began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<Offset>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitReason {
    /// Not acknowledged: fewer replicas are in sync than `min.insync.replicas` asks for.
    TooFewInSyncReplicas,
    /// Not acknowledged: the partition has no leader.
    NoLeader,
    /// Acknowledged, and not visible to consumers that read committed records: an older transaction is open.
    OpenTransaction,
}

/// The partitions of a subscription in which records wait behind an open transaction; all of them, each time that changes.
/// Empty when none waits any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordsWaiting {
    pub subscription: u32,
    pub partitions: Vec<WaitingPartition>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitingPartition {
    pub topic: String,
    pub partition: i32,
    /// The last stable offset: where the oldest open transaction began. Nothing from there on is visible.
    pub offset: Offset,
    /// The high watermark: the end of what all in-sync replicas have.
    pub end: Offset,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResumeCommitsResult {
    pub subscription: u32,
    /// The partitions that are committed again.
    pub partitions: Vec<TopicPartition>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscribed {
    pub subscription: u32,
}

/// Partitions this subscription reads from now on, and where each starts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Assigned {
    pub subscription: u32,
    pub partitions: Vec<Position>,
}

/// Partitions that another member of the group took over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Revoked {
    pub subscription: u32,
    pub partitions: Vec<TopicPartition>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TopicPartition {
    pub topic: String,
    pub partition: i32,
}

/// A batch of one partition. The records of a subscription are numbered 1, 2, 3 …; `seq` is the last one's number.
/// A jump in `seq` is a loss and always comes with a `gap`; a jump in offsets is not (compaction and transaction
/// markers leave holes).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Records {
    pub subscription: u32,
    pub seq: u64,
    pub topic: String,
    pub partition: i32,
    pub records: Vec<Record>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    pub offset: Offset,
    /// Milliseconds since 1970-01-01 UTC; null where the record has none.
    pub timestamp: Option<i64>,
    #[serde(default, skip_serializing_if = "TimestampType::is_create")]
    pub timestamp_type: TimestampType,
    pub key: WireBytes,
    pub value: WireBytes,
    pub headers: Vec<Header>,
}

/// Who set the timestamp. Absent on the wire: `create`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimestampType {
    /// The producer.
    #[default]
    Create,
    /// The broker, when it appended the record.
    LogAppend,
}

impl TimestampType {
    fn is_create(&self) -> bool {
        matches!(self, Self::Create)
    }
}

/// Records `from` (inclusive) to `to` (exclusive) will not come by themselves. Stands where they would have stood. With the reasons
/// `recreated` and `out_of_range` reading may go on at an earlier offset; `to` is less than `from` then, and no record is missing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gap {
    pub subscription: u32,
    pub topic: String,
    pub partition: i32,
    pub from: Offset,
    pub to: Offset,
    pub reason: GapReason,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GapReason {
    /// The client was slower than the bridge's buffer is long; `fetch` can still read them.
    Slow,
    /// Kafka has deleted them.
    Retention,
    /// The topic was deleted and created again: two different topic ids were observed.
    Recreated,
    /// The next offset to read is beyond the end of the partition, of the same topic as far as was seen. Where a group's committed
    /// offset would move back, nothing is committed until `resume_commits`.
    OutOfRange,
}

/// The group's committed positions moved (`offset` is the next to read).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Committed {
    pub subscription: u32,
    pub positions: Vec<Position>,
}

/// The end of a subscription, after its last record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unsubscribed {
    pub subscription: u32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fetched {
    pub records: Vec<Record>,
    /// Where to go on: the request's `to` when the range is complete, less when it did not fit into one answer or the
    /// partition ends before.
    pub next: Offset,
    /// Where an open transaction began, if the range reaches beyond it: what lies from there on is not visible yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_from: Option<Offset>,
}
