//! Live views: what a client looks at is pushed as it changes.

use serde::{Deserialize, Serialize};

use crate::{
    Broker, ClusterDetails, ErrorBody, GroupMember, GroupPosition, GroupProtocol, GroupSummary, PartitionInfo,
    TopicPartition, TopicSummary,
};

/// Looks at the brokers and at partitions in trouble.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WatchCluster {}

/// Looks at the list of topics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WatchTopics {}

/// Looks at one topic's partitions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WatchTopic {
    pub name: String,
}

/// Looks at the list of groups.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WatchGroups {}

/// Looks at one group's members, positions and lag.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WatchGroup {
    pub group: String,
}

/// Ends a live view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unwatch {
    pub watch: u32,
}

/// The answer to each `watch_…`; pushes carry the same number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watching {
    pub watch: u32,
}

/// Nothing of this watch follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unwatched {
    pub watch: u32,
}

/// Kafka did not answer the last look: what was pushed before is as new as it gets. The view goes on by itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WatchTrouble {
    pub watch: u32,
    pub error: ErrorBody,
}

/// Always complete.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClusterDetailsChanged {
    pub watch: u32,
    /// When Kafka was asked, in milliseconds since 1970-01-01 UTC.
    pub at: i64,
    pub details: ClusterDetails,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TopicsChanged {
    pub watch: u32,
    /// When Kafka was asked, in milliseconds since 1970-01-01 UTC.
    pub at: i64,
    /// New or different ones.
    pub topics: Vec<TopicSummary>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TopicChanged {
    pub watch: u32,
    /// When Kafka was asked, in milliseconds since 1970-01-01 UTC.
    pub at: i64,
    /// New or different ones. Partitions never go away.
    pub partitions: Vec<PartitionInfo>,
    /// As in the list of topics, of the partitions whose offsets are known ([`PartitionInfo::offsets_unknown`]).
    pub records: u64,
    /// Records written per second since the last look; from the second look on, where both looks know the offsets of all
    /// partitions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupsChanged {
    pub watch: u32,
    /// When Kafka was asked, in milliseconds since 1970-01-01 UTC.
    pub at: i64,
    /// New or different ones.
    pub groups: Vec<GroupSummary>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<String>,
}

/// Comes at every look, changed or not, so that a chart has its points.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupChanged {
    pub watch: u32,
    /// When Kafka was asked, in milliseconds since 1970-01-01 UTC.
    pub at: i64,
    /// As Kafka calls it; `Dead` while there is no such group.
    pub state: String,
    pub protocol: Option<GroupProtocol>,
    pub coordinator: Option<Broker>,
    pub assignor: Option<String>,
    /// How many records it is behind in all.
    pub lag: u64,
    /// All of them; absent where nothing changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub members: Option<Vec<GroupMember>>,
    /// New or different ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub positions: Vec<GroupPosition>,
    /// Positions that are gone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<TopicPartition>,
}
