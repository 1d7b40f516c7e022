//! Topics: the messages that ask for them and change them, and their answers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{ErrorBody, Offset};

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TopicsRequest {}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TopicsResult {
    /// By name.
    pub topics: Vec<TopicSummary>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TopicSummary {
    pub name: String,
    pub partitions: u32,
    /// The smallest number of replicas among its partitions.
    pub replication: u32,
    /// One of Kafka's own: its name begins with `__`.
    pub internal: bool,
    /// How many offsets lie between the low and the high end of its partitions: the records that are there, except where
    /// compaction or transactions left holes. Null where a partition did not tell.
    #[serde(default)]
    pub records: Option<u64>,
    /// Records written per second since the last look; only in a live view, from its second look on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
    /// Partitions with fewer replicas in sync than they have.
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
    /// By name; empty where Kafka does not tell (`settings_error`).
    #[serde(default)]
    pub settings: Vec<TopicSetting>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings_error: Option<ErrorBody>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionInfo {
    pub partition: i32,
    /// The leader's broker id; null while there is none.
    pub leader: Option<i32>,
    pub replicas: Vec<i32>,
    pub in_sync: Vec<i32>,
    /// The replicas whose broker is down.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub offline: Vec<i32>,
    /// The first offset still there, and the next one to be written; both 0 where `offsets_unknown`.
    pub low: Offset,
    pub high: Offset,
    /// The partition has no leader, or its leader did not report its offsets. It may hold records.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub offsets_unknown: bool,
}

impl PartitionInfo {
    /// How many offsets lie between `low` and `high`; `None` where Kafka did not report them.
    pub fn records(&self) -> Option<u64> {
        let is_known = self.leader.is_some() && !self.offsets_unknown;
        is_known.then(|| u64::try_from(self.high.0.saturating_sub(self.low.0)).unwrap_or(0))
    }
}

/// One entry of a topic's configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopicSetting {
    pub name: String,
    /// Null where it is sensitive, or not set.
    pub value: Option<String>,
    /// What it would be without the topic's own setting; null where Kafka does not say.
    #[serde(default)]
    pub default: Option<String>,
    pub source: SettingSource,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub read_only: bool,
    /// The value is not shown.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sensitive: bool,
    /// What it does, where the bridge knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub documentation: Option<String>,
}

/// Who chose a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SettingSource {
    /// The topic itself: it differs from its surroundings.
    Topic,
    /// Set at run time for one broker.
    Broker,
    /// Set at run time for all brokers.
    Cluster,
    /// The broker's configuration file.
    File,
    /// Kafka.
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

/// Changes the named settings and leaves the others as they are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlterTopicConfig {
    pub name: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub set: BTreeMap<String, String>,
    /// Settings that go back to their default.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub delete: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlterTopicConfigResult {
    pub name: String,
    /// What differs now; empty where every value was so already.
    pub changes: Vec<SettingChange>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingChange {
    pub name: String,
    /// Null where it is sensitive.
    pub from: Option<String>,
    pub to: Option<String>,
}

/// Gives the topic more partitions; records that are there stay where they are, keys may go elsewhere from now on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AddPartitions {
    pub name: String,
    /// How many it has afterwards.
    pub partitions: i32,
    /// The topic's name once more, typed by the user.
    #[serde(default)]
    pub confirm: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AddPartitionsResult {
    pub name: String,
    /// How many it had.
    pub from: i32,
    pub partitions: i32,
}

/// Deletes every record that is there now; the topic stays.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EmptyTopic {
    pub name: String,
    /// The topic's name once more, typed by the user.
    #[serde(default)]
    pub confirm: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EmptyTopicResult {
    pub name: String,
    pub partitions: Vec<EmptiedPartition>,
}

/// The first offset still there, before and after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmptiedPartition {
    pub partition: i32,
    pub from: Offset,
    pub to: Offset,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeleteTopic {
    pub name: String,
    /// The topic's name once more, typed by the user.
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
