//! The messages from a client (the page, or any other program) to the bridge.

use std::fmt;

use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::limits::PRODUCE_WINDOW;
use crate::message::messages;
use crate::{
    AddPartitions, AddSchema, AlterTopicConfig, CheckSchema, ClusterDetailsRequest, ClusterRequest, CreateTopic,
    Decode, DeleteGroup, DeleteSubject, DeleteTopic, DescribeEncoding, EmptyTopic, Encode, GroupRequest, GroupsRequest,
    HeaderView, Offset, PlanOffsetReset, Position, ProduceView, RegisterSchema, ResetOffsets, SchemaRequest, Search,
    SearchStop, SetCompatibility, SubjectRequest, SubjectsRequest, TimelineRequest, TopicPartition, TopicRequest,
    TopicsRequest, Unwatch, WatchCluster, WatchGroup, WatchGroups, WatchTopic, WatchTopics, WireBytes,
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
        "search" => Search,
        "search_stop" => SearchStop,
        "timeline" => TimelineRequest,
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
        "subjects" => SubjectsRequest,
        "subject" => SubjectRequest,
        "schema" => SchemaRequest,
        "check_schema" => CheckSchema,
        "register_schema" => RegisterSchema,
        "delete_subject" => DeleteSubject,
        "set_compatibility" => SetCompatibility,
        "add_schema" => AddSchema,
        "describe_encoding" => DescribeEncoding,
        "encode" => Encode,
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Hello {
    /// `ponte.v1`; another value closes the socket with 4506.
    pub protocol: String,
    /// Name and version of the client, for the log.
    pub client: String,
    /// The name of the Kafka cluster that the socket is for. Absent: the bridge's first cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// The access token, if the bridge needs one. It is never part of the URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<Secret>,
    /// The session to continue after a lost socket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume: Option<Resume>,
}

/// A secret, such as an access token. `Debug` does not print it.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// Requests the session of a socket that was lost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Resume {
    /// The id from `welcome.session` of the lost socket.
    pub session: String,
    /// A number that the client increases with each `hello`, so that a late `hello` of an abandoned socket cannot take
    /// the session from a newer one. Without it, the last `hello` to arrive gets the session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u64>,
}

/// The answer to `ping`. Any other frame is accepted as an answer too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Pong {}

/// Records to produce. `seq` is the number of the first record; the others follow consecutively. Numbers must increase
/// within a session. A malformed message is refused completely and uses no number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Produce {
    /// The sequence number of the first record.
    pub seq: u64,
    /// The records, at most `limits.produce_window`. They may be for different topics.
    #[serde(deserialize_with = "read_records")]
    pub records: Vec<ProduceRecord>,
}

/// A record to produce.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ProduceRecord {
    /// The name of the topic.
    pub topic: String,
    /// Absent: the partitioner chooses, by the murmur2 hash of the key as in Java clients, or any partition without a
    /// key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition: Option<i32>,
    /// Absent: null.
    #[serde(default)]
    pub key: WireBytes,
    /// Absent: null, which is a tombstone.
    #[serde(default)]
    pub value: WireBytes,
    /// Absent: none.
    #[serde(default)]
    pub headers: Vec<Header>,
    /// Milliseconds since 1970-01-01 UTC; absent means now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<i64>,
}

/// Reads at most one record more than a message may have: a frame of many tiny records would take a multiple of its size.
fn read_records<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<ProduceRecord>, D::Error> {
    struct Records;

    impl<'de> Visitor<'de> for Records {
        type Value = Vec<ProduceRecord>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an array of records")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Self::Value, A::Error> {
            let mut records = Vec::new();
            while records.len() as u64 <= PRODUCE_WINDOW {
                match array.next_element()? {
                    Some(record) => records.push(record),
                    None => return Ok(records),
                }
            }
            while let Some(IgnoredAny) = array.next_element()? {}
            Ok(records)
        }
    }

    deserializer.deserialize_seq(Records)
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Header(pub String, pub WireBytes);

