//! The messages from a client (the page, or any other program) to the bridge.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::message::messages;
use crate::{
    AddPartitions, AlterTopicConfig, ClusterDetailsRequest, ClusterRequest, CreateTopic, DeleteGroup, DeleteTopic,
    EmptyTopic, GroupRequest, GroupsRequest, HeaderView, Offset, PlanOffsetReset, Position, ProduceView, ResetOffsets,
    TopicPartition, TopicRequest, TopicsRequest, Unwatch, WatchCluster, WatchGroup, WatchGroups, WatchTopic,
    WatchTopics, WireBytes,
};

messages! {
    /// A message from client to bridge.
    ClientMessage {
        "hello" => Hello,
        "pong" => Pong,
        "produce" => Produce,
        "subscribe" => Subscribe,
        "flow" => Flow,
        "ack" => Ack,
        "resume_commits" => ResumeCommits,
        "unsubscribe" => Unsubscribe,
        "fetch" => Fetch,
        "cluster" => ClusterRequest,
        "topics" => TopicsRequest,
        "topic" => TopicRequest,
        "create_topic" => CreateTopic,
        "delete_topic" => DeleteTopic,
        "alter_topic_config" => AlterTopicConfig,
        "add_partitions" => AddPartitions,
        "empty_topic" => EmptyTopic,
        "groups" => GroupsRequest,
        "group" => GroupRequest,
        "delete_group" => DeleteGroup,
        "plan_offset_reset" => PlanOffsetReset,
        "reset_offsets" => ResetOffsets,
        "cluster_details" => ClusterDetailsRequest,
        "watch_cluster" => WatchCluster,
        "watch_topics" => WatchTopics,
        "watch_topic" => WatchTopic,
        "watch_groups" => WatchGroups,
        "watch_group" => WatchGroup,
        "unwatch" => Unwatch,
    }
}

/// The first message of a socket, within 10 s of the upgrade.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hello {
    /// `ponte.v1`; another value closes the socket with 4506.
    pub protocol: String,
    /// Name and version of the client, for the log.
    pub client: String,
    /// The [`ClusterName`](crate::ClusterName) of the Kafka cluster that the socket is for. Absent: the bridge's first
    /// cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// The access token, if the bridge needs one. It is never part of the URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<Secret>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume: Option<Resume>,
}

/// A secret that `Debug` does not print.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// Requests the session of a socket that was lost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Resume {
    pub session: String,
    /// A number that the client increases with each `hello`, so that a late `hello` of an abandoned socket cannot take
    /// the session from a newer one. Without it, the last `hello` to arrive gets the session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u64>,
}

/// The answer to `ping`. Any other frame is accepted as an answer too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Pong {}

/// Records to produce. `seq` is the number of the first record; the others follow consecutively. Numbers must increase
/// within a session. A malformed message is refused completely and uses no number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Produce {
    pub seq: u64,
    pub records: Vec<ProduceRecord>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ProduceRecord {
    pub topic: String,
    /// Absent: the partitioner chooses, by the murmur2 hash of the key as in Java clients, or any partition without a
    /// key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition: Option<i32>,
    #[serde(default)]
    pub key: WireBytes,
    #[serde(default)]
    pub value: WireBytes,
    #[serde(default)]
    pub headers: Vec<Header>,
    /// Milliseconds since 1970-01-01 UTC; absent means now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<i64>,
}

impl ProduceRecord {
    /// A view of the record, with the same type as for a record in a binary frame.
    pub fn view(&self) -> ProduceView<'_, impl Iterator<Item = HeaderView<'_>> + Clone> {
        ProduceView {
            partition: self.partition,
            timestamp: self.timestamp,
            key: self.key.as_kafka(),
            value: self.value.as_kafka(),
            headers: self.headers.iter().map(|Header(name, value)| (name.as_str(), value.as_kafka())),
        }
    }
}

/// `[name, bytes]`. Order and duplicates are preserved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header(pub String, pub WireBytes);

/// Opens a stream of records.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Subscribe {
    pub topics: Vec<String>,
    pub mode: Mode,
    /// The initial credit; `flow` grants more.
    pub window: Window,
    #[serde(default)]
    pub format: Format,
    /// Absent: `block` for groups, `skip` for tails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when_slow: Option<WhenSlow>,
}

/// How topics are read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Without a consumer group and without commits.
    Tail { start: TailStart },
    /// As a member of a consumer group.
    Group {
        id: String,
        /// Where to start in a partition without a committed offset.
        start: GroupStart,
        commit: CommitMode,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TailStart {
    Latest,
    Earliest,
    /// The last n records of each partition.
    Last(u64),
    /// The first record at or after this time, in milliseconds since 1970-01-01 UTC.
    Timestamp(i64),
    /// At these positions; other partitions are not read.
    Offsets(Vec<Position>),
    /// At these positions, for a client that reconnects; other partitions are new and read from their first record.
    Resume(Vec<Position>),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupStart {
    #[default]
    Earliest,
    Latest,
}

impl std::fmt::Display for GroupStart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Earliest => "earliest",
            Self::Latest => "latest",
        })
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CommitMode {
    /// `flow` acknowledges: what the client has handled may be committed.
    #[default]
    Auto,
    /// Only `ack` acknowledges.
    Ack,
}

/// Credit: how many records and bytes (of keys, values and headers) the bridge may still send. The bridge stops at the
/// first limit that is reached. A single record larger than the remaining bytes is sent when no other record is in
/// flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    pub records: u64,
    pub bytes: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    #[default]
    Json,
    Binary,
}

/// What happens to a subscription whose client falls behind the bridge's buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenSlow {
    /// The bridge stops reading until the client catches up.
    Block,
    /// The client receives a `gap` and continues with the newest records.
    Skip,
    /// The socket is closed with 4008.
    Close,
}

/// Absolute credit: the client has handled the records up to number `through`, and accepts this many further records
/// and bytes. Zero records pause the subscription. With `"commit": "auto"` this also acknowledges the records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flow {
    pub subscription: u32,
    pub through: u64,
    pub records: u64,
    pub bytes: u64,
}

/// Acknowledges positions, which may then be committed (`offset` is the next offset to read, as in Kafka).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ack {
    pub subscription: u32,
    pub positions: Vec<Position>,
}

/// The user confirms that the group's positions move to where reading started after an `out_of_range` gap, so that
/// acknowledged positions of these partitions are committed again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ResumeCommits {
    pub subscription: u32,
    /// Empty for every partition of the subscription.
    #[serde(default)]
    pub partitions: Vec<TopicPartition>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unsubscribe {
    pub subscription: u32,
}

/// Reads the offsets from `from` (inclusive) to `to` (exclusive) once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fetch {
    pub topic: String,
    pub partition: i32,
    pub from: Offset,
    pub to: Offset,
}
