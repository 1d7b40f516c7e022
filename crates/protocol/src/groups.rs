//! Consumer groups: the messages that ask for them, and their answers.

use serde::{Deserialize, Serialize};

use crate::{Broker, Offset, TopicPartition};

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GroupsRequest {}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupsResult {
    /// By name.
    pub groups: Vec<GroupSummary>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupSummary {
    pub group: String,
    /// As Kafka calls it: `Stable`, `Empty`, `PreparingRebalance`, `Assigning` …
    pub state: String,
    pub members: u32,
    /// Null where Kafka does not tell.
    #[serde(default)]
    pub protocol: Option<GroupProtocol>,
    /// The topics in which it has a position or a member reads, by name.
    #[serde(default)]
    pub topics: Vec<String>,
    /// How many records it is behind in all; null where Kafka did not tell.
    #[serde(default)]
    pub lag: Option<u64>,
}

/// How the members of a group share its partitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupProtocol {
    /// A member assigns the partitions.
    Classic,
    /// The broker does (KIP-848).
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
    /// As Kafka calls it: `Stable`, `Empty`, `PreparingRebalance`, `Assigning` …
    pub state: String,
    pub members: Vec<GroupMember>,
    /// Where it has a position or a member reads, by topic and partition.
    pub positions: Vec<GroupPosition>,
    /// Null where Kafka does not tell.
    #[serde(default)]
    pub protocol: Option<GroupProtocol>,
    /// The broker that leads the group.
    #[serde(default)]
    pub coordinator: Option<Broker>,
    /// How partitions are assigned (`range`, `cooperative-sticky`, `uniform` …); null where nobody assigns.
    #[serde(default)]
    pub assignor: Option<String>,
    /// How many records it is behind in all.
    #[serde(default)]
    pub lag: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupMember {
    pub member: String,
    pub client: String,
    pub host: String,
    /// What it reads now.
    pub partitions: Vec<TopicPartition>,
    /// The name of a static member (`group.instance.id`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupPosition {
    pub topic: String,
    pub partition: i32,
    /// The committed position; null where nothing was committed.
    pub offset: Option<Offset>,
    /// The next offset to be written.
    pub end: Offset,
    /// Records from the position to the end; where nothing was committed, all that are there.
    pub lag: u64,
}

/// Deletes a group and its positions. It must have no members.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeleteGroup {
    pub group: String,
    /// The group's name once more, typed by the user.
    #[serde(default)]
    pub confirm: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeleteGroupResult {
    pub group: String,
}
