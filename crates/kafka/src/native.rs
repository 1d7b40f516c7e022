//! The parts of librdkafka's C API that the `rdkafka` crate does not wrap. This is the bridge's only unsafe code,
//! behind safe functions.
#![allow(unsafe_code)]

mod admin;
mod c_string;
mod client;
mod cluster;
mod commits;
mod configs;
mod connecting;
mod consuming;
mod credentials;
mod group_offsets;
mod groups;
mod oauth;
mod offsets;
mod partitioning;
mod producing;
mod queue;
mod topic_changes;
mod topics;

pub use self::admin::{Failure, PartitionEntry};
pub use self::client::KafkaClient;
pub use self::cluster::{describe_cluster, fetch_brokers, shorten_mock_heartbeats};
pub use self::commits::{CommitQueue, CommittedPosition, committed_positions, store_position};
pub use self::configs::{ConfigResource, Setting, alter_topic_config, describe_config};
pub use self::connecting::{Admission, connect_when_admitted, was_not_admitted};
pub use self::consuming::{DataQueue, TakenMessage, fetched_high_watermark};
pub use self::credentials::CredentialsSlot;
pub use self::group_offsets::{alter_offsets, committed, delete_offsets};
pub use self::groups::{DEAD, DescribedGroup, delete_group, describe_groups, list_groups};
pub use self::oauth::TokenSlot;
pub use self::offsets::{OffsetSpec, Offsets, list_offsets};
pub use self::partitioning::partition_of;
pub use self::producing::{DeliveryQueue, DeliveryReport, PlainRecord, ProducerEvent, produce_batch, report_of};
pub use self::topic_changes::{add_partitions, create_topic, delete_all_records, delete_topic};
pub use self::topics::{ExistingTopic, TopicQueue, describe_topics};
