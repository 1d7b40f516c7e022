//! Topics: requests and their replies.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{ErrorBody, Offset};

/// Requests the list of topics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TopicsRequest {}

/// The topics that the user may describe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TopicsResult {
    /// Sorted by name.
    pub topics: Vec<TopicSummary>,
}

/// A topic in the list of topics.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TopicSummary {
    /// The name of the topic.
    pub name: String,
    /// The number of partitions.
    pub partitions: u32,
    /// The smallest number of replicas of its partitions.
    pub replication: u32,
    /// An internal topic of Kafka: its name begins with `__`.
    pub internal: bool,
    /// The number of offsets between the start and the end of its partitions. The topic has at most this many records:
    /// compaction and transactions leave offsets without records. Null if a partition did not report its offsets.
    #[serde(default)]
    pub records: Option<u64>,
    /// Records written per second since the previous query. Only in a live view, from its second query on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
    /// Partitions with fewer in-sync replicas than replicas.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub under_replicated: u32,
    /// Partitions without a leader.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub offline: u32,
}

/// Requests the partitions and settings of a topic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TopicRequest {
    /// The name of the topic.
    pub name: String,
}

/// The partitions and settings of a topic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TopicResult {
    /// The name of the topic.
    pub name: String,
    /// Sorted by number.
    pub partitions: Vec<PartitionInfo>,
    /// An internal topic of Kafka: its name begins with `__`.
    #[serde(default)]
    pub internal: bool,
    /// Sorted by name; empty if Kafka did not report them (`settings_error`).
    #[serde(default)]
    pub settings: Vec<TopicSetting>,
    /// Why Kafka did not report the settings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings_error: Option<ErrorBody>,
    /// The topic's `max.message.bytes`: the largest batch that the topic takes, after compression. A record needs a few
    /// more bytes than its key, value and headers. Absent if Kafka did not report it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_message_bytes: Option<u64>,
}

/// A partition of a topic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PartitionInfo {
    /// The number of the partition, from 0.
    pub partition: i32,
    /// The leader's broker id; null if there is no leader.
    pub leader: Option<i32>,
    /// The broker ids of all replicas.
    pub replicas: Vec<i32>,
    /// The broker ids of the in-sync replicas.
    pub in_sync: Vec<i32>,
    /// The replicas on brokers that are down.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub offline: Vec<i32>,
    /// The first offset that the partition still has. `low` and `high` are 0 with `offsets_unknown`.
    pub low: Offset,
    /// The high watermark: the offset of the next record to be written.
    pub high: Offset,
    /// The partition has no leader, or the leader did not report the offsets. The partition may have records.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub offsets_unknown: bool,
}

impl PartitionInfo {
    /// The number of offsets between `low` and `high`; `None` if Kafka did not report them.
    pub fn records(&self) -> Option<u64> {
        let is_known = self.leader.is_some() && !self.offsets_unknown;
        is_known.then(|| u64::try_from(self.high.0.saturating_sub(self.low.0)).unwrap_or(0))
    }
}

/// A setting of a topic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TopicSetting {
    /// The name of the setting, such as `retention.ms`.
    pub name: String,
    /// Null if the setting is sensitive or not set.
    pub value: Option<String>,
    /// The value without the topic's own setting; null if Kafka did not report it.
    #[serde(default)]
    pub default: Option<String>,
    /// Where the value comes from.
    pub source: SettingSource,
    /// Whether the setting cannot be changed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub read_only: bool,
    /// The value is secret and not reported.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sensitive: bool,
    /// The description of the setting, if the bridge has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub documentation: Option<String>,
}

/// Where the value of a setting comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum SettingSource {
    /// Set for this topic.
    Topic,
    /// Set dynamically for one broker.
    Broker,
    /// Set dynamically for all brokers.
    Cluster,
    /// The broker's configuration file.
    File,
    /// Kafka's default.
    Default,
    /// Kafka reported a source that the bridge does not know.
    Unknown,
}

/// Creates a topic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CreateTopic {
    /// The name of the new topic.
    pub name: String,
    /// Absent: the broker's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partitions: Option<i32>,
    /// Absent: the broker's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replication: Option<i32>,
    /// Settings that differ from the defaults.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub config: BTreeMap<String, String>,
}

/// The topic was created.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CreateTopicResult {
    /// The name of the topic.
    pub name: String,
}

/// Changes the given settings; all others are unchanged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AlterTopicConfig {
    /// The name of the topic.
    pub name: String,
    /// New values by name of the setting.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub set: BTreeMap<String, String>,
    /// Settings to reset to their defaults.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub delete: Vec<String>,
}

/// The settings were changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AlterTopicConfigResult {
    /// The name of the topic.
    pub name: String,
    /// The changed settings; empty if no setting changed.
    pub changes: Vec<SettingChange>,
}

/// A setting that was changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SettingChange {
    /// The name of the setting.
    pub name: String,
    /// Null if the setting is sensitive or was not set.
    pub from: Option<String>,
    /// The new value, with the same meaning of null.
    pub to: Option<String>,
}

/// Increases the number of partitions. Existing records stay in their partitions, but keys may map to other partitions
/// afterwards.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AddPartitions {
    /// The name of the topic.
    pub name: String,
    /// The new total number of partitions.
    pub partitions: i32,
    /// The topic's name, typed again by the user.
    #[serde(default)]
    pub confirm: String,
}

/// The partitions were added.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AddPartitionsResult {
    /// The name of the topic.
    pub name: String,
    /// The previous number of partitions.
    pub from: i32,
    /// The new number of partitions.
    pub partitions: i32,
}

/// Deletes all records that exist now; the topic itself is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EmptyTopic {
    /// The name of the topic.
    pub name: String,
    /// The topic's name, typed again by the user.
    #[serde(default)]
    pub confirm: String,
}

/// The records were deleted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EmptyTopicResult {
    /// The name of the topic.
    pub name: String,
    /// Every partition of the topic.
    pub partitions: Vec<EmptiedPartition>,
}

/// The partition's first offset before and after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EmptiedPartition {
    /// The number of the partition, from 0.
    pub partition: i32,
    /// The first offset before.
    pub from: Offset,
    /// The first offset now.
    pub to: Offset,
}

/// Deletes a topic with all its records.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DeleteTopic {
    /// The name of the topic.
    pub name: String,
    /// The topic's name, typed again by the user.
    #[serde(default)]
    pub confirm: String,
}

/// The topic was deleted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DeleteTopicResult {
    /// The name of the topic.
    pub name: String,
}

fn is_zero(count: &u32) -> bool {
    *count == 0
}
