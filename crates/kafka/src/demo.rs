//! The demo broker: librdkafka's in-process mock cluster. It speaks Kafka's protocol on a loopback port, keeps all data
//! in memory, and ends with the bridge.

use protocol::TopicName;
use rdkafka::ClientConfig;
use rdkafka::client::Client;
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::metadata::Metadata;
use rdkafka::types::RDKafkaType;

use super::context::ClientHooks;
use super::metadata_client::QuietContext;
use super::native;

/// The largest number of partitions of a topic. A partition without records takes about 4 KiB of this process's memory.
pub const MAX_PARTITIONS: i32 = 1000;

/// The mock's default for topics that are created automatically.
pub const DEFAULT_PARTITIONS: i32 = 4;

/// The largest number of topics, and of partitions of all topics together, up to which the bridge creates topics. They
/// take 200 MiB.
const MAX_TOPICS: usize = 10_000;
const MAX_TOTAL_PARTITIONS: usize = 50_000;

/// The error text if a new topic with this many partitions would exceed the limits. `metadata`: that of all topics.
pub fn limit_exceeded_by(partitions: i32, metadata: &Metadata) -> Option<String> {
    let topics = metadata.topics().len();
    let existing: usize = metadata.topics().iter().map(|topic| topic.partitions().len()).sum();
    let more = usize::try_from(partitions).unwrap_or(0);
    let is_full = topics >= MAX_TOPICS || existing + more > MAX_TOTAL_PARTITIONS;
    is_full.then(|| {
        format!(
            "the demo broker keeps its topics in memory and has {topics} topics with {existing} partitions already; its limits \
             are {MAX_TOPICS} topics and {MAX_TOTAL_PARTITIONS} partitions: use an existing topic, or a real Kafka"
        )
    })
}

pub struct DemoBroker {
    client: Client<QuietContext>,
    bootstrap_servers: String,
}

impl DemoBroker {
    /// Starts the broker with one topic of one partition, which is Kafka's default for automatically created topics.
    ///
    /// # Errors
    /// If librdkafka cannot create the mock cluster.
    pub fn start(topic: &TopicName) -> KafkaResult<Self> {
        let mut config = ClientConfig::new();
        config.set("test.mock.num.brokers", "1");
        let native_config = config.create_native_config()?;
        // This client runs the mock brokers and does not connect to any.
        let context = QuietContext(ClientHooks::default());
        let client = Client::new(&config, native_config, RDKafkaType::RD_KAFKA_PRODUCER, context)?;
        native::shorten_mock_heartbeats(&client);
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

    /// Creates a topic with the mock's function, because the mock does not support the request CreateTopics.
    ///
    /// # Errors
    /// If the topic exists already.
    pub fn create_topic(&self, topic: &TopicName, partitions: i32) -> KafkaResult<()> {
        let cluster = self.client.mock_cluster().ok_or(KafkaError::ClientCreation("no mock cluster".to_owned()))?;
        cluster.create_topic(topic.as_str(), partitions, 1)
    }
}
