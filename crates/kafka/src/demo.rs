//! The demo broker: librdkafka's in-process mock cluster. It speaks the real protocol on a loopback port, keeps
//! everything in memory, and ends with the bridge.

use protocol::TopicName;
use rdkafka::ClientConfig;
use rdkafka::client::Client;
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::metadata::Metadata;
use rdkafka::types::RDKafkaType;

use super::context::ClientHooks;
use super::metadata_client::QuietContext;
use super::native;

/// What a topic may have here. Everything is in this process's memory, a partition without records about 4 KiB.
pub const MAX_PARTITIONS: i32 = 1000;

/// The mock's own default for topics that are created by use.
pub const DEFAULT_PARTITIONS: i32 = 4;

/// Topics, and partitions of all of them, that the bridge creates, by request or by sending to them: 200 MiB.
const MAX_TOPICS: usize = 10_000;
const MAX_PARTITIONS_IN_ALL: usize = 50_000;

/// Why the demo broker gets no other topic with so many partitions. `metadata`: all topics that it has.
pub fn no_room_for(partitions: i32, metadata: &Metadata) -> Option<String> {
    let topics = metadata.topics().len();
    let existing: usize = metadata.topics().iter().map(|topic| topic.partitions().len()).sum();
    let more = usize::try_from(partitions).unwrap_or(0);
    let is_full = topics >= MAX_TOPICS || existing + more > MAX_PARTITIONS_IN_ALL;
    is_full.then(|| {
        format!(
            "the demo broker has {topics} topics with {existing} partitions and keeps them in memory: at most {MAX_TOPICS} \
             topics and {MAX_PARTITIONS_IN_ALL} partitions are created; use one of them, or a real Kafka"
        )
    })
}

pub struct DemoBroker {
    client: Client<QuietContext>,
    bootstrap_servers: String,
}

impl DemoBroker {
    /// Starts it with one topic of one partition, as a fresh Kafka creates topics on first use.
    pub fn start(topic: &TopicName) -> KafkaResult<Self> {
        let mut config = ClientConfig::new();
        config.set("test.mock.num.brokers", "1");
        let native_config = config.create_native_config()?;
        // This client runs the brokers and connects to none.
        let context = QuietContext(ClientHooks::default());
        let client = Client::new(&config, native_config, RDKafkaType::RD_KAFKA_PRODUCER, context)?;
        native::hasten_mock_groups(&client);
        let bootstrap_servers = {
            let cluster = client.mock_cluster().ok_or(KafkaError::ClientCreation("no mock cluster".to_owned()))?;
            cluster.create_topic(topic.as_str(), 1, 1)?;
            cluster.bootstrap_servers()
        };
        Ok(Self { client, bootstrap_servers })
    }

    pub fn bootstrap_servers(&self) -> &str {
        &self.bootstrap_servers
    }

    /// The mock has no CreateTopics request; this is its own way.
    pub fn create_topic(&self, topic: &TopicName, partitions: i32) -> KafkaResult<()> {
        let cluster = self.client.mock_cluster().ok_or(KafkaError::ClientCreation("no mock cluster".to_owned()))?;
        cluster.create_topic(topic.as_str(), partitions, 1)
    }
}
