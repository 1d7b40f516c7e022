//! The details of the cluster: brokers, controller, features, under-replicated and offline partitions.

use std::collections::BTreeMap;

use protocol::{BrokerDetails, ClusterDetails, ErrorBody, ErrorCode, UnhealthyPartition};
use rdkafka::metadata::Metadata;

use super::{Admin, refused};
use crate::metadata_client::TIMEOUT;
use crate::native::{self, ConfigResource, Failure};

impl Admin {
    /// Brokers with racks and versions, features, and the under-replicated and offline partitions.
    ///
    /// # Errors
    /// If the metadata or the description of the cluster cannot be fetched. A failed request for features is reported
    /// in the result.
    pub fn cluster_details(&self) -> Result<ClusterDetails, ErrorBody> {
        let metadata = self.metadata(None)?;
        let mut details = health(&metadata);
        if self.connection.demo {
            // The mock does not support the requests for the controller and for features.
            let message = "the demo broker does not report features; use a real Kafka";
            details.features_error = Some(ErrorBody::new(ErrorCode::NotOnThisCluster, message));
            return Ok(details);
        }
        let failed = |failure: Failure| refused(&failure, "describe the cluster");
        let described = native::describe_cluster(self.client(), TIMEOUT).map_err(failed)?;
        details.controller = described.controller;
        let features = self.features(&details.brokers);
        for (id, rack) in described.racks {
            if let Some(broker) = details.brokers.iter_mut().find(|broker| broker.id == id) {
                broker.rack = rack.filter(|rack| !rack.is_empty());
                match features.release(id) {
                    Some(release) => {
                        broker.version = Some(release.name.to_owned());
                        broker.version_or_newer = release.or_newer;
                    }
                    None => broker.version = self.protocol_between_brokers(id),
                }
            }
        }
        details.features = features.features();
        details.features_error = features.error();
        Ok(details)
    }

    /// The setting that shows the version of a broker without `metadata.version` (before KRaft).
    fn protocol_between_brokers(&self, broker: i32) -> Option<String> {
        let settings = native::describe_config(self.client(), ConfigResource::Broker(broker), TIMEOUT).ok()?;
        settings.into_iter().find(|setting| setting.name == "inter.broker.protocol.version")?.value
    }
}

fn health(metadata: &Metadata) -> ClusterDetails {
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let mut brokers: BTreeMap<i32, BrokerDetails> = metadata
        .brokers()
        .iter()
        .map(|broker| {
            let port = u16::try_from(broker.port()).unwrap_or(0);
            (broker.id(), broker_details(broker.id(), broker.host(), port, true))
        })
        .collect();
    let mut details = ClusterDetails { topics: count(metadata.topics().len()), ..ClusterDetails::default() };
    let (mut offline, mut under_replicated) = (Vec::new(), Vec::new());
    for topic in metadata.topics() {
        for partition in topic.partitions() {
            details.partitions += 1;
            for replica in partition.replicas() {
                brokers.entry(*replica).or_insert_with(|| broker_details(*replica, "", 0, false)).replicas += 1;
            }
            if let Some(leader) = brokers.get_mut(&partition.leader()) {
                leader.leads += 1;
            }
            let unhealthy = || UnhealthyPartition {
                topic: topic.name().to_owned(),
                partition: partition.id(),
                leader: (partition.leader() >= 0).then_some(partition.leader()),
                replicas: partition.replicas().to_vec(),
                in_sync: partition.isr().to_vec(),
            };
            let is_under_replicated = partition.isr().len() < partition.replicas().len();
            details.under_replicated += u32::from(is_under_replicated);
            if partition.leader() < 0 {
                offline.push(unhealthy());
            } else if is_under_replicated {
                under_replicated.push(unhealthy());
            }
        }
    }
    details.offline = count(offline.len());
    details.brokers = brokers.into_values().collect();
    for partitions in [&mut offline, &mut under_replicated] {
        partitions.sort_by(|a, b| (&a.topic, a.partition).cmp(&(&b.topic, b.partition)));
    }
    details.troubled = offline.into_iter().chain(under_replicated).take(ClusterDetails::MAX_TROUBLED).collect();
    details
}

fn broker_details(id: i32, host: &str, port: u16, up: bool) -> BrokerDetails {
    BrokerDetails {
        id,
        host: host.to_owned(),
        port,
        up,
        rack: None,
        version: None,
        version_or_newer: false,
        leads: 0,
        replicas: 0,
    }
}
