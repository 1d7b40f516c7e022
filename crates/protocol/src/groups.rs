//! Consumer groups: requests and their replies.

use serde::{Deserialize, Serialize};

use crate::{Broker, Offset, TopicPartition};

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GroupsRequest {}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupsResult {
    /// Sorted by name.
    pub groups: Vec<GroupSummary>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupSummary {
    pub group: String,
    /// Kafka's name of the state: `Stable`, `Empty`, `PreparingRebalance`, `Assigning` …
    pub state: String,
    pub members: u32,
    /// Null if Kafka did not report it.
    #[serde(default)]
    pub protocol: Option<GroupProtocol>,
    /// The topics in which the group has a committed position or a member is assigned, sorted by name.
    #[serde(default)]
    pub topics: Vec<String>,
    /// The total lag in records; null if Kafka did not report it.
    #[serde(default)]
    pub lag: Option<u64>,
}

/// How partitions are assigned to the members of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupProtocol {
    /// A member of the group assigns the partitions.
    Classic,
    /// The broker assigns them (KIP-848).
    Consumer,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupRequest {
    #[serde(rename = "group")]
    pub group: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupResult {
    pub group: String,
    /// Kafka's name of the state: `Stable`, `Empty`, `PreparingRebalance`, `Assigning` …
    pub state: String,
    pub members: Vec<GroupMember>,
    /// The partitions in which the group has a committed position or a member is assigned, sorted by topic and
    /// partition.
    pub positions: Vec<GroupPosition>,
    /// Null if Kafka did not report it.
    #[serde(default)]
    pub protocol: Option<GroupProtocol>,
    /// The broker that coordinates the group.
    #[serde(default)]
    pub coordinator: Option<Broker>,
    /// The assignment strategy (`range`, `cooperative-sticky`, `uniform` …); null if partitions are not assigned.
    #[serde(default)]
    pub assignor: Option<String>,
    /// The total lag in records.
    #[serde(default)]
    pub lag: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupMember {
    pub member: String,
    pub client: String,
    pub host: String,
    /// The partitions assigned to the member.
    pub partitions: Vec<TopicPartition>,
    /// The id of a static member (`group.instance.id`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupPosition {
    pub topic: String,
    pub partition: i32,
    /// The committed position; null if there is none.
    pub offset: Option<Offset>,
    /// The log end offset: the offset of the next record to be written.
    pub end: Offset,
    /// Records from the position to the end; without a committed position, all records of the partition.
    pub lag: u64,
}

/// Deletes a group and its positions. The group must have no members.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeleteGroup {
    pub group: String,
    /// The group's name, typed again by the user.
    #[serde(default)]
    pub confirm: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeleteGroupResult {
    pub group: String,
}
