//! Consumer groups: requests and their replies.

use serde::{Deserialize, Serialize};

use crate::{Broker, ErrorBody, Offset, TopicPartition};

/// Requests the list of consumer groups.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GroupsRequest {}

/// The consumer groups that the user may describe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GroupsResult {
    /// Sorted by name.
    pub groups: Vec<GroupSummary>,
}

/// A consumer group in the list of groups.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GroupSummary {
    /// The name of the group.
    pub group: String,
    /// Kafka's name of the state: `Stable`, `Empty`, `PreparingRebalance`, `Assigning` …
    pub state: String,
    /// The number of members. Null if Kafka did not report it.
    #[serde(default)]
    pub members: Option<u32>,
    /// The type of the group.
    #[serde(default)]
    pub kind: GroupKind,
    /// Null if Kafka did not report it, or the group is not a consumer group.
    #[serde(default)]
    pub protocol: Option<GroupProtocol>,
    /// The topics in which the group has a committed position or a member is assigned, sorted by name.
    #[serde(default)]
    pub topics: Vec<String>,
    /// The sum of [`GroupPosition::lag`]; null if Kafka did not report it.
    #[serde(default)]
    pub lag: Option<u64>,
}

/// Kafka's type of a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum GroupKind {
    /// A consumer group with the classic protocol.
    Classic,
    /// A consumer group with the protocol of KIP-848.
    Consumer,
    /// A share group (KIP-932): its members share partitions and acknowledge each record.
    Share,
    /// A group of Kafka Streams (KIP-1071).
    Streams,
    /// Another type of group, or Kafka did not report the type.
    #[default]
    Other,
}

impl GroupKind {
    /// Kafka's name of the type.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Classic => "classic",
            Self::Consumer => "consumer",
            Self::Share => "share",
            Self::Streams => "streams",
            Self::Other => "other",
        }
    }
}

/// How partitions are assigned to the members of a consumer group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum GroupProtocol {
    /// A member of the group assigns the partitions.
    Classic,
    /// The broker assigns them (KIP-848).
    Consumer,
}

/// Requests the members, positions and lag of a consumer group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GroupRequest {
    /// The name of the group.
    #[serde(rename = "group")]
    pub group: String,
}

/// The members, positions and lag of a consumer group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GroupResult {
    /// The name of the group.
    pub group: String,
    /// Kafka's name of the state: `Stable`, `Empty`, `PreparingRebalance`, `Assigning` …
    pub state: String,
    /// The members of the group.
    pub members: Vec<GroupMember>,
    /// The partitions in which the group has a committed position or a member is assigned, sorted by topic and
    /// partition.
    pub positions: Vec<GroupPosition>,
    /// The type of the group.
    #[serde(default)]
    pub kind: GroupKind,
    /// Why members or positions are missing; absent if the group is described completely.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_described: Option<ErrorBody>,
    /// Null if Kafka did not report it, or the group is not a consumer group.
    #[serde(default)]
    pub protocol: Option<GroupProtocol>,
    /// The broker that coordinates the group.
    #[serde(default)]
    pub coordinator: Option<Broker>,
    /// The assignment strategy (`range`, `cooperative-sticky`, `uniform` …); null if partitions are not assigned.
    #[serde(default)]
    pub assignor: Option<String>,
    /// The sum of [`GroupPosition::lag`].
    #[serde(default)]
    pub lag: u64,
}

/// A member of a consumer group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GroupMember {
    /// The member id that the broker has assigned.
    pub member: String,
    /// The member's `client.id`.
    pub client: String,
    /// The address from which the member is connected.
    pub host: String,
    /// The partitions assigned to the member.
    pub partitions: Vec<TopicPartition>,
    /// The id of a static member (`group.instance.id`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
}

/// The position of a consumer group in a partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GroupPosition {
    /// The name of the topic.
    pub topic: String,
    /// The number of the partition, from 0.
    pub partition: i32,
    /// The committed position; null if there is none.
    pub offset: Option<Offset>,
    /// The log end offset: the offset of the next record to be written.
    pub end: Offset,
    /// Offsets from the position to the end; without a committed position, all offsets of the partition. The group has at
    /// most this many records to read: compaction and transactions leave offsets without records.
    pub lag: u64,
}

/// Deletes a group and its positions. The group must have no members.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DeleteGroup {
    /// The name of the group.
    pub group: String,
    /// The group's name, typed again by the user.
    #[serde(default)]
    pub confirm: String,
}

/// The group was deleted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DeleteGroupResult {
    /// The name of the group.
    pub group: String,
}