/// Opens a stream of records.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Subscribe {
    /// The names of the topics to read.
    pub topics: Vec<String>,
    /// With or without a consumer group, and where to start.
    pub mode: Mode,
    /// The initial credit; `flow` grants more.
    pub window: Window,
    /// Absent: `json`.
    #[serde(default)]
    pub format: Format,
    /// Absent: `block` for groups, `skip` for tails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when_slow: Option<WhenSlow>,
    /// Absent: keys and values are sent as they are.
    #[serde(default, skip_serializing_if = "Decode::is_raw")]
    pub decode: Decode,
}

/// How topics are read: an object with one member, which is named after the mode.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Without a consumer group and without commits.
    Tail {
        /// Where to start.
        start: TailStart,
    },
    /// As a member of a consumer group.
    Group {
        /// The name of the group.
        id: String,
        /// Where to start in a partition without a committed offset.
        start: GroupStart,
        /// Which messages acknowledge records.
        commit: CommitMode,
    },
}

/// Where a tail starts: a string, or an object with one member.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum TailStart {
    /// At the end of each partition.
    Latest,
    /// At the first record that each partition still has.
    Earliest,
    /// The last n records of each partition. The bridge reads back past offsets without records (of transactions and
    /// compaction) as far as it can in a few seconds; if it finds fewer records, the error `fewer_records` says so and
    /// reading starts at the first record found. If n times the partitions exceeds 10,000, offsets are counted instead of
    /// records, so that there may be fewer.
    Last(u64),
    /// The first record at or after this time, in milliseconds since 1970-01-01 UTC.
    Timestamp(i64),
    /// At these positions; other partitions are not read.
    Offsets(Vec<Position>),
    /// At these positions, for a client that reconnects; other partitions are new and read from their first record.
    Resume(Vec<Position>),
}

/// Where a group starts in a partition without a committed offset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum GroupStart {
    /// At the first record that the partition still has.
    #[default]
    Earliest,
    /// At the end of the partition.
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

/// Which messages acknowledge records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Window {
    /// Zero records: nothing is sent until `flow` grants more.
    pub records: u64,
    /// Zero bytes: nothing is sent until `flow` grants more.
    pub bytes: u64,
}

/// The form in which the bridge sends records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// As `records` messages.
    #[default]
    Json,
    /// As binary frames.
    Binary,
}

/// What happens to a subscription whose client falls behind the bridge's buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Flow {
    /// The number of the subscription, from `subscribed`.
    pub subscription: u32,
    /// The number (`seq`) of the last record that the client has handled; 0 for none.
    pub through: u64,
    /// How many records beyond `through` the bridge may send.
    pub records: u64,
    /// How many bytes of keys, values and headers beyond `through` the bridge may send.
    pub bytes: u64,
}

/// Acknowledges positions, which may then be committed (`offset` is the next offset to read, as in Kafka).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Ack {
    /// The number of the subscription, from `subscribed`.
    pub subscription: u32,
    /// For each partition, the offset after the last record that was handled.
    pub positions: Vec<Position>,
}

/// The user confirms that the group's positions move to where reading started after an `out_of_range` gap, so that
/// acknowledged positions of these partitions are committed again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ResumeCommits {
    /// The number of the subscription, from `subscribed`.
    pub subscription: u32,
    /// Empty for every partition of the subscription.
    #[serde(default)]
    pub partitions: Vec<TopicPartition>,
}

/// Ends a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Unsubscribe {
    /// The number of the subscription, from `subscribed`.
    pub subscription: u32,
}

/// Reads the offsets from `from` (inclusive) to `to` (exclusive) once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Fetch {
    /// The name of the topic.
    pub topic: String,
    /// The number of the partition, from 0.
    pub partition: i32,
    /// The first offset.
    pub from: Offset,
    /// The offset after the last one.
    pub to: Offset,
    /// Absent: keys and values are sent as they are.
    #[serde(default, skip_serializing_if = "Decode::is_raw")]
    pub decode: Decode,
}
