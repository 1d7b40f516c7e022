//! The cluster as a whole: the messages that ask for it, and their answers.

use serde::{Deserialize, Serialize};

use crate::{Cluster, ErrorBody};

/// Asks for what `welcome` and `cluster_changed` tell: answered from memory, also while Kafka is away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ClusterRequest {}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClusterResult {
    pub cluster: Cluster,
}

/// Asks Kafka for its state of health.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ClusterDetailsRequest {}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClusterDetailsResult {
    pub details: ClusterDetails,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ClusterDetails {
    /// The broker id of the controller; null while there is none.
    pub controller: Option<i32>,
    /// Those that are up, and (`up: false`) those that some partition has a replica on.
    pub brokers: Vec<BrokerDetails>,
    pub topics: u32,
    pub partitions: u32,
    /// Partitions with fewer replicas in sync than they have.
    pub under_replicated: u32,
    /// Partitions without a leader: nobody can read or write them.
    pub offline: u32,
    /// The partitions counted in the two fields above, offline ones first, at most [`ClusterDetails::MAX_TROUBLED`].
    pub troubled: Vec<TroubledPartition>,
    /// By name; empty where the brokers have none (those with ZooKeeper), null where no broker tells.
    #[serde(default)]
    pub features: Option<Vec<ClusterFeature>>,
    /// Why a broker does not tell its features, and so perhaps not its version; absent where all tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub features_error: Option<ErrorBody>,
}

impl ClusterDetails {
    /// How many partitions in trouble are named; the counts are always complete.
    pub const MAX_TROUBLED: usize = 1000;
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BrokerDetails {
    pub id: i32,
    /// Empty for a broker that is down.
    pub host: String,
    pub port: u16,
    pub up: bool,
    /// Null where the broker is in no rack.
    pub rack: Option<String>,
    /// The release that the broker belongs to ("4.3"), by the newest `metadata.version` that it knows; where it knows none
    /// (ZooKeeper), the protocol that it speaks with other brokers ("3.9-IV0"), which may be older than the broker. Null
    /// where it tells neither: Kafka has no word for a broker's version itself.
    pub version: Option<String>,
    /// The broker is newer than every release that the bridge knows; `version` is the last of those.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub version_or_newer: bool,
    /// Partitions that it leads.
    pub leads: u32,
    /// Replicas that it holds, those that it leads included.
    pub replicas: u32,
}

/// Something that brokers can do at several levels, and that the cluster does at one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterFeature {
    /// `metadata.version`, `group.version` …
    pub name: String,
    /// The level that is in force in the cluster, 0 for none; null where no broker tells.
    pub finalized: Option<i16>,
    /// What Kafka calls that level ("4.3-IV0"); null for features whose levels have no names, and for levels newer than the
    /// bridge knows.
    pub release: Option<String>,
    /// What each broker that tells could do, by broker id. A broker that is missing cannot do it at all, or does not tell.
    pub supported: Vec<SupportedLevels>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SupportedLevels {
    pub broker: i32,
    pub min: i16,
    pub max: i16,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TroubledPartition {
    pub topic: String,
    pub partition: i32,
    /// Null: offline.
    pub leader: Option<i32>,
    pub replicas: Vec<i32>,
    pub in_sync: Vec<i32>,
}
