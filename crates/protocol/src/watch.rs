//! Live views: the bridge pushes an object's data when it changes.

use serde::{Deserialize, Serialize};

use crate::{
    Broker, ClusterDetails, ErrorBody, GroupKind, GroupMember, GroupPosition, GroupProtocol, GroupSummary,
    PartitionInfo, TopicPartition, TopicSummary,
};

/// Watches the brokers, and under-replicated and offline partitions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct WatchCluster {}

/// Watches the list of topics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct WatchTopics {}

/// Watches the partitions of one topic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct WatchTopic {
    /// The name of the topic.
    pub name: String,
}

/// Watches the list of consumer groups.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct WatchGroups {}

/// Watches the members, positions and lag of one group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct WatchGroup {
    /// The name of the group.
    pub group: String,
}

/// Ends a live view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Unwatch {
    /// The number of the live view, from `watching`.
    pub watch: u32,
}

/// The reply to each `watch_…` request. Pushes of the view have the same number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Watching {
    /// The number of the live view, from `watching`.
    pub watch: u32,
}

/// The live view has ended; no push follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Unwatched {
    /// The number of the live view, from `watching`.
    pub watch: u32,
}

/// The last query of Kafka failed, so the data pushed before is the latest available. The view continues.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct WatchTrouble {
    /// The number of the live view, from `watching`.
    pub watch: u32,
    /// Why the query failed.
    pub error: ErrorBody,
}

/// Always complete.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ClusterDetailsChanged {
    /// The number of the live view, from `watching`.
    pub watch: u32,
    /// When Kafka was queried, in milliseconds since 1970-01-01 UTC.
    pub at: i64,
    /// The state of the brokers and partitions.
    pub details: ClusterDetails,
}

/// The list of topics changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TopicsChanged {
    /// The number of the live view, from `watching`.
    pub watch: u32,
    /// When Kafka was queried, in milliseconds since 1970-01-01 UTC.
    pub at: i64,
    /// New or changed topics.
    pub topics: Vec<TopicSummary>,
    /// The names of topics that are gone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<String>,
}

/// Partitions of the topic, its number of records or its rate changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TopicChanged {
    /// The number of the live view, from `watching`.
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

/// The list of consumer groups changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GroupsChanged {
    /// The number of the live view, from `watching`.
    pub watch: u32,
    /// When Kafka was queried, in milliseconds since 1970-01-01 UTC.
    pub at: i64,
    /// New or changed groups.
    pub groups: Vec<GroupSummary>,
    /// The names of groups that are gone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<String>,
}

/// Pushed after every query, even without changes, so that a chart gets a point for each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GroupChanged {
    /// The number of the live view, from `watching`.
    pub watch: u32,
    /// When Kafka was queried, in milliseconds since 1970-01-01 UTC.
    pub at: i64,
    /// Kafka's name of the state; `Dead` if the group does not exist.
    pub state: String,
    /// The type of the group.
    #[serde(default)]
    pub kind: GroupKind,
    /// Why members or positions are missing, as in [`GroupResult`](crate::GroupResult).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_described: Option<ErrorBody>,
    /// Null if Kafka did not report it.
    pub protocol: Option<GroupProtocol>,
    /// The broker that coordinates the group; null if there is none.
    pub coordinator: Option<Broker>,
    /// The assignment strategy; null if partitions are not assigned.
    pub assignor: Option<String>,
    /// The sum of [`GroupPosition::lag`].
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
