//! The cluster as a whole: the messages that ask for it, and their answers.

use serde::{Deserialize, Serialize};

use crate::Cluster;

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
    /// What the broker says of its version (a protocol or metadata version: Kafka tells clients no other); null where it
    /// says nothing.
    pub version: Option<String>,
    /// Partitions that it leads.
    pub leads: u32,
    /// Replicas that it holds, those that it leads included.
    pub replicas: u32,
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
