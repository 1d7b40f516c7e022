//! The state of the cluster: brokers, controller, under-replicated and offline partitions.

use std::collections::BTreeMap;

use protocol::{BrokerDetails, ClusterDetails, ErrorBody, ErrorCode, TroubledPartition};
use rdkafka::metadata::Metadata;

use super::{Admin, refused};
use crate::metadata_client::TIMEOUT;
use crate::native::{self, Configured, Failure};

impl Admin {
    /// Brokers with their racks and versions, and what is wrong with their partitions.
    pub fn cluster_details(&self) -> Result<ClusterDetails, ErrorBody> {
        let metadata = self.metadata(None)?;
        let mut details = health(&metadata);
        if self.connection.demo {
            // The mock has no controller, which librdkafka would ask, and no features.
            let message = "the demo broker has no features; a real Kafka tells them";
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

    /// Brokers that know no metadata versions have the next best among their settings.
    fn protocol_between_brokers(&self, broker: i32) -> Option<String> {
        let settings = native::describe_config(self.client(), Configured::Broker(broker), TIMEOUT).ok()?;
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
            let trouble = || TroubledPartition {
                topic: topic.name().to_owned(),
                partition: partition.id(),
                leader: (partition.leader() >= 0).then_some(partition.leader()),
                replicas: partition.replicas().to_vec(),
                in_sync: partition.isr().to_vec(),
            };
            let lacks_replicas = partition.isr().len() < partition.replicas().len();
            details.under_replicated += u32::from(lacks_replicas);
            if partition.leader() < 0 {
                offline.push(trouble());
            } else if lacks_replicas {
                under_replicated.push(trouble());
            }
        }
    }
    details.offline = count(offline.len());
    details.brokers = brokers.into_values().collect();
    for troubled in [&mut offline, &mut under_replicated] {
        troubled.sort_by(|a, b| (&a.topic, a.partition).cmp(&(&b.topic, b.partition)));
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
