//! The cluster: requests and their replies.

use serde::{Deserialize, Serialize};

use crate::{Cluster, ErrorBody};

/// Requests the content of `welcome` and `cluster_changed`; answered without asking Kafka, even if no broker is
/// reachable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ClusterRequest {}

/// The socket's cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ClusterResult {
    /// The same as in `welcome` and `cluster_changed`.
    pub cluster: Cluster,
}

/// Requests the state of the brokers and partitions from Kafka.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ClusterDetailsRequest {}

/// The state of the brokers and partitions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ClusterDetailsResult {
    /// The state of the brokers and partitions.
    pub details: ClusterDetails,
}

/// The state of the brokers and partitions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ClusterDetails {
    /// The broker id of the controller; null if there is none.
    pub controller: Option<i32>,
    /// The brokers that are up, and (`up: false`) those that are down but hold a replica of some partition.
    pub brokers: Vec<BrokerDetails>,
    /// The number of topics.
    pub topics: u32,
    /// The number of partitions of all topics.
    pub partitions: u32,
    /// Partitions with fewer in-sync replicas than replicas.
    pub under_replicated: u32,
    /// Partitions without a leader, which cannot be read or written.
    pub offline: u32,
    /// The under-replicated and offline partitions, offline ones first, at most 1,000.
    pub troubled: Vec<UnhealthyPartition>,
    /// Sorted by name. Empty if the brokers have no features (with ZooKeeper); null if no broker reported them.
    #[serde(default)]
    pub features: Option<Vec<ClusterFeature>>,
    /// Why a broker did not report its features, and perhaps not its version; absent if all did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub features_error: Option<ErrorBody>,
}

impl ClusterDetails {
    /// How many partitions `troubled` lists at most; the counts are always complete.
    pub const MAX_TROUBLED: usize = 1000;
}

/// The state of a broker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BrokerDetails {
    /// The broker id.
    pub id: i32,
    /// Empty for a broker that is down.
    pub host: String,
    /// 0 for a broker that is down.
    pub port: u16,
    /// Whether the broker is part of the cluster now.
    pub up: bool,
    /// Null if the broker has no rack.
    pub rack: Option<String>,
    /// The release of the broker ("4.3"), according to the newest `metadata.version` that it supports. Without one
    /// (ZooKeeper), the protocol version between brokers ("3.9-IV0"), which may be older than the broker. Null if the
    /// broker reports neither; Kafka has no request for the version of a broker.
    pub version: Option<String>,
    /// The broker is newer than every release that the bridge knows; `version` is the newest of those.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub version_or_newer: bool,
    /// Partitions whose leader is this broker.
    pub leads: u32,
    /// Replicas on this broker, including those of partitions that it leads.
    pub replicas: u32,
}

/// A feature that brokers support at several levels, and that the cluster uses at one level.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ClusterFeature {
    /// `metadata.version`, `group.version` …
    pub name: String,
    /// The level that the cluster uses, 0 for none; null if no broker reported it.
    pub finalized: Option<i16>,
    /// Kafka's name of that level ("4.3-IV0"). Null for features whose levels have no names, and for levels that the
    /// bridge does not know.
    pub release: Option<String>,
    /// The supported levels of each broker that reported them. A missing broker does not support the feature, or did
    /// not report it.
    pub supported: Vec<SupportedLevels>,
}

/// The levels of a feature that a broker supports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SupportedLevels {
    /// The broker id.
    pub broker: i32,
    /// The lowest level.
    pub min: i16,
    /// The highest level.
    pub max: i16,
}

/// An under-replicated or offline partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct UnhealthyPartition {
    /// The name of the topic.
    pub topic: String,
    /// The number of the partition, from 0.
    pub partition: i32,
    /// Null for an offline partition.
    pub leader: Option<i32>,
    /// The broker ids of all replicas.
    pub replicas: Vec<i32>,
    /// The broker ids of the in-sync replicas.
    pub in_sync: Vec<i32>,
}
