//! The cluster: requests and their replies.

use serde::{Deserialize, Serialize};

use crate::{Cluster, ErrorBody};

/// Requests the content of `welcome` and `cluster_changed`; answered without asking Kafka, even if no broker is
/// reachable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ClusterRequest {}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClusterResult {
    pub cluster: Cluster,
}

/// Requests the state of the brokers and partitions from Kafka.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ClusterDetailsRequest {}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClusterDetailsResult {
    pub details: ClusterDetails,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ClusterDetails {
    /// The broker id of the controller; null if there is none.
    pub controller: Option<i32>,
    /// The brokers that are up, and (`up: false`) those that are down but hold a replica of some partition.
    pub brokers: Vec<BrokerDetails>,
    pub topics: u32,
    pub partitions: u32,
    /// Partitions with fewer in-sync replicas than replicas.
    pub under_replicated: u32,
    /// Partitions without a leader, which cannot be read or written.
    pub offline: u32,
    /// The under-replicated and offline partitions, offline ones first, at most [`ClusterDetails::MAX_TROUBLED`].
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

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BrokerDetails {
    pub id: i32,
    /// Empty for a broker that is down.
    pub host: String,
    pub port: u16,
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

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SupportedLevels {
    pub broker: i32,
    pub min: i16,
    pub max: i16,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnhealthyPartition {
    pub topic: String,
    pub partition: i32,
    /// Null for an offline partition.
    pub leader: Option<i32>,
    pub replicas: Vec<i32>,
    pub in_sync: Vec<i32>,
}
