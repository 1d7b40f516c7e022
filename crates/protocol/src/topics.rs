//! Topics: requests and their replies.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{ErrorBody, Offset};

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TopicsRequest {}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TopicsResult {
    /// Sorted by name.
    pub topics: Vec<TopicSummary>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TopicSummary {
    pub name: String,
    pub partitions: u32,
    /// The smallest number of replicas of its partitions.
    pub replication: u32,
    /// An internal topic of Kafka: its name begins with `__`.
    pub internal: bool,
    /// The number of offsets between the start and the end of its partitions, which is the number of records except for
    /// holes from compaction and transactions. Null if a partition did not report its offsets.
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

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TopicRequest {
    pub name: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TopicResult {
    pub name: String,
    pub partitions: Vec<PartitionInfo>,
    #[serde(default)]
    pub internal: bool,
    /// Sorted by name; empty if Kafka did not report them (`settings_error`).
    #[serde(default)]
    pub settings: Vec<TopicSetting>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings_error: Option<ErrorBody>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionInfo {
    pub partition: i32,
    /// The leader's broker id; null if there is no leader.
    pub leader: Option<i32>,
    pub replicas: Vec<i32>,
    pub in_sync: Vec<i32>,
    /// The replicas on brokers that are down.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub offline: Vec<i32>,
    /// The first offset that the partition still has, and the offset of the next record to be written. Both are 0 with
    /// `offsets_unknown`.
    pub low: Offset,
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
pub struct TopicSetting {
    pub name: String,
    /// Null if the setting is sensitive or not set.
    pub value: Option<String>,
    /// The value without the topic's own setting; null if Kafka did not report it.
    #[serde(default)]
    pub default: Option<String>,
    pub source: SettingSource,
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
    Unknown,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CreateTopic {
    pub name: String,
    /// Absent: the broker's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partitions: Option<i32>,
    /// Absent: the broker's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replication: Option<i32>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub config: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CreateTopicResult {
    pub name: String,
}

/// Changes the given settings; all others are unchanged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlterTopicConfig {
    pub name: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub set: BTreeMap<String, String>,
    /// Settings to reset to their defaults.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub delete: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlterTopicConfigResult {
    pub name: String,
    /// The changed settings; empty if no setting changed.
    pub changes: Vec<SettingChange>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingChange {
    pub name: String,
    /// Null if the setting is sensitive or was not set.
    pub from: Option<String>,
    pub to: Option<String>,
}

/// Increases the number of partitions. Existing records stay in their partitions, but keys may map to other partitions
/// afterwards.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AddPartitions {
    pub name: String,
    /// The new total number of partitions.
    pub partitions: i32,
    /// The topic's name, typed again by the user.
    #[serde(default)]
    pub confirm: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AddPartitionsResult {
    pub name: String,
    /// The previous number of partitions.
    pub from: i32,
    pub partitions: i32,
}

/// Deletes all records that exist now; the topic itself is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EmptyTopic {
    pub name: String,
    /// The topic's name, typed again by the user.
    #[serde(default)]
    pub confirm: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EmptyTopicResult {
    pub name: String,
    pub partitions: Vec<EmptiedPartition>,
}

/// The partition's first offset before and after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmptiedPartition {
    pub partition: i32,
    pub from: Offset,
    pub to: Offset,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeleteTopic {
    pub name: String,
    /// The topic's name, typed again by the user.
    #[serde(default)]
    pub confirm: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeleteTopicResult {
    pub name: String,
}

fn is_zero(count: &u32) -> bool {
    *count == 0
}
