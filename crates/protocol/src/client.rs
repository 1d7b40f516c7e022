//! What a client (the page, or anyone's program) sends to the bridge.

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

/// The first message, within 10 s of the upgrade.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hello {
    /// `ponte.v1`; anything else closes with 4506.
    pub protocol: String,
    /// Name and version of the client, for the log.
    pub client: String,
    /// The access token, where the bridge asks for one. Never in the URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<Secret>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume: Option<Resume>,
}

/// What no log and no error shows.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// Asks for the session that a lost socket left behind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Resume {
    pub session: String,
    /// Higher each time this client says `hello`: a socket that it gave up, and whose `hello` comes late, then takes nothing
    /// from the newer one. Without it the last to arrive has the session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u64>,
}

/// The answer to `ping`; any other frame counts as one too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Pong {}

/// Records to write. `seq` numbers the first; the others count up from it; numbers only rise within a session.
/// A malformed message is refused whole and uses up no number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Produce {
    pub seq: u64,
    pub records: Vec<ProduceRecord>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ProduceRecord {
    pub topic: String,
    /// Absent: by the key's murmur2 hash as Java clients do, any partition without a key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition: Option<i32>,
    #[serde(default)]
    pub key: WireBytes,
    #[serde(default)]
    pub value: WireBytes,
    #[serde(default)]
    pub headers: Vec<Header>,
    /// Milliseconds since 1970-01-01 UTC; absent: now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<i64>,
}

impl ProduceRecord {
    /// The same record as a binary frame would lend it.
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

/// `[name, bytes]`. Order and duplicates are kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header(pub String, pub WireBytes);

/// Opens a stream of records.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Subscribe {
    pub topics: Vec<String>,
    pub mode: Mode,
    /// The first credit; more comes by `flow`.
    pub window: Window,
    #[serde(default)]
    pub format: Format,
    /// Absent: `block` for groups, `skip` for tails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when_slow: Option<WhenSlow>,
}

/// How a topic is read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Looks on: no group, no commits.
    Tail { start: TailStart },
    /// Joins a consumer group.
    Group {
        id: String,
        /// Where a partition without a committed offset starts.
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
    /// These positions; partitions not named are not read.
    Offsets(Vec<Position>),
    /// These positions, of a client that comes back; partitions not named are new and read from their first record.
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
    /// Only `ack` does.
    Ack,
}

/// Credit: how many records and bytes (of keys, values and headers) may still be sent. The bridge stops at the
/// first limit reached, but a single record larger than the bytes left is sent when nothing else is on its way.
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
    /// The client gets a `gap` and goes on with what is newest.
    Skip,
    /// The socket is closed with 4008.
    Close,
}

/// Absolute credit: "I have handled the records up to number `through`; beyond it you may send this many records
/// and bytes". Zero records pause. With `"commit": "auto"` it acknowledges as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flow {
    pub subscription: u32,
    pub through: u64,
    pub records: u64,
    pub bytes: u64,
}

/// Moves what may be committed (`offset` is the next to read, as Kafka has it).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ack {
    pub subscription: u32,
    pub positions: Vec<Position>,
}

/// The user agrees that the group's positions move to where reading started after an `out_of_range` gap: what is acknowledged
/// of these partitions is committed again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ResumeCommits {
    pub subscription: u32,
    /// Empty: every partition of the subscription.
    #[serde(default)]
    pub partitions: Vec<TopicPartition>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unsubscribe {
    pub subscription: u32,
}

/// Reads the offsets `from` (inclusive) to `to` (exclusive) once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fetch {
    pub topic: String,
    pub partition: i32,
    pub from: Offset,
    pub to: Offset,
}
