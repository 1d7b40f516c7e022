//! Live views: the bridge pushes an object's data when it changes.

use serde::{Deserialize, Serialize};

use crate::{
    Broker, ClusterDetails, ErrorBody, GroupMember, GroupPosition, GroupProtocol, GroupSummary, PartitionInfo,
    TopicPartition, TopicSummary,
};

/// Watches the brokers, and under-replicated and offline partitions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WatchCluster {}

/// Watches the list of topics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WatchTopics {}

/// Watches the partitions of one topic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WatchTopic {
    pub name: String,
}

/// Watches the list of consumer groups.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WatchGroups {}

/// Watches the members, positions and lag of one group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WatchGroup {
    pub group: String,
}

/// Ends a live view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unwatch {
    pub watch: u32,
}

/// The reply to each `watch_…` request. Pushes of the view have the same number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watching {
    pub watch: u32,
}

/// The live view has ended; no push follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unwatched {
    pub watch: u32,
}

/// The last query of Kafka failed, so the data pushed before is the latest available. The view continues.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WatchTrouble {
    pub watch: u32,
    pub error: ErrorBody,
}

/// Always complete.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClusterDetailsChanged {
    pub watch: u32,
    /// When Kafka was queried, in milliseconds since 1970-01-01 UTC.
    pub at: i64,
    pub details: ClusterDetails,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TopicsChanged {
    pub watch: u32,
    /// When Kafka was queried, in milliseconds since 1970-01-01 UTC.
    pub at: i64,
    /// New or changed topics.
    pub topics: Vec<TopicSummary>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TopicChanged {
    pub watch: u32,
    /// When Kafka was queried, in milliseconds since 1970-01-01 UTC.
    pub at: i64,
    /// New or changed partitions. Kafka never removes partitions.
    pub partitions: Vec<PartitionInfo>,
    /// Counted as in the list of topics, over the partitions whose offsets are known
    /// ([`PartitionInfo::offsets_unknown`]).
    pub records: u64,
    /// Records written per second since the previous query. From the second query on, if both queries know the offsets
    /// of all partitions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupsChanged {
    pub watch: u32,
    /// When Kafka was queried, in milliseconds since 1970-01-01 UTC.
    pub at: i64,
    /// New or changed groups.
    pub groups: Vec<GroupSummary>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<String>,
}

/// Pushed after every query, even without changes, so that a chart gets a point for each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupChanged {
    pub watch: u32,
    /// When Kafka was queried, in milliseconds since 1970-01-01 UTC.
    pub at: i64,
    /// Kafka's name of the state; `Dead` if the group does not exist.
    pub state: String,
    pub protocol: Option<GroupProtocol>,
    pub coordinator: Option<Broker>,
    pub assignor: Option<String>,
    /// The total lag in records.
    pub lag: u64,
    /// All members; absent if they did not change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub members: Option<Vec<GroupMember>>,
    /// New or changed positions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub positions: Vec<GroupPosition>,
    /// Partitions in which the group has no position any more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<TopicPartition>,
}
